package reporting

import (
	"bytes"
	"context"
	"regexp"
	"testing"

	"hongbao/internal/database"
	"hongbao/internal/testkit"
)

// Every query of the catalogue is SQL that both dialects take, with one result column for each column of its sheet.
func TestCatalogueOnAnEmptyDatabase(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		ctx := context.Background()
		for _, r := range Catalogue() {
			var file bytes.Buffer
			o, err := r.Workbook(ctx, scope(db), cover, &file)
			if err != nil {
				t.Errorf("%s: %v", r.Name, err)
				continue
			}
			if file.Len() == 0 {
				t.Errorf("%s has %d rows in %d bytes", r.Name, o.Rows, file.Len())
			}
		}
	})
}

func TestCatalogueIsWellFormed(t *testing.T) {
	token := regexp.MustCompile(`^[a-z][a-z-]*$`)
	seen := map[string]bool{}
	for _, r := range Catalogue() {
		if !token.MatchString(r.Name) || seen[r.Name] {
			t.Errorf("name %q", r.Name)
		}
		seen[r.Name] = true
		for _, s := range r.Sheets {
			heads := map[string]bool{}
			for _, c := range s.Columns {
				if c.ZH == "" || c.EN == "" || c.Note == "" || heads[c.EN] {
					t.Errorf("%s, %s: column %+v lacks a heading or a note, or is there twice", r.Name, s.EN, c)
				}
				heads[c.EN] = true
			}
		}
	}
	if len(seen) < 12 {
		t.Errorf("the catalogue has %d reports", len(seen))
	}
}

func TestCheckOnAnEmptyDatabase(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		results, err := Check(context.Background(), db)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if !r.OK {
				t.Errorf("%s: %s", r.Name, r.Detail)
			}
		}
		if len(results) != len(invariants)+4 {
			t.Errorf("%d results", len(results))
		}
	})
}
