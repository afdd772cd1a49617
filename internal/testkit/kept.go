package testkit

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"hongbao/internal/database"
)

// kept is a migrated database that the tests of this process use one after the other, since to make one takes a second
// or two. Its name is locked for as long as the process lives; what processes that are gone have left is dropped by the
// next one.
type kept struct {
	url, name string
	shape     string // tables, columns and triggers: a test that changes them spoils the database
	tables    []string
	seeds     map[string][][]any // rows that the migrations have put there
}

const keptPrefix = "hongbao_kept_"

var pool struct {
	sync.Mutex
	free []*kept
	root *sql.Conn // on the server, without a database; holds the locks
}

// borrow gives the URL of a database as the migrations leave it, for the time of the test.
func borrow(t testing.TB) string {
	t.Helper()
	address := serverURL(t)
	pool.Lock()
	defer pool.Unlock()
	k, err := take(context.Background(), address)
	if err != nil {
		t.Fatalf("preparing a database: %v", err)
	}
	t.Cleanup(func() {
		pool.Lock()
		defer pool.Unlock()
		if err := k.giveBack(context.Background()); err != nil {
			t.Errorf("clearing the test database: %v", err)
		}
	})
	return k.url
}

func take(ctx context.Context, address *url.URL) (*kept, error) {
	if pool.root == nil {
		root, err := database.Open(ctx, address.String())
		if err != nil {
			return nil, err
		}
		if pool.root, err = root.SQL().Conn(ctx); err != nil {
			return nil, err
		}
		if err := sweep(ctx); err != nil {
			return nil, err
		}
	}
	if last := len(pool.free) - 1; last >= 0 {
		k := pool.free[last]
		pool.free = pool.free[:last]
		return k, nil
	}
	address.Path = "/" + keptPrefix + randomName()
	k := &kept{url: address.String(), name: address.Path[1:], seeds: map[string][][]any{}}
	return k, k.make(ctx)
}

func (k *kept) make(ctx context.Context) error {
	if _, err := lock(ctx, k.name); err != nil {
		return err
	}
	if _, err := pool.root.ExecContext(ctx, "CREATE DATABASE "+k.name+" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"); err != nil {
		return err
	}
	db, err := database.Open(ctx, k.url)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if _, err := database.Migrate(ctx, db); err != nil {
		return err
	}
	if k.tables, k.shape, err = k.describe(ctx); err != nil {
		return err
	}
	k.tables = slices.DeleteFunc(k.tables, func(table string) bool { return table == "schema_steps" || table == "leases" })
	for _, table := range k.tables {
		if k.seeds[table], err = rowsOf(ctx, db, table); err != nil {
			return err
		}
	}
	return nil
}

func (k *kept) describe(ctx context.Context) (tables []string, shape string, err error) {
	if tables, err = texts(ctx, "SELECT table_name FROM information_schema.tables WHERE table_schema = ? ORDER BY 1", k.name); err != nil {
		return nil, "", err
	}
	columns, err := texts(ctx, "SELECT CONCAT(table_name, '.', column_name, column_type) FROM information_schema.columns WHERE table_schema = ? ORDER BY 1", k.name)
	if err != nil {
		return nil, "", err
	}
	triggers, err := texts(ctx, "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = ? ORDER BY 1", k.name)
	return tables, strings.Join(slices.Concat(columns, triggers), " "), err
}

// giveBack empties the tables that the test has filled, or drops the database when the test has changed its shape.
func (k *kept) giveBack(ctx context.Context) error {
	_, shape, err := k.describe(ctx)
	if err != nil {
		return err
	}
	if shape != k.shape {
		return drop(ctx, k.name)
	}
	db, err := database.Open(ctx, k.url)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	conn, err := db.SQL().Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(ctx, "SET foreign_key_checks = 0"); err != nil {
		return err
	}
	for _, table := range append([]string{"leases"}, k.tables...) {
		if err := k.reset(ctx, conn, table); err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
	}
	pool.free = append(pool.free, k)
	return nil
}

func (k *kept) reset(ctx context.Context, conn *sql.Conn, table string) error {
	var filled bool
	if err := conn.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM "+table+")").Scan(&filled); err != nil || !filled {
		return err
	}
	if _, err := conn.ExecContext(ctx, "TRUNCATE TABLE "+table); err != nil {
		return err
	}
	for _, row := range k.seeds[table] {
		values := "(?" + strings.Repeat(", ?", len(row)-1) + ")"
		if _, err := conn.ExecContext(ctx, "INSERT INTO "+table+" VALUES "+values, row...); err != nil {
			return err
		}
	}
	return nil
}

func rowsOf(ctx context.Context, db *database.DB, table string) (list [][]any, err error) {
	rows, err := db.Reader().QueryContext(ctx, "SELECT * FROM "+table)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		row, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		list = append(list, row)
	}
	return list, rows.Err()
}

// sweep drops the databases of processes that are gone.
func sweep(ctx context.Context) error {
	names, err := texts(ctx, "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE ?", keptPrefix+"%")
	if err != nil {
		return err
	}
	for _, name := range names {
		if locked, err := lock(ctx, name); err != nil || !locked {
			continue // in use, or being made
		}
		if err := drop(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func lock(ctx context.Context, name string) (locked bool, err error) {
	err = pool.root.QueryRowContext(ctx, "SELECT GET_LOCK(?, 0)", name).Scan(&locked)
	return locked, err
}

func drop(ctx context.Context, name string) error {
	if _, err := pool.root.ExecContext(ctx, "DROP DATABASE IF EXISTS "+name); err != nil {
		return err
	}
	_, err := pool.root.ExecContext(ctx, "DO RELEASE_LOCK(?)", name)
	return err
}

func texts(ctx context.Context, query string, argument string) (list []string, err error) {
	rows, err := pool.root.QueryContext(ctx, query, argument)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		list = append(list, text)
	}
	return list, rows.Err()
}
