package disbursement

import (
	"context"
	"embed"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"hongbao/campaign"
	"hongbao/internal/fault"
	"hongbao/internal/money"
	"hongbao/internal/staff"
	"hongbao/internal/web"
)

//go:embed templates
var templates embed.FS

// maxMessage bounds a message of an operator in bytes, maxEvents the events in it.
const (
	maxMessage = 1 << 20
	maxEvents  = 1000
)

var (
	errMessage   = fault.New(fault.Invalid, "message-malformed", "消息格式有误。", "The message is malformed.")
	errSignature = fault.New(fault.Unauthenticated, "signature-refused", "消息未签名或签名无效。", "The message is not signed, or its signature is not valid.")
	errSpeaker   = fault.New(fault.Forbidden, "operator-unknown", "签名方不能代表该运营机构。", "The signing party does not speak for this operator.")
	errID        = fault.New(fault.NotFound, "not-found", "没有这条记录。", "There is no such record.")
	errElsewhere = fault.New(fault.NotFound, "no-envelope", "您在本次活动中没有红包。", "You have no envelope in this campaign.")
)

// Routes adds this room's pages and API.
func (s *Service) Routes(r *gin.Engine, w *web.Web) {
	w.Pages.Add("disbursement", templates)
	s.pages(r, w)
	s.citizenRoutes(w)
	s.staffRoutes(w)
	w.API("/api/v1/campaigns/:slug").GET("/close-out", web.Operation{ZH: "资金结清证明。", EN: "The close-out certificate: the document as it was signed, its SHA-256 and the signed note.",
		Answer: publishedCloseOut{}, Also: []int{404}}, s.getCloseOut)
	r.POST("/operator/v1/events", w.Handle(s.postEvents))
	r.POST("/operator/v1/admissions", w.Handle(s.postAdmission))
	r.GET("/operator/v1/winners", w.Handle(s.getWinnerFiles))
	r.GET("/operator/v1/winners/:number", w.Handle(s.getWinnerFile))
}

func (s *Service) citizenRoutes(w *web.Web) {
	me := w.API("/api/v1/me").Citizen()
	me.GET("/envelope", web.Operation{ZH: "我的红包。", EN: "One's own envelope.", Answer: envelopeJSON{}, Also: []int{404}}, s.getEnvelope)
	me.POST("/claim", web.Operation{ZH: "领取我的红包。", EN: "Claims one's own envelope.", Answer: envelopeJSON{}, Also: []int{404, 409, 410}}, s.postClaim)
	me.POST("/give-up", web.Operation{ZH: "放弃我的红包。", EN: "Gives one's own envelope up.", Also: []int{404, 409}}, s.postGiveUp)
	me.POST("/operator", web.Operation{ZH: "更换运营机构，限尚未找到钱包时。", EN: "Changes the operator, as long as no wallet is found.", Body: operatorJSON{}, Answer: envelopeJSON{}, Also: []int{404, 409}}, s.postOperator)
	me.POST("/code", web.Operation{ZH: "取得我的兑换码；再次请求得到同一个。", EN: "Hands out one's own scarce code; the same one whenever asked.", Answer: codeJSON{}, Also: []int{404, 409}}, s.postCode)
	me.GET("/payments", web.Operation{ZH: "我的红包的消费与退款。", EN: "Payments and refunds of one's own envelope.", Answer: web.List("payments", paymentJSON{}), Also: []int{404}}, s.getPayments)
	me.GET("/sub-wallets", web.Operation{ZH: "已推送子钱包的应用。", EN: "The apps that hold a sub-wallet.", Answer: web.List("sub_wallets", SubWalletRow{}), Also: []int{404}}, s.getSubWallets)
	me.POST("/sub-wallets", web.Operation{ZH: "向应用推送子钱包。", EN: "Pushes a sub-wallet to an app.", Body: subWalletJSON{}, Status: 201, Answer: SubWalletRow{}, Also: []int{403, 404, 409}}, s.postSubWallet)
	me.PATCH("/sub-wallets/:id", web.Operation{ZH: "变更子钱包的限额或状态。", EN: "Changes limits or status of a sub-wallet.", Body: subWalletChangeJSON{}, Answer: SubWalletRow{}, Also: []int{403, 409}}, s.patchSubWallet)
}

func (s *Service) staffRoutes(w *web.Web) {
	api := w.API("/api/v1/admin/campaigns/:slug")
	see, prepare := api.Staff(""), api.Staff(staff.MoneyPrepare)
	see.GET("/funding", web.Operation{ZH: "资金到位记录。", EN: "Receipts of funds.", Answer: web.List("receipts", Receipt{})}, s.inCity(s.getFunding))
	prepare.POST("/funding", web.Operation{ZH: "登记到账资金，等待复核。", EN: "Records received funds, to be checked.", Body: fundingJSON{}, Status: 202, Answer: Receipt{}, Also: []int{409}}, s.inCity(s.postFunding))
	see.GET("/batches", web.Operation{ZH: "资金批次。", EN: "Batches of money.", Answer: web.List("batches", Batch{})}, s.inCity(s.getBatches))
	prepare.POST("/batches", web.Operation{ZH: "编制资金批次；没有新单据时给出待复核的批次。", EN: "Prepares batches; gives those that wait when there is nothing new.", Body: kindJSON{},
		Status: 202, OrStatus: 200, Answer: batchesJSON, Also: []int{409}}, s.inCity(s.postBatches))
	prepare.POST("/return", web.Operation{ZH: "编制结余退回批次。", EN: "Prepares the return of the surplus.", Status: 202, Answer: batchesJSON, Also: []int{409}}, s.inCity(s.postReturn))
	see.GET("/figures", web.Operation{ZH: "活动的数字。", EN: "The campaign's figures.", Answer: campaignFiguresJSON{}}, s.inCity(s.getFigures))
	see.GET("/proof", web.Operation{ZH: "某一时刻的资金平衡。", EN: "The budget proof at a moment.", Query: map[string]string{"at": "Moment, RFC 3339; now when left out"},
		Answer: web.Object{"at": time.Time{}, "sources": []Proof{}}}, s.inCity(s.getProof))
	see.GET("/payees", web.Operation{ZH: "应向各收款方结算的金额。", EN: "What is due to each payee of merchants.", Answer: web.Object{"payees": []PayeeSum{}}}, s.inCity(s.getPayees))
	prepare.POST("/payouts", web.Operation{ZH: "登记商户结算付款，等待复核。", EN: "Notes a payout to merchants, to be confirmed.", Body: paidOutJSON{}, Status: 202, Answer: Payout{}, Also: []int{409}}, s.inCity(s.postPayout))
	see.GET("/blockers", web.Operation{ZH: "结清前未了结的事项。", EN: "What keeps the campaign's money from being closed.", Answer: web.Object{"blockers": []Blocker{}}}, s.inCity(s.getBlockers))
	prepare.POST("/close-out", web.Operation{ZH: "申请出具结清证明。", EN: "Asks for the close-out certificate.", Status: 202, Answer: web.Object{"approval_id": int64(0)}, Also: []int{409}}, s.inCity(s.postCloseOut))
	reads := api.Staff(staff.ReportsDownload)
	reads.GET("/alerts", web.Operation{ZH: "疑似套现的预警，最新的在前。", EN: "Alerts of suspected misuse, the newest first.", Query: map[string]string{"status": "open, confirmed or dismissed; all when left out"},
		Answer: web.List("alerts", Alert{})}, s.inCity(s.getAlerts))
	reads.GET("/alerts/:id", web.Operation{ZH: "一条预警及其证据。", EN: "One alert with its evidence.", Answer: alertEvidenceJSON{}}, s.inCity(s.getAlert))
	api.Staff(staff.MerchantsEdit).POST("/alerts/:id/decision", web.Operation{ZH: "确认或排除一条预警。", EN: "Confirms or dismisses an alert.", Body: decisionJSON{}, Also: []int{409}}, s.inCity(s.postAlertDecision))
	see.GET("/statements", web.Operation{ZH: "银行对账单。", EN: "The operators' statements.", Answer: web.List("statements", Statement{})}, s.inCity(s.getStatements))
	prepare.POST("/reconcile", web.Operation{ZH: "与银行核对一日。", EN: "Reconciles one day with an operator.", Body: dayJSON{}, Answer: statementsJSON, Also: []int{409}}, s.inCity(s.postReconcile))
	see.GET("/differences", web.Operation{ZH: "对账差异。", EN: "Differences of the reconciliation.", Answer: web.List("differences", Difference{})}, s.inCity(s.getDifferences))
	prepare.POST("/differences/:id/resolve", web.Operation{ZH: "说明并关闭一项差异。", EN: "Explains and closes a difference.", Body: reasonJSON{}, Also: []int{409}}, s.inCity(s.postResolve))
}

// inCity finds the campaign and hides those of other cities.
func (s *Service) inCity(handle func(*gin.Context, campaign.Campaign) error) func(*gin.Context) error {
	return func(c *gin.Context) error {
		found, err := s.Campaigns.BySlug(c.Request.Context(), c.Param("slug"))
		if err != nil {
			return err
		}
		if err := web.ActorOf(c).MustSee(found.City); err != nil {
			return err
		}
		return handle(c, found)
	}
}

// envelopeJSON is an envelope as its winner sees it. Amounts are in fen, times RFC 3339.
type envelopeJSON struct {
	Status      EnvelopeStatus `json:"status"`
	Tier        string         `json:"tier"`
	Operator    string         `json:"operator"`
	CouponID    string         `json:"coupon_id"`
	AmountFen   money.Fen      `json:"amount_fen"`
	CreditedFen money.Fen      `json:"credited_fen"`
	SpentFen    money.Fen      `json:"spent_fen"`
	RecalledFen money.Fen      `json:"recalled_fen"`
	BalanceFen  money.Fen      `json:"balance_fen"`
	Wallet      bool           `json:"wallet"` // the operator has found the citizen's wallet
	ClaimUntil  time.Time      `json:"claim_until"`
	ExpiresAt   time.Time      `json:"expires_at"`
	Apps        []campaign.App `json:"apps"`              // that the operator pushes sub-wallets to
	Refusal     string         `json:"refusal,omitempty"` // why the operator has not credited it
	RefusalText *campaign.Text `json:"refusal_text,omitempty"`
}

type operatorJSON struct {
	Operator string `json:"operator"`
}

type codeJSON struct {
	Code string `json:"code"`
}

func (s *Service) postOperator(c *gin.Context) error {
	var in operatorJSON
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	e, err := s.ChangeOperator(c.Request.Context(), web.CitizenOf(c).RegistrationID, in.Operator)
	return s.writeEnvelope(c, e, err)
}

func (s *Service) postCode(c *gin.Context) error {
	code, err := s.Code(c.Request.Context(), web.CitizenOf(c).RegistrationID)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, codeJSON{code})
	return nil
}

func (s *Service) writeEnvelope(c *gin.Context, e Envelope, err error) error {
	if err != nil {
		return err
	}
	shown, err := s.envelopeJSON(c.Request.Context(), e)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, shown)
	return nil
}

func (s *Service) envelopeJSON(ctx context.Context, e Envelope) (envelopeJSON, error) {
	apps, err := s.Apps(ctx, e)
	if err != nil {
		return envelopeJSON{}, err
	}
	shown := envelopeJSON{Status: e.Status, Tier: e.Tier, Operator: e.Operator, CouponID: e.CouponID, AmountFen: e.AmountFen, CreditedFen: e.CreditedFen, SpentFen: e.SpentFen,
		RecalledFen: e.RecalledFen, BalanceFen: e.Balance(), Wallet: e.WalletToken != "", ClaimUntil: e.ClaimUntilAt.Time(), ExpiresAt: e.ExpiresAt.Time(), Apps: apps}
	if e.Status != Ordered {
		return shown, nil
	}
	if shown.Refusal, err = refusedCredit(s.DB.Read(ctx), e.ID); err == nil && shown.Refusal != "" {
		text := RefusalText(shown.Refusal, e.WalletTier, s.Now())
		shown.RefusalText = &text
	}
	return shown, err
}

// Dossier is what this room keeps about a registration, for the person.
type Dossier struct {
	Envelope   envelopeJSON   `json:"envelope"`
	Payments   []paymentJSON  `json:"payments"`
	SubWallets []SubWalletRow `json:"sub_wallets"`
}

// Dossier gives the dossier of a registration; nil when it has no envelope.
func (s *Service) Dossier(ctx context.Context, registrationID int64) (*Dossier, error) {
	e, err := s.Of(ctx, registrationID)
	if errors.Is(err, ErrNoEnvelope) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var d Dossier
	if d.Envelope, err = s.envelopeJSON(ctx, e); err != nil {
		return nil, err
	}
	payments, err := s.Payments(ctx, e.ID)
	if err != nil {
		return nil, err
	}
	d.Payments = each(payments, Spending.json)
	d.SubWallets, err = s.SubWallets(ctx, registrationID)
	return &d, err
}

func (s *Service) getEnvelope(c *gin.Context) error {
	e, err := s.Of(c.Request.Context(), web.CitizenOf(c).RegistrationID)
	return s.writeEnvelope(c, e, err)
}

func (s *Service) postClaim(c *gin.Context) error {
	e, err := s.Claim(c.Request.Context(), web.CitizenOf(c).RegistrationID)
	return s.writeEnvelope(c, e, err)
}

func (s *Service) postGiveUp(c *gin.Context) error {
	if err := s.GiveUp(c.Request.Context(), web.CitizenOf(c).RegistrationID); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// paymentJSON is a payment or a refund with its sources.
type paymentJSON struct {
	Kind        EventKind `json:"kind"`
	PaymentNo   string    `json:"payment_no"`
	RefundNo    string    `json:"refund_no,omitempty"`
	MerchantNo  string    `json:"merchant_no"`
	PayMode     string    `json:"pay_mode,omitempty"`
	Scenario    string    `json:"scenario,omitempty"`
	App         string    `json:"app,omitempty"`
	AmountFen   money.Fen `json:"amount_fen"`
	EnvelopeFen money.Fen `json:"envelope_fen"`
	WalletFen   money.Fen `json:"wallet_fen"`
	CardFen     money.Fen `json:"card_fen"`
	OccurredAt  time.Time `json:"occurred_at"`

	id int64
}

func (s *Service) getPayments(c *gin.Context) error {
	e, err := s.Of(c.Request.Context(), web.CitizenOf(c).RegistrationID)
	if err != nil {
		return err
	}
	rows, err := s.Payments(c.Request.Context(), e.ID)
	return web.WriteAll(c, "payments", each(rows, Spending.json), err, func(p paymentJSON) int64 { return p.id })
}

func (r Spending) json() paymentJSON {
	return paymentJSON{r.Kind, r.PaymentNo, r.RefundNo, r.MerchantNo, r.PayMode, r.Scenario, r.App, r.AmountFen, r.EnvelopeFen, r.WalletFen, r.CardFen, r.OccurredAt.Time(), r.ID}
}

func (s *Service) getSubWallets(c *gin.Context) error {
	rows, err := s.SubWallets(c.Request.Context(), web.CitizenOf(c).RegistrationID)
	return web.WriteAll(c, "sub_wallets", rows, err, func(r SubWalletRow) int64 { return r.ID })
}

type subWalletJSON struct {
	App           string    `json:"app"`
	PerPaymentFen money.Fen `json:"per_payment_fen,omitempty"`
	PerDayFen     money.Fen `json:"per_day_fen,omitempty"`
}

func (s *Service) postSubWallet(c *gin.Context) error {
	var in subWalletJSON
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	row, err := s.PushSubWallet(c.Request.Context(), web.CitizenOf(c).RegistrationID, in.App, in.PerPaymentFen, in.PerDayFen)
	if err != nil {
		return err
	}
	c.JSON(http.StatusCreated, row)
	return nil
}

// subWalletChangeJSON changes what it gives; the rest stays.
type subWalletChangeJSON struct {
	Status        string    `json:"status,omitempty"`
	PerPaymentFen money.Fen `json:"per_payment_fen,omitempty"`
	PerDayFen     money.Fen `json:"per_day_fen,omitempty"`
}

func (s *Service) patchSubWallet(c *gin.Context) error {
	id, err := web.PathID(c, "id", errID)
	if err != nil {
		return err
	}
	registration := web.CitizenOf(c).RegistrationID
	now, err := subWalletByID(s.DB.Read(c.Request.Context()), registration, id)
	if err != nil {
		return err
	}
	in := subWalletChangeJSON{now.Status, now.PerPaymentFen, now.PerDayFen}
	if err := web.Bind(c, &in); err != nil {
		return err
	}
	row, err := s.SetSubWallet(c.Request.Context(), registration, id, in.Status, in.PerPaymentFen, in.PerDayFen)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, row)
	return nil
}
