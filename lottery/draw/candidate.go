package draw

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
)

// candidate is an entry that may be taken: the first 64 bits of its score, and
// its place in the pool. The full score is computed again only on a tie.
type candidate struct {
	head  uint64
	index uint32
}

// everyBar lets every score pass; a bar is compared with a score's first 32 bits.
const everyBar = 1 << 32

// queue gives the entries of one pool in the order of their scores. It scores
// the pool against a bar and sorts only what lies below; a bar that turns out
// too low is raised, so the estimate decides the speed and never the outcome.
type queue struct {
	entries Entries
	hash    Hash
	seed    Digest
	bar     uint64      // every score below it has been gathered
	ahead   []candidate // gathered and not yet taken, ascending
}

// less orders two candidates of any two pools by (score, entry).
func less(p *queue, a candidate, q *queue, b candidate) bool {
	if a.head != b.head {
		return a.head < b.head
	}
	return compareFull(p, a, q, b) < 0
}

func compareFull(p *queue, a candidate, q *queue, b candidate) int {
	x, y := p.entries.At(int(a.index)), q.entries.At(int(b.index))
	return cmp.Or(Score(p.hash, p.seed, x).Compare(Score(q.hash, q.seed, y)), x.Compare(y))
}

// peek returns the lowest entry not yet taken.
func (q *queue) peek() (candidate, bool) {
	for len(q.ahead) == 0 && q.bar < everyBar {
		gather([]*queue{q}, []uint64{min(everyBar, max(2*q.bar, barFor(1, q.entries.Len())))})
	}
	if len(q.ahead) == 0 {
		return candidate{}, false
	}
	return q.ahead[0], true
}

func (q *queue) pop() { q.ahead = q.ahead[1:] }

// barFor is a bar under which k of n scores lie almost surely: six standard
// deviations above the mean.
func barFor(k float64, n int) uint64 {
	share := (k + 6*(math.Sqrt(k)+4)) / float64(n)
	if share >= 1 {
		return everyBar
	}
	return uint64(share * everyBar)
}

// scoreBlock is how many entries one job scores.
const scoreBlock = 1 << 13

// gather raises the bar of each queue, on all cores.
func gather(queues []*queue, bars []uint64) {
	type job struct{ queue, from int }
	var jobs []job
	for i, q := range queues {
		for from := 0; from < q.entries.Len() && bars[i] > q.bar; from += scoreBlock {
			jobs = append(jobs, job{i, from})
		}
	}
	found := make([][]candidate, len(jobs))
	parallel(len(jobs), func() func(int) {
		if len(queues) == 0 {
			return nil
		}
		score := queues[0].hash.scorer(queues[0].seed)
		return func(j int) {
			i := jobs[j].queue
			found[j] = queues[i].below(score, jobs[j].from, bars[i])
		}
	})
	for j, batch := range found {
		q := queues[jobs[j].queue]
		q.ahead = append(q.ahead, batch...)
	}
	parallel(len(queues), func() func(int) {
		return func(i int) { queues[i].sort(bars[i]) }
	})
}

// below scores a block and returns what lies from the queue's bar up to the new.
func (q *queue) below(score func([]byte) Digest, from int, bar uint64) []candidate {
	var out []candidate
	for i := from; i < min(from+scoreBlock, q.entries.Len()); i++ {
		s := score(q.entries.bytes(i))
		head := binary.BigEndian.Uint64(s[:])
		if short := head >> 32; short < bar && short >= q.bar {
			out = append(out, candidate{head, uint32(i)})
		}
	}
	return out
}

// sort orders what was gathered. A queue is refilled only when empty, so all
// of ahead is new.
func (q *queue) sort(bar uint64) {
	slices.SortFunc(q.ahead, func(a, b candidate) int {
		if a.head != b.head {
			return cmp.Compare(a.head, b.head)
		}
		return compareFull(q, a, q, b)
	})
	q.bar = max(q.bar, bar)
}
