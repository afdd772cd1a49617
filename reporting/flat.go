package reporting

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"

	"gorm.io/gorm"

	"hongbao/internal/money"
)

// CSV writes the report's tables as CSV in UTF-8 with a byte-order mark, one after the other, each with its 中文 headings.
// Text that a spreadsheet would take for a formula (= + - @ or a control character in front) gets an apostrophe in front.
func (r Report) CSV(ctx context.Context, tx *gorm.DB, campaign int64, w io.Writer) (Outcome, error) {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return Outcome{}, err
	}
	out := csv.NewWriter(w)
	return r.flat(ctx, tx, campaign, func(s Sheet) func([]any) error {
		heads := make([]string, len(s.Columns))
		for i, c := range s.Columns {
			heads[i] = c.unit(c.ZH)
		}
		out.Write(heads)
		return func(values []any) error {
			line := make([]string, len(values))
			for i, v := range values {
				line[i] = s.Columns[i].Kind.text(v)
				if s.Columns[i].Kind == Text {
					line[i] = inert(line[i])
				}
			}
			return out.Write(line)
		}
	}, func() error { out.Flush(); return out.Error() })
}

// JSONLines writes one JSON object a row, with the sheet's English name under "sheet" and money in whole fen.
func (r Report) JSONLines(ctx context.Context, tx *gorm.DB, campaign int64, w io.Writer) (Outcome, error) {
	out := bufio.NewWriter(w)
	return r.flat(ctx, tx, campaign, func(s Sheet) func([]any) error {
		return func(values []any) error {
			object := map[string]any{"sheet": s.EN}
			for i, c := range s.Columns {
				switch v := values[i].(type) {
				case money.Fen, int64, float64, nil:
					object[c.EN] = v
				default:
					object[c.EN] = c.Kind.text(v)
				}
			}
			line, err := json.Marshal(object)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(out, "%s\n", line)
			return err
		}
	}, out.Flush)
}

// flat streams all tables through one line writer a sheet, and releases the report as a workbook is released.
func (r Report) flat(ctx context.Context, tx *gorm.DB, campaign int64, open func(Sheet) func([]any) error, flush func() error) (Outcome, error) {
	c := newCells()
	for _, s := range r.Sheets {
		add, write := c.sheet(s), open(s)
		err := s.each(ctx, tx, campaign, func(values []any) error {
			add(values)
			return write(values)
		})
		if err != nil {
			return Outcome{}, err
		}
	}
	o := c.outcome()
	if err := r.released(ctx, tx, campaign, o); err != nil {
		return Outcome{}, err
	}
	return o, flush()
}

// inert keeps text from being taken for a formula when a spreadsheet opens a CSV file.
func inert(s string) string {
	if s == "" {
		return s
	}
	switch s[0] {
	case '=', '+', '-', '@', '\t', '\r':
		return "'" + s
	}
	return s
}
