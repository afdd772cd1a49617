package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/testkit"
)

var noon = time.Date(2020, 12, 5, 4, 0, 0, int(123*time.Millisecond), time.UTC)

func record(t *testing.T, db *database.DB, entries ...Entry) {
	t.Helper()
	for _, e := range entries {
		if err := db.InTx(context.Background(), func(tx *gorm.DB) error { return Record(tx, e) }); err != nil {
			t.Error(err)
		}
	}
}

func TestChainHoldsUnderConcurrentWriters(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		stop := errors.New("stop")
		var group sync.WaitGroup
		for writer := range 8 {
			group.Go(func() {
				for i := range 10 {
					e := Entry{At: noon, Actor: fmt.Sprint("writer", writer), Action: "test", Detail: map[string]int{"i": i}}
					record(t, db, e)
					err := db.InTx(context.Background(), func(tx *gorm.DB) error {
						return errors.Join(Record(tx, e), stop) // a deed that fails leaves no entry and no gap
					})
					if !errors.Is(err, stop) {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		if n, err := Verify(t.Context(), db); n != 80 || err != nil {
			t.Errorf("verified %d entries, %v", n, err)
		}
	})
}

func TestEntriesAreAppendOnly(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		record(t, db, Entry{At: noon, Actor: "a", Action: "one"})
		for _, statement := range []string{"UPDATE audit_entries SET actor = 'b'", "DELETE FROM audit_entries"} {
			if _, err := db.SQL().Exec(statement); err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: %v", statement, err)
			}
		}
	})
}

func TestVerifyNamesWhatWasSpoiled(t *testing.T) {
	for name, spoil := range map[string]string{
		"entry 2": "UPDATE audit_entries SET subject = 'other' WHERE seq = 2",
		"entry 3": "DELETE FROM audit_entries WHERE seq = 2",
		"head":    "DELETE FROM audit_entries WHERE seq = 3",
	} {
		testkit.Databases(t, func(t *testing.T, db *database.DB) {
			record(t, db, Entry{At: noon, Action: "one"}, Entry{At: noon, Action: "two"}, Entry{At: noon, Action: "three"})
			for _, statement := range []string{"DROP TRIGGER audit_entries_no_update", "DROP TRIGGER audit_entries_no_delete", spoil} {
				if _, err := db.SQL().Exec(statement); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := Verify(t.Context(), db); !errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), name) {
				t.Errorf("after %q: %v", spoil, err)
			}
		})
	}
}

func TestListFiltersAndPages(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		for i := range 5 {
			record(t, db, Entry{At: noon.Add(time.Duration(i) * time.Hour), Actor: "a", Action: "x", Campaign: fmt.Sprint("c", i%2),
				Subject: "红包", Detail: map[string]string{"因": "<果>"}})
		}
		for _, c := range []struct {
			filter Filter
			want   []int64
		}{
			{Filter{}, []int64{5, 4, 3, 2, 1}}, {Filter{Campaign: "c1"}, []int64{4, 2}}, {Filter{Before: 3, Limit: 1}, []int64{2}},
			{Filter{From: noon.Add(time.Hour), Until: noon.Add(3 * time.Hour)}, []int64{3, 2}},
			{Filter{Actor: "b"}, nil}, {Filter{Action: "x", Limit: 2}, []int64{5, 4}},
		} {
			entries, err := List(t.Context(), db, c.filter)
			var got []int64
			for _, e := range entries {
				got = append(got, e.Seq)
			}
			if err != nil || fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("%+v gave %v, %v", c.filter, got, err)
			}
		}
		first, err := List(t.Context(), db, Filter{Before: 2})
		if err != nil || !first[0].At.Equal(noon) || string(first[0].Detail.(json.RawMessage)) != `{"因":"<果>"}` {
			t.Errorf("%+v, %v", first, err)
		}
	})
}

func TestIdentityNeverStandsInClear(t *testing.T) {
	db := testkit.DB(t)
	record(t, db, Entry{At: noon, Actor: "a", Action: "x", Subject: "citizen 13812345678", Detail: map[string]any{
		"reason": "called 13812345678,13912345678 about 11010519491231002X and CAN110178010112", "fen": 13812345678,
		"order": "0ABC13812345678DEF", "list": []string{"440524188001010014"}}})
	list, err := List(t.Context(), db, Filter{})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"fen":13812345678,"list":["***"],"order":"0ABC13812345678DEF","reason":"called ***,*** about *** and ***"}`
	if got := string(list[0].Detail.(json.RawMessage)); got != want || list[0].Subject != "citizen ***" {
		t.Errorf("stored %s about %s", got, list[0].Subject)
	}
}

func TestRanges(t *testing.T) {
	for want, ids := range map[string][]int64{"": nil, "7": {7}, "1-3": {3, 1, 2, 2}, "1,3-4,9": {9, 4, 3, 1}, "5-6,8-9": {5, 6, 8, 9}} {
		if got := Ranges(ids); got != want {
			t.Errorf("%v: %q, want %q", ids, got, want)
		}
	}
}
