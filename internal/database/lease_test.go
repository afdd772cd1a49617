package database_test

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hongbao/internal/database"
	"hongbao/internal/testkit"
)

func report(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func must(t *testing.T, pool *sql.DB, statement string) {
	t.Helper()
	if _, err := pool.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

func TestLeaseHasOneHolderAndItsTokenGrows(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		clock := testkit.NewClock(time.Date(2020, 12, 5, 0, 0, 0, 0, time.UTC))
		var last int64
		for range 4 { // each round the lease has run out
			var holders, token atomic.Int64
			var group sync.WaitGroup
			for range 12 {
				group.Go(func() {
					lease, held, err := database.Acquire(context.Background(), db, "draw", "me", time.Minute, clock.Now())
					report(t, err)
					if held {
						holders.Add(1)
						token.Store(lease.Token)
					}
				})
			}
			group.Wait()
			if holders.Load() != 1 || token.Load() != last+1 {
				t.Fatalf("%d holders, token %d after %d", holders.Load(), token.Load(), last)
			}
			last = token.Load()
			clock.Advance(time.Minute)
		}
	})
}

func TestRenewAndRelease(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		ctx, now := t.Context(), time.Date(2020, 12, 5, 0, 0, 0, 0, time.UTC)
		lease, _, err := database.Acquire(ctx, db, "draw", "a", time.Minute, now)
		report(t, err)
		renewed, err := database.Renew(ctx, db, lease, time.Minute, now.Add(59*time.Second))
		if !renewed || err != nil {
			t.Errorf("could not renew in time: %v", err)
		}
		if _, held, _ := database.Acquire(ctx, db, "draw", "b", time.Minute, now.Add(90*time.Second)); held {
			t.Error("taken while renewed")
		}
		report(t, database.Release(ctx, db, lease))
		next, held, err := database.Acquire(ctx, db, "draw", "b", time.Minute, now.Add(90*time.Second))
		if !held || err != nil || next.Token != lease.Token+1 {
			t.Errorf("after release: %+v, %v, %v", next, held, err)
		}
		report(t, database.Release(ctx, db, lease)) // the old holder's release changes nothing
		if renewed, _ := database.Renew(ctx, db, lease, time.Minute, now.Add(91*time.Second)); renewed {
			t.Error("the old holder renewed")
		}
		if renewed, _ := database.Renew(ctx, db, next, time.Minute, now.Add(91*time.Second)); !renewed {
			t.Error("the new holder lost the lease")
		}
	})
}

func TestHoldEndsWorkWhoseLeaseIsLost(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		held, err := database.Hold(t.Context(), db, "draw", "a", 30*time.Millisecond, time.Now, func(ctx context.Context) error {
			must(t, db.SQL(), "UPDATE leases SET token = token + 1, owner = 'thief' WHERE name = 'draw'")
			<-ctx.Done()
			return context.Cause(ctx)
		})
		if !held || !errors.Is(err, database.ErrLeaseLost) {
			t.Errorf("held %v, %v", held, err)
		}
	})
}

func TestHoldKeepsOthersOut(t *testing.T) {
	db := testkit.DB(t)
	hold := func(work func(context.Context) error) bool {
		held, err := database.Hold(t.Context(), db, "draw", "a", time.Minute, time.Now, work)
		report(t, err)
		return held
	}
	outer := hold(func(context.Context) error {
		if hold(func(context.Context) error { return nil }) {
			t.Error("the same work ran twice at a time")
		}
		return nil
	})
	if !outer || !hold(func(context.Context) error { return nil }) {
		t.Error("a released lease must be free")
	}
}
