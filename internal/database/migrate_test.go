package database_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	neturl "net/url"
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

// The generation after this program's may be served on and not migrated; what is still to come in this one, or two ahead, or
// stands on what is missing here, is for a newer program.
func TestSchemaOfTheNextGeneration(t *testing.T) {
	emptyDatabases(t, func(t *testing.T, open func() *database.DB) {
		db, ctx := open(), t.Context()
		_, err := database.Migrate(ctx, db)
		report(t, err)
		list, err := database.Status(ctx, db)
		report(t, err)
		last := list[len(list)-1].Version
		next := (last/1000 + 1) * 1000
		for _, c := range []struct {
			what    string
			change  string
			want    error
			current bool
		}{
			{"the next generation", fmt.Sprintf("INSERT INTO schema_steps VALUES (%d, 0, 1), (%d, 1, 1), (%d, 0, 1)", next, next, next+999), database.ErrAhead, true},
			{"a known step missing besides", "UPDATE schema_steps SET step = 70 + step WHERE version = 1", database.ErrNewerSchema, false},
			{"that step back", "UPDATE schema_steps SET step = step - 70 WHERE version = 1", database.ErrAhead, true},
			{"one of this generation besides", fmt.Sprintf("INSERT INTO schema_steps VALUES (%d, 0, 1)", last+1), database.ErrNewerSchema, false},
			{"two generations", fmt.Sprintf("UPDATE schema_steps SET version = %d WHERE version = %d", next+1000, last+1), database.ErrNewerSchema, false},
		} {
			must(t, db.SQL(), c.change)
			if n, err := database.Migrate(ctx, db); n != 0 || !errors.Is(err, c.want) {
				t.Errorf("%s: applied %d, %v", c.what, n, err)
			}
			if current, err := database.Current(ctx, db); current != c.current || err != nil {
				t.Errorf("%s: current %v, %v", c.what, current, err)
			}
		}
		shown, err := database.Status(ctx, db)
		if newest := shown[len(shown)-1]; err != nil || len(shown) != len(list)+3 || newest.Version != next+1000 || newest.Name != "unknown" || newest.Applied != 1 {
			t.Errorf("%d migrations, the newest %+v, %v", len(shown), newest, err)
		}
	})
}

// An account that may not change the schema can serve on one that is current.
func TestMigrateOnlyReadsWhatIsCurrent(t *testing.T) {
	url := testkit.MySQL(t)
	root, err := database.Open(t.Context(), url)
	report(t, err)
	defer root.Close()
	if _, err := database.Migrate(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	address, err := neturl.Parse(url)
	report(t, err)
	name := strings.TrimPrefix(address.Path, "/")
	account := "clerk_" + name[len(name)-8:]
	must(t, root.SQL(), "CREATE USER "+account+" IDENTIFIED BY 'secret'")
	defer must(t, root.SQL(), "DROP USER "+account)
	must(t, root.SQL(), "GRANT SELECT, INSERT, UPDATE ON `"+name+"`.* TO "+account)
	address.User = neturl.UserPassword(account, "secret")
	clerk, err := database.Open(t.Context(), address.String())
	if err != nil {
		t.Fatal(err)
	}
	defer clerk.Close()
	if n, err := database.Migrate(t.Context(), clerk); n != 0 || err != nil {
		t.Errorf("applied %d, %v", n, err)
	}
	if _, err := clerk.SQL().Exec("CREATE TABLE more (a BIGINT)"); err == nil {
		t.Error("the account may change the schema")
	}
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
