package campaign

import (
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"hongbao/internal/fault"
	"hongbao/internal/web"
)

func (s *Service) appealRoutes(r *gin.Engine, w *web.Web) {
	w.API("/api/v1/campaigns/:slug").Limited("lookup").POST("/appeals", web.Operation{ZH: "就登记被拒提出申诉；编号在拒绝的答复里。",
		EN: "Appeals against a refused registration; its number stands in the refusal as reference.", Body: refusalAppealJSON{}, Status: 201, Answer: receiptJSON{},
		Also: []int{403, 409, 410, 429}}, s.postAppealRefusal(w))
	me := w.API("/api/v1/me").Citizen()
	me.GET("/appeals", web.Operation{ZH: "我的申诉。", EN: "One's own appeals.", Answer: web.Object{"appeals": []MyAppeal{}}, Also: []int{404}}, s.getMyAppeals)
	me.POST("/appeals", web.Operation{ZH: "就被排除提出申诉。", EN: "Appeals against being excluded.", Body: statementJSON{}, Status: 201, Answer: MyAppeal{},
		Also: []int{403, 404, 409, 410}}, s.postMyAppeal)
	page := r.Group("/c/:slug")
	page.GET("/fair", w.Handle(s.fairPage(w)))
	page.POST("/appeal", w.Limited("lookup"), w.Handle(s.postRefusedAppeal(w)))
	page.POST("/me/appeal", w.CitizenPage(), w.Handle(s.postMyAppealPage))
}

type refusalAppealJSON struct {
	Attempt      string     `json:"attempt"`
	Statement    string     `json:"statement"`
	Registration Submission `json:"registration"`
}

type statementJSON struct {
	Statement string `json:"statement"`
}

func (s *Service) postAppealRefusal(w *web.Web) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		var in refusalAppealJSON
		if err := web.Bind(c, &in); err != nil {
			return err
		}
		in.Registration.Campaign, in.Registration.Network = c.Param("slug"), c.ClientIP()
		receipt, err := s.AppealRefusal(c.Request.Context(), in.Registration, in.Attempt, in.Statement)
		if err != nil {
			return err
		}
		c.JSON(http.StatusCreated, receipt.json(w))
		return nil
	}
}

func (s *Service) getMyAppeals(c *gin.Context) error {
	list, err := s.MyAppeals(c.Request.Context(), web.CitizenOf(c).RegistrationID)
	if err != nil {
		return err
	}
	if list == nil {
		list = []MyAppeal{}
	}
	c.JSON(http.StatusOK, gin.H{"appeals": list})
	return nil
}

func (s *Service) postMyAppeal(c *gin.Context) error {
	var in statementJSON
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	appeal, err := s.AppealExclusion(c.Request.Context(), web.CitizenOf(c).RegistrationID, in.Statement)
	if err != nil {
		return err
	}
	c.JSON(http.StatusCreated, appeal.mine(false))
	return nil
}

// showRefused tells a person whose submission was refused why, and how to appeal. What was typed travels along in the form.
func (s *Service) showRefused(z *wizard, w *web.Web, attempt string, refused, failed error) error {
	tr := func(zh, en string) string { return web.Tr(z.c, zh, en) }
	form := web.Form{Action: "/c/" + z.view.Slug + "/appeal", Submit: tr("提出申诉", "Appeal"), Cancel: "/c/" + z.view.Slug,
		Hidden: map[string]string{"attempt": attempt, "key": z.sub.IdempotencyKey}, Fields: []web.Field{statementField(z.c)}}
	z.carry(&form)
	markForm(z.c, &form, failed)
	return w.Render(z.c, int(fault.KindOf(refused)), "campaign/refused.html", gin.H{"View": z.view, "Reason": web.Sentence(z.c, refused), "Attempt": attempt,
		"Until": z.view.appealUntil(s.Now()), "Decide": hours(z.view.Book.Appeals.Decide, z.view.Locale), "Form": form})
}

func statementField(c *gin.Context) web.Field {
	return web.Field{Name: "statement", Label: web.Tr(c, "申诉理由", "Why"), Type: "textarea", Rows: 4, MaxLength: 500, Required: true, Value: c.PostForm("statement"),
		Hint: web.Tr(c, "请写明哪里有误，有哪些材料可以证明。不要写证件号码和手机号。", "Say what is wrong and which papers show it. Leave out your document number and phone.")}
}

// postRefusedAppeal takes the form of showRefused.
func (s *Service) postRefusedAppeal(w *web.Web) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		z, err := s.wizard(c)
		if err != nil {
			return err
		}
		receipt, err := s.AppealRefusal(c.Request.Context(), z.sub, c.PostForm("attempt"), strings.TrimSpace(c.PostForm("statement")))
		if found, ok := fault.As(err); ok && found.Kind < fault.Internal {
			return s.showRefused(z, w, clip(c.PostForm("attempt")), found, err)
		}
		if err != nil {
			return err
		}
		w.CitizenSignIn(c, web.Citizen{RegistrationID: receipt.ID, CampaignID: receipt.CampaignID})
		c.Redirect(http.StatusSeeOther, "/c/"+z.view.Slug+"/me")
		return nil
	}
}

func (s *Service) postMyAppealPage(c *gin.Context) error {
	if _, err := s.AppealExclusion(c.Request.Context(), web.CitizenOf(c).RegistrationID, strings.TrimSpace(c.PostForm("statement"))); err != nil {
		return err
	}
	c.Redirect(http.StatusSeeOther, "/c/"+c.Param("slug")+"/me")
	return nil
}

// appealPart adds to a person's page what the rules found about them, their appeals, and how to appeal.
func (s *Service) appealPart(c *gin.Context, v campaignView, receipt Receipt, page gin.H) error {
	ctx := c.Request.Context()
	appeals, err := s.MyAppeals(ctx, receipt.ID)
	if err != nil {
		return err
	}
	events, against := []web.Event{}, map[string]bool{}
	for _, appeal := range appeals {
		events, against[appeal.Reason] = append(events, appealEvent(c, appeal)), true
	}
	page["Appeals"], page["Frozen"] = events, v.FrozenAt != 0
	if receipt.Status != Excluded {
		return nil
	}
	if strings.HasPrefix(receipt.Reason, reasonRisk) {
		found, err := s.Explain(ctx, receipt.ID)
		if err != nil {
			return err
		}
		for i := range found {
			page["Found"] = append(textsOf(page["Found"]), found[i].In(v.Locale))
		}
	}
	until := v.appealUntil(receipt.ChangedAt)
	if v.Book.Appeals.Set() && v.FrozenAt == 0 && !against[receipt.Reason] && !v.Now.After(until) {
		page["Appeal"] = web.Form{Action: "/c/" + v.Slug + "/me/appeal", Submit: web.Tr(c, "提出申诉", "Appeal"), Fields: []web.Field{statementField(c)}}
		page["Until"], page["Decide"] = until, hours(v.Book.Appeals.Decide, v.Locale)
	}
	return nil
}

func textsOf(list any) []string {
	texts, _ := list.([]string)
	return texts
}

func appealEvent(c *gin.Context, a MyAppeal) web.Event {
	e := web.Event{At: web.Date(a.FiledAt), State: "done", Title: map[string]string{AppealOpen: web.Tr(c, "申诉已提出，等待处理", "Your appeal waits for a decision"),
		AppealUpheld: web.Tr(c, "申诉未获支持", "Your appeal was not granted"), AppealReversed: web.Tr(c, "申诉成立，您已参加抽签", "Your appeal was granted; you are in the draw")}[a.Status]}
	switch {
	case a.Status == AppealOpen && a.Final:
		e.State, e.Text = "now", web.Tr(c, "名单已锁定，申诉结果不再改变名单。", "The list is frozen; the outcome can no longer change it.")
	case a.Status == AppealOpen:
		e.State, e.Text = "now", web.Tr(c, "最迟处理时间：", "To be decided by ")+web.Date(a.DecideBy)
	default:
		e.At, e.Text = web.Date(*a.DecidedAt), a.Answer
	}
	return e
}

// hours says a clock of the rule book in words.
func hours(d time.Duration, locale string) string {
	n := web.Count(int64(d / time.Hour))
	return n + Text{" 小时", " hours"}.In(locale)
}

// fairPage says in plain words how mass registration is kept out, and what everybody can do about a decision.
func (s *Service) fairPage(w *web.Web) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		view, err := s.view(c)
		if err != nil {
			return err
		}
		return w.Render(c, http.StatusOK, "campaign/fair.html", view)
	}
}

// RiskRules are the rules with what each looks for.
func (v campaignView) RiskRules() (list []web.Figure) {
	for _, rule := range v.Book.Risk.Rules {
		list = append(list, web.Figure{Label: rule.Title.In(v.Locale), Value: rule.Describe().In(v.Locale)})
	}
	return list
}

// FileWithin and DecideWithin are the clocks of appeals in words.
func (v campaignView) FileWithin() string { return hours(v.Book.Appeals.File, v.Locale) }

// DecideWithin is the time for a decision in words.
func (v campaignView) DecideWithin() string { return hours(v.Book.Appeals.Decide, v.Locale) }

// FreezeAt is the moment from which the list cannot change.
func (v campaignView) FreezeAt() time.Time { return v.Book.Windows.Freeze() }
