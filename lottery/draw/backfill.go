package draw

import (
	"fmt"
	"strings"
)

// Promotion is one line of the file backfill: the prize of Old, which fell free
// for a reason (token), goes to New; None when the waitlists are used up.
type Promotion struct {
	Old    Digest
	Reason string
	New    Digest // zero when None
	None   bool
}

// ParseBackfill reads the file backfill; whether each line follows the rule is
// for Backfill.Replay to say.
func ParseBackfill(b []byte) ([]Promotion, error) {
	r := newLineReader(b)
	var out []Promotion
	for r.more() {
		f := r.fields("", 3)
		p := Promotion{Old: r.digest(f[0]), Reason: r.token(f[1]), None: f[2] == "-"}
		if !p.None {
			p.New = r.digest(f[2])
		}
		out = append(out, p)
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return out, nil
}

// FormatBackfill returns the file backfill.
func FormatBackfill(promotions []Promotion) []byte {
	var b strings.Builder
	for _, p := range promotions {
		to := "-"
		if !p.None {
			to = p.New.String()
		}
		fmt.Fprintf(&b, "%s %s %s\n", p.Old, p.Reason, to)
	}
	return []byte(b.String())
}

// Backfill knows at each moment who holds which prize and who is next. It is
// moved by Promote and Replay only; it is not safe for concurrent use.
type Backfill struct {
	holds map[Digest]*Award
	lists map[string][]Winner // unused places, by scope of the waitlist
}

// NewBackfill starts from a result: every winner of a tier or spill holds a
// prize, every place of a waitlist is unused.
func NewBackfill(r *Result) *Backfill {
	b := &Backfill{holds: map[Digest]*Award{}, lists: map[string][]Winner{}}
	for i := range r.Awards {
		a := &r.Awards[i]
		if !a.IsPrize() {
			b.lists[a.Scope] = a.Winners
			continue
		}
		for _, w := range a.Winners {
			b.holds[w.Entry] = a
		}
	}
	return b
}

// Holds returns the award whose prize an entry holds at this moment.
func (b *Backfill) Holds(entry Digest) (*Award, bool) {
	a, ok := b.holds[entry]
	return a, ok
}

// Promote takes the prize from an entry that holds one and gives it to the next
// unused place of the waitlist of the prize's scope, then of the waitlist of
// all pools (section Bytes, 8). reason is a token.
func (b *Backfill) Promote(old Digest, reason string) (Promotion, error) {
	a, ok := b.holds[old]
	if !ok {
		return Promotion{}, fmt.Errorf("%s holds no prize", old)
	}
	if !IsToken(reason) {
		return Promotion{}, fmt.Errorf("the reason %q is not a token", reason)
	}
	delete(b.holds, old)
	for _, scope := range []string{a.Scope, AllPools} {
		if list := b.lists[scope]; len(list) > 0 {
			next := list[0].Entry
			b.lists[scope] = list[1:]
			b.holds[next] = a
			return Promotion{Old: old, Reason: reason, New: next}, nil
		}
	}
	return Promotion{Old: old, Reason: reason, None: true}, nil
}

// Replay applies lines that are already public; each must be what Promote gives.
// The error names the first line that is not.
func (b *Backfill) Replay(promotions []Promotion) error {
	for i, p := range promotions {
		want, err := b.Promote(p.Old, p.Reason)
		if err != nil {
			return &LineError{Line: i + 1, Reason: err.Error()}
		}
		if p != want {
			return &LineError{Line: i + 1, Reason: "the prize goes to the wrong entry"}
		}
	}
	return nil
}
