package database

import (
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"strings"

	"gorm.io/gorm"
	sqlite3 "modernc.org/sqlite/lib"

	"hongbao/internal/fault"
)

// ErrAdvanced is the fault of a guarded update that found another status than it expected.
var ErrAdvanced = fault.New(fault.Conflict, "status-changed",
	"状态已变化，请刷新后重试。", "The status has changed, please reload and try again.")

// Advance moves one row from one status to another and sets further columns with it:
// UPDATE table SET status = to, ... WHERE id = ? AND status = from. It is the only way in which a status changes.
// When no row matched, because it is missing or was moved by someone else, the error is ErrAdvanced (kind Conflict).
func Advance(tx *gorm.DB, table string, id int64, from, to string, set map[string]any) error {
	columns := maps.Clone(set)
	if columns == nil {
		columns = map[string]any{}
	}
	columns["status"] = to
	result := tx.Table(table).Where("id = ? AND status = ?", id, from).Updates(columns)
	if result.Error != nil {
		return fmt.Errorf("advancing %s %d to %s: %w", table, id, to, result.Error)
	}
	if result.RowsAffected != 1 {
		return ErrAdvanced.With(fmt.Errorf("%s %d is not %s", table, id, from))
	}
	return nil
}

// IsDuplicate reports whether err says that a unique key is taken, on either dialect, through GORM or not.
func IsDuplicate(err error) bool {
	code := sqliteCode(err)
	return errors.Is(err, gorm.ErrDuplicatedKey) || mysqlNumber(err) == mysqlDuplicateEntry ||
		code == sqlite3.SQLITE_CONSTRAINT_UNIQUE || code == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
}

// insertChunk rows go into one statement on MySQL.
const insertChunk = 500

// InsertMany inserts rows, each with one value per column. It is one of the two fast ways: statements of many rows on
// MySQL, one prepared statement in a loop on SQLite. A duplicate fails the whole call; see IsDuplicate.
func InsertMany(tx *gorm.DB, table string, columns []string, rows [][]any) error {
	_, err := insert(tx, "INSERT INTO ", table, columns, rows)
	return err
}

// InsertNew is InsertMany that skips a row whose key is taken and says how many rows went in. MySQL then also lets
// other faults of a row pass with a warning, so only checked values may be given.
func InsertNew(tx *gorm.DB, table string, columns []string, rows [][]any) (int64, error) {
	verb := "INSERT IGNORE INTO "
	if tx.Name() == SQLite {
		verb = "INSERT OR IGNORE INTO "
	}
	return insert(tx, verb, table, columns, rows)
}

func insert(tx *gorm.DB, verb, table string, columns []string, rows [][]any) (inserted int64, err error) {
	if len(rows) == 0 {
		return 0, nil
	}
	statement := verb + table + " (" + strings.Join(columns, ", ") + ") VALUES "
	tuple := "(?" + strings.Repeat(", ?", len(columns)-1) + ")"
	if tx.Name() == SQLite {
		inserted, err = insertPrepared(tx, statement+tuple, rows)
	} else {
		inserted, err = insertChunks(tx, statement, tuple, rows)
	}
	if err != nil {
		return 0, fmt.Errorf("inserting into %s: %w", table, err)
	}
	return inserted, nil
}

func insertPrepared(tx *gorm.DB, statement string, rows [][]any) (inserted int64, err error) {
	ctx := tx.Statement.Context
	prepared, err := tx.Statement.ConnPool.PrepareContext(ctx, statement)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, prepared.Close()) }()
	for _, row := range rows {
		result, err := prepared.ExecContext(ctx, row...)
		if err != nil {
			return 0, err
		}
		inserted += affected(result)
	}
	return inserted, nil
}

func insertChunks(tx *gorm.DB, statement, tuple string, rows [][]any) (inserted int64, err error) {
	for start := 0; start < len(rows); start += insertChunk {
		chunk := rows[start:min(start+insertChunk, len(rows))]
		values := make([]any, 0, len(chunk)*len(chunk[0]))
		for _, row := range chunk {
			values = append(values, row...)
		}
		text := statement + tuple + strings.Repeat(", "+tuple, len(chunk)-1)
		result, err := tx.Statement.ConnPool.ExecContext(tx.Statement.Context, text, values...)
		if err != nil {
			return 0, err
		}
		inserted += affected(result)
	}
	return inserted, nil
}

// affected cannot fail: both drivers know the number when the statement returns.
func affected(result sql.Result) int64 {
	count, _ := result.RowsAffected()
	return count
}
