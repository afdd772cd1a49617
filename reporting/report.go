// Package reporting reads what every other room has stored and writes only its own report runs and files: the catalogue of
// regulator workbooks, and the check that recomputes every invariant from stored rows.
package reporting

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/money"
)

// Kind says how a column's stored value is read and shown.
type Kind int

// Kinds of column. Moments and days are stored as milliseconds since the epoch, UTC, and shown in Asia/Shanghai.
const (
	Text   Kind = iota
	Count       // whole number
	Money       // stored in fen, shown in yuan with two decimals
	Moment      // date and time
	Day         // date
	Share       // fraction of one, shown in percent
	Digest      // bytes, shown as lower-case hex
)

// Column is one column of a sheet: where it comes from is the query's column at the same place.
type Column struct {
	ZH, EN string
	Note   string // source, unit and rule, printed on the workbook's notes sheet
	Kind   Kind
	Total  bool // summed on the cover
}

// Sheet is one table of a report. Query is SQL that both dialects take, with @campaign for the campaign's id.
// Rows come in the query's order, so the query orders by something total.
type Sheet struct {
	ZH, EN  string
	Columns []Column
	Query   string
	Chart   *Chart
}

// Chart draws one column of numbers against one column of labels.
type Chart struct {
	ZH            string
	Label, Figure int // column numbers, from 0
	Bar           bool
}

// Control holds one total of a report against a figure that is computed another way, as a rule from the ledger.
// A report whose control differs is not released.
type Control struct {
	Sheet, Column int
	ZH            string
	Query         string // one figure, in the column's unit
}

// Report is one entry of the catalogue and becomes one workbook.
type Report struct {
	Name     string // file name without ending; lower-case ASCII
	ZH, EN   string
	Sheets   []Sheet
	Controls []Control
}

var shanghai = time.FixedZone("Asia/Shanghai", 8*3600)

// each streams the sheet's rows for one campaign: text as string, counts as int64, money as money.Fen, moments and days as
// time.Time in Asia/Shanghai (nil for "not yet"), shares as float64, digests as hex. The slice is reused from row to row.
func (s Sheet) each(ctx context.Context, tx *gorm.DB, campaign int64, fn func([]any) error) error {
	rows, err := tx.WithContext(ctx).Raw(s.Query, map[string]any{"campaign": campaign}).Rows()
	if err != nil {
		return fmt.Errorf("sheet %s: %w", s.EN, err)
	}
	defer rows.Close()
	raw, into := make([]sql.RawBytes, len(s.Columns)), make([]any, len(s.Columns))
	for i := range raw {
		into[i] = &raw[i]
	}
	values := make([]any, len(s.Columns))
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("sheet %s: %w", s.EN, err)
		}
		for i, c := range s.Columns {
			if values[i], err = c.Kind.value(raw[i]); err != nil {
				return fmt.Errorf("sheet %s, column %s: %w", s.EN, c.EN, err)
			}
		}
		if err := fn(values); err != nil {
			return err
		}
	}
	return rows.Err()
}

// value reads a stored value as the column's kind. A NULL stays nil.
func (k Kind) value(raw sql.RawBytes) (any, error) {
	if raw == nil {
		return nil, nil
	}
	switch k {
	case Count:
		return strconv.ParseInt(string(raw), 10, 64)
	case Money:
		n, err := strconv.ParseInt(string(raw), 10, 64)
		return money.Fen(n), err
	case Moment, Day:
		ms, err := strconv.ParseInt(string(raw), 10, 64)
		if err != nil || ms == 0 {
			return nil, err
		}
		return time.UnixMilli(ms).In(shanghai), nil
	case Share:
		return strconv.ParseFloat(string(raw), 64)
	case Digest:
		return hex.EncodeToString(raw), nil
	default:
		return string(raw), nil
	}
}

// text is the value as it stands in CSV and in the digest: money in yuan, moments as RFC 3339.
func (k Kind) text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case int64:
		return strconv.FormatInt(v, 10)
	case money.Fen:
		return v.String()
	case time.Time:
		if k == Day {
			return v.Format(time.DateOnly)
		}
		return v.Format(time.RFC3339)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	default:
		return fmt.Sprint(v)
	}
}

// number is the value as an addend of a total, in the column's stored unit.
func number(v any) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case money.Fen:
		return int64(v)
	default:
		return 0
	}
}
