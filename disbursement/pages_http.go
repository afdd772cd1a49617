package disbursement

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/money"
	"hongbao/internal/web"
)

func (s *Service) pages(r *gin.Engine, w *web.Web) {
	r.GET("/c/:slug/close-out", w.Handle(func(c *gin.Context) error { return s.showCloseOut(c, w) }))
	page := r.Group("/c/:slug/envelope", w.CitizenPage())
	page.GET("", w.Handle(func(c *gin.Context) error { return s.showEnvelope(c, w, http.StatusOK, nil) }))
	act := func(do func(*gin.Context, Envelope) error) gin.HandlerFunc {
		return w.Handle(func(c *gin.Context) error { return s.act(c, w, do) })
	}
	page.POST("/claim", act(func(c *gin.Context, e Envelope) error {
		_, err := s.Claim(c.Request.Context(), e.RegistrationID)
		return err
	}))
	page.POST("/give-up", act(func(c *gin.Context, e Envelope) error { return s.GiveUp(c.Request.Context(), e.RegistrationID) }))
	page.POST("/operator", act(func(c *gin.Context, e Envelope) error {
		_, err := s.ChangeOperator(c.Request.Context(), e.RegistrationID, c.PostForm("operator"))
		return err
	}))
	page.POST("/code", act(func(c *gin.Context, e Envelope) error {
		_, err := s.Code(c.Request.Context(), e.RegistrationID)
		return err
	}))
	page.POST("/sub-wallets", act(s.pushForm))
	page.POST("/sub-wallets/:id", act(s.setForm))
}

// envelopePage is what the page of an envelope shows.
type envelopePage struct {
	Slug       string
	Campaign   campaign.Text
	Contact    string
	Operator   campaign.Operator
	Envelope   Envelope
	State      string // of the drawn envelope: sealed, open or spent
	Step       int    // of the four from claim to spending; 0 when it is over
	Refusal    string // why the operator has not credited it, and what to do
	Code       string // the scarce code that was handed out to this winner
	CodeForm   *web.Form
	Change     *web.Form // of the operator
	Payments   []paymentCard
	SubWallets []subWalletCard
	Push       *web.Form
	ClaimForm  *web.Form
	GiveUp     *web.Form
	Error      string
}

// subWalletCard is a sub-wallet with what its owner can do about it.
type subWalletCard struct {
	SubWalletRow
	App     campaign.Text
	Limits  *web.Form
	Toggle  *web.Form
	Closing *web.Form
}

// mine finds the citizen's envelope in the campaign of the address.
func (s *Service) mine(c *gin.Context) (Envelope, *campaign.RuleBook, error) {
	e, err := s.Of(c.Request.Context(), web.CitizenOf(c).RegistrationID)
	if err != nil {
		return Envelope{}, nil, err
	}
	book, err := s.Campaigns.RuleBook(c.Request.Context(), e.CampaignID)
	if err == nil && book.ID != c.Param("slug") {
		err = errElsewhere
	}
	return e, book, err
}

// act does what a form asks for and shows the page again, with the reason if it was refused.
func (s *Service) act(c *gin.Context, w *web.Web, do func(*gin.Context, Envelope) error) error {
	e, _, err := s.mine(c)
	if err != nil {
		return err
	}
	if err := do(c, e); err != nil {
		refusal, ok := fault.As(err)
		if !ok || refusal.Kind == fault.Internal {
			return err
		}
		return s.showEnvelope(c, w, int(refusal.Kind), err)
	}
	c.Redirect(http.StatusSeeOther, "/c/"+c.Param("slug")+"/envelope")
	return nil
}

func (s *Service) pushForm(c *gin.Context, e Envelope) error {
	payment, day, err := limitsOf(c)
	if err != nil {
		return err
	}
	_, err = s.PushSubWallet(c.Request.Context(), e.RegistrationID, c.PostForm("app"), payment, day)
	return err
}

func (s *Service) setForm(c *gin.Context, e Envelope) error {
	id, err := web.PathID(c, "id", errID)
	if err != nil {
		return err
	}
	row, err := subWalletByID(s.DB.Read(c.Request.Context()), e.RegistrationID, id)
	if err != nil {
		return err
	}
	payment, day, status := row.PerPaymentFen, row.PerDayFen, c.PostForm("status")
	if status == "" {
		if payment, day, err = limitsOf(c); err != nil {
			return err
		}
		status = row.Status
	}
	_, err = s.SetSubWallet(c.Request.Context(), e.RegistrationID, id, status, payment, day)
	return err
}

// limitsOf reads the two limits of a form, in yuan.
func limitsOf(c *gin.Context) (payment, day money.Fen, err error) {
	payment, err1 := money.Parse(strings.TrimSpace(c.PostForm("per_payment")))
	day, err2 := money.Parse(strings.TrimSpace(c.PostForm("per_day")))
	if err1 != nil || err2 != nil {
		return 0, 0, ErrSubWalletLimit
	}
	return payment, day, nil
}

func (s *Service) showEnvelope(c *gin.Context, w *web.Web, status int, refused error) error {
	e, book, err := s.mine(c)
	if err != nil {
		return err
	}
	operator, _ := book.Operator(e.Operator)
	page := envelopePage{Slug: book.ID, Campaign: book.Name, Contact: book.City.Contact, Operator: operator, Envelope: e, State: drawnState(e)}
	if refused != nil {
		page.Error = web.Sentence(c, refused)
	}
	payments, err := s.Payments(c.Request.Context(), e.ID)
	if err != nil {
		return err
	}
	if page.Payments, err = s.paymentCards(c, payments); err != nil {
		return err
	}
	base := "/c/" + book.ID + "/envelope"
	if err := s.addClaim(c, &page, book, base); err != nil {
		return err
	}
	if e.Status == Awarded && !s.Now().Before(book.Windows.ClaimFrom) {
		page.ClaimForm = &web.Form{Action: base + "/claim", Submit: web.Tr(c, "领取红包", "Claim the envelope")}
	}
	if e.Status == Awarded || e.Status == Claimed {
		page.GiveUp = &web.Form{Action: base + "/give-up", Submit: web.Tr(c, "放弃并让给候补者", "Give it up to the waitlist"), Danger: true,
			Warning: web.Tr(c, "放弃后不能恢复，红包按公示的顺序递补给下一位。", "This cannot be undone; the envelope goes to the next in the published order.")}
	}
	if err := s.addSubWallets(c, &page, book, base); err != nil {
		return err
	}
	return w.Render(c, status, "disbursement/envelope.html", page)
}

func drawnState(e Envelope) string {
	switch {
	case e.Status == Credited && e.Balance() > 0:
		return "open"
	case e.Status == Awarded || e.Status == Claimed || e.Status == Ordered:
		return "sealed"
	}
	return "spent"
}

// steps say which of the four steps a winner is at: claim, open the wallet, wait for the money, spend it.
var steps = map[EnvelopeStatus]int{Awarded: 1, Claimed: 2, Ordered: 3, Credited: 4}

// addClaim adds what concerns the way from the prize to the wallet.
func (s *Service) addClaim(c *gin.Context, page *envelopePage, book *campaign.RuleBook, base string) error {
	e, ctx := page.Envelope, c.Request.Context()
	page.Step = steps[e.Status]
	if e.Status == Claimed && e.WalletToken != "" {
		page.Step = 3
	}
	reason, err := refusedCredit(s.DB.Read(ctx), e.ID)
	if err != nil {
		return err
	}
	if reason != "" && e.Status == Ordered {
		page.Refusal = RefusalText(reason, e.WalletTier, s.Now()).In(web.Locale(c))
	}
	if (e.Status == Awarded || e.Status == Claimed) && e.WalletToken == "" && len(book.Operators) > 1 {
		field := web.Field{Name: "operator", Label: web.Tr(c, "改为", "Change to"), Type: "select", Value: e.Operator}
		for _, o := range book.Operators {
			field.Options = append(field.Options, web.Option{Value: o.Name, Label: o.Title.In(web.Locale(c))})
		}
		page.Change = &web.Form{Action: base + "/operator", Submit: web.Tr(c, "更换", "Change"), Quiet: true, Fields: []web.Field{field}}
	}
	return s.addCode(c, page, base)
}

// addCode shows the winner's own scarce code, or offers one where the campaign has them.
func (s *Service) addCode(c *gin.Context, page *envelopePage, base string) (err error) {
	e, ctx := page.Envelope, c.Request.Context()
	if page.Code, err = s.Campaigns.CodeOf(ctx, e.CampaignID, e.RegistrationID); err != nil || page.Code != "" {
		return err
	}
	counts, err := s.Campaigns.CodeCounts(ctx, e.CampaignID)
	if err == nil && counts.Free > 0 && (e.Status == Claimed || e.Status == Ordered || e.Status == Credited) {
		page.CodeForm = &web.Form{Action: base + "/code", Submit: web.Tr(c, "取我的兑换码", "Get my code"), Quiet: true}
	}
	return err
}

// paymentCard is a payment or a refund with the sources that paid it, or got it back.
type paymentCard struct {
	Merchant string
	Refund   bool
	At       database.Millis
	Amount   money.Fen
	Parts    []sourcePart
}

// sourcePart is one source's part of an amount; X and Width place it on a bar of 100.
type sourcePart struct {
	Name, Label, X, Width string
	Amount                money.Fen
}

func (s *Service) paymentCards(c *gin.Context, rows []Spending) ([]paymentCard, error) {
	numbers := each(rows, func(r Spending) string { return r.MerchantNo })
	if len(rows) == 0 {
		return nil, nil
	}
	names, err := s.Campaigns.MerchantNames(c.Request.Context(), rows[0].CampaignID, numbers)
	if err != nil {
		return nil, err
	}
	return each(rows, func(r Spending) paymentCard {
		card := paymentCard{Merchant: cmp.Or(names[r.MerchantNo], r.MerchantNo), Refund: r.Kind == EventRefund, At: r.OccurredAt, Amount: r.AmountFen}
		own := web.Tr(c, "我的钱包", "My wallet")
		if card.Refund {
			own = web.Tr(c, "我自己的钱", "My own money")
		}
		var before money.Fen
		for _, part := range []sourcePart{{Name: "envelope", Label: web.Tr(c, "红包", "Envelope"), Amount: r.EnvelopeFen}, {Name: "wallet", Label: own, Amount: r.WalletFen},
			{Name: "card", Label: web.Tr(c, "银行卡", "Bank card"), Amount: r.CardFen}} {
			if part.Amount > 0 {
				part.X, part.Width = hundredths(before, r.AmountFen), hundredths(part.Amount, r.AmountFen)
				before += part.Amount
				card.Parts = append(card.Parts, part)
			}
		}
		return card
	}), nil
}

// hundredths is the length of part on a scale on which whole is 100.
func hundredths(part, whole money.Fen) string {
	return strconv.FormatFloat(float64(part)*100/float64(whole), 'f', 2, 64)
}

func (s *Service) addSubWallets(c *gin.Context, page *envelopePage, book *campaign.RuleBook, base string) error {
	rows, err := s.SubWallets(c.Request.Context(), page.Envelope.RegistrationID)
	if err != nil {
		return err
	}
	apps, err := s.Apps(c.Request.Context(), page.Envelope)
	if err != nil {
		return err
	}
	open := map[string]bool{}
	for _, row := range rows {
		app, _ := book.App(row.App)
		page.SubWallets = append(page.SubWallets, cardOf(c, row, app, base))
		open[row.App] = open[row.App] || row.Status != SubWalletClosed
	}
	field := web.Field{Name: "app", Label: web.Tr(c, "推送到", "Push to"), Type: "select", Required: true}
	for _, app := range apps {
		if !open[app.Name] {
			field.Options = append(field.Options, web.Option{Value: app.Name, Label: app.Title.In(web.Locale(c))})
		}
	}
	if len(field.Options) > 0 && page.Envelope.WalletToken != "" && page.Envelope.Status == Credited {
		page.Push = &web.Form{Action: base + "/sub-wallets", Submit: web.Tr(c, "推送子钱包", "Push the sub-wallet"), Fields: append([]web.Field{field}, limitFields(c, "new", "200", "500")...)}
	}
	return nil
}

func cardOf(c *gin.Context, row SubWalletRow, app campaign.App, base string) subWalletCard {
	card := subWalletCard{SubWalletRow: row, App: app.Title}
	if row.Status == SubWalletClosed {
		return card
	}
	action := base + "/sub-wallets/" + strconv.FormatInt(row.ID, 10)
	set := func(submit, status string, danger bool) *web.Form {
		return &web.Form{Action: action, Submit: submit, Hidden: map[string]string{"status": status}, Quiet: !danger, Danger: danger, Inline: true}
	}
	card.Limits = &web.Form{Action: action, Submit: web.Tr(c, "修改限额", "Change limits"), Quiet: true, Fields: limitFields(c, row.App, row.PerPaymentFen.String(), row.PerDayFen.String())}
	card.Toggle = set(web.Tr(c, "暂停", "Pause"), SubWalletPaused, false)
	if row.Status == SubWalletPaused {
		card.Toggle = set(web.Tr(c, "恢复", "Resume"), SubWalletActive, false)
	}
	card.Closing = set(web.Tr(c, "关闭", "Close"), SubWalletClosed, true)
	return card
}

// limitFields stand once for each sub-wallet on a page, so their ids name it.
func limitFields(c *gin.Context, of, payment, day string) []web.Field {
	return []web.Field{
		{Name: "per_payment", ID: "per_payment-" + of, Label: web.Tr(c, "单笔限额（元）", "Limit per payment (yuan)"), InputMode: "decimal", Required: true, Value: payment},
		{Name: "per_day", ID: "per_day-" + of, Label: web.Tr(c, "每日限额（元）", "Limit per day (yuan)"), InputMode: "decimal", Required: true, Value: day}}
}
