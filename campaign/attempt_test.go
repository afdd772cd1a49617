package campaign

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/testkit"
)

// replica is another process on the same database, with the same clock and phones.
func (w *world) replica() *world {
	r := newWorld(w.t, w.DB)
	r.clock, r.inbox = w.clock, w.inbox
	r.Now, r.SMS = w.clock.Now, w.inbox
	return r
}

// rightCode is what the SMS of a phone would say now.
func (w *world) rightCode(c Campaign, phone string) string {
	w.t.Helper()
	vault, err := w.Keys.VaultFor(context.Background(), c.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return smsCode(vault, phone, w.clock.Now())
}

// coded is the submission of the i-th person with the right code, and with a wrong one.
func (w *world) coded(c Campaign, i int) (right, wrong Submission) {
	right = person(c.Slug, i)
	right.SMSCode = w.rightCode(c, right.Phone)
	wrong = right
	wrong.SMSCode = fmt.Sprintf("%c%s", '0'+(right.SMSCode[0]-'0'+5)%10, right.SMSCode[1:])
	return right, wrong
}

// hears checks what some submissions in a row are told.
func (w *world) hears(want error, times int, sub Submission) {
	w.t.Helper()
	for i := range times {
		if _, err := w.Register(context.Background(), sub); !errors.Is(err, want) {
			w.t.Errorf("number %d heard %v, want %v", i+1, err, want)
		}
	}
}

func TestReplicasShareTheTriesOfACode(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		a := newWorld(t, db)
		c := a.open(suzhou(t, anyone[0], anyone[1]))
		b := a.replica()
		right, wrong := a.coded(c, 1)
		a.hears(errSMSCode, 2, wrong)
		a.clock.Advance(time.Minute) // the window began with the first
		b.hears(errSMSCode, 3, wrong)
		a.hears(errTooManyCodes, 1, right) // here only two were wrong
		a.hears(errTooManyCodes, 1, wrong)
		b.hears(errTooManyCodes, 2, right)
		a.replica().hears(errTooManyCodes, 1, wrong) // and one that has just started
		desk := right
		desk.Desk, desk.Document, desk.Phone, desk.IdempotencyKey = "branch", resident(2), phoneOf(2), "desk-0002"
		a.hears(nil, 1, desk)
		a.clock.Advance(smsWindow - time.Minute - time.Second)
		a.hears(errTooManyCodes, 1, right)
		b.hears(errTooManyCodes, 1, wrong)
		a.clock.Advance(time.Second)
		b.hears(errSMSCode, 1, wrong)
		a.hears(nil, 2, right) // taken in, then repeated
	})
}

// Who is not eligible hears nothing of it when the phone's tries are used up: that would betray that the code was right.
func TestARightCodeTooLateIsNotBetrayed(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		a := newWorld(t, db)
		c := a.open(suzhou(t))
		b := a.replica()
		right, wrong := a.coded(c, 1)
		a.hears(errEvidence, 1, right)
		young := right
		young.Document = "320505201506010017"
		a.hears(errTooYoung, 1, young)
		a.hears(errSMSCode, 5, wrong)
		b.hears(errTooManyCodes, 1, right)
		a.replica().hears(errTooManyCodes, 1, young)
	})
}

func TestARightCodeForgivesAtEveryReplica(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		a := newWorld(t, db)
		c := a.open(suzhou(t, anyone[0], anyone[1]))
		b := a.replica()
		right, wrong := a.coded(c, 1)
		a.hears(errSMSCode, 4, wrong)
		b.hears(nil, 1, right)
		if n := a.count("SELECT COUNT(*) FROM attempts"); n != 0 {
			t.Errorf("%d counts are left", n)
		}
		a.hears(errSMSCode, 5, wrong)
		b.hears(errTooManyCodes, 1, wrong)
		b.hears(nil, 1, right) // a repetition has the stored answer all the same
	})
}

func TestReplicasShareSends(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		a, ctx := newWorld(t, db), context.Background()
		c := a.open(suzhou(t))
		b := a.replica()
		for i := range 10 {
			one, other := a, b
			if i%2 == 1 {
				one, other = b, a
			}
			if err := one.SendCode(ctx, c.Slug, phoneOf(1)); err != nil {
				t.Fatalf("code %d: %v", i+1, err)
			}
			a.clock.Advance(time.Minute - time.Second)
			if err := other.SendCode(ctx, c.Slug, phoneOf(1)); !errors.Is(err, errTooManyCodes) {
				t.Errorf("a second within a minute: %v", err)
			}
			a.clock.Advance(time.Second)
		}
		if err := b.SendCode(ctx, c.Slug, phoneOf(1)); !errors.Is(err, errTooManyCodes) {
			t.Errorf("the eleventh of a day: %v", err)
		}
		if err := b.SendCode(ctx, c.Slug, phoneOf(2)); err != nil {
			t.Errorf("another phone: %v", err)
		}
		a.clock.Advance(24*time.Hour - 10*time.Minute)
		if err := b.SendCode(ctx, c.Slug, phoneOf(1)); err != nil {
			t.Errorf("the next day: %v", err)
		}
		if n := len(a.inbox.sent[phoneOf(1)]); n != 11 {
			t.Errorf("%d were sent", n)
		}
	})
}

func TestReplicasShareLookups(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		a := newWorld(t, db)
		c := a.open(suzhou(t, anyone...))
		b := a.replica()
		receipt, err := a.Register(context.Background(), person(c.Slug, 1))
		if err != nil {
			t.Fatal(err)
		}
		look := func(w *world, want error, times int, phone, code string) {
			t.Helper()
			for range times {
				if _, err := w.Lookup(context.Background(), c.Slug, phone, code); !errors.Is(err, want) {
					t.Errorf("heard %v, want %v", err, want)
				}
			}
		}
		code, wrong := receipt.ConfirmationCode, "AAAA-AAAA-AAAA"
		look(a, errNoRegistration, 3, phoneOf(1), wrong)
		look(b, errNoRegistration, 2, phoneOf(1), wrong)
		look(a, errTooManyCodes, 2, phoneOf(1), code)
		look(b, errTooManyCodes, 1, phoneOf(1), wrong)
		look(a, errNoRegistration, 5, phoneOf(2), wrong) // nobody there: no difference
		look(b, errTooManyCodes, 1, phoneOf(2), wrong)
		a.clock.Advance(smsWindow)
		look(b, errNoRegistration, 4, phoneOf(1), wrong)
		look(a, nil, 1, phoneOf(1), code)
		look(b, errNoRegistration, 5, phoneOf(1), wrong)
		look(a, errTooManyCodes, 1, phoneOf(1), code)
	})
}

// Of many guesses at once at two replicas, five are judged.
func TestGuessesAtOnce(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		a := newWorld(t, db)
		c := a.open(suzhou(t, anyone[0], anyone[1]))
		replicas := []*world{a, a.replica()}
		_, wrong := a.coded(c, 1)
		var judged, refused atomic.Int64
		inParallel(20, 60, func(i int) {
			switch _, err := replicas[i%2].Register(context.Background(), wrong); {
			case errors.Is(err, errSMSCode):
				judged.Add(1)
			case errors.Is(err, errTooManyCodes):
				refused.Add(1)
			default:
				t.Errorf("heard %v", err)
			}
		})
		if n := a.count("SELECT n FROM attempts WHERE what = 'code'"); judged.Load() != 5 || refused.Load() != 55 || n != 5 {
			t.Errorf("%d judged, %d refused, %d counted", judged.Load(), refused.Load(), n)
		}
	})
}

// A code is judged once those that came before it are counted, and not before.
func TestACodeWaitsForThoseBeforeIt(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := newWorld(t, db), context.Background()
		c := w.open(suzhou(t, anyone[0], anyone[1]))
		right, _ := w.coded(c, 1)
		vault, err := w.Keys.VaultFor(ctx, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		key := attempt{codeTries.what, *index(vault, "phone", right.Phone)}
		leave, err := w.tries.enter(key, w.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		result := make(chan error)
		go func() {
			_, err := w.Register(ctx, right)
			result <- err
		}()
		for waiting := 0; waiting < 2; {
			time.Sleep(time.Millisecond)
			w.tries.mu.Lock()
			waiting = w.tries.turns[key].n
			w.tries.mu.Unlock()
		}
		for range codeTries.most {
			if err := w.miss(ctx, codeTries, key.who, errSMSCode); !errors.Is(err, errSMSCode) {
				t.Fatal(err)
			}
		}
		leave()
		if err := <-result; !errors.Is(err, errTooManyCodes) {
			t.Errorf("the sixth, that came while the fifth was counted, heard %v", err)
		}
		if n := len(w.tries.turns); n != 0 {
			t.Errorf("%d turns are left", n)
		}
	})
}

// A surge of right codes costs one look at the counts for a group, and one deletion where some had been wrong before.
func TestRightCodesCostNoStatementEach(t *testing.T) {
	const people, tried = 200, 50
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		c := w.open(suzhou(t, anyone[0], anyone[1]))
		var list []Submission
		for i := range people + intakeWriters {
			right, wrong := w.coded(c, i)
			if i < tried {
				w.hears(errSMSCode, 1, wrong)
			}
			list = append(list, right)
		}
		keeper := &stuckKeeper{w.Keeper, make(chan struct{}, 100), make(chan struct{})}
		w.Keeper = keeper
		statements := w.statementsOn("attempts")
		results := make(chan error, len(list))
		register := func(sub Submission) {
			_, err := w.Register(context.Background(), sub)
			results <- err
		}
		for _, sub := range list[people:] { // each writer is now busy with one
			go register(sub)
			<-keeper.entered
		}
		for _, sub := range list[:people] {
			go register(sub)
		}
		for w.waiting() < people {
			time.Sleep(time.Millisecond)
		}
		close(keeper.release)
		for range list {
			if err := <-results; err != nil {
				t.Fatal(err)
			}
		}
		if n := statements.Load(); n != intakeWriters+1+1 { // three groups, of which one forgives
			t.Errorf("%d statements for %d right codes", n, len(list))
		}
		if n := w.count("SELECT COUNT(*) FROM attempts"); n != 0 {
			t.Errorf("%d are not forgiven", n)
		}
	})
}

// statementsOn counts those that name a table from now on.
func (w *world) statementsOn(table string) *atomic.Int64 {
	w.t.Helper()
	var n atomic.Int64
	see := func(tx *gorm.DB) {
		if strings.Contains(tx.Statement.SQL.String(), table) {
			n.Add(1)
		}
	}
	watch := func(db *gorm.DB) error {
		on := db.Callback()
		return errors.Join(on.Create().After("*").Register("see", see), on.Query().After("*").Register("see", see),
			on.Row().After("*").Register("see", see), on.Raw().After("*").Register("see", see),
			on.Update().After("*").Register("see", see), on.Delete().After("*").Register("see", see))
	}
	if err := errors.Join(watch(w.DB.Read(context.Background())), w.DB.InTx(context.Background(), watch)); err != nil {
		w.t.Fatal(err)
	}
	return &n
}

func TestAttemptsAreDroppedWhenTheirWindowIsOver(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := newWorld(t, db), context.Background()
		drop := func(want int, left int64) {
			t.Helper()
			if n, err := w.DropAttempts(ctx); err != nil || n != want {
				t.Errorf("dropped %d, %v; want %d", n, err, want)
			}
			if n := w.count("SELECT COUNT(*) FROM attempts"); n != left {
				t.Errorf("%d are left, want %d", n, left)
			}
		}
		var rows [][]any
		for i := range expiredChunk + 1 {
			who := database.Bytes32{byte(i), byte(i >> 8)}
			for _, l := range limits {
				if l != codeTries || i == 0 {
					rows = append(rows, []any{l.what, who, int64(database.At(w.clock.Now())), 1})
				}
			}
		}
		err := db.InTx(ctx, func(tx *gorm.DB) error {
			return database.InsertMany(tx, "attempts", []string{"what", "who", "began_at", "n"}, rows)
		})
		if err != nil {
			t.Fatal(err)
		}
		const each = expiredChunk + 1
		drop(0, 3*each+1)
		w.clock.Advance(time.Minute)
		drop(each, 2*each+1)
		w.clock.Advance(smsWindow)
		drop(each+1, each)
		w.clock.Advance(24 * time.Hour)
		drop(each, 0)
	})
}
