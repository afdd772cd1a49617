package gateway

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"hongbao/disbursement"
)

// Batch is how many orders go into one call.
func (g *Gateway) Batch() int { return g.profile.Batch }

// Pace is how many calls a second the profile allows, 0 for any number.
func (g *Gateway) Pace() float64 { return g.profile.Rate }

// Credit implements disbursement.Operator.
func (g *Gateway) Credit(ctx context.Context, orders []disbursement.CreditOrder) ([]disbursement.Outcome, error) {
	return send(ctx, g, "/bank/v1/credits", orders, disbursement.CreditOrder.Number, func(o disbursement.CreditOrder, r disbursement.Outcome) error {
		return sameOrder(o.OrderNo, r, r.AmountFen == o.AmountFen)
	})
}

// Recall implements disbursement.Operator.
func (g *Gateway) Recall(ctx context.Context, orders []disbursement.RecallOrder) ([]disbursement.Outcome, error) {
	return send(ctx, g, "/bank/v1/recalls", orders, disbursement.RecallOrder.Number, func(o disbursement.RecallOrder, r disbursement.Outcome) error {
		return sameOrder(o.OrderNo, r, r.AmountFen >= 0)
	})
}

// Return implements disbursement.Operator.
func (g *Gateway) Return(ctx context.Context, orders []disbursement.ReturnOrder) ([]disbursement.Outcome, error) {
	return send(ctx, g, "/bank/v1/returns", orders, disbursement.ReturnOrder.Number, func(o disbursement.ReturnOrder, r disbursement.Outcome) error {
		return sameOrder(o.OrderNo, r, r.AmountFen == o.AmountFen)
	})
}

// Query implements disbursement.Operator.
func (g *Gateway) Query(ctx context.Context, orderNos []string) ([]disbursement.Outcome, error) {
	itself := func(no string) string { return no }
	return inBatches(g.profile.Batch, orderNos, itself, func(batch []string) ([]disbursement.Outcome, error) {
		in := map[string][]string{"order_nos": batch}
		return ask(ctx, g, "/bank/v1/orders/query", in, batch, func(no string, r disbursement.Outcome) error {
			return sameOrder(no, r, r.AmountFen >= 0)
		})
	})
}

// send posts orders in batches of the profile's size.
func send[O any](ctx context.Context, g *Gateway, path string, orders []O, number func(O) string, check func(O, disbursement.Outcome) error) ([]disbursement.Outcome, error) {
	return inBatches(g.profile.Batch, orders, number, func(batch []O) ([]disbursement.Outcome, error) {
		return ask(ctx, g, path, map[string][]O{"orders": batch}, batch, check)
	})
}

// inBatches joins the outcomes of several calls. The orders of a call without an answer are unknown; if no call has an
// answer, the error of the first is that of the whole.
func inBatches[O any](size int, all []O, number func(O) string, call func([]O) ([]disbursement.Outcome, error)) ([]disbursement.Outcome, error) {
	outcomes := make([]disbursement.Outcome, 0, len(all))
	var first error
	answered := len(all) == 0
	for batch := range slices.Chunk(all, size) {
		got, err := call(batch)
		if err != nil {
			got = unknown(batch, number)
			first = cmp.Or(first, err)
		}
		answered = answered || err == nil
		outcomes = append(outcomes, got...)
	}
	if !answered {
		return nil, first
	}
	return outcomes, nil
}

func unknown[O any](orders []O, number func(O) string) []disbursement.Outcome {
	outcomes := make([]disbursement.Outcome, len(orders))
	for i, o := range orders {
		outcomes[i] = disbursement.Outcome{OrderNo: number(o), State: disbursement.StateUnknown, Reason: ErrUnavailable.Code}
	}
	return outcomes
}

// ask posts and takes the outcomes only if they are as many as the orders and each is about its order.
func ask[O any](ctx context.Context, g *Gateway, path string, in any, orders []O, check func(O, disbursement.Outcome) error) ([]disbursement.Outcome, error) {
	var out struct{ Outcomes []disbursement.Outcome }
	if err := g.post(ctx, path, in, &out); err != nil {
		return nil, err
	}
	if len(out.Outcomes) != len(orders) {
		return nil, ErrUnavailable.With(fmt.Errorf("%s: %d outcomes to %d orders", g.profile.Name, len(out.Outcomes), len(orders)))
	}
	for i := range orders {
		if err := check(orders[i], out.Outcomes[i]); err != nil {
			return nil, ErrUnavailable.With(fmt.Errorf("%s: %w", g.profile.Name, err))
		}
		out.Outcomes[i] = trusted(out.Outcomes[i])
	}
	return out.Outcomes, nil
}

// sameOrder: an outcome with another number or another amount than the order's is no answer to it.
func sameOrder(no string, r disbursement.Outcome, amountFits bool) error {
	if r.OrderNo != no {
		return fmt.Errorf("an outcome of %q where %q was asked", r.OrderNo, no)
	}
	if r.State == disbursement.StateSucceeded && !amountFits {
		return fmt.Errorf("order %s: the amount %d is not the order's", no, int64(r.AmountFen))
	}
	return nil
}

// trusted turns what says nothing about the order itself into unknown: a state that the contract does not have, and the
// refusal of other content, which leaves open what became of the first.
func trusted(r disbursement.Outcome) disbursement.Outcome {
	switch r.State {
	case disbursement.StateAccepted, disbursement.StateProcessing, disbursement.StateSucceeded, disbursement.StateNeverReceived, disbursement.StateReturned:
		return r
	case disbursement.StateFailed:
		if r.Reason != disbursement.ReasonContentDiffers {
			return r
		}
	}
	r.State = disbursement.StateUnknown
	return r
}
