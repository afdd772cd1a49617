package reporting

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/xuri/excelize/v2"
	"golang.org/x/mod/sumdb/note"
)

// headerRows are the 中文 and the English heading.
const headerRows = 2

// Cover is what the first sheet says about the making of a workbook.
type Cover struct {
	City, Campaign string // names in 中文
	Slug           string
	Period         string    // from the first day of registration to the last of spending
	Number         string    // the report's number, also on every page's footer
	MadeBy         string    // username
	MadeAt         time.Time // also the workbook's creation time
	Version        string    // of the software
	Mark           string    // who downloaded the file and when; a kept file has a place for it, see mark
	Release        string    // for an unmasked report: who asked for it, why, and who released it
	Signer         note.Signer
	VKey           string // the signer's public key, as a C2SP verifier key
}

// Workbook writes the report as an Excel workbook: a cover, the sheets, and notes that explain each column.
func (r Report) Workbook(ctx context.Context, scope Scope, cover Cover, w io.Writer) (Outcome, error) {
	return r.workbook(ctx, scope, cover, excelize.TotalRows, w)
}

// workbook lets a table go on to the next sheet when one holds rowsPerSheet rows, headings included.
func (r Report) workbook(ctx context.Context, scope Scope, cover Cover, rowsPerSheet int, w io.Writer) (Outcome, error) {
	b := &book{File: excelize.NewFile(), cells: newCells(scope.Progress), cover: cover, scope: scope, rowsPerSheet: rowsPerSheet, spools: map[string]*spool{}}
	defer b.close()
	if err := b.begin(); err != nil {
		return Outcome{}, err
	}
	for _, s := range r.Sheets {
		if err := b.addSheet(ctx, s); err != nil {
			return Outcome{}, err
		}
	}
	o := b.outcome()
	if err := r.released(ctx, scope, o); err != nil {
		return Outcome{}, err
	}
	if err := cover.sign(r, &o); err != nil {
		return Outcome{}, err
	}
	if err := b.finish(r, o); err != nil {
		return Outcome{}, err
	}
	// The archive goes straight to w; excelize would first gather it in memory.
	b.SetZipWriter(func(io.Writer) excelize.ZipWriter { return newPacker(w, b.spools) })
	return o, b.Write(io.Discard)
}

// book is a workbook being written.
type book struct {
	*excelize.File
	*cells
	cover        Cover
	scope        Scope
	rowsPerSheet int
	look         look
	placed       []placedChart
	spools       map[string]*spool // the rows of each sheet, by its path in the archive
}

func (b *book) close() {
	_ = b.Close()
	for _, s := range b.spools {
		s.close()
	}
}

// placedChart is a chart and the rows it draws.
type placedChart struct {
	chart Chart
	sheet string
	rows  int
	label Kind // of the column that names the figures
	below bool // a figure is less than nothing
}

const coverSheet, notesSheet = "封面", "说明"

func (b *book) begin() (err error) {
	if err := b.SetSheetName("Sheet1", coverSheet); err != nil {
		return err
	}
	if b.look, err = newLook(b.File); err != nil {
		return err
	}
	return b.page(coverSheet, "portrait")
}

// coverScale, in percent, leaves room for fonts that are wider than Excel's.
var coverScale = uint(78)

// page sets printing up: A4, fitted to the width, with the report's number and page numbers in the footer.
func (b *book) page(sheet, orientation string) error {
	a4, height, fit, scaled := 9, 0, sheet != coverSheet, false // the cover is as wide as a page, and where it breaks is our say
	layout := excelize.PageLayoutOptions{Size: &a4, Orientation: &orientation, FitToHeight: &height}
	if !fit {
		layout.AdjustTo = &coverScale
	}
	if err := b.SetPageLayout(sheet, &layout); err != nil {
		return err
	}
	if err := b.SetSheetProps(sheet, &excelize.SheetPropsOptions{FitToPage: &fit}); err != nil {
		return err
	}
	side, foot := 0.5, 0.6
	if err := b.SetPageMargins(sheet, &excelize.PageLayoutMarginsOptions{Left: &side, Right: &side, Top: &foot, Bottom: &foot}); err != nil {
		return err
	}
	return b.SetHeaderFooter(sheet, &excelize.HeaderFooterOptions{ScaleWithDoc: &scaled, OddFooter: "&L" + b.cover.Number + "&C&A&R&P / &N"})
}

// table is one sheet of a report on its way into worksheets.
type table struct {
	*book
	Sheet
	letters []string // of the columns
	stream  *excelize.StreamWriter
	rows    *spool
	part    int
	row     int // the last one written to this part
	below   bool
}

// addSheet streams one table, over as many worksheets as its rows need.
func (b *book) addSheet(ctx context.Context, s Sheet) error {
	t := &table{book: b, Sheet: s}
	for i := range s.Columns {
		letter, err := excelize.ColumnNumberToName(i + 1)
		if err != nil {
			return err
		}
		t.letters = append(t.letters, letter)
	}
	if err := t.open(); err != nil {
		return err
	}
	add := b.sheet(s)
	err := s.each(ctx, b.scope, func(values []any) error {
		if err := add(values); err != nil {
			return err
		}
		return t.write(values)
	})
	if err != nil {
		return err
	}
	if s.Chart != nil && t.row > headerRows {
		b.placed = append(b.placed, placedChart{*s.Chart, t.name(), t.row, s.Columns[s.Chart.Label].Kind, t.below})
	}
	return t.close()
}

func (t *table) name() string { return partName(t.ZH, t.part) }

func partName(name string, part int) string {
	if part == 1 {
		return name
	}
	return fmt.Sprintf("%s (%d)", name, part)
}

// open begins the next worksheet: printing, widths, frozen headings.
func (t *table) open() (err error) {
	t.part++
	t.row = headerRows
	if _, err := t.NewSheet(t.name()); err != nil {
		return err
	}
	if t.rows, err = newSpool(); err != nil {
		return err
	}
	for id, name := range t.GetSheetMap() {
		if name == t.name() {
			t.spools[fmt.Sprintf("xl/worksheets/sheet%d.xml", id)] = t.rows
		}
	}
	if err := t.page(t.name(), "landscape"); err != nil {
		return err
	}
	if t.stream, err = t.NewStreamWriter(t.name()); err != nil {
		return err
	}
	for i, c := range t.Columns {
		if err := t.stream.SetColWidth(i+1, i+1, c.width()); err != nil {
			return err
		}
	}
	if err := t.stream.SetPanes(&excelize.Panes{Freeze: true, YSplit: headerRows, TopLeftCell: "A3", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	zh, en := make([]any, len(t.Columns)), make([]any, len(t.Columns))
	for i, c := range t.Columns {
		above, below := t.look.heading, t.look.subheading
		if c.Kind.number() {
			above, below = t.look.numberHeading, t.look.numberSubheading
		}
		zh[i], en[i] = excelize.Cell{StyleID: above, Value: c.heading()}, excelize.Cell{StyleID: below, Value: c.EN}
	}
	if err := t.stream.SetRow("A1", zh); err != nil {
		return err
	}
	return t.stream.SetRow("A2", en)
}

func (t *table) write(values []any) error {
	if t.row == t.rowsPerSheet {
		if err := t.close(); err != nil {
			return err
		}
		if err := t.open(); err != nil {
			return err
		}
	}
	if t.Chart != nil && isBelow(values[t.Chart.Figure]) {
		t.below = true
	}
	t.row++
	t.rows.begin(t.row)
	for i, v := range values {
		t.cell(i, v)
	}
	return t.rows.end()
}

func isBelow(v any) bool {
	n, ok := v.(int64)
	return ok && n < 0
}

// cell adds a value as Excel stores it: money in yuan, moments as days since 1900. Nothing is written for what is not there.
func (t *table) cell(i int, v any) {
	column := t.Columns[i]
	letter, style := t.letters[i], t.look.styles[column.Kind]
	switch v := v.(type) {
	case int64:
		t.rows.number(letter, t.row, style, func(to []byte) []byte { return appendNumber(to, column.Kind, v) })
	case float64:
		t.rows.number(letter, t.row, style, func(to []byte) []byte { return strconv.AppendFloat(to, v, 'g', -1, 64) })
	case string:
		if column.Code != "" {
			v = t.scope.Words.show(column.Code, v)
		}
		if v != "" {
			t.rows.text(letter, t.row, style, v)
		}
	}
}

func appendNumber(to []byte, kind Kind, n int64) []byte {
	switch kind {
	case Money:
		return kind.appendText(to, n)
	case Moment, Day:
		return strconv.AppendFloat(to, serial(n/1000), 'f', -1, 64)
	}
	return strconv.AppendInt(to, n, 10)
}

// excelEpoch is 1970-01-01 in Excel's days.
const excelEpoch = 25569

// serial is a moment in Excel's days, by the clock of Asia/Shanghai: Excel has no time zones.
func serial(unix int64) float64 { return excelEpoch + float64(unix+8*3600)/86400 }

// close ends a worksheet: filters on the heading, and the heading repeated on each printed page.
func (t *table) close() error {
	last, err := excelize.ColumnNumberToName(len(t.Columns))
	if err != nil {
		return err
	}
	if err := t.AutoFilter(t.name(), fmt.Sprintf("A%d:%s%d", headerRows, last, t.row), nil); err != nil {
		return err
	}
	if err := t.stream.Flush(); err != nil {
		return err
	}
	return t.SetDefinedName(&excelize.DefinedName{Name: "_xlnm.Print_Titles", RefersTo: fmt.Sprintf("'%s'!$1:$%d", t.name(), headerRows), Scope: t.name()})
}
