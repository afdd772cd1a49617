package draw

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// randomDraw makes a plan with pools of uneven sizes, tiers that may be too
// large, spills and waits, and the entries for it in random order.
func randomDraw(source *rand.Rand) (*Plan, [][]Digest) {
	h := []Hash{SHA256, SM3}[source.IntN(2)]
	p := &Plan{ID: "random", Terms: Terms{Hash: h}}
	var pools [][]Digest
	scopes := []string{AllPools}
	for i := range 1 + source.IntN(5) {
		n := []int{0, 1, 3, 40, 700}[source.IntN(5)]
		list := make([]Digest, n)
		for j := range list {
			list[j] = SHA256.Sum(fmt.Appendf(nil, "%d %d %d", i, j, source.Uint64()))
		}
		pools = append(pools, list)
		name := fmt.Sprintf("pool-%d", i)
		p.Pools = append(p.Pools, Pool{Name: name, Size: int64(n)})
		scopes = append(scopes, name)
	}
	scope := func() string { return scopes[source.IntN(len(scopes))] }
	for i := range 1 + source.IntN(5) {
		name := fmt.Sprintf("tier-%d", i)
		p.Tiers = append(p.Tiers, Tier{name, scope(), int64([]int{0, 1, 7, 60, 2000}[source.IntN(5)]), 20000})
		if source.IntN(2) == 0 {
			p.Spills = append(p.Spills, Spill{name, scope()})
		}
	}
	for _, s := range scopes {
		if source.IntN(2) == 0 {
			p.Waits = append(p.Waits, Wait{s, int64(source.IntN(50))})
		}
	}
	return p, pools
}

// sealPools sorts the entries into the plan.
func sealPools(p *Plan, pools [][]Digest) []Entries {
	var out []Entries
	for i := range pools {
		list := slices.Clone(pools[i])
		slices.SortFunc(list, Digest.Compare)
		out = append(out, pack(list))
		p.Pools[i].Root = NewTree(p.Hash, out[i]).Root()
	}
	return out
}

// plainResult is the award of section Bytes 6, by sorting everything.
func plainResult(p *Plan, seed Digest, pools []Entries) *Result {
	r := &Result{Plan: p.Digest(), Seed: seed}
	type scored struct {
		Winner
		pool string
	}
	var free []scored
	for i, e := range pools {
		for j := range e.Len() {
			free = append(free, scored{Winner{e.At(j), Score(p.Hash, seed, e.At(j))}, p.Pools[i].Name})
		}
	}
	slices.SortFunc(free, func(a, b scored) int { return a.compare(b.Winner) })
	take := func(kind AwardKind, name, scope string, count int64) int64 {
		a := Award{Kind: kind, Name: name, Scope: scope, Count: count}
		free = slices.DeleteFunc(free, func(s scored) bool {
			if int64(len(a.Winners)) == count || (scope != AllPools && scope != s.pool) {
				return false
			}
			a.Winners = append(a.Winners, s.Winner)
			return true
		})
		r.Awards = append(r.Awards, a)
		return count - int64(len(a.Winners))
	}
	short := map[string]int64{}
	for _, t := range p.Tiers {
		short[t.Name] = take(TierAward, t.Name, t.Scope, t.Count)
	}
	for _, s := range p.Spills {
		take(SpillAward, s.Tier, s.Scope, short[s.Tier])
	}
	for _, w := range p.Waits {
		take(WaitAward, "", w.Scope, w.Count)
	}
	return r
}

func TestSelectIsTheAwardOfTheSpecification(t *testing.T) {
	for i := range 300 {
		source := rand.New(rand.NewPCG(uint64(i), 1))
		p, registered := randomDraw(source)
		pools := sealPools(p, registered)
		if err := p.Validate(); err != nil {
			t.Fatal(err)
		}
		if err := CheckPools(p, pools); err != nil {
			t.Fatal(err)
		}
		seed := SHA256.Sum(fmt.Append(nil, i))
		s, err := Select(p, seed, pools)
		if err != nil {
			t.Fatal(err)
		}
		r := s.Result()
		if !bytes.Equal(r.Bytes(), plainResult(p, seed, pools).Bytes()) {
			t.Fatalf("draw %d differs from plain sorting; plan\n%s", i, p.Bytes())
		}
		checkAwards(t, p, pools, r)

		for j := range registered {
			source.Shuffle(len(registered[j]), func(a, b int) {
				registered[j][a], registered[j][b] = registered[j][b], registered[j][a]
			})
		}
		again, err := Select(p, seed, sealPools(p, registered))
		if err != nil || !bytes.Equal(again.Result().Bytes(), r.Bytes()) {
			t.Fatalf("draw %d depends on the order of registration", i)
		}
	}
}

// checkAwards demands exact counts, no repeats, and that the citizen's rule
// gives every entry of every pool what the result lists for it.
func checkAwards(t *testing.T, p *Plan, pools []Entries, r *Result) {
	t.Helper()
	listed := map[Digest]Standing{}
	for _, a := range r.Awards {
		if int64(len(a.Winners)) > a.Count {
			t.Fatalf("%s %s gives %d of %d", a.Kind, a.Name, len(a.Winners), a.Count)
		}
		for i, w := range a.Winners {
			if _, twice := listed[w.Entry]; twice {
				t.Fatalf("%s is taken twice", w.Entry)
			}
			listed[w.Entry] = Standing{a.Kind, a.Name, a.Scope, i + 1}
		}
	}
	for i, e := range pools {
		for j := range e.Len() {
			entry := e.At(j)
			own, err := r.Own(p.Pools[i].Name, entry, Score(p.Hash, r.Seed, entry))
			want, won := listed[entry]
			if err != nil || won != (own != nil) || won && *own != want {
				t.Fatalf("the rule gives %s %v (%v), the result %v", entry, own, err, want)
			}
		}
	}
}

// TestRaisedBars starts from bars that are far too low: speed may suffer, the
// outcome may not.
func TestRaisedBars(t *testing.T) {
	p := &Plan{ID: "bars", Terms: Terms{Hash: SHA256}, Pools: []Pool{{Name: "all", Size: 20000}}}
	e := sortedEntries(20000)
	q := &queue{entries: e, hash: SHA256, seed: Digest{1}}
	gather([]*queue{q}, []uint64{1 << 12})
	want := plainResult(&Plan{ID: p.ID, Terms: Terms{Hash: SHA256, Tiers: []Tier{{"all", "*", 20000, 1}}}, Pools: p.Pools}, Digest{1}, []Entries{e})
	for i, w := range want.Awards[0].Winners {
		next, ok := q.peek()
		if !ok || e.At(int(next.index)) != w.Entry {
			t.Fatalf("place %d is wrong", i)
		}
		q.pop()
	}
	if _, ok := q.peek(); ok {
		t.Error("the queue gives more than the pool has")
	}
}

// TestTies orders equal 64-bit heads by the full score.
func TestTies(t *testing.T) {
	e := sortedEntries(50)
	q := &queue{entries: e, hash: SM3, seed: Digest{2}}
	for i := range uint32(50) {
		q.ahead = append(q.ahead, candidate{7, i})
	}
	q.sort(everyBar)
	for i := range 49 {
		if !less(q, q.ahead[i], q, q.ahead[i+1]) || less(q, q.ahead[i+1], q, q.ahead[i]) {
			t.Fatal("equal heads are not ordered by score")
		}
	}
}

func TestPoolsMustBeThePlans(t *testing.T) {
	list := make([]Digest, 600)
	for i := range list {
		list[i] = SHA256.Sum(fmt.Append(nil, i))
	}
	p := &Plan{ID: "x", Terms: Terms{Hash: SHA256}, Pools: []Pool{{Name: "a", Size: 300}, {Name: "b", Size: 300}}}
	pools := sealPools(p, [][]Digest{list[:300], list[300:]})
	if err := CheckPools(p, pools); err != nil {
		t.Fatal(err)
	}
	shared := sealPools(p, [][]Digest{list[:300], append(slices.Clone(list[301:]), list[17])})
	if err := CheckPools(p, shared); err == nil {
		t.Error("an entry in two pools passes")
	}
	if CheckPools(p, pools) == nil || CheckPools(p, pools[:1]) == nil {
		t.Error("other entries or fewer pools pass")
	}
	if (Entries(pools[0][:33])).Check() == nil {
		t.Error("half an entry passes")
	}
	swapped := slices.Clone(pools[0])
	copy(swapped[256*32:], pools[0].bytes(255)) // on the border of two blocks
	copy(swapped[255*32:], pools[0].bytes(256))
	if swapped.Check() == nil {
		t.Error("disorder between blocks passes")
	}
}
