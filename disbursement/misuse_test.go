package disbursement

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"hongbao/internal/database"
	"hongbao/internal/money"
	"hongbao/internal/staff"
	"hongbao/internal/testkit"
)

// sting is a campaign in which one merchant is used for everything that the rules look for, and another trades honestly.
func sting(t *testing.T, db *database.DB) *world {
	w := newWorld(t, db, 12)
	w.creditAll()
	n := 0
	pay := func(e Envelope, merchant, device string, amount money.Fen, at time.Time) Event {
		n++
		ev := Event{EventNo: fmt.Sprintf("E%d", n), Kind: EventPayment, OccurredAt: at, PaymentNo: fmt.Sprintf("P%d", n), CouponID: e.CouponID, MerchantNo: merchant,
			Device: device, AmountFen: amount, EnvelopeFen: min(amount, 200_00), WalletFen: max(0, amount-200_00)}
		w.receive(e.Operator, ev)
		return ev
	}
	all := w.envelopes()
	for _, e := range all[:6] { // one phone, six envelopes, each whole and at once
		pay(e, "M1", "PHONE-1", 200_00, w.clock.Now())
	}
	for i, e := range all[6:] { // an honest shop
		pay(e, "M2", fmt.Sprintf("PHONE-%d", 10+i), 43_50+money.Fen(i), w.clock.Now().Add(50*time.Hour))
	}
	return w
}

func TestMisuseIsFoundHeldAndDecided(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := sting(t, db), context.Background()
		_, err := w.SetMisuseRules(ctx, "city-admin", campaignID, []MisuseRule{{Rule: "one-device", AtLeast: 3, Hold: true}, {Rule: "round-sums", AtLeast: 5, Percent: 60},
			{Rule: "instant-spend", AtLeast: 5, Percent: 60, Minutes: 10}, {Rule: "late-refunds", AtLeast: 1}})
		w.must(err)
		for _, want := range []int{3, 0} { // the second run finds nothing new
			if n, err := w.DetectMisuse(ctx); n != want || err != nil {
				t.Fatalf("%d alerts, want %d: %v", n, want, err)
			}
		}
		alerts, err := w.Alerts(ctx, campaignID, AlertOpen, 0)
		w.must(err)
		byRule := map[string]Alert{}
		for _, a := range alerts {
			byRule[a.Rule] = a
			if a.MerchantNo != "M1" || a.RuleVersion != 2 || a.Events != 6 || a.EnvelopeFen != 1200_00 {
				t.Errorf("%+v", a)
			}
		}
		device := byRule["one-device"]
		if device.Subject != "PHONE-1" || byRule["round-sums"].ID == 0 || byRule["instant-spend"].ID == 0 {
			t.Fatalf("%+v", alerts)
		}
		evidence, err := w.Evidence(ctx, device.ID)
		if err != nil || len(evidence) != 6 || evidence[0].Device != "PHONE-1" {
			t.Errorf("%d events: %v", len(evidence), err)
		}
		holds, err := w.Holds(ctx, campaignID)
		if err != nil || len(holds) != 1 || holds[0].MerchantNo != "M1" || holds[0].Evidence != alertName(device.ID) || holds[0].HeldBy != misuseMaker {
			t.Fatalf("%+v, %v", holds, err)
		}
		// Neither a decision nor one person lifts the hold; two do.
		w.must(w.DecideAlert(ctx, "operations", campaignID, device.ID, AlertDismissed, "同一家庭"))
		if err := w.DecideAlert(ctx, "operations", campaignID, device.ID, AlertConfirmed, "再看"); !errors.Is(err, errAlertStatus) {
			t.Errorf("decided twice: %v", err)
		}
		approval, err := w.RequestRelease(ctx, "maker", campaignID, holds[0].ID, "核实无误")
		w.must(err)
		if err := w.staff.Decide(ctx, approval, staff.Account{Username: "maker", City: "suzhou", Role: staff.Approver}, true, ""); !errors.Is(err, staff.ErrOwnRequest) {
			t.Errorf("one person lifted the hold: %v", err)
		}
		w.approve(true)
		if holds, _ := w.Holds(ctx, campaignID); holds[0].Status != HoldReleased {
			t.Errorf("%+v", holds)
		}
	})
}

func TestAlertGrowsAndKeepsItsVersion(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := sting(t, db), context.Background()
		_, err := w.SetMisuseRules(ctx, "city-admin", campaignID, []MisuseRule{{Rule: "late-refunds", AtLeast: 1}})
		w.must(err)
		w.clock.Set(spendUntil.Add(time.Hour))
		refund := func(no int) {
			e := w.envelopes()[no]
			w.receive(e.Operator, Event{EventNo: fmt.Sprintf("R%d", no), Kind: EventRefund, OccurredAt: w.clock.Now(), PaymentNo: fmt.Sprintf("P%d", no+1), RefundNo: fmt.Sprintf("RF%d", no),
				CouponID: e.CouponID, MerchantNo: "M1", AmountFen: 10_00, EnvelopeFen: 10_00})
		}
		for i := range 2 {
			refund(i)
			if n, err := w.DetectMisuse(ctx); n != 1 || err != nil {
				t.Fatalf("%d alerts: %v", n, err)
			}
		}
		alerts, err := w.Alerts(ctx, campaignID, "", 0)
		if err != nil || len(alerts) != 1 || alerts[0].Events != 2 || alerts[0].EnvelopeFen != 20_00 {
			t.Fatalf("%+v, %v", alerts, err)
		}
		if evidence, _ := w.Evidence(ctx, alerts[0].ID); len(evidence) != 2 {
			t.Errorf("%d events", len(evidence))
		}
		w.must(w.HoldOnAlert(ctx, "operations", campaignID, alerts[0].ID, "待查"))
		if holds, _ := w.Holds(ctx, campaignID); len(holds) != 1 || holds[0].HeldBy != "operations" {
			t.Errorf("%+v", holds)
		}
		for _, wrong := range [][]MisuseRule{{{Rule: "moon-phase", AtLeast: 1}}, {{Rule: "one-device"}}, {{Rule: "one-device", AtLeast: 1, Percent: 101}},
			{{Rule: "one-device", AtLeast: 1}, {Rule: "one-device", AtLeast: 2}}} {
			if _, err := w.SetMisuseRules(ctx, "city-admin", campaignID, wrong); !errors.Is(err, errMisuseRules) {
				t.Errorf("%+v: %v", wrong, err)
			}
		}
		if rules, err := w.MisuseRules(ctx, campaignID); err != nil || rules.Version != 2 {
			t.Errorf("%+v, %v", rules, err)
		}
	})
}
