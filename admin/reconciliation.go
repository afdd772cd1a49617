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
	differences, err := k.Money.Differences(c.Request.Context(), chosen.ID)
	if err != nil {
		return shown, err
	}
	statements, err := k.Money.Statements(c.Request.Context(), chosen.ID)
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
		k.Money.ResolveDifference(c.Request.Context(), web.ActorOf(c).Username, found.ID, id, c.PostForm("reason"))
}
