package draw

import (
	"errors"
	"fmt"
)

// Inclusion proves that an entry stands at Index (from 0) of a pool of Size;
// Path is RFC 6962's audit path, from the leaf up.
type Inclusion struct {
	Index int64    `json:"index"`
	Size  int64    `json:"size"`
	Path  []Digest `json:"path"`
}

// Inclusion proves the entry at i, which must be in the pool.
func (t *Tree) Inclusion(i int) Inclusion {
	p := Inclusion{Index: int64(i), Size: int64(t.entries.Len())}
	hasher := newTreeHasher(t.hash)
	row, at := t.leaves(hasher, make([]Digest, blockLeaves), i/blockLeaves), i%blockLeaves
	for ; len(row) > 1; row, at = hasher.raise(row), at/2 {
		p.addSibling(row, at)
	}
	at = i / blockLeaves
	for _, level := range t.levels {
		p.addSibling(level, at)
		at /= 2
	}
	return p
}

func (p *Inclusion) addSibling(level []Digest, at int) {
	if sibling := at ^ 1; sibling < len(level) {
		p.Path = append(p.Path, level[sibling])
	}
}

var errProof = errors.New("the path does not lead from the entry to the root")

// Verify checks the path from an entry to the root of its pool (RFC 9162,
// section 2.1.3.2).
func (p Inclusion) Verify(h Hash, entry, root Digest) error {
	if p.Index < 0 || p.Index >= p.Size {
		return errors.New("the index is outside the pool")
	}
	hasher := newTreeHasher(h)
	node, at, last := hasher.hashLeaf(entry[:]), p.Index, p.Size-1
	for i := range p.Path {
		if last == 0 {
			return errProof
		}
		if at%2 == 1 || at == last {
			node = hasher.hashNode(&p.Path[i], &node)
			for at%2 == 0 && at != 0 {
				at, last = at/2, last/2
			}
		} else {
			node = hasher.hashNode(&node, &p.Path[i])
		}
		at, last = at/2, last/2
	}
	if last != 0 || node != root {
		return errProof
	}
	return nil
}

// Absence proves that an entry is not in a pool by the two neighbours between
// which it would stand; Left is nil before the first entry, Right after the
// last, both in an empty pool.
type Absence struct {
	Size  int64      `json:"size"`
	Left  *Neighbour `json:"left"`
	Right *Neighbour `json:"right"`
}

// Neighbour is an entry with the proof of its place.
type Neighbour struct {
	Entry Digest `json:"entry"`
	Inclusion
}

// Absence proves that an entry is not in the pool; an entry that is there is an
// error.
func (t *Tree) Absence(entry Digest) (Absence, error) {
	at, found := t.entries.Search(entry)
	if found {
		return Absence{}, fmt.Errorf("the entry is in the pool, at %d", at)
	}
	a := Absence{Size: int64(t.entries.Len())}
	if at > 0 {
		a.Left = &Neighbour{t.entries.At(at - 1), t.Inclusion(at - 1)}
	}
	if at < t.entries.Len() {
		a.Right = &Neighbour{t.entries.At(at), t.Inclusion(at)}
	}
	return a, nil
}

// Verify checks the proof against a pool of the plan. It holds because the
// pool's order is a condition of the plan that witnesses and verifiers check.
func (a Absence) Verify(h Hash, entry Digest, pool Pool) error {
	next := int64(0)
	if a.Left != nil {
		if a.Left.Entry.Compare(entry) >= 0 {
			return errors.New("the left neighbour is not below the entry")
		}
		if err := a.Left.verify(h, pool); err != nil {
			return err
		}
		next = a.Left.Index + 1
	}
	if a.Right == nil {
		if a.Size != pool.Size || next != pool.Size {
			return errors.New("the left neighbour is not the last entry")
		}
		return nil
	}
	if a.Right.Entry.Compare(entry) <= 0 || a.Right.Index != next {
		return errors.New("the right neighbour is not above the entry and next to the left one")
	}
	return a.Right.verify(h, pool)
}

func (n *Neighbour) verify(h Hash, pool Pool) error {
	if n.Size != pool.Size {
		return errors.New("the proof is for a pool of another size")
	}
	return n.Inclusion.Verify(h, n.Entry, pool.Root)
}
