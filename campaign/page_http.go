package campaign

import (
	"context"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"hongbao/internal/fault"
	"hongbao/internal/identity"
	"hongbao/internal/web"
)

// prover is Lookup or Confirm.
type prover func(ctx context.Context, slug, phone, code string) (Receipt, error)

func (s *Service) pages(r *gin.Engine, w *web.Web) {
	r.GET("/", w.Handle(s.cityPage(w)))
	r.GET("/check", w.Handle(s.checkPage(w)))
	r.POST("/check", w.Limited("lookup"), w.Handle(s.postCheck(w)))
	one := r.Group("/c/:slug")
	one.GET("", w.Handle(s.homePage(w)))
	one.GET("/register", w.Handle(s.registerPage(w)))
	one.POST("/register", w.Limited("register"), w.Handle(s.postRegister(w)))
	one.GET("/guide", w.Handle(s.guidePage(w)))
	one.GET("/merchants", w.Handle(s.merchantsPage(w)))
	one.POST("/merchants/near", w.Limited("lookup"), w.Handle(s.nearPage(w)))
	one.GET("/result", w.Handle(s.resultPage(w)))
	one.POST("/result", w.Limited("lookup"), w.Handle(s.postResult(w, "", s.Lookup)))
	one.POST("/confirm", w.Limited("lookup"), w.Handle(s.postResult(w, "confirm", s.Confirm)))
	me := one.Group("/me", w.CitizenPage())
	me.GET("", w.Handle(s.mePage(w)))
	me.GET("/receipt", w.Handle(s.receiptFile))
	me.GET("/data", w.Handle(s.dataFile))
	me.POST("/withdraw", w.Handle(s.postForget(w)))
}

func (s *Service) view(c *gin.Context) (campaignView, error) {
	live, err := s.public(c)
	return campaignView{Live: live, Locale: web.Locale(c), Now: s.Now()}, err
}

func (s *Service) cityPage(w *web.Web) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		list, err := s.publicList(c)
		if err != nil {
			return err
		}
		var views []campaignView
		for _, live := range list {
			views = append(views, campaignView{Live: live, Locale: web.Locale(c), Now: s.Now()})
		}
		return w.Render(c, http.StatusOK, "campaign/city.html", gin.H{"Campaigns": views})
	}
}

func (s *Service) homePage(w *web.Web) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		view, err := s.view(c)
		if err != nil {
			return err
		}
		view.Registered = s.crowd(c.Request.Context(), view)
		return w.Render(c, http.StatusOK, "campaign/home.html", view)
	}
}

// guidePage says how to come by the money, operator by operator.
func (s *Service) guidePage(w *web.Web) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		view, err := s.view(c)
		if err != nil {
			return err
		}
		return w.Render(c, http.StatusOK, "campaign/guide.html", view)
	}
}

// crowd is how many have registered so far, while that is news; the page does without when the database does not answer.
func (s *Service) crowd(ctx context.Context, view campaignView) int64 {
	if stage := view.Stage(); stage != "open" && stage != "pending" {
		return 0
	}
	n, err := s.counted.getWithin(countLife, view.ID, s.Now(), func() (int64, error) { return s.Registered(ctx, view.ID) })
	if err != nil {
		return 0
	}
	return n
}

func (s *Service) resultPage(w *web.Web) func(c *gin.Context) error {
	return func(c *gin.Context) error { return s.showResult(c, w, http.StatusOK, "", nil) }
}

// showResult is the form that asks for phone and confirmation code: to look up, or ("confirm") to finish a two-step
// registration.
func (s *Service) showResult(c *gin.Context, w *web.Web, status int, purpose string, failed error) error {
	view, err := s.view(c)
	if err != nil {
		return err
	}
	if purpose == "" && c.Query("confirm") != "" {
		purpose = "confirm"
	}
	form := web.Form{Action: "/c/" + view.Slug + "/result", Submit: web.Tr(c, "查询", "Look up"), Fields: []web.Field{
		{Name: "phone", Label: web.Tr(c, "登记时的手机号", "Phone you registered with"), Type: "tel", InputMode: "numeric", Format: "phone", MaxLength: 20,
			Required: true, Autocomplete: "tel-national", Value: c.PostForm("phone")},
		{Name: "code", Label: web.Tr(c, "确认码", "Confirmation code"), MaxLength: 20, Required: true, Autocomplete: "off",
			Hint: web.Tr(c, "登记成功页上的八位字符，如 ABCD-EFGH", "Eight characters from the receipt, like ABCD-EFGH")}}}
	if purpose == "confirm" {
		form.Action, form.Submit = "/c/"+view.Slug+"/confirm", web.Tr(c, "确认登记", "Confirm")
		form.Fields[1].Hint = web.Tr(c, "在政务短信里", "It came in the city's SMS")
	}
	markForm(c, &form, failed)
	deletions, err := s.publicDeletions(c.Request.Context(), view.ID)
	if err != nil {
		return err
	}
	return w.Render(c, status, "campaign/result.html", gin.H{"View": view, "Form": form, "Confirm": purpose == "confirm", "Deletions": view.deleted(deletions)})
}

// markForm puts each fault beside its field, and one without a field of this form above it.
func markForm(c *gin.Context, form *web.Form, err error) {
	for _, one := range faults(err) {
		at := slices.IndexFunc(form.Fields, func(f web.Field) bool { return f.Name == one.Field })
		if at < 0 {
			form.Error = web.Sentence(c, one)
			continue
		}
		form.Fields[at].Error = web.Sentence(c, one)
	}
}

// faults lists the faults that an error joins.
func faults(err error) (list []*fault.Error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			list = append(list, faults(one)...)
		}
		return list
	}
	if found, ok := fault.As(err); ok {
		list = append(list, found)
	}
	return list
}

func (s *Service) postResult(w *web.Web, purpose string, prove prover) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		receipt, err := prove(c.Request.Context(), c.Param("slug"), c.PostForm("phone"), c.PostForm("code"))
		if found, ok := fault.As(err); ok && found.Kind < fault.Internal {
			return s.showResult(c, w, int(found.Kind), purpose, err)
		}
		if err != nil {
			return err
		}
		w.CitizenSignIn(c, web.Citizen{RegistrationID: receipt.ID, CampaignID: receipt.CampaignID})
		c.Redirect(http.StatusSeeOther, "/c/"+c.Param("slug")+"/me")
		return nil
	}
}

func (s *Service) mePage(w *web.Web) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		view, err := s.view(c)
		if err != nil {
			return err
		}
		citizen := web.CitizenOf(c)
		if citizen.CampaignID != view.ID {
			c.Redirect(http.StatusSeeOther, "/c/"+view.Slug+"/result")
			return nil
		}
		receipt, err := s.Mine(c.Request.Context(), citizen.RegistrationID)
		if err != nil {
			return err
		}
		data, err := s.MyData(c.Request.Context(), citizen.RegistrationID)
		if err != nil {
			return err
		}
		refused, err := s.MayForget(c.Request.Context(), citizen.RegistrationID)
		if err != nil {
			return err
		}
		page := view.mine(c, receipt, data, refused)
		if err := s.appealPart(c, view, receipt, page); err != nil {
			return err
		}
		return w.Render(c, http.StatusOK, "campaign/me.html", page)
	}
}

func (s *Service) receiptFile(c *gin.Context) error {
	receipt, err := s.Mine(c.Request.Context(), web.CitizenOf(c).RegistrationID)
	if err != nil {
		return err
	}
	c.Header("Content-Disposition", `attachment; filename="receipt.txt"`)
	c.Data(http.StatusOK, "text/plain; charset=utf-8", []byte(receipt.Note))
	return nil
}

func (s *Service) dataFile(c *gin.Context) error {
	data, err := s.MyData(c.Request.Context(), web.CitizenOf(c).RegistrationID)
	if err != nil {
		return err
	}
	c.Header("Content-Disposition", `attachment; filename="my-data.json"`)
	c.IndentedJSON(http.StatusOK, data)
	return nil
}

func (s *Service) postForget(w *web.Web) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		certificate, err := s.Forget(c.Request.Context(), web.CitizenOf(c).RegistrationID)
		if err != nil {
			return err
		}
		w.SignOut(c)
		view, err := s.view(c)
		if err != nil {
			return err
		}
		return w.Render(c, http.StatusOK, "campaign/withdrawn.html", gin.H{"View": view, "Certificate": certificate})
	}
}

// mine is what the receipt page shows. Refused says why the person's data cannot be deleted now.
func (v campaignView) mine(c *gin.Context, receipt Receipt, data MyData, refused error) gin.H {
	operator, _ := v.Book.Operator(receipt.Operator)
	tr := func(zh, en string) string { return web.Tr(c, zh, en) }
	facts := []web.Figure{
		{Label: tr("运营机构", "Operator"), Value: operator.Title.In(v.Locale)},
		{Label: tr("登记时间", "Registered at"), Value: web.Date(receipt.RegisteredAt)}}
	if !data.Deleted {
		facts = append([]web.Figure{{Label: tr("姓名", "Name"), Value: identity.MaskName(data.Name)}, {Label: tr("证件号码", "Document"), Value: identity.MaskID(data.Document)},
			{Label: tr("手机号", "Phone"), Value: identity.MaskPhone(data.Phone)}}, facts...)
	}
	if data.CodeWord != "" {
		facts = append(facts, web.Figure{Label: tr("防骗暗语", "Code word"), Value: data.CodeWord})
	}
	reason := ""
	if text, ok := ExclusionReasons[receipt.Reason]; ok {
		reason = text.In(v.Locale)
	}
	page := gin.H{"View": v, "Receipt": receipt, "Facts": facts, "Reason": reason, "Messages": data.Messages, "Deleted": data.Deleted}
	if found, ok := fault.As(refused); ok {
		page["Refused"] = web.Sentence(c, found)
		return page
	}
	page["Forget"] = web.Form{Action: "/c/" + v.Slug + "/me/withdraw", Submit: tr("退出并删除", "Withdraw and delete"), Danger: true,
		Warning: tr("将退出本次抽签，并立即销毁您的姓名、证件号码和手机号。登记截止前可以重新登记。",
			"You leave this draw, and your name, document number and phone are destroyed at once. You may register again while registration is open.")}
	if v.FrozenAt != 0 || v.Status == Cancelled {
		page["Forget"] = web.Form{Action: "/c/" + v.Slug + "/me/withdraw", Submit: tr("删除我的信息", "Delete my data"), Danger: true,
			Warning: tr("将立即销毁您的姓名、证件号码和手机号。公开记录里的抽签编号不变，看不出您是谁。",
				"Your name, document number and phone are destroyed at once. Your entry stays on the public record; it does not show who you are.")}
	}
	return page
}
