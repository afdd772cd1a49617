package sheet

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzRead: whatever is uploaded is refused or read within the limits, and each row has what the header promises.
func FuzzRead(f *testing.F) {
	f.Add([]byte("no,名称\n1,得月楼\n\"2\",\"a\nb\"\n"))
	f.Add([]byte("\xef\xbb\xbfno,名称,no\n"))
	f.Add([]byte("no,\xc3\xfb\xb3\xc6\n1,\xff\xff\n"))
	samples, _ := filepath.Glob("testdata/*.xlsx")
	for _, name := range samples {
		content, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		rows := 0
		err := read(strings.NewReader(string(content)), &list{maxBytes: 1 << 16, maxRows: 100, required: []string{"no"}, visit: func(line int, cells map[string]string) error {
			if rows++; line < 2 || rows > 100 {
				t.Errorf("row %d at line %d", rows, line)
			}
			for title, cell := range cells {
				if title == "" || strings.TrimSpace(title) != title || strings.TrimSpace(cell) != cell {
					t.Errorf("column %q holds %q", title, cell)
				}
			}
			return nil
		}})
		if err == nil && len(content) > 1<<16 {
			t.Error("read beyond the limit")
		}
	})
}
