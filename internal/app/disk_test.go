package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"hongbao/internal/rehearsal"
	"hongbao/internal/testkit"
)

// disk is where a service's database lies: fill leaves no room on it, and empty makes room again.
type disk struct {
	fill, empty func()
	cause       string // what the log says of a full one
}

// drill lets people register while there is room, when there is none, and when there is room again. Whoever holds a receipt is
// registered; all others are told 503, whose cause is in the log.
func (d disk) drill(t *testing.T, databaseURL string, load rehearsal.Load, log func() string) {
	t.Helper()
	var held receipts
	load.Acknowledged, load.Lookups, load.Patience = held.add, 1, 0
	register := func(people int, seed uint64) *rehearsal.LoadReport {
		load.Registrations, load.Rate, load.Seed = people, 300, seed
		report, err := load.Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	answered(t, register(20, 11))
	d.fill()
	full := register(600, 12)
	full.Print(t.Output())
	refused := full.Errors["registration: 503 database-unavailable"]
	unsaid := full.Errors["registration: 503 busy"] // who waited for too long behind the others
	if refused == 0 || refused+unsaid != full.Wanted-full.Registered {
		t.Errorf("%d of %d registered on a full disk; the others were told %v", full.Registered, full.Wanted, full.Errors)
	}
	if !strings.Contains(log(), d.cause) {
		t.Errorf("the log does not say %q:\n%.2000s", d.cause, log())
	}
	d.empty()
	answered(t, register(20, 13))
	held.kept(t, databaseURL)
}

// A database file that may not grow, in a service of this process.
func TestFullDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("registers hundreds")
	}
	var log journal
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	setLog(&log, "warn")
	url := testkit.SQLite(t)
	stage := stagedFor(t, exampleBook(t, luohu), rehearsalOptions{registrations: 20, faults: "none", seed: 3, database: url})
	defer stage.close()
	stage.until(rehearsal.Open)
	pages := func(most int) {
		if _, err := stage.platform.db.SQL().Exec(fmt.Sprint("PRAGMA max_page_count = ", most)); err != nil { // at least those that there are
			t.Fatal(err)
		}
	}
	d := disk{fill: func() { pages(1) }, empty: func() { pages(1 << 30) }, cause: "database or disk is full"}
	load := rehearsal.Load{Targets: []string{stage.address}, SMS: stage.world.street.SMSURL(), RuleBook: stage.book, Limit: time.Minute}
	d.drill(t, url, load, log.String)
}

// A disk that is full, under a service that is a process of its own, on either dialect.
func TestFullDiskUnderAReplica(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	for dialect, at := range map[string]struct {
		cause string
		open  func(t *testing.T, dir string) string
	}{
		"sqlite": {"database or disk is full", func(_ *testing.T, dir string) string { return "sqlite:" + filepath.Join(dir, "hongbao.db") }},
		"mysql":  {"Error 1114", func(t *testing.T, dir string) string { return mariaDBIn(t, dir).create("hongbao") }},
	} {
		t.Run(dialect, func(t *testing.T) {
			dir := smallDisk(t, 300)
			url := at.open(t, dir)
			load := opened(t, url)
			r := newReplica(t, url, load.SMS)
			r.await("/readyz", http.StatusOK)
			load.Targets = []string{r.address()}
			ballast := filepath.Join(dir, "ballast")
			d := disk{cause: at.cause, fill: func() { fill(t, ballast) }, empty: func() { _ = os.Remove(ballast) }}
			d.drill(t, url, load, r.log.String)
			r.kill()
		})
	}
}

// smallDisk is a file system of so many MiB in memory. It skips the test where none may be mounted.
func smallDisk(t *testing.T, mib int) (dir string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "hongbao-disk-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=755", mib)); err != nil {
		t.Skipf("a small file system cannot be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill writes a file until no byte is left.
func fill(t *testing.T, ballast string) {
	t.Helper()
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	piece := make([]byte, 64<<10)
	for err == nil {
		_, err = f.Write(piece)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk does not get full: %v", err)
	}
}
