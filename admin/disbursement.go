package admin

import (
	"fmt"
	"net/url"

	"hongbao/campaign"
	"hongbao/disbursement"
	"hongbao/internal/staff"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// batchKinds names what a batch is for.
var batchKinds = map[string][2]string{"award": {"发放", "Credit"}, "recall": {"收回", "Recall"}, "reissue": {"补发", "Reissue"}, "return": {"退回", "Return"}}

// disbursement is the monitor of envelopes, orders and batches of one campaign.
func (k *Console) disbursement(c *gin.Context) (page, error) {
	shown, chosen, field, err := k.onCampaign(c, page{Title: web.Tr(c, "发放", "Disbursement"), State: web.Tr(c, "银行没有明确答复的指令一律视为待查，用同一编号追问，绝不重发新号。", "What a bank has not clearly answered stays unknown and is asked again under the same number.")})
	if err != nil || chosen.ID == 0 {
		return shown, err
	}
	monitor, _, err := k.monitor(c, chosen)
	if err != nil {
		return shown, err
	}
	batches, err := k.Money.Batches(c.Request.Context(), chosen.ID)
	if err != nil {
		return shown, err
	}
	if k.may(web.ActorOf(c), staff.MoneyPrepare) {
		shown.Action, shown.URL = web.Tr(c, "准备批次", "Prepare a batch"), "/console/campaigns/"+chosen.Slug
	}
	winners, err := k.winnersBlock(c, chosen)
	if err != nil {
		return shown, err
	}
	shown.Blocks = []block{{Filters: filters(c, field)}, {Live: "/console/disbursement/" + chosen.Slug + "/live", Inside: monitor},
		{Title: web.Tr(c, "资金批次", "Batches"), Table: batchTable(c, chosen.Slug, batches)}, winners}
	return shown, nil
}

// monitor is the part of the page that follows the work; under says whether orders are on their way.
func (k *Console) monitor(c *gin.Context, one campaign.Campaign) (blocks []block, under bool, err error) {
	counts, err := k.Money.Counts(c.Request.Context(), one.ID)
	if err != nil {
		return nil, false, err
	}
	sent, err := k.Money.UnderWay(c.Request.Context(), one.ID)
	if err != nil {
		return nil, false, err
	}
	var progress []web.Progress
	for _, b := range sent {
		progress = append(progress, batchProgress(c, b))
	}
	operators, err := k.operatorTable(c, one)
	return []block{{Progress: progress}, {Figures: orderFigures(c, one.Slug, counts)}, {Columns: []block{{Bars: envelopeBars(c, counts)}, {Bars: orderBars(c, counts)}}},
		{Title: web.Tr(c, "各家银行", "Bank by bank"), Table: operators}}, len(sent) > 0, err
}

// followDisbursement sends the monitor whenever it changes, until nothing is on its way.
func (k *Console) followDisbursement(c *gin.Context) error {
	found, err := k.theCampaign(c)
	if err != nil {
		return err
	}
	return k.web.Stream(c, "admin/page.html", "blocks", fastBeat, func() (any, bool, error) { return monitored(k.monitor(c, found)) })
}

func monitored(blocks []block, under bool, err error) (any, bool, error) { return blocks, under, err }

func batchProgress(c *gin.Context, b disbursement.BatchProgress) web.Progress {
	unit := web.Tr(c, "笔", "orders")
	rate, left := web.Pace(c, b.Lately, b.Lately+b.Orders-b.Done, disbursement.PaceWindow, unit)
	return web.Progress{Title: batchName(c, b.Batch), Unit: unit, Done: b.Done, Whole: b.Orders, Rate: rate, Left: left,
		Note: web.Tr(c, "离开本页不影响发送", "it goes on when you leave this page")}
}

func batchName(c *gin.Context, b disbursement.Batch) string {
	name := b.Purpose
	if known, ok := batchKinds[b.Purpose]; ok {
		name = web.Tr(c, known[0], known[1])
	}
	return fmt.Sprintf("%s #%d", name, b.ID)
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
		toned(web.Figure{Label: web.Tr(c, "失败或退回", "Failed or returned"), Value: web.Count(orders("failed", "returned")), Unit: unit, URL: repairsAddress(slug)}, orders("failed", "returned"), "bad"),
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

func batchTable(c *gin.Context, slug string, batches []disbursement.Batch) *web.Table {
	table := &web.Table{Caption: web.Tr(c, "资金批次", "Batches"), Columns: heads(c, "批次", "Batch", "状态", "Status", "#笔数", "#Orders", "#金额（元）", "#Amount (yuan)", "经办", "Prepared by", "时间", "When", "审批", "Approval"),
		Empty: web.Empty{Title: web.Tr(c, "还没有资金批次", "No batches yet"), Text: web.Tr(c, "抽签结果公布、市民领取后，可以在活动页准备发放批次。", "Once winners have claimed, prepare a batch on the campaign's page.")}}
	for _, b := range batches {
		approval := web.Text("")
		if b.ApprovalID > 0 {
			approval = web.Link(fmt.Sprintf("#%d", b.ApprovalID), fmt.Sprintf("/console/approvals/%d", b.ApprovalID))
		}
		table.Rows = append(table.Rows, web.Row{URL: batchAddress(slug, b.ID), Cells: []web.Cell{web.Text(batchName(c, b)), web.State("batch." + string(b.Status)),
			web.Number(b.Orders), web.Money(b.TotalFen), web.Text(b.PreparedBy), web.When(b.PreparedAt), approval}})
	}
	return table
}

// wallets is where the money has been spent, and by which ways.
func (k *Console) wallets(c *gin.Context) (page, error) {
	shown, chosen, field, err := k.onCampaign(c, page{Title: web.Tr(c, "钱包与消费", "Wallets and spending"), State: web.Tr(c, "银行回报的消费和退款，按资金来源合计。", "Spending and refunds as the banks report them, by source.")})
	if err != nil || chosen.ID == 0 {
		return shown, err
	}
	summary, err := k.Money.Summary(c.Request.Context(), chosen.ID)
	if err != nil {
		return shown, err
	}
	coverage, err := k.Money.Coverage(c.Request.Context(), chosen.ID)
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
