package draw

import (
	"fmt"
	"slices"
	"strings"
)

// Excluded counts the registrations that were left out for one reason, so that
// |registered| = |entries| + |excluded| (section Who does what, 3).
type Excluded struct {
	Reason string // token
	Count  int64
}

// ParseExcluded reads the file excluded: "<reason> <count>", strictly ascending
// by reason.
func ParseExcluded(b []byte) ([]Excluded, error) {
	r := newLineReader(b)
	var out []Excluded
	for r.more() {
		f := r.fields("", 2)
		x := Excluded{Reason: r.token(f[0]), Count: r.number(f[1])}
		if n := len(out); n > 0 && out[n-1].Reason >= x.Reason {
			r.fail("reasons are not in ascending order")
		}
		out = append(out, x)
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return out, nil
}

// FormatExcluded returns the file excluded, sorted by reason; a reason given
// twice or not a token is an error.
func FormatExcluded(list []Excluded) ([]byte, error) {
	list = slices.SortedFunc(slices.Values(list), func(a, b Excluded) int { return strings.Compare(a.Reason, b.Reason) })
	var b strings.Builder
	for _, x := range list {
		fmt.Fprintf(&b, "%s %d\n", x.Reason, x.Count)
	}
	if _, err := ParseExcluded([]byte(b.String())); err != nil {
		return nil, err
	}
	return []byte(b.String()), nil
}
