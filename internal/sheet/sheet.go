// Package sheet reads the lists that people import: CSV in UTF-8 or GBK, and the first sheet of an Excel workbook. Rows
// go one by one to a function, which says what becomes of them.
package sheet

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"hongbao/internal/fault"
)

// Limits of a list.
const (
	MaxBytes = 64 << 20
	MaxRows  = 1_000_000 // below the header
)

// The reasons why a whole list is refused.
var (
	ErrTooLarge = fault.New(fault.Invalid, "sheet-too-large", "文件过大，请拆分后分别导入。", "The file is too large; please import it in parts.")
	ErrEncoding = fault.New(fault.Invalid, "sheet-encoding", "文件编码应为 UTF-8 或 GBK。", "The file must be encoded in UTF-8 or GBK.")
	ErrFormat   = fault.New(fault.Invalid, "sheet-format", "无法读取文件，请使用 CSV 或 XLSX 格式。", "The file cannot be read; please use CSV or XLSX.")
	ErrEmpty    = fault.New(fault.Invalid, "sheet-empty", "文件没有表头。", "The file has no header.")
)

// Visit is what takes the rows: line as an editor or Excel counts, from 1, and the cells by the title of their column in
// lower case. Cells and titles come without spaces around them; a column that the list lacks reads as "".
type Visit func(line int, cells map[string]string) error

// Read hands each row below the header to visit and leaves out empty ones. The list must have the required columns. The
// first error of visit ends the reading and comes back; the others are those of this package and a fault that names a
// column which is missing or stands there twice. The map is visit's to keep.
func Read(file io.Reader, visit Visit, required ...string) error {
	return read(file, &list{visit: visit, required: required, maxBytes: MaxBytes, maxRows: MaxRows, unpacked: unpackedBytes})
}

// list is a list while it is read.
type list struct {
	visit    Visit
	required []string
	maxBytes int64
	maxRows  int
	unpacked int64    // bytes that a workbook may unpack to
	titles   []string // nil until the header was read
	rows     int
}

func read(file io.Reader, l *list) error {
	content, err := io.ReadAll(io.LimitReader(file, l.maxBytes+1))
	if err != nil {
		return fmt.Errorf("reading a list: %w", err)
	}
	if int64(len(content)) > l.maxBytes {
		return ErrTooLarge
	}
	if bytes.HasPrefix(content, []byte("PK\x03\x04")) {
		err = eachWorkbookRow(content, l.unpacked, l.row)
	} else {
		err = eachCSVRow(content, l.row)
	}
	if err == nil && l.titles == nil {
		err = ErrEmpty
	}
	return err
}

func (l *list) row(line int, cells []string) error {
	if strings.TrimSpace(strings.Join(cells, "")) == "" {
		return nil
	}
	if l.titles == nil {
		return l.header(cells)
	}
	if l.rows++; l.rows > l.maxRows {
		return ErrTooLarge
	}
	named := make(map[string]string, len(l.titles))
	for i, title := range l.titles {
		if i < len(cells) && title != "" {
			named[title] = strings.TrimSpace(cells[i])
		}
	}
	return l.visit(line, named)
}

func (l *list) header(cells []string) error {
	seen := map[string]int{}
	for _, cell := range cells {
		title := strings.ToLower(strings.TrimSpace(cell))
		l.titles = append(l.titles, title)
		if seen[title]++; seen[title] > 1 && title != "" {
			return fault.Field(title, "sheet-column-twice", "列“"+title+"”重复。", "The column \""+title+"\" stands there twice.")
		}
	}
	for _, title := range l.required {
		if seen[title] == 0 {
			return fault.Field(title, "sheet-column-missing", "缺少列“"+title+"”。", "The column \""+title+"\" is missing.")
		}
	}
	return nil
}
