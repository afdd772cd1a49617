package draw

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// selectWinners runs the draw when everything it needs has been checked.
func (x *verification) selectWinners() error {
	if x.plan == nil || x.chain == nil || x.pools == nil || x.reveals == nil || x.round == nil {
		return errSkipped
	}
	s, err := Select(x.plan, Seed(x.plan, x.reveals, x.round.Value()), x.pools)
	x.selection = s
	return err
}

func (x *verification) checkResult() {
	f, err := x.bundle.Open(KindResult.File())
	if x.void && errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		x.check("file "+KindResult.File(), err)
		return
	}
	defer f.Close()
	sum := x.hash.New()
	err = x.compareResult(io.TeeReader(f, sum))
	x.check("result", err)
	x.sums[KindResult] = Digest(sum.Sum(nil))
}

// compareResult reads the file to its end, whatever the outcome.
func (x *verification) compareResult(file io.Reader) error {
	defer io.Copy(io.Discard, file)
	if x.void {
		return errors.New("a voided draw has a result")
	}
	if err := x.selectWinners(); err != nil {
		return err
	}
	c := &comparer{file: file}
	if _, err := x.selection.WriteTo(c); err != nil {
		return err
	}
	if n, _ := io.ReadFull(file, make([]byte, 1)); n > 0 {
		return errors.New("the file goes on after its end")
	}
	return nil
}

// comparer fails at the first byte written that the file does not have.
type comparer struct {
	file io.Reader
	line int // whole lines that were equal
	buf  []byte
}

func (c *comparer) Write(p []byte) (int, error) {
	c.buf = append(c.buf[:0], p...)
	n, _ := io.ReadFull(c.file, c.buf)
	for i := range p {
		if i >= n || p[i] != c.buf[i] {
			return 0, fmt.Errorf("line %d is not what the draw gives", c.line+1)
		}
		if p[i] == '\n' {
			c.line++
		}
	}
	return len(p), nil
}
