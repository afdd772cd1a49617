package campaign

import (
	"context"
	"errors"
	"testing"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/audit"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/staff"
	"hongbao/internal/testkit"
)

func TestEveryPairOfStatuses(t *testing.T) {
	all := []string{Draft, Approved, Announced, Open, Closed, Drawn, Settled, Cancelled}
	legal := map[string]bool{
		"draft approved": true, "approved announced": true, "announced open": true, "open closed": true, "closed drawn": true, "drawn settled": true,
		"draft cancelled": true, "approved cancelled": true, "announced cancelled": true, "open cancelled": true, "closed cancelled": true,
	}
	for _, from := range all {
		for _, to := range all {
			if mayBecome(from, to) != legal[from+" "+to] {
				t.Errorf("%s to %s: %v", from, to, mayBecome(from, to))
			}
		}
	}
	states := []string{Registered, Confirmed, Withdrawn, Excluded}
	legal = map[string]bool{"registered confirmed": true, "registered withdrawn": true, "registered excluded": true, "confirmed withdrawn": true, "confirmed excluded": true,
		"excluded confirmed": true}
	for _, from := range states {
		for _, to := range states {
			if registrationMay(from, to) != legal[from+" "+to] {
				t.Errorf("registration %s to %s: %v", from, to, registrationMay(from, to))
			}
		}
	}
}

func TestLifeOfACampaign(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := newWorld(t, db), context.Background()
		c := w.open(suzhou(t, anyone...))
		if c.City != "suzhou" || c.Budget != 2_000_000_000 || c.RuleHash != database.Bytes32(mustBook(t, w, c.ID).Hash()) {
			t.Errorf("stored %+v", c)
		}
		if err := w.Freeze(ctx, c.ID); !errors.Is(err, errStatus) {
			t.Errorf("an open list was frozen: %v", err)
		}
		w.clock.Set(c.CloseAt.Time())
		if n, err := w.CloseDue(ctx); n != 1 || err != nil {
			t.Fatalf("closing: %d, %v", n, err)
		}
		if err := w.Freeze(ctx, c.ID); !errors.Is(err, errUnderReview) {
			t.Errorf("a list under review was frozen: %v", err)
		}
		w.clock.Set(mustBook(t, w, c.ID).Windows.Freeze())
		inParallel(8, 16, func(int) {
			if err := w.Freeze(ctx, c.ID); err != nil {
				t.Errorf("freezing at the same time as others: %v", err)
			}
		})
		if n := w.count("SELECT COUNT(*) FROM audit_entries WHERE action = 'campaign.freeze'"); n != 1 {
			t.Errorf("frozen %d times", n)
		}
		if err := w.Cancel(ctx, "maker", c.Slug, "too late"); !errors.Is(err, errFrozen) {
			t.Errorf("a frozen campaign was cancelled: %v", err)
		}
		steps := []func(tx *gorm.DB, id int64) error{w.MarkDrawn, w.MarkSettled, w.MarkSettled}
		for _, step := range steps {
			if err := db.InTx(ctx, func(tx *gorm.DB) error { return step(tx, c.ID) }); err != nil {
				t.Fatal(err)
			}
		}
		if c, err := w.Get(ctx, c.ID); err != nil || c.Status != Settled {
			t.Errorf("%s, %v", c.Status, err)
		}
		if err := w.Cancel(ctx, "maker", c.Slug, "too late"); !errors.Is(err, errStatus) {
			t.Errorf("a settled campaign was cancelled: %v", err)
		}
		if _, err := audit.Verify(ctx, db); err != nil {
			t.Error(err)
		}
		if n := w.count("SELECT COUNT(*) FROM audit_entries WHERE campaign = ?", c.Slug); n < 7 {
			t.Errorf("%d audit entries for seven changes", n)
		}
	})
}

func mustBook(t testing.TB, w *world, id int64) *RuleBook {
	t.Helper()
	book, err := w.RuleBook(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return book
}

func TestCreateRefusesAndStoresNothing(t *testing.T) {
	w := newWorld(t, testkit.DB(t))
	_, err := w.Create(context.Background(), "maker", suzhou(t, "amount: 20000000", "amount: 20000001"))
	if fault.KindOf(err) != fault.Invalid {
		t.Fatalf("accepted: %v", err)
	}
	for _, table := range []string{"cities", "campaigns", "campaign_keys", "merchants", "audit_entries"} {
		if n := w.count("SELECT COUNT(*) FROM " + table); n != 0 {
			t.Errorf("%d rows in %s", n, table)
		}
	}
	if _, err := w.Create(context.Background(), "maker", suzhou(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Create(context.Background(), "maker", suzhou(t)); !errors.Is(err, errSlugTaken) {
		t.Errorf("a second campaign of one id: %v", err)
	}
	if n := w.count("SELECT COUNT(*) FROM merchants"); n != int64(len(exampleBook(t, "suzhou-2020").Merchants)) {
		t.Errorf("%d merchants", n)
	}
}

func TestPublishNeedsAnotherPersonAndTime(t *testing.T) {
	w, ctx := newWorld(t, testkit.DB(t)), context.Background()
	c, err := w.Create(ctx, "maker", suzhou(t))
	if err != nil {
		t.Fatal(err)
	}
	id, err := w.RequestPublish(ctx, "maker", c.Slug)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Staff.Decide(ctx, id, staff.Account{Username: "maker", City: "*", Role: staff.Approver}, true, ""); !errors.Is(err, staff.ErrOwnRequest) {
		t.Errorf("the maker approved: %v", err)
	}
	w.clock.Set(c.OpenAt.Time())
	if err := w.Staff.Decide(ctx, id, staff.Account{Username: "checker", City: "*", Role: staff.Approver}, true, ""); !errors.Is(err, errOverdue) {
		t.Errorf("approved after the opening: %v", err)
	}
	if c, _ = w.Get(ctx, c.ID); c.Status != Draft {
		t.Errorf("status %s", c.Status)
	}
	if n, err := w.OpenDue(ctx); n != 0 || err != nil {
		t.Errorf("a draft was opened: %d, %v", n, err)
	}
}

// The shelf may be a second old, but never misses what this process has done itself.
func TestLiveFollowsTheStatus(t *testing.T) {
	w, ctx := newWorld(t, testkit.DB(t)), context.Background()
	c := w.open(suzhou(t, anyone...))
	status := func() string {
		live, err := w.Live(ctx, c.Slug)
		if err != nil {
			t.Fatal(err)
		}
		return live.Status
	}
	if status() != Open {
		t.Fatal("not open")
	}
	w.clock.Set(c.CloseAt.Time())
	if status() != Open {
		t.Error("closed before its job ran")
	}
	if _, err := w.CloseDue(ctx); err != nil {
		t.Fatal(err)
	}
	if status() != Closed {
		t.Error("the shelf missed the close")
	}
	if err := w.DB.InTx(ctx, func(tx *gorm.DB) error { return errors.Join(w.MarkDrawn(tx, c.ID), context.Canceled) }); err == nil {
		t.Fatal("not rolled back")
	}
	if status() != Closed {
		t.Error("the shelf believed a transaction that was rolled back")
	}
	if err := w.DB.InTx(ctx, func(tx *gorm.DB) error { return w.MarkDrawn(tx, c.ID) }); err != nil {
		t.Fatal(err)
	}
	if status() != Drawn {
		t.Error("the shelf missed the draw")
	}
	w.clock.Advance(time.Hour)
	if status() != Drawn {
		t.Error("the status went back")
	}
}
