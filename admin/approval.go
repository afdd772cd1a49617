package admin

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"hongbao/internal/money"
	"hongbao/internal/staff"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// kinds names what a second person is asked for.
var kinds = map[string][2]string{
	"campaign.publish":     {"批准活动", "Approve a campaign"},
	"identity.destroy":     {"销毁活动密钥", "Destroy a campaign's key"},
	"risk.exclude":         {"按风险规则排除", "Exclude by a risk rule"},
	"registration.exclude": {"排除一项登记", "Exclude a registration"},
	"draw.notice":          {"发布抽签公告", "Publish the draw notice"},
	"draw.void":            {"作废抽签", "Void a draw"},
	"draw.ceremony":        {"抽签仪式：确认封存内容", "Ceremony: confirm what is sealed"},
	"disbursement.batch":   {"批准资金批次", "Approve a batch of money"},
	"disbursement.reissue": {"批准补发", "Approve a reissue"},
	"return.surplus":       {"退回结余资金", "Return the surplus"},
	"funding.receive":      {"确认资金到位", "Confirm funds received"},
	"closeout.issue":       {"出具结清证明", "Issue the close-out certificate"},
	"winners.files":        {"批准中签名单文件", "Approve the winners' files"},
	"settlement.release":   {"解除暂缓结算", "Release a hold"},
	"settlement.payout":    {"确认商户结算付款", "Confirm a payout to merchants"},
}

func kindName(c *gin.Context, kind string) string {
	name, ok := kinds[kind]
	if !ok {
		return kind
	}
	return web.Tr(c, name[0], name[1])
}

type approvalJSON struct {
	ID        int64  `json:"id"`
	Campaign  string `json:"campaign,omitempty"`
	Kind      string `json:"kind"`
	Subject   string `json:"subject"`
	Summary   any    `json:"summary"`
	Status    string `json:"status"`
	Maker     string `json:"maker"`
	MadeAt    string `json:"made_at"`
	Checker   string `json:"checker,omitempty"`
	DecidedAt string `json:"decided_at,omitempty"`
	Reason    string `json:"reason,omitempty"`
}

// listApprovals is GET /api/v1/admin/approvals?status=.
func (k *Console) listApprovals(c *gin.Context) error {
	window, err := web.WindowOf(c)
	if err != nil {
		return err
	}
	found, err := k.Staff.List(c.Request.Context(), staff.ApprovalFilter{Status: c.Query("status"), City: web.ActorOf(c).City, Before: window.After, Limit: window.Limit + 1})
	answer := []approvalJSON{}
	for _, a := range found {
		one := approvalJSON{ID: a.ID, Kind: a.Kind, Subject: a.Subject, Summary: a.Summary, Status: a.Status, Maker: a.Maker,
			MadeAt: web.ISO(a.MadeAt), Checker: a.Checker, Reason: a.Reason}
		if a.DecidedAt != 0 {
			one.DecidedAt = web.ISO(a.DecidedAt)
		}
		answer = append(answer, one)
	}
	return web.WriteList(c, window, "approvals", answer, err, func(a approvalJSON) int64 { return a.ID })
}

type decisionJSON struct {
	Approve bool   `json:"approve"`
	Reason  string `json:"reason,omitempty"` // required to reject
}

// decideApproval is POST /api/v1/admin/approvals/:id/decision.
func (k *Console) decideApproval(c *gin.Context) error {
	var in decisionJSON
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	if err := k.settle(c, in.Approve, in.Reason); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// settle decides the approval in the path in the name of the person behind the request.
func (k *Console) settle(c *gin.Context, approve bool, reason string) error {
	asked, err := k.visibleApproval(c)
	if err != nil {
		return err
	}
	checker, err := k.Staff.Account(c.Request.Context(), web.SessionToken(c))
	if err != nil {
		return err
	}
	return k.Staff.Decide(c.Request.Context(), asked.ID, checker, approve, reason)
}

// visibleApprovals are the newest approvals of the cities that the person serves.
func (k *Console) visibleApprovals(c *gin.Context, status string) ([]staff.Approval, error) {
	return k.Staff.List(c.Request.Context(), staff.ApprovalFilter{Status: status, City: web.ActorOf(c).City, Limit: 200})
}

func (k *Console) visibleApproval(c *gin.Context) (staff.Approval, error) {
	id, err := web.PathID(c, "id", staff.ErrNoApproval)
	if err != nil {
		return staff.Approval{}, err
	}
	a, err := k.Staff.Approval(c.Request.Context(), id)
	if err == nil && a.City != "" && !web.ActorOf(c).Sees(a.City) {
		err = staff.ErrNoApproval
	}
	return a, err
}

// approvals is the inbox.
func (k *Console) approvals(c *gin.Context) (page, error) {
	status := cmp.Or(c.Query("status"), "pending")
	found, err := k.visibleApprovals(c, status)
	if err != nil {
		return page{}, err
	}
	names, err := k.campaignNames(c)
	if err != nil {
		return page{}, err
	}
	table := web.Table{Caption: web.Tr(c, "审批事项", "Approvals"),
		Columns: heads(c, "事项", "What", "活动", "Campaign", "#金额（元）", "#Amount (yuan)", "#数量", "#Count", "状态", "Status", "经办", "Maker", "提交时间", "Asked at", "复核", "Checker"),
		Empty:   web.Empty{Title: web.Tr(c, "没有待复核的事项", "Nothing waits for a decision"), Text: web.Tr(c, "活动发布、抽签公告、资金批次都会出现在这里。", "Campaigns, draw notices and batches of money appear here.")}}
	var sum money.Fen
	for _, a := range found {
		stake := stakeOf(a.Summary)
		sum += stake.amount
		table.Rows = append(table.Rows, web.Row{URL: fmt.Sprintf("/console/approvals/%d", a.ID), Cells: []web.Cell{
			web.Text(kindName(c, a.Kind)), {Text: names[a.CampaignID], Note: subjectText(c, a)}, stake.amountCell(), stake.countCell(), web.State(a.Status), web.Text(a.Maker), web.When(a.MadeAt), web.Text(a.Checker)}})
	}
	state := web.Tr(c, "经办人不能复核自己提交的事项。", "Nobody decides on what they asked for.")
	figures := []web.Figure{{Label: web.StatusOf(web.Locale(c), status).Word, Value: web.Count(len(found)), Unit: web.Tr(c, "项", "")},
		{Label: web.Tr(c, "涉及金额", "Money at stake"), Value: web.Yuan(sum), Unit: web.Tr(c, "元", "yuan")}}
	if n := len(found); n > 0 && status == staff.Pending {
		figures = append(figures, web.Figure{Label: web.Tr(c, "最早提交", "Oldest"), Value: web.Clock(found[n-1].MadeAt)[5:]})
	}
	return page{Title: web.Tr(c, "审批", "Approvals"), State: state,
		Blocks: []block{{Figures: figures}, {Filters: statusFilter(c, status, "pending", "approved", "rejected", "withdrawn")}, {Table: &table}}}, nil
}

// stake is what an approval is about in figures; 0 is none.
type stake struct {
	amount money.Fen
	count  int64
}

// stakeOf reads the figures off a summary by the names that rooms give them.
func stakeOf(summary any) stake {
	var s struct {
		Total, Amount, Budget, Held             money.Fen
		Orders, Envelopes, Entries, Settlements int64
	}
	fields := map[string]any{"total_fen": &s.Total, "amount_fen": &s.Amount, "budget_fen": &s.Budget, "held_fen": &s.Held,
		"orders": &s.Orders, "envelopes": &s.Envelopes, "entries": &s.Entries, "settlements": &s.Settlements}
	for name, value := range entriesOf(summary) {
		if into, ok := fields[name]; ok {
			_ = json.Unmarshal(value, into) // a value that is no number is not at stake
		}
	}
	return stake{cmp.Or(s.Total, s.Amount, s.Budget, s.Held), cmp.Or(s.Orders, s.Envelopes, s.Entries, s.Settlements)}
}

func entriesOf(summary any) (entries map[string]json.RawMessage) {
	if raw, err := json.Marshal(summary); err == nil {
		_ = json.Unmarshal(raw, &entries) // a summary in words has no entries
	}
	return entries
}

func (s stake) amountCell() web.Cell {
	if s.amount == 0 {
		return web.Text("")
	}
	return web.Money(s.amount)
}

func (s stake) countCell() web.Cell {
	if s.count == 0 {
		return web.Text("")
	}
	return web.Number(s.count)
}

// approval is one approval: what it will do in figures, the chain of people, and the decision.
func (k *Console) approval(c *gin.Context) (page, error) {
	a, err := k.visibleApproval(c)
	if err != nil {
		return page{}, err
	}
	names, err := k.campaignNames(c)
	if err != nil {
		return page{}, err
	}
	shown := page{Title: kindName(c, a.Kind), Chip: a.Status, State: strings.TrimPrefix(names[a.CampaignID]+" · "+subjectText(c, a), " · "),
		Back: web.Tr(c, "审批", "Approvals"), BackURL: "/console/approvals"}
	chain := []web.Event{{Title: web.Tr(c, "经办提交", "Asked"), At: web.Date(a.MadeAt), Actor: a.Maker, State: "done"}}
	if a.Status == "pending" {
		chain = append(chain, web.Event{Title: web.Tr(c, "等待另一位同事复核", "Waiting for a second person"), State: "now"})
	} else {
		chain = append(chain, web.Event{Title: web.StatusOf(web.Locale(c), a.Status).Word, At: web.Date(a.DecidedAt), Actor: a.Checker, Text: a.Reason, State: "done"})
	}
	if at := stakeOf(a.Summary); at.amount > 0 {
		figures := []web.Figure{{Label: web.Tr(c, "涉及金额", "Money at stake"), Value: web.Yuan(at.amount), Unit: web.Tr(c, "元", "yuan")}}
		if at.count > 0 {
			figures = append(figures, web.Figure{Label: web.Tr(c, "数量", "Count"), Value: web.Count(at.count)})
		}
		shown.Blocks = []block{{Figures: figures}}
	}
	shown.Blocks = append(shown.Blocks, block{Columns: []block{
		{Title: web.Tr(c, "将要发生什么", "What will happen"), Facts: summaryFacts(c, a.Summary)},
		{Title: web.Tr(c, "经办与复核", "Maker and checker"), Timeline: chain}}})
	if a.Status == "pending" && a.Maker != web.ActorOf(c).Username && k.mayCheck(c) {
		shown.Blocks = append(shown.Blocks, block{Title: web.Tr(c, "复核", "Decide"), Acts: decisions(c, a, names[a.CampaignID])})
	}
	return shown, nil
}

// subjectText says what is asked about: money by what it is and its number, everything else by its own name.
func subjectText(c *gin.Context, a staff.Approval) string {
	if entry, ok := strings.CutPrefix(a.Subject, "entry "); ok {
		return web.Tr(c, "抽签编号 ", "Entry ") + web.Short(entry)
	}
	if _, err := strconv.Atoi(a.Subject); err != nil {
		return a.Subject
	}
	switch a.Kind {
	case "funding.receive":
		return web.Tr(c, "到账记录 "+a.Subject, "Receipt "+a.Subject)
	case "closeout.issue":
		return web.Tr(c, "资金结清", "Close-out")
	case "winners.files":
		return web.Tr(c, "各机构的中签名单", "Each operator's winners")
	case "settlement.release":
		return web.Tr(c, "暂缓记录 "+a.Subject, "Hold "+a.Subject)
	case "settlement.payout":
		return web.Tr(c, "结算付款 "+a.Subject, "Payout "+a.Subject)
	}
	return web.Tr(c, "资金批次 "+a.Subject, "Batch "+a.Subject)
}

// mayCheck says whether the person's role decides on anything; Decide itself looks at the kind.
func (k *Console) mayCheck(c *gin.Context) bool {
	actor := web.ActorOf(c)
	return k.may(actor, staff.CampaignApprove) || k.may(actor, staff.DrawConfirm) || k.may(actor, staff.MoneyApprove)
}

// dangerous are the kinds of approval that end something: whoever approves one types what it is about.
var dangerous = []string{"draw.void", "return.surplus"}

// decisions is one form with two buttons. The campaign's name is typed for what cannot be made good.
func decisions(c *gin.Context, a staff.Approval, campaign string) []act {
	address := fmt.Sprintf("/console/approvals/%d", a.ID)
	form := web.Form{Action: address, Submit: web.Tr(c, "批准", "Approve"), Hidden: map[string]string{"decision": "approve"}, Other: web.Tr(c, "驳回", "Reject"), OtherAction: address + "?decision=reject",
		Fields: []web.Field{{Name: "reason", Label: web.Tr(c, "核对说明或驳回理由", "What you compared, or why not"), Type: "textarea", Rows: 2, Required: true, Value: c.PostForm("reason")}}}
	if slices.Contains(dangerous, a.Kind) {
		form.Danger, form.Fields = true, append(form.Fields, confirmField(c, campaign))
	}
	return []act{{Title: web.Tr(c, "批准或驳回", "Approve or reject"), Open: true, Text: web.Tr(c, "批准后立即执行，无法撤回。", "Approval takes effect at once and cannot be taken back."), Form: form}}
}

func (k *Console) decide(c *gin.Context) (string, error) {
	approve := c.PostForm("decision") == "approve" && c.Query("decision") != "reject"
	asked, err := k.visibleApproval(c)
	if err != nil {
		return "", err
	}
	if approve && slices.Contains(dangerous, asked.Kind) {
		names, err := k.campaignNames(c)
		if err == nil {
			err = confirmed(c, names[asked.CampaignID])
		}
		if err != nil {
			return "", err
		}
	}
	if err := k.settle(c, approve, c.PostForm("reason")); err != nil {
		return "", err
	}
	if approve {
		return done("/console/approvals/"+c.Param("id"), "approved"), nil
	}
	return done("/console/approvals/"+c.Param("id"), "rejected"), nil
}

// summaryFacts shows a summary's entries by name; amounts in fen are shown in yuan.
func summaryFacts(c *gin.Context, summary any) []fact {
	raw, err := json.Marshal(summary)
	if err != nil {
		return nil
	}
	var entries map[string]any
	if json.Unmarshal(raw, &entries) != nil {
		return []fact{{Label: web.Tr(c, "内容", "Content"), Value: string(raw)}}
	}
	names := make([]string, 0, len(entries))
	for name := range entries {
		names = append(names, name)
	}
	slices.Sort(names)
	facts := make([]fact, 0, len(names))
	for _, name := range names {
		facts = append(facts, summaryFact(c, name, entries[name]))
	}
	return facts
}
