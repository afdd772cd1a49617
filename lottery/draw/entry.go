package draw

import (
	"bytes"
	"container/heap"
	"crypto/hmac"
	"errors"
	"fmt"
	"hash"
	"slices"
	"sort"
	"strings"
)

// PersonTag turns an identity into a pseudonym: HMAC-H(key, draw id ‖ "\n" ‖
// document kind ‖ "\n" ‖ document number). The key (32 bytes or more, one per
// draw) is the pseudonym keeper's, never the platform's. kind is resident, hmt
// or foreign; the number is taken in ASCII upper case, and a linked old card
// must be given by its new number (section Entries and people).
func PersonTag(h Hash, key []byte, drawID, kind, number string) (Digest, error) {
	switch {
	case len(key) < 32:
		return Digest{}, errors.New("the key is shorter than 32 bytes")
	case !IsToken(drawID):
		return Digest{}, errors.New("the draw id is not a token")
	case kind != "resident" && kind != "hmt" && kind != "foreign":
		return Digest{}, fmt.Errorf("unknown document kind %q", kind)
	case number == "" || strings.IndexFunc(number, func(c rune) bool { return c <= ' ' || c > '~' }) >= 0:
		return Digest{}, errors.New("the document number is empty or not printable ASCII")
	}
	mac := hmac.New(func() hash.Hash { return h.New() }, key)
	mac.Write([]byte(drawID + "\n" + kind + "\n" + strings.ToUpper(number)))
	return Digest(mac.Sum(nil)), nil
}

// Entry is what stands for a registration in public: H(tag("entry") ‖ salt ‖
// person). The salt is 32 random bytes made for this registration alone.
func Entry(h Hash, salt, person Digest) Digest {
	return h.Sum(tag("entry"), salt[:], person[:])
}

const entrySize = 32

// Entries is a pool file: entries of 32 bytes, strictly ascending by byte.
type Entries []byte

// Len returns the number of entries.
func (e Entries) Len() int { return len(e) / entrySize }

// At returns entry i, from 0.
func (e Entries) At(i int) Digest { return Digest(e.bytes(i)) }

func (e Entries) bytes(i int) []byte { return e[i*entrySize : (i+1)*entrySize] }

// Search returns the place of an entry, or the place where it would stand.
func (e Entries) Search(d Digest) (int, bool) {
	return sort.Find(e.Len(), func(i int) int { return bytes.Compare(d[:], e.bytes(i)) })
}

// Check demands whole entries in strictly ascending order.
func (e Entries) Check() error {
	if len(e)%entrySize != 0 {
		return fmt.Errorf("%d bytes are not whole entries of %d", len(e), entrySize)
	}
	bad := make([]int, len(e)/entrySize/blockLeaves+1)
	parallel(len(bad), func() func(int) {
		return func(b int) { bad[b] = e.firstUnordered(b*blockLeaves, min((b+1)*blockLeaves, e.Len())) }
	})
	for _, i := range bad {
		if i > 0 {
			return fmt.Errorf("entry %d is not above the one before it", i)
		}
	}
	return nil
}

// firstUnordered returns the first place in [from, to) whose entry is not above
// its neighbour to the left, 0 when there is none.
func (e Entries) firstUnordered(from, to int) int {
	for i := max(from, 1); i < to; i++ {
		if bytes.Compare(e.bytes(i-1), e.bytes(i)) >= 0 {
			return i
		}
	}
	return 0
}

// Disjoint demands that no entry stands in two pools; each pool must be in
// order already.
func Disjoint(pools []Entries) error {
	twice := make([]*Digest, 256)
	if len(pools) > 1 {
		parallel(len(twice), func() func(int) {
			return func(first int) { twice[first] = firstTwice(pools, byte(first)) }
		})
	}
	for _, d := range twice {
		if d != nil {
			return fmt.Errorf("entry %s stands in two pools", d)
		}
	}
	return nil
}

// firstTwice merges the entries that begin with the byte first and returns the
// lowest that is met twice.
func firstTwice(pools []Entries, first byte) *Digest {
	var h entryHeap
	for _, e := range pools {
		from, _ := e.Search(Digest{first})
		rest := e[from*entrySize:]
		if first < 255 {
			to, _ := rest.Search(Digest{first + 1})
			rest = rest[:to*entrySize]
		}
		if len(rest) > 0 {
			h = append(h, rest)
		}
	}
	heap.Init(&h)
	for len(h) > 1 {
		top := h[0].bytes(0)
		if h[0] = h[0][entrySize:]; len(h[0]) == 0 {
			heap.Pop(&h)
		} else {
			heap.Fix(&h, 0)
		}
		if bytes.Equal(top, h[0].bytes(0)) {
			d := Digest(top)
			return &d
		}
	}
	return nil
}

// entryHeap orders non-empty pools by their first entry.
type entryHeap []Entries

func (h entryHeap) Len() int           { return len(h) }
func (h entryHeap) Less(i, j int) bool { return bytes.Compare(h[i].bytes(0), h[j].bytes(0)) < 0 }
func (h entryHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *entryHeap) Push(x any)        { *h = append(*h, x.(Entries)) }
func (h *entryHeap) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	*h = slices.Delete(*h, last, last+1)
	return e
}
