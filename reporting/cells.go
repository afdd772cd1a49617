package reporting

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"

	"hongbao/internal/fault"
	"hongbao/internal/money"
)

// Total is the sum of one column of a report, in the column's stored unit (fen for money).
type Total struct {
	Sheet, Column string
	Name          string // sheet and column in English, as the workbook's defined name has them
	Kind          Kind
	Sum           int64
}

func (t Total) text() string {
	if t.Kind == Money {
		return money.Fen(t.Sum).String()
	}
	return fmt.Sprint(t.Sum)
}

// Outcome says what a written report holds.
type Outcome struct {
	Rows      int
	Digest    string // SHA-256 of every cell's text, see cells
	Signature string // signed note over the digest, "" when there is no key
	Totals    []Total
}

// cells adds a report's values to its digest and totals, whatever the file's format: it is the one place that all values pass.
// In the digest a table begins with its English name and a newline, values end with a unit separator (0x1f), rows with a newline.
type cells struct {
	digest   hash.Hash
	totals   []Total
	rows     int
	progress func(rows int) error
	line     []byte
}

func newCells(progress func(int) error) *cells {
	return &cells{digest: sha256.New(), progress: progress}
}

// sheet begins a table; add takes its rows.
func (c *cells) sheet(s Sheet) (add func([]any) error) {
	fmt.Fprintf(c.digest, "%s\n", s.EN)
	first := len(c.totals)
	for _, col := range s.Columns {
		if col.Total {
			c.totals = append(c.totals, Total{Sheet: s.ZH, Column: col.ZH, Name: "total_" + s.EN + "_" + col.EN, Kind: col.Kind})
		}
	}
	return func(values []any) error {
		at := first
		c.line = c.line[:0]
		for i, col := range s.Columns {
			c.line = append(col.Kind.appendText(c.line, values[i]), 0x1f)
			if col.Total {
				n, _ := values[i].(int64)
				c.totals[at].Sum += n
				at++
			}
		}
		c.digest.Write(append(c.line, '\n'))
		c.rows++
		if c.progress != nil && c.rows%progressRows == 0 {
			return c.progress(c.rows)
		}
		return nil
	}
}

// progressRows is how often progress is told, and a cancelled making notices.
const progressRows = 20_000

func (c *cells) outcome() Outcome {
	return Outcome{Rows: c.rows, Digest: hex.EncodeToString(c.digest.Sum(nil)), Totals: c.totals}
}

// released holds the report's totals against its controls. A difference is an error, and the report is not released.
func (r Report) released(ctx context.Context, scope Scope, o Outcome) error {
	for _, control := range r.Controls {
		sheet := r.Sheets[control.Sheet]
		column := sheet.Columns[control.Column]
		var want int64
		if err := scope.Tx.WithContext(ctx).Raw(control.Query, scope.arguments()).Scan(&want).Error; err != nil {
			return fmt.Errorf("control %s: %w", control.ZH, err)
		}
		for _, t := range o.Totals {
			if t.Sheet == sheet.ZH && t.Column == column.ZH && t.Sum != want {
				return fault.New(fault.Conflict, "control-total",
					fmt.Sprintf("报表《%s》未放行：“%s”%s合计 %s，%s %s", r.ZH, sheet.ZH, column.ZH, t.text(), control.ZH, Total{Kind: t.Kind, Sum: want}.text()),
					fmt.Sprintf("report %s is not released: total of %s, %s is %s, control is %s", r.Name, sheet.EN, column.EN, t.text(), Total{Kind: t.Kind, Sum: want}.text()))
			}
		}
	}
	return nil
}
