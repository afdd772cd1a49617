package campaign

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"hongbao/internal/database"
	"hongbao/internal/identity"
	"hongbao/internal/testkit"
)

// offices are a real-name check and an evidence register: closed, or with a no about some.
type offices struct {
	down  bool
	wrong map[string]bool // phones whose names do not fit, documents on no list
	asked int
}

var errDown = errors.New("closed")

func (o *offices) Check(_ context.Context, people []Person) (verdicts []Verdict, err error) {
	o.asked += len(people)
	for _, p := range people {
		verdict := Match
		if o.wrong[p.Phone] {
			verdict = Mismatch
		}
		verdicts = append(verdicts, verdict)
	}
	if o.down {
		return nil, errDown
	}
	return verdicts, nil
}

func (o *offices) Kinds(_ context.Context, _ string, documents []identity.Document) (kinds [][]string, err error) {
	for _, d := range documents {
		if o.wrong[d.Number] {
			kinds = append(kinds, nil)
		} else {
			kinds = append(kinds, []string{"hukou"})
		}
	}
	if o.down {
		return nil, errDown
	}
	return kinds, nil
}

func (w *world) checkOutside(want int) {
	w.t.Helper()
	if n, err := w.CheckOutside(context.Background()); err != nil || n != want {
		w.t.Errorf("%d answers, want %d; %v", n, want, err)
	}
}

// While the real-name check is closed nobody is refused; when it answers, those whose names do not fit leave the list, are
// told and may appeal, and a granted appeal is not asked about again.
func TestNamesAreCheckedBeforeTheFreeze(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := newWorld(t, db), context.Background()
		office := &offices{down: true, wrong: map[string]bool{phoneOf(2): true}}
		w.Names = office
		c := w.open(suzhou(t, anyone...))
		receipts := w.people(c, 4)
		w.checkOutside(0)
		office.down = false
		w.checkOutside(4)
		w.checkOutside(0)
		if got := w.status(receipts[2].ID); got != "excluded name-mismatch" {
			t.Errorf("whose name does not fit is %s", got)
		}
		if n := w.count("SELECT COUNT(*) FROM messages WHERE stage = 'excluded' AND registration_id = ?", receipts[2].ID); n != 1 {
			t.Error("the person is not told")
		}
		appeal, err := w.AppealExclusion(ctx, receipts[2].ID, "名字里有生僻字")
		if err == nil {
			err = w.DecideAppeal(ctx, "operations", appeal.ID, true, "户口簿一致")
		}
		if err != nil {
			t.Fatal(err)
		}
		w.checkOutside(0)
		if got := w.status(receipts[2].ID); got != Confirmed {
			t.Errorf("after the appeal: %s", got)
		}
	})
}

func TestNamesAreCheckedAtRegistration(t *testing.T) {
	w, ctx := newWorld(t, testkit.DB(t)), context.Background()
	office := &offices{wrong: map[string]bool{phoneOf(1): true}}
	w.Names = office
	c := w.open([]byte(strings.Replace(string(suzhou(t, anyone...)), "name_check: before-freeze", "name_check: at-registration", 1)))
	if _, err := w.Register(ctx, person(c.Slug, 1)); !errors.Is(err, errNameMismatch) {
		t.Errorf("whose name does not fit: %v", err)
	}
	if _, err := w.Register(ctx, person(c.Slug, 2)); err != nil {
		t.Fatal(err)
	}
	w.checkOutside(0) // who was asked about is not asked about again
	office.down = true
	if _, err := w.Register(ctx, person(c.Slug, 3)); err != nil {
		t.Errorf("refused because the office is closed: %v", err)
	}
	office.down = false
	w.checkOutside(1)
}

// While the evidence register is closed, whoever stands on no imported list is taken in, and asked about later.
func TestEvidenceIsAskedForAgain(t *testing.T) {
	w, ctx := newWorld(t, testkit.DB(t)), context.Background()
	office := &offices{down: true, wrong: map[string]bool{resident(2): true}}
	w.Evidence = office
	c := w.open(suzhou(t, anyone[2], anyone[3]))
	receipts := w.people(c, 3)
	w.checkOutside(0)
	w.clock.Advance(time.Hour)
	office.down = false
	w.checkOutside(3)
	if a, b := w.status(receipts[1].ID), w.status(receipts[2].ID); a != Confirmed || b != "excluded no-evidence" {
		t.Errorf("after the answer: %s, %s", a, b)
	}
	if _, err := w.Register(ctx, Submission{}); err == nil {
		t.Error("an empty submission was taken")
	}
	if _, err := w.Register(ctx, func() Submission { s := person(c.Slug, 7); office.wrong[s.Document] = true; return s }()); !errors.Is(err, errEvidence) {
		t.Errorf("who stands on no list: %v", err)
	}
}
