package campaign

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"hongbao/internal/fault"
	"hongbao/internal/identity"
	"hongbao/internal/web"
)

// Registering takes four steps, each a form that works without scripts: statements, phone, particulars, a last look. What
// was given travels along in hidden fields of pages that are never stored; nothing is kept before the last step.
const (
	stepConsent = "consent"
	stepPhone   = "phone"
	stepDetails = "details"
	stepSubmit  = "submit"
)

var steps = []string{stepConsent, stepPhone, stepDetails, stepSubmit}

// stepOf says on which step a field stands.
func stepOf(field string) string {
	switch field {
	case "consents":
		return stepConsent
	case "phone":
		return stepPhone
	}
	return stepDetails
}

// wizard is one passage through the steps.
type wizard struct {
	c    *gin.Context
	view campaignView
	sub  Submission

	challenge *challenge // once the phone is known, where the rule book asks for one
}

func (s *Service) wizard(c *gin.Context) (*wizard, error) {
	view, err := s.view(c)
	if err != nil {
		return nil, err
	}
	field := func(name string) string { return strings.TrimSpace(c.PostForm(name)) }
	sub := Submission{Campaign: view.Slug, Name: field("name"), Document: field("document"), Phone: field("phone"), SMSCode: field("sms_code"),
		Operator: field("operator"), District: field("district"), Tier: field("tier"), Consents: strings.Fields(strings.Join(c.PostFormArray("consents"), " ")),
		Challenge: field("challenge"), Solution: field("solution"), CodeWord: field("code_word"), IdempotencyKey: field("key"), Network: c.ClientIP()}
	if answer := field("location"); answer != "" {
		inside := answer == "yes"
		sub.Location = &inside
	}
	if sub.IdempotencyKey == "" {
		sub.IdempotencyKey = rand.Text()
	}
	return &wizard{c: c, view: view, sub: sub}, nil
}

func (s *Service) registerPage(w *web.Web) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		wizard, err := s.wizard(c)
		if err != nil {
			return err
		}
		return wizard.show(w, stepConsent, wizard.view.accepts(s.Now()))
	}
}

// postRegister takes one step: it checks what the step asks for and shows the next, or the same again with what is wrong.
func (s *Service) postRegister(w *web.Web) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		wizard, err := s.wizard(c)
		if err != nil {
			return err
		}
		if err := wizard.view.accepts(s.Now()); err != nil {
			return wizard.show(w, stepConsent, err)
		}
		if err := s.poseTo(wizard); err != nil {
			return err
		}
		wizard.sub.Device = device(c, w, wizard.sub.Consents)
		step := c.PostForm("step")
		if step == stepSubmit {
			return s.finish(wizard, w)
		}
		if err := s.pass(wizard, step); err != nil {
			if found, ok := fault.As(err); !ok || found.Kind >= fault.Internal && found.Kind != fault.Unavailable {
				return err
			}
			return wizard.show(w, step, err)
		}
		return wizard.show(w, steps[slices.Index(steps, step)+1], nil)
	}
}

// pass checks one step.
func (s *Service) pass(wizard *wizard, step string) error {
	switch step {
	case stepConsent:
		_, err := wizard.view.agreed(wizard.sub.Consents)
		return err
	case stepPhone:
		if _, err := identity.ParsePhone(numeral(wizard.sub.Phone)); err != nil || !wizard.view.Book.SMSCode {
			return err
		}
		return recently(s.SendCode(wizard.c.Request.Context(), wizard.view.Slug, wizard.sub.Phone))
	case stepDetails:
		err := s.Check(wizard.c.Request.Context(), wizard.sub)
		if wizard.view.Book.SMSCode && len(wizard.sub.SMSCode) != 6 {
			err = errors.Join(err, errSMSCode)
		}
		return err
	}
	return fault.Field("step", "step", "请从头开始。", "Please begin again.")
}

// recently lets a person go on who asks again within the minute: the code that was sent is still good.
func recently(err error) error {
	if found, ok := fault.As(err); ok && found.Kind == fault.TooMany && found.RetryAfter <= time.Minute {
		return nil
	}
	return err
}

func (s *Service) finish(wizard *wizard, w *web.Web) error {
	receipt, err := s.Register(wizard.c.Request.Context(), wizard.sub)
	if found, ok := fault.As(err); ok && found.Reference != "" {
		return s.showRefused(wizard, w, found.Reference, err, nil)
	}
	if list := faults(err); len(list) > 0 {
		return wizard.show(w, stepOf(list[0].Field), err)
	}
	if err != nil {
		return err
	}
	w.CitizenSignIn(wizard.c, web.Citizen{RegistrationID: receipt.ID, CampaignID: receipt.CampaignID})
	wizard.c.Redirect(http.StatusSeeOther, "/c/"+wizard.view.Slug+"/me")
	return nil
}

// show draws a step. An error gives its status and stands beside its field.
func (z *wizard) show(w *web.Web, step string, failed error) error {
	at := max(0, slices.Index(steps, step))
	form := z.form(steps[at])
	markForm(z.c, &form, failed)
	status := http.StatusOK
	if found, ok := fault.As(failed); ok {
		status = int(found.Kind)
	}
	return w.Render(z.c, status, "campaign/register.html", gin.H{"View": z.view, "Form": form, "Step": at + 1, "Of": len(steps),
		"Title": z.title(steps[at]), "Consenting": steps[at] == stepConsent, "Facts": z.facts(steps[at]), "Phone": identity.MaskPhone(strings.Join(strings.Fields(z.sub.Phone), "")),
		"Code": steps[at] == stepDetails && z.view.Book.SMSCode, "Challenge": z.challengeAt(steps[at])})
}

// challengeAt shows the challenge where it is solved: beside the last look.
func (z *wizard) challengeAt(step string) *challenge {
	if step != stepSubmit {
		return nil
	}
	return z.challenge
}

func (z *wizard) title(step string) string {
	return map[string]Text{stepConsent: {"个人信息说明", "What happens with your data"}, stepPhone: {"手机号", "Phone"},
		stepDetails: {"填写信息", "Your details"}, stepSubmit: {"核对并提交", "Check and submit"}}[step].In(z.view.Locale)
}

// form is the form of a step; everything that other steps ask for is hidden in it.
func (z *wizard) form(step string) web.Form {
	tr := func(zh, en string) string { return Text{zh, en}.In(z.view.Locale) }
	form := web.Form{Action: "/c/" + z.view.Slug + "/register", Submit: tr("下一步", "Next"), Cancel: "/c/" + z.view.Slug,
		Hidden: map[string]string{"step": step, "key": z.sub.IdempotencyKey}}
	switch step {
	case stepConsent:
		for i, consent := range z.view.Consents() {
			form.Fields = append(form.Fields, web.Field{Name: "consents", ID: fmt.Sprintf("consents-%d", i+1), Label: consent.Text.In(z.view.Locale), Type: "checkbox", Value: consent.ID(),
				Required: consent.Required, Checked: slices.Contains(z.sub.Consents, consent.ID())})
		}
	case stepPhone:
		form.Fields = []web.Field{{Name: "phone", Label: tr("手机号", "Phone"), Type: "tel", InputMode: "numeric", Format: "phone", MaxLength: 20, Required: true,
			Autofocus: true, Autocomplete: "tel-national", Value: z.sub.Phone, Hint: tr("中签后用这个号码的数字人民币钱包领取", "If you win, the wallet of this number gets the envelope")}}
		if z.view.Book.SMSCode {
			form.Submit = tr("获取验证码", "Send me a code")
		}
	case stepDetails:
		form.Fields = z.details(tr)
	case stepSubmit:
		form.Submit = tr("提交登记", "Submit")
	}
	z.carry(&form)
	return form
}

func (z *wizard) details(tr func(zh, en string) string) []web.Field {
	sub := z.sub
	fields := []web.Field{
		{Name: "sms_code", Label: tr("短信验证码", "SMS code"), InputMode: "numeric", MaxLength: 6, Required: true, Autocomplete: "one-time-code", Value: sub.SMSCode},
		{Name: "name", Label: tr("姓名", "Name"), MaxLength: 60, Required: true, Autocomplete: "name", Value: sub.Name, Hint: tr("与证件一致", "As on your document")},
		{Name: "document", Label: tr("证件号码", "Document number"), MaxLength: 40, Required: true, Autocomplete: "off", Format: "document", Value: sub.Document, Hint: z.documentHint()},
		{Name: "operator", Label: tr("运营机构", "Operator"), Type: "radio", Required: true, Value: sub.Operator, Options: z.view.Banks(),
			Hint: tr("不需要在这家银行有账户；中签后在数字人民币 App 开立它的钱包", "You need no account there; if you win, you open its wallet in the e-CNY app")},
		{Name: "district", Label: tr("所在区县", "District"), Type: "select", Required: z.view.NeedsDistrict(), Value: sub.District, Options: z.districts(tr)},
	}
	if !z.view.Book.SMSCode {
		fields = fields[1:]
	}
	if z.view.Book.Pools.By == ByTier {
		tier := web.Field{Name: "tier", Label: tr("档次", "Tier"), Type: "radio", Required: true, Value: sub.Tier}
		for _, t := range z.view.Book.Tiers {
			tier.Options = append(tier.Options, web.Option{Value: t.Name, Label: t.Title.In(z.view.Locale)})
		}
		fields = append(fields, tier)
	}
	if z.view.Book.Eligibility.NeedsLocation() {
		answer := ""
		if sub.Location != nil {
			answer = map[bool]string{true: "yes", false: "no"}[*sub.Location]
		}
		fields = append(fields, web.Field{Name: "location", Label: tr("您现在在本市吗", "Are you in the city now"), Type: "radio", Required: true, Value: answer,
			Options: []web.Option{{Value: "yes", Label: tr("在", "Yes")}, {Value: "no", Label: tr("不在", "No")}}})
	}
	return append(fields, web.Field{Name: "code_word", Label: tr("防骗暗语（可不填）", "Code word against fraud (optional)"), MaxLength: 12, Autocomplete: "off", Value: sub.CodeWord,
		Hint: tr("2 到 12 个字，只有您和平台知道。官方短信都会带上它，没有它的就是假的", "2 to 12 letters that only you and the platform know. Every official message repeats it; one without it is forged")})
}

func (z *wizard) documentHint() string {
	var names []string
	for _, kind := range z.view.Book.Documents {
		names = append(names, words(documentWords, kind, z.view.Locale))
	}
	return strings.Join(names, Text{"、", ", "}.In(z.view.Locale))
}

func (z *wizard) districts(tr func(zh, en string) string) []web.Option {
	list := []web.Option{{Label: tr("请选择", "Please choose")}}
	for _, d := range z.view.Book.City.Districts {
		list = append(list, web.Option{Value: d.Name, Label: d.Title.In(z.view.Locale)})
	}
	return list
}

// carry hides in the form what its own fields do not ask for. The statements agreed to travel as one value, separated by
// blanks.
func (z *wizard) carry(form *web.Form) {
	sub, location := z.sub, ""
	if sub.Location != nil {
		location = map[bool]string{true: "yes", false: "no"}[*sub.Location]
	}
	given := map[string]string{"phone": sub.Phone, "sms_code": sub.SMSCode, "name": sub.Name, "document": sub.Document, "operator": sub.Operator,
		"district": sub.District, "tier": sub.Tier, "location": location, "code_word": sub.CodeWord, "challenge": sub.Challenge}
	for name, value := range given {
		asked := slices.ContainsFunc(form.Fields, func(f web.Field) bool { return f.Name == name })
		if !asked && value != "" {
			form.Hidden[name] = value
		}
	}
	if form.Hidden["step"] != stepConsent {
		form.Hidden["consents"] = strings.Join(sub.Consents, " ")
	}
}

// facts is the last look before submitting, with the document and phone masked.
func (z *wizard) facts(step string) []web.Figure {
	if step != stepSubmit {
		return nil
	}
	tr := func(zh, en string) string { return Text{zh, en}.In(z.view.Locale) }
	operator, _ := z.view.Book.Operator(z.sub.Operator)
	list := []web.Figure{
		{Label: tr("姓名", "Name"), Value: z.sub.Name},
		{Label: tr("证件号码", "Document"), Value: identity.MaskID(strings.ToUpper(strings.Join(strings.Fields(z.sub.Document), "")))},
		{Label: tr("手机号", "Phone"), Value: identity.MaskPhone(strings.Join(strings.Fields(z.sub.Phone), ""))},
		{Label: tr("运营机构", "Operator"), Value: operator.Title.In(z.view.Locale)},
	}
	if district, ok := z.view.Book.District(z.sub.District); ok {
		list = append(list, web.Figure{Label: tr("区县", "District"), Value: district.Title.In(z.view.Locale)})
	}
	if tier, ok := z.view.Book.Tier(z.sub.Tier); ok {
		list = append(list, web.Figure{Label: tr("档次", "Tier"), Value: tier.Title.In(z.view.Locale)})
	}
	if z.sub.CodeWord != "" {
		list = append(list, web.Figure{Label: tr("防骗暗语", "Code word"), Value: z.sub.CodeWord})
	}
	return list
}
