package draw

import (
	"encoding/hex"
	"errors"
	"fmt"
	"sort"
	"strconv"
)

// AwardKind is the first word of an award's line in the result file.
type AwardKind string

// The awards of a result stand in this order.
const (
	TierAward  AwardKind = "tier"
	SpillAward AwardKind = "spill"
	WaitAward  AwardKind = "wait"
)

// Result is the result file (section Bytes, 7).
type Result struct {
	Plan   Digest // the plan's hash
	Seed   Digest
	Awards []Award
}

// Award is one line of the plan with what it got: prizes of a tier, prizes of a
// tier that spilled over, or places on a waitlist.
type Award struct {
	Kind    AwardKind
	Name    string // of the tier; "" for a waitlist
	Scope   string // pool or AllPools
	Count   int64  // what was to be given
	Winners []Winner
}

// IsPrize reports whether the award gives money, and not a place in a waitlist.
func (a *Award) IsPrize() bool { return a.Kind != WaitAward }

// Winner is an entry that was taken, with its score.
type Winner struct{ Entry, Score Digest }

// compare orders by (score, entry).
func (w Winner) compare(o Winner) int {
	if c := w.Score.Compare(o.Score); c != 0 {
		return c
	}
	return w.Entry.Compare(o.Entry)
}

// Bytes returns the result file.
func (r *Result) Bytes() []byte {
	b := resultHead(r.Plan, r.Seed)
	for _, a := range r.Awards {
		b = append(b, awardHead(a.Kind, a.Name, a.Scope, a.Count, len(a.Winners))...)
		for _, w := range a.Winners {
			b = appendWinner(b, w.Entry[:], w.Score[:])
		}
	}
	return append(b, "end\n"...)
}

func resultHead(plan, seed Digest) []byte {
	return fmt.Appendf(nil, "draw/v1 result\nplan %s\nseed %s\n", plan, seed)
}

func awardHead(kind AwardKind, name, scope string, count int64, got int) []byte {
	b := append([]byte(kind), ' ')
	if kind != WaitAward {
		b = append(append(b, name...), ' ')
	}
	b = append(append(b, scope...), ' ')
	b = append(strconv.AppendInt(b, count, 10), ' ')
	return append(strconv.AppendInt(b, int64(got), 10), '\n')
}

func appendWinner(b, entry, score []byte) []byte {
	b = append(hex.AppendEncode(b, entry), ' ')
	return append(hex.AppendEncode(b, score), '\n')
}

// ParseResult reads a result file and checks its form: awards in order, no more
// winners than prizes, each award's winners ascending by (score, entry). Whether
// it is the result of a plan is for Verifier to say.
func ParseResult(b []byte) (*Result, error) {
	r, out := newLineReader(b), &Result{}
	r.exact("draw/v1 result")
	out.Plan = r.digest(r.fields("plan", 1)[0])
	out.Seed = r.digest(r.fields("seed", 1)[0])
	for _, kind := range []AwardKind{TierAward, SpillAward, WaitAward} {
		for r.has(string(kind)) {
			out.Awards = append(out.Awards, parseAward(r, kind))
		}
	}
	r.exact("end")
	if err := r.end(); err != nil {
		return nil, err
	}
	return out, nil
}

func parseAward(r *lineReader, kind AwardKind) Award {
	a := Award{Kind: kind}
	var rest []string
	if kind == WaitAward {
		rest = r.fields(string(kind), 3)
		r.once(string(kind), rest[0])
	} else {
		f := r.fields(string(kind), 4)
		a.Name, rest = r.token(f[0]), f[1:]
		r.once(string(kind), a.Name)
	}
	a.Scope, a.Count = r.scope(rest[0]), r.number(rest[1])
	got := r.number(rest[2])
	if got > a.Count {
		r.fail("more winners than prizes")
	}
	for i := int64(0); i < got && r.err == nil; i++ {
		f := r.fields("", 2)
		w := Winner{Entry: r.digest(f[0]), Score: r.digest(f[1])}
		if n := len(a.Winners); n > 0 && a.Winners[n-1].compare(w) >= 0 {
			r.fail("the winners are not in ascending order")
		}
		a.Winners = append(a.Winners, w)
	}
	return a
}

// Standing is what one entry got: a place (from 1) in an award.
type Standing struct {
	Kind        AwardKind
	Name, Scope string
	Rank        int
}

// Own is the citizen's rule (section Bytes, 9): the first award whose scope
// holds my pool, and that is short or whose last line is not before mine, is
// mine. It returns nil when none is. An entry that the rule places but the
// result does not list is no entry of the pool, which is an error.
func (r *Result) Own(pool string, entry, score Digest) (*Standing, error) {
	me := Winner{Entry: entry, Score: score}
	for _, a := range r.Awards {
		got := len(a.Winners)
		if a.Scope != AllPools && a.Scope != pool {
			continue
		}
		if short := int64(got) < a.Count; !short && (got == 0 || a.Winners[got-1].compare(me) < 0) {
			continue
		}
		i, found := sort.Find(got, func(i int) int { return me.compare(a.Winners[i]) })
		if !found {
			return nil, errors.New("the result has no line for this entry where the rule places it")
		}
		return &Standing{Kind: a.Kind, Name: a.Name, Scope: a.Scope, Rank: i + 1}, nil
	}
	return nil, nil
}
