package campaign

import (
	"context"
	"errors"
	"strings"
	"testing"

	"hongbao/internal/database"
	"hongbao/internal/staff"
	"hongbao/internal/testkit"
)

// exclude has two people take a registration out of the draw.
func (w *world) exclude(c Campaign, r Receipt, reason string) {
	w.t.Helper()
	approval, err := w.RequestExclusion(context.Background(), "maker", c.Slug, r.Entry, reason)
	if err == nil {
		err = w.decide(approval, true)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// Nobody is excluded by one person: what one proposes another decides, the person is told, and the proposer hears no appeal
// against it.
func TestExclusionByHandTakesTwoPeople(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := newWorld(t, db), context.Background()
		c := w.open(suzhou(t, anyone...))
		receipts := w.people(c, 3)
		ask := func(r Receipt, reason string) (int64, error) {
			return w.RequestExclusion(ctx, "maker", c.Slug, r.Entry, reason)
		}
		excluded := func() int64 { return w.count("SELECT COUNT(*) FROM registrations WHERE status = 'excluded'") }
		if _, err := ask(receipts[0], "because"); !errors.Is(err, errExclusion) {
			t.Errorf("without a known reason: %v", err)
		}
		approval, err := ask(receipts[0], "ineligible")
		if err != nil || excluded() != 0 {
			t.Fatalf("one person alone excluded %d: %v", excluded(), err)
		}
		if _, err := ask(receipts[0], "court-order"); !errors.Is(err, errExcluding) {
			t.Errorf("asked for twice: %v", err)
		}
		if err := w.Staff.Decide(ctx, approval, staff.Account{Username: "maker", City: "*", Role: staff.Approver}, true, ""); !errors.Is(err, staff.ErrOwnRequest) || excluded() != 0 {
			t.Errorf("decided by its maker: %v", err)
		}
		if err := w.decide(approval, false); err != nil || excluded() != 0 {
			t.Errorf("rejected, and yet %d are excluded: %v", excluded(), err)
		}
		w.exclude(c, receipts[0], "ineligible")
		if n := w.count("SELECT COUNT(*) FROM registrations WHERE id = ? AND status = 'excluded' AND reason = 'ineligible'", receipts[0].ID); n != 1 || excluded() != 1 {
			t.Errorf("%d are excluded", excluded())
		}
		if n := w.count("SELECT COUNT(*) FROM messages WHERE stage = 'excluded' AND registration_id = ?", receipts[0].ID); n != 1 {
			t.Error("the person is not told")
		}
		if n := w.count("SELECT COUNT(*) FROM audit_entries WHERE action = 'registration.exclude' AND actor = 'maker' AND campaign = ? AND detail LIKE '%\"decided_by\":\"checker\"%'", c.Slug); n != 1 {
			t.Error("who excluded is not on the record")
		}
		if _, err := ask(receipts[0], "ineligible"); !errors.Is(err, errRegistrationStatus) {
			t.Errorf("excluded twice: %v", err)
		}
		appeal, err := w.AppealExclusion(ctx, receipts[0].ID, strings.Repeat("请再核对", 3))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.DecideAppeal(ctx, "maker", appeal.ID, true, "x"); !errors.Is(err, errOwnExclusion) {
			t.Errorf("the proposer hears the appeal: %v", err)
		}
		if err := w.DecideAppeal(ctx, "other", appeal.ID, true, "核对无误"); err != nil || excluded() != 0 {
			t.Errorf("%d are excluded after the appeal, %v", excluded(), err)
		}
		w.lateExclusion(c, receipts[1], receipts[2])
	})
}

// lateExclusion is decided after its registration was withdrawn, or the list was frozen.
func (w *world) lateExclusion(c Campaign, withdrawn, frozen Receipt) {
	t, ctx := w.t, context.Background()
	var approvals []int64
	for _, r := range []Receipt{withdrawn, frozen} {
		approval, err := w.RequestExclusion(ctx, "maker", c.Slug, r.Entry, "ineligible")
		if err != nil {
			t.Fatal(err)
		}
		approvals = append(approvals, approval)
	}
	if err := w.Withdraw(ctx, withdrawn.ID); err != nil {
		t.Fatal(err)
	}
	if err := w.decide(approvals[0], true); !errors.Is(err, errRegistrationStatus) {
		t.Errorf("after the withdrawal: %v", err)
	}
	w.become(c, Drawn)
	if err := w.decide(approvals[1], true); !errors.Is(err, errFrozen) {
		t.Errorf("after the freeze: %v", err)
	}
}
