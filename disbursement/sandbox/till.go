package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"hongbao/disbursement"
	"hongbao/internal/money"
)

// purchase is what a till or a merchant app asks for, together with who pays: a phone (the citizen's own wallet app, or the
// citizen in a merchant app that holds a pushed sub-wallet) or the token of a sub-wallet.
type purchase struct {
	Reference        string    `json:"reference"` // of the till: the same again is the same payment; a new one if empty
	Phone            string    `json:"phone"`
	SubWallet        string    `json:"sub_wallet"`
	CouponID         string    `json:"coupon_id"` // the envelope meant; the next to expire if empty
	MerchantNo       string    `json:"merchant_no"`
	PayMode          string    `json:"pay_mode"`
	Scenario         string    `json:"scenario"`
	App              string    `json:"app"`
	AmountFen        money.Fen `json:"amount_fen"`
	DeliveryDistrict string    `json:"delivery_district"`
	SelfOperated     bool      `json:"self_operated"`
	Device           string    `json:"device"`
}

// payment is a purchase that was paid, and what of it was refunded.
type payment struct {
	purchase
	No                       string
	At                       time.Time
	coupon                   *coupon // nil: own money alone, which the platform never hears of
	wallet                   *wallet
	Envelope, Wallet, Card   money.Fen
	refundedOwn, refundedEnv money.Fen
	refunds                  map[string]refundOut
}

type paymentOut struct {
	PaymentNo   string    `json:"payment_no"`
	EnvelopeFen money.Fen `json:"envelope_fen"`
	WalletFen   money.Fen `json:"wallet_fen"`
	CardFen     money.Fen `json:"card_fen"`
}

func (p *payment) out() paymentOut { return paymentOut{p.No, p.Envelope, p.Wallet, p.Card} }

const payModeSubWallet = "sub-wallet"

func no(code, format string, args ...any) refusal {
	return refusal{http.StatusForbidden, code, fmt.Sprintf(format, args...)}
}

// pay pays a purchase: envelope money first, if the platform admits it, then the wallet's own, then the card's. What the
// platform does not admit is not paid at all, so that nobody pays own money by surprise.
func (b *bank) pay(ctx context.Context, in purchase) (any, error) {
	b.counts.add("payments")
	p, err := b.begin(in)
	if err != nil || p.No != "" {
		return p.out(), err
	}
	if p.coupon != nil {
		if err := b.admit(ctx, p); err != nil {
			return nil, err
		}
	}
	return b.finish(p)
}

// begin checks a purchase. A payment that has its number was made before.
func (b *bank) begin(in purchase) (*payment, error) {
	now, unlock := b.lock()
	defer unlock()
	w, sub, err := b.payer(in)
	if err != nil {
		return &payment{}, err
	}
	if in.Reference == "" {
		w.made++
		in.Reference = w.token + " " + strconv.Itoa(w.made)
	}
	if known := b.payments[b.number("payment", in.Reference)]; known != nil {
		return known, known.same(in)
	}
	p := &payment{purchase: in, wallet: w, At: now, refunds: map[string]refundOut{}}
	if sub != nil {
		p.SubWallet = sub.Token
	}
	if sub != nil && p.App == "" {
		p.App = sub.App
	}
	if err := b.within(p, sub); err != nil {
		return &payment{}, err
	}
	p.coupon, err = choose(w, in.CouponID, now)
	return p, err
}

func (p *payment) same(in purchase) error {
	if p.AmountFen != in.AmountFen || p.MerchantNo != in.MerchantNo {
		return refusal{http.StatusConflict, "payment-content-differs", "the reference was used for another payment"}
	}
	return nil
}

func (b *bank) payer(in purchase) (*wallet, *subWallet, error) {
	if in.SubWallet != "" {
		sub := b.subs[in.SubWallet]
		if sub == nil || in.PayMode != payModeSubWallet {
			return nil, nil, errNoSub
		}
		return sub.wallet, sub, nil
	}
	w := b.wallets[in.Phone]
	if w == nil {
		return nil, nil, errNoWallet
	}
	if in.PayMode != payModeSubWallet {
		return w, nil, nil
	}
	sub := b.openSub(w, in.App)
	if sub == nil {
		return nil, nil, errNoSub
	}
	return w, sub, nil
}

// within holds the limits of the wallet's tier and of the sub-wallet.
func (b *bank) within(p *payment, sub *subWallet) error {
	tier, day := disbursement.LimitsOf(p.wallet.tier, p.At), dayOf(p.At)
	switch {
	case p.AmountFen <= 0 || p.MerchantNo == "":
		return refusal{http.StatusBadRequest, "payment-malformed", "a payment needs a merchant and an amount"}
	case p.AmountFen > tier.Payment || p.wallet.spent[day]+p.AmountFen > tier.Day:
		return no("wallet-payment-limit", "tier %d pays %s at once and %s a day", p.wallet.tier, tier.Payment, tier.Day)
	case sub == nil:
		return nil
	case sub.Status != disbursement.SubWalletActive:
		return no("sub-wallet-"+sub.Status, "the sub-wallet is %s", sub.Status)
	case p.App != sub.App:
		return no("sub-wallet-app", "the sub-wallet belongs to another app")
	case p.AmountFen > sub.PerPaymentFen || sub.spent[day]+p.AmountFen > sub.PerDayFen:
		return no(disbursement.ErrSubWalletLimit.Code, "the sub-wallet pays %s at once and %s a day", sub.PerPaymentFen, sub.PerDayFen)
	}
	return nil
}

// choose finds the envelope that pays: the one meant, or the spendable one that expires first, or none.
func choose(w *wallet, id string, now time.Time) (*coupon, error) {
	if id == "" {
		i := slices.IndexFunc(w.coupons, func(c *coupon) bool { return c.spendable(now) })
		if i < 0 {
			return nil, nil
		}
		return w.coupons[i], nil
	}
	i := slices.IndexFunc(w.coupons, func(c *coupon) bool { return c.id == id })
	switch {
	case i < 0:
		return nil, no(disbursement.ReasonCouponUnknown, "no such envelope in this wallet")
	case !now.Before(w.coupons[i].expires):
		return nil, no("envelope-expired", "the envelope has expired")
	case !w.coupons[i].spendable(now):
		return nil, nil
	}
	return w.coupons[i], nil
}

// admit asks the platform. A platform that cannot be asked admits nothing.
func (b *bank) admit(ctx context.Context, p *payment) error {
	question := disbursement.AdmissionRequest{Operator: b.name, CouponID: p.coupon.id, MerchantNo: p.MerchantNo, PayMode: p.PayMode,
		Scenario: p.Scenario, App: p.App, SelfOperated: p.SelfOperated, DeliveryDistrict: p.DeliveryDistrict, AmountFen: p.AmountFen, At: p.At}
	text, err := b.tell(ctx, "/operator/v1/admissions", question)
	var answer disbursement.AdmissionAnswer
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	var refused refusal
	switch {
	case errors.As(err, &refused) && refused.Status < 500:
		return no(refused.Code, "%s", refused.Detail)
	case err != nil:
		return refusal{http.StatusServiceUnavailable, "admission-unavailable", err.Error()}
	case !answer.Admitted:
		return no(answer.Reason, "envelope money is not admitted here")
	}
	return nil
}

// finish moves the money as it is now, which may be less of the envelope than when the payment began.
func (b *bank) finish(p *payment) (any, error) {
	now, unlock := b.lock()
	defer unlock()
	number := b.number("payment", p.Reference)
	if known := b.payments[number]; known != nil {
		return known.out(), nil
	}
	sub := b.subs[p.SubWallet]
	if err := b.within(p, sub); err != nil {
		return nil, err
	}
	if p.coupon != nil && p.coupon.spendable(now) {
		p.Envelope = min(p.AmountFen, p.coupon.left)
	}
	p.Wallet = min(p.AmountFen-p.Envelope, p.wallet.own)
	p.Card = p.AmountFen - p.Envelope - p.Wallet
	if p.Card > 0 && !p.wallet.card {
		return nil, no("money-short", "the wallet holds too little and no card is linked")
	}
	p.No, p.At = number, now
	b.settle(p, sub)
	return p.out(), nil
}

func (b *bank) settle(p *payment, sub *subWallet) {
	day := dayOf(p.At)
	p.wallet.own -= p.Wallet
	p.wallet.spent[day] += p.AmountFen
	if sub != nil {
		sub.spent[day] += p.AmountFen
	}
	b.payments[p.No] = p
	if p.Envelope == 0 {
		p.coupon = nil
	}
	b.receive(p.receiver(), p.receipt(b))
	if p.coupon == nil {
		return
	}
	p.coupon.left -= p.Envelope
	line := disbursement.StatementLine{Kind: disbursement.LinePayment, EventNo: b.number("event", p.No), Number: p.No, CouponID: p.coupon.id,
		AmountFen: p.Envelope, OccurredAt: p.At, OwnFen: p.Wallet + p.Card, CardFen: p.Card, MerchantNo: p.MerchantNo, PayMode: p.PayMode,
		Scenario: p.Scenario, App: p.App, DeliveryDistrict: p.DeliveryDistrict, SelfOperated: p.SelfOperated, Device: p.Device}
	b.record(line)
	event, _ := line.Event()
	b.announce(event)
}

// receiver is who gets the receipt: the app, or the merchant's till.
func (p *payment) receiver() string {
	if p.App != "" {
		return p.App
	}
	return p.MerchantNo
}

// receipt is all that a merchant receives about a payment: the payer is a sub-wallet's token, or a code that is made for
// this one payment. The promotion is the public e-CNY record.
type receipt struct {
	PaymentNo  string      `json:"payment_no"`
	MerchantNo string      `json:"merchant_no"`
	Payer      string      `json:"payer"`
	PayMode    string      `json:"pay_mode"`
	AmountFen  money.Fen   `json:"amount_fen"`
	PaidAt     time.Time   `json:"paid_at"`
	Promotions []promotion `json:"promotions,omitempty"`
}

type promotion struct {
	PromotionID          string    `json:"promotion_id"`
	CouponID             string    `json:"coupon_id"`
	CouponExpiry         time.Time `json:"coupon_expiry"`
	CouponAmountFen      money.Fen `json:"coupon_amount_fen"`
	CouponRefundProperty string    `json:"coupon_refund_property"`
}

func (p *payment) receipt(b *bank) receipt {
	r := receipt{p.No, p.MerchantNo, p.SubWallet, p.PayMode, p.AmountFen, p.At, nil}
	if r.Payer == "" {
		r.Payer = b.number("payer code", p.No)
	}
	if c := p.coupon; c != nil {
		r.Promotions = []promotion{{c.promotion, c.id, c.expires, p.Envelope, c.refundProperty}}
	}
	return r
}
