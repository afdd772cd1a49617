package draw

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
)

// sortedEntries makes n entries in ascending order without sorting: equal steps
// through the 64-bit prefixes, the rest random.
func sortedEntries(n int) Entries {
	source := rand.NewChaCha8([32]byte{1})
	e := make(Entries, n*entrySize)
	source.Read(e)
	step := ^uint64(0) / uint64(n)
	for i := range n {
		binary.BigEndian.PutUint64(e.bytes(i), uint64(i)*step)
	}
	return e
}

// floor makes the same number of bare hash calls on all cores: a leaf and a
// score for each entry, a node for each but one.
func floor(h Hash, n int) time.Duration {
	start := time.Now()
	parallel(runtime.GOMAXPROCS(0), func() func(int) {
		sum := h.summer()
		buf := make([]byte, 65)
		return func(int) {
			for range n / runtime.GOMAXPROCS(0) {
				sum(buf[:33])
				sum(buf[:65])
				sum(buf[:48])
			}
		}
	})
	return time.Since(start)
}

// BenchmarkDraw measures order check, tree, scores and selection of one pool
// against the floor of its hash calls (x-floor), and the memory they take
// together with the entries (B/entry).
func BenchmarkDraw(b *testing.B) {
	for _, n := range []int{1_000_000, 10_000_000} {
		for _, h := range []Hash{SHA256, SM3} {
			b.Run(fmt.Sprintf("entries=%d/hash=%s", n, h), func(b *testing.B) { benchmarkDraw(b, n, h) })
		}
	}
}

func benchmarkDraw(b *testing.B, n int, h Hash) {
	e := sortedEntries(n)
	p := &Plan{ID: "bench", Terms: Terms{Hash: h,
		Tiers: []Tier{{"first", "all", int64(n / 1000), 88800}, {"second", "all", int64(n / 20), 20000}},
		Waits: []Wait{{"all", int64(n / 100)}},
	}, Pools: []Pool{{"all", int64(n), NewTree(h, e).Root()}}}
	var drawn, bare time.Duration
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for b.Loop() {
		bare += floor(h, n)
		start := time.Now()
		if err := CheckPools(p, []Entries{e}); err != nil {
			b.Fatal(err)
		}
		s, err := Select(p, Digest{1}, []Entries{e})
		if err != nil || len(s.awards[1].picks) != n/20 {
			b.Fatal("not drawn", err)
		}
		drawn += time.Since(start)
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(drawn.Seconds()/bare.Seconds(), "x-floor")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(b.N)/float64(n)+entrySize, "B/entry")
}
