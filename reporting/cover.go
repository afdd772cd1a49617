package reporting

import (
	"fmt"

	"github.com/xuri/excelize/v2"

	"hongbao/internal/money"
)

// finish writes the cover, the charts and the notes, which need what the streamed sheets turned out to hold.
func (b *book) finish(r Report, o Outcome) error {
	if err := b.writeCover(r, o); err != nil {
		return err
	}
	if err := b.writeNotes(r); err != nil {
		return err
	}
	at, err := b.GetSheetIndex(coverSheet)
	if err != nil {
		return err
	}
	b.SetActiveSheet(at)
	made := b.cover.MadeAt.UTC().Format("2006-01-02T15:04:05Z")
	return b.SetDocProps(&excelize.DocProperties{Title: r.ZH, Subject: b.cover.Slug, Creator: b.cover.MadeBy,
		Identifier: b.cover.Number, Description: o.Digest, Created: made, Modified: made, Language: "zh-CN"})
}

// writeCover says what the workbook is, who made it when, and its control totals, each with a defined name.
func (b *book) writeCover(r Report, o Outcome) error {
	lines := [][2]string{
		{"活动 Campaign", fmt.Sprintf("%s（%s）", b.cover.Campaign, b.cover.Slug)},
		{"报表编号 Number", b.cover.Number},
		{"制表人 Made by", b.cover.MadeBy},
		{"制表时间 Made at", b.cover.MadeAt.In(shanghai).Format("2006-01-02 15:04:05")},
		{"时区 Time zone", "Asia/Shanghai (UTC+8)"},
		{"软件版本 Version", b.cover.Version},
		{"数据行数 Rows", fmt.Sprint(o.Rows)},
		{"数据摘要 SHA-256", o.Digest},
	}
	b.SetCellStyle(coverSheet, "A1", "A1", b.title)
	b.SetCellStr(coverSheet, "A1", r.ZH)
	b.SetCellStr(coverSheet, "A2", r.EN)
	row := 4
	for _, line := range lines {
		b.SetCellStr(coverSheet, fmt.Sprintf("A%d", row), line[0])
		b.SetCellStr(coverSheet, fmt.Sprintf("B%d", row), line[1])
		row++
	}
	row, err := b.writeTotals(o, row+1)
	if err != nil {
		return err
	}
	b.SetColWidth(coverSheet, "A", "A", 30)
	b.SetColWidth(coverSheet, "B", "B", 34)
	b.SetColWidth(coverSheet, "C", "C", 22)
	return b.drawCharts(row + 1)
}

func (b *book) writeTotals(o Outcome, row int) (int, error) {
	if len(o.Totals) == 0 {
		return row, nil
	}
	for i, h := range []string{"工作表 Sheet", "栏目 Column", "合计 Total"} {
		at, _ := excelize.CoordinatesToCellName(i+1, row)
		b.SetCellStr(coverSheet, at, h)
		b.SetCellStyle(coverSheet, at, at, b.heading)
	}
	for i, t := range o.Totals {
		row++
		b.SetCellStr(coverSheet, fmt.Sprintf("A%d", row), t.Sheet)
		b.SetCellStr(coverSheet, fmt.Sprintf("B%d", row), Column{Kind: t.Kind}.unit(t.Column))
		at := fmt.Sprintf("C%d", row)
		if t.Kind == Money {
			b.SetCellFloat(coverSheet, at, float64(money.Fen(t.Sum))/100, 2, 64)
		} else {
			b.SetCellInt(coverSheet, at, t.Sum)
		}
		b.SetCellStyle(coverSheet, at, at, b.styles[t.Kind])
		name := excelize.DefinedName{Name: fmt.Sprintf("total_%d", i+1), RefersTo: fmt.Sprintf("'%s'!$C$%d", coverSheet, row),
			Comment: t.Sheet + " " + t.Column}
		if err := b.SetDefinedName(&name); err != nil {
			return row, err
		}
	}
	return row + 1, nil
}

// drawCharts puts each chart below the totals, one message a chart, with the title saying it.
func (b *book) drawCharts(row int) error {
	for _, p := range b.placed {
		label, _ := excelize.ColumnNumberToName(p.chart.Label + 1)
		figure, _ := excelize.ColumnNumberToName(p.chart.Figure + 1)
		span := func(column string) string {
			return fmt.Sprintf("'%s'!$%s$%d:$%s$%d", p.sheet, column, headerRows+1, column, p.rows)
		}
		kind := excelize.Col
		if p.chart.Bar {
			kind = excelize.Bar
		}
		err := b.AddChart(coverSheet, fmt.Sprintf("A%d", row), &excelize.Chart{Type: kind,
			Series:    []excelize.ChartSeries{{Name: p.chart.ZH, Categories: span(label), Values: span(figure)}},
			Title:     excelize.ChartTitle{Paragraph: []excelize.RichTextRun{{Text: p.chart.ZH}}},
			Legend:    excelize.ChartLegend{Position: "none"},
			Dimension: excelize.ChartDimension{Width: 620, Height: 300}})
		if err != nil {
			return err
		}
		row += 17
	}
	return nil
}

// writeNotes explains each column: what it is, its unit and its source.
func (b *book) writeNotes(r Report) error {
	if _, err := b.NewSheet(notesSheet); err != nil {
		return err
	}
	if err := b.page(notesSheet, "landscape"); err != nil {
		return err
	}
	rows := [][]any{{"工作表 Sheet", "栏目", "Column", "说明 Note"}}
	for _, s := range r.Sheets {
		for _, c := range s.Columns {
			rows = append(rows, []any{s.ZH, c.ZH, c.EN, c.Note})
		}
	}
	for i, row := range rows {
		if err := b.SetSheetRow(notesSheet, fmt.Sprintf("A%d", i+1), &row); err != nil {
			return err
		}
	}
	b.SetCellStyle(notesSheet, "A1", "D1", b.heading)
	b.SetCellStyle(notesSheet, "A2", fmt.Sprintf("D%d", len(rows)), b.wrap)
	b.SetColWidth(notesSheet, "A", "C", 22)
	return b.SetColWidth(notesSheet, "D", "D", 80)
}
