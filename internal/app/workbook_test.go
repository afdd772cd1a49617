package app

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"hongbao/reporting"
)

// total is a figure on the cover of a workbook, in fen or in pieces, and where its parts stand.
type total struct {
	cell  string // on the cover
	fen   int64
	parts []string // ranges of the sheets, over all their rows
}

const cover = "封面"

// holdWorkbooks holds every workbook of a rehearsal against its own rows, against the ledger, and against what LibreOffice reads of it.
func holdWorkbooks(t *testing.T, dir string) {
	t.Helper()
	totals := map[string]map[string]total{} // by report, then by name
	for _, r := range reporting.Catalogue() {
		book, err := excelize.OpenFile(filepath.Join(dir, "reports", r.Name+".xlsx"))
		if err != nil {
			t.Error(err)
			continue
		}
		totals[r.Name] = totalsOf(t, book, r)
		if err := book.Close(); err != nil {
			t.Error(err)
		}
	}
	holdAgainstLedger(t, filepath.Join(dir, "rehearsal.db"), totals)
	recalculate(t, dir, totals)
}

// totalsOf reads the totals of a cover and holds each against the sum of its column.
func totalsOf(t *testing.T, book *excelize.File, r reporting.Report) map[string]total {
	t.Helper()
	found := map[string]total{}
	for _, n := range book.GetDefinedName() {
		if !strings.HasPrefix(n.Name, "total_") {
			continue
		}
		cell := strings.ReplaceAll(n.RefersTo[strings.LastIndex(n.RefersTo, "!")+1:], "$", "")
		found[n.Name] = total{cell: cell, fen: hundredths(t, book, cover, cell)}
	}
	for _, s := range r.Sheets {
		for i, c := range s.Columns {
			name := fmt.Sprintf("total_%s_%s", strings.ReplaceAll(s.EN, "-", "_"), strings.ReplaceAll(c.EN, "-", "_"))
			one, ok := found[name]
			if ok != c.Total {
				t.Errorf("%s: the cover has %s: %v", r.Name, name, ok)
			}
			if !ok {
				continue
			}
			letter, err := excelize.ColumnNumberToName(i + 1)
			if err != nil {
				t.Fatal(err)
			}
			sum := int64(0)
			rows, err := book.GetRows(s.ZH)
			if err != nil {
				t.Fatal(err)
			}
			for row := 3; row <= len(rows); row++ {
				sum += hundredths(t, book, s.ZH, letter+strconv.Itoa(row))
			}
			if sum != one.fen {
				t.Errorf("%s: %s is %d on the cover and %d in the rows (hundredths)", r.Name, name, one.fen, sum)
			}
			one.parts = []string{fmt.Sprintf("'%s'!%s3:%s%d", s.ZH, letter, letter, max(3, len(rows)))}
			found[name] = one
		}
	}
	return found
}

// hundredths reads a number as it is stored.
func hundredths(t *testing.T, book *excelize.File, sheet, cell string) int64 {
	t.Helper()
	text, err := book.GetCellValue(sheet, cell, excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	if text == "" {
		return 0
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Errorf("%s!%s: %v", sheet, cell, err)
	}
	return int64(math.Round(n * 100))
}

// holdAgainstLedger compares the money on the covers with the balances of the ledger.
func holdAgainstLedger(t *testing.T, path string, totals map[string]map[string]total) {
	t.Helper()
	db, err := openMigrated(context.Background(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	balance := map[string]int64{}
	rows, err := db.Read(context.Background()).Raw("SELECT kind, SUM(balance_fen) FROM ledger_accounts GROUP BY kind").Rows()
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var kind string
		var fen int64
		if err := rows.Scan(&kind, &fen); err != nil {
			t.Fatal(err)
		}
		balance[kind] = fen
	}
	if balance["spent"] == 0 || balance["returned"] == 0 {
		t.Fatalf("the ledger says %v", balance)
	}
	held := 0
	for report, names := range totals {
		for name, one := range names {
			kind := ""
			switch {
			case strings.HasSuffix(name, "_envelope_net"), report == "overview" && strings.HasSuffix(name, "_spent"), report == "ledger" && strings.HasSuffix(name, "_spent"):
				kind = "spent"
			case report == "overview" && strings.HasSuffix(name, "_returned"), report == "ledger" && strings.HasSuffix(name, "_returned"):
				kind = "returned"
			default:
				continue
			}
			if held++; one.fen != balance[kind] {
				t.Errorf("%s: %s is %d fen, the ledger's %s is %d", report, name, one.fen, kind, balance[kind])
			}
		}
	}
	if held < 8 {
		t.Errorf("only %d totals were held against the ledger", held)
	}
}

// always makes LibreOffice recalculate what it opens.
const always = `<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load"><prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item>
</oor:items>
`

// recalculate puts a sum beside each total, has LibreOffice open, recalculate and write every workbook in one process, and reads
// the sums back.
func recalculate(t *testing.T, dir string, totals map[string]map[string]total) {
	t.Helper()
	office, err := exec.LookPath("soffice")
	if err != nil {
		t.Log("LibreOffice (soffice) is not installed: workbooks are not recalculated by it")
		return
	}
	work := t.TempDir()
	profile, out := filepath.Join(work, "profile"), filepath.Join(work, "out")
	if err := os.MkdirAll(filepath.Join(profile, "user"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(profile, "user", "registrymodifications.xcu"), []byte(always), 0o644); err != nil {
		t.Fatal(err)
	}
	arguments := []string{"-env:UserInstallation=file://" + profile, "--headless", "--convert-to", "xlsx", "--outdir", out}
	for report, names := range totals {
		book, err := excelize.OpenFile(filepath.Join(dir, "reports", report+".xlsx"))
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range names {
			if err := book.SetCellFormula(cover, "Z"+one.cell[1:], "SUM("+strings.Join(one.parts, ",")+")"); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(work, report+".xlsx")
		if err := book.SaveAs(path); err != nil {
			t.Fatal(err)
		}
		if err := book.Close(); err != nil {
			t.Fatal(err)
		}
		arguments = append(arguments, path)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if said, err := exec.CommandContext(ctx, office, arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	recalculated := 0
	for report, names := range totals {
		book, err := excelize.OpenFile(filepath.Join(out, report+".xlsx"))
		if err != nil {
			t.Errorf("LibreOffice has not opened it: %v", err)
			continue
		}
		for name, one := range names {
			recalculated++
			if got := hundredths(t, book, cover, "Z"+one.cell[1:]); got != one.fen {
				t.Errorf("%s: %s is %d on the cover, and LibreOffice makes it %d (hundredths)", report, name, one.fen, got)
			}
		}
		if err := book.Close(); err != nil {
			t.Error(err)
		}
	}
	if recalculated < 40 {
		t.Errorf("only %d totals were recalculated", recalculated)
	}
}
