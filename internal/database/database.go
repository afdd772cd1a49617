// Package database opens the one database of the service, SQLite or MySQL (MariaDB), so that both behave alike: guarded
// updates count matched rows, duplicates are told apart, a transaction that lost a race is run again. It also holds the
// leases that keep a job to one process, and applies the migrations. SQL of the rooms stays in the rooms.
package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// The dialects.
const (
	SQLite = "sqlite"
	MySQL  = "mysql"
)

// DB is an open database: one pool that writes and another that only reads, so that a transaction which waits for a
// reader can never wait for itself. On SQLite the writing pool is a single connection.
type DB struct {
	dialect        string
	writer, reader *sql.DB
	write, read    *gorm.DB
	sole           *sql.DB // the lock that Sole took
}

// Open connects to url: "sqlite:PATH" (the directory is made when missing) or
// "mysql://user:password@host[:port]/name", user and password percent-encoded, with ?socket=PATH for a unix socket and
// ?tls=true for TLS. The database must exist on a MySQL server; its schema is Migrate's business.
// A URL that cannot be read is a fault of kind Invalid, a server that does not answer one of kind Unavailable.
func Open(ctx context.Context, url string) (*DB, error) {
	target, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	db := &DB{dialect: target.dialect}
	if err := db.connect(target); err != nil {
		return nil, errors.Join(errURL.With(err), db.Close())
	}
	if err := db.prepare(ctx, target); err != nil {
		return nil, errors.Join(errUnavailable.With(err), db.Close())
	}
	return db, nil
}

func (db *DB) connect(t target) (err error) {
	if db.writer, err = t.open(writing); err != nil {
		return err
	}
	db.reader, err = t.open(reading)
	return err
}

func (db *DB) prepare(ctx context.Context, t target) (err error) {
	if err := db.writer.PingContext(ctx); err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	config := &gorm.Config{
		SkipDefaultTransaction: true, // InTx says where a transaction begins
		TranslateError:         true,
		Logger:                 logger.Discard, // a logged statement would show identity data
	}
	if db.write, err = gorm.Open(t.dialector(db.writer), config); err != nil {
		return fmt.Errorf("opening: %w", err)
	}
	readConfig := *config
	if db.read, err = gorm.Open(t.dialector(db.reader), &readConfig); err != nil {
		return fmt.Errorf("opening for reading: %w", err)
	}
	return nil
}

// Dialect is SQLite or MySQL.
func (db *DB) Dialect() string { return db.dialect }

// SQL is the pool that writes, for bulk work outside GORM.
func (db *DB) SQL() *sql.DB { return db.writer }

// Reader is the pool that only reads, for streams.
func (db *DB) Reader() *sql.DB { return db.reader }

// Read gives a session for reads. It sees what was committed when each statement began; inside InTx use tx instead.
func (db *DB) Read(ctx context.Context) *gorm.DB { return db.read.WithContext(ctx) }

// Snapshot runs read in a transaction in which all statements see the same moment. It is read-only, except on TiDB, which has
// no such transactions.
func (db *DB) Snapshot(ctx context.Context, read func(tx *gorm.DB) error) error {
	return db.Read(ctx).Transaction(read, snapshotOf(db.read))
}

func snapshotOf(reader *gorm.DB) *sql.TxOptions {
	if reader.Name() == SQLite {
		return nil // a deferred transaction of the reading pool is a snapshot already
	}
	return &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: !onTiDB(reader)}
}

// Close closes both pools and lets another process serve.
func (db *DB) Close() error {
	var problems []error
	for _, pool := range []*sql.DB{db.reader, db.writer, db.sole} {
		if pool != nil {
			problems = append(problems, pool.Close())
		}
	}
	return errors.Join(problems...)
}
