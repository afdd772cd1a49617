package admin

import (
	"fmt"
	"net/url"
	"strconv"

	"hongbao/disbursement"
	"hongbao/internal/fault"
	"hongbao/internal/staff"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// batchKinds names what a batch is for.
var batchKinds = map[string][2]string{"award": {"发放", "Credit"}, "recall": {"收回", "Recall"}, "reissue": {"补发", "Reissue"}, "return": {"退回", "Return"}}

// disbursement is the monitor of envelopes, orders and batches of one campaign.
func (k *Console) disbursement(c *gin.Context) (page, error) {
	shown := page{Title: web.Tr(c, "发放", "Disbursement"), State: web.Tr(c, "银行没有明确答复的指令一律视为待查，用同一编号追问，绝不重发新号。", "What a bank has not clearly answered stays unknown and is asked again under the same number.")}
	chosen, ok, err := k.chosenCampaign(c)
	if err != nil || !ok {
		return noCampaign(c, shown), err
	}
	field, err := k.oneCampaignField(c, chosen.Slug)
	if err != nil {
		return shown, err
	}
	counts, err := k.Money.Counts(c, chosen.ID)
	if err != nil {
		return shown, err
	}
	batches, err := k.Money.Batches(c, chosen.ID)
	if err != nil {
		return shown, err
	}
	if k.may(web.ActorOf(c), staff.MoneyPrepare) {
		shown.Action, shown.URL = web.Tr(c, "准备批次", "Prepare a batch"), "/console/campaigns/"+chosen.Slug
	}
	shown.Blocks = []block{{Filters: filters(c, field)}, {Figures: orderFigures(c, chosen.Slug, counts)},
		{Columns: []block{{Bars: envelopeBars(c, counts)}, {Bars: orderBars(c, counts)}}},
		{Title: web.Tr(c, "资金批次", "Batches"), Table: batchTable(c, batches)}}
	return shown, nil
}

func orderFigures(c *gin.Context, slug string, counts disbursement.Counts) []web.Figure {
	orders := func(statuses ...disbursement.OrderStatus) (n int64) {
		for _, status := range statuses {
			n += counts.Orders[status]
		}
		return n
	}
	unit := web.Tr(c, "笔", "")
	return []web.Figure{
		{Label: web.Tr(c, "成功", "Succeeded"), Value: web.Count(orders("succeeded")), Unit: unit},
		{Label: web.Tr(c, "处理中", "Under way"), Value: web.Count(orders("approved", "sending", "accepted", "processing")), Unit: unit},
		toned(web.Figure{Label: web.Tr(c, "结果待查", "Unknown"), Value: web.Count(orders("unknown")), Unit: unit}, orders("unknown"), "warn"),
		toned(web.Figure{Label: web.Tr(c, "失败或退回", "Failed or returned"), Value: web.Count(orders("failed", "returned")), Unit: unit}, orders("failed", "returned"), "bad"),
		toned(web.Figure{Label: web.Tr(c, "未处理差异", "Open differences"), Value: web.Count(counts.Differences), Unit: unit, URL: "/console/reconciliation?campaign=" + url.QueryEscape(slug)}, counts.Differences, "bad"),
	}
}

func toned(figure web.Figure, n int64, tone string) web.Figure {
	if n > 0 {
		figure.Tone = tone
	}
	return figure
}

func envelopeBars(c *gin.Context, counts disbursement.Counts) *bars {
	chart := &bars{Title: web.Tr(c, "红包，按状态（个）", "Envelopes by status")}
	var sum int64
	for _, n := range counts.Envelopes {
		sum += n
	}
	for _, status := range disbursement.EnvelopeStatuses {
		chart.Rows = append(chart.Rows, bar{Label: web.StatusOf(web.Locale(c), "envelope."+string(status)).Word, Part: counts.Envelopes[status], Whole: sum, Text: web.Count(counts.Envelopes[status])})
	}
	return chart
}

func orderBars(c *gin.Context, counts disbursement.Counts) *bars {
	chart := &bars{Title: web.Tr(c, "银行指令，按状态（笔）", "Orders by status")}
	var sum int64
	for _, n := range counts.Orders {
		sum += n
	}
	for _, status := range disbursement.OrderStatuses {
		chart.Rows = append(chart.Rows, bar{Label: web.StatusOf(web.Locale(c), "order."+string(status)).Word, Part: counts.Orders[status], Whole: sum, Text: web.Count(counts.Orders[status])})
	}
	return chart
}

func batchTable(c *gin.Context, batches []disbursement.Batch) *web.Table {
	table := &web.Table{Caption: web.Tr(c, "资金批次", "Batches"), Columns: heads(c, "批次", "Batch", "状态", "Status", "#笔数", "#Orders", "#金额（元）", "#Amount (yuan)", "经办", "Prepared by", "时间", "When", "审批", "Approval"),
		Empty: web.Empty{Title: web.Tr(c, "还没有资金批次", "No batches yet"), Text: web.Tr(c, "抽签结果公布、市民领取后，可以在活动页准备发放批次。", "Once winners have claimed, prepare a batch on the campaign's page.")}}
	for _, b := range batches {
		name := b.Purpose
		if known, ok := batchKinds[b.Purpose]; ok {
			name = web.Tr(c, known[0], known[1])
		}
		approval := web.Text("")
		if b.ApprovalID > 0 {
			approval = web.Link(fmt.Sprintf("#%d", b.ApprovalID), fmt.Sprintf("/console/approvals/%d", b.ApprovalID))
		}
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.Text(fmt.Sprintf("%s #%d", name, b.ID)), web.State("batch." + string(b.Status)),
			web.Number(b.Orders), web.Money(b.TotalFen), web.Text(b.PreparedBy), web.When(b.PreparedAt), approval}})
	}
	return table
}

// wallets is where the money has been spent, and by which ways.
func (k *Console) wallets(c *gin.Context) (page, error) {
	shown := page{Title: web.Tr(c, "钱包与消费", "Wallets and spending"), State: web.Tr(c, "银行回报的消费和退款，按资金来源合计。", "Spending and refunds as the banks report them, by source.")}
	chosen, ok, err := k.chosenCampaign(c)
	if err != nil || !ok {
		return noCampaign(c, shown), err
	}
	field, err := k.oneCampaignField(c, chosen.Slug)
	if err != nil {
		return shown, err
	}
	summary, err := k.Money.Summary(c, chosen.ID)
	if err != nil {
		return shown, err
	}
	coverage, err := k.Money.Coverage(c, chosen.ID)
	if err != nil {
		return shown, err
	}
	t := summary.Total
	yuan := web.Tr(c, "元", "yuan")
	shown.Blocks = []block{{Filters: filters(c, field)}, {Figures: []web.Figure{
		{Label: web.Tr(c, "已发放", "Credited"), Value: web.Yuan(t.Credited), Unit: yuan}, {Label: web.Tr(c, "已消费", "Spent"), Value: web.Yuan(t.Spent), Unit: yuan, Note: web.Share(t.Spent, t.Credited)},
		{Label: web.Tr(c, "在钱包中", "In wallets"), Value: web.Yuan(t.InFlight), Unit: yuan}, {Label: web.Tr(c, "已收回", "Recalled"), Value: web.Yuan(t.Recalled), Unit: yuan}}},
		{Title: web.Tr(c, "按资金来源（元）", "By source (yuan)"), Table: sourceTable(c, summary)},
		{Columns: []block{{Bars: scenarioBars(c, coverage)}, {Title: web.Tr(c, "子钱包", "Sub-wallets"), Table: pairTable(c, coverage)}}}}
	return shown, nil
}

func sourceTable(c *gin.Context, summary disbursement.Summary) *web.Table {
	table := &web.Table{Caption: web.Tr(c, "按资金来源", "By source"), Columns: heads(c, "来源", "Source", "#中签金额", "#Awarded", "#已发放", "#Credited", "#已消费", "#Spent", "#在钱包中", "#In wallets", "#已收回", "#Recalled")}
	for _, f := range append(summary.Sources, summary.Total) {
		name := web.Text(f.Source)
		if f.Source == "" {
			name = web.Cell{Text: web.Tr(c, "合计", "Total"), Kind: "strong"}
		}
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{name, web.Money(f.Awarded), web.Money(f.Credited), web.Money(f.Spent), web.Money(f.InFlight), web.Money(f.Recalled)}})
	}
	return table
}

func scenarioBars(c *gin.Context, coverage disbursement.Coverage) *bars {
	chart := &bars{Title: web.Tr(c, "消费笔数，按场景", "Payments by scenario")}
	sum := 0
	for _, n := range coverage.Payments {
		sum += n
	}
	for _, name := range coverage.Scenarios {
		n := coverage.Payments[name]
		chart.Rows = append(chart.Rows, bar{Label: name, Part: int64(n), Whole: int64(sum), Text: web.Count(n)})
	}
	return chart
}

func pairTable(c *gin.Context, coverage disbursement.Coverage) *web.Table {
	table := &web.Table{Caption: web.Tr(c, "子钱包", "Sub-wallets"), Columns: heads(c, "运营机构", "Operator", "应用", "App"), Empty: web.Empty{Title: web.Tr(c, "还没有子钱包消费", "No sub-wallet has paid yet")}}
	for _, pair := range coverage.SubWallets {
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.Text(pair[0]), web.Text(pair[1])}})
	}
	return table
}

// reconciliation compares the operators' daily statements with our rows and the ledger.
func (k *Console) reconciliation(c *gin.Context) (page, error) {
	shown := page{Title: web.Tr(c, "对账", "Reconciliation"), State: web.Tr(c, "每日对账单、我方指令和总账三方核对。", "Daily statements, our orders and the ledger, held against one another.")}
	chosen, ok, err := k.campaignAtHand(c)
	if err != nil || !ok {
		return noCampaign(c, shown), err
	}
	field, err := k.oneCampaignField(c, chosen.Slug)
	if err != nil {
		return shown, err
	}
	differences, err := k.Money.Differences(c, chosen.ID)
	if err != nil {
		return shown, err
	}
	statements, err := k.Money.Statements(c, chosen.ID)
	if err != nil {
		return shown, err
	}
	open := 0
	for _, d := range differences {
		if d.Status == "open" {
			open++
		}
	}
	if open > 0 {
		shown.Alert = &alert{Tone: "warning", Text: web.Tr(c, fmt.Sprintf("有 %d 笔差异待处理。", open), fmt.Sprintf("%d differences are open.", open))}
	}
	shown.Blocks = []block{{Filters: filters(c, field)}, {Title: web.Tr(c, "差异", "Differences"), Table: differenceTable(c, differences)}}
	if open > 0 && k.may(web.ActorOf(c), staff.MoneyPrepare) {
		shown.Blocks = append(shown.Blocks, block{Acts: []act{resolveAct(c, chosen.Slug)}})
	}
	shown.Blocks = append(shown.Blocks, block{Title: web.Tr(c, "对账单", "Statements"), Table: statementTable(c, statements)})
	return shown, nil
}

// differenceKinds says in words what does not agree.
var differenceKinds = map[string][2]string{"missing-here": {"我方没有", "Missing here"}, "missing-there": {"银行没有", "Missing there"}, "amount": {"金额不同", "Amount"},
	"status": {"状态不同", "Status"}, "refund-order": {"退款顺序", "Refund order"}, "ledger": {"总账不符", "Ledger"}, "event-refused": {"事件被拒", "Event refused"}}

func differenceTable(c *gin.Context, differences []disbursement.Difference) *web.Table {
	table := &web.Table{Caption: web.Tr(c, "差异", "Differences"), Columns: heads(c, "#编号", "#No.", "类别", "Kind", "状态", "Status", "机构与日期", "Operator and day", "我方", "Ours", "银行", "Theirs", "处理", "Resolved"),
		Empty: web.Empty{Title: web.Tr(c, "没有差异", "No differences"), Text: web.Tr(c, "对账单与我方记录一致。", "Statements and our rows agree.")}}
	for _, d := range differences {
		kind := web.Text(d.Kind)
		if known, ok := differenceKinds[d.Kind]; ok {
			kind.Text = web.Tr(c, known[0], known[1])
		}
		kind.Note = d.OrderNo
		resolved := web.Text(d.Owner)
		resolved.Note = d.Reason
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.Number(d.ID), kind, web.State("difference." + d.Status), {Text: d.Operator, Note: d.Day}, web.Text(d.Ours), web.Text(d.Theirs), resolved}})
	}
	return table
}

func statementTable(c *gin.Context, statements []disbursement.Statement) *web.Table {
	table := &web.Table{Caption: web.Tr(c, "对账单", "Statements"), Columns: heads(c, "日期", "Day", "机构", "Operator", "结果", "Result", "#行数", "#Lines", "#金额（元）", "#Total (yuan)", "文件指纹", "Digest", "收到", "Received"),
		Empty: web.Empty{Title: web.Tr(c, "还没有对账单", "No statements yet"), Text: web.Tr(c, "每天上午自动向各运营机构索取前一日的对账单。", "They are fetched from the operators every morning.")}}
	for _, s := range statements {
		state := web.State(s.Status)
		state.Note = s.Reason
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.Text(s.Day), web.Text(s.Operator), state, web.Number(s.LineCount), web.Money(s.TotalFen), web.Digest(s.Digest), web.When(s.ReceivedAt)}})
	}
	return table
}

func resolveAct(c *gin.Context, slug string) act {
	return act{Title: web.Tr(c, "处理差异", "Resolve a difference"), Text: web.Tr(c, "写明查到的原因和凭证，记录永久保留。", "Say what was found and on what evidence; it stays on the record."),
		Form: web.Form{Action: "/console/reconciliation/" + slug, Submit: web.Tr(c, "标记为已处理", "Mark as resolved"), Fields: []web.Field{
			{Name: "id", Label: web.Tr(c, "差异编号", "Number"), InputMode: "numeric", Required: true, Value: c.PostForm("id")},
			{Name: "reason", Label: web.Tr(c, "处理理由", "Reason"), Type: "textarea", Rows: 2, Required: true, MaxLength: 200, Value: c.PostForm("reason")}}}}
}

func (k *Console) resolveDifference(c *gin.Context) (string, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return "", err
	}
	id, err := strconv.ParseInt(c.PostForm("id"), 10, 64)
	if err != nil {
		return "", fault.Field("id", "number", "编号必须是数字。", "The number must be a number.")
	}
	return done("/console/reconciliation?campaign="+url.QueryEscape(found.Slug), "saved"),
		k.Money.ResolveDifference(c, web.ActorOf(c).Username, found.ID, id, c.PostForm("reason"))
}
