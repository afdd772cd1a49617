package sandbox

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"time"

	"hongbao/disbursement"
	"hongbao/internal/money"
)

// order is an order that the bank has taken in, with the bytes that it came in. The same number with other bytes is refused.
type order struct {
	content []byte
	outcome disbursement.Outcome
}

// ordersIn keeps each order as the bytes that were sent.
type ordersIn struct {
	Orders []json.RawMessage `json:"orders"`
}

type outcomesOut struct {
	Outcomes []disbursement.Outcome `json:"outcomes"`
}

var orderNumber = regexp.MustCompile(`^[0-9A-Z]{32}$`)

// batchLimit is how many orders or numbers one call may hold.
const batchLimit = 1000

// takeOrders makes an endpoint of the rule for one order. Each order is taken once; one that meets a fault before its effect
// leaves no trace, and the whole answer is then lost.
func takeOrders[O any](b *bank, effect func(o O, now time.Time) disbursement.Outcome) func(ordersIn) (any, fault, error) {
	return func(in ordersIn) (any, fault, error) {
		if len(in.Orders) == 0 || len(in.Orders) > batchLimit {
			return nil, calm, refusal{http.StatusBadRequest, "batch-size", "a call holds 1 to 1000 orders"}
		}
		now, unlock := b.lock()
		defer unlock()
		out, worst := outcomesOut{}, calm
		for _, content := range in.Orders {
			no := numberIn(content)
			f := b.dice.next("order", no)
			worst = worse(worst, f)
			if f == timeoutBefore || f == errorBefore {
				out.Outcomes = append(out.Outcomes, disbursement.Outcome{})
				continue
			}
			out.Outcomes = append(out.Outcomes, b.takeOne(no, content, now, func() disbursement.Outcome { return apply(content, now, effect) }))
		}
		return out, worst, nil
	}
}

func apply[O any](content []byte, now time.Time, effect func(o O, now time.Time) disbursement.Outcome) disbursement.Outcome {
	o, err := decode[O](content)
	if err != nil {
		return failed(disbursement.ReasonMalformed)
	}
	return effect(o, now)
}

func numberIn(content []byte) string {
	var numbered struct {
		OrderNo string `json:"order_no"`
	}
	_ = json.Unmarshal(content, &numbered)
	return numbered.OrderNo
}

// takeOne takes an order in, or repeats what was answered to it.
func (b *bank) takeOne(no string, content []byte, now time.Time, effect func() disbursement.Outcome) disbursement.Outcome {
	if known := b.orders[no]; known != nil {
		if bytes.Equal(known.content, content) {
			return known.outcome
		}
		refused := failed(disbursement.ReasonContentDiffers)
		refused.OrderNo, refused.At = no, now
		return refused
	}
	outcome := failed(disbursement.ReasonMalformed)
	if orderNumber.MatchString(no) {
		outcome = effect()
	}
	outcome.OrderNo, outcome.At, outcome.OperatorRef = no, now, b.number("order", no)
	b.orders[no] = &order{bytes.Clone(content), outcome}
	if b.dice.roll("effect", no) == processing && outcome.State == disbursement.StateSucceeded {
		b.counts.add("fault:" + string(processing))
		outcome.State, outcome.AmountFen = disbursement.StateProcessing, 0
	}
	return outcome
}

// worse keeps the fault that spoils the answer most.
func worse(a, f fault) fault {
	if a == calm || a == slow && f != calm {
		return f
	}
	return a
}

func failed(reason string) disbursement.Outcome {
	return disbursement.Outcome{State: disbursement.StateFailed, Reason: reason}
}

// bounceAfter is how long a credit that will be returned looks like a success.
const bounceAfter = 10 * time.Minute

func (b *bank) credit(o disbursement.CreditOrder, now time.Time) disbursement.Outcome {
	w, outcome := b.tokens[o.WalletToken], disbursement.Outcome{}
	switch limit := b.creditLimit(w, now); {
	case o.AmountFen <= 0 || o.CouponID == "" || o.PromotionID == "" || !now.Before(o.ExpiresAt):
		outcome = failed(disbursement.ReasonMalformed)
	case w == nil:
		outcome = failed(disbursement.ReasonWalletMissing)
	case b.coupons[o.CouponID] != nil:
		outcome = failed(disbursement.ReasonCouponUsed)
	case limit >= 0 && w.balance() > limit-o.AmountFen || b.fated(o.OrderNo, walletLimit):
		outcome = failed(disbursement.ReasonBalanceLimit)
	default:
		b.putCoupon(o, w, now)
		outcome = disbursement.Outcome{State: disbursement.StateSucceeded, AmountFen: o.AmountFen}
	}
	b.tellOrder(disbursement.EventCredit, o.OrderNo, o.CouponID, outcome, now)
	return outcome
}

// creditLimit is what the wallet may hold, or -1.
func (b *bank) creditLimit(w *wallet, now time.Time) money.Fen {
	if w == nil {
		return -1
	}
	if limit := disbursement.LimitsOf(w.tier, now).Balance; limit > 0 {
		return limit
	}
	return -1
}

// fated: the order's number has this fault of effect.
func (b *bank) fated(no string, f fault) bool {
	if b.dice.roll("effect", no) != f {
		return false
	}
	b.counts.add("fault:" + string(f))
	return true
}

func (b *bank) putCoupon(o disbursement.CreditOrder, w *wallet, now time.Time) {
	c := &coupon{id: o.CouponID, promotion: o.PromotionID, orderNo: o.OrderNo, refundProperty: o.RefundProperty, wallet: w,
		amount: o.AmountFen, left: o.AmountFen, expires: o.ExpiresAt.UTC()}
	if b.fated(o.OrderNo, returned) {
		c.bounces = now.Add(bounceAfter)
		b.bouncing = append(b.bouncing, c)
	}
	b.coupons[c.id] = c
	w.add(c)
	b.record(disbursement.StatementLine{Kind: disbursement.LineCredit, EventNo: b.orderEvent(o.OrderNo, disbursement.StateSucceeded),
		Number: o.OrderNo, CouponID: c.id, AmountFen: c.amount, OccurredAt: now})
}

// bounce returns the credits whose time has come. A later order may credit the envelope again.
func (b *bank) bounce(now time.Time) {
	waiting := b.bouncing[:0]
	for _, c := range b.bouncing {
		if c.bounces.After(now) {
			waiting = append(waiting, c)
			continue
		}
		b.bounceOne(c)
	}
	b.bouncing = waiting
}

func (b *bank) bounceOne(c *coupon) {
	if c.left == 0 {
		return // recalled before it bounced
	}
	c.left = 0
	delete(b.coupons, c.id)
	known := b.orders[c.orderNo]
	known.outcome.State, known.outcome.Reason, known.outcome.At = disbursement.StateReturned, disbursement.ReasonNotDelivered, c.bounces
	b.record(disbursement.StatementLine{Kind: disbursement.LineCreditReturned, EventNo: b.orderEvent(c.orderNo, disbursement.StateReturned),
		Number: c.orderNo, CouponID: c.id, AmountFen: c.amount, OccurredAt: c.bounces})
	b.tellOrder(disbursement.EventCredit, c.orderNo, c.id, known.outcome, c.bounces)
}

func (b *bank) recall(o disbursement.RecallOrder, now time.Time) disbursement.Outcome {
	outcome := failed(disbursement.ReasonCouponUnknown)
	if c := b.coupons[o.CouponID]; c != nil {
		outcome = disbursement.Outcome{State: disbursement.StateSucceeded, AmountFen: c.left}
		c.left = 0
		b.record(disbursement.StatementLine{Kind: disbursement.LineRecall, EventNo: b.orderEvent(o.OrderNo, outcome.State),
			Number: o.OrderNo, CouponID: c.id, AmountFen: outcome.AmountFen, OccurredAt: now})
	}
	b.tellOrder(disbursement.EventRecall, o.OrderNo, o.CouponID, outcome, now)
	return outcome
}

func (b *bank) giveBack(o disbursement.ReturnOrder, now time.Time) disbursement.Outcome {
	if o.AmountFen <= 0 || o.PromotionID == "" || o.Source == "" {
		return failed(disbursement.ReasonMalformed)
	}
	outcome := disbursement.Outcome{State: disbursement.StateSucceeded, AmountFen: o.AmountFen}
	b.record(disbursement.StatementLine{Kind: disbursement.LineReturn, EventNo: b.orderEvent(o.OrderNo, outcome.State),
		Number: o.OrderNo, AmountFen: o.AmountFen, OccurredAt: now})
	b.tellOrder(disbursement.EventReturn, o.OrderNo, "", outcome, now)
	return outcome
}

func (b *bank) orderEvent(no string, state disbursement.State) string {
	return b.number("event", no, string(state))
}

func (b *bank) tellOrder(kind disbursement.EventKind, no, couponID string, o disbursement.Outcome, at time.Time) {
	b.announce(disbursement.Event{EventNo: b.orderEvent(no, o.State), Kind: kind, OccurredAt: at, OrderNo: no, CouponID: couponID,
		State: o.State, Reason: o.Reason, AmountFen: o.AmountFen})
}

type queryIn struct {
	OrderNos []string `json:"order_nos"`
}

// query tells what became of orders; a number that never arrived is an answer too.
func (b *bank) query(in queryIn) (any, fault, error) {
	if len(in.OrderNos) == 0 || len(in.OrderNos) > batchLimit {
		return nil, calm, refusal{http.StatusBadRequest, "batch-size", "a call holds 1 to 1000 numbers"}
	}
	now, unlock := b.lock()
	defer unlock()
	out, worst := outcomesOut{}, calm
	for _, no := range in.OrderNos {
		worst = worse(worst, b.dice.next("query", no))
		outcome := disbursement.Outcome{OrderNo: no, State: disbursement.StateNeverReceived, At: now}
		if known := b.orders[no]; known != nil {
			outcome = known.outcome
		}
		out.Outcomes = append(out.Outcomes, outcome)
	}
	return out, worst, nil
}
