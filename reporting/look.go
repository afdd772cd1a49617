package reporting

import (
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
)

// look are the styles of a workbook.
type look struct {
	heading, subheading, title, subtitle, label, wrap, mono, good int
	numberHeading, numberSubheading                               int // over columns whose values stand at the right
	styles                                                        map[Kind]int
}

// formats are Excel's number formats by kind of column. Text stays text, whatever it begins with.
var formats = map[Kind]string{Text: "@", Digest: "@", Name: "@", Phone: "@", Document: "@",
	Count: "#,##0", Money: "#,##0.00", Moment: "yyyy-mm-dd hh:mm:ss", Day: "yyyy-mm-dd", Share: "0.00%", Real: "#,##0.0000"}

const red, cream, grey, family = "C8161D", "FBF3EE", "7A6F6A", "Calibri"

func newLook(f *excelize.File) (l look, err error) {
	rule := []excelize.Border{{Type: "bottom", Color: red, Style: 1}}
	fill := excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{cream}}
	for _, s := range []struct {
		id    *int
		style excelize.Style
	}{
		{&l.heading, excelize.Style{Font: &excelize.Font{Family: family, Bold: true}, Fill: fill, Alignment: &excelize.Alignment{WrapText: true, Vertical: "center"}}},
		{&l.subheading, excelize.Style{Font: &excelize.Font{Family: family, Size: 9, Color: grey}, Fill: fill, Border: rule, Alignment: &excelize.Alignment{Vertical: "center"}}},
		{&l.title, excelize.Style{Font: &excelize.Font{Family: family, Bold: true, Size: 20, Color: red}}},
		{&l.subtitle, excelize.Style{Font: &excelize.Font{Family: family, Size: 12, Color: grey}}},
		{&l.label, excelize.Style{Font: &excelize.Font{Family: family, Color: grey}, Alignment: &excelize.Alignment{Vertical: "top"}}},
		{&l.wrap, excelize.Style{Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}}},
		{&l.mono, excelize.Style{Font: &excelize.Font{Family: "Consolas", Size: 9}, Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}}},
		{&l.good, excelize.Style{Font: &excelize.Font{Family: family, Color: "1E7B34"}, Alignment: &excelize.Alignment{Vertical: "top"}}},
		{&l.numberHeading, excelize.Style{Font: &excelize.Font{Family: family, Bold: true}, Fill: fill, Alignment: &excelize.Alignment{WrapText: true, Vertical: "center", Horizontal: "right", Indent: 1}}},
		{&l.numberSubheading, excelize.Style{Font: &excelize.Font{Family: family, Size: 9, Color: grey}, Fill: fill, Border: rule, Alignment: &excelize.Alignment{Vertical: "center", Horizontal: "right", Indent: 1}}},
	} {
		if *s.id, err = f.NewStyle(&s.style); err != nil {
			return l, err
		}
	}
	l.styles = map[Kind]int{}
	for kind, format := range formats {
		style := excelize.Style{CustomNumFmt: &format, Alignment: &excelize.Alignment{Vertical: "top"}}
		switch {
		case kind == Digest: // 64 digits on two lines, so that a table with two of them can be read on one page's width
			style.Font, style.Alignment.WrapText = &excelize.Font{Family: "Consolas", Size: 8}, true
		case kind.number():
			style.Alignment.Horizontal, style.Alignment.Indent = "right", 1
		}
		if l.styles[kind], err = f.NewStyle(&style); err != nil {
			return l, err
		}
	}
	return l, nil
}

// heading is the 中文 heading with the unit.
func (c Column) heading() string {
	if c.Kind == Money {
		return c.ZH + "（元）"
	}
	return c.ZH
}

// unit is what the column's values are in.
func (c Column) unit() string {
	switch c.Kind {
	case Count:
		return "整数"
	case Money:
		return "元"
	case Moment:
		return "北京时间"
	case Day:
		return "日期，北京时间"
	case Share:
		return "百分比"
	case Real:
		return "小数"
	case Digest:
		return "十六进制"
	default:
		return "文本"
	}
}

// width is in Excel's characters: enough for the kind's usual values and for the heading.
func (c Column) width() float64 {
	usual := 15.0
	switch {
	case c.Kind == Digest:
		usual = 30
	case c.Kind == Moment:
		usual = 21
	case c.Code != "":
		usual = 24
	case c.Kind == Money:
		usual = 18
	case c.Kind == Count || c.Kind == Day || c.Kind == Share || c.Kind == Real:
		usual = 12
	case c.Kind == Document:
		usual = 21
	}
	return max(usual, c.wide, float64(2*utf8.RuneCountInString(c.heading())+3), float64(len(c.EN)+3))
}
