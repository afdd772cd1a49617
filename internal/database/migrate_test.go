package database_test

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"hongbao/internal/database"
	"hongbao/internal/testkit"
	"hongbao/migrations"
)

// emptyDatabases runs a test on an address of an empty database of each dialect.
func emptyDatabases(t *testing.T, test func(t *testing.T, open func() *database.DB)) {
	run := func(t *testing.T, url string) {
		test(t, func() *database.DB {
			db, err := database.Open(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { report(t, db.Close()) })
			return db
		})
	}
	t.Run(database.SQLite, func(t *testing.T) { run(t, "sqlite:"+filepath.Join(t.TempDir(), "empty.db")) })
	t.Run(database.MySQL, func(t *testing.T) { run(t, testkit.MySQL(t)) })
}

func TestMigrateByProcessesThatStartTogether(t *testing.T) {
	emptyDatabases(t, func(t *testing.T, open func() *database.DB) {
		var applied atomic.Int64
		var group sync.WaitGroup
		for range 3 {
			db := open()
			group.Go(func() {
				n, err := database.Migrate(context.Background(), db)
				report(t, err)
				applied.Add(int64(n))
			})
		}
		group.Wait()
		list, err := database.Status(t.Context(), open())
		if err != nil || int(applied.Load()) != len(list) {
			t.Fatalf("applied %d of %d, %v", applied.Load(), len(list), err)
		}
		for _, m := range list {
			if m.Applied != m.Steps || m.Steps == 0 || m.AppliedAt.IsZero() {
				t.Errorf("%04d_%s: %d of %d steps", m.Version, m.Name, m.Applied, m.Steps)
			}
		}
	})
}

func TestMigrateGoesOnWhereItStopped(t *testing.T) {
	emptyDatabases(t, func(t *testing.T, open func() *database.DB) {
		db := open()
		_, err := database.Migrate(t.Context(), db)
		report(t, err)
		must(t, db.SQL(), "DROP TABLE job_runs")
		must(t, db.SQL(), "DELETE FROM schema_steps WHERE version = 1")
		if n, err := database.Migrate(t.Context(), db); n != 1 || err != nil {
			t.Errorf("applied %d, %v", n, err)
		}
		must(t, db.SQL(), "INSERT INTO job_runs (job, started_at, run_by) VALUES ('a', 1, 'b')")
	})
}

func TestMigrateRefusesNewerSchema(t *testing.T) {
	emptyDatabases(t, func(t *testing.T, open func() *database.DB) {
		db := open()
		_, err := database.Migrate(t.Context(), db)
		report(t, err)
		for _, statement := range []string{"UPDATE schema_steps SET version = 9999 WHERE version = 1 AND step = 0",
			"UPDATE schema_steps SET version = 1, step = 77 WHERE version = 9999"} {
			must(t, db.SQL(), statement)
			if n, err := database.Migrate(t.Context(), db); n != 0 || !errors.Is(err, database.ErrNewerSchema) {
				t.Errorf("applied %d, %v", n, err)
			}
		}
	})
}

func TestDialectsHaveTheSameMigrations(t *testing.T) {
	names := map[string][]string{}
	for _, dialect := range []string{database.SQLite, database.MySQL} {
		paths, err := fs.Glob(migrations.Files, dialect+"/*.sql")
		report(t, err)
		for _, path := range paths {
			names[dialect] = append(names[dialect], strings.TrimPrefix(path, dialect+"/"))
		}
	}
	if !slices.Equal(names[database.SQLite], names[database.MySQL]) {
		t.Errorf("sqlite has %v, mysql has %v", names[database.SQLite], names[database.MySQL])
	}
}
