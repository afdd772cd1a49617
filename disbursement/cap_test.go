package disbursement

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"hongbao/internal/database"
	"hongbao/internal/money"
	"hongbao/internal/testkit"
)

// However many ask at once, a merchant is admitted no more than its cap, to the fen; a refund and a payment that was never
// made free it again.
func TestMerchantCapHolds(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := newWorld(t, db, 12), context.Background()
		w.creditAll()
		w.merchantCap = 1_000_01 // five whole envelopes, and a fen that is of no use to anybody
		all := w.envelopes()
		ask := func(e Envelope, amount money.Fen) string {
			answer, err := w.AdmitPurchase(ctx, e.Operator, AdmissionRequest{Operator: e.Operator, CouponID: e.CouponID, MerchantNo: "M1", AmountFen: amount, At: w.clock.Now()})
			if err != nil {
				return err.Error()
			}
			return answer.Reason
		}
		var group sync.WaitGroup
		said := make([]string, len(all))
		for i, e := range all {
			group.Go(func() { said[i] = ask(e, 300_00) }) // 100 of it own money
		}
		group.Wait()
		var paid []Envelope
		for i, reason := range said {
			switch reason {
			case "":
				paid = append(paid, all[i])
			case "merchant-cap":
			default:
				t.Errorf("refused: %s", reason)
			}
		}
		if len(paid) != 5 {
			t.Fatalf("%d envelopes were admitted", len(paid))
		}
		event := func(e Envelope, no string, kind EventKind, envelope money.Fen) Event {
			ev := Event{EventNo: no, Kind: kind, OccurredAt: w.clock.Now(), PaymentNo: "P" + no[1:], CouponID: e.CouponID, MerchantNo: "M1", AmountFen: envelope, EnvelopeFen: envelope}
			if kind == EventRefund {
				ev.RefundNo = "R" + no[1:]
			}
			return ev
		}
		for i, e := range paid[:4] { // the fifth never pays
			w.receive(e.Operator, event(e, fmt.Sprintf("E%d", i), EventPayment, 200_00))
		}
		late := all[slices.IndexFunc(said, func(reason string) bool { return reason != "" })]
		if reason := ask(late, 2); reason != "merchant-cap" {
			t.Errorf("two fen over the cap: %q", reason)
		}
		if reason := ask(late, 1); reason != "" {
			t.Errorf("the last fen: %q", reason)
		}
		w.clock.Advance(reservedFor + time.Second)
		if reason := ask(late, 200_01); reason != "" {
			t.Errorf("what was never paid is not free again: %q", reason)
		}
		if reason := ask(late, 2); reason != "merchant-cap" {
			t.Errorf("over the cap again: %q", reason)
		}
		refund := event(paid[0], "E0", EventRefund, 50_00)
		refund.EventNo = "EBACK"
		w.receive(paid[0].Operator, refund)
		if reason := ask(late, 50_00); reason != "" {
			t.Errorf("what was refunded is not free again: %q", reason)
		}
	})
}
