package admin

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"strings"

	"hongbao/campaign"
	"hongbao/internal/fault"
	"hongbao/internal/staff"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

const merchantPage = 100

// merchants lists where a campaign's envelopes may be spent.
func (k *Console) merchants(c *gin.Context) (page, error) {
	shown, chosen, field, err := k.onCampaign(c, page{Title: web.Tr(c, "商户", "Merchants"), State: web.Tr(c, "只有名单内、状态正常的商户可以收红包。", "Only listed merchants in good standing take envelopes.")})
	if err != nil || chosen.ID == 0 {
		return shown, err
	}
	list, err := k.Campaigns.Merchants(c.Request.Context(), chosen.ID, campaign.MerchantFilter{Words: strings.TrimSpace(c.Query("words")), District: c.Query("district"), Status: c.Query("status"), After: c.Query("after"), Limit: merchantPage})
	if err != nil {
		return shown, err
	}
	book, err := k.Campaigns.RuleBook(c.Request.Context(), chosen.ID)
	if err != nil {
		return shown, err
	}
	table := web.Table{Caption: shown.Title, Columns: heads(c, "商户", "Merchant", "区县", "District", "类别", "Class", "状态", "Status", "场景", "Scenarios", "#限额（元）", "#Cap (yuan)"),
		Empty: web.Empty{Title: web.Tr(c, "没有符合条件的商户", "No merchant matches"), Text: web.Tr(c, "商户随规则书建立，也可以在下面导入名单。", "Merchants come with the rule book, or are imported below.")}}
	for _, m := range list {
		table.Rows = append(table.Rows, merchantRow(c, book, m))
	}
	if len(list) == merchantPage {
		table.Next = nextFrom(c, "/console/merchants", "after", list[len(list)-1].No)
	}
	shown.Blocks = []block{{Filters: merchantFilter(c, field, book)}, {Table: &table}}
	if k.may(web.ActorOf(c), staff.MerchantsEdit) {
		shown.Blocks = append(shown.Blocks, block{Acts: []act{merchantImport(c, chosen), merchantAct(c, chosen)}})
	}
	return shown, nil
}

func merchantFilter(c *gin.Context, field web.Field, book *campaign.RuleBook) *web.Form {
	status := anyStatusField(c, campaign.MerchantActive, campaign.MerchantSuspended)
	words := web.Field{Name: "words", Label: web.Tr(c, "名称、地址或商户号", "Name, address or number"), MaxLength: 30, Value: c.Query("words"), Autocomplete: "off"}
	return filters(c, field, words, districtField(c, book), status)
}

func merchantRow(c *gin.Context, book *campaign.RuleBook, m campaign.ListedMerchant) web.Row {
	name, limit := web.Text(m.Name), web.Text("")
	name.Note = m.No
	if m.Cap > 0 {
		limit = web.Money(m.Cap)
	}
	district, _ := book.District(m.District)
	scenarios := make([]string, len(m.Scenarios))
	for i, code := range m.Scenarios {
		scenario, _ := book.Scenario(code)
		scenarios[i] = cmp.Or(scenario.Title.In(web.Locale(c)), code)
	}
	return web.Row{Cells: []web.Cell{name, web.Text(cmp.Or(district.Title.In(web.Locale(c)), m.District)), web.Text(m.Class), web.State(m.Status),
		web.Text(strings.Join(scenarios, web.Tr(c, "、", ", "))), limit}}
}

func merchantImport(c *gin.Context, chosen campaign.Campaign) act {
	return act{Title: web.Tr(c, "导入商户名单", "Import merchants"), Text: web.Tr(c, "CSV 或 Excel，列名：no、name、district、class、pay_modes、scenarios、app、address、lat、lng、cap、acquirer；已在名单的更新资料、状态不变。", "CSV or Excel with the columns no, name, district, class, pay_modes, scenarios, app, address, lat, lng, cap, acquirer; one that is listed gets the new particulars and keeps its status."),
		Form: web.Form{Action: "/console/merchants/" + chosen.Slug + "/import", Upload: true, Submit: web.Tr(c, "导入", "Import"), Fields: []web.Field{
			{Name: "file", Label: web.Tr(c, "文件", "File"), Type: "file", Accept: ".csv,.xlsx", Required: true}}}}
}

func (k *Console) importMerchants(c *gin.Context) (page, error) {
	return k.imported(c, k.merchants, func(slug string, file io.Reader) (campaign.Import, error) {
		return k.Campaigns.ImportMerchants(c.Request.Context(), web.ActorOf(c).Username, slug, file)
	})
}

func merchantAct(c *gin.Context, chosen campaign.Campaign) act {
	status := web.Field{Name: "to", Label: web.Tr(c, "改为", "New status"), Type: "select", Value: c.PostForm("to")}
	for _, code := range []string{campaign.MerchantSuspended, campaign.MerchantActive} {
		status.Options = append(status.Options, web.Option{Value: code, Label: web.StatusOf(web.Locale(c), code).Word})
	}
	return act{Title: web.Tr(c, "更改商户状态", "Change a merchant's status"), Text: web.Tr(c, "停用后立即不能再收红包；暂缓结算在「商户结算」办理。", "A suspended merchant takes no envelope from now on; settlement is held on the page of settlements."),
		Form: web.Form{Action: "/console/merchants/" + chosen.Slug, Submit: web.Tr(c, "更改状态", "Change"), Danger: true, Fields: []web.Field{
			{Name: "no", Label: web.Tr(c, "商户号", "Merchant number"), Required: true, Value: c.PostForm("no"), Autocomplete: "off"}, status,
			{Name: "reason", Label: web.Tr(c, "理由", "Reason"), Required: true, MaxLength: 200, Value: c.PostForm("reason")}}}}
}

func (k *Console) setMerchant(c *gin.Context) (string, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return "", err
	}
	if c.PostForm("no") == "" {
		return "", fault.Field("no", "required", "请填写商户号。", "A merchant number is required.")
	}
	err = k.Campaigns.SetMerchantStatus(c.Request.Context(), web.ActorOf(c).Username, found.Slug, c.PostForm("no"), c.PostForm("to"), c.PostForm("reason"))
	return done(fmt.Sprintf("/console/merchants?campaign=%s", url.QueryEscape(found.Slug)), "saved"), err
}
