package admin

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"hongbao/campaign"
	"hongbao/internal/fault"
	"hongbao/internal/money"
	"hongbao/internal/staff"
	"hongbao/internal/web"
	"hongbao/lottery"
	"hongbao/lottery/draw"

	"github.com/gin-gonic/gin"
)

// hall is a draw on the screen of a hall: read from afar, sent anew by itself, with nothing on it that needs a script.
type hall struct {
	Name, Slug, State, Label string
	Refresh                  int // seconds until the page is sent anew
	Now                      time.Time
	Steps                    []hallStep
	Counting                 bool // the round is still to come
	RoundTime                time.Time
	Round                    uint64
	Numbers                  []web.Figure
	PlanHash, Seed           string
	People                   []hallPerson // the two who confirm
	Confirm                  *web.Form    // for who may be the first of them
	Note                     string
	Prizes                   []hallPrize
	Alert                    *alert
}

type hallStep struct{ Title, Detail, State string }

// hallPerson is one of the two people who confirm; At is "" until it is done.
type hallPerson struct{ Title, Name, At string }

type hallPrize struct {
	Title, Amount, Got string
	First              []string // shortened entries
	More               bool
}

func (k *Console) ceremonyPage(c *gin.Context) error { return k.showCeremony(c, nil) }

func (k *Console) showCeremony(c *gin.Context, refusal error) error {
	found, err := k.theCampaign(c)
	if err != nil {
		return err
	}
	seen, err := k.Draws.Ceremony(c.Request.Context(), found.Slug)
	if err != nil {
		return err
	}
	book, err := k.Campaigns.RuleBook(c.Request.Context(), found.ID)
	if err != nil {
		return err
	}
	status := http.StatusOK
	shown := k.hall(c, found, book, seen)
	if refusal != nil {
		status = int(fault.KindOf(refusal))
		shown.Alert = &alert{Tone: "danger", Title: refusalText(c, refusal)}
	}
	return k.web.Render(c, status, "admin/ceremony.html", shown)
}

// confirmCeremony is the first person's confirmation.
func (k *Console) confirmCeremony(c *gin.Context) error {
	found, err := k.theCampaign(c)
	if err != nil {
		return err
	}
	if _, err := k.Draws.RequestCeremony(c.Request.Context(), web.ActorOf(c).Username, found.Slug); err != nil {
		if fault.KindOf(err) >= fault.Internal {
			return err
		}
		return k.showCeremony(c, err)
	}
	c.Redirect(http.StatusSeeOther, "/console/draws/"+found.Slug+"/ceremony")
	return nil
}

func (k *Console) hall(c *gin.Context, found campaign.Campaign, book *campaign.RuleBook, seen *lottery.Ceremony) *hall {
	roundAt, _ := time.Parse(time.RFC3339, seen.RoundAt)
	now := k.Now()
	h := &hall{Name: found.Name(web.Locale(c)), Slug: found.Slug, State: hallState(c, seen), Label: seen.Label, Now: now, RoundTime: roundAt, Round: seen.Round,
		PlanHash: seen.PlanHash, Seed: seen.Seed, Counting: now.Before(roundAt) && seen.Status != lottery.Voided, Refresh: 10}
	switch {
	case seen.Status == lottery.Published || seen.Status == lottery.Voided:
		h.Refresh = 300
	case roundAt.Sub(now) < time.Minute && now.Sub(roundAt) < 10*time.Minute:
		h.Refresh = 3
	}
	f := seen.Figures
	h.Numbers = []web.Figure{{Label: web.Tr(c, "红包", "Envelopes"), Value: web.Count(book.Envelopes())}}
	if f.Registered > 0 {
		h.Numbers = append(h.Numbers, web.Figure{Label: web.Tr(c, "参加抽签", "In the draw"), Value: web.Count(f.Entries)}, web.Figure{Label: web.Tr(c, "排除", "Excluded"), Value: web.Count(f.Excluded)})
	}
	h.Steps = hallSteps(c, book, seen)
	k.addConfirmation(c, h, found, seen, now.Before(roundAt))
	for _, p := range seen.Prizes {
		h.Prizes = append(h.Prizes, prizeOf(c, book, p))
	}
	return h
}

func hallState(c *gin.Context, seen *lottery.Ceremony) string {
	switch {
	case seen.Status == lottery.Published:
		return web.Tr(c, "结果已公布，任何人都可以重算", "The result is public; anyone can recompute it")
	case seen.Status == lottery.Voided:
		return web.Tr(c, "本场抽签已作废，原因见公示页", "The draw is void; the public record says why")
	case seen.WaitingFor == "beacon":
		return web.Tr(c, "一切已封存，等待公共随机数产生", "Everything is sealed; waiting for the public randomness")
	case seen.WaitingFor == "":
		return web.Tr(c, "正在进行下一步", "The next step is under way")
	}
	return waitingText(c, seen.WaitingFor)
}

// hallSteps are the six steps of a draw. The first that is not done is the one under way.
func hallSteps(c *gin.Context, book *campaign.RuleBook, seen *lottery.Ceremony) []hallStep {
	steps := []hallStep{
		documentStep(c, seen, web.Tr(c, "公告", "Notice"), draw.KindNotice, ""),
		documentStep(c, seen, web.Tr(c, "名单锁定，方案封存", "Lists frozen, plan sealed"), draw.KindPlan,
			web.Tr(c, fmt.Sprintf("%s 个编号", web.Count(seen.Figures.Entries)), fmt.Sprintf("%s entries", web.Count(seen.Figures.Entries)))),
		documentStep(c, seen, web.Tr(c, "协助方公开随机数", "Helpers reveal"), draw.KindReveals, revealed(c, book, seen)),
		documentStep(c, seen, web.Tr(c, "公共随机数产生", "Public randomness"), draw.KindBeacon, web.Tr(c, "drand 第 ", "drand round ")+strconv.FormatUint(seen.Round, 10)+web.Tr(c, " 轮", "")),
		documentStep(c, seen, web.Tr(c, "结果公布", "Result"), draw.KindResult, web.Tr(c, fmt.Sprintf("中签 %s 个", web.Count(seen.Figures.Winners)), web.Count(seen.Figures.Winners)+" winners")),
	}
	for i := range steps {
		if steps[i].State != "done" {
			steps[i].State = "now"
			break
		}
	}
	return steps
}

func documentStep(c *gin.Context, seen *lottery.Ceremony, title string, kind draw.Kind, detail string) hallStep {
	step := hallStep{Title: title, State: "todo"}
	for _, doc := range seen.Documents {
		if doc.Kind != kind {
			continue
		}
		step.Detail = web.Tr(c, fmt.Sprintf("见证 %d，法定 %d", doc.Cosigned, seen.Quorum), fmt.Sprintf("%d cosignatures, quorum %d", doc.Cosigned, seen.Quorum))
		if detail != "" {
			step.Detail = detail + " · " + step.Detail
		}
		if doc.Time != "" {
			step.State = "done"
		}
	}
	return step
}

// revealed counts who has revealed, and names who has not once that is final.
func revealed(c *gin.Context, book *campaign.RuleBook, seen *lottery.Ceremony) string {
	n, missing := 0, []string{}
	for _, h := range seen.Helpers {
		if h.Revealed {
			n++
		} else if h.Missing {
			missing = append(missing, lottery.PartyTitle(book, h.Name, web.Locale(c)))
		}
	}
	said := fmt.Sprintf("%d/%d", n, len(seen.Helpers))
	if len(missing) > 0 {
		said += web.Tr(c, " · 缺席：", " · missing: ") + strings.Join(missing, web.Tr(c, "、", ", "))
	}
	return said
}

// addConfirmation shows the two people, and offers the first of them the button while it is time.
func (k *Console) addConfirmation(c *gin.Context, h *hall, found campaign.Campaign, seen *lottery.Ceremony, early bool) {
	first, second := hallPerson{Title: web.Tr(c, "第一人", "First person")}, hallPerson{Title: web.Tr(c, "第二人", "Second person")}
	asked := seen.Confirmation
	if asked != nil {
		first.Name, first.At = asked.Maker, web.Clock(asked.MadeAt)
		if asked.Status == staff.Approved {
			second.Name, second.At = asked.Checker, web.Clock(asked.DecidedAt)
		}
	}
	h.People = []hallPerson{first, second}
	open := early && (seen.Status == lottery.Planned || seen.Status == lottery.Sealed || seen.Status == lottery.Revealed)
	switch {
	case !open:
	case asked == nil && k.may(web.ActorOf(c), staff.DrawRun):
		h.Confirm = &web.Form{Action: "/console/draws/" + found.Slug + "/ceremony", Submit: web.Tr(c, "我已核对封存内容，确认", "I have checked what is sealed")}
	case asked != nil && asked.Status == staff.Pending:
		h.Note = web.Tr(c, fmt.Sprintf("请第二人在自己的设备上办理审批 %d", asked.ID), fmt.Sprintf("The second person decides approval %d on a device of their own", asked.ID))
	}
}

func prizeOf(c *gin.Context, book *campaign.RuleBook, p lottery.CeremonyPrize) hallPrize {
	prize := hallPrize{Title: p.Tier, Got: web.Count(p.Got), More: p.Got > int64(len(p.First))}
	if tier, ok := book.Tier(p.Tier); ok {
		prize.Title = tier.Title.In(web.Locale(c))
		if amount := web.Yuan(money.Fen(tier.Amount)); !strings.Contains(prize.Title, amount) {
			prize.Amount = amount
		}
	}
	if p.Scope != draw.AllPools && len(book.Pools.List) > 1 {
		prize.Title += " · " + poolTitle(c, book, p.Scope)
	}
	for _, entry := range p.First {
		prize.First = append(prize.First, entry.String()[:12])
	}
	return prize
}
