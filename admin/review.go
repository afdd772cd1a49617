package admin

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"time"

	"hongbao/campaign"
	"hongbao/internal/fault"
	"hongbao/internal/staff"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// reviewRoutes are the pages of the time between the close of registration and the freeze: what the risk rules found, and appeals.
func (k *Console) reviewRoutes(w *web.Web) {
	r := w.Engine.Group("/console")
	r.GET("/review", w.Staff(staff.RegistrationsView), k.show(k.review))
	r.GET("/findings/:id", w.Staff(staff.RegistrationsView), k.show(k.finding))
	r.POST("/findings/:id/exclude", w.Staff(staff.CampaignEdit), k.does(k.finding, k.proposeExclusion))
	r.POST("/findings/:id/clear", w.Staff(staff.CampaignEdit), k.does(k.finding, k.clearFinding))
	r.GET("/appeals/:id", w.Staff(staff.RegistrationsView), k.show(k.appeal))
	r.POST("/appeals/:id", w.Staff(staff.AppealsDecide), k.does(k.appeal, k.decideAppeal))
}

// review is how a campaign's review stands: findings, then the queue of appeals.
func (k *Console) review(c *gin.Context) (page, error) {
	shown, chosen, field, err := k.onCampaign(c, page{Title: web.Tr(c, "核查与申诉", "Review and appeals"),
		State: web.Tr(c, "规则只指出可疑的登记，是否排除由两个人核定；每个人都看得到理由并可申诉。", "The rules only point at registrations; two people decide on an exclusion, and everybody sees the reason and may appeal.")})
	if err != nil || chosen.ID == 0 {
		return shown, err
	}
	book, err := k.Campaigns.RuleBook(c.Request.Context(), chosen.ID)
	if err != nil {
		return shown, err
	}
	figures, err := k.reviewFigures(c, chosen, book)
	if err != nil {
		return shown, err
	}
	findings, err := k.findingTable(c, chosen, book)
	if err != nil {
		return shown, err
	}
	appeals, err := k.appealTable(c, chosen)
	if err != nil {
		return shown, err
	}
	status := anyStatusField(c, "appeal.open", "appeal.upheld", "appeal.reversed")
	status.Label = web.Tr(c, "申诉状态", "Appeals")
	status.Options = slices.Insert(status.Options, 1, web.Option{Value: "overdue", Label: web.Tr(c, "已超期", "Overdue")})
	shown.Blocks = []block{{Figures: figures}, {Filters: filters(c, field, status)}, {Title: web.Tr(c, "申诉", "Appeals"), Table: appeals},
		{Title: web.Tr(c, "规则核查结果", "What the rules found"), Table: findings}}
	return shown, nil
}

func (k *Console) reviewFigures(c *gin.Context, chosen campaign.Campaign, book *campaign.RuleBook) ([]web.Figure, error) {
	run, done, err := k.Campaigns.RiskRun(c.Request.Context(), chosen.ID)
	if err != nil {
		return nil, err
	}
	appeals, err := k.Campaigns.CountAppeals(c.Request.Context(), chosen.ID)
	if err != nil {
		return nil, err
	}
	version := web.Figure{Label: web.Tr(c, "风险规则", "Risk rules"), Value: "–", Note: web.Tr(c, "本活动没有风险规则", "This campaign has none")}
	if book.Risk.Set() {
		version.Value, version.Note = book.Risk.Version, web.Tr(c, "登记截止后核查", "Applied after the close")
	}
	if done {
		version.Note = web.Date(run.AssessedAt)
	}
	overdue := web.Figure{Label: web.Tr(c, "超期未处理", "Overdue"), Value: web.Count(appeals.Overdue), URL: "/console/review?campaign=" + url.QueryEscape(chosen.Slug) + "&status=overdue"}
	if appeals.Overdue > 0 {
		overdue.Tone = "bad"
	}
	freeze := web.Figure{Label: web.Tr(c, "名单锁定", "Freeze"), Value: web.Date(book.Windows.Freeze())}
	if chosen.FrozenAt != 0 {
		freeze.Value, freeze.Note = web.Date(chosen.FrozenAt), web.Tr(c, "已锁定，申诉不再改变名单", "Frozen: an appeal can no longer change the list")
	}
	return []web.Figure{version, {Label: web.Tr(c, "已核查", "Considered"), Value: web.Count(run.Considered), Unit: web.Tr(c, "份", "")},
		{Label: web.Tr(c, "待处理申诉", "Appeals open"), Value: web.Count(appeals.Open)}, overdue,
		{Label: web.Tr(c, "申诉成立", "Granted"), Value: web.Count(appeals.Reversed), Note: fmt.Sprintf(web.Tr(c, "未支持 %d", "%d not granted"), appeals.Upheld)}, freeze}, nil
}

func (k *Console) findingTable(c *gin.Context, chosen campaign.Campaign, book *campaign.RuleBook) (*web.Table, error) {
	table := &web.Table{Caption: web.Tr(c, "规则核查结果", "What the rules found"), Columns: heads(c, "规则", "Rule", "版本", "Version", "#登记", "#Registrations", "状态", "Status", "发现时间", "Found at"),
		Empty: web.Empty{Title: web.Tr(c, "没有核查结果", "Nothing was found"), Text: web.Tr(c, "登记截止后，规则一次性核查整个名单。", "The rules are applied once, to the whole list, after registration closes.")}}
	findings, err := k.Campaigns.Findings(c.Request.Context(), chosen.ID)
	for _, f := range findings {
		rule, _ := book.Risk.Rule(f.Rule)
		table.Rows = append(table.Rows, web.Row{URL: fmt.Sprintf("/console/findings/%d", f.ID), Cells: []web.Cell{web.Text(cmp.Or(rule.Title.In(web.Locale(c)), f.Rule)),
			web.Text(f.Version), web.Number(f.Members), web.State("finding." + f.Status), web.When(f.FoundAt)}})
	}
	return table, err
}

func (k *Console) appealTable(c *gin.Context, chosen campaign.Campaign) (*web.Table, error) {
	filter := campaign.AppealFilter{Status: c.Query("status"), Limit: rollPage}
	if filter.Overdue = filter.Status == "overdue"; filter.Overdue {
		filter.Status = ""
	}
	var err error
	if filter.After, err = rowInQuery(c, "after"); err != nil {
		return nil, err
	}
	list, err := k.Campaigns.Appeals(c.Request.Context(), web.ActorOf(c).Username, chosen, filter)
	table := &web.Table{Caption: web.Tr(c, "申诉", "Appeals"), Columns: heads(c, "申诉", "Appeal", "姓名", "Name", "证件号码", "Document", "手机号", "Phone", "理由", "Against", "提出时间", "Filed at", "期限", "To be decided by", "状态", "Status"),
		Empty: web.Empty{Title: web.Tr(c, "没有申诉", "No appeals"), Text: web.Tr(c, "被拒或被排除的人可以在期限内申诉。", "Who was refused or excluded may appeal within the clock.")}}
	for _, a := range list {
		until := web.When(a.DecideBy)
		if a.Overdue(k.Now()) {
			until.Note = web.Tr(c, "已超期 ", "overdue by ") + lengthOf(c, k.Now().Sub(a.DecideBy.Time()))
		} else if a.Status == campaign.AppealOpen {
			until.Note = web.Tr(c, "还有 ", "in ") + lengthOf(c, a.DecideBy.Time().Sub(k.Now()))
		}
		table.Rows = append(table.Rows, web.Row{URL: fmt.Sprintf("/console/appeals/%d", a.ID), Cells: []web.Cell{web.Text(fmt.Sprint("#", a.ID)), web.Text(a.Person.Name),
			web.Text(a.Person.Document), web.Text(a.Person.Phone), web.Text(reasonName(c, a.Reason)), web.When(a.FiledAt), until, web.State("appeal." + a.Status)}})
	}
	if len(list) == rollPage {
		table.Next = nextFrom(c, "/console/review", "after", list[len(list)-1].ID)
	}
	return table, err
}

// lengthOf says a length of time in hours, or days where it is long.
func lengthOf(c *gin.Context, d time.Duration) string {
	if d >= 48*time.Hour {
		return web.Count(int64(d/(24*time.Hour))) + web.Tr(c, " 天", " days")
	}
	return web.Count(int64(d/time.Hour)) + web.Tr(c, " 小时", " hours")
}

var errNoSuchCase = fault.New(fault.NotFound, "no-case", "没有这条记录。", "There is no such case.")

// theFinding is the one in the path, if the person serves its city.
func (k *Console) theFinding(c *gin.Context) (f campaign.Finding, owner campaign.Campaign, err error) {
	id, err := web.PathID(c, "id", errNoSuchCase)
	if err != nil {
		return f, owner, err
	}
	if f, err = k.Campaigns.Finding(c.Request.Context(), id); err != nil {
		return f, owner, err
	}
	if owner, err = k.Campaigns.Get(c.Request.Context(), f.CampaignID); err != nil {
		return f, owner, err
	}
	return f, owner, web.ActorOf(c).MustSee(owner.City)
}

// finding shows which rule at which version named whom, and what may be done about it.
func (k *Console) finding(c *gin.Context) (page, error) {
	f, owner, err := k.theFinding(c)
	if err != nil {
		return page{}, err
	}
	book, err := k.Campaigns.RuleBook(c.Request.Context(), owner.ID)
	if err != nil {
		return page{}, err
	}
	members, err := k.Campaigns.FindingMembers(c.Request.Context(), web.ActorOf(c).Username, f)
	if err != nil {
		return page{}, err
	}
	table := &web.Table{Caption: web.Tr(c, "登记", "Registrations"), Columns: heads(c, "抽签编号", "Entry", "姓名", "Name", "证件号码", "Document", "手机号", "Phone", "运营机构", "Operator", "区县", "District", "状态", "Status", "登记时间", "Registered at")}
	for _, m := range members {
		table.Rows = append(table.Rows, rollRow(c, book, m))
	}
	rule, _ := book.Risk.Rule(f.Rule)
	shown := page{Title: cmp.Or(rule.Title.In(web.Locale(c)), f.Rule), Chip: "finding." + f.Status, State: book.Sentence(f).In(web.Locale(c)),
		Back: web.Tr(c, "核查与申诉", "Review and appeals"), BackURL: "/console/review?campaign=" + url.QueryEscape(owner.Slug),
		Blocks: []block{{Facts: findingFacts(c, f)}}}
	if k.may(web.ActorOf(c), staff.CampaignEdit) && f.Status == campaign.FindingFound && owner.FrozenAt == 0 {
		shown.Blocks = append(shown.Blocks, block{Title: web.Tr(c, "可以办理", "What can be done"), Acts: findingActs(c, f)})
	}
	title := web.Tr(c, "指出的登记", "Registrations named")
	if f.Members > int64(len(members)) {
		title = fmt.Sprintf(web.Tr(c, "指出的登记（前 %d 份）", "Registrations named (the first %d)"), len(members))
	}
	shown.Blocks = append(shown.Blocks, block{Title: title, Table: table})
	return shown, nil
}

func findingFacts(c *gin.Context, f campaign.Finding) []fact {
	list := []fact{{Label: web.Tr(c, "规则", "Rule"), Value: f.Rule}, {Label: web.Tr(c, "版本", "Version"), Value: f.Version},
		{Label: web.Tr(c, "登记", "Registrations"), Value: web.Count(f.Members)}, {Label: web.Tr(c, "发现时间", "Found at"), Value: web.Date(f.FoundAt)}}
	if f.Maker != "" {
		list = append(list, fact{Label: web.Tr(c, "经办人", "By"), Value: f.Maker}, fact{Label: web.Tr(c, "理由", "Reason"), Value: f.Reason}, fact{Label: web.Tr(c, "时间", "At"), Value: web.Date(f.ChangedAt)})
	}
	return list
}

func findingActs(c *gin.Context, f campaign.Finding) []act {
	reason := []web.Field{{Name: "reason", Label: web.Tr(c, "理由", "Reason"), Required: true, MaxLength: 200, Value: c.PostForm("reason")}}
	address := fmt.Sprintf("/console/findings/%d", f.ID)
	return []act{
		{Title: web.Tr(c, "提请排除", "Propose exclusion"), Text: fmt.Sprintf(web.Tr(c, "另一人核定后，%d 份登记退出抽签，每人收到短信、看到理由，并可申诉；人数随抽签公布。",
			"Once a second person agrees, %d registrations leave the draw; each person is told by SMS, sees the reason and may appeal. The number is published with the draw."), f.Members),
			Form: web.Form{Action: address + "/exclude", Danger: true, Submit: web.Tr(c, "提请排除", "Propose"), Fields: reason}},
		{Title: web.Tr(c, "保留登记", "Let them stay"), Text: web.Tr(c, "例如同一家庭、同一单位。理由留痕。", "For example one family or one employer. The reason is on the record."),
			Form: web.Form{Action: address + "/clear", Submit: web.Tr(c, "保留", "Let them stay"), Fields: reason}}}
}

func (k *Console) proposeExclusion(c *gin.Context) (string, error) {
	f, _, err := k.theFinding(c)
	if err != nil {
		return "", err
	}
	_, err = k.Campaigns.ProposeExclusion(c.Request.Context(), web.ActorOf(c).Username, f.ID, c.PostForm("reason"))
	return done(fmt.Sprintf("/console/findings/%d", f.ID), "asked"), err
}

func (k *Console) clearFinding(c *gin.Context) (string, error) {
	f, _, err := k.theFinding(c)
	if err != nil {
		return "", err
	}
	return done(fmt.Sprintf("/console/findings/%d", f.ID), "saved"), k.Campaigns.ClearFinding(c.Request.Context(), web.ActorOf(c).Username, f.ID, c.PostForm("reason"))
}

// theAppeal is the one in the path, if the person serves its city.
func (k *Console) theAppeal(c *gin.Context) (a campaign.Appeal, owner campaign.Campaign, err error) {
	id, err := web.PathID(c, "id", errNoSuchCase)
	if err != nil {
		return a, owner, err
	}
	if a, err = k.Campaigns.Appeal(c.Request.Context(), id); err != nil {
		return a, owner, err
	}
	if owner, err = k.Campaigns.Get(c.Request.Context(), a.CampaignID); err != nil {
		return a, owner, err
	}
	return a, owner, web.ActorOf(c).MustSee(owner.City)
}

// appeal shows one appeal, with what was found about the person, and the form to decide.
func (k *Console) appeal(c *gin.Context) (page, error) {
	found, owner, err := k.theAppeal(c)
	if err != nil {
		return page{}, err
	}
	heard, err := k.Campaigns.HearAppeal(c.Request.Context(), web.ActorOf(c).Username, found.ID)
	if err != nil {
		return page{}, err
	}
	why, err := k.Campaigns.Explain(c.Request.Context(), found.RegistrationID)
	if err != nil {
		return page{}, err
	}
	shown := page{Title: fmt.Sprintf(web.Tr(c, "申诉 #%d", "Appeal #%d"), found.ID), Chip: "appeal." + found.Status, State: reasonName(c, found.Reason),
		Back: web.Tr(c, "核查与申诉", "Review and appeals"), BackURL: "/console/review?campaign=" + url.QueryEscape(owner.Slug)}
	facts := []fact{{Label: web.Tr(c, "姓名", "Name"), Value: heard.Person.Name}, {Label: web.Tr(c, "证件号码", "Document"), Value: heard.Person.Document},
		{Label: web.Tr(c, "手机号", "Phone"), Value: heard.Person.Phone}, {Label: web.Tr(c, "抽签编号", "Entry"), Hash: web.HashText(heard.Person.Entry[:])},
		{Label: web.Tr(c, "提出时间", "Filed at"), Value: web.Date(heard.FiledAt)}, {Label: web.Tr(c, "处理期限", "To be decided by"), Value: web.Date(heard.DecideBy)}}
	for _, one := range why {
		facts = append(facts, fact{Label: web.Tr(c, "核查结果", "Found"), Value: one.In(web.Locale(c))})
	}
	if heard.DecidedBy != "" {
		facts = append(facts, fact{Label: web.Tr(c, "处理人", "Decided by"), Value: heard.DecidedBy}, fact{Label: web.Tr(c, "处理时间", "Decided at"), Value: web.Date(heard.DecidedAt)},
			fact{Label: web.Tr(c, "答复", "Answer"), Value: heard.Answer})
	}
	shown.Blocks = []block{{Facts: facts}, {Title: web.Tr(c, "申诉理由", "What the person says"), Text: cmp.Or(heard.Statement, "–")}}
	if heard.Status == campaign.AppealOpen && k.may(web.ActorOf(c), staff.AppealsDecide) {
		shown.Blocks = append(shown.Blocks, block{Title: web.Tr(c, "处理", "Decide"), Form: appealForm(c, heard.Appeal, owner, k.Now())})
	}
	return shown, nil
}

func appealForm(c *gin.Context, a campaign.Appeal, owner campaign.Campaign, now time.Time) *web.Form {
	outcome := web.Field{Name: "outcome", Label: web.Tr(c, "结论", "Outcome"), Type: "radio", Required: true, Value: c.PostForm("outcome"), Options: []web.Option{
		{Value: campaign.AppealUpheld, Label: web.Tr(c, "维持", "Uphold"), Note: web.Tr(c, "不参加抽签", "The person stays out of the draw")}}}
	form := &web.Form{Action: fmt.Sprintf("/console/appeals/%d", a.ID), Submit: web.Tr(c, "确定", "Decide"),
		Warning: web.Tr(c, "本人会收到短信，并在页面上看到答复。", "The person is told by SMS and sees the answer on the page.")}
	if owner.FrozenAt == 0 {
		outcome.Options = append(outcome.Options, web.Option{Value: campaign.AppealReversed, Label: web.Tr(c, "成立", "Reverse"), Note: web.Tr(c, "立即恢复，参加抽签", "The person takes part in the draw at once")})
	} else {
		form.Warning += web.Tr(c, "名单已锁定，不能再恢复。", " The list is frozen; nobody can be brought back.")
	}
	form.Fields = []web.Field{outcome, {Name: "answer", Label: web.Tr(c, "答复（本人可见）", "Answer (the person sees it)"), Type: "textarea", Rows: 3, Required: true, MaxLength: 200, Value: c.PostForm("answer")}}
	return form
}

var errOutcome = fault.Field("outcome", "outcome", "请选择结论。", "Please choose an outcome.")

func (k *Console) decideAppeal(c *gin.Context) (string, error) {
	a, _, err := k.theAppeal(c)
	if err != nil {
		return "", err
	}
	outcome := c.PostForm("outcome")
	if outcome != campaign.AppealUpheld && outcome != campaign.AppealReversed {
		return "", errOutcome
	}
	return done(fmt.Sprintf("/console/appeals/%d", a.ID), "saved"),
		k.Campaigns.DecideAppeal(c.Request.Context(), web.ActorOf(c).Username, a.ID, outcome == campaign.AppealReversed, c.PostForm("answer"))
}
