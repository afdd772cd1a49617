package reporting

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

const manualPath = "../docs/reports.md"

// docs/reports.md is written from the catalogue: HONGBAO_UPDATE=1 go test ./reporting -run Manual writes it anew.
func TestManualIsTheCatalogue(t *testing.T) {
	want := manual()
	if os.Getenv("HONGBAO_UPDATE") != "" {
		if err := os.WriteFile(manualPath, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(manualPath)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the catalogue says; write it anew with HONGBAO_UPDATE=1", manualPath)
	}
}

const manualHead = `# Reports

Every report that a regulator can download, column by column. A test keeps this page equal to the catalogue in ` + "`reporting/`" + `.

- **Files.** A workbook (` + "`.xlsx`" + `), CSV (UTF-8 with BOM, each table with its headings) or JSON lines (money in whole fen). All hold the same values, so all have the
  same digest: SHA-256 over each table's English name and a newline, then each row's values, each ended by 0x1f, each row ended by a newline; money in yuan with two
  decimals, moments as RFC 3339 in +08:00, digests in hex, nothing for what is not there.
- **Snapshot.** All tables of a report are read from one database snapshot. Totals are held against the ledger before the report is released; one fen of difference and it
  is not.
- **Codes.** A workbook shows the word before the code (工商银行 icbc); CSV and JSON lines have the code alone.
- **Signature.** The notes sheet holds a signed note (Ed25519, C2SP signed-note) by the city's log key over the report's number and digest.
  ` + "`hongbao report verify FILE --key VKEY`" + ` checks it and reads the cells back.
- **Download.** Every download is on the audit trail. It marks the file with who, when and the report's number: on the cover and in the document's properties of a workbook,
  in a last line of CSV and JSON lines. The cells stay as signed.
- **Identity** is masked. In full it takes a reason and a second person's release (approval ` + "`report.release`" + `); the file is encrypted (ECMA-376 agile, AES-256), its password is shown once to
  who asked, only they can download it, and after seven days it is gone.
- **By themselves** daily: overview, orders, statements, press; monthly: overview, ledger, spending, misuse, access; when registration has closed: registrations; when a campaign is
  settled: all.

## API

| call | what |
|---|---|
| ` + "`POST /api/v1/admin/campaigns/:slug/reports`" + ` | ` + "`{name, format, wait, unmasked, reason}`" + `; name ` + "`all`" + ` for the whole catalogue. 202 with the queued runs; with ` + "`wait`" + ` 201 with the finished ones |
| ` + "`GET /api/v1/admin/campaigns/:slug/reports`" + ` | the runs, newest first |
| ` + "`GET /api/v1/admin/reports/:id`" + ` | one run: status held, queued, running, done, failed, cancelled or expired, and rows so far |
| ` + "`POST /api/v1/admin/reports/:id/cancel`" + ` | end it before it is done |
| ` + "`GET /api/v1/admin/reports/:id/file`" + ` | the file |
| ` + "`POST /api/v1/admin/reports/:id/password`" + ` | the password of an unmasked file, once |

A regulator's program sends an API token with the scope ` + "`reports.download`" + ` (and ` + "`reports.make`" + ` to order), a person's the token of a session; [api.md](api.md) says how tokens are made.
The list comes in pages by cursor.

## On paper

A4; tables lie across, fitted to the width, with the headings on each page and the report's number and the page number below; the cover stands upright with the totals and the charts, none
of which is cut by the end of a page. Bars begin at nothing.
`

func manual() string {
	var b strings.Builder
	b.WriteString(manualHead)
	for _, r := range Catalogue() {
		fmt.Fprintf(&b, "\n## %s · %s（%s）\n\n%s\n", r.Name, r.ZH, r.EN, r.Purpose)
		for i, c := range r.Controls {
			if i == 0 {
				b.WriteString("\nHeld against the ledger or a second count:\n\n")
			}
			sheet := r.Sheets[c.Sheet]
			fmt.Fprintf(&b, "- %s / %s = %s\n", sheet.ZH, sheet.Columns[c.Column].ZH, c.ZH)
		}
		for _, s := range r.Sheets {
			fmt.Fprintf(&b, "\n### %s · %s\n\n| 栏目 | Column | 单位 | 合计 | 来源与规则 |\n|---|---|---|---|---|\n", s.ZH, s.EN)
			for _, c := range s.Columns {
				total := ""
				if c.Total {
					total = "✓"
				}
				fmt.Fprintf(&b, "| %s | `%s` | %s | %s | %s |\n", c.ZH, c.EN, c.unit(), total, c.Note)
			}
		}
	}
	return b.String()
}
