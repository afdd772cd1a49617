package sandbox

import (
	"context"
	"net/http"
	"strconv"

	"hongbao/disbursement"
	"hongbao/internal/money"
)

type refundIn struct {
	PaymentNo string    `json:"payment_no"`
	Reference string    `json:"reference"` // the same again is the same refund; a new one if empty
	AmountFen money.Fen `json:"amount_fen"`
}

type refundOut struct {
	RefundNo    string    `json:"refund_no"`
	PaymentNo   string    `json:"payment_no"`
	AmountFen   money.Fen `json:"amount_fen"`
	OwnFen      money.Fen `json:"own_fen"`
	EnvelopeFen money.Fen `json:"envelope_fen"`
}

// refund gives back own money first, to the card before the wallet, then envelope money. Envelope money keeps its expiry:
// after that it cannot be spent, and waits in the wallet to be recalled.
func (b *bank) refund(_ context.Context, in refundIn) (any, error) {
	b.counts.add("refunds")
	now, unlock := b.lock()
	defer unlock()
	p := b.payments[in.PaymentNo]
	if p == nil {
		return nil, refusal{http.StatusNotFound, "payment-missing", "no such payment"}
	}
	if in.Reference == "" {
		in.Reference = strconv.Itoa(len(p.refunds) + 1)
	}
	if known, done := p.refunds[in.Reference]; done {
		if known.AmountFen != in.AmountFen {
			return nil, refusal{http.StatusConflict, "refund-content-differs", "the reference was used for another refund"}
		}
		return known, nil
	}
	own, envelope := p.Wallet+p.Card-p.refundedOwn, p.Envelope-p.refundedEnv
	if in.AmountFen <= 0 || in.AmountFen > own+envelope {
		return nil, refusal{http.StatusConflict, "refund-exceeds", "more than what is left of the payment"}
	}
	out := refundOut{b.number("refund", p.No, in.Reference), p.No, in.AmountFen, min(in.AmountFen, own), max(0, in.AmountFen-own)}
	p.giveBack(out)
	p.refunds[in.Reference] = out
	b.receive(p.receiver(), map[string]any{"refund_no": out.RefundNo, "payment_no": p.No, "amount_fen": out.AmountFen, "refunded_at": now})
	if p.coupon != nil {
		line := disbursement.StatementLine{Kind: disbursement.LineRefund, EventNo: b.number("event", out.RefundNo), Number: out.RefundNo,
			CouponID: p.coupon.id, AmountFen: out.EnvelopeFen, OccurredAt: now, PaymentNo: p.No, OwnFen: out.OwnFen, MerchantNo: p.MerchantNo,
			PayMode: p.PayMode, Scenario: p.Scenario, App: p.App, DeliveryDistrict: p.DeliveryDistrict, SelfOperated: p.SelfOperated, Device: p.Device}
		b.record(line)
		event, _ := line.Event()
		b.announce(event)
	}
	return out, nil
}

// giveBack moves the money of a refund.
func (p *payment) giveBack(out refundOut) {
	toCard := min(out.OwnFen, max(0, p.Card-p.refundedOwn))
	p.wallet.own += out.OwnFen - toCard
	p.refundedOwn += out.OwnFen
	p.refundedEnv += out.EnvelopeFen
	if p.coupon != nil {
		p.coupon.left += out.EnvelopeFen
	}
}
