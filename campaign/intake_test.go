package campaign

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/identity"
	"hongbao/internal/testkit"
	"hongbao/lottery/draw"
)

// From 200 goroutines come 10,000 submissions of which three in ten repeat a person, word for word, with another phone or
// with another document, at any time and in any order. Exactly one row a person is left, each caller has heard the truth,
// and a repetition with the same key and body has the same receipt.
func TestSurgeLeavesOneRowAPerson(t *testing.T) {
	const submissions, people = 10_000, 7_000
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		c := w.open(suzhou(t, anyone...))
		list := surge(c.Slug, people, submissions)
		receipts, errs := make([]Receipt, len(list)), make([]error, len(list))
		inParallel(200, len(list), func(i int) { receipts[i], errs[i] = w.Register(context.Background(), list[i]) })

		taken := map[draw.Digest]string{}
		for i, err := range errs {
			switch {
			case err == nil:
				if before, ok := taken[receipts[i].Entry]; ok && before != receipts[i].Note {
					t.Fatalf("two receipts for one entry")
				}
				taken[receipts[i].Entry] = receipts[i].Note
			case !errors.Is(err, errAlready):
				t.Fatalf("submission %d: %v", i, err)
			}
		}
		if n := w.count("SELECT COUNT(*) FROM registrations"); n != int64(people) || len(taken) != people {
			t.Errorf("%d people have %d rows, %d entries were acknowledged", people, n, len(taken))
		}
		if n := w.count("SELECT COUNT(DISTINCT document_index) FROM registrations"); n != int64(people) {
			t.Errorf("%d documents for %d people", n, people)
		}
		checkEntries(t, w, c, taken)
	})
}

// surge is one submission a person and a second one of some, in no order.
func surge(slug string, people, total int) []Submission {
	var list []Submission
	for i := range people {
		list = append(list, person(slug, i))
	}
	for i := range total - people {
		again := person(slug, i)
		switch i % 3 {
		case 1:
			again.Phone, again.IdempotencyKey = phoneOf(people+i), fmt.Sprintf("again-%08d", i)
		case 2:
			again.Document, again.IdempotencyKey = resident(people+i), fmt.Sprintf("again-%08d", i)
		}
		list = append(list, again)
	}
	rand.New(rand.NewSource(1)).Shuffle(total, func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

func inParallel(goroutines, n int, do func(i int)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range goroutines {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wait.Wait()
}

// checkEntries streams the list as the lottery does: ascending, each entry recomputed from its receipt.
func checkEntries(t *testing.T, w *world, c Campaign, taken map[draw.Digest]string) {
	t.Helper()
	var last [32]byte
	n := 0
	err := w.EachEntry(context.Background(), c.ID, "suzhou", func(entry [32]byte, id int64) error {
		if n++; bytes.Compare(last[:], entry[:]) >= 0 || id == 0 {
			t.Fatal("not ascending, or without an id")
		}
		last = entry
		receipt, err := draw.OpenReceipt([]byte(taken[draw.Digest(entry)]), w.verifier)
		if err != nil || receipt.ID != c.Slug || receipt.Entry(draw.SHA256) != draw.Digest(entry) {
			t.Fatalf("a receipt that does not give its entry: %v", err)
		}
		return nil
	})
	if err != nil || n != len(taken) {
		t.Errorf("%d of %d entries, %v", n, len(taken), err)
	}
}

func TestIdempotency(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := newWorld(t, db), context.Background()
		c := w.open(suzhou(t, anyone...))
		first, err := w.Register(ctx, person(c.Slug, 1))
		if err != nil {
			t.Fatal(err)
		}
		again, err := w.Register(ctx, person(c.Slug, 1))
		if err != nil || again != first {
			t.Errorf("the same body got another answer: %v", err)
		}
		other := person(c.Slug, 2)
		other.IdempotencyKey = person(c.Slug, 1).IdempotencyKey
		if _, err := w.Register(ctx, other); !errors.Is(err, errOtherBody) {
			t.Errorf("the same key with another body: %v", err)
		}
		keyless := person(c.Slug, 3)
		keyless.IdempotencyKey = ""
		one, err := w.Register(ctx, keyless)
		two, err2 := w.Register(ctx, keyless)
		if err != nil || err2 != nil || one != two {
			t.Errorf("a repetition without a key: %v, %v", err, err2)
		}
		w.clock.Set(c.CloseAt.Time())
		if again, err := w.Register(ctx, person(c.Slug, 1)); err != nil || again != first {
			t.Errorf("a repetition after the close got another answer: %v", err)
		}
		if _, err := w.Register(ctx, person(c.Slug, 4)); !errors.Is(err, errRegistrationClosed) {
			t.Errorf("a new person after the close: %v", err)
		}
	})
}

// The job may close a campaign while a group waits: nothing may enter the list then.
func TestNothingEntersAClosedList(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := newWorld(t, db), context.Background()
		c := w.open(suzhou(t, anyone...))
		live, err := w.Live(ctx, c.Slug)
		if err != nil {
			t.Fatal(err)
		}
		vault, err := w.Keys.VaultFor(ctx, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		late, err := w.apply(live, vault, person(c.Slug, 1))
		if err != nil {
			t.Fatal(err)
		}
		w.endRegistration(c)
		w.clock.Set(c.CloseAt.Time().Add(-time.Hour)) // even with a clock that runs behind
		if err := w.submit(ctx, late); !errors.Is(err, errRegistrationClosed) {
			t.Errorf("entered a closed list: %v", err)
		}
	})
}

// stuckKeeper holds every group until it is let go.
type stuckKeeper struct {
	identity.Keeper
	entered, release chan struct{}
}

func (k *stuckKeeper) Tags(ctx context.Context, id, hash string, documents []identity.Document) ([][32]byte, error) {
	k.entered <- struct{}{}
	<-k.release
	return k.Keeper.Tags(ctx, id, hash, documents)
}

func TestAboveTheLimitIsRefusedAtOnce(t *testing.T) {
	w, ctx := newWorld(t, testkit.DB(t)), context.Background()
	c := w.open(suzhou(t, anyone...))
	keeper := &stuckKeeper{w.Keeper, make(chan struct{}, 100), make(chan struct{})}
	w.Keeper, w.intake.limit = keeper, 3
	registry := prometheus.NewRegistry()
	w.Measures = NewMeasures(registry)
	measured := func(want float64) {
		t.Helper()
		families, err := registry.Gather()
		got := -1.0
		for _, f := range families {
			if f.GetName() == "hongbao_intake_waiting" {
				got = f.GetMetric()[0].GetGauge().GetValue()
			}
		}
		if err != nil || got != want {
			t.Errorf("%v wait, %v are measured: %v", want, got, err)
		}
	}
	results := make(chan error, 10)
	register := func(ctx context.Context, i int) {
		_, err := w.Register(ctx, person(c.Slug, i))
		results <- err
	}
	for i := range intakeWriters { // each writer is now busy with one
		go register(ctx, i)
		<-keeper.entered
	}
	gone, leave := context.WithCancel(ctx)
	for i := range 3 {
		go register(gone, 10+i)
	}
	for waiting := 0; waiting < 3; waiting = w.waiting() {
		time.Sleep(time.Millisecond)
	}
	measured(3)
	_, err := w.Register(ctx, person(c.Slug, 20))
	if found, ok := fault.As(err); !ok || found.Kind != fault.Unavailable || found.RetryAfter <= 0 {
		t.Errorf("above the limit: %v", err)
	}
	leave()
	for range 3 {
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("a caller that left heard %v", err)
		}
	}
	close(keeper.release)
	for range intakeWriters {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	for writers := 1; writers > 0; writers = w.writers() {
		time.Sleep(time.Millisecond)
	}
	measured(0)
	if n := w.count("SELECT COUNT(*) FROM registrations"); n != intakeWriters {
		t.Errorf("%d rows: those who had left before their group began do not enter", n)
	}
}

func (w *world) writers() int {
	w.intake.mu.Lock()
	defer w.intake.mu.Unlock()
	return w.intake.writers
}

func (w *world) waiting() int {
	w.intake.mu.Lock()
	defer w.intake.mu.Unlock()
	return len(w.intake.waiting)
}
