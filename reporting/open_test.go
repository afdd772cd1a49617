package reporting

import (
	"bytes"
	"context"
	"encoding/csv"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"hongbao/internal/testkit"
)

// A table that one worksheet cannot hold goes on to the next, under the same headings, and gives the same digest.
func TestLongTableGoesOnToTheNextSheet(t *testing.T) {
	scope := scope(testkit.DB(t))
	var short, long bytes.Buffer
	cut, err := sample().workbook(context.Background(), scope, cover, headerRows+2, &short)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := sample().Workbook(context.Background(), scope, cover, &long)
	if err != nil || whole.Digest != cut.Digest {
		t.Fatalf("%s and %s, %v", cut.Digest, whole.Digest, err)
	}
	book, err := excelize.OpenReader(&short)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(book.GetSheetList(), " "); got != "封面 明细 明细 (2) 说明" {
		t.Errorf("sheets are %s", got)
	}
	rows, err := book.GetRows("明细 (2)")
	if err != nil || len(rows) != 3 || rows[0][0] != "名称" || rows[2][0] != "@x" {
		t.Errorf("the second sheet holds %v, %v", rows, err)
	}
}

// What text may hold comes back as it was: markup, control characters, what looks like an escape, spaces at the ends.
func TestAwkwardTextComesBack(t *testing.T) {
	texts := []string{"=HYPERLINK(\"http://x\")", "+1", "-1", "@SUM(A1)", "<a>&amp;</a>", " 前后空格 ", "两行\n文字", "_x0041_", "铃\a声", "🧧红包", strings.Repeat("长", longest)}
	report := Report{Name: "awkward", ZH: "怪字", EN: "Awkward", Sheets: []Sheet{{ZH: "文字", EN: "texts", Columns: []Column{{ZH: "字", EN: "text", Note: "任意"}},
		Rows: func(context.Context, Scope) (rows [][]any, err error) {
			for _, text := range texts {
				rows = append(rows, []any{text})
			}
			return rows, nil
		}}}}
	var file bytes.Buffer
	if _, err := report.Workbook(context.Background(), scope(testkit.DB(t)), cover, &file); err != nil {
		t.Fatal(err)
	}
	book, err := excelize.OpenReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := book.GetRows("文字")
	if err != nil || len(rows) != headerRows+len(texts) {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, want := range texts {
		if got := rows[headerRows+i][0]; got != want {
			t.Errorf("%.20q came back as %.20q", want, got)
		}
	}
}

// LibreOffice shows text as it is, whatever it begins with: none of it is a formula. Every workbook is opened by it in internal/app.
func TestLibreOfficeShowsTextAsText(t *testing.T) {
	office, err := exec.LookPath("soffice")
	if err != nil {
		t.Skip("LibreOffice (soffice) is not installed: workbooks are not opened by it")
	}
	directory := t.TempDir()
	path := filepath.Join(directory, "sample.xlsx")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := injected().Workbook(context.Background(), scope(testkit.DB(t)), cover, file); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	// The last figure of the filter's options writes every sheet to a file of its own.
	said, err := exec.CommandContext(ctx, office, "-env:UserInstallation=file://"+directory+"/profile", "--headless", "--convert-to",
		"csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1", "--outdir", directory, path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	shown, err := os.ReadFile(filepath.Join(directory, "sample-文字.csv"))
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	lines, err := csv.NewReader(bytes.NewReader(shown)).ReadAll()
	if err != nil || len(lines) != headerRows+len(injections) {
		t.Fatalf("%v: %s", err, shown)
	}
	for i, want := range injections {
		if got := lines[headerRows+i][0]; got != want {
			t.Errorf("%q is shown as %q", want, got)
		}
	}
}

// injections are what somebody might call a merchant.
var injections = []string{"=1+1", "=HYPERLINK(\"http://x.example\",\"y\")", "+1+1", "-1+1", "@SUM(A1)", "=cmd|' /C calc'!A0", "\t=1+1"}

func injected() Report {
	return Report{Name: "injected", ZH: "文字", EN: "Injected", Sheets: []Sheet{{ZH: "文字", EN: "texts", Columns: []Column{{ZH: "字", EN: "text", Note: "任意"}},
		Rows: func(context.Context, Scope) (rows [][]any, err error) {
			for _, text := range injections {
				rows = append(rows, []any{text})
			}
			return rows, nil
		}}}}
}
