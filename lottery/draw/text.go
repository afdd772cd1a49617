package draw

import (
	"fmt"
	"strconv"
	"strings"
)

// AllPools is the scope that holds every pool.
const AllPools = "*"

// LineError says which line (from 1) of a text file breaks which rule.
type LineError struct {
	Line   int
	Reason string
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// IsToken reports whether s is [a-z0-9][a-z0-9._-]{0,63}.
func IsToken(s string) bool {
	if len(s) < 1 || len(s) > 64 || strings.IndexByte("._-", s[0]) >= 0 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// parseNumber reads 0|[1-9][0-9]{0,14}.
func parseNumber(s string) (int64, bool) {
	if len(s) < 1 || len(s) > 15 || (s[0] == '0' && len(s) > 1) {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// lineReader reads a text file line by line and keeps the first error; after
// an error it returns zero values, so that a parser need not look at each step.
type lineReader struct {
	lines []string
	at    int // the next line, from 0
	seen  map[string]bool
	err   error
}

// newLineReader splits a file whose every line must end in \n; an empty file
// has no lines.
func newLineReader(b []byte) *lineReader {
	r := &lineReader{seen: map[string]bool{}}
	if len(b) == 0 {
		return r
	}
	r.lines = strings.Split(string(b), "\n")
	last := len(r.lines) - 1
	if r.lines[last] != "" {
		r.at = last + 1
		r.fail("does not end in a newline")
	}
	r.lines = r.lines[:last]
	return r
}

// fail records that the line just read (or, before the first, line 1) is wrong.
func (r *lineReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = &LineError{Line: max(r.at, 1), Reason: fmt.Sprintf(format, args...)}
	}
}

func (r *lineReader) more() bool { return r.err == nil && r.at < len(r.lines) }

// line takes the next line whole.
func (r *lineReader) line() string {
	r.at++
	if r.err != nil || r.at > len(r.lines) {
		r.fail("the file ends too early")
		return ""
	}
	return r.lines[r.at-1]
}

// exact takes a line that must be s.
func (r *lineReader) exact(s string) {
	if r.line() != s {
		r.fail("want %q", s)
	}
}

// has reports whether the next line begins with the word.
func (r *lineReader) has(word string) bool {
	return r.more() && strings.HasPrefix(r.lines[r.at], word+" ")
}

// fields takes a line of the word and n fields, one space between them. With an
// empty word all n fields are free. It always returns n strings.
func (r *lineReader) fields(word string, n int) []string {
	line := r.line()
	if word != "" {
		rest, ok := strings.CutPrefix(line, word+" ")
		if !ok {
			r.fail("want a line %q", word)
		}
		line = rest
	}
	f := strings.Split(line, " ")
	if len(f) != n {
		r.fail("want %d fields with one space between, have %d", n, len(f))
		return make([]string, n)
	}
	return f
}

// end demands that the file ends here.
func (r *lineReader) end() error {
	if r.more() {
		r.at++
		r.fail("nothing may follow")
	}
	return r.err
}

func (r *lineReader) token(s string) string {
	if !IsToken(s) {
		r.fail("%q is not a token", s)
	}
	return s
}

func (r *lineReader) scope(s string) string {
	if s != AllPools && !IsToken(s) {
		r.fail("%q is neither a pool nor *", s)
	}
	return s
}

func (r *lineReader) number(s string) int64 {
	n, ok := parseNumber(s)
	if !ok {
		r.fail("%q is not a number", s)
	}
	return n
}

func (r *lineReader) digest(s string) Digest {
	d, err := ParseDigest(s)
	if err != nil {
		r.fail("%q: %v", s, err)
	}
	return d
}

// once refuses a second use of the same name in the same role.
func (r *lineReader) once(role, name string) {
	key := role + " " + name
	if r.seen[key] {
		r.fail("%s is here twice", key)
	}
	r.seen[key] = true
}

// atMost refuses more lines of a word than the format allows.
func (r *lineReader) atMost(word string, n, limit int) {
	if n > limit {
		r.fail("more than %d lines %q", limit, word)
	}
}
