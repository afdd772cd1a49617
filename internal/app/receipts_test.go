package app

import (
	"context"
	"encoding/hex"
	"sync"
	"testing"
	"time"

	"hongbao/internal/database"
)

// receipts are the entries that citizens hold a receipt for.
type receipts struct {
	mu      sync.Mutex
	entries []string
}

func (r *receipts) add(entry string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries = append(r.entries, entry)
}

// count is how many receipts citizens hold so far.
func (r *receipts) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.entries)
}

// until waits for so many receipts.
func (r *receipts) until(t *testing.T, n int) {
	for deadline := time.Now().Add(time.Minute); r.count() < n; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("%d of %d receipts after a minute", r.count(), n)
			return
		}
	}
}

// kept fails for each receipt whose registration is not stored, each job that ran twice in a minute or not at all in one of the
// minutes given, and each invariant that does not hold.
func (r *receipts) kept(t *testing.T, databaseURL string, minutes ...time.Time) {
	t.Helper()
	ctx := context.Background()
	db, err := database.Open(ctx, databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var stored []database.Bytes32
	if err := db.Read(ctx).Raw("SELECT entry FROM registrations").Scan(&stored).Error; err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, entry := range stored {
		there[hex.EncodeToString(entry[:])] = true
	}
	for _, entry := range r.entries {
		if !there[entry] {
			t.Errorf("the registration %s was acknowledged and is lost", entry)
		}
	}
	ranOnce(t, db, minutes)
	list, err := checks(ctx, db)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		if !c.OK {
			t.Errorf("%s: %s", c.Name, c.Detail)
		}
	}
}
