package draw

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
