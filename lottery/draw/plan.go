package draw

import (
	"fmt"
	"strings"
)

// Plan fixes a draw before its seed can be known: the terms of the notice, and
// the frozen entries by count and root (section Bytes, Plan).
type Plan struct {
	ID     string // token
	Notice Digest // H of the notice file
	Terms
	Pools []Pool // 1..9999, names strictly ascending
}

// Pool is a set of entries: its size, and the root of the tree over them.
type Pool struct {
	Name string
	Size int64
	Root Digest
}

// ParsePlan reads a plan file and accepts only the one canonical form; an error
// is a *LineError.
func ParsePlan(b []byte) (*Plan, error) {
	r, p := newLineReader(b), &Plan{}
	r.exact("draw/v1")
	p.ID = r.token(r.fields("id", 1)[0])
	p.Terms.parse(r, "hash")
	p.Notice = r.digest(r.fields("notice", 1)[0])
	p.Terms.parse(r, "close")
	p.Terms.parse(r, "beacon")
	p.parseMany(r, "helper", 0)
	p.parsePools(r)
	p.parseMany(r, "tier", 1)
	p.parseMany(r, "spill", 0)
	p.parseMany(r, "wait", 0)
	r.exact("end")
	if err := r.end(); err != nil {
		return nil, err
	}
	return p, nil
}

// parseMany takes all lines of a word; a scope among them must name a pool.
func (p *Plan) parseMany(r *lineReader, word string, least int) {
	n := 0
	for ; r.has(word); n++ {
		p.Terms.parse(r, word)
		if scope := p.lastScope(word); scope != "" && scope != AllPools && !r.seen["pool "+scope] {
			r.fail("there is no pool %q", scope)
		}
	}
	if n < least {
		r.at++
		r.fail("want a line %q", word)
	}
}

// lastScope returns the scope of the last line of the word, "" if it has none.
func (p *Plan) lastScope(word string) string {
	switch {
	case word == "tier" && len(p.Tiers) > 0:
		return p.Tiers[len(p.Tiers)-1].Scope
	case word == "spill" && len(p.Spills) > 0:
		return p.Spills[len(p.Spills)-1].Scope
	case word == "wait" && len(p.Waits) > 0:
		return p.Waits[len(p.Waits)-1].Scope
	}
	return ""
}

func (p *Plan) parsePools(r *lineReader) {
	for r.has("pool") {
		f := r.fields("pool", 3)
		pool := Pool{Name: r.token(f[0]), Size: r.number(f[1]), Root: r.digest(f[2])}
		if n := len(p.Pools); n > 0 && p.Pools[n-1].Name >= pool.Name {
			r.fail("pools are not in ascending order")
		}
		r.once("pool", pool.Name)
		p.Pools = append(p.Pools, pool)
		r.atMost("pool", len(p.Pools), 9999)
	}
	if len(p.Pools) == 0 {
		r.at++
		r.fail("want a line %q", "pool")
	}
}

// Bytes returns the canonical plan file.
func (p *Plan) Bytes() []byte {
	var b strings.Builder
	terms := func(word string) {
		for _, line := range p.Terms.lines(word) {
			b.WriteString(line + "\n")
		}
	}
	fmt.Fprintf(&b, "draw/v1\nid %s\n", p.ID)
	terms("hash")
	fmt.Fprintf(&b, "notice %s\n", p.Notice)
	terms("close")
	terms("beacon")
	terms("helper")
	for _, pool := range p.Pools {
		fmt.Fprintf(&b, "pool %s %d %s\n", pool.Name, pool.Size, pool.Root)
	}
	terms("tier")
	terms("spill")
	terms("wait")
	b.WriteString("end\n")
	return []byte(b.String())
}

// Validate applies ParsePlan's rules to a plan made in memory; the error names
// the line that the file would have.
func (p *Plan) Validate() error {
	if !p.Hash.Valid() {
		return fmt.Errorf("hash %q is neither sha256 nor sm3", p.Hash)
	}
	_, err := ParsePlan(p.Bytes())
	return err
}

// Digest is the plan's hash: H of the file, so that sha256sum shows it.
func (p *Plan) Digest() Digest { return p.Hash.Sum(p.Bytes()) }

// poolIndex returns the place of a pool in the plan, -1 when there is none.
func (p *Plan) poolIndex(name string) int {
	for i, pool := range p.Pools {
		if pool.Name == name {
			return i
		}
	}
	return -1
}
