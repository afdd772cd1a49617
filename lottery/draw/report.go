package draw

import (
	"fmt"
	"io"
	"strings"
)

// Check is one named check of a verification. Detail says what failed, or what
// was found.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

// Report is what a verification found: every check that was made, in order.
type Report struct {
	Checks []Check   `json:"checks"`
	Plan   *Plan     `json:"-"`
	Label  string    `json:"label,omitempty"` // RehearsalLabel unless the chain is quicknet
	Void   string    `json:"void,omitempty"`  // the reason of a voided draw
	Own    *Standing `json:"own,omitempty"`   // what the receipt's entry got, nil for nothing
}

// OK reports whether every check passed; a report without checks is not OK.
func (r *Report) OK() bool { return len(r.Checks) > 0 && len(r.Failures()) == 0 }

// Failures returns the checks that failed.
func (r *Report) Failures() []Check {
	var out []Check
	for _, c := range r.Checks {
		if !c.OK {
			out = append(out, c)
		}
	}
	return out
}

// Err joins the failures, nil when there is none.
func (r *Report) Err() error {
	if r.OK() {
		return nil
	}
	var b strings.Builder
	for i, c := range r.Failures() {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(c.Name + ": " + c.Detail)
	}
	return fmt.Errorf("the draw does not verify: %s", b.String())
}

// WriteTo prints one line a check, "pass" or "FAIL" first.
func (r *Report) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	for _, c := range r.Checks {
		word := "pass"
		if !c.OK {
			word = "FAIL"
		}
		b.WriteString(strings.TrimRight(fmt.Sprintf("%s  %-28s %s", word, c.Name, c.Detail), " ") + "\n")
	}
	if r.Label != "" {
		b.WriteString("note  " + r.Label + "\n")
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

// add records a check; details are joined and used when it passed.
func (r *Report) add(name string, err error, details ...string) bool {
	c := Check{Name: name, OK: err == nil, Detail: strings.Join(details, " ")}
	if err != nil {
		c.Detail = err.Error()
	}
	r.Checks = append(r.Checks, c)
	return err == nil
}
