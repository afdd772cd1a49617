package allowance

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"hongbao/internal/database"
	"hongbao/internal/testkit"
)

// Turns of all replicas follow each other, whoever takes them; another name has turns of its own, and a pause is not made up for.
func TestReplicasTakeTurns(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		clock := testkit.NewClock(noon)
		icbc := func() *Pace { return &Pace{DB: db, Now: clock.Now, Name: "icbc", PerSecond: 300} }
		a, b, other := icbc(), icbc(), &Pace{DB: db, Now: clock.Now, Name: "abc", PerSecond: 300}
		begin := func(p *Pace, turns int, want time.Duration) {
			t.Helper()
			if got := p.turns(turns).Sub(noon); got != want {
				t.Errorf("%d turns of %s begin after %s, not %s", turns, p.Name, got, want)
			}
		}
		begin(a, 30, 0)
		begin(b, 60, 100*time.Millisecond)
		begin(a, 1, 300*time.Millisecond)
		begin(b, 3, 304*time.Millisecond)
		begin(other, 1, 0)
		clock.Advance(time.Second)
		begin(b, 3, time.Second)
		begin(a, 3, time.Second+10*time.Millisecond)
	})
}

// Many who wait at two replicas are let through in no less time than the pace asks for, and all of them.
func TestPaceIsKeptTogether(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		const calls, perSecond = 80, 200
		began, group := time.Now(), sync.WaitGroup{}
		for range 2 {
			p := &Pace{DB: db, Now: time.Now, Name: "icbc", PerSecond: perSecond}
			for range calls / 2 {
				group.Go(func() {
					if err := p.Wait(context.Background()); err != nil {
						t.Error(err)
					}
				})
			}
		}
		group.Wait()
		if took := time.Since(began); took < (calls-1)*time.Second/perSecond-time.Millisecond {
			t.Errorf("%d calls at %d a second took %s", calls, perSecond, took)
		}
	})
}

// Who gives up waiting leaves the turn to others, and without a database a replica keeps to the pace by itself.
func TestPaceWithoutTheDatabase(t *testing.T) {
	db, clock := testkit.DB(t), testkit.NewClock(noon)
	p := &Pace{DB: db, Now: clock.Now, Name: "icbc", PerSecond: 10}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		if got := p.turns(1).Sub(noon); got != time.Duration(n)*100*time.Millisecond {
			t.Errorf("turn %d is after %s", n, got)
		}
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	p.taking = true // nobody gives turns
	if err := p.Wait(gone); !errors.Is(err, context.Canceled) || len(p.waiting) != 0 {
		t.Errorf("%v, %d wait", err, len(p.waiting))
	}
}

// BenchmarkPace has 192 callers at three replicas, each busy for 20 ms with a call, make 500 calls a second. x-limit is the time taken
// by what the pace alone allows.
func BenchmarkPace(b *testing.B) {
	const replicas, callers, calls, perSecond = 3, 64, 20, 500
	ctx := context.Background()
	db, err := database.Open(ctx, testkit.MySQL(b))
	if err == nil {
		_, err = database.Migrate(ctx, db)
	}
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for b.Loop() {
		began, group := time.Now(), sync.WaitGroup{}
		for range replicas {
			p := &Pace{DB: db, Now: time.Now, Name: "icbc", PerSecond: perSecond}
			for range callers {
				group.Go(func() {
					for range calls {
						if err := p.Wait(ctx); err != nil {
							b.Error(err)
						}
						time.Sleep(20 * time.Millisecond)
					}
				})
			}
		}
		group.Wait()
		b.ReportMetric(time.Since(began).Seconds()/(float64(replicas*callers*calls)/perSecond), "x-limit")
	}
}
