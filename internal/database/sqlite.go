package database

import (
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	driver "gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteReaders bounds the connections that read one file.
const sqliteReaders = 8

func sqliteTarget(path string) (target, error) {
	if path == "" || strings.HasPrefix(path, ":memory:") || strings.ContainsRune(path, 0) {
		return target{}, errURL // a memory database is another one on every connection
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return target{}, errUnavailable.With(err)
	}
	return target{
		dialect: SQLite,
		open:    func(a access) (*sql.DB, error) { return openSQLite(path, a) },
		dialector: func(pool *sql.DB) gorm.Dialector {
			return dialector{&driver.Dialector{DriverName: "sqlite", Conn: pool}}
		},
	}, nil
}

// openSQLite sets what durability and concurrency rest on: a write-ahead log synced at every commit, and a write lock
// taken when a writing transaction begins, so that none of them can fail half-way for want of it.
func openSQLite(path string, a access) (*sql.DB, error) {
	options := url.Values{
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "temp_store(MEMORY)"},
		"_txlock": {"immediate"},
	}
	connections := 1
	if a == reading {
		options["_pragma"] = append(options["_pragma"], "query_only(1)")
		options["_txlock"] = []string{"deferred"}
		connections = sqliteReaders
	}
	pool, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+options.Encode())
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return pool, nil
}

// dialector is GORM's for SQLite, which does not know the error type of the driver that we run beneath it.
type dialector struct{ *driver.Dialector }

// Translate turns the driver's constraint errors into GORM's, and those of a disk that is full into a fault of kind Unavailable.
func (d dialector) Translate(err error) error {
	switch sqliteCode(err) {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return errors.Join(gorm.ErrDuplicatedKey, err)
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return errors.Join(gorm.ErrForeignKeyViolated, err)
	}
	return unavailable(err)
}

func sqliteCode(err error) int {
	var problem *sqlite.Error
	if errors.As(err, &problem) {
		return problem.Code()
	}
	return 0
}
