package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
)

// Lease is the right of one holder to do a named work until it runs out. Token grows with every new holder, so that what an
// earlier one still writes is refused (fencing): see Hold.
type Lease struct {
	Name, Owner string
	Token       int64
}

// ErrLeaseLost ends the context of work whose lease went to someone else, and is what its transactions fail with.
var ErrLeaseLost = errors.New("database: the lease went to someone else")

// Acquire takes the lease on name for ttl from now, and reports false while somebody, the same owner included, holds it.
func Acquire(ctx context.Context, db *DB, name, owner string, ttl time.Duration, now time.Time) (Lease, bool, error) {
	lease, held := Lease{Name: name, Owner: owner}, false
	err := db.InTx(ctx, func(tx *gorm.DB) error {
		var err error
		lease.Token, held, err = takeOver(tx, lease, At(now), At(now.Add(ttl)))
		return err
	})
	if IsDuplicate(err) { // somebody else made the first row of this name
		return Lease{}, false, nil
	}
	if err != nil || !held {
		return Lease{}, false, err
	}
	return lease, true, nil
}

func takeOver(tx *gorm.DB, lease Lease, now, until Millis) (token int64, held bool, err error) {
	taken := tx.Exec("UPDATE leases SET owner = ?, token = token + 1, until_at = ? WHERE name = ? AND until_at <= ?",
		lease.Owner, until, lease.Name, now)
	if taken.Error != nil {
		return 0, false, taken.Error
	}
	found := tx.Raw("SELECT token FROM leases WHERE name = ?", lease.Name).Scan(&token)
	if found.Error != nil || found.RowsAffected > 0 {
		return token, taken.RowsAffected == 1, found.Error
	}
	made := tx.Exec("INSERT INTO leases (name, owner, token, until_at) VALUES (?, ?, 1, ?)", lease.Name, lease.Owner, until)
	return 1, true, made.Error
}

// Renew keeps a lease for ttl from now, and reports false when it has run out or gone to someone else.
func Renew(ctx context.Context, db *DB, lease Lease, ttl time.Duration, now time.Time) (bool, error) {
	renewed := false
	err := db.InTx(db.unfenced(ctx), func(tx *gorm.DB) error {
		result := tx.Exec("UPDATE leases SET until_at = ? WHERE name = ? AND token = ? AND until_at > ?",
			At(now.Add(ttl)), lease.Name, lease.Token, At(now))
		renewed = result.RowsAffected == 1
		return result.Error
	})
	return renewed && err == nil, err
}

// Release gives a lease back. Its row stays, so that the token goes on growing.
func Release(ctx context.Context, db *DB, lease Lease) error {
	return db.InTx(db.unfenced(ctx), func(tx *gorm.DB) error {
		return tx.Exec("UPDATE leases SET until_at = 0 WHERE name = ? AND token = ?", lease.Name, lease.Token).Error
	})
}

// Hold runs work while it holds the lease on name, renewing it three times in each ttl, and reports false without
// running anything when somebody else holds it. The context of work ends with ErrLeaseLost if the lease is lost. Work that
// does not hear of it in time, since its process stood still, writes nothing: InTx under its context commits only what is
// written while the lease is held, by this holder and not yet given back. Clocks have no part in that.
func Hold(ctx context.Context, db *DB, name, owner string, ttl time.Duration, now func() time.Time,
	work func(ctx context.Context) error) (bool, error) {
	lease, held, err := Acquire(ctx, db, name, owner, ttl, now())
	if err != nil || !held {
		return false, err
	}
	working, cancel := context.WithCancelCause(ctx)
	renewing := make(chan struct{})
	go func() {
		defer close(renewing)
		keep(working, cancel, db, lease, ttl, now)
	}()
	err = work(db.fenced(working, lease))
	if lost := context.Cause(working); err != nil && errors.Is(lost, ErrLeaseLost) {
		err = errors.Join(lost, err)
	}
	cancel(nil)
	<-renewing
	if released := Release(context.WithoutCancel(ctx), db, lease); released != nil {
		err = errors.Join(err, fmt.Errorf("releasing the lease %s: %w", name, released))
	}
	return true, err
}

func keep(ctx context.Context, cancel context.CancelCauseFunc, db *DB, lease Lease, ttl time.Duration, now func() time.Time) {
	ticker := time.NewTicker(ttl / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			renewed, err := Renew(ctx, db, lease, ttl, now())
			if ctx.Err() == nil && (err != nil || !renewed) {
				cancel(errors.Join(ErrLeaseLost, err))
				return
			}
		}
	}
}

// fence is the key under which a context carries the leases in a database that its work is done under, the outermost first.
type fence struct{ db *DB }

func (db *DB) fenced(ctx context.Context, lease Lease) context.Context {
	return context.WithValue(ctx, fence{db}, append(slices.Clone(db.fences(ctx)), lease))
}

// unfenced is for what keeps to a lease's token itself. A lease within another must be given back even if that one is lost.
func (db *DB) unfenced(ctx context.Context) context.Context {
	return context.WithValue(ctx, fence{db}, []Lease(nil))
}

func (db *DB) fences(ctx context.Context) []Lease {
	leases, _ := ctx.Value(fence{db}).([]Lease)
	return leases
}

// stillHeld gives ErrLeaseLost unless every one of these leases is held, and keeps them from being taken over until tx ends: work
// under a lease within another is the work of both. It is asked last of all, because who renews or takes over a lease waits for
// those who have asked. They wait for nothing more, and so neither a long transaction costs its own holder the lease, nor
// can there be a deadlock.
func stillHeld(tx *gorm.DB, leases []Lease) error {
	for _, lease := range leases {
		var held int
		err := tx.Statement.ConnPool.QueryRowContext(tx.Statement.Context,
			"SELECT 1 FROM leases WHERE name = ? AND token = ? AND until_at > 0"+Shared(tx), lease.Name, lease.Token).Scan(&held)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("%w: %s", ErrLeaseLost, lease.Name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
