package draw

import (
	"errors"
	"fmt"
)

// blockLeaves is how many leaves of the tree one job hashes; a Tree keeps the
// roots of such blocks, an eighth of a byte an entry each level.
const blockLeaves = 256

// treeHasher hashes leaves H(00 ‖ data) and nodes H(01 ‖ left ‖ right) of an
// RFC 6962 tree, for one goroutine.
type treeHasher struct {
	sum  func([]byte) Digest
	leaf []byte
	node [1 + 2*len(Digest{})]byte
}

func newTreeHasher(h Hash) *treeHasher {
	return &treeHasher{sum: h.summer(), leaf: []byte{0}, node: [65]byte{1}}
}

func (t *treeHasher) hashLeaf(data []byte) Digest {
	t.leaf = append(t.leaf[:1], data...)
	return t.sum(t.leaf)
}

func (t *treeHasher) hashNode(left, right *Digest) Digest {
	copy(t.node[1:], left[:])
	copy(t.node[33:], right[:])
	return t.sum(t.node[:])
}

// raise replaces a level of the tree by the level above it, in place: pairs are
// joined, a single last node goes up as it is. From the leaves up this gives
// the same tree as RFC 6962's split at the largest power of two.
func (t *treeHasher) raise(level []Digest) []Digest {
	n := len(level)
	for i := 0; i+1 < n; i += 2 {
		level[i/2] = t.hashNode(&level[i], &level[i+1])
	}
	if n%2 == 1 {
		level[n/2] = level[n-1]
	}
	return level[:(n+1)/2]
}

// Tree is the RFC 6962 tree over a pool (section Bytes, 2). It keeps the pool
// and the roots of its blocks, so a proof costs one block of hashes.
type Tree struct {
	hash    Hash
	entries Entries
	levels  [][]Digest // levels[0]: roots of blocks; the last: the root alone
	root    Digest
}

// NewTree hashes a pool on all cores; the caller must not change the pool
// afterwards.
func NewTree(h Hash, e Entries) *Tree {
	t := &Tree{hash: h, entries: e, root: h.Sum()}
	n := e.Len()
	if n == 0 {
		return t
	}
	level := make([]Digest, (n+blockLeaves-1)/blockLeaves)
	parallel(len(level), func() func(int) {
		hasher, leaves := newTreeHasher(h), make([]Digest, blockLeaves)
		return func(b int) {
			row := t.leaves(hasher, leaves, b)
			for len(row) > 1 {
				row = hasher.raise(row)
			}
			level[b] = row[0]
		}
	})
	hasher := newTreeHasher(h)
	t.levels = append(t.levels, level)
	for len(level) > 1 {
		level = hasher.raise(append([]Digest(nil), level...))
		t.levels = append(t.levels, level)
	}
	t.root = level[0]
	return t
}

// leaves hashes the leaves of block b into buf.
func (t *Tree) leaves(hasher *treeHasher, buf []Digest, b int) []Digest {
	from, to := b*blockLeaves, min((b+1)*blockLeaves, t.entries.Len())
	for i := from; i < to; i++ {
		buf[i-from] = hasher.hashLeaf(t.entries.bytes(i))
	}
	return buf[:to-from]
}

// Root is H("") for an empty pool.
func (t *Tree) Root() Digest { return t.root }

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

// Accumulator computes the root of a tree leaf by leaf, in memory that grows
// with the logarithm of its size: for entries as they are frozen, and for the
// lines of the log.
type Accumulator struct {
	hasher *treeHasher
	empty  Digest
	size   uint64
	peaks  []Digest // roots of the perfect trees, one for each bit of size
}

// NewAccumulator returns an empty tree.
func NewAccumulator(h Hash) *Accumulator {
	return &Accumulator{hasher: newTreeHasher(h), empty: h.Sum()}
}

// Add appends a leaf.
func (a *Accumulator) Add(data []byte) {
	node := a.hasher.hashLeaf(data)
	for bits := a.size; bits&1 == 1; bits >>= 1 {
		last := len(a.peaks) - 1
		node = a.hasher.hashNode(&a.peaks[last], &node)
		a.peaks = a.peaks[:last]
	}
	a.peaks = append(a.peaks, node)
	a.size++
}

// Size is the number of leaves.
func (a *Accumulator) Size() int64 { return int64(a.size) }

// Root returns the root over the leaves so far.
func (a *Accumulator) Root() Digest {
	if a.size == 0 {
		return a.empty
	}
	last := len(a.peaks) - 1
	root := a.peaks[last]
	for i := last - 1; i >= 0; i-- {
		root = a.hasher.hashNode(&a.peaks[i], &root)
	}
	return root
}
