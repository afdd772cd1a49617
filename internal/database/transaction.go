package database

import (
	"context"
	"crypto/rand"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"time"

	"github.com/go-sql-driver/mysql"
	"gorm.io/gorm"
	sqlite3 "modernc.org/sqlite/lib"

	"hongbao/internal/fault"
)

// attempts bounds how often one transaction is tried; with the pauses between them it gives up after about two seconds.
const attempts = 12

// InTx runs work in a transaction and commits it, or rolls it back when work fails or panics. A transaction that lost a
// race (deadlock, lock wait, busy file) or its connection is run again from the start, so work must be safe to run more
// than once: it may touch nothing but tx and variables that it sets anew. A connection lost during the commit itself is
// not retried, since the commit may have happened. When every attempt failed, or the server is away or its disk full, the
// error is a fault of kind Unavailable.
// Under the context of a Hold whose lease went to someone else nothing is committed, and the error is ErrLeaseLost.
// Never call InTx, or an operator, from inside work: SQLite has one writing connection.
func (db *DB) InTx(ctx context.Context, work func(tx *gorm.DB) error) error {
	var err error
	for attempt := range attempts {
		var committing bool
		if committing, err = db.once(ctx, work); err == nil {
			return nil
		}
		if !retryable(err, committing) {
			return unavailable(err)
		}
		if waiting := pause(ctx, attempt); waiting != nil {
			return errors.Join(waiting, err)
		}
	}
	return errUnavailable.With(err)
}

func (db *DB) once(ctx context.Context, work func(tx *gorm.DB) error) (committing bool, err error) {
	tx := db.write.WithContext(ctx).Begin()
	if tx.Error != nil {
		return false, fmt.Errorf("beginning a transaction: %w", tx.Error)
	}
	done := false
	defer func() {
		if !done {
			tx.Rollback()
		}
	}()
	if err := work(tx); err != nil {
		return false, err
	}
	if err := stillHeld(tx, db.fences(ctx)); err != nil {
		return false, err
	}
	done = true
	if err := tx.Commit().Error; err != nil {
		tx.Rollback()
		return true, fmt.Errorf("committing: %w", err)
	}
	return true, nil
}

// retryable reports whether the transaction certainly left nothing behind and may succeed when run again.
func retryable(err error, committing bool) bool {
	switch mysqlNumber(err) {
	case mysqlDeadlock, mysqlRecordChanged, tidbConflictAfterLock, tidbStale, tidbRetryable, tidbSchemaChanged, tidbWriteConflict:
		return true
	case mysqlLockWaitTimeout, mysqlServerShutdown, mysqlNodeNotReady, mysqlTooManyClients,
		tidbNoPlacement, tidbNoStore, tidbStoreBusy, tidbNoRegion:
		return !committing
	}
	switch sqliteCode(err) & 0xff { // the low byte is the primary code of SQLITE_BUSY_SNAPSHOT and its like
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return true
	}
	return !committing && disconnected(err)
}

// unavailable turns what is no mistake of ours into a fault of kind Unavailable: the server is away, or cannot write.
func unavailable(err error) error {
	if _, told := fault.As(err); told || !away(err) {
		return err
	}
	return errUnavailable.With(err)
}

func away(err error) bool {
	switch mysqlNumber(err) {
	case mysqlServerShutdown, mysqlNodeNotReady, mysqlTooManyClients, mysqlDiskFull, mysqlTableFull, mysqlReadOnly,
		tidbNoPlacement, tidbNoStore, tidbStoreBusy, tidbNoRegion:
		return true
	}
	switch sqliteCode(err) & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY:
		return true
	}
	return disconnected(err)
}

func disconnected(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var network *net.OpError
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network)
}

// pause waits 5 ms, 10, 20 ... at most half a second, half of it by chance so that rivals part.
func pause(ctx context.Context, attempt int) error {
	wait := min(5*time.Millisecond<<attempt, 500*time.Millisecond)
	chance, err := rand.Int(rand.Reader, big.NewInt(int64(wait/2)))
	if err != nil {
		return err
	}
	timer := time.NewTimer(wait/2 + time.Duration(chance.Int64()))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
