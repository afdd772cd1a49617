package admin

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"hongbao/campaign"
	"hongbao/disbursement"
	"hongbao/internal/staff"
	"hongbao/internal/web"
	"hongbao/reporting"

	"github.com/gin-gonic/gin"
)

// settlementRoutes are the pages of what merchants are owed.
func (k *Console) settlementRoutes(w *web.Web) {
	r := w.Engine.Group("/console/settlements")
	r.GET("", w.Staff(seesWork), k.show(k.settlements))
	r.GET("/:slug/merchants/:no", w.Staff(seesWork), k.show(k.merchantSettlement))
	r.POST("/:slug/merchants/:no/hold", w.Staff(staff.MoneyPrepare), k.does(k.merchantSettlement, k.holdMerchant))
	r.POST("/:slug/merchants/:no/release", w.Staff(staff.MoneyPrepare), k.does(k.merchantSettlement, k.releaseMerchant))
	r.POST("/:slug/payout", w.Staff(staff.MoneyPrepare), k.does(k.settlements, k.payOut))
	r.GET("/:slug/statements/:id", w.Staff(seesWork), k.show(k.settlement))
	r.GET("/:slug/statements/:id/file", w.Staff(seesWork), w.Handle(k.settlementFile))
}

// settlementPage is how many merchants, or lines, a page shows.
const settlementPage = 100

func settlementsAddress(slug string) string {
	return "/console/settlements?campaign=" + url.QueryEscape(slug)
}

func merchantAddress(slug, no string) string {
	return "/console/settlements/" + url.PathEscape(slug) + "/merchants/" + url.PathEscape(no)
}

func statementAddress(slug string, id int64) string {
	return fmt.Sprintf("/console/settlements/%s/statements/%d", url.PathEscape(slug), id)
}

// settlements is what all merchants of a campaign have taken, and what of it they have got.
func (k *Console) settlements(c *gin.Context) (page, error) {
	shown, chosen, field, err := k.onCampaign(c, page{Title: web.Tr(c, "商户结算", "Merchant settlement"), State: web.Tr(c, "已结清、暂缓与应结算之和，就是在商户花掉的红包。", "Settled, held and due are together what was spent at the merchants.")})
	if err != nil || chosen.ID == 0 {
		return shown, err
	}
	merchants, total, err := k.Money.SettlementSums(c.Request.Context(), chosen.ID)
	if err != nil {
		return shown, err
	}
	table, err := k.merchantSumTable(c, chosen, merchants)
	if err != nil {
		return shown, err
	}
	holds, err := k.Money.Holds(c.Request.Context(), chosen.ID)
	if err != nil {
		return shown, err
	}
	payees, err := k.payeeBlock(c, chosen)
	if err != nil {
		return shown, err
	}
	shown.Blocks = []block{{Filters: filters(c, field)}, {Figures: settlementFigures(c, total)}, payees,
		{Title: web.Tr(c, "按商户（元）", "By merchant (yuan)"), Table: table}, {Title: web.Tr(c, "暂缓记录", "Holds"), Table: holdTable(c, chosen.Slug, holds)}}
	return shown, nil
}

func settlementFigures(c *gin.Context, s disbursement.SettlementSums) []web.Figure {
	yuan := web.Tr(c, "元", "yuan")
	held := web.Figure{Label: web.Tr(c, "暂缓", "Held"), Value: web.Yuan(s.Held), Unit: yuan}
	return []web.Figure{{Label: web.Tr(c, "在商户消费", "Spent at merchants"), Value: web.Yuan(s.Spent), Unit: yuan}, {Label: web.Tr(c, "已结清", "Settled"), Value: web.Yuan(s.Settled), Unit: yuan, Note: web.Share(s.Settled, s.Spent)},
		toned(held, int64(s.Held), "warn"), {Label: web.Tr(c, "应结算", "Due"), Value: web.Yuan(s.Due), Unit: yuan, Note: web.Tr(c, "其中未出单 "+web.Yuan(s.Unstated)+" 元", web.Yuan(s.Unstated)+" yuan of it not stated yet")}}
}

func (k *Console) merchantSumTable(c *gin.Context, of campaign.Campaign, merchants []disbursement.SettlementSums) (*web.Table, error) {
	table := &web.Table{Caption: web.Tr(c, "按商户", "By merchant"), Columns: heads(c, "商户", "Merchant", "收款方", "Payee", "#消费", "#Spent", "#已结清", "#Settled", "#暂缓", "#Held", "#应结算", "#Due"),
		Empty: web.Empty{Title: web.Tr(c, "还没有消费", "Nothing has been spent yet"), Text: web.Tr(c, "市民用红包付款后，次日凌晨编制结算单。", "Statements are made in the night after citizens have paid.")}}
	first := min((web.PageOf(c)-1)*settlementPage, len(merchants))
	merchants = merchants[first:min(first+settlementPage, len(merchants))]
	numbers := make([]string, len(merchants))
	for i, m := range merchants {
		numbers[i] = m.MerchantNo
	}
	names, err := k.Campaigns.MerchantNames(c.Request.Context(), of.ID, numbers)
	if err != nil {
		return nil, err
	}
	book, err := k.Campaigns.RuleBook(c.Request.Context(), of.ID)
	if err != nil {
		return nil, err
	}
	for _, m := range merchants {
		name := web.Cell{Text: cmp.Or(names[m.MerchantNo], web.Tr(c, "名单外商户", "Not listed")), Note: m.MerchantNo}
		table.Rows = append(table.Rows, web.Row{URL: merchantAddress(of.Slug, m.MerchantNo), Cells: []web.Cell{name, web.Text(payeeName(c, book, m.Payee)),
			web.Money(m.Spent), web.Money(m.Settled), web.Money(m.Held), web.Money(m.Due)}})
	}
	table.Next = web.NextPage(c, len(merchants), settlementPage)
	return table, nil
}

func payeeName(c *gin.Context, book *campaign.RuleBook, payee string) string {
	if payee == disbursement.ToWallet {
		return web.Tr(c, "商户钱包", "Merchant's wallet")
	}
	acquirer, _ := book.Acquirer(payee)
	return cmp.Or(acquirer.Title.In(web.Locale(c)), payee)
}

// payeeBlock says what may be paid out now, to whom, and offers to note that it was.
func (k *Console) payeeBlock(c *gin.Context, of campaign.Campaign) (block, error) {
	due, err := k.Money.PayeesDue(c.Request.Context(), of.ID)
	if err != nil {
		return block{}, err
	}
	payouts, err := k.Money.Payouts(c.Request.Context(), of.ID)
	if err != nil {
		return block{}, err
	}
	book, err := k.Campaigns.RuleBook(c.Request.Context(), of.ID)
	if err != nil {
		return block{}, err
	}
	table := &web.Table{Caption: web.Tr(c, "结算付款", "Payouts"), Columns: heads(c, "收款方", "Payee", "状态", "Status", "#结算单", "#Statements", "#金额（元）", "#Amount (yuan)", "凭证", "Evidence", "审批", "Approval"),
		Empty: web.Empty{Title: web.Tr(c, "还没有付款", "Nothing was paid out yet"), Text: web.Tr(c, "付款后在下面登记凭证，另一位同事复核后记为已结清。", "Note the evidence below; it is settled when a second person confirms it.")}}
	for _, p := range payouts {
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.Text(payeeName(c, book, p.Payee)), web.State(p.Status), web.Number(p.Settlements), web.Money(p.TotalFen), web.Text(p.Evidence),
			web.Link(fmt.Sprintf("#%d", p.ApprovalID), fmt.Sprintf("/console/approvals/%d", p.ApprovalID))}})
	}
	shown := block{Title: web.Tr(c, "结算付款", "Payouts"), Table: table}
	if len(due) > 0 && k.may(web.ActorOf(c), staff.MoneyPrepare) {
		shown.Acts = []act{payoutAct(c, of.Slug, book, due)}
	}
	return shown, nil
}

func payoutAct(c *gin.Context, slug string, book *campaign.RuleBook, due []disbursement.PayeeSum) act {
	payee := web.Field{Name: "payee", Label: web.Tr(c, "收款方", "Payee"), Type: "select", Value: c.PostForm("payee")}
	for _, d := range due {
		label := fmt.Sprintf("%s · %s", payeeName(c, book, d.Payee), web.Tr(c, fmt.Sprintf("%s 份 %s 元", web.Count(d.Settlements), web.Amount(d.DueFen)), fmt.Sprintf("%s statements, %s yuan", web.Count(d.Settlements), web.Amount(d.DueFen))))
		payee.Options = append(payee.Options, web.Option{Value: d.Payee, Label: label})
	}
	return act{Title: web.Tr(c, "登记付款", "Note a payout"), Text: web.Tr(c, "所列结算单全部付讫后登记；另一位同事核对凭证后记为已结清。", "When all statements named are paid: a second person compares the evidence, then they are settled."),
		Form: web.Form{Action: "/console/settlements/" + slug + "/payout", Submit: web.Tr(c, "提交复核", "Ask for confirmation"), Fields: []web.Field{payee,
			{Name: "evidence", Label: web.Tr(c, "付款凭证号", "Number of the advice"), Required: true, MaxLength: 200, Value: c.PostForm("evidence")}}}}
}

func (k *Console) payOut(c *gin.Context) (string, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return "", err
	}
	_, err = k.Money.RequestPayout(c.Request.Context(), web.ActorOf(c).Username, found.ID, c.PostForm("payee"), c.PostForm("evidence"))
	return done(settlementsAddress(found.Slug), "asked"), err
}

func holdTable(c *gin.Context, slug string, holds []disbursement.Hold) *web.Table {
	table := &web.Table{Caption: web.Tr(c, "暂缓记录", "Holds"), Columns: heads(c, "商户", "Merchant", "状态", "Status", "理由", "Reason", "经办", "By", "时间", "When"),
		Empty: web.Empty{Title: web.Tr(c, "没有暂缓结算的商户", "No merchant is on hold"), Text: web.Tr(c, "在商户的结算页可以暂缓，解除须两人。", "A merchant is put on hold on its own page; two people release it.")}}
	for _, h := range holds {
		reason := web.Text(h.Reason)
		reason.Note = h.Evidence
		table.Rows = append(table.Rows, web.Row{URL: merchantAddress(slug, h.MerchantNo), Cells: []web.Cell{web.Text(h.MerchantNo), web.State("hold." + string(h.Status)), reason, web.Text(h.HeldBy), web.When(h.HeldAt)}})
	}
	return table
}

// merchantSettlement is one merchant: what it is owed, its statements, and the hold on it.
func (k *Console) merchantSettlement(c *gin.Context) (page, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return page{}, err
	}
	no := c.Param("no")
	merchants, _, err := k.Money.SettlementSums(c.Request.Context(), found.ID)
	if err != nil {
		return page{}, err
	}
	sums := disbursement.SettlementSums{MerchantNo: no}
	if i := slices.IndexFunc(merchants, func(m disbursement.SettlementSums) bool { return m.MerchantNo == no }); i >= 0 {
		sums = merchants[i]
	}
	names, err := k.Campaigns.MerchantNames(c.Request.Context(), found.ID, []string{no})
	if err != nil {
		return page{}, err
	}
	list, err := k.Money.Settlements(c.Request.Context(), found.ID, disbursement.SettlementFilter{MerchantNo: no, Page: web.PageOf(c), Size: settlementPage})
	if err != nil {
		return page{}, err
	}
	holds, err := k.holdsOn(c, found.ID, no)
	if err != nil {
		return page{}, err
	}
	shown := page{Title: cmp.Or(names[no], no), State: no + " · " + found.Name(web.Locale(c)), Back: web.Tr(c, "商户结算", "Merchant settlement"), BackURL: settlementsAddress(found.Slug),
		Blocks: []block{{Figures: settlementFigures(c, sums)}}}
	if len(holds) > 0 && holds[0].Status != disbursement.HoldReleased {
		shown.Chip = "hold." + string(holds[0].Status)
	}
	if k.may(web.ActorOf(c), staff.MoneyPrepare) {
		shown.Blocks = append(shown.Blocks, block{Acts: holdActs(c, found.Slug, no, sums, holds)})
	}
	shown.Blocks = append(shown.Blocks, block{Title: web.Tr(c, "结算单", "Statements"), Table: settlementTable(c, found.Slug, list)})
	if len(holds) > 0 {
		shown.Blocks = append(shown.Blocks, block{Title: web.Tr(c, "暂缓记录", "Holds"), Table: holdTable(c, found.Slug, holds)})
	}
	return shown, nil
}

func (k *Console) holdsOn(c *gin.Context, campaignID int64, no string) ([]disbursement.Hold, error) {
	all, err := k.Money.Holds(c.Request.Context(), campaignID)
	return slices.DeleteFunc(all, func(h disbursement.Hold) bool { return h.MerchantNo != no }), err
}

func holdActs(c *gin.Context, slug, no string, sums disbursement.SettlementSums, holds []disbursement.Hold) []act {
	reason := web.Field{Name: "reason", Label: web.Tr(c, "理由", "Reason"), Required: true, MaxLength: 200, Value: c.PostForm("reason")}
	switch {
	case len(holds) == 0 || holds[0].Status == disbursement.HoldReleased:
		return []act{{Title: web.Tr(c, "暂缓结算", "Hold settlement"), Text: web.Tr(c, "应结算的 "+web.Yuan(sums.Due)+" 元及以后的结算单都暂缓付款，商户仍可收红包；解除须两人。", web.Yuan(sums.Due)+" yuan that is due waits, and what will be; the merchant still takes envelopes. Two people release it."),
			Form: web.Form{Action: merchantAddress(slug, no) + "/hold", Danger: true, Submit: web.Tr(c, "暂缓结算", "Hold"), Fields: []web.Field{reason}}}}
	case holds[0].Status == disbursement.HoldHeld:
		return []act{{Title: web.Tr(c, "解除暂缓", "Release"), Text: web.Tr(c, "暂缓的 "+web.Yuan(sums.Held)+" 元恢复为应结算，须另一位同事复核。", web.Yuan(sums.Held)+" yuan on hold becomes due again once a second person agrees."),
			Form: web.Form{Action: merchantAddress(slug, no) + "/release", Submit: web.Tr(c, "提交复核", "Ask for release"), Fields: []web.Field{reason}}}}
	}
	return nil
}

func (k *Console) holdMerchant(c *gin.Context) (string, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return "", err
	}
	_, err = k.Money.PlaceHold(c.Request.Context(), web.ActorOf(c).Username, found.ID, c.Param("no"), c.PostForm("reason"))
	return done(merchantAddress(found.Slug, c.Param("no")), "saved"), err
}

func (k *Console) releaseMerchant(c *gin.Context) (string, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return "", err
	}
	holds, err := k.holdsOn(c, found.ID, c.Param("no"))
	if err != nil {
		return "", err
	}
	if len(holds) == 0 {
		return "", disbursement.ErrNoHold
	}
	_, err = k.Money.RequestRelease(c.Request.Context(), web.ActorOf(c).Username, found.ID, holds[0].ID, c.PostForm("reason"))
	return done(merchantAddress(found.Slug, c.Param("no")), "asked"), err
}

func settlementTable(c *gin.Context, slug string, list []disbursement.Settlement) *web.Table {
	table := &web.Table{Caption: web.Tr(c, "结算单", "Statements"), Columns: heads(c, "日期", "Day", "状态", "Status", "#笔数", "#Lines", "#收款（元）", "#Paid (yuan)", "#退款（元）", "#Refunded (yuan)", "#净额（元）", "#Net (yuan)", "文件指纹", "Digest"),
		Empty: web.Empty{Title: web.Tr(c, "还没有结算单", "No statements yet"), Text: web.Tr(c, "每天凌晨编制前一日的结算单。", "Each night makes those of the day before.")}, Next: web.NextPage(c, len(list), settlementPage)}
	for _, s := range list {
		table.Rows = append(table.Rows, web.Row{URL: statementAddress(slug, s.ID), Cells: []web.Cell{web.Text(s.Day), web.State("settlement." + string(s.Status)), web.Number(s.LineCount),
			web.Money(s.PaidFen), web.Money(s.RefundedFen), web.Money(s.NetFen), web.Digest(s.Digest)}})
	}
	return table
}

func (k *Console) theSettlement(c *gin.Context) (campaign.Campaign, disbursement.Settlement, error) {
	return inCampaign(k, c, disbursement.ErrNoSettlement, k.Money.Settlement)
}

// lineKinds says in words what a line of a statement is.
var lineKinds = map[string][2]string{"payment": {"支付", "Payment"}, "refund": {"退款", "Refund"}, "correction": {"更正", "Correction"}}

// settlement is one statement: its totals and its first lines; the files hold all.
func (k *Console) settlement(c *gin.Context) (page, error) {
	found, s, err := k.theSettlement(c)
	if err != nil {
		return page{}, err
	}
	book, err := k.Campaigns.RuleBook(c.Request.Context(), found.ID)
	if err != nil {
		return page{}, err
	}
	names, err := k.Campaigns.MerchantNames(c.Request.Context(), found.ID, []string{s.MerchantNo})
	if err != nil {
		return page{}, err
	}
	lines, err := k.settlementLines(c, s)
	if err != nil {
		return page{}, err
	}
	address := statementAddress(found.Slug, s.ID) + "/file"
	return page{Title: cmp.Or(names[s.MerchantNo], s.MerchantNo) + " " + s.Day, Chip: "settlement." + string(s.Status), State: web.Tr(c, "红包资金的日结算单，编制后不再改动；以后的更正列在以后的结算单里。", "A day's statement of envelope money. It never changes; what is corrected later is in a later one."),
		Back: web.Tr(c, "该商户", "The merchant"), BackURL: merchantAddress(found.Slug, s.MerchantNo), Blocks: []block{
			{Figures: []web.Figure{{Label: web.Tr(c, "收款", "Paid"), Value: web.Yuan(s.PaidFen), Unit: web.Tr(c, "元", "yuan")}, {Label: web.Tr(c, "退款", "Refunded"), Value: web.Yuan(s.RefundedFen), Unit: web.Tr(c, "元", "yuan")},
				{Label: web.Tr(c, "应付净额", "Net"), Value: web.Yuan(s.NetFen), Unit: web.Tr(c, "元", "yuan"), Note: web.Tr(c, web.Count(s.LineCount)+" 笔", web.Count(s.LineCount)+" lines")}}},
			{Facts: []fact{{Label: web.Tr(c, "收款方", "Payee"), Value: payeeName(c, book, s.Payee)}, {Label: web.Tr(c, "文件指纹（SM3）", "Digest (SM3)"), Hash: s.Digest}, {Label: web.Tr(c, "编制", "Made"), Value: web.Date(s.MadeAt)},
				{Label: web.Tr(c, "结清", "Settled"), Value: web.Date(s.SettledAt)}, {Label: web.Tr(c, "下载", "Download"), Value: "CSV", URL: address}, {Label: "", Value: "Excel", URL: address + "?format=" + reporting.XLSX}}},
			{Title: web.Tr(c, "明细", "Lines"), Table: lines}}}, nil
}

func (k *Console) settlementLines(c *gin.Context, s disbursement.Settlement) (*web.Table, error) {
	table := &web.Table{Caption: web.Tr(c, "明细", "Lines"), Columns: heads(c, "流水号", "Number", "类别", "Kind", "机构", "Operator", "时间", "When", "#红包金额（元）", "#Envelope (yuan)")}
	lines, err := k.Money.SettlementPage(c.Request.Context(), s.ID, web.PageOf(c), settlementPage)
	for _, l := range lines {
		kind := lineKinds[l.Kind]
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{{Text: l.Number, Note: l.PaymentNo}, web.Text(web.Tr(c, kind[0], kind[1])), web.Text(l.Operator), web.When(l.OccurredAt), web.Money(l.AmountFen)}})
	}
	table.Next = web.NextPage(c, len(lines), settlementPage)
	return table, err
}

// settlementFile downloads a statement, as CSV or, with ?format=xlsx, as a signed workbook.
func (k *Console) settlementFile(c *gin.Context) error {
	found, s, err := k.theSettlement(c)
	if err != nil {
		return err
	}
	by, name := web.ActorOf(c).Username, fmt.Sprintf("settlement-%s-%s-%s", found.Slug, s.MerchantNo, s.Day)
	if c.Query("format") == reporting.XLSX {
		c.Header("Content-Type", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
		c.Header("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name+".xlsx"))
		c.Status(http.StatusOK)
		return k.Reports.SettlementWorkbook(c.Request.Context(), found.ID, s.ID, by, c.Writer)
	}
	c.Header("Content-Type", "text/csv; charset=utf-8")
	c.Header("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name+".csv"))
	c.Status(http.StatusOK)
	return k.Money.WriteSettlement(c.Request.Context(), by, found, s.ID, c.Writer)
}
