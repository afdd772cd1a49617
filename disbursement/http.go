package disbursement

import (
	"embed"
	"net/http"
	"strconv"
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
	me := r.Group("/api/v1/me", w.Citizen())
	me.GET("/envelope", w.Handle(s.getEnvelope))
	me.POST("/claim", w.Handle(s.postClaim))
	me.POST("/give-up", w.Handle(s.postGiveUp))
	me.GET("/payments", w.Handle(s.getPayments))
	me.GET("/sub-wallets", w.Handle(s.getSubWallets))
	me.POST("/sub-wallets", w.Handle(s.postSubWallet))
	me.PATCH("/sub-wallets/:id", w.Handle(s.patchSubWallet))
	r.POST("/operator/v1/events", w.Handle(s.postEvents))
	r.POST("/operator/v1/admissions", w.Handle(s.postAdmission))
	s.staffRoutes(r.Group("/api/v1/admin/campaigns/:slug"), w)
}

func (s *Service) staffRoutes(r *gin.RouterGroup, w *web.Web) {
	see, prepare := w.Staff(""), w.Staff(staff.MoneyPrepare)
	r.GET("/funding", see, w.Handle(s.inCity(s.getFunding)))
	r.POST("/funding", prepare, w.Handle(s.inCity(s.postFunding)))
	r.GET("/batches", see, w.Handle(s.inCity(s.getBatches)))
	r.POST("/batches", prepare, w.Handle(s.inCity(s.postBatches)))
	r.POST("/return", prepare, w.Handle(s.inCity(s.postReturn)))
	r.GET("/figures", see, w.Handle(s.inCity(s.getFigures)))
	r.GET("/proof", see, w.Handle(s.inCity(s.getProof)))
	r.GET("/statements", see, w.Handle(s.inCity(s.getStatements)))
	r.POST("/reconcile", prepare, w.Handle(s.inCity(s.postReconcile)))
	r.GET("/differences", see, w.Handle(s.inCity(s.getDifferences)))
	r.POST("/differences/:id/resolve", prepare, w.Handle(s.inCity(s.postResolve)))
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
	Apps        []campaign.App `json:"apps"` // that the operator pushes sub-wallets to
}

func (s *Service) writeEnvelope(c *gin.Context, e Envelope, err error) error {
	if err != nil {
		return err
	}
	apps, err := s.Apps(c.Request.Context(), e)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, envelopeJSON{e.Status, e.Tier, e.Operator, e.CouponID, e.AmountFen, e.CreditedFen, e.SpentFen, e.RecalledFen, e.Balance(),
		e.WalletToken != "", e.ClaimUntilAt.Time(), e.ExpiresAt.Time(), apps})
	return nil
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
}

func (s *Service) getPayments(c *gin.Context) error {
	e, err := s.Of(c.Request.Context(), web.CitizenOf(c).RegistrationID)
	if err != nil {
		return err
	}
	rows, err := s.Payments(c.Request.Context(), e.ID)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, gin.H{"payments": each(rows, func(r Spending) paymentJSON {
		return paymentJSON{r.Kind, r.PaymentNo, r.RefundNo, r.MerchantNo, r.PayMode, r.Scenario, r.App, r.AmountFen, r.EnvelopeFen, r.WalletFen, r.CardFen, r.OccurredAt.Time()}
	})})
	return nil
}

func (s *Service) getSubWallets(c *gin.Context) error {
	rows, err := s.SubWallets(c.Request.Context(), web.CitizenOf(c).RegistrationID)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, gin.H{"sub_wallets": rows})
	return nil
}

func (s *Service) postSubWallet(c *gin.Context) error {
	var in struct {
		App           string    `json:"app"`
		PerPaymentFen money.Fen `json:"per_payment_fen"`
		PerDayFen     money.Fen `json:"per_day_fen"`
	}
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

func (s *Service) patchSubWallet(c *gin.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	registration := web.CitizenOf(c).RegistrationID
	now, err := subWalletByID(s.DB.Read(c.Request.Context()), registration, id)
	if err != nil {
		return err
	}
	in := struct {
		Status        string    `json:"status"`
		PerPaymentFen money.Fen `json:"per_payment_fen"`
		PerDayFen     money.Fen `json:"per_day_fen"`
	}{now.Status, now.PerPaymentFen, now.PerDayFen} // what is not given stays
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

func idOf(c *gin.Context) (int64, error) {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return 0, errID
	}
	return id, nil
}
