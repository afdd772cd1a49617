package disbursement

import (
	"context"
	"slices"
	"testing"
	"time"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/testkit"
)

// Every winner is told; who has done nothing is reminded once before the deadline, who has claimed without a wallet as
// well; who has money is told that it is there and that the end is near, and nobody is told what is no longer so.
func TestWinnersAreToldAndReminded(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := newWorld(t, db, 4), context.Background()
		remind := func(want ...string) {
			t.Helper()
			w.notes = nil
			for range 2 { // the second run finds nobody left
				if _, err := w.RemindDue(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if slices.Sort(w.notes); !slices.Equal(w.notes, want) {
				t.Errorf("at %s: %v, want %v", w.clock.Now().In(campaign.Shanghai).Format("01-02 15:04"), w.notes, want)
			}
		}
		if _, err := w.AwardDue(ctx); err != nil {
			t.Fatal(err)
		}
		if want := []string{"100 won", "101 won", "102 won", "103 won"}; !slices.Equal(w.notes, want) {
			t.Errorf("told %v", w.notes)
		}
		w.fund()
		for _, id := range []int64{100, 101} {
			_, err := w.Claim(ctx, id)
			w.must(err)
		}
		_, err := w.FindWallets(ctx)
		w.must(err)
		w.approveCredits()
		w.settleAll()
		remind("100 credited", "101 credited")

		w.banks["icbc"].nowallet, w.banks["abc"].nowallet = true, true
		_, err = w.Claim(ctx, 102)
		w.must(err)
		w.clock.Set(claimUntil.Add(-25 * time.Hour))
		remind()
		w.clock.Set(claimUntil.Add(-11 * time.Hour)) // 22:00
		remind()
		w.clock.Set(claimUntil.Add(-time.Hour))
		remind("102 wallet", "103 reminder")

		spent := w.envelopes()[0]
		w.receive(spent.Operator, Event{EventNo: "E1", Kind: EventPayment, OccurredAt: w.clock.Now(), PaymentNo: "P1", CouponID: spent.CouponID,
			AmountFen: 200_00, EnvelopeFen: 200_00})
		w.clock.Set(spendUntil.Add(-71 * time.Hour))
		remind("101 expiring")
		w.clock.Set(spendUntil)
		w.notes = nil
		_, err = w.Expire(ctx)
		w.must(err)
		if want := []string{"101 expired"}; !slices.Equal(w.notes, want) {
			t.Errorf("told %v, want %v", w.notes, want)
		}
	})
}
