package draw

import (
	"bufio"
	"container/heap"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// CheckPools demands that the pools, in plan order, are the ones the plan
// commits to: counts, order, roots, and no entry in two pools. All failures are
// joined in the error (section Bytes, 2).
func CheckPools(p *Plan, pools []Entries) error {
	if len(pools) != len(p.Pools) {
		return fmt.Errorf("the plan has %d pools, %d are given", len(p.Pools), len(pools))
	}
	var errs []error
	for i, pool := range p.Pools {
		if err := pool.Check(p.Hash, pools[i]); err != nil {
			errs = append(errs, fmt.Errorf("pool %s: %w", pool.Name, err))
		}
	}
	if len(errs) == 0 {
		errs = append(errs, Disjoint(pools))
	}
	return errors.Join(errs...)
}

// Check demands that the entries are this pool's: count, order and root.
func (p Pool) Check(h Hash, e Entries) error {
	if err := e.Check(); err != nil {
		return err
	}
	if int64(e.Len()) != p.Size {
		return fmt.Errorf("has %d entries, the plan says %d", e.Len(), p.Size)
	}
	if root := NewTree(h, e).Root(); root != p.Root {
		return fmt.Errorf("has the root %s, the plan says %s", root, p.Root)
	}
	return nil
}

// Selection is the outcome of a draw. It keeps places in the pools instead of
// copies, eight bytes for an entry taken.
type Selection struct {
	plan   *Plan
	seed   Digest
	pools  []Entries
	index  map[string]int // places of the pools by name
	awards []award
}

type award struct {
	kind        AwardKind
	name, scope string
	count       int64
	picks       []pick
}

type pick struct{ pool, index uint32 }

// Select awards tiers, then spills, then waits (section Bytes, 6). The pools, in
// plan order, must satisfy CheckPools and must not change afterwards.
func Select(p *Plan, seed Digest, pools []Entries) (*Selection, error) {
	s := &Selection{plan: p, seed: seed, pools: pools, index: map[string]int{}}
	if len(pools) != len(p.Pools) {
		return nil, fmt.Errorf("the plan has %d pools, %d are given", len(p.Pools), len(pools))
	}
	queues := make([]*queue, len(pools))
	for i, e := range pools {
		if e.Len() > math.MaxUint32 {
			return nil, fmt.Errorf("pool %s: more than %d entries", p.Pools[i].Name, uint32(math.MaxUint32))
		}
		s.index[p.Pools[i].Name] = i
		queues[i] = &queue{entries: e, hash: p.Hash, seed: seed}
	}
	gather(queues, startBars(p, pools))

	short := map[string]int64{}
	for _, t := range p.Tiers {
		short[t.Name] = t.Count - s.take(queues, award{kind: TierAward, name: t.Name, scope: t.Scope, count: t.Count})
	}
	for _, x := range p.Spills {
		s.take(queues, award{kind: SpillAward, name: x.Tier, scope: x.Scope, count: short[x.Tier]})
	}
	for _, w := range p.Waits {
		s.take(queues, award{kind: WaitAward, scope: w.Scope, count: w.Count})
	}
	return s, nil
}

// startBars estimates how far down each pool the awards will reach.
func startBars(p *Plan, pools []Entries) []uint64 {
	named, all, total := map[string]float64{}, 0.0, 0
	add := func(scope string, count int64) {
		if scope == AllPools {
			all += float64(count)
		} else {
			named[scope] += float64(count)
		}
	}
	size, wants := map[string]int64{}, map[string]int64{}
	for i, pool := range p.Pools {
		total += pools[i].Len()
		size[pool.Name] = int64(pools[i].Len())
	}
	size[AllPools] = int64(total)
	for _, t := range p.Tiers {
		add(t.Scope, t.Count)
		wants[t.Name] = max(0, t.Count-size[t.Scope])
	}
	for _, x := range p.Spills {
		add(x.Scope, wants[x.Tier])
	}
	for _, w := range p.Waits {
		add(w.Scope, w.Count)
	}
	bars := make([]uint64, len(pools))
	for i, pool := range p.Pools {
		if n := pools[i].Len(); n > 0 {
			if k := named[pool.Name] + all*float64(n)/float64(total); k > 0 {
				bars[i] = barFor(k, n)
			}
		}
	}
	return bars
}

// take fills one award and returns how many it got.
func (s *Selection) take(queues []*queue, a award) int64 {
	h := queueHeap{queues: queues}
	for _, i := range s.scope(a) {
		if _, ok := queues[i].peek(); ok {
			h.open = append(h.open, i)
		}
	}
	heap.Init(&h)
	for int64(len(a.picks)) < a.count && len(h.open) > 0 {
		i := h.open[0]
		next, _ := queues[i].peek()
		queues[i].pop()
		a.picks = append(a.picks, pick{uint32(i), next.index})
		if _, ok := queues[i].peek(); !ok {
			heap.Pop(&h)
		} else if len(h.open) > 1 {
			heap.Fix(&h, 0)
		}
	}
	s.awards = append(s.awards, a)
	return int64(len(a.picks))
}

// scope lists the pools that an award may take from.
func (s *Selection) scope(a award) []int {
	switch {
	case a.count == 0:
		return nil
	case a.scope != AllPools:
		return []int{s.index[a.scope]}
	}
	all := make([]int, len(s.pools))
	for i := range all {
		all[i] = i
	}
	return all
}

// queueHeap orders the pools of a scope that are not used up by their lowest
// entry; every open queue has one ahead.
type queueHeap struct {
	queues []*queue
	open   []int
}

func (h *queueHeap) Len() int      { return len(h.open) }
func (h *queueHeap) Swap(i, j int) { h.open[i], h.open[j] = h.open[j], h.open[i] }
func (h *queueHeap) Push(x any)    { h.open = append(h.open, x.(int)) }
func (h *queueHeap) Less(i, j int) bool {
	p, q := h.queues[h.open[i]], h.queues[h.open[j]]
	return less(p, p.ahead[0], q, q.ahead[0])
}
func (h *queueHeap) Pop() any {
	last := len(h.open) - 1
	i := h.open[last]
	h.open = slices.Delete(h.open, last, last+1)
	return i
}

// WriteTo writes the result file (section Bytes, 7) and returns its length.
func (s *Selection) WriteTo(w io.Writer) (int64, error) {
	b := bufio.NewWriterSize(w, 1<<16)
	var n int64
	write := func(line []byte) {
		m, _ := b.Write(line)
		n += int64(m)
	}
	write(resultHead(s.plan.Digest(), s.seed))
	score := s.plan.Hash.scorer(s.seed)
	var line []byte
	for _, a := range s.awards {
		write(awardHead(a.kind, a.name, a.scope, a.count, len(a.picks)))
		for _, p := range a.picks {
			entry := s.pools[p.pool].bytes(int(p.index))
			sum := score(entry)
			line = appendWinner(line[:0], entry, sum[:])
			write(line)
		}
	}
	write([]byte("end\n"))
	return n, b.Flush()
}

// Result copies the selection out of the pools: 64 bytes for an entry taken.
func (s *Selection) Result() *Result {
	r := &Result{Plan: s.plan.Digest(), Seed: s.seed}
	score := s.plan.Hash.scorer(s.seed)
	for _, a := range s.awards {
		out := Award{Kind: a.kind, Name: a.name, Scope: a.scope, Count: a.count, Winners: make([]Winner, len(a.picks))}
		for i, p := range a.picks {
			entry := s.pools[p.pool].At(int(p.index))
			out.Winners[i] = Winner{Entry: entry, Score: score(entry[:])}
		}
		r.Awards = append(r.Awards, out)
	}
	return r
}

// standing finds what an entry of a pool got, nil for nothing.
func (s *Selection) standing(pool, index int) *Standing {
	want := pick{uint32(pool), uint32(index)}
	for _, a := range s.awards {
		if i := slices.Index(a.picks, want); i >= 0 {
			return &Standing{Kind: a.kind, Name: a.name, Scope: a.scope, Rank: i + 1}
		}
	}
	return nil
}
