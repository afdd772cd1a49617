package admin

import (
	"fmt"
	"net/url"
	"time"

	"hongbao/campaign"
	"hongbao/disbursement"
	"hongbao/internal/staff"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// orderPage is how many orders a page shows.
const orderPage = 100

// orderReasons says in words why an order failed or its money came back. Others are shown as the operator gave them.
var orderReasons = map[string][2]string{
	disbursement.ReasonWalletMissing: {"没有钱包", "No wallet"}, disbursement.ReasonBalanceLimit: {"超出钱包余额限额", "Above the wallet's limit"}, disbursement.ReasonCouponUnknown: {"机构没有这个红包", "The operator knows no such envelope"},
	disbursement.ReasonCouponUsed: {"红包已由另一指令入账", "Credited by another order"}, disbursement.ReasonMalformed: {"指令内容有误", "The order makes no sense"},
	disbursement.ReasonNotDelivered: {"入账后被退回", "Came back after success"}, "expired": {"发出前已到期", "Expired before it was sent"}}

func orderReason(c *gin.Context, reason string) string {
	if known, ok := orderReasons[reason]; ok {
		return web.Tr(c, known[0], known[1])
	}
	if reason == "" {
		return web.Tr(c, "未说明", "Not said")
	}
	return reason
}

func repairsAddress(slug string) string { return "/console/repairs?campaign=" + url.QueryEscape(slug) }

func batchAddress(slug string, id int64) string {
	return fmt.Sprintf("/console/batches/%s/%d", slug, id)
}

// repairs is what failed for good, was refused by a limit, or came back, by reason and age, until other orders take its place.
func (k *Console) repairs(c *gin.Context) (page, error) {
	shown, chosen, field, err := k.onCampaign(c, page{Title: web.Tr(c, "待修复指令", "Repair queue"), State: web.Tr(c, "银行明确失败、限额拒绝或退回的指令；换新编号须另一位同事批准。", "Orders that failed for good, were refused by a limit or came back; a new number takes a second person's approval.")})
	if err != nil || chosen.ID == 0 {
		return shown, err
	}
	book, err := k.Campaigns.RuleBook(c.Request.Context(), chosen.ID)
	if err != nil {
		return shown, err
	}
	sums, err := k.Money.RepairSums(c.Request.Context(), chosen.ID)
	if err != nil {
		return shown, err
	}
	orders, err := k.Money.Repairs(c.Request.Context(), chosen.ID, disbursement.OrderFilter{Reason: c.Query("reason"), Page: web.PageOf(c), Size: orderPage})
	if err != nil {
		return shown, err
	}
	reason := web.Field{Name: "reason", Label: web.Tr(c, "原因", "Reason"), Type: "select", Value: c.Query("reason"), Options: []web.Option{everything(c)}}
	table := &web.Table{Caption: web.Tr(c, "按原因", "By reason"), Columns: heads(c, "原因", "Reason", "状态", "Status", "#笔数", "#Orders", "#金额（元）", "#Amount (yuan)", "最早", "Oldest", "已等", "Age"),
		Empty: web.Empty{Title: web.Tr(c, "没有待修复的指令", "Nothing to repair"), Text: web.Tr(c, "银行明确失败或退回的指令会出现在这里。", "What a bank refuses for good, or returns, appears here.")}}
	for _, s := range sums {
		if s.Reason != "" {
			reason.Options = append(reason.Options, web.Option{Value: s.Reason, Label: orderReason(c, s.Reason)})
		}
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.Text(orderReason(c, s.Reason)), web.State("order." + string(s.Status)), web.Number(s.Orders), web.Money(s.TotalFen), web.When(s.OldestAt),
			web.Text(k.age(c, s.OldestAt.Time()))}})
	}
	shown.Blocks = []block{{Filters: filters(c, field, reason)}, {Title: web.Tr(c, "按原因", "By reason"), Table: table}}
	if len(sums) > 0 && k.may(web.ActorOf(c), staff.MoneyPrepare) {
		shown.Blocks = append(shown.Blocks, block{Acts: []act{{Title: web.Tr(c, "换新编号补发", "Reissue under new numbers"), Text: web.Tr(c, "为仍可补发的指令各编一个新编号，汇成一批；另一位同事批准后发出，进度见该批次。", "Each that can still be repaired gets a new number in one batch; it is sent when a second person approves, and the batch shows how far it is."),
			Form: web.Form{Action: "/console/campaigns/" + chosen.Slug + "/batches", Hidden: map[string]string{"kind": disbursement.ForReissue}, Submit: web.Tr(c, "准备并提交审批", "Prepare and ask")}}}})
	}
	shown.Blocks = append(shown.Blocks, block{Title: web.Tr(c, "指令", "Orders"), Table: orderTable(c, chosen.Slug, book, orders)})
	return shown, nil
}

// age says how long ago something was, in hours or days.
func (k *Console) age(c *gin.Context, since time.Time) string {
	hours := int(k.Now().Sub(since).Hours())
	if hours < 48 {
		return web.Tr(c, fmt.Sprintf("%d 小时", hours), fmt.Sprintf("%d h", hours))
	}
	return web.Tr(c, fmt.Sprintf("%d 天", hours/24), fmt.Sprintf("%d days", hours/24))
}

func orderTable(c *gin.Context, slug string, book *campaign.RuleBook, orders []disbursement.OrderSeen) *web.Table {
	table := &web.Table{Caption: web.Tr(c, "指令", "Orders"), Columns: heads(c, "指令号", "Order", "状态", "Status", "机构", "Operator", "#金额（元）", "#Amount (yuan)", "原因", "Reason", "#次数", "#Attempts", "变更", "Changed", "批次", "Batch"),
		Empty: web.Empty{Title: web.Tr(c, "没有符合条件的指令", "No order matches")}, Next: web.NextPage(c, len(orders), orderPage)}
	for _, o := range orders {
		number := web.Text(o.OrderNo)
		number.Note = o.OperatorRef
		reason := web.Text("")
		if o.Reason != "" {
			reason = web.Cell{Text: orderReason(c, o.Reason), Note: o.ReplacedBy}
		}
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{number, web.State("order." + string(o.Status)), web.Text(operatorTitle(c, book, o.Operator)), web.Money(o.AmountFen), reason, web.Number(o.Attempts), web.When(o.ChangedAt),
			web.Link(fmt.Sprintf("#%d", o.BatchID), batchAddress(slug, o.BatchID))}})
	}
	return table
}

// batch is one batch: how far it is, and its orders, filtered and paged.
func (k *Console) batch(c *gin.Context) (page, error) {
	found, batch, err := inCampaign(k, c, disbursement.ErrNoBatch, k.Money.Batch)
	if err != nil {
		return page{}, err
	}
	counts, err := k.Money.BatchCounts(c.Request.Context(), batch.ID)
	if err != nil {
		return page{}, err
	}
	book, err := k.Campaigns.RuleBook(c.Request.Context(), found.ID)
	if err != nil {
		return page{}, err
	}
	orders, err := k.Money.BatchOrders(c.Request.Context(), batch.ID, disbursement.OrderFilter{Status: disbursement.OrderStatus(c.Query("status")), Operator: c.Query("operator"), Page: web.PageOf(c), Size: orderPage})
	if err != nil {
		return page{}, err
	}
	chart := &bars{Title: web.Tr(c, "指令，按状态（笔）", "Orders by status")}
	status := web.Field{Name: "status", Label: web.Tr(c, "状态", "Status"), Type: "select", Value: c.Query("status"), Options: []web.Option{everything(c)}}
	for _, s := range disbursement.OrderStatuses {
		word := web.StatusOf(web.Locale(c), "order."+string(s)).Word
		status.Options = append(status.Options, web.Option{Value: string(s), Label: word})
		if counts[s] > 0 {
			chart.Rows = append(chart.Rows, bar{Label: word, Part: counts[s], Whole: batch.Orders, Text: web.Count(counts[s])})
		}
	}
	operator := web.Field{Name: "operator", Label: web.Tr(c, "机构", "Operator"), Type: "select", Value: c.Query("operator"), Options: []web.Option{everything(c)}}
	for _, o := range book.Operators {
		operator.Options = append(operator.Options, web.Option{Value: o.Name, Label: o.Title.In(web.Locale(c))})
	}
	facts := []fact{{Label: web.Tr(c, "笔数", "Orders"), Value: web.Count(batch.Orders)}, {Label: web.Tr(c, "金额", "Amount"), Value: web.Yuan(batch.TotalFen) + web.Tr(c, " 元", " yuan")},
		{Label: web.Tr(c, "经办", "Prepared by"), Value: batch.PreparedBy}, {Label: web.Tr(c, "时间", "When"), Value: web.Date(batch.PreparedAt)}}
	if batch.ApprovalID > 0 {
		facts = append(facts, fact{Label: web.Tr(c, "审批", "Approval"), Value: fmt.Sprintf("#%d", batch.ApprovalID), URL: fmt.Sprintf("/console/approvals/%d", batch.ApprovalID)})
	}
	return page{Title: batchName(c, batch), Chip: "batch." + string(batch.Status), State: found.Name(web.Locale(c)), Back: web.Tr(c, "发放", "Disbursement"), BackURL: "/console/disbursement?campaign=" + url.QueryEscape(found.Slug),
		Blocks: []block{{Columns: []block{{Facts: facts}, {Bars: chart}}}, {Filters: filters(c, status, operator)}, {Title: web.Tr(c, "指令", "Orders"), Table: orderTable(c, found.Slug, book, orders)}}}, nil
}
