package admin

import (
	"crypto/rand"
	"net/http"
	"strings"

	"hongbao/campaign"
	"hongbao/internal/fault"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// openCampaigns are those that the person serves and that take registrations.
func (k *Console) openCampaigns(c *gin.Context) (open []campaign.Campaign, err error) {
	all, err := k.visibleCampaigns(c)
	for _, one := range all {
		if one.Status == campaign.Open {
			open = append(open, one)
		}
	}
	return open, err
}

// desk is where branch staff register a person who cannot do it alone: with the document in hand, the statements read out,
// and the person's consent to each ticked.
func (k *Console) desk(c *gin.Context) (page, error) {
	shown := page{Title: web.Tr(c, "柜台登记", "Registering at the desk"), State: web.Tr(c, "本人持证件到场，逐项听取说明并同意后代为登记；经办人和同意事项会留痕。",
		"The person is here with the document, has heard each statement and agreed; who registered them and what was agreed to is on the record.")}
	open, err := k.openCampaigns(c)
	if err != nil {
		return shown, err
	}
	if len(open) == 0 {
		shown.Blocks = []block{{Table: &web.Table{Empty: web.Empty{Title: web.Tr(c, "现在没有开放登记的活动", "No campaign takes registrations now"), Text: web.Tr(c, "登记开放后，可在这里代为登记。", "Once registration is open, people are registered here.")}}}}
		return shown, nil
	}
	slug := c.Param("slug")
	if slug == "" {
		if slug = c.Query("campaign"); slug == "" {
			slug = open[0].Slug
		}
	}
	found, err := k.seenCampaign(c, slug)
	if err != nil {
		return shown, err
	}
	live, err := k.Campaigns.Live(c.Request.Context(), found.Slug)
	if err != nil {
		return shown, err
	}
	choose := web.Field{Name: "campaign", Label: web.Tr(c, "活动", "Campaign"), Type: "select", Value: slug}
	for _, one := range open {
		choose.Options = append(choose.Options, web.Option{Value: one.Slug, Label: one.Name(web.Locale(c))})
	}
	shown.Blocks = []block{{Filters: filters(c, choose)}, {Form: deskForm(c, live)}}
	return shown, nil
}

// deskForm asks for what the campaign asks for. Its key makes a second sending harmless.
func deskForm(c *gin.Context, live *campaign.Live) *web.Form {
	locale, key := web.Locale(c), c.PostForm("key")
	if key == "" {
		key = rand.Text()
	}
	text := func(name, zh, en string, length int, required bool) web.Field {
		return web.Field{Name: name, Label: web.Tr(c, zh, en), Value: c.PostForm(name), MaxLength: length, Required: required, Autocomplete: "off"}
	}
	document := text("document", "证件号码", "Document number", 40, true)
	document.Format = "document"
	phone := text("phone", "手机号", "Phone", 20, true)
	phone.Type, phone.InputMode, phone.Format = "tel", "numeric", "phone"
	form := &web.Form{Action: "/console/desk/" + live.Slug, Submit: web.Tr(c, "登记", "Register"), Hidden: map[string]string{"key": key},
		Fields: append([]web.Field{text("name", "姓名", "Name", 60, true), document, phone}, choices(c, live)...)}
	word := text("code_word", "防骗暗语（可不填）", "Code word against fraud (optional)", 12, false)
	word.Hint = web.Tr(c, "由本人选定，官方短信都会带上它", "The person's choice; every official message repeats it")
	form.Fields = append(form.Fields, word)
	given := strings.Join(c.PostFormArray("consents"), " ")
	for _, consent := range live.Consents() {
		form.Fields = append(form.Fields, web.Field{Name: "consents", Label: web.Tr(c, "本人", "The person: ") + consent.Text.In(locale), Type: "checkbox", ID: "consents-" + consent.Purpose, Value: consent.ID(),
			Required: consent.Required, Checked: strings.Contains(given, consent.ID())})
	}
	return form
}

// choices are the operator and, where the rule book asks for them, district and tier.
func choices(c *gin.Context, live *campaign.Live) []web.Field {
	locale := web.Locale(c)
	pick := func(name, zh, en string, required bool) web.Field {
		return web.Field{Name: name, Label: web.Tr(c, zh, en), Type: "select", Required: required, Value: c.PostForm(name), Options: []web.Option{{Label: web.Tr(c, "请选择", "Please choose")}}}
	}
	operator, district := pick("operator", "运营机构", "Operator", true), pick("district", "所在区县", "District", live.NeedsDistrict())
	for _, o := range live.Book.Operators {
		operator.Options = append(operator.Options, web.Option{Value: o.Name, Label: o.Title.In(locale)})
	}
	for _, d := range live.Book.City.Districts {
		district.Options = append(district.Options, web.Option{Value: d.Name, Label: d.Title.In(locale)})
	}
	fields := []web.Field{operator, district}
	if live.Book.Pools.By == campaign.ByTier {
		tier := pick("tier", "档次", "Tier", true)
		for _, t := range live.Book.Tiers {
			tier.Options = append(tier.Options, web.Option{Value: t.Name, Label: t.Title.In(locale)})
		}
		fields = append(fields, tier)
	}
	return fields
}

// registerAtDesk registers the person and shows the receipt, to be printed and handed over. Who stands at a branch of the
// city is in the city.
func (k *Console) registerAtDesk(c *gin.Context) error {
	found, err := k.theCampaign(c)
	if err != nil {
		return err
	}
	here, field := true, func(name string) string { return strings.TrimSpace(c.PostForm(name)) }
	receipt, err := k.Campaigns.Register(c.Request.Context(), campaign.Submission{Campaign: found.Slug, Name: field("name"), Document: field("document"), Phone: field("phone"),
		Operator: field("operator"), District: field("district"), Tier: field("tier"), CodeWord: field("code_word"), Location: &here, Consents: c.PostFormArray("consents"),
		IdempotencyKey: field("key"), Desk: web.ActorOf(c).Username})
	if err != nil {
		if fault.KindOf(err) >= fault.Internal && fault.KindOf(err) != fault.Unavailable {
			return err
		}
		return k.render(c, k.desk, err)
	}
	return k.web.Render(c, http.StatusOK, "admin/page.html", deskReceipt(c, found, receipt))
}

func deskReceipt(c *gin.Context, found campaign.Campaign, receipt campaign.Receipt) page {
	code := receipt.ConfirmationCode
	if code == "" {
		code = web.Tr(c, "已用短信发给本人，须在规定时间内确认", "Sent to the person by SMS, to be confirmed in time")
	}
	return page{Title: web.Tr(c, "登记成功", "Registered"), Chip: receipt.Status, State: web.Tr(c, "请打印本页交给本人；页面关闭后不能再次显示。", "Print this page and hand it over; it cannot be shown again."),
		Back: web.Tr(c, "柜台登记", "Registering at the desk"), BackURL: "/console/desk?campaign=" + found.Slug,
		Blocks: []block{{Facts: []fact{{Label: web.Tr(c, "活动", "Campaign"), Value: found.Name(web.Locale(c))}, {Label: web.Tr(c, "确认码", "Confirmation code"), Value: code},
			{Label: web.Tr(c, "抽签编号", "Entry"), Hash: receipt.Entry.String()}, {Label: web.Tr(c, "登记时间", "Registered at"), Value: web.Date(receipt.RegisteredAt)}}},
			{Title: web.Tr(c, "登记回执", "Receipt"), Code: receipt.Note}}}
}
