package reporting

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/fault"
)

// markPlace stands in a kept workbook where a download puts who and when: on the cover and in the document's properties.
const markPlace = "尚未下载 not downloaded yet"

var (
	errNotReady = fault.New(fault.Conflict, "report-not-ready", "报表尚未生成完毕。", "The report is not finished.")
	errNotYours = fault.New(fault.Forbidden, "report-not-yours", "未遮掩的报表只有申请人可以下载。", "Only who asked for an unmasked report may download it.")
	errGone     = fault.New(fault.Gone, "report-expired", "报表已过期，文件已删除。", "The report has expired and its file is gone.")
)

// Download writes a finished report's file to w, marked with who downloaded it and when, after the download is on the audit
// trail. The cells, and so the digest, stay as they are. An unmasked file was marked for its one reader when it was encrypted.
func (s *Service) Download(ctx context.Context, run Run, by string, w io.Writer) error {
	switch {
	case run.Status == Expired:
		return errGone
	case run.Status != Done:
		return errNotReady
	case run.Unmasked && run.MadeBy != by:
		return errNotYours
	}
	if err := s.DB.InTx(ctx, func(tx *gorm.DB) error { return s.audited(tx, run, by, "report.download") }); err != nil {
		return err
	}
	mark := mark{Number: run.Number, By: by, At: s.Now().In(shanghai)}
	switch {
	case run.Unmasked:
		return s.copyFile(ctx, run.ID, w)
	case run.Format == XLSX:
		return s.downloadWorkbook(ctx, run, mark, w)
	}
	if err := s.copyFile(ctx, run.ID, w); err != nil {
		return err
	}
	return mark.appendTo(w, run.Format)
}

// mark is what a download leaves in a file.
type mark struct {
	Number, By string
	At         time.Time
}

func (m mark) String() string {
	return fmt.Sprintf("%s  %s  %s", m.At.Format("2006-01-02 15:04:05"), m.By, m.Number)
}

// appendTo ends a CSV file with a row, or a JSON lines file with a line, of its own.
func (m mark) appendTo(w io.Writer, format string) error {
	if format == JSONL {
		return json.NewEncoder(w).Encode(map[string]string{"sheet": "download", "number": m.Number, "by": m.By, "at": m.At.Format(time.RFC3339)})
	}
	out := csv.NewWriter(w)
	out.Write([]string{"下载", m.Number, inert(m.By, m.By), m.At.Format(time.RFC3339)})
	out.Flush()
	return out.Error()
}

// downloadWorkbook packs the kept archive again with the mark in it. The sheets of data pass as they are packed.
func (s *Service) downloadWorkbook(ctx context.Context, run Run, m mark, w io.Writer) (err error) {
	file, err := os.CreateTemp("", "hongbao-report-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	if err := s.copyFile(ctx, run.ID, file); err != nil {
		return err
	}
	in, err := zip.NewReader(file, run.Size)
	if err != nil {
		return fmt.Errorf("report %s as kept: %w", run.Number, err)
	}
	return m.repack(in, w)
}

func (m mark) repack(in *zip.Reader, w io.Writer) error {
	out := zip.NewWriter(w)
	for _, part := range in.File {
		var err error
		switch part.Name {
		case "xl/sharedStrings.xml", "docProps/core.xml": // the cover's texts; the tables hold theirs inline
			err = m.replace(part, out)
		default:
			err = out.Copy(part)
		}
		if err != nil {
			return fmt.Errorf("marking %s: %w", part.Name, err)
		}
	}
	return out.Close()
}

func (m mark) replace(part *zip.File, out *zip.Writer) error {
	r, err := part.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := xml.EscapeText(&text, []byte(m.String())); err != nil {
		return err
	}
	w, err := out.Create(part.Name)
	if err != nil {
		return err
	}
	_, err = w.Write(bytes.ReplaceAll(content, []byte(markPlace), text.Bytes()))
	return err
}
