package reporting

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/klauspost/compress/flate"
	"github.com/xuri/excelize/v2"
	"gorm.io/gorm"

	"hongbao/internal/fault"
	"hongbao/internal/money"
)

// rowsPerSheet is what a worksheet holds; longer tables go on to the next one.
const rowsPerSheet = excelize.TotalRows

// headerRows are the 中文 and the English heading.
const headerRows = 2

// Cover is what the first sheet says about the making of a workbook.
type Cover struct {
	Campaign string // name in 中文
	Slug     string
	Number   string    // the report's number, also on every page's footer
	MadeBy   string    // username
	MadeAt   time.Time // also the workbook's creation time
	Version  string    // of the software
}

// Total is the sum of one column of a report, in the column's stored unit (fen for money).
type Total struct {
	Sheet, Column string
	Kind          Kind
	Sum           int64
}

// Outcome says what a written report holds.
type Outcome struct {
	Rows   int
	Digest string // SHA-256 of every cell's text, see cells
	Totals []Total
}

// cells adds a table's values to a report's digest and totals, whatever the file's format.
type cells struct {
	digest hash.Hash
	totals []Total
	rows   int
}

func newCells() *cells { return &cells{digest: sha256.New()} }

// sheet begins a table; add takes its rows. In the digest values end with a unit separator and rows with a newline.
func (c *cells) sheet(s Sheet) (add func([]any)) {
	fmt.Fprintf(c.digest, "%s\n", s.EN)
	first := len(c.totals)
	for _, col := range s.Columns {
		if col.Total {
			c.totals = append(c.totals, Total{Sheet: s.ZH, Column: col.ZH, Kind: col.Kind})
		}
	}
	return func(values []any) {
		at := first
		for i, col := range s.Columns {
			io.WriteString(c.digest, col.Kind.text(values[i])+"\x1f")
			if col.Total {
				c.totals[at].Sum += number(values[i])
				at++
			}
		}
		io.WriteString(c.digest, "\n")
		c.rows++
	}
}

func (c *cells) outcome() Outcome {
	return Outcome{Rows: c.rows, Digest: hex.EncodeToString(c.digest.Sum(nil)), Totals: c.totals}
}

// released holds the report's totals against its controls. A difference is an error, and the report is not released.
func (r Report) released(ctx context.Context, tx *gorm.DB, campaign int64, o Outcome) error {
	for _, control := range r.Controls {
		sheet := r.Sheets[control.Sheet]
		column := sheet.Columns[control.Column]
		var want int64
		if err := tx.WithContext(ctx).Raw(control.Query, map[string]any{"campaign": campaign}).Scan(&want).Error; err != nil {
			return fmt.Errorf("control %s: %w", control.ZH, err)
		}
		for _, t := range o.Totals {
			if t.Sheet == sheet.ZH && t.Column == column.ZH && t.Sum != want {
				return fault.New(fault.Conflict, "control-total",
					fmt.Sprintf("报表《%s》未放行：%s合计 %s，%s %s", r.ZH, column.ZH, t.text(), control.ZH, Total{Kind: t.Kind, Sum: want}.text()),
					fmt.Sprintf("report %s is not released: total of %s is %s, control is %s", r.Name, column.EN, t.text(), Total{Kind: t.Kind, Sum: want}.text()))
			}
		}
	}
	return nil
}

func (t Total) text() string {
	if t.Kind == Money {
		return money.Fen(t.Sum).String()
	}
	return fmt.Sprint(t.Sum)
}

// Workbook writes the report as an Excel workbook: a cover, the sheets, and notes that explain each column.
// tx is one snapshot, so that all sheets speak of the same moment.
func (r Report) Workbook(ctx context.Context, tx *gorm.DB, campaign int64, cover Cover, w io.Writer) (Outcome, error) {
	b := &book{File: excelize.NewFile(), cells: newCells(), cover: cover}
	defer b.Close()
	b.SetZipWriter(quickZip)
	if err := b.begin(); err != nil {
		return Outcome{}, err
	}
	for _, s := range r.Sheets {
		if err := b.addSheet(ctx, tx, campaign, s); err != nil {
			return Outcome{}, err
		}
	}
	o := b.outcome()
	if err := r.released(ctx, tx, campaign, o); err != nil {
		return Outcome{}, err
	}
	if err := b.finish(r, o); err != nil {
		return Outcome{}, err
	}
	return o, b.Write(w)
}

// quickZip packs with a faster deflate than the standard library's, which is most of a large workbook's time.
func quickZip(w io.Writer) excelize.ZipWriter {
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, 5) })
	return z
}

// book is a workbook being written.
type book struct {
	*excelize.File
	*cells
	cover                Cover
	heading, title, wrap int
	styles               map[Kind]int
	placed               []placedChart
}

// placedChart is a chart and the rows it draws.
type placedChart struct {
	chart Chart
	sheet string
	rows  int
}

const coverSheet, notesSheet = "封面", "说明"

func (b *book) begin() error {
	if err := b.SetSheetName("Sheet1", coverSheet); err != nil {
		return err
	}
	border := []excelize.Border{{Type: "bottom", Color: "C8161D", Style: 1}}
	b.heading, _ = b.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}, Border: border,
		Fill:      excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"F7F1EE"}},
		Alignment: &excelize.Alignment{WrapText: true, Vertical: "center"}})
	b.title, _ = b.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true, Size: 18, Color: "C8161D"}})
	b.wrap, _ = b.NewStyle(&excelize.Style{Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}})
	b.styles = map[Kind]int{}
	for kind, format := range map[Kind]string{Count: "#,##0", Money: "#,##0.00", Moment: "yyyy-mm-dd hh:mm:ss", Day: "yyyy-mm-dd", Share: "0.00%"} {
		id, err := b.NewStyle(&excelize.Style{CustomNumFmt: &format})
		if err != nil {
			return err
		}
		b.styles[kind] = id
	}
	return b.page(coverSheet, "portrait")
}

// page sets printing up: A4, fitted to the width, with the report's number and page numbers in the footer.
func (b *book) page(sheet, orientation string) error {
	a4, height, fit := 9, 0, true
	if err := b.SetPageLayout(sheet, &excelize.PageLayoutOptions{Size: &a4, Orientation: &orientation, FitToHeight: &height}); err != nil {
		return err
	}
	if err := b.SetSheetProps(sheet, &excelize.SheetPropsOptions{FitToPage: &fit}); err != nil {
		return err
	}
	return b.SetHeaderFooter(sheet, &excelize.HeaderFooterOptions{OddFooter: "&L" + b.cover.Number + "&C&A&R&P / &N"})
}

// addSheet streams one table, over as many worksheets as its rows need.
func (b *book) addSheet(ctx context.Context, tx *gorm.DB, campaign int64, s Sheet) error {
	add := b.sheet(s)
	part := 0
	var stream *excelize.StreamWriter
	row, cellsOfRow := 0, make([]any, len(s.Columns))
	next := func() (err error) {
		if stream != nil {
			if err := b.closePart(stream, s, partName(s.ZH, part), row); err != nil {
				return err
			}
		}
		part++
		stream, err = b.openPart(s, partName(s.ZH, part))
		row = headerRows
		return err
	}
	if err := next(); err != nil {
		return err
	}
	err := s.each(ctx, tx, campaign, func(values []any) error {
		if row == rowsPerSheet {
			if err := next(); err != nil {
				return err
			}
		}
		add(values)
		row++
		for i, v := range values {
			cellsOfRow[i] = b.cell(s.Columns[i].Kind, v)
		}
		at, _ := excelize.CoordinatesToCellName(1, row)
		return stream.SetRow(at, cellsOfRow)
	})
	if err != nil {
		return err
	}
	if s.Chart != nil && row > headerRows {
		b.placed = append(b.placed, placedChart{*s.Chart, partName(s.ZH, part), row})
	}
	return b.closePart(stream, s, partName(s.ZH, part), row)
}

func partName(name string, part int) string {
	if part == 1 {
		return name
	}
	return fmt.Sprintf("%s (%d)", name, part)
}

// openPart begins a worksheet: printing, widths, frozen and repeated headings.
func (b *book) openPart(s Sheet, name string) (*excelize.StreamWriter, error) {
	if _, err := b.NewSheet(name); err != nil {
		return nil, err
	}
	if err := b.page(name, "landscape"); err != nil {
		return nil, err
	}
	stream, err := b.NewStreamWriter(name)
	if err != nil {
		return nil, err
	}
	zh, en := make([]any, len(s.Columns)), make([]any, len(s.Columns))
	for i, c := range s.Columns {
		zh[i], en[i] = excelize.Cell{StyleID: b.heading, Value: c.unit(c.ZH)}, excelize.Cell{StyleID: b.heading, Value: c.EN}
		if err := stream.SetColWidth(i+1, i+1, c.width()); err != nil {
			return nil, err
		}
	}
	if err := stream.SetPanes(&excelize.Panes{Freeze: true, YSplit: headerRows, TopLeftCell: "A3", ActivePane: "bottomLeft"}); err != nil {
		return nil, err
	}
	if err := stream.SetRow("A1", zh); err != nil {
		return nil, err
	}
	return stream, stream.SetRow("A2", en)
}

// closePart ends a worksheet: filters on the heading, and the heading repeated on each printed page.
func (b *book) closePart(stream *excelize.StreamWriter, s Sheet, name string, rows int) error {
	last, _ := excelize.ColumnNumberToName(len(s.Columns))
	if err := b.AutoFilter(name, fmt.Sprintf("A%d:%s%d", headerRows, last, rows), nil); err != nil {
		return err
	}
	if err := stream.Flush(); err != nil {
		return err
	}
	return b.SetDefinedName(&excelize.DefinedName{Name: "_xlnm.Print_Titles", RefersTo: fmt.Sprintf("'%s'!$1:$%d", name, headerRows), Scope: name})
}

func (b *book) cell(k Kind, v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case money.Fen:
		return excelize.Cell{StyleID: b.styles[Money], Value: float64(v) / 100}
	case time.Time:
		// Excel has no time zones: the wall clock of Asia/Shanghai is stored.
		wall := time.Date(v.Year(), v.Month(), v.Day(), v.Hour(), v.Minute(), v.Second(), 0, time.UTC)
		return excelize.Cell{StyleID: b.styles[k], Value: wall}
	case int64, float64:
		return excelize.Cell{StyleID: b.styles[k], Value: v}
	default:
		return v
	}
}

func (c Column) unit(heading string) string {
	switch c.Kind {
	case Money:
		return heading + "（元）"
	default:
		return heading
	}
}

func (c Column) width() float64 {
	switch c.Kind {
	case Moment:
		return 20
	case Money:
		return 18
	case Digest:
		return 68
	case Count, Day, Share:
		return 13
	default:
		return max(16, float64(2*len([]rune(c.ZH))+4))
	}
}
