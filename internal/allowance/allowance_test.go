package allowance

import (
	"context"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"hongbao/internal/database"
	"hongbao/internal/testkit"
)

var noon = time.Date(2020, 12, 11, 4, 0, 0, 0, time.UTC)

// replica is a limiter beside others on one database: 40 at once and one more every ten seconds.
func replica(db *database.DB, clock *testkit.Clock) *Limiter {
	return &Limiter{DB: db, Now: clock.Now, Rules: map[string]Rule{"sms": {Burst: 40, Every: 10 * time.Second}},
		Index: func(bucket, caller string) [32]byte { return sha256.Sum256([]byte(bucket + " " + caller)) }}
}

// ask asks n times and says how many requests passed.
func ask(l *Limiter, who string, n int) (passed int) {
	for range n {
		if l.Take("sms", who) == 0 {
			passed++
		}
	}
	return passed
}

func exchanged(t *testing.T, replicas ...*Limiter) {
	t.Helper()
	for _, l := range replicas {
		if err := l.exchange(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnAllowanceIsUsedUpAndRestored(t *testing.T) {
	clock := testkit.NewClock(noon)
	l := replica(nil, clock)
	if n := ask(l, "a", 50); n != 40 {
		t.Errorf("%d passed at once", n)
	}
	if wait := l.Take("sms", "a"); wait != 10*time.Second {
		t.Errorf("the next waits %s", wait)
	}
	if l.Take("sms", "b") != 0 || l.Take("pages", "a") != 0 {
		t.Error("another caller, or a bucket without a rule, was held up")
	}
	clock.Advance(25 * time.Second)
	if n := ask(l, "a", 50); n != 2 {
		t.Errorf("%d passed after 25 s", n)
	}
	if wait := l.Take("sms", "a"); wait != 5*time.Second {
		t.Errorf("the next waits %s", wait)
	}
	clock.Advance(time.Hour)
	if n := ask(l, "a", 50); n != 40 {
		t.Errorf("%d passed after a pause", n)
	}
}

// A full memory forgets those whose allowance is whole, and everybody if these are few.
func TestMemoryIsBounded(t *testing.T) {
	clock := testkit.NewClock(noon)
	l := replica(nil, clock)
	fill := func(from, to int) {
		for n := from; n < to; n++ {
			l.Take("sms", fmt.Sprint(n))
		}
	}
	fill(0, maxCallers-1000)
	clock.Advance(time.Minute)
	ask(l, "flood", 40)
	fill(maxCallers, maxCallers+1000)
	if l.Take("sms", "flood") == 0 || len(l.callers) > 1001 {
		t.Errorf("%d callers are kept, and the one who has used up everything is among the forgotten", len(l.callers))
	}
	fill(0, maxCallers)
	if len(l.callers) > maxCallers || l.Take("sms", "flood") != 0 || len(l.heavy) > 1 {
		t.Errorf("%d callers are kept", len(l.callers))
	}
}

func TestReplicasCountTogether(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		clock := testkit.NewClock(noon)
		a, b, c := replica(db, clock), replica(db, clock), replica(db, clock)
		if n := ask(a, "flood", 20) + ask(b, "flood", 10) + ask(c, "flood", 6); n != 36 {
			t.Fatalf("%d passed", n)
		}
		exchanged(t, a, b, c, a, b)
		for n, l := range []*Limiter{a, b, c} {
			if passed := ask(l, "flood", 9); passed != 4 {
				t.Errorf("replica %d lets %d more through", n, passed)
			}
		}
		exchanged(t, a, b, c, a, b, c)
		if wait := a.Take("sms", "flood"); wait != 90*time.Second {
			t.Errorf("eight too many are paid back by a wait of %s", wait)
		}
		clock.Advance(90 * time.Second)
		exchanged(t, a, b, c)
		if n := ask(a, "flood", 5); n != 1 {
			t.Errorf("%d passed when all was paid back", n)
		}
	})
}

// Whoever asks no faster than the rule says owes nothing, however long that goes on.
func TestWhatIsRestoredIsNotTold(t *testing.T) {
	db := testkit.DB(t)
	clock := testkit.NewClock(noon)
	a, b := replica(db, clock), replica(db, clock)
	for range 500 {
		if ask(a, "steady", 1) != 1 {
			t.Fatal("held up")
		}
		clock.Advance(10 * time.Second)
	}
	ask(a, "steady", 10)
	exchanged(t, a)
	if n := ask(b, "steady", 6); n != 6 {
		t.Errorf("%d passed", n)
	}
	exchanged(t, b, a)
	for _, l := range []*Limiter{a, b} {
		if n := ask(l, "steady", 30); n != 24 {
			t.Errorf("%d more passed of 24 that are left", n)
		}
	}
}

// Whoever has used little is not spoken of, and the stored ones go when their allowance is whole.
func TestWhatIsStored(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		clock := testkit.NewClock(noon)
		l := replica(db, clock)
		for n := range inStatement + 20 {
			ask(l, fmt.Sprint("citizen ", n), 6)
		}
		ask(l, "light", 5)
		exchanged(t, l)
		if n := rows(t, db); n != inStatement+20 {
			t.Errorf("%d callers are stored", n)
		}
		exchanged(t, l)
		if n, err := l.drop(t.Context()); n != 0 || err != nil {
			t.Errorf("dropped %d, %v", n, err)
		}
		clock.Advance(time.Minute)
		exchanged(t, l)
		if n, err := l.drop(t.Context()); n != inStatement+20 || err != nil {
			t.Errorf("dropped %d, %v", n, err)
		}
		if n := rows(t, db); n != 0 || len(l.heavy) != 0 {
			t.Errorf("%d rows and %d heavy callers are left", n, len(l.heavy))
		}
	})
}

// A database that is away holds nobody up, and what was not told is told later.
func TestWithoutTheDatabaseEachGoesOn(t *testing.T) {
	db := testkit.DB(t)
	clock := testkit.NewClock(noon)
	a, b := replica(db, clock), replica(db, clock)
	ask(a, "flood", 30)
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if a.exchange(gone) == nil {
		t.Fatal("the database answered")
	}
	if n := ask(a, "flood", 40); n != 10 {
		t.Errorf("%d passed", n)
	}
	ask(b, "flood", 6)
	exchanged(t, a, b)
	if wait := b.Take("sms", "flood"); wait != 70*time.Second {
		t.Errorf("the other replica says to wait %s", wait)
	}
}

func rows(t *testing.T, db *database.DB) (n int) {
	t.Helper()
	if err := db.Read(t.Context()).Raw("SELECT COUNT(*) FROM allowances").Scan(&n).Error; err != nil {
		t.Fatal(err)
	}
	return n
}
