// Package testkit gives tests a fresh, migrated database of either dialect and a clock that they set.
package testkit

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"hongbao/internal/database"
)

// Server is the environment variable that names the MySQL server for tests, as "mysql://root@127.0.0.1:3306/".
const Server = "HONGBAO_TEST_MYSQL"

// DB gives a fresh migrated SQLite database in a file of its own, closed when the test ends.
func DB(t testing.TB) *database.DB {
	t.Helper()
	return open(t, SQLite(t))
}

// SQLite gives the URL of a fresh migrated SQLite database that nobody has open.
func SQLite(t testing.TB) string {
	t.Helper()
	template, err := migratedFile()
	if err != nil {
		t.Fatalf("preparing a database: %v", err)
	}
	path := filepath.Join(t.TempDir(), "test.db")
	if err := os.WriteFile(path, template, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + path
}

// Databases runs a test on a fresh migrated database of each dialect.
func Databases(t *testing.T, test func(t *testing.T, db *database.DB)) {
	t.Helper()
	t.Run(database.SQLite, func(t *testing.T) { test(t, DB(t)) })
	t.Run(database.MySQL, func(t *testing.T) { test(t, open(t, borrow(t))) })
}

// migratedFile migrates once in a test binary; every test then gets a copy.
var migratedFile = sync.OnceValues(func() ([]byte, error) {
	directory, err := os.MkdirTemp("", "hongbao-testkit")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(directory) }()
	path, ctx := filepath.Join(directory, "template.db"), context.Background()
	db, err := database.Open(ctx, "sqlite:"+path)
	if err != nil {
		return nil, err
	}
	_, err = database.Migrate(ctx, db)
	if closed := db.Close(); err == nil {
		err = closed // the last connection to close folds the write-ahead log into the file
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

func open(t testing.TB, address string) *database.DB {
	t.Helper()
	db, err := database.Open(context.Background(), address)
	if err != nil {
		t.Fatalf("opening the test database: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("closing the test database: %v", err)
		}
	})
	return db
}
