package disbursement

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/money"
)

// change is what an operator has said about one order, and what follows from it.
type change struct {
	order  Order
	to     OrderStatus // order.Status when nothing is known that was not known before
	amount money.Fen   // what has moved, where something has
	ref    string
	reason string
	at     database.Millis // when the operator says that it happened; 0 if it does not say
}

// settle books the answer to a call, for those orders that are still under the lease of this call: an event may have
// settled some in the meantime, and when the lease ran out somebody else has taken over.
func (s *Service) settle(ctx context.Context, orders []Order, outcomes []Outcome) error {
	said := make(map[string]Outcome, len(outcomes))
	for _, outcome := range outcomes {
		said[outcome.OrderNo] = outcome
	}
	token := orders[0].LeaseToken
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		held, err := leased(tx, token)
		if err != nil {
			return err
		}
		limits, err := amountLimits(tx, held)
		if err != nil {
			return err
		}
		changes := each(held, func(o Order) change { return verdict(o, said[o.OrderNo], limits[o.ID]) })
		return s.apply(tx, "settle:"+token, changes)
	})
}

// verdict turns what an operator says into a status. What makes no sense is unknown, never success and never failure.
func verdict(o Order, said Outcome, limit money.Fen) change {
	c := change{order: o, to: OrderUnknown, ref: clip(said.OperatorRef, 64), reason: clip(said.Reason, 120), at: database.At(said.At)}
	switch said.State {
	case StateAccepted:
		c.to = OrderAccepted
	case StateProcessing:
		c.to = OrderProcessing
	case StateNeverReceived:
		if c.to = OrderApproved; o.askedExpired() {
			c.to, c.reason = OrderFailed, "expired"
		}
	case StateFailed:
		c.to = OrderFailed
	case StateSucceeded:
		c.to, c.amount = OrderSucceeded, said.AmountFen
		if wrong := o.wrongAmount(said.AmountFen, limit); wrong != "" {
			c.to, c.reason = OrderUnknown, wrong
		}
	case StateReturned:
		if o.Kind == Credit {
			c.to, c.amount = OrderReturned, o.AmountFen
		}
	}
	if c.to == OrderUnknown && o.Status != OrderSending || !o.Status.May(c.to) {
		c.to = o.Status
	}
	return c
}

// askedExpired says whether the call under way began after the envelope's expiry: what the operator has not received by
// then it does not carry out any more, even if a call that was held for lost arrives.
func (o Order) askedExpired() bool {
	return o.Kind == Credit && o.ExpiresAt.Time().Add(callLease).Compare(o.NextAt.Time()) <= 0
}

// wrongAmount checks what an operator says has moved. A credit and a return move exactly what was ordered. A recall takes
// what is unspent by the operator's account, which can be more than by ours while a refund is under way to us, but never
// more than the envelope holds beside what was recalled before: that is its limit.
func (o Order) wrongAmount(amount, limit money.Fen) string {
	if o.Kind == Recall && amount >= 0 && amount <= limit || o.Kind != Recall && amount == o.AmountFen {
		return ""
	}
	return fmt.Sprintf("amount-differs: %s", amount)
}

func clip(text string, n int) string {
	runes := []rune(text)
	return string(runes[:min(n, len(runes))])
}

// apply books changes: the statuses of orders and envelopes and the postings in one transaction. Ref names the occasion.
func (s *Service) apply(tx *gorm.DB, ref string, changes []change) error {
	for _, members := range groups(changes) {
		group := members[0].group()
		next := s.nextAt(group)
		for some := range slices.Chunk(members, casesAtOnce) {
			if err := updateOrders(tx, group, some, next, s.now()); err != nil {
				return err
			}
		}
	}
	var moved []change
	for _, c := range changes {
		if c.to != c.order.Status {
			moved = append(moved, c)
		}
	}
	if err := s.applyToEnvelopes(tx, moved); err != nil {
		return err
	}
	return s.postChanges(tx, ref, moved)
}

// casesAtOnce rows go into one update with values of their own: the engine looks through all of them for each row.
const casesAtOnce = 100

// orderGroup are orders that one guarded update can move.
type orderGroup struct {
	from, to OrderStatus
	token    string
	reason   string
	attempts int
}

func (c change) group() orderGroup {
	return orderGroup{c.order.Status, c.to, c.order.LeaseToken, c.reason, c.order.Attempts}
}

// groups gathers the changes that one update can make, in the order of their first members.
func groups(changes []change) [][]change {
	places, grouped := map[orderGroup]int{}, [][]change{}
	for _, c := range changes {
		place, ok := places[c.group()]
		if !ok {
			place = len(grouped)
			places[c.group()], grouped = place, append(grouped, nil)
		}
		grouped[place] = append(grouped[place], c)
	}
	return grouped
}

// nextAt is when orders that are not settled are taken up again.
func (s *Service) nextAt(g orderGroup) database.Millis {
	if g.to.inFlight() || g.to == OrderApproved {
		return s.retryAt(g.attempts)
	}
	return 0
}

func (s *Service) postChanges(tx *gorm.DB, ref string, changes []change) error {
	returns, err := s.splitReturns(tx, changes)
	if err != nil {
		return err
	}
	byOrder := make(map[int64]change, len(changes))
	for _, c := range changes {
		byOrder[c.order.ID] = c
	}
	orders := map[string][]Order{} // by the kind of entry
	for _, c := range changes {
		orders[c.entryKind()] = append(orders[c.entryKind()], c.order)
	}
	for _, kind := range []string{"settle", "recall", "return"} {
		err := s.postAll(tx, orders[kind], ref+":"+kind, kind, func(o Order) []move {
			if o.Kind == Return {
				return returns[o.ID]
			}
			return byOrder[o.ID].moves()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (c change) entryKind() string {
	if c.order.Kind == Credit {
		return "settle"
	}
	return c.order.Kind
}

// moves is the money behind a change of a credit or a recall.
func (c change) moves() []move {
	o := c.order
	if o.Kind == Recall {
		if c.to != OrderSucceeded {
			return nil
		}
		return []move{{From: account{o.Source, o.Operator, inIssued}, To: account{o.Source, o.Operator, inRecalled}, Envelope: o.EnvelopeID, Amount: c.amount}}
	}
	switch {
	case c.to == OrderSucceeded:
		return o.moved(inFlight, inIssued, o.AmountFen)
	case c.to == OrderReturned && o.Status == OrderSucceeded:
		return o.moved(inIssued, inFloat, o.AmountFen)
	case o.Status.inFlight() && !c.to.inFlight(): // failed, returned before we knew of success, or never received
		return o.moved(inFlight, inFloat, o.AmountFen)
	}
	return nil
}

// applyToEnvelopes carries changes of orders over to their envelopes.
func (s *Service) applyToEnvelopes(tx *gorm.DB, changes []change) error {
	var credited, returned []int64
	recalled := map[int64]money.Fen{}
	for _, c := range changes {
		switch {
		case c.order.Kind == Credit && c.to == OrderSucceeded:
			credited = append(credited, c.order.EnvelopeID)
		case c.order.Kind == Credit && c.to == OrderReturned && c.order.Status == OrderSucceeded:
			returned = append(returned, c.order.EnvelopeID)
		case c.order.Kind == Recall && c.to == OrderSucceeded:
			recalled[c.order.EnvelopeID] += c.amount
		}
	}
	if err := creditEnvelopes(tx, credited, s.now()); err != nil {
		return err
	}
	if err := uncreditEnvelopes(tx, returned, s.now()); err != nil {
		return err
	}
	return s.recallEnvelopes(tx, recalled)
}

func (s *Service) recallEnvelopes(tx *gorm.DB, recalled map[int64]money.Fen) error {
	if len(recalled) == 0 {
		return nil
	}
	if err := addRecalled(tx, recalled, s.now()); err != nil {
		return err
	}
	ids := make([]int64, 0, len(recalled))
	for id := range recalled {
		ids = append(ids, id)
	}
	return s.balanceOut(tx, ids)
}

// balanceOut closes expired envelopes of which nothing is left, and opens closed ones again on which something has come
// in since: what is left then is to be recalled.
func (s *Service) balanceOut(tx *gorm.DB, ids []int64) error {
	if err := closeBalanced(tx, ids, s.now()); err != nil {
		return err
	}
	return reopenUnbalanced(tx, ids, s.now())
}

// hear books what an operator says by itself about one order, in an event or a statement. An order that is settled
// already, or that is not the operator's, stays as it is; moved says whether anything has changed.
func (s *Service) hear(tx *gorm.DB, operator, ref string, said Outcome) (moved bool, err error) {
	o, ok, err := orderByNumber(tx, said.OrderNo)
	if err != nil || !ok || o.Operator != operator || !o.Status.inFlight() && o.Status != OrderSucceeded || said.State == StateNeverReceived {
		return false, err // "never received" counts only as the answer to a question
	}
	limits, err := amountLimits(tx, []Order{o})
	if err != nil {
		return false, err
	}
	c := verdict(o, said, limits[o.ID])
	if c.to == o.Status {
		return false, nil
	}
	if c.to == OrderReturned && o.Status == OrderSucceeded {
		if intact, err := untouched(tx, o.EnvelopeID); err != nil || !intact {
			return false, err // spent in part and yet returned: the reconciliation puts it before a person
		}
	}
	return true, s.apply(tx, ref, []change{c})
}
