// Package reporting reads what every other room has stored and writes only its own report runs and files: the catalogue of
// regulator workbooks, and the check that recomputes every invariant from stored rows.
package reporting

import (
	"context"
	"time"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/lottery"
)

// Column is one column of a sheet: its value is the query's column at the same place.
type Column struct {
	ZH, EN string
	Note   string // source, unit and rule, printed on the workbook's notes sheet and in docs/reports.md
	Kind   Kind
	Code   string  // for codes: the vocabulary whose word a workbook shows beside the code, see vocabulary
	Total  bool    // summed on the cover
	wide   float64 // characters, where the kind's usual width is too little
}

// Sheet is one table of a report. Query is SQL that both dialects take, with @campaign for the campaign's id and @now for the
// moment of making in milliseconds. Rows come in the query's order, so the query orders by something total. What SQL does
// not know, such as the rule book, comes from Rows, in place of a query.
type Sheet struct {
	ZH, EN  string
	Columns []Column
	Query   string
	Rows    func(ctx context.Context, scope Scope) ([][]any, error)
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
	Purpose  string // what question it answers, and for whom
	Sheets   []Sheet
	Controls []Control
}

// Scope is what a report speaks of: one campaign, as it stands in one snapshot, at one moment.
type Scope struct {
	Tx       *gorm.DB // the snapshot
	Campaign int64
	At       time.Time // ages are counted up to it

	Words    vocabulary                                                                           // names of codes in this campaign
	People   func(ctx context.Context, registrations []int64) (map[int64]campaign.Contact, error) // nil hides identity altogether
	Unmasked bool                                                                                 // identity in full, for released reports only

	fairness func() (*lottery.Fairness, error) // measured once, see drawn

	Progress func(rows int) error // called now and then; its error ends the making
}

func (s Scope) arguments() map[string]any {
	return map[string]any{"campaign": s.Campaign, "now": s.At.UnixMilli()}
}

// personal says whether the report has columns of identity.
func (r Report) personal() bool {
	for _, s := range r.Sheets {
		for _, c := range s.Columns {
			if c.Kind.personal() {
				return true
			}
		}
	}
	return false
}
