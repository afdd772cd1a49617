package sheet

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
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

func workbook(t testing.TB, rows ...[]any) string {
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
		err := read(strings.NewReader(content), &list{visit: accept, maxBytes: int64(limits[0]), maxRows: limits[1], unpacked: unpackedBytes})
		if !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%v: %v", limits, err)
		}
	}
}

// bomb is a workbook whose sheet unpacks to so many bytes, of which it admits to only said.
func bomb(t testing.TB, bytes, said uint64) string {
	t.Helper()
	book := workbook(t, []any{"no"})
	in, err := zip.NewReader(strings.NewReader(book), int64(len(book)))
	if err != nil {
		t.Fatal(err)
	}
	var packed strings.Builder
	out := zip.NewWriter(&packed)
	for _, part := range in.File {
		if part.Name != "xl/worksheets/sheet1.xml" {
			err = errors.Join(err, out.Copy(part))
			continue
		}
		var sheet strings.Builder
		deflater, _ := flate.NewWriter(&sheet, flate.BestCompression)
		_, wrong := io.CopyN(deflater, spaces{}, int64(bytes))
		err = errors.Join(err, wrong, deflater.Close())
		w, wrong := out.CreateRaw(&zip.FileHeader{Name: part.Name, Method: zip.Deflate, UncompressedSize64: said, CompressedSize64: uint64(sheet.Len())})
		_, wrote := io.WriteString(w, sheet.String())
		err = errors.Join(err, wrong, wrote)
	}
	if err := errors.Join(err, out.Close()); err != nil {
		t.Fatal(err)
	}
	return packed.String()
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// A small file does not unpack to a huge one, whatever it says of itself.
func TestZipBombIsRefused(t *testing.T) {
	const most = 8 << 20
	accept := func(int, map[string]string) error { return nil }
	for said, want := range map[uint64]error{most + 1: ErrFormat, 100: ErrEmpty} { // nothing is read beyond what it says
		packed := bomb(t, most+1, said)
		err := read(strings.NewReader(packed), &list{visit: accept, maxBytes: MaxBytes, maxRows: MaxRows, unpacked: most})
		if !errors.Is(err, want) || len(packed) > most/100 {
			t.Errorf("it says %d, has %d packed: %v", said, len(packed), err)
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
