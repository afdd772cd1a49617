package disbursement

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/staff"
	"hongbao/internal/testkit"
)

func TestEveryPairOfStatuses(t *testing.T) {
	legal := map[string]bool{}
	for _, pair := range []string{
		"envelope awarded claimed", "envelope awarded forfeited", "envelope claimed ordered", "envelope claimed forfeited", "envelope claimed closed",
		"envelope ordered credited", "envelope ordered claimed", "envelope ordered closed", "envelope credited expired", "envelope credited ordered",
		"envelope expired closed", "envelope expired ordered", "envelope closed expired",
		"alert open confirmed", "alert open dismissed",
		"batch prepared approved", "batch prepared rejected", "batch approved dispatching", "batch approved done", "batch dispatching done",
		"order prepared approved", "order prepared rejected", "order approved sending", "order approved failed", "order approved succeeded", "order succeeded returned",
	} {
		legal[pair] = true
	}
	for _, from := range []string{"sending", "accepted", "processing", "unknown"} {
		for _, to := range []string{"accepted", "processing", "unknown", "succeeded", "failed", "returned", "approved"} {
			legal["order "+from+" "+to] = from != to
		}
	}
	walk := func(machine, from, to string, may bool) {
		if pair := machine + " " + from + " " + to; may != legal[pair] {
			t.Errorf("%s: %v", pair, may)
		}
	}
	for _, from := range EnvelopeStatuses {
		for _, to := range EnvelopeStatuses {
			walk("envelope", string(from), string(to), from.May(to))
		}
	}
	for _, from := range OrderStatuses {
		for _, to := range OrderStatuses {
			walk("order", string(from), string(to), from.May(to))
		}
	}
	for _, from := range AlertStatuses {
		for _, to := range AlertStatuses {
			walk("alert", string(from), string(to), from.May(to))
		}
	}
	for _, from := range BatchStatuses {
		for _, to := range BatchStatuses {
			walk("batch", string(from), string(to), from.May(to))
		}
	}
}

func TestEveryWinnerIsCreditedOnce(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db, 230)
		w.creditAll()
		w.check()
		w.bankCheck()
		for _, e := range w.envelopes() {
			if e.Status != Credited || e.CreditedFen != 200_00 {
				t.Fatalf("envelope %d is %s with %s", e.ID, e.Status, e.CreditedFen)
			}
		}
		if n, err := w.AwardDue(context.Background()); n != 0 || err != nil {
			t.Errorf("awarding again made %d envelopes: %v", n, err)
		}
		if _, err := w.Prepare(context.Background(), "maker", campaignID, Credit); !errors.Is(err, ErrNothingReady) {
			t.Errorf("preparing again: %v", err)
		}
		batches, err := batchesOf(db.Read(context.Background()), campaignID)
		if err != nil || len(batches) != 1 || batches[0].Status != BatchDone || batches[0].Orders != 230 || batches[0].TotalFen != 230*200_00 {
			t.Errorf("batches: %+v, %v", batches, err)
		}
		summary, err := w.Summary(context.Background(), campaignID)
		if err != nil || summary.Total.Credited != 230*200_00 || summary.Total.InFlight != 230*200_00 || summary.Total.Budget != 150_000_00 {
			t.Errorf("summary: %+v, %v", summary.Total, err)
		}
	})
}

// The fault matrix of credits: whatever a call does, everybody is paid once.
func TestCreditsThroughFaults(t *testing.T) {
	faults := map[string]func(w *world, b *bank){
		"refused call": func(_ *world, b *bank) {
			b.trouble = firstOf("credit", 2, false, fault.New(fault.Unavailable, "busy", "忙", "busy"))
		},
		"unapplied": func(_ *world, b *bank) { b.trouble = firstOf("credit", 2, false, errNetwork) },
		"applied":   func(_ *world, b *bank) { b.trouble = firstOf("credit", 2, true, errNetwork) },
		"query fails": func(_ *world, b *bank) {
			b.trouble = both(firstOf("credit", 2, true, errNetwork), firstOf("query", 3, false, errNetwork))
		},
		"short answer": func(_ *world, b *bank) { b.trouble = firstOf("credit", 1, false, nil) },
		"slow":         func(_ *world, b *bank) { b.outcome = inStages(StateAccepted, StateProcessing, StateUnknown) },
		"wrong amount": func(_ *world, b *bank) {
			wrong := inStages(StateSucceeded)
			b.outcome = func(o Outcome) Outcome {
				said := wrong(o)
				if said.At.IsZero() {
					said.AmountFen = 1
				}
				return said
			}
		},
		"events first, twice, out of order": func(w *world, b *bank) {
			later := inStages(StateProcessing, StateProcessing, StateProcessing)
			b.outcome = func(o Outcome) Outcome {
				said := later(o)
				if said.State == StateProcessing {
					go func() {
						event := Event{EventNo: "E" + o.OrderNo[1:], Kind: EventCredit, OrderNo: o.OrderNo, State: StateSucceeded, AmountFen: o.AmountFen, OccurredAt: w.clock.Now()}
						late := event
						late.EventNo, late.State = "L"+o.OrderNo[1:], StateProcessing
						_, _ = w.Receive(context.Background(), b.name, []Event{event, late, event})
					}()
				}
				return said
			}
		},
	}
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		for name, arrange := range faults {
			t.Run(name, func(t *testing.T) {
				clean(t, db)
				w := newWorld(t, db, 24)
				for _, b := range w.banks {
					arrange(w, b)
				}
				w.creditAll()
				w.check()
				w.bankCheck()
				for _, e := range w.envelopes() {
					if e.Status != Credited {
						t.Fatalf("envelope %d is %s", e.ID, e.Status)
					}
				}
			})
		}
	})
}

// firstOf makes the first n calls of a kind go wrong.
func firstOf(call string, n int, applied bool, err error) func(string) (bool, error) {
	return func(c string) (bool, error) {
		if c == call && n > 0 {
			n--
			return applied, err
		}
		return true, nil
	}
}

func both(a, b func(string) (bool, error)) func(string) (bool, error) {
	return func(c string) (bool, error) {
		if applied, err := a(c); err != nil {
			return applied, err
		}
		return b(c)
	}
}

// inStages makes the bank say the stages about each order before it says the truth.
func inStages(stages ...State) func(Outcome) Outcome {
	said := map[string]int{}
	return func(o Outcome) Outcome {
		if n := said[o.OrderNo]; n < len(stages) {
			said[o.OrderNo]++
			return Outcome{OrderNo: o.OrderNo, State: stages[n], AmountFen: o.AmountFen}
		}
		return o
	}
}

// clean empties the tables of this room and the approvals, so that cases can share a database.
func clean(t *testing.T, db *database.DB) {
	t.Helper()
	triggers := []string{"ledger_transactions_no_delete", "ledger_postings_no_delete"}
	for _, trigger := range triggers {
		exec(t, db, "DROP TRIGGER IF EXISTS "+trigger)
	}
	for _, table := range []string{"ledger_postings", "ledger_transactions", "ledger_accounts", "disbursement_orders", "disbursement_batches", "envelopes",
		"funding_receipts", "spending_events", "sub_wallets", "statements", "differences", "approvals"} {
		exec(t, db, "DELETE FROM "+table)
	}
}

func exec(t *testing.T, db *database.DB, statement string) {
	t.Helper()
	if _, err := db.SQL().ExecContext(context.Background(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// Only ids without gap or repetition are a range: otherwise it would hold rows that are not meant.
func TestWithinIsARangeOnlyWithoutGaps(t *testing.T) {
	for _, c := range []struct {
		ids       []int64
		condition string
	}{
		{[]int64{4, 5, 6}, "id BETWEEN ? AND ?"}, {[]int64{4}, "id BETWEEN ? AND ?"}, {nil, "id IN ?"},
		{[]int64{4, 6}, "id IN ?"}, {[]int64{4, 4, 6}, "id IN ?"}, {[]int64{6, 5, 4}, "id IN ?"}, {[]int64{4, 6, 5, 7}, "id IN ?"},
	} {
		if condition, _ := within(c.ids); condition != c.condition {
			t.Errorf("%v: %s", c.ids, condition)
		}
	}
}

func TestTwoDispatchersPayNobodyTwice(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db, 400)
		w.fund()
		w.claimAll()
		_, err := w.Prepare(context.Background(), "maker", campaignID, Credit)
		w.must(err)
		w.approve(true)
		for _, b := range w.banks {
			b.trouble = firstOf("credit", 1, true, errNetwork)
		}
		var group sync.WaitGroup
		for range 4 {
			other := *w.Service
			group.Go(func() {
				for range 5 {
					_, err := other.Dispatch(context.Background())
					_, err2 := other.Resolve(context.Background())
					if err := errors.Join(err, err2); err != nil && fault.KindOf(err) != fault.Conflict {
						t.Error(err)
					}
					w.clock.Advance(20 * time.Second)
				}
			})
		}
		group.Wait()
		w.settleAll()
		w.check()
		w.bankCheck()
	})
}

// A sender that dies between the call and its second transaction leaves orders that Resolve settles, and one that comes
// back late settles nothing.
func TestBrokenOffCallIsTakenOver(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db, 8)
		w.fund()
		w.claimAll()
		_, err := w.Prepare(context.Background(), "maker", campaignID, Credit)
		w.must(err)
		w.approve(true)
		orders, err := w.claim(context.Background(), "icbc", 10)
		w.must(err)
		outcomes, err := w.send(context.Background(), w.banks["icbc"], orders)
		w.must(err)
		if n, err := w.Resolve(context.Background()); n != 0 || err != nil {
			t.Errorf("orders under a lease were asked about: %d, %v", n, err)
		}
		w.clock.Advance(callLease + time.Second)
		w.asked(w.Service, len(orders))
		w.must(w.settle(context.Background(), orders, outcomes))
		w.settleAll()
		w.check()
		w.bankCheck()
	})
}

// asked lets a replica ask about so many orders.
func (w *world) asked(by *Service, orders int) {
	w.t.Helper()
	if n, err := by.Resolve(context.Background()); n != orders || err != nil {
		w.t.Fatalf("%d of %d orders were asked about: %v", n, orders, err)
	}
}

// A call that was held for lost arrives after the bank has said that it never received the order, and before the envelope
// expires: the order is not given up unasked.
func TestLostCallArrivesBeforeExpiry(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		ctx := context.Background()
		for name, arrives := range map[string]bool{"arrives": true, "does not": false} {
			clean(t, db)
			w := newWorld(t, db, 2)
			w.fund()
			w.claimAll()
			w.approveCredits()
			w.clock.Set(spendUntil.Add(-time.Minute))
			for _, b := range w.banks {
				b.trouble = func(call string) (bool, error) {
					if call == "credit" {
						return false, errNetwork
					}
					return true, nil
				}
			}
			_, err := w.Dispatch(ctx)
			w.must(err)
			for _, b := range w.banks {
				b.trouble = nil
			}
			w.clock.Advance(20 * time.Second)
			w.asked(w.Service, 2)
			for _, o := range w.orders(Credit) {
				if o.Status != OrderApproved {
					t.Fatalf("%s: the order is %s", name, o.Status)
				}
				if arrives {
					w.banks[o.Operator].credits([]CreditOrder{{OrderNo: o.OrderNo, CouponID: o.CouponID, AmountFen: o.AmountFen, ExpiresAt: o.ExpiresAt.Time()}})
				}
			}
			w.clock.Set(spendUntil)
			_, err = w.Expire(ctx)
			w.must(err)
			w.settleAll()
			w.check()
			w.bankCheck()
			want := map[bool]OrderStatus{true: OrderSucceeded, false: OrderFailed}[arrives]
			for _, o := range w.orders(Credit) {
				if o.Status != want {
					t.Errorf("%s: the order is %s for %q", name, o.Status, o.Reason)
				}
			}
			w.recallAll()
			w.returnAll()
		}
	})
}

// A replica that was stopped between its first transaction and its call sends nothing when it comes back late.
func TestLateCallIsNotMade(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		ctx := context.Background()
		w := newWorld(t, db, 8)
		w.fund()
		w.claimAll()
		w.approveCredits()
		orders, err := w.claim(ctx, "icbc", 10)
		w.must(err)
		w.clock.Advance(callLease)
		other := *w.Service
		w.asked(&other, len(orders))
		outcomes := w.inCalls(ctx, "icbc", w.banks["icbc"], orders, w.send)
		if calls := w.banks["icbc"].calls["credit"]; calls != 0 {
			t.Errorf("%d calls after the lease", calls)
		}
		w.must(w.settle(ctx, orders, outcomes))
		w.settleAll()
		w.check()
		w.bankCheck()
	})
}

func TestDefiniteFailureIsRepairedUnderANewNumber(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		ctx := context.Background()
		w := newWorld(t, db, 4)
		for _, b := range w.banks {
			b.refuse = func(string) string { return ReasonBalanceLimit }
		}
		w.creditAll()
		w.check()
		first := w.orders(Credit)
		for _, o := range first {
			if o.Status != OrderFailed || o.Reason != ReasonBalanceLimit || o.Attempts != 1 {
				t.Fatalf("order %+v", o)
			}
		}
		for _, b := range w.banks {
			b.refuse = nil
		}
		w.must(noOrdersSent(w))
		for _, decision := range []bool{false, true} { // a rejected reissue goes back into the queue
			batches, err := w.Prepare(ctx, "maker", campaignID, ForReissue)
			w.must(err)
			if len(batches) != 1 || batches[0].Orders != 4 {
				t.Fatalf("batches %+v", batches)
			}
			if _, err := w.Prepare(ctx, "maker", campaignID, ForReissue); !errors.Is(err, ErrNothingReady) {
				t.Errorf("an order was replaced twice: %v", err)
			}
			w.approve(decision)
		}
		w.settleAll()
		w.check()
		w.bankCheck()
		numbers := map[string]bool{}
		for _, o := range w.orders(Credit) {
			if numbers[o.OrderNo] {
				t.Errorf("number %s was used twice", o.OrderNo)
			}
			numbers[o.OrderNo] = true
		}
		if len(numbers) != 12 {
			t.Errorf("%d orders", len(numbers))
		}
	})
}

// noOrdersSent: without an approved batch nothing more is sent.
func noOrdersSent(w *world) error {
	before := w.banks["icbc"].calls["credit"] + w.banks["abc"].calls["credit"]
	w.settleAll()
	if after := w.banks["icbc"].calls["credit"] + w.banks["abc"].calls["credit"]; after != before {
		return fmt.Errorf("%d calls without approval", after-before)
	}
	return nil
}

func TestReturnedAfterSuccess(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		ctx := context.Background()
		w := newWorld(t, db, 4)
		w.creditAll()
		order, e := w.orders(Credit)[0], w.envelopes()[0]
		b := w.banks[order.Operator]
		b.coupons[order.CouponID].credited, b.coupons[order.CouponID].credits = 0, 0
		event := Event{EventNo: "B1", Kind: EventCredit, OrderNo: order.OrderNo, State: StateReturned, AmountFen: order.AmountFen, Reason: ReasonNotDelivered, OccurredAt: w.clock.Now()}
		for range 2 {
			w.receive(order.Operator, event)
		}
		w.check()
		w.bankCheck()
		if got := w.orders(Credit)[0]; got.Status != OrderReturned || got.Reason != ReasonNotDelivered {
			t.Errorf("order %+v", got)
		}
		_, err := w.Prepare(ctx, "maker", campaignID, ForReissue)
		w.must(err)
		w.approve(true)
		w.settleAll()
		w.check()
		w.bankCheck()
		if got := w.envelopes()[0]; got.ID != e.ID || got.Status != Credited {
			t.Errorf("envelope %+v", got)
		}
		// Another operator's word, or one about money already spent, moves nothing.
		second := w.orders(Credit)[1]
		other := map[string]string{"icbc": "abc", "abc": "icbc"}[second.Operator]
		event.OrderNo = second.OrderNo
		w.receive(other, event)
		payment := w.banks[second.Operator].pay(w.envelopes()[1], "1", 50_00)
		event.EventNo = "B2"
		w.receive(second.Operator, payment, event)
		w.check()
		w.bankCheck()
	})
}

func TestMoneyIsNotDispatchedBeforeItIsReceived(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		ctx := context.Background()
		w := newWorld(t, db, 4) // two envelopes of each source
		_, err := w.ReceiveFunding(ctx, "maker", campaignID, "city", 400_00, "slip")
		w.must(err)
		_, err = w.ReceiveFunding(ctx, "maker", campaignID, "sponsor", 399_99, "slip")
		w.must(err)
		w.approve(true)
		w.claimAll()
		batches, err := w.Prepare(ctx, "maker", campaignID, Credit)
		w.must(err)
		if err := w.staff.Decide(ctx, batches[0].ApprovalID, checker, true, ""); !errors.Is(err, ErrShort) {
			t.Fatalf("a batch over the money received: %v", err)
		}
		if got := w.orders(Credit)[0].Status; got != OrderPrepared {
			t.Errorf("the order is %s", got)
		}
		_, err = w.ReceiveFunding(ctx, "maker", campaignID, "sponsor", 1, "slip")
		w.must(err)
		w.approve(true)
		w.settleAll()
		w.check()
		w.bankCheck()
		if _, err := w.ReceiveFunding(ctx, "maker", campaignID, "sponsor", testBook.Funding[1].Amount, "slip"); err != nil {
			t.Fatal(err)
		}
		pending, err := w.staff.List(ctx, staff.ApprovalFilter{Status: staff.Pending})
		w.must(err)
		if err := w.staff.Decide(ctx, pending[0].ID, checker, true, ""); !errors.Is(err, errAmount) {
			t.Errorf("more than the budget was received: %v", err)
		}
		w.check()
	})
}

func TestMakerCannotApprove(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		ctx := context.Background()
		w := newWorld(t, db, 2)
		w.fund()
		w.claimAll()
		batches, err := w.Prepare(ctx, "checker", campaignID, Credit)
		w.must(err)
		if err := w.staff.Decide(ctx, batches[0].ApprovalID, checker, true, ""); !errors.Is(err, staff.ErrOwnRequest) {
			t.Fatalf("the maker approved: %v", err)
		}
		maker := staff.Account{Username: "other", City: "suzhou", Role: staff.Operations}
		if err := w.staff.Decide(ctx, batches[0].ApprovalID, maker, true, ""); !errors.Is(err, staff.ErrNotChecker) {
			t.Fatalf("operations approved: %v", err)
		}
		second := checker
		second.Username = "second"
		w.must(w.staff.Decide(ctx, batches[0].ApprovalID, second, false, "no"))
		w.check()
		for _, e := range w.envelopes() {
			if e.Status != Claimed {
				t.Errorf("after the rejection envelope %d is %s", e.ID, e.Status)
			}
		}
		w.approveCredits()
		w.settleAll()
		w.check()
		w.bankCheck()
	})
}
