package lottery

import (
	"context"
	"fmt"
	"slices"
	"time"

	"hongbao/campaign"
	"hongbao/internal/web"
	"hongbao/lottery/draw"
)

// recordList is what /draws shows.
type recordList struct {
	Table web.Table
}

func (s *Service) list(ctx context.Context, locale string) (*recordList, error) {
	views, err := s.Views(ctx)
	if err != nil {
		return nil, err
	}
	tr := translator(locale)
	page := &recordList{Table: web.Table{
		Caption: tr("全部抽签", "All draws"),
		Columns: []web.Column{{Title: tr("活动", "Campaign")}, {Title: tr("状态", "Status")}, {Title: tr("参加", "Entries"), Number: true},
			{Title: tr("中签", "Winners"), Number: true}, {Title: tr("随机数产生", "Randomness at")}},
		Empty: web.Empty{Title: tr("还没有抽签公告", "No draw has been announced"), Text: tr("活动公告发布后，这里会出现全程记录。", "Once a notice is published, its record stands here.")},
	}}
	for _, v := range views {
		c, err := s.Campaigns.BySlug(ctx, v.ID)
		if err != nil {
			return nil, err
		}
		page.Table.Rows = append(page.Table.Rows, web.Row{URL: "/draws/" + v.ID, Cells: []web.Cell{web.Text(c.Name(locale)), web.State(string(v.Status)),
			web.Number(v.Figures.Entries), web.Number(v.Figures.Winners), web.When(moments(v.RoundAt))}})
	}
	return page, nil
}

// record is what /draws/:slug shows: the record of one draw.
type record struct {
	*View
	Name      string
	State     string // one sentence
	RoundTime time.Time
	Countdown bool
	Numbers   []web.Figure
	Timeline  []web.Event
	Helpers   web.Table
	Files     []fileLink
	Checks    web.Table
	Void      string // the reason

	WitnessTitles []string

	Invitation string    // to check the draw in this browser; "" while it is not complete
	Fairness   *evenness // nil until the result is published
	Wasm       bool      // this build can check the beacon's signature in a browser
}

// fileLink is one public file to download.
type fileLink struct{ Path, URL string }

func (s *Service) page(ctx context.Context, slug, locale string) (*record, error) {
	d, err := drawBySlug(s.DB.Read(ctx), slug)
	if err != nil {
		return nil, err
	}
	v, err := s.View(ctx, slug)
	if err != nil {
		return nil, err
	}
	c, err := s.Campaigns.BySlug(ctx, slug)
	if err != nil {
		return nil, err
	}
	p := &record{View: v, Name: c.Name(locale), RoundTime: d.RoundAt.Time(), Countdown: s.now() < d.RoundAt && d.Status != Voided}
	tr := translator(locale)
	p.Wasm = hasWasm
	if v.Status == Published || v.Status == Voided {
		p.Invitation = tr("在本机核对", "Check it here")
	}
	p.State = p.state(tr)
	p.addNumbers(tr)
	p.addTimeline(d, tr)
	if err := s.addParties(ctx, p, c.ID, locale); err != nil {
		return nil, err
	}
	p.addChecks(tr)
	if err := s.addFairness(ctx, p, d, tr, locale); err != nil {
		return nil, err
	}
	return p, s.addFiles(ctx, p, d)
}

type translate func(zh, en string) string

func translator(locale string) translate {
	return func(zh, en string) string { return campaign.Text{ZH: zh, EN: en}.In(locale) }
}

func (p *record) state(tr translate) string {
	switch p.WaitingFor {
	case forWitnesses:
		return tr("正在等待见证人核对并签署。", "Waiting for the witnesses to check and cosign.")
	case forClose:
		return tr("公告已由见证人签署，登记截止后锁定名单。", "The notice is cosigned; the lists are frozen when registration closes.")
	case forReview:
		return tr("登记已截止，名单正在核查、受理申诉，期满后锁定。", "Registration is closed. The list is reviewed and appeals are heard; then it is frozen.")
	case forReveals:
		return tr("名单与方案已签署，各协助方正在公开随机数。", "Lists and plan are cosigned; the helpers are revealing.")
	case forBeacon:
		return tr("一切已封存，等待公共随机数产生。", "Everything is sealed; waiting for the public randomness.")
	case forVoid:
		return tr("错过了规定时间，本场只能作废并公布原因。", "It missed its time and can only be voided, with a public reason.")
	}
	switch p.Status {
	case Published:
		return tr("结果已由见证人签署并公布，任何人都可以重算。", "The result is cosigned and public; anyone can recompute it.")
	case Voided:
		return tr("本场抽签已作废，原因见下。", "This draw is void; the reason is below.")
	}
	return tr("正在进行下一步。", "The next step is under way.")
}

func (p *record) addNumbers(tr translate) {
	f := p.Figures
	p.Numbers = []web.Figure{
		{Label: tr("登记", "Registered"), Value: web.Count(f.Registered), Note: fmt.Sprintf(tr("其中排除 %s", "%s of them excluded"), web.Count(f.Excluded))},
		{Label: tr("参加抽签", "In the draw"), Value: web.Count(f.Entries)},
		{Label: tr("中签", "Winners"), Value: web.Count(f.Winners)},
		{Label: tr("候补", "Waitlist"), Value: web.Count(f.Waitlist), Note: fmt.Sprintf(tr("已递补 %s", "%s promoted"), web.Count(f.Promotions))},
	}
	if !p.has(draw.KindExcluded) {
		p.Numbers[0].Value, p.Numbers[0].Note, p.Numbers[1].Value = "–", tr("名单锁定后公布", "Published when the lists are frozen"), "–"
	}
	if !p.has(draw.KindResult) {
		p.Numbers[2].Value, p.Numbers[2].Note, p.Numbers[3].Value, p.Numbers[3].Note = "–", tr("抽签后公布", "Published after the draw"), "–", ""
	}
}

// has says whether a public file of a kind is there yet: what it counts is not known before, which is not the same as nobody.
func (p *record) has(kind draw.Kind) bool {
	return slices.ContainsFunc(p.Documents, func(doc Document) bool { return doc.Kind == kind })
}

// chapter is one kind of public file: what it is called and what its hash stands for.
type chapter struct {
	kind                         draw.Kind
	zh, en, meaningZH, meaningEN string
}

// chapters stand in the order of a draw.
var chapters = []chapter{
	{draw.KindNotice, "公告发布", "Notice", "登记开始前写定奖项、轮次、承诺与见证人；此后改一个字，摘要就不同。", "Prizes, round, commitments and witnesses, fixed before registration; change one letter and the hash differs."},
	{draw.KindChain, "信标来源", "Beacon chain", "公共随机数出自哪条信标链，公告时已定。", "Which beacon the randomness comes from, as the notice says."},
	{draw.KindExcluded, "排除人数", "Excluded", "各原因排除的人数；加上参加人数等于登记人数。", "How many were excluded and why; with the entries they add up to all registrations."},
	{draw.KindPlan, "名单锁定，方案封存", "Lists frozen, plan sealed", "全部抽签编号与抽签规则的指纹；先有它，后有随机数。", "The fingerprint of all entries and rules; it exists before the randomness does."},
	{draw.KindReveals, "协助方公开随机数", "Reveals", "各协助方的随机数与公告中的承诺一致；缺席的计为零并点名。", "The helpers' secrets match their commitments; one that is missing counts as zeros and is named."},
	{draw.KindBeacon, "公共随机数产生", "Public randomness", "到点才产生、任何人无法预知的一轮信标值。", "The beacon round that nobody could know before its time."},
	{draw.KindResult, "结果公布", "Result", "由以上文件算出的中签名单，任何人重算都得到同一份。", "Computed from the files above; whoever recomputes it gets the same bytes."},
	{draw.KindBackfill, "候补递补", "Promotions", "放弃或逾期的红包按既定次序递补，逐条公布。", "Envelopes that fell free go on in the committed order, each in public."},
	{draw.KindVoid, "作废", "Voided", "两人批准的作废原因。", "The reason, approved by two people."},
}

func (p *record) addTimeline(d *Draw, tr translate) {
	for _, ch := range chapters {
		there := false
		for _, doc := range p.Documents {
			if doc.Kind == ch.kind {
				p.Timeline = append(p.Timeline, p.event(ch, doc, tr))
				there = true
			}
		}
		late := ch.kind == draw.KindBackfill || ch.kind == draw.KindVoid || d.Status == Voided
		if !there && !late {
			p.Timeline = append(p.Timeline, web.Event{Title: tr(ch.zh, ch.en), State: "todo", At: p.expected(ch.kind), Text: tr(ch.meaningZH, ch.meaningEN)})
		}
	}
}

func (p *record) event(ch chapter, doc Document, tr translate) web.Event {
	event := web.Event{Title: tr(ch.zh, ch.en), At: web.Date(moments(doc.At)), Hash: doc.Hash, Meaning: tr(ch.meaningZH, ch.meaningEN), State: "done",
		Actor: fmt.Sprintf(tr("公开日志第 %d 行，%d 个见证人已签署（法定 %d）", "line %d of the public log, cosigned by %d witnesses (quorum %d)"), doc.Position, doc.Cosigned, p.Quorum)}
	if doc.Cosigned < p.Quorum {
		event.State = "now"
	}
	return event
}

// expected is the moment at which a step that is still to come is due.
func (p *record) expected(kind draw.Kind) string {
	switch kind {
	case draw.KindChain, draw.KindExcluded, draw.KindPlan:
		return web.Date(moments(p.CloseAt))
	case draw.KindReveals:
		return web.Date(moments(p.RevealBy))
	case draw.KindBeacon, draw.KindResult:
		return web.Date(moments(p.RoundAt))
	}
	return ""
}

// addParties names the parties as people know them: an operator by its title in the rule book.
func (s *Service) addParties(ctx context.Context, p *record, campaignID int64, locale string) error {
	book, err := s.Campaigns.RuleBook(ctx, campaignID)
	if err != nil {
		return err
	}
	tr := translator(locale)
	p.Helpers = web.Table{Caption: tr("随机数协助方", "Helpers"), Columns: []web.Column{{Title: tr("协助方", "Helper")}, {Title: tr("承诺", "Commitment")}, {Title: tr("随机数", "Secret")}}}
	for _, h := range p.View.Helpers {
		said := tr("尚未公开", "not revealed yet")
		if h.Revealed {
			said = tr("已公开，与承诺一致", "revealed, matches")
		} else if h.Missing {
			said = tr("缺席，按零计入", "missing, counts as zeros")
		}
		p.Helpers.Rows = append(p.Helpers.Rows, web.Row{Cells: []web.Cell{web.Text(PartyTitle(book, h.Name, locale)), web.Digest(h.Commitment), web.Text(said)}})
	}
	for _, name := range p.Witnesses {
		p.WitnessTitles = append(p.WitnessTitles, PartyTitle(book, name, locale))
	}
	return nil
}

// PartyTitle is what people call a helper or witness: an operator's title in the rule book, the notary, or the name itself.
func PartyTitle(book *campaign.RuleBook, name, locale string) string {
	if operator, ok := book.Operator(name); ok {
		return operator.Title.In(locale)
	}
	if name == "notary" {
		return campaign.Text{ZH: "公证处", EN: "Notary office"}.In(locale)
	}
	return name
}

func (p *record) addChecks(tr translate) {
	if p.Verified == nil {
		return
	}
	p.Checks = web.Table{Caption: tr("核对项目", "Checks"), Columns: []web.Column{{Title: tr("核对项目", "Check")}, {Title: tr("结论", "Outcome")}}}
	for _, check := range p.Verified.Checks {
		outcome := tr("通过", "pass")
		if !check.OK {
			outcome = tr("不通过：", "FAIL: ") + check.Detail
		}
		p.Checks.Rows = append(p.Checks.Rows, web.Row{Cells: []web.Cell{web.Text(check.Name), web.Text(outcome)}})
	}
}

func (s *Service) addFiles(ctx context.Context, p *record, d *Draw) error {
	b := s.bundle(ctx, d)
	names, err := b.names()
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		if b.isPublic(name) {
			p.Files = append(p.Files, fileLink{Path: name, URL: "/api/v1/draws/" + d.Slug + "/bundle/" + name})
		}
	}
	if d.Status != Voided {
		return nil
	}
	reason, err := readFile(s.DB.Read(ctx), d.ID, draw.KindVoid.File())
	p.Void = string(reason)
	return err
}

// moments reads a stamp back for the pages' functions; the zero time for "".
func moments(stamp string) time.Time {
	t, _ := time.Parse(time.RFC3339, stamp)
	return t
}
