package draw

import (
	"slices"
	"testing"
)

// plainRoot is RFC 6962's definition: split at the largest power of two below n.
func plainRoot(h Hash, e Entries) Digest {
	switch n := e.Len(); n {
	case 0:
		return h.Sum()
	case 1:
		return h.Sum([]byte{0}, e)
	default:
		k := 1
		for 2*k < n {
			k *= 2
		}
		l, r := plainRoot(h, e[:k*32]), plainRoot(h, e[k*32:])
		return h.Sum([]byte{1}, l[:], r[:])
	}
}

func TestTree(t *testing.T) {
	sizes := []int{0, 1, 2, 3, 5, 8, 255, 256, 257, 511, 513, 768, 1000, 1025}
	for _, n := range sizes {
		e := sortedEntries(max(n, 1))[:n*32]
		tree, stream := NewTree(SM3, e), NewAccumulator(SM3)
		for i := range n {
			stream.Add(e.bytes(i))
		}
		root := plainRoot(SM3, e)
		if tree.Root() != root || stream.Root() != root || stream.Size() != int64(n) {
			t.Fatalf("%d entries: roots differ", n)
		}
		for i := 0; i < n; i += 1 + n/97 {
			checkProof(t, tree, e, i)
		}
	}
}

func checkProof(t *testing.T, tree *Tree, e Entries, i int) {
	t.Helper()
	p := tree.Inclusion(i)
	if err := p.Verify(SM3, e.At(i), tree.Root()); err != nil {
		t.Fatalf("%d of %d: %v", i, e.Len(), err)
	}
	bad := []Inclusion{p, p, p, p}
	bad[0].Index = (p.Index + 1) % p.Size
	bad[1].Path = append(slices.Clone(p.Path), Digest{})
	bad[2].Size = 2 * p.Size
	bad[3].Index = -1
	if len(p.Path) > 0 {
		short := p
		short.Path = p.Path[1:]
		bad = append(bad, short)
	}
	for j, b := range bad {
		if b.Index == p.Index && b.Size == p.Size && len(b.Path) == len(p.Path) {
			continue // in a pool of one there is no other index
		}
		if b.Verify(SM3, e.At(i), tree.Root()) == nil {
			t.Fatalf("%d of %d: wrong proof %d passes", i, e.Len(), j)
		}
	}
	if p.Verify(SM3, Digest{1}, tree.Root()) == nil {
		t.Fatal("a proof of another entry passes")
	}
}

func TestAbsence(t *testing.T) {
	for _, n := range []int{0, 1, 2, 300} {
		e := sortedEntries(max(n, 1))[:n*32]
		tree := NewTree(SHA256, e)
		pool := Pool{Name: "all", Size: int64(n), Root: tree.Root()}
		for i := 0; i <= n; i++ {
			missing := Digest{0xff, 0xff, 0xff}
			if i < n {
				missing = e.At(i)
				missing[31]-- // just below entry i
			}
			a, err := tree.Absence(missing)
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Verify(SHA256, missing, pool); err != nil {
				t.Fatalf("%d of %d: %v", i, n, err)
			}
			if n == 0 {
				continue
			}
			present := e.At(min(i, n-1))
			if a.Verify(SHA256, present, pool) == nil {
				t.Fatal("a proof of absence passes for an entry that is there")
			}
			if _, err := tree.Absence(present); err == nil {
				t.Fatal("an entry that is there is proved absent")
			}
		}
	}
	e := sortedEntries(9)
	tree := NewTree(SHA256, e)
	gap := Absence{Size: 9, Left: &Neighbour{e.At(2), tree.Inclusion(2)}, Right: &Neighbour{e.At(4), tree.Inclusion(4)}}
	if gap.Verify(SHA256, e.At(3), Pool{"all", 9, tree.Root()}) == nil {
		t.Error("neighbours that are not neighbours hide an entry")
	}
	if (Absence{Size: 9, Left: gap.Left}).Verify(SHA256, e.At(3), Pool{"all", 9, tree.Root()}) == nil {
		t.Error("a left neighbour that is not the last hides an entry")
	}
}
