package draw

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Notice is what machines read of the notice: UTF-8 prose for people that also
// holds the lines below (section The public log). A line that begins with one
// of noticeWords and a space is a machine line; prose may not begin so.
type Notice struct {
	ID        string   // line draw
	Log       string   // vkey of the platform's log, Ed25519
	Witnesses []string // vkeys, see WitnessKey
	Quorum    int      // more than half of the witnesses
	Open      int64    // unix seconds: registration opens
	Terms              // the plan repeats these lines byte for byte
}

var noticeWords = append([]string{"log", "witness", "quorum", "draw", "open"}, termWords...)

// machineWord returns the word of a machine line, "" for prose.
func machineWord(line string) string {
	word, _, found := strings.Cut(line, " ")
	if found && slices.Contains(noticeWords, word) {
		return word
	}
	return ""
}

// Bytes returns the notice file: the prose, an empty line, the machine lines.
func (n *Notice) Bytes(prose string) ([]byte, error) {
	for line := range strings.Lines(prose) {
		if word := machineWord(line); word != "" {
			return nil, fmt.Errorf("a line of the prose begins with %q, which machines read", word)
		}
	}
	var b strings.Builder
	b.WriteString(strings.TrimRight(prose, "\n") + "\n\n")
	fmt.Fprintf(&b, "draw %s\nlog %s\n", n.ID, n.Log)
	for _, w := range n.Witnesses {
		fmt.Fprintf(&b, "witness %s\n", w)
	}
	fmt.Fprintf(&b, "quorum %d\nopen %d\n", n.Quorum, n.Open)
	for _, word := range termWords {
		for _, line := range n.Terms.lines(word) {
			b.WriteString(line + "\n")
		}
	}
	_, err := ParseNotice([]byte(b.String()))
	return []byte(b.String()), err
}

// ParseNotice reads a notice and checks what it says by itself: each machine
// line well formed and there once, keys that differ, a quorum of more than half
// so that two quorums intersect, open before close.
func ParseNotice(b []byte) (*Notice, error) {
	if !utf8.Valid(b) {
		return nil, errors.New("not UTF-8")
	}
	r, n := newLineReader(b), &Notice{}
	for r.more() {
		if word := machineWord(r.lines[r.at]); word != "" {
			n.parse(r, word)
		} else {
			r.line()
		}
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	for _, word := range []string{"draw", "log", "quorum", "open", "hash", "close", "beacon"} {
		if !r.seen["line "+word] {
			return nil, fmt.Errorf("there is no line %q", word)
		}
	}
	return n, n.check()
}

func (n *Notice) parse(r *lineReader, word string) {
	switch word {
	case "log":
		n.Log = r.fields(word, 1)[0]
	case "witness":
		n.Witnesses = append(n.Witnesses, r.fields(word, 1)[0])
		return
	case "quorum":
		n.Quorum = int(r.number(r.fields(word, 1)[0]))
	case "draw":
		n.ID = r.token(r.fields(word, 1)[0])
	case "open":
		n.Open = r.number(r.fields(word, 1)[0])
	default:
		n.Terms.parse(r, word)
		if word != "hash" && word != "close" && word != "beacon" {
			return
		}
	}
	r.once("line", word)
}

func (n *Notice) check() error {
	if len(n.Tiers) == 0 {
		return errors.New("there is no line \"tier\"")
	}
	if n.Open > n.Close {
		return errors.New("registration closes before it opens")
	}
	if n.Quorum > len(n.Witnesses) || 2*n.Quorum <= len(n.Witnesses) {
		return fmt.Errorf("a quorum of %d of %d witnesses is no majority", n.Quorum, len(n.Witnesses))
	}
	_, err := n.Keys()
	return err
}

// Agrees demands that the plan has the notice's id and repeats its lines byte
// for byte.
func (n *Notice) Agrees(p *Plan) error {
	var errs []error
	if n.ID != p.ID {
		errs = append(errs, fmt.Errorf("the notice is of draw %s, the plan of %s", n.ID, p.ID))
	}
	for _, word := range termWords {
		if !slices.Equal(n.Terms.lines(word), p.Terms.lines(word)) {
			errs = append(errs, fmt.Errorf("the lines %q of notice and plan differ", word))
		}
	}
	return errors.Join(errs...)
}
