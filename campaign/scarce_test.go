package campaign

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"hongbao/internal/database"
	"hongbao/internal/testkit"
)

// However many ask at once, nobody gets another's code, nobody gets two, and no code stands in the database in clear.
func TestScarceCodesAreHandedOutOnce(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := newWorld(t, db), context.Background()
		c, err := w.Create(ctx, "maker", suzhou(t))
		if err != nil {
			t.Fatal(err)
		}
		list := "code\nAPPL-0001\nAPPL-0002\nAPPL-0002\nx\nAPPL-0003\nAPPL-0004\n"
		result, err := w.ImportCodes(ctx, "operations", c.Slug, strings.NewReader(list))
		if err != nil || result.Imported != 4 || len(result.Rejected) != 2 || result.Rejected[0].Line != 4 || result.Rejected[1].Line != 5 {
			t.Fatalf("%+v, %v", result, err)
		}
		if again, err := w.ImportCodes(ctx, "operations", c.Slug, strings.NewReader("code\nAPPL-0001\nAPPL-0005\n")); err != nil || again.Imported != 1 {
			t.Errorf("%+v, %v", again, err)
		}
		const people = 8
		codes, problems := make([][2]string, people), make([][2]error, people)
		var group sync.WaitGroup
		for i := range people {
			for j := range 2 { // each asks twice at once
				group.Go(func() { codes[i][j], problems[i][j] = w.HandOutCode(ctx, c.ID, int64(100+i)) })
			}
		}
		group.Wait()
		seen := map[string]int{}
		for i := range people {
			for j := range 2 {
				if err := problems[i][j]; err != nil && !errors.Is(err, errNoCodes) {
					t.Errorf("person %d: %v", i, err)
				}
			}
			mine, err := w.CodeOf(ctx, c.ID, int64(100+i))
			if err != nil {
				t.Fatal(err)
			}
			for j := range 2 {
				if codes[i][j] != "" && codes[i][j] != mine {
					t.Errorf("person %d got %q and has %q", i, codes[i][j], mine)
				}
			}
			if mine != "" {
				seen[mine]++
			}
		}
		for code, n := range seen {
			if n != 1 || !strings.HasPrefix(code, "APPL-") {
				t.Errorf("%s is %d people's", code, n)
			}
		}
		if counts, err := w.CodeCounts(ctx, c.ID); len(seen) != 5 || err != nil || counts != (CodeCounts{5, 5, 0}) {
			t.Errorf("%d handed out, %+v, %v", len(seen), counts, err)
		}
		if text := fmt.Sprint(w.count("SELECT COUNT(*) FROM scarce_codes WHERE CAST(sealed AS CHAR) LIKE '%APPL%'")); text != "0" {
			t.Error("a code stands in the database in clear")
		}
	})
}
