package disbursement

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"slices"
	"testing"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/money"
	"hongbao/internal/testkit"
)

// The official example: a price of 300 is paid with 200 of the envelope and 100 of the citizen's own; a refund gives the
// own 100 back first, then the envelope's 200.
func TestOfficialRefundExample(t *testing.T) {
	for _, c := range []struct{ ownBack, envelopeBack, amount, own, envelope money.Fen }{
		{0, 0, 300_00, 100_00, 200_00}, {0, 0, 100_00, 100_00, 0}, {0, 0, 60_00, 60_00, 0}, {60_00, 0, 60_00, 40_00, 20_00},
		{100_00, 20_00, 180_00, 0, 180_00}, {0, 0, 1, 1, 0}, {99_99, 0, 2, 1, 1},
	} {
		own, envelope, err := SplitRefund(100_00, 200_00, c.ownBack, c.envelopeBack, c.amount)
		if err != nil || own != c.own || envelope != c.envelope {
			t.Errorf("%+v: own %s, envelope %s, %v", c, own, envelope, err)
		}
	}
	for _, amount := range []money.Fen{0, -1, 300_01} {
		if _, _, err := SplitRefund(100_00, 200_00, 0, 0, amount); fault.KindOf(err) != fault.Invalid {
			t.Errorf("a refund of %s: %v", amount, err)
		}
	}
}

func TestRefundExampleIsBookedToTheFen(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db, 2)
		w.creditAll()
		e := w.envelopes()[0]
		b := w.banks[e.Operator]
		payment := b.pay(e, "1", 300_00)
		w.receive(e.Operator, payment)
		if got := w.envelopes()[0]; got.SpentFen != 200_00 || got.Balance() != 0 {
			t.Fatalf("after the payment: %+v", got)
		}
		own, envelope, err := SplitRefund(payment.WalletFen, payment.EnvelopeFen, 0, 0, 300_00)
		w.must(err)
		w.receive(e.Operator, b.refund(e, payment, "1", own, envelope))
		if got := w.envelopes()[0]; got.SpentFen != 0 || got.Balance() != 200_00 || got.Status != Credited {
			t.Errorf("after the refund: %+v", got)
		}
		w.check()
		w.bankCheck()
	})
}

// Property: any order and any repetition of events, by callback or statement, gives one balance.
func TestEventsInAnyOrderGiveOneBalance(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db, 2)
		w.creditAll()
		e := w.envelopes()[0]
		b := w.banks[e.Operator]
		first, second := b.pay(e, "1", 120_00), b.pay(e, "2", 130_00)
		events := []Event{first, second, b.refund(e, second, "1", 50_00, 10_00), b.refund(e, first, "2", 0, 35_50), b.pay(e, "3", 7_77)}
		clean := w.envelopes()[0]
		for seed := range int64(30) {
			random := rand.New(rand.NewSource(seed))
			sent := append([]Event{}, events...)
			for range random.Intn(6) {
				sent = append(sent, events[random.Intn(len(events))])
			}
			random.Shuffle(len(sent), func(i, j int) { sent[i], sent[j] = sent[j], sent[i] })
			named := make([]Event, len(sent)) // each round is of its own numbers
			for i, event := range sent {
				event.EventNo = fmt.Sprintf("S%dX%s", seed, event.EventNo)
				event.PaymentNo = fmt.Sprintf("S%dX%s", seed, event.PaymentNo)
				named[i] = event
			}
			cut := random.Intn(len(named))
			w.receive(e.Operator, named[:cut]...)
			w.must(w.DB.InTx(context.Background(), func(tx *gorm.DB) error {
				for _, event := range named[cut:] {
					line, _ := lineOf(event).Event()
					if _, err := w.book(tx, e.Operator, line, ByStatement, "2020-12-11"); err != nil {
						return err
					}
				}
				return nil
			}))
			got := w.envelopes()[0]
			want := clean.SpentFen + money.Fen(seed+1)*(b.coupons[e.CouponID].spent)
			if got.SpentFen != want {
				t.Fatalf("seed %d: spent %s, want %s", seed, got.SpentFen, want)
			}
		}
	})
}

func TestRefusedEvents(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		ctx := context.Background()
		w := newWorld(t, db, 4)
		w.creditAll()
		e := w.envelopes()[0]
		good := w.banks[e.Operator].pay(e, "1", 60_00)
		w.receive(e.Operator, good)
		before := w.envelopes()[0]
		change := func(f func(*Event)) Event {
			event := good
			event.EventNo = "N" + fmt.Sprint(len(w.notes))
			w.notes = append(w.notes, event.EventNo)
			f(&event)
			return event
		}
		other := map[string]string{"icbc": "abc", "abc": "icbc"}[e.Operator]
		for code, try := range map[string]struct {
			operator string
			event    Event
		}{
			"coupon-unknown":   {e.Operator, change(func(v *Event) { v.CouponID = "NOBODYS" })},
			"operator-differs": {other, change(func(*Event) {})},
			"envelope-expired": {e.Operator, change(func(v *Event) { v.OccurredAt = spendUntil })},
			"event-differs":    {e.Operator, change(func(v *Event) { v.EventNo, v.EnvelopeFen, v.AmountFen = good.EventNo, 61_00, 61_00 })},
			"event-malformed":  {e.Operator, change(func(v *Event) { v.EnvelopeFen = 59_99 })},
		} {
			refused, err := w.Receive(ctx, try.operator, []Event{try.event})
			if err != nil || len(refused) != 1 || refused[0].Reason != code {
				t.Errorf("%s: %v, %v", code, refused, err)
			}
		}
		for i, bad := range []Event{
			change(func(v *Event) { v.EnvelopeFen, v.WalletFen = -1, 60_01 }),
			change(func(v *Event) { v.EnvelopeFen, v.AmountFen = 1<<62, 1<<62 }),
			change(func(v *Event) { v.MerchantNo = "商户" }),
			change(func(v *Event) { v.Device = string(make([]byte, 65)) }),
			change(func(v *Event) { v.Kind = "gift" }),
			change(func(v *Event) { v.Kind, v.SubWallet = EventSubWallet, nil }),
			change(func(v *Event) { v.Kind, v.OwnFen, v.EnvelopeFen, v.RefundNo = EventRefund, 0, 60_00, "" }),
		} {
			if refused, err := w.Receive(ctx, e.Operator, []Event{bad}); err != nil || len(refused) != 1 {
				t.Errorf("malformed event %d: %v, %v", i, refused, err)
			}
		}
		if got := w.envelopes()[0]; got != before {
			t.Errorf("a refused event has moved something: %+v", got)
		}
		w.check()
		if found, err := w.Differences(ctx, campaignID); err != nil || len(found) == 0 {
			t.Errorf("refused events left no difference: %v", err)
		}
	})
}

func TestAdmissions(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		ctx := context.Background()
		w := newWorld(t, db, 2)
		w.fund()
		w.claimAll()
		e := w.envelopes()[0]
		ask := func(operator, coupon string) string {
			answer, err := w.AdmitPurchase(ctx, operator, AdmissionRequest{Operator: operator, CouponID: coupon, MerchantNo: "M1", At: w.clock.Now()})
			w.must(err)
			if answer.Admitted {
				return "admitted"
			}
			return answer.Reason
		}
		expect := func(want, operator, coupon string) {
			t.Helper()
			if got := ask(operator, coupon); got != want {
				t.Errorf("admission: %s, want %s", got, want)
			}
		}
		expect("not-credited", e.Operator, e.CouponID)
		w.approveCredits()
		w.settleAll()
		expect("admitted", e.Operator, e.CouponID)
		expect("coupon-unknown", e.Operator, "NOBODYS")
		expect("coupon-unknown", map[string]string{"icbc": "abc", "abc": "icbc"}[e.Operator], e.CouponID)
		w.refusal = fault.New(fault.Forbidden, "merchant-suspended", "停", "suspended")
		expect("merchant-suspended", e.Operator, e.CouponID)
		w.refusal = errors.New("database is gone")
		if answer, err := w.AdmitPurchase(ctx, e.Operator, AdmissionRequest{CouponID: e.CouponID}); err == nil || answer.Admitted {
			t.Errorf("admitted without knowing: %v", err)
		}
		w.refusal = nil
		w.clock.Set(spendUntil)
		expect("envelope-expired", e.Operator, e.CouponID)
		_, err := w.Expire(ctx)
		w.must(err)
		w.clock.Set(claimFrom) // even by a clock that goes back
		expect("envelope-expired", e.Operator, e.CouponID)
	})
}

func TestExpiryRecallAndLateRefund(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		for name, trouble := range map[string]func(string) (bool, error){
			"calm": nil, "unapplied": firstOf("recall", 2, false, errNetwork), "applied": firstOf("recall", 2, true, errNetwork),
			"asked in vain": both(firstOf("recall", 2, true, errNetwork), firstOf("query", 2, true, errNetwork)),
		} {
			t.Run(name, func(t *testing.T) {
				clean(t, db)
				w := newWorld(t, db, 6)
				w.creditAll()
				all := w.envelopes()
				spent, unheard := all[0], all[1] // the second one's spending is not yet known at its expiry
				payment := w.banks[spent.Operator].pay(spent, "1", 300_00)
				w.receive(spent.Operator, payment)
				late := w.banks[unheard.Operator].pay(unheard, "2", 80_00)
				for _, b := range w.banks {
					b.trouble = trouble
				}
				w.clock.Set(spendUntil)
				w.recallAll()
				w.receive(unheard.Operator, late)
				w.check()
				w.bankCheck()
				for _, e := range w.envelopes() {
					if e.Status != Closed || e.Balance() != 0 {
						t.Errorf("envelope %d is %s and holds %s", e.ID, e.Status, e.Balance())
					}
				}
				// A refund after expiry passes through: own money first, the envelope's part is recalled.
				w.receive(spent.Operator, w.banks[spent.Operator].refund(spent, payment, "9", 100_00, 150_00))
				if got := w.envelopes()[0]; got.Status != Expired || got.Balance() != 150_00 {
					t.Fatalf("after the late refund: %+v", got)
				}
				w.recallAll()
				w.check()
				w.bankCheck()
				if got := w.envelopes()[0]; got.Status != Closed || got.RecalledFen != 150_00 {
					t.Errorf("after its recall: %+v", got)
				}
				w.returnAll()
			})
		}
	})
}

// A credit came back, which we hear of only after its recall has failed: no new number is issued, the envelope ends unpaid.
func TestRecallOfACreditThatCameBack(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		ctx := context.Background()
		w := newWorld(t, db, 1)
		w.creditAll()
		order, e := w.orders(Credit)[0], w.envelopes()[0]
		b := w.banks[e.Operator]
		*b.coupons[e.CouponID] = coupon{}
		at := w.clock.Now()
		b.outcome = func(o Outcome) Outcome {
			return Outcome{OrderNo: o.OrderNo, State: StateFailed, Reason: ReasonCouponUnknown}
		}
		w.clock.Set(spendUntil)
		w.recallAll()
		if _, err := w.Prepare(ctx, "maker", campaignID, ForReissue); !errors.Is(err, ErrNothingReady) {
			t.Errorf("a recall of nothing was prepared again: %v", err)
		}
		w.receive(e.Operator, Event{EventNo: "B1", Kind: EventCredit, OrderNo: order.OrderNo, State: StateReturned, AmountFen: order.AmountFen, Reason: ReasonNotDelivered, OccurredAt: at})
		_, err := w.Expire(ctx)
		w.must(err)
		if got := w.envelopes()[0]; got.Status != Closed || got.CreditedFen != 0 {
			t.Errorf("envelope %+v", got)
		}
		w.check()
		w.bankCheck()
	})
}

// recallAll expires, and has what is unspent recalled with a second person's approval.
func (w *world) recallAll() {
	w.t.Helper()
	_, err := w.Expire(context.Background())
	w.must(err)
	w.approve(true)
	w.settleAll()
}

// returnAll returns the surplus and expects that all money is accounted for.
func (w *world) returnAll() {
	w.t.Helper()
	ctx := context.Background()
	_, err := w.RequestReturn(ctx, "maker", campaignID)
	w.must(err)
	w.approve(true)
	w.settleAll()
	w.check()
	summary, err := w.Summary(ctx, campaignID)
	w.must(err)
	f := summary.Total
	if f.InFlight != 0 || f.Float != 0 || f.Received != f.Spent+f.Returned || f.Credited != f.Spent+f.Recalled || !w.settled {
		w.t.Errorf("after the return, settled %v: %+v", w.settled, f)
	}
	if _, err := w.RequestReturn(ctx, "maker", campaignID); !errors.Is(err, ErrNothingReady) {
		w.t.Errorf("returning again: %v", err)
	}
}

func TestReturnWaitsForEverything(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		ctx := context.Background()
		w := newWorld(t, db, 4)
		w.creditAll()
		try := func(want error) {
			t.Helper()
			if _, err := w.RequestReturn(ctx, "maker", campaignID); !errors.Is(err, want) {
				t.Fatalf("return: %v, want %v", err, want)
			}
		}
		try(errSpending)
		w.clock.Set(spendUntil)
		try(errRecallsOpen)
		_, err := w.Expire(ctx)
		w.must(err)
		try(errOrdersOpen)
		w.approve(false) // the recall is rejected, and prepared anew
		try(errRecallsOpen)
		w.recallAll()
		w.returnAll()
	})
}

func TestBatchApprovedTooLateIsRefused(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		ctx := context.Background()
		w := newWorld(t, db, 4)
		w.fund()
		w.claimAll()
		batches, err := w.Prepare(ctx, "maker", campaignID, Credit)
		w.must(err)
		w.clock.Set(spendUntil)
		if err := w.staff.Decide(ctx, batches[0].ApprovalID, checker, true, ""); !errors.Is(err, errBatchExpired) {
			t.Fatalf("approved after expiry: %v", err)
		}
		w.approve(false)
		_, err = w.Expire(ctx)
		w.must(err)
		for _, e := range w.envelopes() {
			if e.Status != Closed {
				t.Errorf("envelope %d is %s", e.ID, e.Status)
			}
		}
		w.returnAll()
	})
}

func TestClaimsGiveUpsAndDeadline(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		ctx := context.Background()
		w := newWorld(t, db, 6)
		w.waiting = []int64{900, 901}
		w.clock.Set(claimFrom.Add(-time.Hour))
		_, err := w.AwardDue(ctx)
		w.must(err)
		if _, err := w.Claim(ctx, 100); !errors.Is(err, errClaimEarly) {
			t.Errorf("claimed early: %v", err)
		}
		w.clock.Set(claimFrom)
		for range 2 {
			if e, err := w.Claim(ctx, 100); err != nil || e.Status != Claimed {
				t.Errorf("claim: %v, %v", e.Status, err)
			}
		}
		w.must(w.GiveUp(ctx, 101))
		w.must(w.GiveUp(ctx, 101))
		promoted, err := w.Of(ctx, 900)
		w.must(err)
		given, err := w.Of(ctx, 101)
		w.must(err)
		if promoted.Source != given.Source || promoted.AmountFen != given.AmountFen || promoted.CouponID == given.CouponID || given.Status != Forfeited {
			t.Errorf("promoted %+v for %+v", promoted, given)
		}
		for _, b := range w.banks {
			b.nowallet = true
		}
		_, err = w.FindWallets(ctx)
		w.must(err)
		w.clock.Set(claimUntil)
		if _, err := w.Claim(ctx, 102); !errors.Is(err, errClaimLate) {
			t.Errorf("claimed late: %v", err)
		}
		if n, err := w.ClaimDeadline(ctx); n != 5 || err != nil { // 100 has no wallet, 102 to 105 never claimed
			t.Errorf("%d forfeited: %v", n, err)
		}
		if n, err := w.ClaimDeadline(ctx); n != 0 || err != nil {
			t.Errorf("%d forfeited again: %v", n, err)
		}
		if e, err := w.Claim(ctx, 901); err != nil || e.ClaimUntilAt != database.At(waitUntil) {
			t.Errorf("the promoted claim until the end of the waitlist: %+v, %v", e, err)
		}
		if _, err := w.Claim(ctx, 1); !errors.Is(err, ErrNoEnvelope) {
			t.Errorf("a stranger's claim: %v", err)
		}
		if told := w.notes[6:]; !slices.Equal(told, []string{"900 promoted", "901 promoted"}) { // after the six who won
			t.Errorf("told: %v", told)
		}
		w.clock.Set(waitUntil)
		if _, err := w.ClaimDeadline(ctx); err != nil {
			t.Error(err)
		}
		if len(w.envelopes()) != 8 {
			t.Errorf("%d envelopes", len(w.envelopes()))
		}
	})
}

func TestWalletsAreFoundLater(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		ctx := context.Background()
		w := newWorld(t, db, 5)
		for _, b := range w.banks {
			b.nowallet = true
		}
		w.claimAll()
		for _, b := range w.banks {
			b.nowallet = false
		}
		if n, err := w.FindWallets(ctx); n != 0 || err != nil {
			t.Errorf("%d looked for at once again: %v", n, err)
		}
		w.clock.Advance(time.Hour)
		if n, err := w.FindWallets(ctx); n != 5 || err != nil {
			t.Errorf("%d looked for later: %v", n, err)
		}
		for _, e := range w.envelopes() {
			if want := fmt.Sprintf("%s-139%08d", e.Operator, e.RegistrationID); e.WalletToken != want {
				t.Errorf("wallet %q, want %q", e.WalletToken, want)
			}
		}
	})
}

func TestSubWallets(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		ctx := context.Background()
		w := newWorld(t, db, 4)
		if _, err := w.AwardDue(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := w.PushSubWallet(ctx, 100, "jd", 100, 200); !errors.Is(err, errNoWallet) {
			t.Errorf("pushed without a wallet: %v", err)
		}
		w.claimAll()
		abc, icbc := int64(102), int64(100)
		if _, err := w.PushSubWallet(ctx, abc, "didi", 100, 200); !errors.Is(err, ErrAppNotServed) {
			t.Errorf("an app outside the matrix: %v", err)
		}
		if _, err := w.PushSubWallet(ctx, icbc, "didi", 200, 100); !errors.Is(err, ErrSubWalletLimit) {
			t.Errorf("limits out of order: %v", err)
		}
		first, err := w.PushSubWallet(ctx, icbc, "didi", 100, 200)
		w.must(err)
		again, err := w.PushSubWallet(ctx, icbc, "didi", 100, 200)
		if err != nil || again.ID != first.ID {
			t.Errorf("pushed twice: %+v, %v", again, err)
		}
		set, err := w.SetSubWallet(ctx, icbc, first.ID, SubWalletPaused, 300, 400)
		if err != nil || set.Status != SubWalletPaused || set.PerDayFen != 400 {
			t.Errorf("set: %+v, %v", set, err)
		}
		if _, err := w.SetSubWallet(ctx, abc, first.ID, SubWalletActive, 300, 400); !errors.Is(err, ErrSubWalletMissing) {
			t.Errorf("set by another citizen: %v", err)
		}
		w.clock.Advance(time.Minute)
		change := Event{EventNo: "W1", Kind: EventSubWallet, OccurredAt: w.clock.Now(), SubWallet: &SubWallet{Token: set.Token, Status: SubWalletActive, PerPaymentFen: 1, PerDayFen: 2}}
		w.receive("icbc", change)
		w.receive("abc", Event{EventNo: "W2", Kind: EventSubWallet, OccurredAt: w.clock.Now(), SubWallet: &SubWallet{Token: set.Token, Status: SubWalletClosed}})
		rows, err := w.SubWallets(ctx, icbc)
		if err != nil || len(rows) != 1 || rows[0].Status != SubWalletActive || rows[0].PerPaymentFen != 1 {
			t.Errorf("after the event: %+v, %v", rows, err)
		}
		closed, err := w.SetSubWallet(ctx, icbc, first.ID, SubWalletClosed, 0, 0)
		if err != nil || closed.Status != SubWalletClosed {
			t.Errorf("close: %+v, %v", closed, err)
		}
		if _, err := w.SetSubWallet(ctx, icbc, first.ID, SubWalletActive, 1, 2); !errors.Is(err, ErrSubWalletMissing) {
			t.Errorf("opened again: %v", err)
		}
	})
}
