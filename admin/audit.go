package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"hongbao/internal/audit"
	"hongbao/internal/fault"
	"hongbao/internal/web"
	"hongbao/reporting"

	"github.com/gin-gonic/gin"
)

type entryJSON struct {
	Seq      int64  `json:"seq"`
	At       string `json:"at"`
	Actor    string `json:"actor"`
	Action   string `json:"action"`
	Campaign string `json:"campaign,omitempty"`
	Subject  string `json:"subject,omitempty"`
	Detail   any    `json:"detail"`
}

// verifiedJSON says how far the chain holds; Broken is the first place where it does not.
type verifiedJSON struct {
	Entries int64  `json:"entries"`
	OK      bool   `json:"ok"`
	Broken  string `json:"broken,omitempty"`
}

var auditQuery = map[string]string{"campaign": "Id of a campaign", "actor": "Username", "action": "What was done"}

// listAudit is GET /api/v1/admin/audit, newest first.
func (k *Console) listAudit(c *gin.Context) error {
	window, err := web.WindowOf(c)
	if err != nil {
		return err
	}
	entries, err := k.auditEntries(c, window)
	answer := make([]entryJSON, len(entries))
	for i, e := range entries {
		answer[i] = entryJSON{e.Seq, web.ISO(e.At), e.Actor, e.Action, e.Campaign, e.Subject, e.Detail}
	}
	return web.WriteList(c, window, "entries", answer, err, func(e entryJSON) int64 { return e.Seq })
}

// verifyAudit is POST /api/v1/admin/audit/verify: it recomputes the whole chain.
func (k *Console) verifyAudit(c *gin.Context) error {
	n, err := audit.Verify(c.Request.Context(), k.DB)
	if err != nil && !errors.Is(err, audit.ErrBroken) {
		return err
	}
	answer := verifiedJSON{Entries: int64(n), OK: err == nil}
	if err != nil {
		answer.Broken = err.Error()
	}
	c.JSON(http.StatusOK, answer)
	return nil
}

var errWholeRecord = fault.New(fault.Forbidden, "one-city", "跨城市的审计记录只对负责全部城市的账号开放，请先选择一个活动。", "The record of all cities is for accounts that serve all of them; choose a campaign first.")

// auditEntries reads by the filters in the address. Someone who serves one city reads campaign by campaign.
func (k *Console) auditEntries(c *gin.Context, window web.Window) ([]audit.Entry, error) {
	filter := audit.Filter{Campaign: c.Query("campaign"), Actor: c.Query("actor"), Action: c.Query("action"), Before: window.After, Limit: window.Limit + 1}
	actor := web.ActorOf(c)
	if filter.Campaign == "" && actor.City != "*" {
		return nil, errWholeRecord
	}
	if filter.Campaign != "" {
		campaign, err := k.Campaigns.BySlug(c.Request.Context(), filter.Campaign)
		if err != nil {
			return nil, err
		}
		if err := actor.MustSee(campaign.City); err != nil {
			return nil, err
		}
	}
	return audit.List(c.Request.Context(), k.DB, filter)
}

// auditTrail is the page of who did what.
func (k *Console) auditTrail(c *gin.Context) (page, error) {
	shown := page{Title: web.Tr(c, "审计", "Audit"),
		State: web.Tr(c, "每条记录的指纹都包含上一条，改动、删除或插入都会被发现。", "Each entry's hash covers the one before: a change, a gap or an insertion shows.")}
	campaign, err := k.campaignField(c)
	if err != nil {
		return shown, err
	}
	shown.Blocks = []block{{Filters: filters(c, campaign, web.Field{Name: "actor", Label: web.Tr(c, "人员", "Who"), Value: c.Query("actor")},
		web.Field{Name: "action", Label: web.Tr(c, "操作", "Action"), Value: c.Query("action")})}}
	window, err := web.WindowOf(c)
	if err != nil {
		return shown, err
	}
	entries, err := k.auditEntries(c, window)
	if errors.Is(err, errWholeRecord) {
		shown.Alert = &alert{Text: web.Sentence(c, err)}
		return shown, nil
	}
	if err != nil {
		return shown, err
	}
	table := auditTable(c, window, entries)
	shown.Blocks = append(shown.Blocks, block{Acts: proofs(c)}, block{Table: &table})
	return shown, nil
}

// proofs are what anybody with a right to the record may have recomputed.
func proofs(c *gin.Context) []act {
	return []act{
		{Title: web.Tr(c, "核验审计链", "Verify the chain"), Text: web.Tr(c, "从第一条记录开始重算全部指纹。", "Recomputes every hash from the first entry."),
			Form: web.Form{Action: "/console/audit/verify", Submit: web.Tr(c, "开始核验", "Verify")}},
		{Title: web.Tr(c, "账实核对", "Check the books"), Text: web.Tr(c, "从数据库的每一行重新计算全部不变式。", "Recomputes every invariant from the stored rows."),
			Form: web.Form{Action: "/console/audit/check", Submit: web.Tr(c, "开始核对", "Check")}}}
}

func auditTable(c *gin.Context, window web.Window, entries []audit.Entry) web.Table {
	table := web.Table{Caption: web.Tr(c, "审计记录", "Audit entries"), Columns: heads(c, "#序号", "#No.", "时间", "When", "人员", "Who", "操作", "Action", "对象", "Subject", "内容", "Detail"),
		Empty: web.Empty{Title: web.Tr(c, "没有符合条件的记录", "No entry matches")}}
	for _, e := range entries[:min(len(entries), window.Limit)] {
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.Number(e.Seq), web.When(e.At), web.Text(e.Actor), web.Text(e.Action),
			{Text: e.Subject, Note: e.Campaign}, {Text: detailText(c, e.Detail), Kind: "muted"}}})
	}
	table.Next = web.NextURL(c, window, entries, func(e audit.Entry) int64 { return e.Seq })
	return table
}

// detailShown is how many characters of a detail stand on the page. A look at a thousand people is longer; the workbooks have it whole.
const detailShown = 300

func detailText(c *gin.Context, detail any) string {
	raw, ok := detail.(json.RawMessage)
	var value any
	if !ok || json.Unmarshal(raw, &value) != nil || value == nil {
		return ""
	}
	text := []rune(summaryValue(c, value, false))
	if len(text) > detailShown {
		return string(text[:detailShown]) + "…"
	}
	return string(text)
}

// auditVerified is the trail with the result of a verification above it.
func (k *Console) auditVerified(c *gin.Context) (page, error) {
	shown, err := k.auditTrail(c)
	if err != nil {
		return shown, err
	}
	n, err := audit.Verify(c.Request.Context(), k.DB)
	switch {
	case errors.Is(err, audit.ErrBroken):
		shown.Alert = &alert{Tone: "danger", Title: web.Tr(c, "审计链已断裂", "The chain is broken"), Text: err.Error()}
	case err != nil:
		return shown, err
	default:
		shown.Alert = &alert{Tone: "success", Text: web.Tr(c, fmt.Sprintf("已核验 %s 条，首尾相接，没有改动。", web.Count(n)), fmt.Sprintf("%s entries verified; the chain is whole.", web.Count(n)))}
	}
	return shown, nil
}

// auditChecked is the trail with every invariant recomputed.
func (k *Console) auditChecked(c *gin.Context) (page, error) {
	shown, err := k.auditTrail(c)
	if err != nil {
		return shown, err
	}
	results, err := reporting.Check(c.Request.Context(), k.DB)
	if err != nil {
		return shown, err
	}
	table := web.Table{Caption: web.Tr(c, "核对结果", "Results"), Columns: heads(c, "不变式", "Invariant", "结果", "Result", "说明", "Detail")}
	broken := 0
	for _, r := range results {
		state := "ok"
		if !r.OK {
			state, broken = "error", broken+1
		}
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.Text(r.Name), web.State(state), web.Text(r.Detail)}})
	}
	shown.Alert = &alert{Tone: "success", Text: web.Tr(c, fmt.Sprintf("%d 项不变式全部成立。", len(results)), fmt.Sprintf("All %d invariants hold.", len(results)))}
	if broken > 0 {
		shown.Alert = &alert{Tone: "danger", Text: web.Tr(c, fmt.Sprintf("%d 项不成立，请立即核查。", broken), fmt.Sprintf("%d do not hold; look into them now.", broken))}
	}
	shown.Blocks = append([]block{{Table: &table}}, shown.Blocks...)
	return shown, nil
}
