package admin

import (
	"fmt"
	"strconv"
	"strings"

	"hongbao/campaign"
	"hongbao/internal/fault"
	"hongbao/internal/staff"
	"hongbao/internal/web"
	"hongbao/lottery"
	"hongbao/lottery/draw"

	"github.com/gin-gonic/gin"
)

// draws lists the draw of each campaign.
func (k *Console) draws(c *gin.Context) (page, error) {
	all, err := k.visibleCampaigns(c)
	if err != nil {
		return page{}, err
	}
	table := web.Table{Caption: web.Tr(c, "抽签", "Draws"), Empty: noCampaigns(c),
		Columns: heads(c, "活动", "Campaign", "抽签进度", "Draw", "#登记", "#Registered", "#参加抽签", "#Entries", "#中签", "#Winners", "信标时间", "Beacon")}
	for _, one := range all {
		view, err := k.drawView(c, one.Slug)
		if err != nil {
			return page{}, err
		}
		table.Rows = append(table.Rows, drawRow(c, one, view))
	}
	return page{Title: web.Tr(c, "抽签", "Draws"), State: web.Tr(c, "每一步都要见证人签名达到法定数才会继续，谁也不能跳过或退回。", "Each step waits for the witnesses' quorum; nobody can skip one or go back."),
		Blocks: []block{{Table: &table}}}, nil
}

func drawRow(c *gin.Context, one campaign.Campaign, view *lottery.View) web.Row {
	row := web.Row{URL: "/console/draws/" + one.Slug, Cells: []web.Cell{web.Text(one.Name(web.Locale(c)))}}
	if view == nil {
		row.Cells = append(row.Cells, web.Cell{Text: web.Tr(c, "未登记参与方", "No parties yet"), Kind: "muted"}, web.Text(""), web.Text(""), web.Text(""), web.Text(""))
		return row
	}
	row.Cells = append(row.Cells, web.Cell{Text: "draw." + string(view.Status), Kind: "status", Note: waitingText(c, view.WaitingFor)},
		web.Number(view.Figures.Registered), web.Number(view.Figures.Entries), web.Number(view.Figures.Winners), web.Text(moment(view.RoundAt)))
	return row
}

// drawView is the draw's state, or nil while nothing has been prepared.
func (k *Console) drawView(c *gin.Context, slug string) (*lottery.View, error) {
	view, err := k.Draws.StaffView(c.Request.Context(), slug)
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil
	}
	return view, err
}

// waiting says whom a draw waits for, by lottery.View.WaitingFor.
var waiting = map[string][2]string{
	"approval":       {"等待公告审批", "waits for the notice's approval"},
	"witnesses":      {"等待见证人签名", "waits for the witnesses"},
	"campaign-close": {"等待登记截止", "waits for registration to close"},
	"reveals":        {"等待协助方公开随机数", "waits for the helpers' reveals"},
	"beacon":         {"等待信标", "waits for the beacon"},
	"void":           {"已错过规定时间，只能作废", "has missed its time and can only be voided"},
}

func waitingText(c *gin.Context, code string) string {
	text, ok := waiting[code]
	if !ok {
		return code
	}
	return web.Tr(c, text[0], text[1])
}

// draw is the ceremony of one campaign.
func (k *Console) draw(c *gin.Context) (page, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return page{}, err
	}
	view, err := k.drawView(c, found.Slug)
	if err != nil {
		return page{}, err
	}
	shown := page{Title: found.Name(web.Locale(c)), State: web.Tr(c, "先登记协助方和见证人，再发布公告。", "Enrol helpers and witnesses, then publish the notice."),
		Back: web.Tr(c, "抽签", "Draws"), BackURL: "/console/draws"}
	if view != nil {
		shown.Chip, shown.State = "draw."+string(view.Status), waitingText(c, view.WaitingFor)
		if view.Label != "" {
			shown.Alert = &alert{Tone: "warning", Title: web.Tr(c, "彩排用信标，不是公开随机数", "A beacon for rehearsals, not public randomness"), Text: view.Label}
		}
		shown.Blocks = append(shown.Blocks, drawBlocks(c, view)...)
		if view.Status != lottery.Prepared {
			shown.Action, shown.URL = web.Tr(c, "公开页面", "Public page"), "/draws/"+found.Slug
		}
	}
	related, err := k.relatedAct(c, found)
	if err != nil {
		return page{}, err
	}
	if acts := append(k.drawActs(c, found, view), related...); len(acts) > 0 {
		shown.Blocks = append(shown.Blocks, block{Title: web.Tr(c, "可以办理", "What can be done"), Acts: acts})
	}
	return shown, nil
}

func drawBlocks(c *gin.Context, view *lottery.View) []block {
	f := view.Figures
	figures := []web.Figure{{Label: web.Tr(c, "登记", "Registered"), Value: web.Count(f.Registered)}, {Label: web.Tr(c, "参加抽签", "Entries"), Value: web.Count(f.Entries)},
		{Label: web.Tr(c, "排除", "Excluded"), Value: web.Count(f.Excluded)}, {Label: web.Tr(c, "中签", "Winners"), Value: web.Count(f.Winners)},
		{Label: web.Tr(c, "候补", "Waitlist"), Value: web.Count(f.Waitlist)}, {Label: web.Tr(c, "已递补", "Promoted"), Value: web.Count(f.Promotions)}}
	helpers := helperTable(c, view)
	facts := []fact{{Label: web.Tr(c, "信标轮次", "Beacon round"), Value: strconv.FormatUint(view.Round, 10)}, {Label: web.Tr(c, "信标时间", "Beacon time"), Value: moment(view.RoundAt)},
		{Label: web.Tr(c, "公开随机数截止", "Reveals until"), Value: moment(view.RevealBy)}, {Label: web.Tr(c, "见证人", "Witnesses"), Value: strings.Join(view.Witnesses, web.Tr(c, "、", ", "))},
		{Label: web.Tr(c, "法定数", "Quorum"), Value: strconv.Itoa(view.Quorum)},
		{Label: web.Tr(c, "会场大屏", "Screen of a hall"), Value: web.Tr(c, "打开抽签仪式", "Open the ceremony"), URL: "/console/draws/" + view.ID + "/ceremony"}}
	return []block{{Figures: figures}, {Columns: []block{
		{Title: web.Tr(c, "公开记录", "Public record"), Timeline: documentEvents(c, view)},
		{Title: web.Tr(c, "协助方与信标", "Helpers and beacon"), Table: &helpers, Facts: facts}}}}
}

// documents names the files of a draw in the order in which they are published.
var documents = map[draw.Kind][2]string{
	"notice": {"抽签公告", "Notice"}, "chain": {"信标来源", "Beacon chain"}, "excluded": {"排除人数", "Excluded"}, "plan": {"抽签方案", "Plan"},
	"reveals": {"协助方随机数", "Reveals"}, "beacon": {"信标", "Beacon"}, "result": {"抽签结果", "Result"}, "void": {"作废声明", "Void"}, "backfill": {"递补", "Backfills"},
}

func documentEvents(c *gin.Context, view *lottery.View) []web.Event {
	events := make([]web.Event, 0, len(view.Documents)+1)
	for _, d := range view.Documents {
		title := string(d.Kind)
		if name, ok := documents[d.Kind]; ok {
			title = web.Tr(c, name[0], name[1])
		}
		event := web.Event{Title: title, At: moment(d.At), Hash: d.Hash, State: "now",
			Actor: web.Tr(c, fmt.Sprintf("见证 %d/%d", d.Cosigned, view.Quorum), fmt.Sprintf("cosigned %d/%d", d.Cosigned, view.Quorum))}
		if d.Time != "" {
			event.State = "done"
		}
		events = append(events, event)
	}
	if len(events) == 0 || view.WaitingFor != "" {
		events = append(events, web.Event{Title: waitingText(c, view.WaitingFor), State: "todo"})
	}
	return events
}

func helperTable(c *gin.Context, view *lottery.View) web.Table {
	table := web.Table{Caption: web.Tr(c, "协助方", "Helpers"), Columns: heads(c, "协助方", "Helper", "承诺", "Commitment", "公开", "Revealed"),
		Empty: web.Empty{Title: web.Tr(c, "还没有协助方", "No helpers yet")}}
	for _, h := range view.Helpers {
		state := web.Cell{Text: web.Tr(c, "未到时间", "Not yet"), Kind: "muted"}
		switch {
		case h.Revealed:
			state = web.State("ok")
		case h.Missing:
			state = web.State("error")
			state.Note = web.Tr(c, "缺席", "Missing")
		}
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.Text(h.Name), web.Digest(h.Commitment), state}})
	}
	return table
}

func (k *Console) drawActs(c *gin.Context, found campaign.Campaign, view *lottery.View) []act {
	if !k.may(web.ActorOf(c), staff.DrawRun) {
		return nil
	}
	address := "/console/draws/" + found.Slug
	preparing := view == nil || view.Status == lottery.Prepared
	var acts []act
	if preparing && found.Status == campaign.Approved {
		acts = append(acts, act{Title: web.Tr(c, "登记参与方", "Enrol the parties"), Open: view == nil,
			Text: web.Tr(c, "协助方事先给出承诺，见证人给出公钥；可以是同一机构。公告发布前可以反复修改。", "Helpers give a commitment, witnesses a key; one body may do both. It can be changed until the notice."),
			Form: web.Form{Action: address + "/parties", Submit: web.Tr(c, "保存参与方", "Save the parties"), Fields: []web.Field{
				{Name: "quorum", Label: web.Tr(c, "见证法定数", "Quorum"), InputMode: "numeric", Required: true, Value: c.PostForm("quorum")},
				{Name: "parties", Type: "textarea", Rows: 8, Label: web.Tr(c, "参与方", "Parties"), Value: c.PostForm("parties"),
					Hint: web.Tr(c, "每行一方：名称 承诺 公钥，没有的写 -。", "One a line: name, commitment, key; a hyphen for none.")}}}})
	}
	if view != nil && preparing {
		acts = append(acts, act{Title: web.Tr(c, "发布抽签公告", "Publish the notice"), Open: true,
			Text: web.Tr(c, "提交复核后，公告写入公开日志，参与方和规则从此不可更改。", "Once a second person agrees the notice goes into the public log, and parties and rules are final."),
			Form: web.Form{Action: address + "/notice", Submit: web.Tr(c, "提交审批", "Ask for approval")}})
	}
	if view != nil {
		acts = append(acts, carryActs(c, found, view)...)
	}
	if view != nil && !preparing && view.Status != lottery.Published && view.Status != lottery.Voided {
		acts = append(acts, act{Title: web.Tr(c, "作废抽签", "Void the draw"), Text: web.Tr(c, "作废由两人共同完成，理由写入公开日志，永不删除。", "Two people void it together; the reason stays in the public log for ever."),
			Form: web.Form{Action: address + "/void", Danger: true, Submit: web.Tr(c, "提交作废审批", "Ask to void"),
				Fields: []web.Field{{Name: "reason", Label: web.Tr(c, "理由（公开）", "Reason (public)"), Required: true}, confirmField(c, found.Slug)}}})
	}
	return acts
}

func (k *Console) setParties(c *gin.Context) (string, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return "", err
	}
	parties, err := readParties(c.PostForm("quorum"), c.PostForm("parties"))
	if err != nil {
		return "", err
	}
	return done("/console/draws/"+found.Slug, "saved"), k.Draws.SetParties(c.Request.Context(), web.ActorOf(c).Username, found.Slug, parties)
}

// readParties reads a line for each party: name, commitment and key, with a hyphen for what it does not have.
func readParties(quorum, lines string) (lottery.Parties, error) {
	number, err := strconv.Atoi(strings.TrimSpace(quorum))
	if err != nil {
		return lottery.Parties{}, fault.Field("quorum", "number", "法定数应为整数。", "The quorum must be a whole number.")
	}
	parties := lottery.Parties{Quorum: number}
	for i, line := range strings.Split(strings.TrimSpace(lines), "\n") {
		parts := strings.Fields(line)
		if len(parts) != 3 {
			return parties, fault.Field("parties", "party-line", fmt.Sprintf("第 %d 行应为三项：名称 承诺 公钥。", i+1), fmt.Sprintf("Line %d needs a name, a commitment and a key.", i+1))
		}
		parties.Parties = append(parties.Parties, lottery.Party{Name: parts[0], Commitment: dashed(parts[1]), VKey: dashed(parts[2])})
	}
	return parties, nil
}

func dashed(text string) string {
	if text == "-" {
		return ""
	}
	return text
}

func (k *Console) requestNotice(c *gin.Context) (string, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return "", err
	}
	_, err = k.Draws.RequestNotice(c.Request.Context(), web.ActorOf(c).Username, found.Slug)
	return done("/console/draws/"+found.Slug, "asked"), err
}

func (k *Console) requestVoid(c *gin.Context) (string, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return "", err
	}
	if err := confirmed(c, found.Slug); err != nil {
		return "", err
	}
	_, err = k.Draws.RequestVoid(c.Request.Context(), web.ActorOf(c).Username, found.Slug, c.PostForm("reason"))
	return done("/console/draws/"+found.Slug, "asked"), err
}
