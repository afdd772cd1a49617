package sheet

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"

	"hongbao/internal/fault"
)

var columns = []Column{
	{Name: "no", Titles: []string{"商户号", "merchant_no"}, Required: true},
	{Name: "name", Titles: []string{"名称", "name"}, Required: true},
	{Name: "app", Titles: []string{"应用", "app"}},
}

// readAll writes each row of a file as text.
func readAll(content string) (string, Report, error) {
	var text strings.Builder
	report, err := Read(strings.NewReader(content), columns, Limits{}, func(line int, cells map[string]string) error {
		fmt.Fprintf(&text, "%d:%s|%s|%s;", line, cells["no"], cells["name"], cells["app"])
		return nil
	})
	return text.String(), report, err
}

func workbook(t *testing.T, rows ...[]any) string {
	t.Helper()
	book := excelize.NewFile()
	for i, row := range rows {
		if err := book.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row); err != nil {
			t.Fatal(err)
		}
	}
	var buffer bytes.Buffer
	if err := book.Write(&buffer); err != nil {
		t.Fatal(err)
	}
	return buffer.String()
}

func TestReadFormats(t *testing.T) {
	plain := "商户号,名称,备注,应用\n1001, 得月楼 ,x,jd\n\n1002,\"松鹤楼,\n观前店\"\n1003,,\n"
	gbk, err := simplifiedchinese.GBK.NewEncoder().String(plain)
	if err != nil {
		t.Fatal(err)
	}
	want := "2:1001|得月楼|jd;4:1002|松鹤楼,\n观前店|;6:1003||;"
	for name, content := range map[string]string{
		"UTF-8": plain, "byte order mark": "\xef\xbb\xbf" + plain, "GBK": gbk, "CRLF": strings.ReplaceAll(plain, "\n", "\r\n"),
		"English titles": strings.Replace(strings.Replace(plain, "商户号", "MERCHANT_NO", 1), "名称", " Name ", 1),
	} {
		got, report, err := readAll(content)
		if strings.ReplaceAll(got, "\r\n", "\n") != want || err != nil || report.Rows != 3 || report.Accepted != 3 {
			t.Errorf("%s: %q, %+v, %v", name, got, report, err)
		}
	}
	book := workbook(t, []any{"名称", "商户号"}, []any{"得月楼", 1001}, []any{}, []any{"松鹤楼", "013812345678"})
	if got, _, err := readAll(book); got != "2:1001|得月楼|;4:013812345678|松鹤楼|;" || err != nil {
		t.Errorf("workbook: %q, %v", got, err)
	}
}

func TestReadRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		want    error
	}{
		"nothing":         {"", ErrEmpty},
		"blank lines":     {"\n , \n", ErrEmpty},
		"open quote":      {"商户号,名称\n1,\"x\n", ErrFormat},
		"zero bytes":      {"商户号,名称\n1,\x00\n", ErrFormat},
		"no text":         {"商户号,名称\n\xff\xff\xff\n", ErrEncoding},
		"half a workbook": {"PK\x03\x04and then nothing", ErrFormat},
		"missing columns": {"名称\n得月楼\n", fault.Field("no", "sheet-column", "", "")},
	} {
		if got, _, err := readAll(c.content); !errors.Is(err, c.want) || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestLimits(t *testing.T) {
	content := "商户号,名称\n1,a\n2,b\n3,c\n"
	accept := func(int, map[string]string) error { return nil }
	for limits, want := range map[Limits]error{
		{Bytes: int64(len(content)), Rows: 3}: nil, {Bytes: int64(len(content)) - 1}: ErrTooLarge, {Rows: 2}: ErrTooLarge,
	} {
		_, err := Read(strings.NewReader(content), columns, limits, accept)
		if !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%+v: %v", limits, err)
		}
	}
}

func TestReportByLine(t *testing.T) {
	var content strings.Builder
	content.WriteString("商户号,名称\n")
	for i := range 300 {
		fmt.Fprintf(&content, "%d,x\n", i)
	}
	odd := fault.Field("no", "odd", "商户号应为偶数。", "The number must be even.")
	report, err := Read(strings.NewReader(content.String()), columns, Limits{}, func(line int, cells map[string]string) error {
		if line%2 == 1 {
			return odd
		}
		return nil
	})
	if err != nil || report.Rows != 300 || report.Accepted != 150 || len(report.Problems) != listedProblems {
		t.Fatalf("%d rows, %d accepted, %d problems, %v", report.Rows, report.Accepted, len(report.Problems), err)
	}
	if got := report.Problems[0]; got != (Problem{3, "no", "odd", odd.ZH, odd.EN}) {
		t.Errorf("%+v", got)
	}
	broken := errors.New("the database is gone")
	for _, stop := range []error{broken, fault.New(fault.Unavailable, "busy", "", "").With(broken)} {
		report, err = Read(strings.NewReader(content.String()), columns, Limits{}, func(int, map[string]string) error { return stop })
		if !errors.Is(err, broken) || report.Rows != 1 {
			t.Errorf("went on after %v: %+v, %v", stop, report, err)
		}
	}
}
