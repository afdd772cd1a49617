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

// readAll writes each row of a file as text.
func readAll(content string) (string, error) {
	var text strings.Builder
	err := Read(strings.NewReader(content), func(line int, cells map[string]string) error {
		fmt.Fprintf(&text, "%d:%s|%s|%s;", line, cells["no"], cells["名称"], cells["app"])
		return nil
	}, "no", "名称")
	return text.String(), err
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
	plain := " NO ,名称,,App\n1001, 得月楼 ,x,jd\n\n1002,\"松鹤楼,\n观前店\"\n1003,,,,\n"
	gbk, err := simplifiedchinese.GBK.NewEncoder().String(plain)
	if err != nil {
		t.Fatal(err)
	}
	want := "2:1001|得月楼|jd;4:1002|松鹤楼,\n观前店|;6:1003||;"
	for name, content := range map[string]string{
		"UTF-8": plain, "byte order mark": "\xef\xbb\xbf" + plain, "GBK": gbk, "CRLF": strings.ReplaceAll(plain, "\n", "\r\n"),
	} {
		if got, err := readAll(content); strings.ReplaceAll(got, "\r\n", "\n") != want || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	book := workbook(t, []any{"名称", "no"}, []any{"得月楼", 1001}, []any{}, []any{"松鹤楼", "013812345678"}, []any{nil, 13812345678})
	if got, err := readAll(book); got != "2:1001|得月楼|;4:013812345678|松鹤楼|;5:13812345678||;" || err != nil {
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
		"open quote":      {"no,名称\n1,\"x\n", ErrFormat},
		"zero bytes":      {"no,名称\n1,\x00\n", ErrFormat},
		"no text":         {"no,名称\n\xff\xff\xff\n", ErrEncoding},
		"half a workbook": {"PK\x03\x04and then nothing", ErrFormat},
		"missing column":  {"名称\n得月楼\n", fault.Field("no", "sheet-column-missing", "", "")},
		"a column twice":  {"no,名称,No\n1,x,2\n", fault.Field("no", "sheet-column-twice", "", "")},
	} {
		if got, err := readAll(c.content); !errors.Is(err, c.want) || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestLimits(t *testing.T) {
	content := "no,名称\n1,a\n2,b\n3,c\n"
	accept := func(int, map[string]string) error { return nil }
	for limits, want := range map[[2]int]error{
		{len(content), 3}: nil, {len(content) - 1, 3}: ErrTooLarge, {len(content), 2}: ErrTooLarge,
	} {
		err := read(strings.NewReader(content), &list{visit: accept, maxBytes: int64(limits[0]), maxRows: limits[1]})
		if !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%v: %v", limits, err)
		}
	}
}

func TestErrorOfVisitEndsTheReading(t *testing.T) {
	broken, rows := errors.New("the database is gone"), 0
	for _, content := range []string{"no\n1\n2\n", workbook(t, []any{"no"}, []any{1}, []any{2})} {
		err := Read(strings.NewReader(content), func(int, map[string]string) error { rows++; return broken })
		if !errors.Is(err, broken) {
			t.Error(err)
		}
	}
	if rows != 2 {
		t.Errorf("went on for %d rows", rows)
	}
}
