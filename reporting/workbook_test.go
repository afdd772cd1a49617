package reporting

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/testkit"
)

// sample is a report of three literal rows, among them text that a spreadsheet could take for a formula.
func sample() Report {
	return Report{Name: "sample", ZH: "样表", EN: "Sample", Sheets: []Sheet{{ZH: "明细", EN: "rows",
		Columns: []Column{
			{ZH: "名称", EN: "name", Note: "任意文字"},
			{ZH: "金额", EN: "amount", Kind: Money, Total: true, Note: "元"},
			{ZH: "笔数", EN: "times", Kind: Count, Total: true},
			{ZH: "时间", EN: "at", Kind: Moment},
			{ZH: "摘要", EN: "digest", Kind: Digest},
		},
		Query: `SELECT '=1+1' AS name, 20005 AS amount, 2 AS times, 1607688000000 AS at, X'00ff' AS digest WHERE @campaign = 1
			UNION ALL SELECT '五星电器', 100, 3, 0, NULL UNION ALL SELECT '@x', -5, 1, 1607688001000, X'01'`,
		Chart: &Chart{ZH: "金额", Label: 0, Figure: 1}}},
		Controls: []Control{{Column: 1, ZH: "账本", Query: "SELECT 20100 WHERE @campaign > 0"}}}
}

var cover = Cover{Campaign: "苏州双十二", Slug: "suzhou-2020", Number: "sample-20201211-00000000", MadeBy: "regulator", MadeAt: time.Unix(1607688000, 0), Version: "test"}

func scope(db *database.DB) Scope {
	return Scope{Tx: db.Read(context.Background()), Campaign: 1, At: cover.MadeAt}
}

func TestWorkbookCells(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		var file bytes.Buffer
		o, err := sample().Workbook(context.Background(), scope(db), cover, &file)
		if err != nil {
			t.Fatal(err)
		}
		if o.Rows != 3 || o.Totals[0].Sum != 20100 || o.Totals[1].Sum != 6 {
			t.Fatalf("outcome %+v", o)
		}
		book, err := excelize.OpenReader(&file)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(book.GetSheetList(), " "); got != "封面 明细 说明" {
			t.Errorf("sheets are %s", got)
		}
		for cell, want := range map[string]string{"A1": "名称", "B1": "金额（元）", "B2": "amount", "A3": "=1+1", "B3": "200.05", "C3": "2",
			"D3": "2020-12-11 20:00:00", "E3": "00ff", "A4": "五星电器", "D4": "", "E4": "", "B5": "-0.05"} {
			if got, _ := book.GetCellValue("明细", cell); got != want {
				t.Errorf("%s is %q, want %q", cell, got, want)
			}
		}
		if formula, _ := book.GetCellFormula("明细", "A3"); formula != "" {
			t.Errorf("text became the formula %q", formula)
		}
		names := map[string]string{}
		for _, n := range book.GetDefinedName() {
			names[n.Name] = n.RefersTo
		}
		total := strings.ReplaceAll(strings.TrimPrefix(names["total_rows_amount"], "'封面'!"), "$", "")
		if got, _ := book.GetCellValue("封面", total); got != "201.00" {
			t.Errorf("the cover's total is %q", got)
		}
		if names["_xlnm.Print_Titles"] == "" {
			t.Error("the heading is not repeated on printed pages")
		}
	})
}

func TestSameInputsSameCells(t *testing.T) {
	db := testkit.DB(t)
	ctx := context.Background()
	digests := map[string]bool{}
	for range 2 {
		var file bytes.Buffer
		o, err := sample().Workbook(ctx, scope(db), cover, &file)
		if err != nil {
			t.Fatal(err)
		}
		digests[o.Digest] = true
	}
	var flat bytes.Buffer
	o, err := sample().CSV(ctx, scope(db), cover, &flat)
	if err != nil {
		t.Fatal(err)
	}
	digests[o.Digest] = true
	if len(digests) != 1 {
		t.Errorf("the same cells have %d digests", len(digests))
	}
	elsewhere := scope(db)
	elsewhere.Campaign = 2
	other, err := sample().CSV(ctx, elsewhere, cover, &flat)
	if err != nil && fault.KindOf(err) != fault.Conflict {
		t.Fatal(err)
	}
	if digests[other.Digest] {
		t.Error("other cells have the same digest")
	}
}

func TestReportThatDiffersFromTheLedgerIsNotReleased(t *testing.T) {
	db := testkit.DB(t)
	ctx := context.Background()
	report := sample()
	report.Controls[0].Query = "SELECT 20101 WHERE @campaign > 0"
	var file bytes.Buffer
	_, err := report.Workbook(ctx, scope(db), cover, &file)
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "201.01") {
		t.Errorf("error is %v", err)
	}
	if file.Len() != 0 {
		t.Error("a file was written all the same")
	}
}

func TestFlatFiles(t *testing.T) {
	db := testkit.DB(t)
	ctx := context.Background()
	var csv, lines bytes.Buffer
	if _, err := sample().CSV(ctx, scope(db), cover, &csv); err != nil {
		t.Fatal(err)
	}
	if want := "\ufeff名称,金额（元）,笔数,时间,摘要\n'=1+1,200.05,2,2020-12-11T20:00:00+08:00,00ff\n"; !strings.HasPrefix(csv.String(), want) {
		t.Errorf("CSV begins %q", csv.String())
	}
	if _, err := sample().JSONLines(ctx, scope(db), cover, &lines); err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(lines.String(), "\n")
	var object map[string]any
	if err := json.Unmarshal([]byte(first), &object); err != nil {
		t.Fatal(err)
	}
	if object["name"] != "=1+1" || object["amount"] != 20005.0 || object["sheet"] != "rows" {
		t.Errorf("JSON line is %v", object)
	}
}
