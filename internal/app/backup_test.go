package app

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hongbao/internal/database"
	"hongbao/internal/rehearsal"
)

// The restore drill: a service's database is copied while it is open, the copy is brought up elsewhere, every invariant
// holds there, what was stored is there to the row, and append-only tables still are.
func restoreDrill(t *testing.T, from, to string) {
	ctx := context.Background()
	o := rehearsalOptions{campaign: suzhou, registrations: 300, faults: "normal", seed: 6, out: t.TempDir(), database: from}
	if _, err := rehearse(ctx, o, rehearsal.Progress{Out: t.Output()}); err != nil {
		t.Fatal(err)
	}
	db, err := database.Open(ctx, from)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	file := filepath.Join(t.TempDir(), "backup")
	if status, out := run("backup", "--database", from, "--out", file); status != 0 {
		t.Fatalf("backup: %s", out)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup may be read by others: %v %v", info.Mode(), err)
	}
	if status, out := run("backup", "--database", from, "--out", file); status == 0 {
		t.Errorf("a backup is written over: %s", out)
	}
	if status, out := run("restore", "--database", from, "--from", file); status == 0 {
		t.Errorf("a backup is restored over a database in use: %s", out)
	}
	status, out := run("restore", "--database", to, "--from", file)
	if status != 0 || !strings.Contains(out, " 0 failed") {
		t.Fatalf("restore: %d\n%s", status, out)
	}
	restored, err := database.Open(ctx, to)
	if err != nil {
		t.Fatal(err)
	}
	defer restored.Close()
	for _, table := range []string{"registrations", "ledger_postings", "audit_entries", "draw_files", "cosignatures", "spending_events", "schema_steps"} {
		count := func(db *database.DB) (n int) {
			if err := db.Read(ctx).Raw("SELECT COUNT(*) FROM " + table).Scan(&n).Error; err != nil {
				t.Fatal(err)
			}
			return n
		}
		if before, after := count(db), count(restored); before == 0 || before != after {
			t.Errorf("%s: %d rows, restored %d", table, before, after)
		}
	}
	if _, err := restored.SQL().Exec("DELETE FROM ledger_postings"); err == nil {
		t.Error("the restored ledger is no longer append-only")
	}
	if n, err := database.Migrate(ctx, restored); n != 0 || err != nil {
		t.Errorf("the restored schema is not current: %d %v", n, err)
	}
}

func TestRestoreSQLite(t *testing.T) {
	dir := t.TempDir()
	restoreDrill(t, "sqlite:"+filepath.Join(dir, "a.db"), "sqlite:"+filepath.Join(dir, "b.db"))
}

func TestRestoreMariaDB(t *testing.T) {
	if testing.Short() {
		t.Skip("a server of its own")
	}
	server := privateMariaDB(t)
	restoreDrill(t, server.create("origin"), server.create("copy"))
}

// The least that an account needs for each, as operations.md has it. One that may not see the triggers is refused: its copy would be
// without them, and nobody would be told.
func TestRestoreByAccountsOfFewRights(t *testing.T) {
	if testing.Short() {
		t.Skip("a server of its own")
	}
	server := privateMariaDB(t)
	root, err := database.Open(context.Background(), server.create("origin"))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	server.create("copy")
	account := func(name, database, rights string) string {
		for _, statement := range []string{"CREATE USER IF NOT EXISTS " + name, "GRANT " + rights + " ON " + database + ".* TO " + name} {
			if _, err := root.SQL().Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		return strings.Replace(server.url(database), "root", name, 1)
	}
	keeper := account("keeper", "origin", "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, TRIGGER")
	if status, out := run("migrate", "up", "--database", keeper); status != 0 {
		t.Fatal(out)
	}
	file, reader := filepath.Join(t.TempDir(), "backup"), account("reader", "origin", "SELECT")
	if status, out := run("backup", "--database", reader, "--out", file); status == 0 || !strings.Contains(out, "TRIGGER") {
		t.Errorf("a copy without triggers: %d %s", status, out)
	}
	account("reader", "origin", "TRIGGER")
	if status, out := run("backup", "--database", reader, "--out", file); status != 0 {
		t.Fatal(out)
	}
	status, out := run("restore", "--database", account("keeper", "copy", "SELECT, INSERT, CREATE, DROP, ALTER, TRIGGER, LOCK TABLES"), "--from", file)
	if status != 0 || !strings.Contains(out, " 0 failed") {
		t.Errorf("restore: %d\n%s", status, out)
	}
}
