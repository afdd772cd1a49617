package admin

import (
	"fmt"

	"hongbao/campaign"
	"hongbao/disbursement"
	"hongbao/internal/fault"
	"hongbao/internal/money"
	"hongbao/internal/staff"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// moneyRoutes are the pages of envelopes, batches, spending, reconciliation and reports.
func (k *Console) moneyRoutes(w *web.Web) {
	r := w.Engine.Group("/console")
	r.POST("/campaigns/:slug/funding", w.Staff(staff.MoneyPrepare), k.does(k.campaign, k.receiveFunding))
	r.POST("/campaigns/:slug/batches", w.Staff(staff.MoneyPrepare), k.does(k.campaign, k.prepareBatch))
	r.POST("/campaigns/:slug/return", w.Staff(staff.MoneyPrepare), k.does(k.campaign, k.returnSurplus))
	r.GET("/repairs", w.Staff(seesWork), k.show(k.repairs))
	r.GET("/batches/:slug/:id", w.Staff(seesWork), k.show(k.batch))
	r.GET("/campaigns/:slug/close-out", w.Staff(seesWork), k.show(k.closeOut))
	r.POST("/campaigns/:slug/close-out", w.Staff(staff.MoneyPrepare), k.does(k.closeOut, k.requestCloseOut))
	r.POST("/disbursement/:slug/winners", w.Staff(staff.MoneyPrepare), k.does(k.disbursement, k.requestWinners))
	r.GET("/disbursement", w.Staff(seesWork), k.show(k.disbursement))
	r.GET("/disbursement/:slug/live", w.Staff(seesWork), w.Handle(k.followDisbursement))
	r.GET("/wallets", w.Staff(seesWork), k.show(k.wallets))
	r.GET("/reconciliation", w.Staff(seesWork), k.show(k.reconciliation))
	r.GET("/reconciliation/:slug/differences/:id", w.Staff(seesWork), k.show(k.difference))
	r.POST("/reconciliation/:slug/differences/:id", w.Staff(staff.MoneyPrepare), k.does(k.difference, k.resolveDifference))
	r.GET("/results", w.Staff(seesWork), k.show(k.cityFigures))
	r.GET("/reports", w.Staff(seesWork), k.show(k.reports))
	r.GET("/reports/:slug/live", w.Staff(seesWork), w.Handle(k.followReports))
	r.POST("/reports/:slug", w.Staff(staff.ReportsMake), k.does(k.reports, k.makeReports))
}

type moneyPart struct {
	label  string
	amount money.Fen
}

// moneyParts are the places in which the money of all sources is, in the order of its way.
func moneyParts(c *gin.Context, proofs []disbursement.Proof) []moneyPart {
	var sum disbursement.Proof
	for _, p := range proofs {
		sum.NotReceived += p.NotReceived
		sum.Float += p.Float
		sum.InTransit += p.InTransit
		sum.InWallets += p.InWallets
		sum.Spent += p.Spent
		sum.Recalled += p.Recalled
		sum.Returned += p.Returned
	}
	return []moneyPart{{web.Tr(c, "未到位", "Not received"), sum.NotReceived}, {web.Tr(c, "待发放", "Float"), sum.Float}, {web.Tr(c, "在途", "In transit"), sum.InTransit},
		{web.Tr(c, "在钱包中", "In wallets"), sum.InWallets}, {web.Tr(c, "已消费", "Spent"), sum.Spent}, {web.Tr(c, "已收回", "Recalled"), sum.Recalled}, {web.Tr(c, "已退回", "Returned"), sum.Returned}}
}

// moneyTable proves the budget of each source, to the fen.
func (k *Console) moneyTable(c *gin.Context, one campaign.Campaign, book *campaign.RuleBook) (web.Table, error) {
	table := web.Table{Caption: web.Tr(c, "各来源资金（元）", "Money by source (yuan)"), Columns: heads(c, "来源", "Source", "#预算", "#Budget", "#到位", "#Received", "#待发放", "#Float", "#在途", "#In transit",
		"#在钱包中", "#In wallets", "#已消费", "#Spent", "#已收回", "#Recalled", "#已退回", "#Returned", "核对", "Proof")}
	proofs, err := k.Money.Prove(c.Request.Context(), one.ID, k.Now())
	for _, p := range proofs {
		proof := "ok"
		if !p.Holds {
			proof = "error"
		}
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.Text(sourceTitle(c, book, p.Source)), web.Money(p.Budget), web.Money(p.Received), web.Money(p.Float), web.Money(p.InTransit),
			web.Money(p.InWallets), web.Money(p.Spent), web.Money(p.Recalled), web.Money(p.Returned), web.State(proof)}})
	}
	return table, err
}

func sourceTitle(c *gin.Context, book *campaign.RuleBook, name string) string {
	for _, source := range book.Funding {
		if source.Name == name {
			return source.Title.In(web.Locale(c))
		}
	}
	return name
}

// moneyActs are what may be prepared now. Whoever prepares cannot approve.
func (k *Console) moneyActs(c *gin.Context, one campaign.Campaign, book *campaign.RuleBook) []act {
	if !k.may(web.ActorOf(c), staff.MoneyPrepare) || one.Status == campaign.Draft || one.Status == campaign.Cancelled || one.Status == campaign.Settled {
		return nil
	}
	acts := []act{fundingAct(c, one, book)}
	if one.Status != campaign.Drawn {
		return acts
	}
	address, slug := "/console/campaigns/"+one.Slug, one.Slug
	kind := web.Field{Name: "kind", Label: web.Tr(c, "批次", "Batch"), Type: "select", Value: c.PostForm("kind"), Options: []web.Option{
		{Value: disbursement.Credit, Label: web.Tr(c, "发放：已领取且钱包就绪的红包", "Credit: claimed, wallet known")},
		{Value: disbursement.Recall, Label: web.Tr(c, "收回：到期未花完的红包", "Recall: unspent at expiry")},
		{Value: disbursement.ForReissue, Label: web.Tr(c, "补发：银行明确失败的红包", "Reissue: failed for good")}}}
	return append(acts,
		act{Title: web.Tr(c, "准备资金批次", "Prepare a batch"), Text: web.Tr(c, "把所有就绪的红包汇成一批，写明笔数和金额，交另一位同事批准后才会发往银行。", "Gathers all that is ready; a second person approves the figures before a bank is told."),
			Form: web.Form{Action: address + "/batches", Submit: web.Tr(c, "准备并提交审批", "Prepare and ask"), Fields: []web.Field{kind}}},
		act{Title: web.Tr(c, "退回结余资金", "Return the surplus"), Text: web.Tr(c, "活动结束后，把收回和未发放的资金按来源退回。", "After the campaign, what was recalled or never paid goes back to its sources."),
			Form: web.Form{Action: address + "/return", Danger: true, Submit: web.Tr(c, "提交退回审批", "Ask to return"), Fields: []web.Field{confirmField(c, slug)}}})
}

func fundingAct(c *gin.Context, one campaign.Campaign, book *campaign.RuleBook) act {
	source := web.Field{Name: "source", Label: web.Tr(c, "资金来源", "Source"), Type: "select", Value: c.PostForm("source")}
	for _, s := range book.Funding {
		source.Options = append(source.Options, web.Option{Value: s.Name, Label: s.Title.In(web.Locale(c)) + " · " + web.Yuan(s.Amount) + web.Tr(c, " 元", " yuan")})
	}
	return act{Title: web.Tr(c, "登记资金到位", "Record funds received"), Text: web.Tr(c, "按银行回单填写，复核人会核对回单号。", "As on the bank's advice; the second person compares its number."),
		Form: web.Form{Action: "/console/campaigns/" + one.Slug + "/funding", Submit: web.Tr(c, "提交复核", "Ask for confirmation"), Fields: []web.Field{source,
			{Name: "amount", Label: web.Tr(c, "金额（元）", "Amount (yuan)"), InputMode: "decimal", Required: true, Value: c.PostForm("amount"), Placeholder: "20,000,000.00"},
			{Name: "evidence", Label: web.Tr(c, "银行回单号", "Number of the bank's advice"), Required: true, MaxLength: 200, Value: c.PostForm("evidence")}}}}
}

var errAmount = fault.Field("amount", "amount", "金额应为数字，最多两位小数。", "An amount has digits and at most two decimals.")

func (k *Console) receiveFunding(c *gin.Context) (string, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return "", err
	}
	amount, err := money.Parse(c.PostForm("amount"))
	if err != nil {
		return "", errAmount.With(err)
	}
	_, err = k.Money.ReceiveFunding(c.Request.Context(), web.ActorOf(c).Username, found.ID, c.PostForm("source"), amount, c.PostForm("evidence"))
	return done("/console/campaigns/"+found.Slug, "asked"), err
}

func (k *Console) prepareBatch(c *gin.Context) (string, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return "", err
	}
	_, err = k.Money.Prepare(c.Request.Context(), web.ActorOf(c).Username, found.ID, c.PostForm("kind"))
	return done(fmt.Sprintf("/console/disbursement?campaign=%s", found.Slug), "asked"), err
}

func (k *Console) returnSurplus(c *gin.Context) (string, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return "", err
	}
	if err := confirmed(c, found.Slug); err != nil {
		return "", err
	}
	_, err = k.Money.RequestReturn(c.Request.Context(), web.ActorOf(c).Username, found.ID)
	return done(fmt.Sprintf("/console/disbursement?campaign=%s", found.Slug), "asked"), err
}
