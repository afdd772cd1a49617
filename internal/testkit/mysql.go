package testkit

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/url"
	"os"
	"testing"

	"hongbao/internal/database"
)

// MySQL gives the URL of a fresh empty database on the server that HONGBAO_TEST_MYSQL names, dropped when the test ends;
// it skips the test where none is named. Tests that need a migrated database
// take Databases, which is faster.
func MySQL(t testing.TB) string {
	t.Helper()
	address := serverURL(t)
	root := open(t, address.String())
	address.Path = "/hongbao_test_" + randomName()
	// Clean-ups run last in, first out: the test closes its connections, the database goes, then this connection.
	t.Cleanup(func() { run(t, root, "DROP DATABASE "+address.Path[1:]) })
	run(t, root, "CREATE DATABASE "+address.Path[1:]+" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
	return address.String()
}

func serverURL(t testing.TB) *url.URL {
	t.Helper()
	server := os.Getenv(Server)
	if server == "" {
		t.Skip(Server + " names no server")
	}
	address, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s is no URL", Server)
	}
	return address
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
