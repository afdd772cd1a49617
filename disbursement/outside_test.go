package disbursement

import (
	"context"
	"testing"
	"time"

	"hongbao/internal/database"
	"hongbao/internal/testkit"
)

// Outside is a world for tests that reach operators through the gateway, and so cannot be in this package.
type Outside struct{ *world }

// NewOutside has n winners, whose registrations are 100 and up and whose wallets are at icbc and abc.
func NewOutside(t *testing.T, db *database.DB, n int, clock *testkit.Clock, operators map[string]Operator) Outside {
	t.Helper()
	w := newWorld(t, db, n)
	w.clock, w.Now, w.Operators = clock, clock.Now, operators
	return Outside{w}
}

// ClaimFrom is when the campaign of such a world begins.
func ClaimFrom() time.Time { return claimFrom }

// People gives the operator and the phone of each.
func (o Outside) People() (operators, phones []string) {
	o.t.Helper()
	for _, winner := range o.winners {
		registrants, err := o.Registrants(context.Background(), []int64{winner.RegistrationID})
		o.must(err)
		contacts, err := o.Contacts(context.Background(), "", []int64{winner.RegistrationID})
		o.must(err)
		operators, phones = append(operators, registrants[0].Operator), append(phones, contacts[0].Phone)
	}
	return operators, phones
}

// ApproveCredits funds the campaign, lets everybody claim, and has all credits prepared and approved.
func (o Outside) ApproveCredits() {
	o.t.Helper()
	o.fund()
	o.claimAll()
	o.approveCredits()
}

// Round runs the two jobs of the minute, holds what holds at every moment, and lets the clock go on.
func (o Outside) Round(pause time.Duration) {
	o.t.Helper()
	_, err := o.Dispatch(context.Background())
	o.must(err)
	_, err = o.Resolve(context.Background())
	o.must(err)
	o.check()
	o.clock.Advance(pause)
}

// Credits counts the credit orders of each operator by their status.
func (o Outside) Credits() map[string]map[OrderStatus]int {
	o.t.Helper()
	counts := map[string]map[OrderStatus]int{}
	for _, order := range o.orders(Credit) {
		if counts[order.Operator] == nil {
			counts[order.Operator] = map[OrderStatus]int{}
		}
		counts[order.Operator][order.Status]++
	}
	return counts
}

// Clean empties the tables of this room.
func Clean(t *testing.T, db *database.DB) {
	t.Helper()
	clean(t, db)
}
