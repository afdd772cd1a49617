package app

import (
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"testing"

	"hongbao/internal/database"
	"hongbao/internal/testkit"
	"hongbao/reporting"
)

// demoSettings are of a demo on a fresh database, with its keys in a directory.
func demoSettings(t *testing.T, dir string) *Config {
	t.Helper()
	keys, err := demoKeys(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	config, err := Load(Source{Environment: []string{"HONGBAO_LISTEN=127.0.0.1:0", "HONGBAO_DATABASE=" + testkit.SQLite(t)}, Fallback: keys})
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// Two demos on one file would both run its campaigns and its jobs.
func TestDemoHasItsFileToItself(t *testing.T) {
	dir := t.TempDir()
	config := demoSettings(t, dir)
	first, err := openDemo(context.Background(), config, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openDemo(context.Background(), config, dir); !errors.Is(err, database.ErrTaken) {
		t.Errorf("a second demo: %v", err)
	}
	if err := first.close(); err != nil {
		t.Fatal(err)
	}
	next, err := openDemo(context.Background(), config, dir)
	if err != nil {
		t.Fatalf("after the first has gone: %v", err)
	}
	if err := next.close(); err != nil {
		t.Error(err)
	}
}

// filledDemo is a demo whose campaigns are made, on a fresh database; its clock stands still.
func filledDemo(t *testing.T) *demo {
	t.Helper()
	dir := t.TempDir()
	d, err := openDemo(context.Background(), demoSettings(t, dir), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	})
	if response, err := http.Get(d.address + "/"); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("before its campaigns are there: %v %v", response, err)
	}
	if err := d.rehearse(context.Background(), t.Output()); err != nil {
		t.Fatal(err)
	}
	return d
}

func demoHasThreeStages(t *testing.T, d *demo) {
	list, err := d.platform.campaigns.List(context.Background(), "*")
	if err != nil {
		t.Fatal(err)
	}
	stages := make(map[string]int)
	for _, c := range list {
		stages[c.Status]++
		if c.Status == "settled" && get(t, d.address+"/c/"+c.Slug+"/close-out") != http.StatusOK {
			t.Errorf("%s has no close-out certificate", c.Slug)
		}
		for _, path := range []string{"/c/" + c.Slug, "/draws/" + c.Slug} {
			if status := get(t, d.address+path); status != http.StatusOK {
				t.Errorf("%s: %d", path, status)
			}
		}
	}
	if stages["open"] != 1 || stages["drawn"] != 1 || stages["settled"] != 1 {
		t.Errorf("%v", stages)
	}
	results, err := reporting.Check(context.Background(), d.platform.db)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if !r.OK {
			t.Errorf("%s: %s", r.Name, r.Detail)
		}
	}
}

func get(t *testing.T, address string) int {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode
}
