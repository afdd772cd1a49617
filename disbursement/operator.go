package disbursement

import (
	"context"
	"io"
	"time"

	"hongbao/internal/fault"
	"hongbao/internal/money"
)

// PlatformParty is the platform's name where messages are signed: the sender of calls, the receiver of events.
const PlatformParty = "platform"

// Operator is the port to one operator bank. docs/operator-api.yaml is its form on the wire, and disbursement/operatortest
// holds the suite that every implementation passes. Amounts are fen, times UTC.
//
// Orders (credit, recall, return) carry a number that we make before the first call and never use again. An order is
// settled by its outcome; an error of a whole call means that every order in it is unknown, never that it failed. An
// unknown order is asked for with Query. Only after StateNeverReceived may it be sent again, with the same number and
// the same content; only after StateFailed may another order take its place.
type Operator interface {
	// FindWallet finds the wallet that a phone number has at the operator, or the hard wallet of a card number.
	// ErrWalletMissing while there is none.
	FindWallet(ctx context.Context, r WalletRequest) (Wallet, error)
	// Credit puts envelopes into wallets. The outcomes have the length and the order of the orders.
	Credit(ctx context.Context, orders []CreditOrder) ([]Outcome, error)
	// Recall takes back what is unspent of envelopes, which may be nothing. Outcome.AmountFen is what came back.
	Recall(ctx context.Context, orders []RecallOrder) ([]Outcome, error)
	// Return pays surplus money from the campaign's account at the operator back to its source.
	Return(ctx context.Context, orders []ReturnOrder) ([]Outcome, error)
	// Query asks for the outcome of orders of any kind by their numbers, in the order of the numbers.
	Query(ctx context.Context, orderNos []string) ([]Outcome, error)
	// Statement opens the file of one day (of Asia/Shanghai), to be read with ReadStatement. ErrStatementNotReady until it
	// is there. A later call can give a later edition of the same day.
	Statement(ctx context.Context, day time.Time) (io.ReadCloser, error)

	// PushSubWallet pushes a sub-wallet to a merchant app. Pushing again to the same app gives the sub-wallet that is
	// there. ErrAppNotServed if the operator does not serve the app.
	PushSubWallet(ctx context.Context, r SubWalletRequest) (SubWallet, error)
	// SetSubWallet changes the limits of a sub-wallet, pauses it or lets it pay again. ErrSubWalletMissing when there is
	// no such sub-wallet or it is closed.
	SetSubWallet(ctx context.Context, c SubWalletChange) (SubWallet, error)
	// CloseSubWallet closes a sub-wallet for good. Closing it again changes nothing.
	CloseSubWallet(ctx context.Context, token string) (SubWallet, error)
}

// What an operator says no to, besides the outcomes of orders. Their codes are those of the wire.
var (
	ErrWalletMissing     = fault.New(fault.NotFound, "wallet-missing", "该手机号在此运营机构还没有钱包。", "This phone number has no wallet at this operator yet.")
	ErrStatementNotReady = fault.New(fault.NotFound, "statement-not-ready", "对账单还未生成。", "The statement is not ready yet.")
	ErrAppNotServed      = fault.New(fault.Forbidden, "app-not-served", "该运营机构不支持向此应用推送子钱包。", "This operator does not push sub-wallets to this app.")
	ErrSubWalletMissing  = fault.New(fault.NotFound, "sub-wallet-missing", "没有这个子钱包，或已关闭。", "There is no such sub-wallet, or it is closed.")
	ErrSubWalletLimit    = fault.New(fault.Invalid, "sub-wallet-limit", "子钱包限额必须大于零，且每日限额不低于单笔限额。", "Limits must be positive, and the day's not below the payment's.")
)

// State is what an operator says about an order.
type State string

// The states. Succeeded, failed and returned are settled; returned can follow succeeded.
const (
	StateAccepted      State = "accepted"       // taken in, nothing has moved
	StateProcessing    State = "processing"     // under way
	StateSucceeded     State = "succeeded"      // done; AmountFen moved
	StateFailed        State = "failed"         // definitely not done, for Reason
	StateNeverReceived State = "never-received" // the operator knows no order of this number
	StateUnknown       State = "unknown"        // cannot be said now; ask again
	StateReturned      State = "returned"       // done, and the money has come back since
)

// Settled says whether a state is final until the operator says otherwise by itself.
func (s State) Settled() bool {
	return s == StateSucceeded || s == StateFailed || s == StateReturned
}

// Why an order failed: the reasons that the platform acts on. Others can come, and are shown as they are.
const (
	ReasonWalletMissing  = "wallet-missing"
	ReasonBalanceLimit   = "wallet-balance-limit"    // the wallet's tier holds no more
	ReasonContentDiffers = "order-content-differs"   // the number was used for another content
	ReasonCouponUnknown  = "coupon-unknown"          // recall of an envelope that was never credited
	ReasonCouponUsed     = "coupon-used"             // another order credited this envelope
	ReasonMalformed      = "order-malformed"         // number, amount or expiry make no sense
	ReasonNotDelivered   = "wallet-refused-delivery" // success, then returned
)

// Outcome is what is known about one order.
type Outcome struct {
	OrderNo     string    `json:"order_no"`
	State       State     `json:"state"`
	AmountFen   money.Fen `json:"amount_fen"` // what moved, or came back
	OperatorRef string    `json:"operator_ref,omitempty"`
	Reason      string    `json:"reason,omitempty"`
	At          time.Time `json:"at"` // when the state was reached
}

// WalletRequest asks for a wallet by the phone number that the winner registered with, or for a hard wallet by the number of
// its card. On the wire either is sealed.
type WalletRequest struct {
	Phone string
	Card  string // instead of Phone
}

// PlacePhone and PlaceCard are the places (as in signing.Seal) of a wallet request's sealed number.
const (
	PlacePhone = "wallet phone"
	PlaceCard  = "wallet card"
)

// Wallet is a citizen's wallet as the platform knows it: a token, never its number.
type Wallet struct {
	Token string `json:"token"`
	Tier  int    `json:"tier"` // 1 (strongest identity) to 4 (phone only)
	Hard  bool   `json:"hard"` // a card or a wearable
}

// CreditOrder puts one envelope into one wallet. Field names and lengths follow the public e-CNY promotion record.
type CreditOrder struct {
	OrderNo        string    `json:"order_no"`     // 32, [0-9A-Z]
	PromotionID    string    `json:"promotion_id"` // up to 64: the campaign
	CouponID       string    `json:"coupon_id"`    // up to 64: the envelope
	WalletToken    string    `json:"wallet_token"`
	AmountFen      money.Fen `json:"amount_fen"`
	ExpiresAt      time.Time `json:"expires_at"` // from then on it pays no more
	RefundProperty string    `json:"refund_property"`
	Description    string    `json:"description,omitempty"` // shown to the citizen
}

// RefundKeepsExpiry is the refund property of our envelopes (couponRefundProperty): a refund gives own money back first;
// envelope money comes back under the same rules and expiry, and after expiry passes through the wallet and is recalled.
const RefundKeepsExpiry = "RP01"

// RecallOrder takes back what is unspent of one envelope.
type RecallOrder struct {
	OrderNo     string `json:"order_no"`
	PromotionID string `json:"promotion_id"`
	CouponID    string `json:"coupon_id"`
}

// ReturnOrder pays surplus of one funding source back to it.
type ReturnOrder struct {
	OrderNo     string    `json:"order_no"`
	PromotionID string    `json:"promotion_id"`
	Source      string    `json:"source"`
	AmountFen   money.Fen `json:"amount_fen"`
}

// Number is the order's number.
func (o CreditOrder) Number() string { return o.OrderNo }

// Number is the order's number.
func (o RecallOrder) Number() string { return o.OrderNo }

// Number is the order's number.
func (o ReturnOrder) Number() string { return o.OrderNo }

// SubWalletRequest pushes a sub-wallet to a merchant app, with its limits.
type SubWalletRequest struct {
	WalletToken   string    `json:"wallet_token"`
	App           string    `json:"app"`
	PerPaymentFen money.Fen `json:"per_payment_fen"`
	PerDayFen     money.Fen `json:"per_day_fen"`
}

// SubWalletChange sets limits and status (active or paused) of a sub-wallet.
type SubWalletChange struct {
	Token         string    `json:"token"`
	Status        string    `json:"status"`
	PerPaymentFen money.Fen `json:"per_payment_fen"`
	PerDayFen     money.Fen `json:"per_day_fen"`
}

// The status of a sub-wallet. The citizen pauses and closes it; closed is final.
const (
	SubWalletActive = "active"
	SubWalletPaused = "paused"
	SubWalletClosed = "closed"
)

// SubWallet is what the merchant app pays with: it holds the token and learns nothing else about the citizen.
type SubWallet struct {
	Token         string    `json:"token"`
	App           string    `json:"app"`
	Status        string    `json:"status"`
	PerPaymentFen money.Fen `json:"per_payment_fen"`
	PerDayFen     money.Fen `json:"per_day_fen"`
}

// EventKind is what an event tells of.
type EventKind string

// The kinds of events.
const (
	EventPayment   EventKind = "payment"
	EventRefund    EventKind = "refund"
	EventCredit    EventKind = "credit"     // a credit order reached State
	EventRecall    EventKind = "recall"     // a recall order reached State
	EventReturn    EventKind = "return"     // a return order reached State
	EventSubWallet EventKind = "sub-wallet" // the citizen changed a sub-wallet in the wallet app
)

// EventBatch is what an operator posts to /operator/v1/events. It is answered with 204 once every event is stored.
// Operator may speak for a member behind one access point; the signing party must be entitled to.
type EventBatch struct {
	Operator string  `json:"operator"`
	Events   []Event `json:"events"`
}

// Event is one thing that happened at an operator. The same event can come by callback and by statement, more than once
// and in any order; its number tells it apart. Which fields are set depends on the kind.
type Event struct {
	EventNo    string    `json:"event_no"` // 32, [0-9A-Z]; unique at its operator
	Kind       EventKind `json:"kind"`
	OccurredAt time.Time `json:"occurred_at"`

	// credit, recall, return
	OrderNo string `json:"order_no,omitempty"`
	State   State  `json:"state,omitempty"`
	Reason  string `json:"reason,omitempty"`

	// payment, refund; CouponID of credit and recall as well
	PaymentNo        string    `json:"payment_no,omitempty"` // of a refund: the payment that it refunds
	RefundNo         string    `json:"refund_no,omitempty"`
	CouponID         string    `json:"coupon_id,omitempty"`
	MerchantNo       string    `json:"merchant_no,omitempty"`
	PayMode          string    `json:"pay_mode,omitempty"`
	Scenario         string    `json:"scenario,omitempty"`
	App              string    `json:"app,omitempty"`
	DeliveryDistrict string    `json:"delivery_district,omitempty"`
	SelfOperated     bool      `json:"self_operated,omitempty"`
	Device           string    `json:"device,omitempty"`       // an opaque mark of the paying device
	AmountFen        money.Fen `json:"amount_fen,omitempty"`   // all of it; of an order: what moved
	EnvelopeFen      money.Fen `json:"envelope_fen,omitempty"` // paid by, or refunded to, the envelope
	WalletFen        money.Fen `json:"wallet_fen,omitempty"`   // paid by the wallet's own money
	CardFen          money.Fen `json:"card_fen,omitempty"`     // paid by the linked card
	OwnFen           money.Fen `json:"own_fen,omitempty"`      // refunded to wallet and card; amount = own + envelope

	// sub-wallet
	SubWallet *SubWallet `json:"sub_wallet,omitempty"`
}

// AdmissionRequest is what an operator posts to /operator/v1/admissions before it lets envelope money pay.
type AdmissionRequest struct {
	Operator         string    `json:"operator"`
	CouponID         string    `json:"coupon_id"`
	MerchantNo       string    `json:"merchant_no"`
	PayMode          string    `json:"pay_mode"`
	Scenario         string    `json:"scenario"`
	App              string    `json:"app,omitempty"`
	SelfOperated     bool      `json:"self_operated,omitempty"`
	DeliveryDistrict string    `json:"delivery_district,omitempty"`
	AmountFen        money.Fen `json:"amount_fen"`
	At               time.Time `json:"at"`
}

// AdmissionAnswer is what the platform answers, with status 200 in either case.
type AdmissionAnswer struct {
	Admitted bool   `json:"admitted"`
	Reason   string `json:"reason,omitempty"` // the code of campaign.Admit, or of the envelope's status
}
