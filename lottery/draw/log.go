package draw

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is the first word of a line of the public log: which document it fixes.
type Kind string

// The documents of a draw (section The public log).
const (
	KindNotice   Kind = "notice"
	KindPlan     Kind = "plan"
	KindReveals  Kind = "reveals"
	KindBeacon   Kind = "beacon"
	KindChain    Kind = "chain"
	KindExcluded Kind = "excluded"
	KindResult   Kind = "result"
	KindBackfill Kind = "backfill"
	KindVoid     Kind = "void"
)

var kinds = []Kind{KindNotice, KindPlan, KindReveals, KindBeacon, KindChain, KindExcluded, KindResult, KindBackfill, KindVoid}

// File is the document's path in a bundle.
func (k Kind) File() string {
	if k == KindBeacon || k == KindChain {
		return string(k) + ".json"
	}
	return string(k)
}

// LogLine is one line of a city's log: the H of a document of a draw, where H
// is the hash that the draw's notice names.
type LogLine struct {
	Kind Kind
	ID   string // draw id
	Hash Digest
}

// String returns the line without \n, which is the leaf of the log's tree.
func (l LogLine) String() string { return fmt.Sprintf("%s %s %s", l.Kind, l.ID, l.Hash) }

// ParseLog reads the file log.
func ParseLog(b []byte) ([]LogLine, error) {
	r := newLineReader(b)
	var out []LogLine
	for r.more() {
		f := r.fields("", 3)
		l := LogLine{Kind: Kind(f[0]), ID: r.token(f[1]), Hash: r.digest(f[2])}
		if !slices.Contains(kinds, l.Kind) {
			r.fail("%q is no kind of document", f[0])
		}
		out = append(out, l)
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return out, nil
}

// FormatLog returns the file log.
func FormatLog(lines []LogLine) []byte {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.String() + "\n")
	}
	return []byte(b.String())
}

// LogRoot is the root over the lines; the log's tree is always SHA-256.
func LogRoot(lines []LogLine) Digest {
	a := NewAccumulator(SHA256)
	for _, l := range lines {
		a.Add([]byte(l.String()))
	}
	return a.Root()
}

// CheckLog demands one notice line and one plan line an id at most, and no
// notice twice: a second plan for a notice is the misconduct that the log is
// there to show. The error is a *LineError.
func CheckLog(lines []LogLine) error {
	seen := map[string]bool{}
	for i, l := range lines {
		if l.Kind != KindNotice && l.Kind != KindPlan {
			continue
		}
		keys := []string{string(l.Kind) + " " + l.ID}
		if l.Kind == KindNotice {
			keys = append(keys, l.Hash.String())
		}
		for _, key := range keys {
			if seen[key] {
				return &LineError{Line: i + 1, Reason: fmt.Sprintf("%s of %s is in the log for the second time", l.Kind, l.ID)}
			}
			seen[key] = true
		}
	}
	return nil
}
