package admin

import (
	"hongbao/campaign"
	"hongbao/internal/money"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// reasons names why a registration was refused or excluded.
var reasons = map[string][2]string{
	"age": {"年龄不符", "Age"}, "district": {"不在指定区县", "District"}, "document": {"证件号码有误", "Document"}, "duplicate": {"重复登记", "Duplicate"},
	"eligibility": {"不符合参加条件", "Not eligible"}, "evidence": {"名单中查无此人", "No evidence"}, "location": {"不在本市", "Location"}, "name": {"姓名有误", "Name"},
	"phone": {"手机号有误", "Phone"}, "sms-code": {"短信验证码有误", "SMS code"}, "unconfirmed": {"未按时确认", "Not confirmed in time"}, "withdrawn": {"本人撤回", "Withdrawn"},
}

func reasonName(c *gin.Context, code string) string {
	name, ok := reasons[code]
	if !ok {
		return code
	}
	return web.Tr(c, name[0], name[1])
}

// registrations is how a campaign's registration goes, in counts: who registered is sealed, and opened for nobody here.
func (k *Console) registrations(c *gin.Context) (page, error) {
	shown := page{Title: web.Tr(c, "登记", "Registrations"), State: web.Tr(c, "身份信息加密保存，本页只显示数量。", "Identity is sealed; this page shows counts only.")}
	chosen, ok, err := k.chosenCampaign(c)
	if err != nil || !ok {
		return noCampaign(c, shown), err
	}
	field, err := k.oneCampaignField(c, chosen.Slug)
	if err != nil {
		return shown, err
	}
	registered, err := k.Campaigns.Registered(c.Request.Context(), chosen.ID)
	if err != nil {
		return shown, err
	}
	excluded, err := k.Campaigns.ExcludedCounts(c.Request.Context(), chosen.ID)
	if err != nil {
		return shown, err
	}
	refused, err := k.Campaigns.Refused(c.Request.Context(), chosen.ID)
	if err != nil {
		return shown, err
	}
	book, err := k.Campaigns.RuleBook(c.Request.Context(), chosen.ID)
	if err != nil {
		return shown, err
	}
	shown.Blocks = []block{{Filters: filters(c, field)}, {Figures: []web.Figure{
		{Label: web.Tr(c, "有效登记", "Registered"), Value: web.Count(registered), Unit: web.Tr(c, "人", "")},
		{Label: web.Tr(c, "红包", "Envelopes"), Value: web.Count(book.Envelopes()), Unit: web.Tr(c, "个", "")},
		{Label: web.Tr(c, "目前中签率", "Chance so far"), Value: web.Share(min(book.Envelopes(), registered), registered)},
		{Label: web.Tr(c, "已排除", "Excluded"), Value: web.Count(total(excluded))},
		{Label: web.Tr(c, "未受理", "Refused"), Value: web.Count(total(refused))}}},
		{Columns: []block{{Title: web.Tr(c, "未受理原因", "Why refused"), Table: reasonTable(c, refused)}, {Title: web.Tr(c, "排除原因", "Why excluded"), Table: reasonTable(c, excluded)}}}}
	return shown, nil
}

func total(counts []campaign.ReasonCount) (sum int64) {
	for _, one := range counts {
		sum += one.Count
	}
	return sum
}

func reasonTable(c *gin.Context, counts []campaign.ReasonCount) *web.Table {
	table := web.Table{Caption: web.Tr(c, "原因", "Reasons"), Columns: heads(c, "原因", "Reason", "#次数", "#Count"), Empty: web.Empty{Title: web.Tr(c, "没有", "None")}}
	for _, one := range counts {
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.Text(reasonName(c, one.Reason)), web.Number(one.Count)}})
	}
	return &table
}

// campaignFigures are the numbers that a campaign is about.
func (k *Console) campaignFigures(c *gin.Context, one campaign.Campaign, book *campaign.RuleBook) ([]web.Figure, error) {
	registered, err := k.Campaigns.Registered(c.Request.Context(), one.ID)
	if err != nil {
		return nil, err
	}
	balances, err := k.Money.Balances(c.Request.Context(), one.ID)
	if err != nil {
		return nil, err
	}
	sums := map[string]money.Fen{}
	for _, b := range balances {
		sums[b.Kind] += b.AmountFen
	}
	yuan := web.Tr(c, "元", "yuan")
	credited := sums["issued"] + sums["spent"]
	return []web.Figure{
		{Label: web.Tr(c, "预算", "Budget"), Value: web.Yuan(one.Budget), Unit: yuan, Note: web.Tr(c, web.Count(book.Envelopes())+" 个红包", web.Count(book.Envelopes())+" envelopes")},
		{Label: web.Tr(c, "有效登记", "Registered"), Value: web.Count(registered), Unit: web.Tr(c, "人", "")},
		{Label: web.Tr(c, "资金到位", "Received"), Value: web.Yuan(-sums["source"]), Unit: yuan, Note: web.Share(-sums["source"], one.Budget)},
		{Label: web.Tr(c, "在钱包中", "In wallets"), Value: web.Yuan(sums["issued"]), Unit: yuan},
		{Label: web.Tr(c, "已消费", "Spent"), Value: web.Yuan(sums["spent"]), Unit: yuan, Note: web.Share(sums["spent"], credited)},
		{Label: web.Tr(c, "已收回", "Taken back"), Value: web.Yuan(sums["recalled"] + sums["returned"]), Unit: yuan},
	}, nil
}
