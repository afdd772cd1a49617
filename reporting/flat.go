package reporting

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
)

// CSV writes the report's tables as CSV in UTF-8 with a byte-order mark, one after the other, each with its 中文 headings; codes
// stand without their words. Text that a spreadsheet would take for a formula (= + - @ or a control character in front) gets an
// apostrophe in front.
func (r Report) CSV(ctx context.Context, scope Scope, cover Cover, w io.Writer) (Outcome, error) {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return Outcome{}, err
	}
	out := csv.NewWriter(w)
	return r.flat(ctx, scope, cover, func(s Sheet) func([]any) error {
		fields := make([]string, len(s.Columns))
		for i, c := range s.Columns {
			fields[i] = c.heading()
		}
		out.Write(fields)
		return func(values []any) error {
			for i, v := range values {
				fields[i] = inert(v, s.Columns[i].Kind.text(v))
			}
			return out.Write(fields)
		}
	}, func() error { out.Flush(); return out.Error() })
}

// JSONLines writes one JSON object a row, with the sheet's English name under "sheet", money in whole fen and moments as RFC 3339.
func (r Report) JSONLines(ctx context.Context, scope Scope, cover Cover, w io.Writer) (Outcome, error) {
	out := bufio.NewWriter(w)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	return r.flat(ctx, scope, cover, func(s Sheet) func([]any) error {
		object := map[string]any{"sheet": s.EN}
		return func(values []any) error {
			for i, c := range s.Columns {
				object[c.EN] = values[i]
				if moment := c.Kind == Moment || c.Kind == Day; moment && values[i] != nil {
					object[c.EN] = c.Kind.text(values[i])
				}
			}
			return lines.Encode(object)
		}
	}, out.Flush)
}

// flat streams all tables through one line writer a sheet, and releases the report as a workbook is released.
func (r Report) flat(ctx context.Context, scope Scope, cover Cover, open func(Sheet) func([]any) error, flush func() error) (Outcome, error) {
	c := newCells(scope.Progress)
	for _, s := range r.Sheets {
		add, write := c.sheet(s), open(s)
		err := s.each(ctx, scope, func(values []any) error {
			if err := add(values); err != nil {
				return err
			}
			return write(values)
		})
		if err != nil {
			return Outcome{}, err
		}
	}
	o := c.outcome()
	if err := r.released(ctx, scope, o); err != nil {
		return Outcome{}, err
	}
	if err := cover.sign(r, &o); err != nil {
		return Outcome{}, err
	}
	return o, flush()
}

// inert keeps a text from being taken for a formula when a spreadsheet opens a CSV file. Numbers stay as they are.
func inert(value any, s string) string {
	if _, text := value.(string); !text || s == "" {
		return s
	}
	switch s[0] {
	case '=', '+', '-', '@', '\t', '\r':
		return "'" + s
	}
	return s
}
