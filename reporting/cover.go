package reporting

import (
	"fmt"
	"strings"

	"github.com/xuri/excelize/v2"
)

// finish writes the cover, the charts and the notes, which need what the streamed sheets turned out to hold.
func (b *book) finish(r Report, o Outcome) error {
	if err := b.writeCover(r, o); err != nil {
		return err
	}
	if err := b.writeNotes(r, o); err != nil {
		return err
	}
	at, err := b.GetSheetIndex(coverSheet)
	if err != nil {
		return err
	}
	b.SetActiveSheet(at)
	made := b.cover.MadeAt.UTC().Format("2006-01-02T15:04:05Z")
	return b.SetDocProps(&excelize.DocProperties{Title: r.ZH, Subject: b.cover.Slug, Creator: b.cover.MadeBy, LastModifiedBy: b.cover.Mark,
		Identifier: b.cover.Number, Description: o.Digest, Created: made, Modified: made, Language: "zh-CN"})
}

// line is one fact on the cover.
type line struct {
	label, text string
	style       int
}

func (b *book) facts(r Report, o Outcome) []line {
	signed := line{"签名公钥 Signed with", b.cover.VKey + "（签名见“说明”）", b.look.mono}
	if o.Signature == "" {
		signed = line{"签名 Signature", "未签名 not signed", b.look.wrap}
	}
	controls := line{"账本核对 Control totals", "本表无金额合计须与账本核对", b.look.wrap}
	if n := len(r.Controls); n > 0 {
		controls = line{"账本核对 Control totals", fmt.Sprintf("%d 项合计与账本一致，分毫不差 · %d totals equal the ledger to the fen", n, n), b.look.good}
	}
	facts := []line{
		{"城市 City", b.cover.City, b.look.wrap},
		{"活动 Campaign", b.cover.Campaign + "（" + b.cover.Slug + "）", b.look.wrap},
		{"期间 Period", b.cover.Period, b.look.wrap},
		{"时区 Time zone", "北京时间 Asia/Shanghai (UTC+8)", b.look.wrap},
		{"报表编号 Number", b.cover.Number, b.look.wrap},
		{"制表 Made", b.cover.MadeAt.In(shanghai).Format("2006-01-02 15:04:05") + "  " + b.cover.MadeBy, b.look.wrap},
		{"下载 Downloaded", b.cover.Mark, b.look.wrap},
		{"软件版本 Version", "hongbao " + b.cover.Version, b.look.wrap},
		controls,
		{"数据行数 Rows", fmt.Sprint(o.Rows), b.look.wrap},
		{"数据摘要 SHA-256", o.Digest, b.look.mono},
		signed,
	}
	if b.cover.Release != "" {
		facts = append(facts, line{"未遮掩 Unmasked", b.cover.Release, b.look.wrap})
	}
	return facts
}

// writeCover says what the workbook is, who made it when, and its control totals, each with a defined name.
func (b *book) writeCover(r Report, o Outcome) error {
	w := writing{File: b.File, sheet: coverSheet}
	w.put("A1", r.ZH, b.look.title)
	w.put("A2", r.EN, b.look.subtitle)
	w.put("A3", r.Purpose, b.look.label)
	row := 5
	for _, l := range b.facts(r, o) {
		from, to := fmt.Sprintf("B%d", row), fmt.Sprintf("C%d", row)
		w.put(fmt.Sprintf("A%d", row), l.label, b.look.label)
		w.do(b.MergeCell(coverSheet, from, to))
		w.put(from, l.text, l.style)
		w.do(b.SetRowHeight(coverSheet, row, 17*float64(l.height())))
		row++
	}
	row = b.writeTotals(&w, o, row+1)
	for column, width := range map[string]float64{"A": 26, "B": 40, "C": 28} {
		w.do(b.SetColWidth(coverSheet, column, column, width))
	}
	w.do(b.SetSheetView(coverSheet, 0, &excelize.ViewOptions{ShowGridLines: new(bool)}))
	w.do(b.drawCharts(row + 1))
	return w.err
}

// height is in lines of the merged cell, which a spreadsheet does not fit by itself.
func (l line) height() int { return 1 + len(l.text)/96 }

// writing puts single cells on a sheet and keeps the first error.
type writing struct {
	*excelize.File
	sheet string
	err   error
}

func (w *writing) do(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *writing) put(at string, value any, style int) {
	w.do(w.SetCellValue(w.sheet, at, value))
	w.do(w.SetCellStyle(w.sheet, at, at, style))
}

func (b *book) writeTotals(w *writing, o Outcome, row int) int {
	if len(o.Totals) == 0 {
		return row
	}
	w.put(fmt.Sprintf("A%d", row), "工作表 Sheet", b.look.heading)
	w.put(fmt.Sprintf("B%d", row), "栏目 Column", b.look.heading)
	w.put(fmt.Sprintf("C%d", row), "合计 Total", b.look.numberHeading)
	for _, t := range o.Totals {
		row++
		w.put(fmt.Sprintf("A%d", row), t.Sheet, b.look.wrap)
		w.put(fmt.Sprintf("B%d", row), Column{ZH: t.Column, Kind: t.Kind}.heading(), b.look.wrap)
		var sum any = t.Sum
		if t.Kind == Money {
			sum = float64(t.Sum) / 100
		}
		w.put(fmt.Sprintf("C%d", row), sum, b.look.styles[t.Kind])
		w.do(b.SetDefinedName(&excelize.DefinedName{Name: t.Name, RefersTo: fmt.Sprintf("'%s'!$C$%d", coverSheet, row), Comment: t.Sheet + " " + t.Column}))
	}
	return row + 1
}

// Of a printed cover: what a page holds and what a chart takes of it, in rows; charts stand apart by two.
const pageRows, chartRows = 58, 15

// drawCharts puts each chart below the totals, one message a chart, with the title saying it. None is cut by the end of a page.
func (b *book) drawCharts(row int) error {
	used := row % pageRows
	for _, p := range b.placed {
		if used+chartRows > pageRows {
			if err := b.InsertPageBreak(coverSheet, fmt.Sprintf("A%d", row)); err != nil {
				return err
			}
			used = 0
		}
		if err := b.AddChart(coverSheet, fmt.Sprintf("A%d", row), p.drawn()); err != nil {
			return err
		}
		row, used = row+chartRows+2, used+chartRows+2
	}
	return nil
}

// axisFormats show moments on an axis as moments; an axis shows other numbers as they are.
var axisFormats = map[Kind]string{Day: "m-d", Moment: "m-d hh:mm"}

func (p placedChart) drawn() *excelize.Chart {
	label, _ := excelize.ColumnNumberToName(p.chart.Label + 1)
	figure, _ := excelize.ColumnNumberToName(p.chart.Figure + 1)
	span := func(column string) string {
		return fmt.Sprintf("'%s'!$%s$%d:$%s$%d", p.sheet, column, headerRows+1, column, p.rows)
	}
	kind, gap := excelize.Col, uint(60)
	if p.chart.Bar {
		kind = excelize.Bar
	}
	var floor *float64
	if !p.below {
		floor = new(float64) // bars that do not begin at nothing lie
	}
	return &excelize.Chart{Type: kind,
		Series: []excelize.ChartSeries{{Name: "'" + p.sheet + "'!$" + figure + "$1", Categories: span(label), Values: span(figure),
			Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{red}}}},
		GapWidth: &gap,
		Title:    excelize.ChartTitle{Paragraph: []excelize.RichTextRun{{Text: p.chart.ZH, Font: &excelize.Font{Size: 12, Bold: true}}}},
		XAxis: excelize.ChartAxis{ReverseOrder: p.chart.Bar, TickLabelPosition: excelize.ChartTickLabelLow, Font: excelize.Font{Size: 9, Color: "404040"},
			NumFmt: excelize.ChartNumFmt{CustomNumFmt: axisFormats[p.label]}},
		YAxis:     excelize.ChartAxis{MajorGridLines: true, Minimum: floor, Font: excelize.Font{Size: 9, Color: "404040"}},
		Legend:    excelize.ChartLegend{Position: "none"},
		Dimension: excelize.ChartDimension{Width: 660, Height: 20 * chartRows}}
}

// signatureName is the defined name of the cell that holds the signed note.
const signatureName = "signature"

// writeNotes explains each column, what it is, its unit and its source, and holds the signature.
func (b *book) writeNotes(r Report, o Outcome) error {
	if _, err := b.NewSheet(notesSheet); err != nil {
		return err
	}
	if err := b.page(notesSheet, "landscape"); err != nil {
		return err
	}
	w, row := writing{File: b.File, sheet: notesSheet}, 1
	put := func(style int, values ...string) {
		for i, v := range values {
			w.put(string(rune('A'+i))+fmt.Sprint(row), v, style)
		}
		row++
	}
	put(b.look.heading, "工作表 Sheet", "栏目", "Column", "单位 Unit", "说明 Note")
	for _, s := range r.Sheets {
		for _, c := range s.Columns {
			put(b.look.wrap, s.ZH, c.ZH, c.EN, c.unit(), c.Note)
		}
	}
	if o.Signature != "" {
		row++
		w.put(fmt.Sprintf("A%d", row), "签名 Signature", b.look.label)
		from, to := fmt.Sprintf("B%d", row), fmt.Sprintf("E%d", row)
		w.do(b.MergeCell(notesSheet, from, to))
		w.put(from, o.Signature, b.look.mono)
		w.do(b.SetRowHeight(notesSheet, row, 13*float64(strings.Count(o.Signature, "\n")+1)))
		w.put(fmt.Sprintf("A%d", row+1), "核对 Verify", b.look.label)
		w.put(fmt.Sprintf("B%d", row+1), "hongbao report verify FILE --key VKEY", b.look.wrap)
		w.do(b.SetDefinedName(&excelize.DefinedName{Name: signatureName, RefersTo: fmt.Sprintf("'%s'!$B$%d", notesSheet, row)}))
	}
	for column, width := range map[string]float64{"A": 18, "B": 18, "C": 20, "D": 16, "E": 84} {
		w.do(b.SetColWidth(notesSheet, column, column, width))
	}
	w.do(b.SetDefinedName(&excelize.DefinedName{Name: "_xlnm.Print_Titles", RefersTo: "'" + notesSheet + "'!$1:$1", Scope: notesSheet}))
	return w.err
}
