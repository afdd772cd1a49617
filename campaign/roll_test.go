package campaign

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"hongbao/internal/audit"
	"hongbao/internal/database"
	"hongbao/internal/testkit"
)

func TestRollIsMaskedFilteredAndOnTheRecord(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := newWorld(t, db), context.Background()
		c := w.open(suzhou(t, anyone...))
		for i := range 5 {
			if _, err := w.Register(ctx, person(c.Slug, i)); err != nil {
				t.Fatal(err)
			}
		}
		roll := func(filter RollFilter) []Masked {
			t.Helper()
			list, err := w.Roll(ctx, "li", c.ID, filter)
			if err != nil {
				t.Fatal(err)
			}
			return list
		}
		all := roll(RollFilter{})
		if len(all) != 5 || all[0].ID < all[4].ID {
			t.Fatalf("%+v", all)
		}
		for _, m := range all {
			if !strings.Contains(m.Name, "*") || strings.Count(m.Document, "*") < 12 || strings.Count(m.Phone, "*") != 4 {
				t.Errorf("shown in clear: %+v", m)
			}
		}
		if page := roll(RollFilter{Limit: 2, Before: all[1].ID}); len(page) != 2 || page[0].ID != all[2].ID {
			t.Errorf("the second page: %+v", page)
		}
		third := person(c.Slug, 3)
		for name, filter := range map[string]RollFilter{"phone": {Phone: third.Phone}, "document": {Document: third.Document}, "both": {Phone: third.Phone, Document: third.Document, Status: Confirmed}} {
			if found := roll(filter); len(found) != 1 || found[0].Phone[:3] != third.Phone[:3] {
				t.Errorf("by %s: %+v", name, found)
			}
		}
		for name, filter := range map[string]RollFilter{"a stranger": {Phone: "13999999999"}, "a part of a number": {Phone: third.Phone[:7]}, "another status": {Status: Excluded},
			"two people": {Phone: third.Phone, Document: person(c.Slug, 4).Document}} {
			if found := roll(filter); len(found) != 0 {
				t.Errorf("by %s: %+v", name, found)
			}
		}
		var looks []string
		err := db.Read(context.Background()).Raw("SELECT detail FROM audit_entries WHERE action = 'registration.roll' AND actor = 'li' ORDER BY seq").Scan(&looks).Error
		if err != nil || len(looks) != 5 {
			t.Fatalf("looks on the record: %q, %v", looks, err)
		}
		for i, whole := range []string{audit.Ranges([]int64{all[0].ID, all[1].ID, all[2].ID, all[3].ID, all[4].ID}), audit.Ranges([]int64{all[2].ID, all[3].ID})} {
			if !strings.Contains(looks[i], fmt.Sprintf(`"shown":%q`, whole)) {
				t.Errorf("%s does not say that %s were shown", looks[i], whole)
			}
		}
	})
}

// showed demands that the newest entry of an action says which registrations were shown.
func (w *world) showed(action string, ids ...int64) {
	w.t.Helper()
	var detail string
	err := w.DB.Read(context.Background()).Raw("SELECT detail FROM audit_entries WHERE action = ? ORDER BY seq DESC LIMIT 1", action).Scan(&detail).Error
	if err != nil || !strings.Contains(detail, fmt.Sprintf(`"shown":%q`, audit.Ranges(ids))) {
		w.t.Errorf("%s: %q does not say that %v were shown: %v", action, detail, ids, err)
	}
}
