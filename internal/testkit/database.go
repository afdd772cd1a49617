// Package testkit gives tests a fresh, migrated database of either dialect and a clock that they set.
package testkit

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/url"
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

// MySQL gives the URL of a fresh empty database on the server that HONGBAO_TEST_MYSQL names, dropped when the test ends;
// it skips the test where none is named.
func MySQL(t testing.TB) string {
	t.Helper()
	server := os.Getenv(Server)
	if server == "" {
		t.Skip(Server + " names no server")
	}
	address, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s is no URL", Server)
	}
	address.Path = "/hongbao_test_" + randomName()
	root := open(t, server)
	// Clean-ups run last in, first out: the test closes its connections, the database goes, then this connection.
	t.Cleanup(func() { run(t, root, "DROP DATABASE "+address.Path[1:]) })
	run(t, root, "CREATE DATABASE "+address.Path[1:]+" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
	return address.String()
}

// Databases runs a test on a fresh migrated database of each dialect.
func Databases(t *testing.T, test func(t *testing.T, db *database.DB)) {
	t.Helper()
	t.Run(database.SQLite, func(t *testing.T) { test(t, DB(t)) })
	t.Run(database.MySQL, func(t *testing.T) {
		db := open(t, MySQL(t))
		if _, err := database.Migrate(context.Background(), db); err != nil {
			t.Fatalf("migrating: %v", err)
		}
		test(t, db)
	})
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

func run(t testing.TB, db *database.DB, statement string) {
	t.Helper()
	if _, err := db.SQL().ExecContext(context.Background(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func randomName() string {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	return hex.EncodeToString(random[:])
}
