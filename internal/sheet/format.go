package sheet

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// Limits of what a workbook may unpack to, since a small file can hold a huge one.
const (
	unpackedBytes = 256 << 20
	memoryBytes   = 16 << 20 // of one sheet; a larger one is unpacked to a temporary file
)

func eachCSVRow(content []byte, visit func(line int, cells []string) error) error {
	text, err := decode(content)
	if err != nil {
		return err
	}
	reader := csv.NewReader(bytes.NewReader(text))
	reader.FieldsPerRecord = -1 // programs leave out empty cells at the end
	reader.ReuseRecord = true
	for {
		cells, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return ErrFormat.With(err)
		}
		line, _ := reader.FieldPos(0)
		if err := visit(line, cells); err != nil {
			return err
		}
	}
}

// decode gives UTF-8 without a byte order mark. What is no UTF-8 is read as GB 18030, which contains GBK.
func decode(content []byte) ([]byte, error) {
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(content) {
		var err error
		if content, err = simplifiedchinese.GB18030.NewDecoder().Bytes(content); err != nil || bytes.ContainsRune(content, utf8.RuneError) {
			return nil, ErrEncoding.With(err)
		}
	}
	if bytes.ContainsRune(content, 0) {
		return nil, ErrFormat
	}
	return content, nil
}

func eachWorkbookRow(content []byte, unpacked int64, visit func(line int, cells []string) error) (err error) {
	book, err := excelize.OpenReader(bytes.NewReader(content),
		excelize.Options{UnzipSizeLimit: unpacked, UnzipXMLSizeLimit: min(memoryBytes, unpacked)})
	if err != nil {
		return ErrFormat.With(err)
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	rows, err := book.Rows(book.GetSheetName(0))
	if err != nil {
		return ErrFormat.With(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for line := 1; rows.Next(); line++ {
		cells, err := rows.Columns()
		if err != nil {
			return ErrFormat.With(err)
		}
		if err := visit(line, cells); err != nil {
			return err
		}
	}
	if err := rows.Error(); err != nil {
		return ErrFormat.With(err)
	}
	return nil
}
