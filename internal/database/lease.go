package database

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// Lease is the right of one holder to do a named work until it runs out. Token grows with every new holder, so that work
// written under an older token can be refused (fencing).
type Lease struct {
	Name, Owner string
	Token       int64
}

// ErrLeaseLost ends the context of work whose lease went to someone else.
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
	err := db.InTx(ctx, func(tx *gorm.DB) error {
		result := tx.Exec("UPDATE leases SET until_at = ? WHERE name = ? AND token = ? AND until_at > ?",
			At(now.Add(ttl)), lease.Name, lease.Token, At(now))
		renewed = result.RowsAffected == 1
		return result.Error
	})
	return renewed && err == nil, err
}

// Release gives a lease back. Its row stays, so that the token goes on growing.
func Release(ctx context.Context, db *DB, lease Lease) error {
	return db.InTx(ctx, func(tx *gorm.DB) error {
		return tx.Exec("UPDATE leases SET until_at = 0 WHERE name = ? AND token = ?", lease.Name, lease.Token).Error
	})
}

// Hold runs work while it holds the lease on name, renewing it three times in each ttl, and reports false without
// running anything when somebody else holds it. The context of work ends with ErrLeaseLost if the lease is lost.
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
	err = work(working)
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
