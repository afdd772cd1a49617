package sheet

import (
	"strings"
	"testing"
)

// FuzzRead: whatever is uploaded is refused or read within the limits, and each row has what the header promises.
func FuzzRead(f *testing.F) {
	const most, unpacked = 1 << 16, 1 << 18
	f.Add([]byte("no,名称\n1,得月楼\n\"2\",\"a\nb\"\n"))
	f.Add([]byte("\xef\xbb\xbfno,名称,no\n"))
	f.Add([]byte("no,\xc3\xfb\xb3\xc6\n1,\xff\xff\n"))
	f.Add([]byte(workbook(f, []any{"no", "名称"}, []any{1001, "得月楼"}, []any{}, []any{"1002", "松鹤楼\n观前店"})))
	f.Add([]byte(bomb(f, unpacked+1, unpacked+1)))
	f.Add([]byte(bomb(f, unpacked+1, 100)))
	f.Fuzz(func(t *testing.T, content []byte) {
		rows := 0
		err := read(strings.NewReader(string(content)), &list{maxBytes: most, maxRows: 100, unpacked: unpacked, required: []string{"no"}, visit: func(line int, cells map[string]string) error {
			if rows++; line < 2 || rows > 100 {
				t.Errorf("row %d at line %d", rows, line)
			}
			for title, cell := range cells {
				if title == "" || strings.TrimSpace(title) != title || strings.TrimSpace(cell) != cell || len(cell) > unpacked {
					t.Errorf("column %q holds %q", title, cell)
				}
			}
			return nil
		}})
		if err == nil && len(content) > most {
			t.Error("read beyond the limit")
		}
	})
}
