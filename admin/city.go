package admin

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"

	"hongbao/campaign"
	"hongbao/internal/money"
	"hongbao/internal/web"
	"hongbao/reporting"

	"github.com/gin-gonic/gin"
)

// cityFigures is what a city tells about a campaign, each number from the ledger or held against it.
func (k *Console) cityFigures(c *gin.Context) (page, error) {
	shown, chosen, field, err := k.onCampaign(c, page{Title: web.Tr(c, "活动成效", "Results"), State: web.Tr(c, "金额均已减退款；每张图各项之和都等于账本中的已消费。", "All amounts are net of refunds, and each chart adds up to what the ledger says was spent.")})
	if err != nil || chosen.ID == 0 {
		return shown, err
	}
	book, err := k.Campaigns.RuleBook(c.Request.Context(), chosen.ID)
	if err != nil {
		return shown, err
	}
	f, err := k.Reports.CityFigures(c.Request.Context(), chosen.ID)
	if err != nil {
		return shown, err
	}
	if !f.AddsUp {
		shown.Alert = &alert{Tone: "danger", Title: web.Tr(c, "分项与账本不符", "A chart does not add up"), Text: web.Tr(c, "请勿对外发布，先运行核对。", "Do not publish; run the checks first."), Action: web.Tr(c, "对账", "Reconciliation"), URL: "/console/reconciliation?campaign=" + url.QueryEscape(chosen.Slug)}
	}
	shown.Blocks = []block{{Filters: filters(c, field)}, {Figures: cityHeadline(c, f)}}
	titles := map[string][2]string{"district": {"按区县（元）", "By district (yuan)"}, "class": {"按商户类别（元）", "By class of merchant (yuan)"}, "scenario": {"按场景（元）", "By scenario (yuan)"},
		"operator": {"按运营机构（元）", "By operator (yuan)"}, "hour": {"按钟点（元）", "By hour of the day (yuan)"}}
	var charts []block
	for _, cut := range f.Cuts {
		title := titles[cut.By]
		chart := &bars{Title: web.Tr(c, title[0], title[1])}
		var largest money.Fen
		for _, row := range cut.Rows {
			largest = max(largest, row.EnvelopeFen)
		}
		if cut.By != "hour" {
			slices.SortStableFunc(cut.Rows, func(a, b reporting.CityRow) int { return cmp.Compare(b.EnvelopeFen, a.EnvelopeFen) })
		}
		for _, row := range cut.Rows {
			chart.Rows = append(chart.Rows, bar{Label: cityLabel(c, book, cut.By, row.Code), Part: int64(row.EnvelopeFen), Whole: int64(largest), Text: web.Amount(row.EnvelopeFen), Aside: ownText(c, row)})
		}
		charts = append(charts, block{Bars: chart})
	}
	if f.Payments == 0 {
		shown.Blocks = append(shown.Blocks, block{Table: &web.Table{Empty: web.Empty{Title: web.Tr(c, "还没有消费", "Nothing spent yet"), Text: web.Tr(c, "市民用红包付款后，这里逐项显示。", "Once citizens pay with envelopes, it is shown here.")}}})
		return shown, nil
	}
	for i := 0; i < len(charts); i += 2 {
		shown.Blocks = append(shown.Blocks, block{Columns: charts[i:min(i+2, len(charts))]})
	}
	return shown, nil
}

func cityHeadline(c *gin.Context, f reporting.CityFigures) []web.Figure {
	yuan := web.Tr(c, "元", "yuan")
	note := ""
	if f.SpentFen > 0 {
		leverage := fmt.Sprintf("%.2f", float64(f.OwnFen)/float64(f.SpentFen))
		note = web.Tr(c, "每 1 元红包带动 "+leverage+" 元", leverage+" yuan for each yuan of envelopes")
	}
	return []web.Figure{
		{Label: web.Tr(c, "领取率", "Claimed"), Value: web.Share(f.Claimed, f.Awarded), Note: web.Tr(c, web.Count(f.Claimed)+" / "+web.Count(f.Awarded)+" 个", web.Count(f.Claimed)+" of "+web.Count(f.Awarded))},
		{Label: web.Tr(c, "核销率", "Redeemed"), Value: web.Share(f.SpentFen, f.CreditedFen), Note: web.Tr(c, web.Yuan(f.SpentFen)+" / "+web.Yuan(f.CreditedFen)+" 元", web.Yuan(f.SpentFen)+" of "+web.Yuan(f.CreditedFen)+" yuan")},
		{Label: web.Tr(c, "线下", "Offline"), Value: web.Share(f.OfflineFen, f.SpentFen), Note: web.Yuan(f.OfflineFen) + " " + yuan},
		{Label: web.Tr(c, "线上", "Online"), Value: web.Share(f.OnlineFen, f.SpentFen), Note: web.Yuan(f.OnlineFen) + " " + yuan},
		{Label: web.Tr(c, "带动自有资金", "Own money on top"), Value: web.Yuan(f.OwnFen), Unit: yuan, Note: note},
		{Label: web.Tr(c, "支付", "Payments"), Value: web.Count(f.Payments), Unit: web.Tr(c, "笔", "")},
	}
}

// ownText says the own money on top, where there is any.
func ownText(c *gin.Context, row reporting.CityRow) string {
	if row.OwnFen <= 0 {
		return ""
	}
	return web.Tr(c, "自有 ", "own ") + web.Amount(row.OwnFen)
}

func cityLabel(c *gin.Context, book *campaign.RuleBook, by, code string) string {
	locale := web.Locale(c)
	switch by {
	case "district":
		district, _ := book.District(code)
		return cmp.Or(district.Title.In(locale), code, web.Tr(c, "名单外", "Not listed"))
	case "scenario":
		scenario, _ := book.Scenario(code)
		return cmp.Or(scenario.Title.In(locale), code, "–")
	case "operator":
		operator, _ := book.Operator(code)
		return cmp.Or(operator.Title.In(locale), code)
	case "hour":
		return code + web.Tr(c, " 时", ":00")
	}
	return cmp.Or(code, web.Tr(c, "名单外", "Not listed"))
}
