package admin

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"hongbao/internal/staff"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// kinds names what a second person is asked for.
var kinds = map[string][2]string{
	"campaign.publish":     {"批准活动", "Approve a campaign"},
	"identity.destroy":     {"销毁活动密钥", "Destroy a campaign's key"},
	"draw.notice":          {"发布抽签公告", "Publish the draw notice"},
	"draw.void":            {"作废抽签", "Void a draw"},
	"disbursement.batch":   {"批准资金批次", "Approve a batch of money"},
	"disbursement.reissue": {"批准补发", "Approve a reissue"},
	"return.surplus":       {"退回结余资金", "Return the surplus"},
	"funding.receive":      {"确认资金到位", "Confirm funds received"},
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
	found, err := k.visibleApprovals(c, c.Query("status"))
	if err != nil {
		return err
	}
	answer := []approvalJSON{}
	for _, a := range found {
		one := approvalJSON{ID: a.ID, Kind: a.Kind, Subject: a.Subject, Summary: a.Summary, Status: a.Status, Maker: a.Maker,
			MadeAt: web.ISO(a.MadeAt), Checker: a.Checker, Reason: a.Reason}
		if a.DecidedAt != 0 {
			one.DecidedAt = web.ISO(a.DecidedAt)
		}
		answer = append(answer, one)
	}
	c.JSON(http.StatusOK, gin.H{"approvals": answer})
	return nil
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
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return staff.Approval{}, staff.ErrNoApproval
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
		Columns: heads(c, "事项", "What", "活动", "Campaign", "状态", "Status", "经办", "Maker", "提交时间", "Asked at", "复核", "Checker"),
		Empty:   web.Empty{Title: web.Tr(c, "没有待复核的事项", "Nothing waits for a decision"), Text: web.Tr(c, "活动发布、抽签公告、资金批次都会出现在这里。", "Campaigns, draw notices and batches of money appear here.")}}
	for _, a := range found {
		table.Rows = append(table.Rows, web.Row{URL: fmt.Sprintf("/console/approvals/%d", a.ID), Cells: []web.Cell{
			web.Text(kindName(c, a.Kind)), {Text: names[a.CampaignID], Note: subjectText(c, a)}, web.State(a.Status), web.Text(a.Maker), web.When(a.MadeAt), web.Text(a.Checker)}})
	}
	state := web.Tr(c, "经办人不能复核自己提交的事项。", "Nobody decides on what they asked for.")
	return page{Title: web.Tr(c, "审批", "Approvals"), State: state,
		Blocks: []block{{Filters: statusFilter(c, status, "pending", "approved", "rejected", "withdrawn")}, {Table: &table}}}, nil
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
	shown.Blocks = []block{{Columns: []block{
		{Title: web.Tr(c, "将要发生什么", "What will happen"), Facts: summaryFacts(c, a.Summary)},
		{Title: web.Tr(c, "经办与复核", "Maker and checker"), Timeline: chain}}}}
	if a.Status == "pending" && a.Maker != web.ActorOf(c).Username && k.mayCheck(c) {
		shown.Blocks = append(shown.Blocks, block{Title: web.Tr(c, "复核", "Decide"), Acts: decisions(c, a)})
	}
	return shown, nil
}

// subjectText says what is asked about: money by what it is and its number, everything else by its own name.
func subjectText(c *gin.Context, a staff.Approval) string {
	if _, err := strconv.Atoi(a.Subject); err != nil {
		return a.Subject
	}
	switch a.Kind {
	case "funding.receive":
		return web.Tr(c, "到账记录 "+a.Subject, "Receipt "+a.Subject)
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

func decisions(c *gin.Context, a staff.Approval) []act {
	address := fmt.Sprintf("/console/approvals/%d", a.ID)
	reason := web.Field{Name: "reason", Label: web.Tr(c, "核对说明或驳回理由", "What you compared, or why not"), Type: "textarea", Rows: 2, Required: true}
	return []act{
		{Title: web.Tr(c, "批准", "Approve"), Open: true, Text: web.Tr(c, "批准后立即执行，无法撤回。", "It takes effect at once and cannot be taken back."),
			Form: web.Form{Action: address, Submit: web.Tr(c, "批准", "Approve"), Hidden: map[string]string{"decision": "approve"}, Fields: []web.Field{reason}}},
		{Title: web.Tr(c, "驳回", "Reject"), Form: web.Form{Action: address, Submit: web.Tr(c, "驳回", "Reject"), Danger: true,
			Hidden: map[string]string{"decision": "reject"}, Fields: []web.Field{reason}}}}
}

func (k *Console) decide(c *gin.Context) (string, error) {
	approve := c.PostForm("decision") == "approve"
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
