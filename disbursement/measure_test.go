package disbursement

import (
	"context"
	"testing"
	"time"

	"hongbao/internal/database"
	"hongbao/internal/testkit"
)

// read asks one gauge of this room, by its labels.
func (w *world) read(name string) map[string]float64 {
	w.t.Helper()
	for _, g := range w.Gauges() {
		if g.Name != name {
			continue
		}
		samples, err := g.Read(context.Background())
		w.must(err)
		values := map[string]float64{}
		for _, s := range samples {
			key := ""
			for _, label := range s.Labels {
				key += label + " "
			}
			values[key] = s.Value
		}
		if len(values) != len(samples) {
			w.t.Fatalf("%s has the same labels twice: %+v", name, samples)
		}
		return values
	}
	w.t.Fatalf("there is no gauge %s", name)
	return nil
}

// An order whose outcome stays unknown is as old as the clock says, at its operator alone, until the operator says what became of it.
func TestUnknownOrderHasAnAge(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db, 8)
		w.fund()
		w.claimAll()
		w.approveCredits()
		if got := w.read("hongbao_orders_unsettled"); len(got) != 2 || got["icbc approved "]+got["abc approved "] != 8 {
			t.Errorf("before sending: %v", got)
		}
		silent := w.banks["icbc"]
		silent.trouble = func(string) (bool, error) { return true, errNetwork }
		_, err := w.Dispatch(context.Background())
		w.must(err)
		const unknown = "hongbao_order_oldest_unknown_seconds"
		if got := w.read(unknown); len(got) != 1 || got["icbc "] != 0 {
			t.Errorf("just sent: %v", got)
		}
		w.clock.Advance(time.Hour)
		_, err = w.Resolve(context.Background())
		w.must(err)
		w.clock.Advance(30 * time.Minute)
		if got := w.read(unknown); len(got) != 1 || got["icbc "] != (90*time.Minute).Seconds() {
			t.Errorf("after an hour and a half: %v", got)
		}
		waiting := 0.0
		for _, o := range w.orders(Credit) {
			if o.Operator == "icbc" && o.Status == OrderUnknown {
				waiting++
			}
		}
		if got := w.read("hongbao_orders_unsettled"); waiting == 0 || got["icbc unknown "] != waiting || got["abc approved "] != 0 {
			t.Errorf("unsettled %v, want %v unknown", got, waiting)
		}
		silent.trouble = nil
		w.settleAll()
		if got := w.read(unknown); len(got) != 0 {
			t.Errorf("all is known, and yet %v", got)
		}
		if got := w.read("hongbao_orders_unsettled"); len(got) != 0 {
			t.Errorf("all is settled, and yet %v", got)
		}
	})
}
