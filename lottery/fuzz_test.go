package lottery

import (
	"bytes"
	"os"
	"testing"

	"hongbao/lottery/draw"
)

// FuzzCosignature: of all lines only those that a declared witness made for this checkpoint are taken, each in one form.
func FuzzCosignature(f *testing.F) {
	read := func(name string) []byte {
		b, err := os.ReadFile("draw/testdata/bundle/" + name)
		if err != nil {
			f.Fatal(err)
		}
		return b
	}
	notice, err := draw.ParseNotice(read("notice"))
	if err != nil {
		f.Fatal(err)
	}
	keys, err := notice.Keys()
	if err != nil {
		f.Fatal(err)
	}
	lines := bytes.SplitAfter(read("checkpoints/3"), []byte("\n"))
	signed, genuine := bytes.Join(lines[:5], nil), map[string]bool{} // text, empty line, the log's own signature
	for _, line := range lines[5:] {
		if len(line) > 0 {
			genuine[string(line)] = true
			f.Add(string(line))
		}
	}
	f.Add(string(lines[4]))
	accepted := 0
	for line := range genuine {
		if _, err := openCosignature(signed, line, keys); err == nil {
			accepted++
		}
	}
	if accepted != 2 {
		f.Fatalf("%d of the witnesses' lines are taken", accepted)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if row, err := openCosignature(signed, line, keys); err == nil && !genuine[line] {
			t.Errorf("%q is taken for %s's", line, row.Witness)
		}
	})
}
