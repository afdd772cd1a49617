package reporting

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"
	"golang.org/x/mod/sumdb/note"

	"hongbao/internal/fault"
)

var (
	errNotSigned = fault.New(fault.Invalid, "report-unsigned", "文件里没有有效的签名。", "There is no valid signature by this key in the file.")
	errCells     = fault.New(fault.Invalid, "report-changed", "表格内容与签名不符，文件被改动过。", "The cells are not those that were signed: the file has been changed.")
)

// Verify checks a workbook by the public key of its city's log: the signature holds, and the cells, read back from the
// file, give the digest that it signs. It gives the signed statement.
func Verify(workbook io.Reader, vkey string) (statement string, err error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return "", fault.Field("key", "key", "公钥无法识别。", "The key cannot be read.").With(err)
	}
	f, err := excelize.OpenReader(workbook, excelize.Options{RawCellValue: true})
	if err != nil {
		return "", fault.Field("file", "workbook", "不是可以打开的工作簿。", "This is not a workbook that can be opened.").With(err)
	}
	defer f.Close()
	text, err := signedNote(f)
	if err != nil {
		return "", err
	}
	signed, err := note.Open([]byte(text), note.VerifierList(verifier))
	if err != nil {
		return "", errNotSigned.With(err)
	}
	facts := map[string]string{}
	for line := range strings.Lines(signed.Text) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		facts[name] = value
	}
	report, ok := Find(facts["report"])
	if !ok {
		return "", unknown(facts["report"])
	}
	c := newCells(nil)
	for _, s := range report.Sheets {
		if err := readBack(f, s, c.sheet(s)); err != nil {
			return "", errCells.With(err)
		}
	}
	if got := c.outcome(); facts["cells"] != "sha256 "+got.Digest || facts["rows"] != strconv.Itoa(got.Rows) {
		return "", errCells.With(fmt.Errorf("%d rows with digest %s", got.Rows, got.Digest))
	}
	return signed.Text, nil
}

func signedNote(f *excelize.File) (string, error) {
	for _, name := range f.GetDefinedName() {
		if name.Name == signatureName {
			cell := strings.ReplaceAll(name.RefersTo[strings.LastIndex(name.RefersTo, "!")+1:], "$", "")
			return f.GetCellValue(notesSheet, cell)
		}
	}
	return "", errNotSigned
}

// readBack gives the rows of a table as they were before they were written, from all worksheets that it went on to.
func readBack(f *excelize.File, s Sheet, add func([]any) error) error {
	for part := 1; ; part++ {
		name := partName(s.ZH, part)
		if at, err := f.GetSheetIndex(name); err != nil || at < 0 {
			if part == 1 {
				return fmt.Errorf("sheet %s is missing", name)
			}
			return nil
		}
		rows, err := f.Rows(name)
		if err != nil {
			return err
		}
		for n := 1; rows.Next(); n++ {
			texts, err := rows.Columns()
			if err != nil {
				return err
			}
			if n <= headerRows {
				continue
			}
			values := make([]any, len(s.Columns))
			for i, text := range texts[:min(len(texts), len(values))] {
				if values[i], err = s.Columns[i].original(text); err != nil {
					return fmt.Errorf("sheet %s, row %d, %s: %w", name, n, s.Columns[i].EN, err)
				}
			}
			if err := add(values); err != nil {
				return err
			}
		}
		if err := rows.Close(); err != nil {
			return err
		}
	}
}

// original is the value that a cell's raw text was written for.
func (c Column) original(text string) (any, error) {
	if text == "" {
		return nil, nil
	}
	switch c.Kind {
	case Count:
		return strconv.ParseInt(text, 10, 64)
	case Money:
		yuan, err := strconv.ParseFloat(text, 64)
		return int64(math.Round(yuan * 100)), err
	case Moment, Day:
		days, err := strconv.ParseFloat(text, 64)
		return 1000 * (int64(math.Round((days-excelEpoch)*86400)) - 8*3600), err
	case Share, Real:
		return strconv.ParseFloat(text, 64)
	}
	if c.Code != "" {
		return text[strings.LastIndexByte(text, ' ')+1:], nil
	}
	return text, nil
}
