package admin

import (
	"fmt"
	"net/url"
	"strconv"

	"hongbao/campaign"
	"hongbao/disbursement"
	"hongbao/internal/fault"
	"hongbao/internal/staff"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// reconciliation compares the operators' daily statements with our rows and the ledger.
func (k *Console) reconciliation(c *gin.Context) (page, error) {
	shown, chosen, field, err := k.onCampaign(c, page{Title: web.Tr(c, "对账", "Reconciliation"), State: web.Tr(c, "每日对账单、我方指令和总账三方核对。", "Daily statements, our orders and the ledger, held against one another.")})
	if err != nil || chosen.ID == 0 {
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
	shown.Blocks = []block{{Filters: filters(c, field)}, {Title: web.Tr(c, "差异", "Differences"), Table: differenceTable(c, chosen.Slug, differences)}}
	shown.Blocks = append(shown.Blocks, block{Title: web.Tr(c, "对账单", "Statements"), Table: statementTable(c, statements)})
	return shown, nil
}

// differenceKinds says in words what does not agree.
var differenceKinds = map[string][2]string{"missing-here": {"我方没有", "Missing here"}, "missing-there": {"银行没有", "Missing there"}, "amount": {"金额不同", "Amount"},
	"status": {"状态不同", "Status"}, "refund-order": {"退款顺序", "Refund order"}, "ledger": {"总账不符", "Ledger"}, "event-refused": {"事件被拒", "Event refused"}}

func differenceTable(c *gin.Context, slug string, differences []disbursement.Difference) *web.Table {
	table := &web.Table{Caption: web.Tr(c, "差异", "Differences"), Columns: heads(c, "#编号", "#No.", "类别", "Kind", "状态", "Status", "机构与日期", "Operator and day", "我方", "Ours", "银行", "Theirs", "处理", "Resolved"),
		Empty: web.Empty{Title: web.Tr(c, "没有差异", "No differences"), Text: web.Tr(c, "对账单与我方记录一致。", "Statements and our rows agree.")}}
	for _, d := range differences {
		kind := web.Cell{Text: differenceKind(c, d.Kind), Note: d.OrderNo}
		resolved := web.Text(d.Owner)
		resolved.Note = d.Reason
		table.Rows = append(table.Rows, web.Row{URL: differenceAddress(slug, d.ID), Cells: []web.Cell{web.Number(d.ID), kind, web.State("difference." + d.Status), {Text: d.Operator, Note: d.Day}, web.Text(d.Ours), web.Text(d.Theirs), resolved}})
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

func differenceKind(c *gin.Context, code string) string {
	known, ok := differenceKinds[code]
	if !ok {
		return code
	}
	return web.Tr(c, known[0], known[1])
}

func differenceAddress(slug string, id int64) string {
	return fmt.Sprintf("/console/reconciliation/%s/differences/%d", slug, id)
}

var errNoDifference = fault.New(fault.NotFound, "difference-missing", "没有这条差异。", "There is no such difference.")

// theDifference is the one in the path, if it is of the campaign in the path.
func (k *Console) theDifference(c *gin.Context) (campaign.Campaign, disbursement.Difference, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return found, disbursement.Difference{}, err
	}
	all, err := k.Money.Differences(c.Request.Context(), found.ID)
	for _, d := range all {
		if strconv.FormatInt(d.ID, 10) == c.Param("id") {
			return found, d, nil
		}
	}
	if err == nil {
		err = errNoDifference
	}
	return found, disbursement.Difference{}, err
}

// difference is one of them: what each side says, and who dealt with it.
func (k *Console) difference(c *gin.Context) (page, error) {
	found, d, err := k.theDifference(c)
	if err != nil {
		return page{}, err
	}
	history := []web.Event{{Title: web.Tr(c, "对账发现", "Found"), At: web.Date(d.FoundAt), Actor: d.Operator + " · " + d.Day, State: "done"}}
	if d.Status == "open" {
		history = append(history, web.Event{Title: web.Tr(c, "等待查明", "To be explained"), State: "now"})
	} else {
		history = append(history, web.Event{Title: web.StatusOf(web.Locale(c), d.Status).Word, At: web.Date(d.ResolvedAt), Actor: d.Owner, Text: d.Reason, State: "done"})
	}
	shown := page{Title: differenceKind(c, d.Kind), Chip: "difference." + d.Status, State: found.Name(web.Locale(c)),
		Back: web.Tr(c, "对账", "Reconciliation"), BackURL: "/console/reconciliation?campaign=" + url.QueryEscape(found.Slug), Blocks: []block{{Columns: []block{
			{Title: web.Tr(c, "两方各怎么说", "What each side says"), Facts: []fact{{Label: web.Tr(c, "指令或事件号", "Order or event"), Value: d.OrderNo}, {Label: web.Tr(c, "运营机构", "Operator"), Value: d.Operator},
				{Label: web.Tr(c, "日期", "Day"), Value: d.Day}, {Label: web.Tr(c, "我方", "Ours"), Value: d.Ours}, {Label: web.Tr(c, "银行", "Theirs"), Value: d.Theirs}}},
			{Title: web.Tr(c, "经过", "History"), Timeline: history}}}}}
	if d.Status == "open" && k.may(web.ActorOf(c), staff.MoneyPrepare) {
		shown.Blocks = append(shown.Blocks, block{Acts: []act{{Title: web.Tr(c, "标记为已处理", "Mark as resolved"), Open: true,
			Text: web.Tr(c, "写明查到的原因和凭证，记录永久保留。", "Say what was found and on what evidence; it stays on the record."),
			Form: web.Form{Action: differenceAddress(found.Slug, d.ID), Submit: web.Tr(c, "标记为已处理", "Mark as resolved"), Fields: []web.Field{
				{Name: "reason", Label: web.Tr(c, "处理理由", "Reason"), Type: "textarea", Rows: 2, Required: true, MaxLength: 200, Value: c.PostForm("reason")}}}}}})
	}
	return shown, nil
}

func (k *Console) resolveDifference(c *gin.Context) (string, error) {
	found, d, err := k.theDifference(c)
	if err != nil {
		return "", err
	}
	return done(differenceAddress(found.Slug, d.ID), "saved"), k.Money.ResolveDifference(c.Request.Context(), web.ActorOf(c).Username, found.ID, d.ID, c.PostForm("reason"))
}
