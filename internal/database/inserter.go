package database

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"

	"gorm.io/gorm"
)

// inserterSizes are the numbers of rows for which a statement stays prepared on a MySQL server. A group is cut greedily;
// the rest, fewer rows than the smallest, goes as one statement with its values in it. Measured with rows of 22 columns:
// to parse the values costs the server a third of the insert.
var inserterSizes = []int{256, 128, 64, 32}

// Inserter is InsertNew for a hot path: rows of one shape, in groups, through statements that stay prepared. It is safe
// for concurrent use.
type Inserter struct {
	db          *DB
	head, tuple string

	mu       sync.Mutex
	prepared map[int]*sql.Stmt
}

// Span is where the rows of one statement went: those that are new have ids from First to First+Rows-1, unless the server
// counts in larger steps, as the nodes of a Galera cluster do. Ids in it may be another's or nobody's, so compare a key.
type Span struct{ First, Rows int64 }

// NewInserter gives an inserter into a table whose rows have a generated id.
func NewInserter(db *DB, table string, columns []string) *Inserter {
	verb := "INSERT IGNORE INTO "
	if db.dialect == SQLite {
		verb = "INSERT OR IGNORE INTO "
	}
	return &Inserter{db: db, head: verb + table + " (" + strings.Join(columns, ", ") + ") VALUES ",
		tuple: "(?" + strings.Repeat(", ?", len(columns)-1) + ")", prepared: map[int]*sql.Stmt{}}
}

// Prepare makes the statements ready. Call it before the transaction, since it needs a connection of its own; doing so
// again costs nothing.
func (in *Inserter) Prepare(ctx context.Context) error {
	if in.db.dialect == SQLite {
		return nil
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, size := range inserterSizes {
		if in.prepared[size] != nil {
			continue
		}
		statement, err := in.db.writer.PrepareContext(ctx, in.text(size))
		if err != nil {
			return fmt.Errorf("preparing an insert of %d rows: %w", size, err)
		}
		in.prepared[size] = statement
	}
	return nil
}

func (in *Inserter) text(rows int) string {
	return in.head + in.tuple + strings.Repeat(", "+in.tuple, rows-1)
}

// InsertNew inserts the rows whose keys are free and skips the others. It says how many went in, and where.
func (in *Inserter) InsertNew(tx *gorm.DB, rows [][]any) (inserted int64, spans []Span, err error) {
	if len(rows) == 0 {
		return 0, nil, nil
	}
	insert := in.insertGroups
	if in.db.dialect == SQLite {
		insert = in.insertLoop
	}
	if inserted, spans, err = insert(tx.Statement.Context, tx.Statement.ConnPool.(*sql.Tx), rows); err != nil {
		return 0, nil, fmt.Errorf("inserting a group of %d rows: %w", len(rows), err)
	}
	return inserted, spans, nil
}

func (in *Inserter) insertGroups(ctx context.Context, tx *sql.Tx, rows [][]any) (inserted int64, spans []Span, err error) {
	for len(rows) > 0 {
		size, statement := in.fit(len(rows))
		values := make([]any, 0, size*len(rows[0]))
		for _, row := range rows[:size] {
			values = append(values, row...)
		}
		var result sql.Result
		if statement != nil {
			result, err = tx.StmtContext(ctx, statement).ExecContext(ctx, values...)
		} else {
			result, err = tx.ExecContext(ctx, in.text(size), values...)
		}
		if err != nil {
			return 0, nil, err
		}
		inserted += affected(result)
		first, _ := result.LastInsertId() // cannot fail, like the number of rows
		spans = append(spans, Span{first, int64(size)})
		rows = rows[size:]
	}
	return inserted, spans, nil
}

// fit gives the largest prepared statement that n rows fill, or none for a small rest.
func (in *Inserter) fit(n int) (int, *sql.Stmt) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, size := range inserterSizes {
		if size <= n && in.prepared[size] != nil {
			return size, in.prepared[size]
		}
	}
	return min(n, insertChunk), nil
}

// insertLoop is the fast way of SQLite, whose one writer gives ids one after another.
func (in *Inserter) insertLoop(ctx context.Context, tx *sql.Tx, rows [][]any) (inserted int64, spans []Span, err error) {
	statement, err := tx.PrepareContext(ctx, in.text(1))
	if err != nil {
		return 0, nil, err
	}
	defer statement.Close()
	var first int64
	for _, row := range rows {
		result, err := statement.ExecContext(ctx, row...)
		if err != nil {
			return 0, nil, err
		}
		if affected(result) == 0 {
			continue
		}
		if inserted++; first == 0 {
			first, _ = result.LastInsertId()
		}
	}
	return inserted, []Span{{first, inserted}}, nil
}
