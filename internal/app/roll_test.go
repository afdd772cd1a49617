package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"hongbao/internal/database"
	"hongbao/internal/staff"
)

// nextGeneration changes a schema as the program of the next generation may: a column with a default in every table.
func nextGeneration(t *testing.T, databaseURL string) {
	ctx := context.Background()
	db, err := database.Open(ctx, databaseURL)
	if err != nil {
		t.Error(err)
		return
	}
	defer db.Close()
	var last int
	var tables []string
	err = errors.Join(db.Read(ctx).Raw("SELECT MAX(version) FROM schema_steps").Scan(&last).Error,
		db.Read(ctx).Raw("SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'").Scan(&tables).Error)
	if err != nil || last == 0 || len(tables) < 50 {
		t.Errorf("migration %d, %d tables, %v", last, len(tables), err)
	}
	next := (last/1000 + 1) * 1000
	statements := []string{fmt.Sprintf("INSERT INTO schema_steps (version, step, applied_at) VALUES (%d, 0, 1)", next)}
	for _, table := range tables {
		statements = append(statements, fmt.Sprintf("ALTER TABLE `%s` ADD COLUMN of_%d VARCHAR(20) NOT NULL DEFAULT 'new'", table, next))
	}
	for _, statement := range statements {
		if _, err := db.SQL().Exec(statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

// The newer version migrates while one of the version before serves: that one goes on, and comes back when it was killed. On a
// schema yet another generation ahead it is not ready, and does not start.
func TestReplicaGoesOnWhenTheSchemaIsAhead(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	url := mysqlURL(t)
	load := opened(t, url)
	r := newReplica(t, url, load.SMS)
	r.await("/readyz", http.StatusOK)
	load.Targets, load.Registrations, load.Rate, load.Lookups = []string{r.address()}, 240, 20, 1
	var held receipts
	load.Acknowledged = held.add
	var roll sync.WaitGroup
	roll.Go(func() {
		held.until(t, 40)
		nextGeneration(t, url)
		if got := r.status("/readyz"); got != http.StatusOK {
			t.Errorf("with the schema ahead the replica says %d", got)
		}
		held.until(t, held.count()+40)
		r.kill()
		r.start()
		r.await("/readyz", http.StatusOK)
	})
	report, err := load.Run(context.Background())
	roll.Wait()
	if err != nil {
		t.Fatal(err)
	}
	answered(t, report)
	held.kept(t, url)
	if got := r.ask("GET", "/api/v1/admin/jobs", r.signIn(employ(t, url, staff.SystemAdmin)), nil, nil); got != http.StatusOK {
		t.Errorf("the console says %d", got)
	}
	nextGeneration(t, url)
	r.await("/readyz", http.StatusServiceUnavailable)
	r.kill()
	if !strings.Contains(r.log.String(), "working beside a newer program") {
		t.Errorf("nothing says that the schema is ahead: %s", r.log.String())
	}
	r.start()
	if err := r.process.Wait(); err == nil || !strings.Contains(r.log.String(), "The schema is newer than this program; use the newer program.") {
		t.Errorf("two generations ahead: %v: %s", err, r.log.String())
	}
}
