// Package sheet reads the lists that people import: CSV in UTF-8 or GBK, and the first sheet of an Excel workbook. Rows
// go one by one to a function; what is wrong with them comes back as a report by line.
package sheet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"hongbao/internal/fault"
)

// Column is a column of a list.
type Column struct {
	Name     string   // under which its cells are handed over
	Titles   []string // any of which may head it, 中文 or English; case does not matter
	Required bool     // a list without it is refused
}

// Limits bound a list. A zero stands for the default.
type Limits struct {
	Bytes int64 // of the file; 32 MiB
	Rows  int   // below the header; 200,000
}

// Problem is what is wrong with one line.
type Problem struct {
	Line  int    `json:"line"` // as an editor or Excel counts, from 1
	Field string `json:"field,omitempty"`
	Code  string `json:"code"`
	ZH    string `json:"zh"`
	EN    string `json:"en"`
}

// Report is what came of a list.
type Report struct {
	Rows     int       `json:"rows"`     // read, without header and empty lines
	Accepted int       `json:"accepted"` // for which the function returned nil
	Problems []Problem `json:"problems"` // the first hundred of the others
}

const listedProblems = 100

// The reasons why a whole list is refused.
var (
	ErrTooLarge = fault.New(fault.Invalid, "sheet-too-large", "文件过大，请拆分后分别导入。", "The file is too large; please import it in parts.")
	ErrEncoding = fault.New(fault.Invalid, "sheet-encoding", "文件编码应为 UTF-8 或 GBK。", "The file must be encoded in UTF-8 or GBK.")
	ErrFormat   = fault.New(fault.Invalid, "sheet-format", "无法读取文件，请使用 CSV 或 XLSX 格式。", "The file cannot be read; please use CSV or XLSX.")
	ErrEmpty    = fault.New(fault.Invalid, "sheet-empty", "文件没有表头。", "The file has no header.")
)

// Read hands each row to visit, with its cells by column name and spaces trimmed; a column that the list lacks is "".
// A fault that visit returns refuses its row and goes into the report; any other error ends the reading. Columns that
// nobody asked for are left out. Errors are those of this package, a fault that names a missing column, and visit's.
func Read(file io.Reader, columns []Column, limits Limits, visit func(line int, cells map[string]string) error) (Report, error) {
	if limits.Bytes == 0 {
		limits.Bytes = 32 << 20
	}
	if limits.Rows == 0 {
		limits.Rows = 200_000
	}
	content, err := io.ReadAll(io.LimitReader(file, limits.Bytes+1))
	if err != nil {
		return Report{}, fmt.Errorf("reading a list: %w", err)
	}
	if int64(len(content)) > limits.Bytes {
		return Report{}, ErrTooLarge
	}
	list := &list{columns: columns, limits: limits, visit: visit}
	if bytes.HasPrefix(content, []byte("PK\x03\x04")) {
		err = eachWorkbookRow(content, list.row)
	} else {
		err = eachCSVRow(content, list.row)
	}
	if err == nil && list.index == nil {
		err = ErrEmpty
	}
	return list.report, err
}

// list is a list while it is read.
type list struct {
	columns []Column
	limits  Limits
	visit   func(int, map[string]string) error
	index   map[string]int // where a column stands, from the header on
	report  Report
}

func (l *list) row(line int, cells []string) error {
	if !slices.ContainsFunc(cells, func(cell string) bool { return strings.TrimSpace(cell) != "" }) {
		return nil
	}
	if l.index == nil {
		return l.header(cells)
	}
	if l.report.Rows++; l.report.Rows > l.limits.Rows {
		return ErrTooLarge
	}
	err := l.visit(line, l.named(cells))
	if problem, ok := fault.As(err); ok && problem.Kind != fault.Internal && problem.Kind != fault.Unavailable {
		if len(l.report.Problems) < listedProblems {
			l.report.Problems = append(l.report.Problems, Problem{line, problem.Field, problem.Code, problem.ZH, problem.EN})
		}
		return nil
	}
	if err == nil {
		l.report.Accepted++
	}
	return err
}

func (l *list) header(titles []string) error {
	l.index = map[string]int{}
	var missing []error
	for _, column := range l.columns {
		at := slices.IndexFunc(titles, func(title string) bool {
			return slices.ContainsFunc(column.Titles, func(want string) bool { return strings.EqualFold(want, strings.TrimSpace(title)) })
		})
		if at >= 0 {
			l.index[column.Name] = at
		} else if column.Required {
			missing = append(missing, fault.Field(column.Name, "sheet-column",
				"缺少列“"+column.Titles[0]+"”。", "The column \""+column.Titles[len(column.Titles)-1]+"\" is missing."))
		}
	}
	return errors.Join(missing...)
}

func (l *list) named(cells []string) map[string]string {
	named := make(map[string]string, len(l.columns))
	for _, column := range l.columns {
		named[column.Name] = ""
		if at, ok := l.index[column.Name]; ok && at < len(cells) {
			named[column.Name] = strings.TrimSpace(cells[at])
		}
	}
	return named
}
