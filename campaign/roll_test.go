package campaign

import (
	"context"
	"strings"
	"testing"

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
		if n := w.count("SELECT COUNT(*) FROM audit_entries WHERE action = 'registration.roll' AND actor = 'li'"); n != 5 {
			t.Errorf("%d looks on the record", n)
		}
	})
}
