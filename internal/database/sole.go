package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	sqlite3 "modernc.org/sqlite/lib"

	"hongbao/internal/fault"
)

// ErrTaken says that another process serves this SQLite file.
var ErrTaken = fault.New(fault.Conflict, "database-taken",
	"另一个进程正在使用这个 SQLite 文件提供服务。SQLite 只支持一个副本，多个副本请使用 MariaDB 或 MySQL。",
	"Another process already serves from this SQLite file. SQLite takes one replica; use MariaDB or MySQL for several.")

// Sole keeps a SQLite database to one serving process: it takes a lock that ends with Close or with the process, and
// gives ErrTaken while another holds it. Programs that only look (check, report) do not ask. A MySQL server takes any number.
func (db *DB) Sole(ctx context.Context) error {
	if db.dialect != SQLite {
		return nil
	}
	var path string
	if err := db.reader.QueryRowContext(ctx, "SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&path); err != nil {
		return fmt.Errorf("finding the database's file: %w", err)
	}
	// The lock is SQLite's own, on a file beside the database: the system drops it with the process, whatever its end.
	lock, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path + ".serving"}).EscapedPath()+"?_pragma=busy_timeout(500)")
	if err != nil {
		return err
	}
	lock.SetMaxOpenConns(1)
	for _, statement := range []string{"PRAGMA journal_mode = DELETE", "BEGIN EXCLUSIVE"} {
		if _, err := lock.ExecContext(ctx, statement); err != nil {
			if sqliteCode(err)&0xff == sqlite3.SQLITE_BUSY {
				err = ErrTaken.With(err)
			}
			return errors.Join(err, lock.Close())
		}
	}
	db.sole = lock
	return nil
}
