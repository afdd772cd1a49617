package campaign

import (
	"context"
	"sync/atomic"
	"testing"
	"time"
)

// A crowd costs one question, a failure is not kept, and time ends an answer, whichever way the clock goes.
func TestRecentAsksOnce(t *testing.T) {
	var r recent[string, int64]
	var asked atomic.Int64
	now := time.Date(2020, 12, 5, 0, 0, 0, 0, time.UTC)
	ask := func() (int64, error) { return asked.Add(1), nil }
	inParallel(50, 500, func(int) {
		if n, err := r.get("a", now, ask); n != 1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	})
	if _, err := r.get("b", now, func() (int64, error) { return 0, context.Canceled }); err == nil {
		t.Error("a failure was hidden")
	}
	for i, at := range []time.Time{now.Add(recentLife - 1), now.Add(recentLife)} {
		if n, _ := r.get("a", at, ask); n != int64(i+1) {
			t.Errorf("at %v: %d", at, n)
		}
	}
	if n, _ := r.get("a", now, ask); n != 3 {
		t.Errorf("after the clock went back: %d", n)
	}
	r.forget()
	if n, _ := r.get("a", now, ask); n != 4 {
		t.Errorf("after forgetting: %d", n)
	}
}

// The pages that a crowd reads are answered while the database is gone, once somebody has read them.
func TestPublicPagesDoNotAskTheDatabase(t *testing.T) {
	w := newSite(t)
	c := w.open(suzhou(t, anyone...))
	get := func(path string) int {
		code, _ := w.send("GET", path, "", "", "")
		return code
	}
	paths := []string{"/", "/c/" + c.Slug, "/c/" + c.Slug + "/merchants", "/c/" + c.Slug + "/register", "/c/" + c.Slug + "/result", "/check", "/api/v1/campaigns", "/api/v1/campaigns/" + c.Slug}
	for _, path := range paths {
		if code := get(path); code != 200 {
			t.Fatalf("%s: %d", path, code)
		}
	}
	if err := w.DB.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if code := get(path); code != 200 {
			t.Errorf("%s without a database: %d", path, code)
		}
	}
}
