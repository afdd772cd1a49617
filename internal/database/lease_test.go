package database_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

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

const theft = "UPDATE leases SET token = token + 1, owner = 'thief' WHERE name = 'draw'"

// tag inserts a parcel in a transaction of its own, after first has been done in the same.
func tag(ctx context.Context, db *database.DB, tag string, first func()) error {
	return db.InTx(ctx, func(tx *gorm.DB) error {
		first()
		return tx.Exec("INSERT INTO parcels (tag, status) VALUES (?, 'fenced')", tag).Error
	})
}

func tags(t *testing.T, db *database.DB) (found []string) {
	t.Helper()
	report(t, db.Read(t.Context()).Raw("SELECT tag FROM parcels WHERE status = 'fenced' ORDER BY tag").Scan(&found).Error)
	return found
}

// A holder who has not noticed that its lease is gone commits nothing, whatever context it derives from that of its work, and
// neither does work that goes on after its Hold. The lease that it held within the lost one is given back all the same.
func TestStaleHolderWritesNothing(t *testing.T) {
	withParcels(t, func(t *testing.T, db *database.DB) {
		nothing := func() {}
		hold := func(ctx context.Context, name string, work func(context.Context) error) error {
			held, err := database.Hold(ctx, db, name, "a", time.Minute, time.Now, work)
			if !held {
				t.Errorf("could not hold %s: %v", name, err)
			}
			return err
		}
		var late context.Context
		err := hold(t.Context(), "draw", func(ctx context.Context) error {
			late = ctx
			report(t, tag(ctx, db, "a held", nothing))
			return hold(ctx, "inner", func(inner context.Context) error {
				report(t, tag(inner, db, "b held twice", nothing))
				must(t, db.SQL(), theft)
				for _, stale := range []context.Context{ctx, inner, context.WithoutCancel(inner)} {
					if err := tag(stale, db, "c lost", nothing); !errors.Is(err, database.ErrLeaseLost) {
						t.Errorf("written without a lease: %v", err)
					}
				}
				report(t, tag(t.Context(), db, "d of nobody's lease", nothing))
				return nil
			})
		})
		report(t, err)
		report(t, hold(t.Context(), "inner", func(ctx context.Context) error { return tag(ctx, db, "e the next", nothing) }))
		must(t, db.SQL(), "UPDATE leases SET until_at = 0")
		report(t, hold(t.Context(), "draw", func(ctx context.Context) error { late = ctx; return nil }))
		if err := tag(context.WithoutCancel(late), db, "f late", nothing); !errors.Is(err, database.ErrLeaseLost) {
			t.Errorf("written after the lease was given back: %v", err)
		}
		if got := tags(t, db); !slices.Equal(got, []string{"a held", "b held twice", "d of nobody's lease", "e the next"}) {
			t.Errorf("written: %q", got)
		}
	})
}

func withSeveralWriters(t *testing.T, test func(t *testing.T, db *database.DB)) {
	withParcels(t, func(t *testing.T, db *database.DB) {
		if db.Dialect() == database.SQLite {
			t.Skip("SQLite has one writer at a time")
		}
		test(t, db)
	})
}

// While a transaction of the work is open, its lease can be renewed, and be taken over; only what is still held at the end is
// committed.
func TestLeaseChangesHandsUnderAnOpenTransaction(t *testing.T) {
	withSeveralWriters(t, func(t *testing.T, db *database.DB) {
		work := func(ctx context.Context) error {
			lease := database.Lease{Name: "draw", Owner: "a", Token: 1}
			err := tag(ctx, db, "renewed", func() {
				if renewed, err := database.Renew(ctx, db, lease, time.Minute, time.Now()); !renewed || err != nil {
					t.Errorf("renewing: %v, %v", renewed, err)
				}
			})
			report(t, err)
			return tag(ctx, db, "taken over", func() {
				next, held, err := database.Acquire(t.Context(), db, "draw", "b", time.Minute, time.Now().Add(2*time.Minute))
				if !held || err != nil || next.Token != 2 {
					t.Errorf("taking over: %+v, %v, %v", next, held, err)
				}
			})
		}
		if _, err := database.Hold(t.Context(), db, "draw", "a", time.Minute, time.Now, work); !errors.Is(err, database.ErrLeaseLost) {
			t.Errorf("a stale transaction was committed: %v", err)
		}
		if got := tags(t, db); !slices.Equal(got, []string{"renewed"}) {
			t.Errorf("written: %q", got)
		}
	})
}

// Who takes a lease over waits for a transaction that has asked whether it is still held, and sees what it wrote.
func TestTakeOverWaitsForACommit(t *testing.T) {
	withSeveralWriters(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		lease, _, err := database.Acquire(ctx, db, "draw", "a", time.Minute, time.Now())
		report(t, err)
		taken, seen := make(chan struct{}), []string(nil)
		report(t, db.InTx(ctx, func(tx *gorm.DB) error {
			if err := tx.Exec("INSERT INTO parcels (tag, status) VALUES ('last', 'fenced')").Error; err != nil {
				return err
			}
			if err := database.StillHeld(tx, []database.Lease{lease}); err != nil {
				return err
			}
			go func() {
				defer close(taken)
				_, held, err := database.Acquire(ctx, db, "draw", "b", time.Minute, time.Now().Add(2*time.Minute))
				if !held || err != nil {
					t.Errorf("taking over: %v, %v", held, err)
				}
				seen = tags(t, db)
			}()
			for waiting := 0; waiting == 0; {
				select {
				case <-taken:
					t.Error("taken over before the commit")
					return nil
				case <-time.After(200 * time.Millisecond): // InnoDB does not look anew for who asks more often
				}
				err := db.Read(ctx).Raw(`SELECT COUNT(*) FROM information_schema.innodb_trx JOIN information_schema.processlist p ON p.id = trx_mysql_thread_id
					WHERE p.db = DATABASE() AND trx_state = 'LOCK WAIT'`).Scan(&waiting).Error
				if err != nil {
					return err
				}
			}
			return nil
		}))
		<-taken
		if !slices.Equal(seen, []string{"last"}) {
			t.Errorf("the next holder sees %q", seen)
		}
	})
}

// BenchmarkFence is what a lease adds to a transaction that inserts one row: eight writers, in turn with a lease and without.
func BenchmarkFence(b *testing.B) {
	b.Run(database.SQLite, func(b *testing.B) { benchmarkFence(b, testkit.SQLite(b)) })
	b.Run(database.MySQL, func(b *testing.B) { benchmarkFence(b, testkit.MySQL(b)) })
}

func benchmarkFence(b *testing.B, url string) {
	const rounds, each, writers = 20, 50, 8
	ctx := context.Background()
	db, err := database.Open(ctx, url)
	if err == nil {
		_, err = database.Migrate(ctx, db)
	}
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	next := atomic.Int64{}
	insert := func(ctx context.Context) time.Duration {
		began, group := time.Now(), sync.WaitGroup{}
		for range writers {
			group.Go(func() {
				for range each {
					err := db.InTx(ctx, func(tx *gorm.DB) error {
						return tx.Exec("INSERT INTO leases (name, owner, token, until_at) VALUES (?, '', 1, 0)", fmt.Sprint("row ", next.Add(1))).Error
					})
					if err != nil {
						b.Error(err)
					}
				}
			})
		}
		group.Wait()
		return time.Since(began)
	}
	for b.Loop() {
		var with, without time.Duration
		_, err := database.Hold(ctx, db, "draw", "a", time.Minute, time.Now, func(fenced context.Context) error {
			for range rounds {
				with, without = with+insert(fenced), without+insert(ctx)
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(with.Seconds()/without.Seconds(), "x-unfenced")
		b.ReportMetric((with-without).Seconds()*1e6/(rounds*each*writers), "us-more/tx")
	}
}
