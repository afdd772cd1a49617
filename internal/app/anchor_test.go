package app

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What the job publishes can be fetched by anybody, kept, and held against the database later.
func TestAnchorIsPublishedKeptAndHeldAgainstTheChain(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	stage, err := openStage(ctx, rehearsalOptions{out: dir, faults: "none", seed: 1}, NewClock(time.Date(2020, 12, 1, 0, 0, 0, 0, shanghai)))
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) (int, []byte) {
		response, err := http.Get(stage.address + path)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return response.StatusCode, body
	}
	if status, _ := get("/api/v1/audit/anchor"); status != http.StatusNotFound {
		t.Errorf("before the first: %d", status)
	}
	for want := 1; want >= 0; want-- { // adding the staff was recorded; then nothing more
		if n, err := stage.platform.scheduler.RunNow(ctx, "audit-anchor", "test"); n != want || err != nil {
			t.Errorf("published %d, %v", n, err)
		}
	}
	var list anchorList
	_, body := get("/api/v1/audit/anchors")
	if err := json.Unmarshal(body, &list); err != nil || len(list.Anchors) != 1 {
		t.Fatalf("%s %v", body, err)
	}
	kept := filepath.Join(dir, "anchor")
	_, newest := get("/api/v1/audit/anchor")
	if err := os.WriteFile(kept, newest, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := stage.close(); err != nil {
		t.Fatal(err)
	}
	url := "sqlite:" + filepath.Join(dir, "rehearsal.db")
	if status, out := run("check", "--database", url, "--anchor", kept, "--anchor-key", list.Key); status != 0 {
		t.Errorf("%d %s", status, out)
	}
	other, err := (&Keys{logSeed: make([]byte, 32)}).LogKey("log.hongbao.example", auditLog)
	if err != nil {
		t.Fatal(err)
	}
	if status, out := run("check", "--database", url, "--anchor", kept, "--anchor-key", other.VKey); status == 0 {
		t.Errorf("another key: %s", out)
	}
}
