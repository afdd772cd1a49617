package disbursement

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/money"
)

// Where a spending event was heard of first.
const (
	ByCallback  = "callback"
	ByStatement = "statement"
)

// Spending is one payment or refund as booked. Amounts are in fen; of a refund, WalletFen is the own money that came back.
type Spending struct {
	ID               int64
	Operator         string
	EventNo          string
	BodyHash         database.Bytes32 // of what decides about money: the same number with another hash is refused
	Kind             EventKind
	PaymentNo        string
	RefundNo         string
	EnvelopeID       int64
	CampaignID       int64
	MerchantNo       string
	PayMode          string
	Scenario         string
	App              string
	AmountFen        money.Fen
	EnvelopeFen      money.Fen
	WalletFen        money.Fen
	CardFen          money.Fen
	DeliveryDistrict string
	SelfOperated     bool
	Device           string
	OccurredAt       database.Millis
	ReceivedAt       database.Millis
	Origin           string
	StatementDay     string // the statement that has confirmed it, "" until one has
	SettlementID     int64  // the merchant's statement that it is in, 0 until there is one, and again when it is corrected
}

// Why an event is not booked. Each is put before a person as a difference.
var (
	errEventForm     = fault.New(fault.Invalid, "event-malformed", "事件内容不完整或金额不符。", "The event is incomplete or its amounts do not add up.")
	errEventCoupon   = fault.New(fault.Invalid, "coupon-unknown", "没有这个红包。", "There is no such envelope.")
	errEventOperator = fault.New(fault.Forbidden, "operator-differs", "该红包不属于此运营机构。", "The envelope belongs to another operator.")
	errEventDiffers  = fault.New(fault.Conflict, "event-differs", "事件号已用于不同内容。", "The event's number was used for another content.")
	errEventLate     = fault.New(fault.Forbidden, "envelope-expired", "支付发生在红包到期之后。", "The payment was made after the envelope had expired.")
)

// refuses tells the refusal of an event, before which nothing was written, from a transaction that failed.
func refuses(err error) bool {
	for _, refusal := range []error{errEventForm, errEventCoupon, errEventOperator, errEventDiffers, errEventLate} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

// SplitRefund says how a refund is divided: own money first, then the envelope's, never more than was paid and has not
// come back yet. The error is Invalid when the amount exceeds that. All amounts in fen.
func SplitRefund(ownPaid, envelopePaid, ownBack, envelopeBack, amount money.Fen) (own, envelope money.Fen, err error) {
	own = min(amount, ownPaid-ownBack)
	envelope = amount - own
	if amount <= 0 || own < 0 || envelope > envelopePaid-envelopeBack {
		return 0, 0, fault.Field("amount_fen", "refund-amount", "退款金额超过可退金额。", "The refund exceeds what can be refunded.")
	}
	return own, envelope, nil
}

// Refusal says why an event was not booked. It is kept as a difference for a person, so sending it again changes nothing.
type Refusal struct {
	EventNo string `json:"event_no"`
	Reason  string `json:"reason"` // the code of the fault
}

// Receive books what an operator tells, all of a call or nothing. An event that is booked already changes nothing; one
// that is refused does not hold up the others.
func (s *Service) Receive(ctx context.Context, operator string, events []Event) (refused []Refusal, err error) {
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		refused = nil
		for _, e := range events {
			err := s.receive(tx, operator, e)
			if refuses(err) {
				cause, _ := fault.As(err)
				refused = append(refused, Refusal{printable(e.EventNo), cause.Code})
				err = s.refuse(tx, operator, e, cause)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return refused, err
}

func (s *Service) receive(tx *gorm.DB, operator string, e Event) error {
	switch e.Kind {
	case EventPayment, EventRefund:
		_, err := s.book(tx, operator, e, ByCallback, "")
		return err
	case EventCredit, EventRecall, EventReturn:
		said := Outcome{OrderNo: e.OrderNo, State: e.State, AmountFen: e.AmountFen, Reason: e.Reason, At: e.OccurredAt}
		_, err := s.hear(tx, operator, "event:"+operator+":"+clip(e.EventNo, 32), said)
		return err
	case EventSubWallet:
		if e.SubWallet == nil {
			return errEventForm
		}
		return updateSubWallet(tx, operator, *e.SubWallet, database.At(e.OccurredAt))
	}
	return errEventForm
}

// book books a payment or a refund once: the row, the envelope's sum and the posting. Booked says whether it was new.
// The balance is a sum, so neither the order nor the repetition of events makes a difference.
func (s *Service) book(tx *gorm.DB, operator string, e Event, origin, statementDay string) (booked bool, err error) {
	if !e.wellFormed() {
		return false, errEventForm
	}
	envelope, err := envelopeByCoupon(tx, e.CouponID)
	switch {
	case errors.Is(err, ErrNoEnvelope):
		return false, errEventCoupon
	case err != nil:
		return false, err
	case envelope.Operator != operator:
		return false, errEventOperator
	case e.Kind == EventPayment && database.At(e.OccurredAt) >= envelope.ExpiresAt:
		return false, errEventLate
	}
	row := s.spending(operator, e, envelope, origin, statementDay)
	if booked, err = insertSpending(tx, row); err != nil {
		return false, err
	}
	if !booked {
		return false, s.bookedBefore(tx, envelope, row)
	}
	if row.Kind == EventPayment {
		if err := releaseReservation(tx, envelope.ID, row.MerchantNo); err != nil {
			return true, err
		}
	}
	return true, s.spend(tx, envelope, row, row.net(), "event:"+row.Operator+":"+row.EventNo)
}

// bookedBefore compares an event with the row under its number. What was known from a statement alone is corrected by
// the operator's own event, or by a later edition; the ledger keeps both postings. Any other contradiction is refused.
func (s *Service) bookedBefore(tx *gorm.DB, envelope Envelope, row Spending) error {
	known, err := eventByNumber(tx, row.Operator, row.EventNo)
	switch {
	case err != nil || known.BodyHash == row.BodyHash:
		return err
	case known.Origin != ByStatement || known.EnvelopeID != row.EnvelopeID || known.Kind != row.Kind:
		return errEventDiffers
	case known.SettlementID != 0 && known.MerchantNo != row.MerchantNo:
		return errEventDiffers // another merchant has had it in a statement
	}
	if err := correctSpending(tx, known, row); err != nil {
		return err
	}
	ref := fmt.Sprintf("correct:%s:%s:%x", row.Operator, row.EventNo, row.BodyHash[:8])
	return s.spend(tx, envelope, row, row.net()-known.net(), ref)
}

// wellFormed checks what everything else relies on.
func (e Event) wellFormed() bool {
	for _, amount := range []money.Fen{e.AmountFen, e.EnvelopeFen, e.WalletFen, e.CardFen, e.OwnFen} {
		if amount < 0 || amount > maxEvent {
			return false
		}
	}
	for _, token := range []string{e.EventNo, e.PaymentNo, e.RefundNo, e.CouponID, e.MerchantNo, e.PayMode, e.Scenario, e.App, e.DeliveryDistrict, e.Device} {
		if !isToken(token) {
			return false
		}
	}
	own := e.WalletFen + e.CardFen
	if e.Kind == EventRefund {
		own = e.OwnFen
	}
	return e.EventNo != "" && e.PaymentNo != "" && e.CouponID != "" && !e.OccurredAt.IsZero() && e.AmountFen > 0 &&
		e.AmountFen == own+e.EnvelopeFen && (e.Kind != EventRefund || e.RefundNo != "")
}

// maxEvent is far above any payment, and far below where sums would overflow.
const maxEvent = 100_000_000 * money.Yuan

// isToken: short and printable ASCII, as the columns take it.
func isToken(text string) bool {
	for i := range len(text) {
		if text[i] < 0x20 || text[i] > 0x7e {
			return false
		}
	}
	return len(text) <= 64
}

func (s *Service) spending(operator string, e Event, envelope Envelope, origin, statementDay string) Spending {
	own := e.WalletFen
	if e.Kind == EventRefund {
		own = e.OwnFen
	}
	return Spending{Operator: operator, EventNo: e.EventNo, BodyHash: e.hash(), Kind: e.Kind, PaymentNo: e.PaymentNo, RefundNo: e.RefundNo,
		EnvelopeID: envelope.ID, CampaignID: envelope.CampaignID, MerchantNo: e.MerchantNo, PayMode: e.PayMode, Scenario: e.Scenario, App: e.App,
		AmountFen: e.AmountFen, EnvelopeFen: e.EnvelopeFen, WalletFen: own, CardFen: e.CardFen, DeliveryDistrict: e.DeliveryDistrict,
		SelfOperated: e.SelfOperated, Device: e.Device, OccurredAt: database.At(e.OccurredAt.Truncate(time.Second)), ReceivedAt: s.now(),
		Origin: origin, StatementDay: statementDay}
}

// hash covers what decides about money, in whole seconds as a statement gives them.
func (e Event) hash() database.Bytes32 {
	return sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%s\n%d\n%d\n%d\n%d\n%d\n", e.Kind, e.PaymentNo, e.RefundNo, e.CouponID,
		e.AmountFen, e.EnvelopeFen, e.CardFen, e.OwnFen+e.WalletFen+e.CardFen, e.OccurredAt.Unix()))
}

// net is what an event adds to what is spent of the envelope.
func (e Spending) net() money.Fen {
	if e.Kind == EventRefund {
		return -e.EnvelopeFen
	}
	return e.EnvelopeFen
}

// spend changes what is spent of an envelope, in the row and in the ledger.
func (s *Service) spend(tx *gorm.DB, envelope Envelope, row Spending, net money.Fen, ref string) error {
	if err := addSpent(tx, envelope.ID, net, s.now()); err != nil {
		return err
	}
	if row.Kind == EventRefund {
		if err := markRecallDue(tx, []int64{envelope.ID}, s.now()); err != nil {
			return err
		}
	}
	if err := s.balanceOut(tx, []int64{envelope.ID}); err != nil {
		return err
	}
	m := move{From: account{envelope.Source, envelope.Operator, inIssued}, To: account{envelope.Source, envelope.Operator, inSpent},
		Envelope: envelope.ID, Amount: net}
	return post(tx, entry{Campaign: envelope.CampaignID, Ref: ref, Kind: string(row.Kind), At: s.now(), Moves: []move{m}})
}

// refuse puts a refused event before a person.
func (s *Service) refuse(tx *gorm.DB, operator string, e Event, cause *fault.Error) error {
	campaignID := int64(0)
	if envelope, err := envelopeByCoupon(tx, e.CouponID); err == nil {
		campaignID = envelope.CampaignID
	}
	return s.differ(tx, difference{CampaignID: campaignID, Operator: operator, Day: dayOf(e.OccurredAt), OrderNo: printable(e.EventNo),
		Kind: "event-refused", Theirs: clip(fmt.Sprintf("%s %s %s: %s", e.Kind, printable(e.CouponID), e.AmountFen, cause.Code), 200)})
}

// printable keeps what a column of tokens takes.
func printable(text string) string {
	if isToken(text) {
		return text
	}
	return ""
}

// AdmitPurchase answers an operator that asks before it lets envelope money pay. What it admits at a merchant with a cap is
// reserved against that cap.
func (s *Service) AdmitPurchase(ctx context.Context, operator string, r AdmissionRequest) (AdmissionAnswer, error) {
	envelope, err := envelopeByCoupon(s.DB.Read(ctx), r.CouponID)
	if errors.Is(err, ErrNoEnvelope) || err == nil && envelope.Operator != operator {
		return AdmissionAnswer{Reason: "coupon-unknown"}, nil
	}
	if err != nil {
		return AdmissionAnswer{}, err
	}
	if reason := envelope.unspendable(s.now()); reason != "" {
		return AdmissionAnswer{Reason: reason}, nil
	}
	limit, err := s.Campaigns.Admit(ctx, campaign.Purchase{Campaign: envelope.CampaignID, MerchantNo: r.MerchantNo, PayMode: r.PayMode, Scenario: r.Scenario,
		Operator: operator, App: r.App, SelfOperated: r.SelfOperated, DeliveryDistrict: r.DeliveryDistrict, Amount: r.AmountFen, At: s.Now()})
	if err == nil {
		err = s.reserve(ctx, envelope, r.MerchantNo, r.AmountFen, limit)
	}
	if refusal, ok := fault.As(err); ok && refusal.Kind == fault.Forbidden {
		return AdmissionAnswer{Reason: refusal.Code}, nil
	}
	return AdmissionAnswer{Admitted: err == nil}, err
}

// unspendable says why an envelope pays nothing now, or "".
func (e Envelope) unspendable(now database.Millis) string {
	switch {
	case e.Status == Expired, e.Status == Closed, now >= e.ExpiresAt:
		return "envelope-expired"
	case e.Status != Credited:
		return "not-credited"
	}
	return ""
}

// Payments lists the payments and refunds of a registration's envelope, newest first, at most 200.
func (s *Service) Payments(ctx context.Context, envelopeID int64) ([]Spending, error) {
	return spendingOf(s.DB.Read(ctx), envelopeID)
}
