package draw

import "fmt"

// Terms is what the notice promises before anyone registers and the plan
// repeats byte for byte: prizes, round, helpers.
type Terms struct {
	Hash    Hash
	Close   int64  // unix seconds: registration closes
	Delay   int64  // seconds from close to the beacon round
	Chain   Digest // drand chain hash
	Round   uint64 // see Chain.RoundAfter
	Helpers []Helper
	Tiers   []Tier
	Spills  []Spill
	Waits   []Wait
}

// Helper commits to a secret that enters the seed. Names are tokens, strictly
// ascending in the plan.
type Helper struct {
	Name       string
	Commitment Digest // see Commit
}

// Tier is Count prizes of Amount fen each for the pool Scope, or AllPools.
// Tiers are awarded in the order of the plan.
type Tier struct {
	Name, Scope   string
	Count, Amount int64
}

// Spill sends what the tier could not give to another pool, or AllPools.
type Spill struct{ Tier, Scope string }

// Wait is a waitlist of up to Count entries of a pool, or AllPools.
type Wait struct {
	Scope string
	Count int64
}

// termWords are the first words of the lines that notice and plan share.
var termWords = []string{"hash", "close", "beacon", "helper", "tier", "spill", "wait"}

// lines returns the lines of one word, without \n, in order.
func (t *Terms) lines(word string) []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(word+" "+format, args...)) }
	switch word {
	case "hash":
		add("%s", t.Hash)
	case "close":
		add("%d %d", t.Close, t.Delay)
	case "beacon":
		add("drand %s %d", t.Chain, t.Round)
	case "helper":
		for _, h := range t.Helpers {
			add("%s %s", h.Name, h.Commitment)
		}
	case "tier":
		for _, x := range t.Tiers {
			add("%s %s %d %d", x.Name, x.Scope, x.Count, x.Amount)
		}
	case "spill":
		for _, s := range t.Spills {
			add("%s %s", s.Tier, s.Scope)
		}
	case "wait":
		for _, w := range t.Waits {
			add("%s %d", w.Scope, w.Count)
		}
	}
	return out
}

// parse takes the next line, which begins with one of termWords.
func (t *Terms) parse(r *lineReader, word string) {
	switch word {
	case "hash":
		t.Hash = Hash(r.fields(word, 1)[0])
		if !t.Hash.Valid() {
			r.fail("hash is neither sha256 nor sm3")
		}
	case "close":
		f := r.fields(word, 2)
		t.Close, t.Delay = r.number(f[0]), r.number(f[1])
	case "beacon":
		f := r.fields("beacon drand", 2)
		t.Chain, t.Round = r.digest(f[0]), uint64(r.number(f[1]))
	case "helper":
		t.parseHelper(r)
	case "tier":
		f := r.fields(word, 4)
		t.Tiers = append(t.Tiers, Tier{Name: r.token(f[0]), Scope: r.scope(f[1]), Count: r.number(f[2]), Amount: r.number(f[3])})
		r.once(word, f[0])
		r.atMost(word, len(t.Tiers), 99)
	case "spill":
		t.parseSpill(r)
	case "wait":
		f := r.fields(word, 2)
		t.Waits = append(t.Waits, Wait{Scope: r.scope(f[0]), Count: r.number(f[1])})
		r.once(word, f[0])
		r.atMost(word, len(t.Waits), 9999)
	}
}

func (t *Terms) parseHelper(r *lineReader) {
	f := r.fields("helper", 2)
	h := Helper{Name: r.token(f[0]), Commitment: r.digest(f[1])}
	if n := len(t.Helpers); n > 0 && t.Helpers[n-1].Name >= h.Name {
		r.fail("helpers are not in ascending order")
	}
	t.Helpers = append(t.Helpers, h)
	r.atMost("helper", len(t.Helpers), 99)
}

func (t *Terms) parseSpill(r *lineReader) {
	f := r.fields("spill", 2)
	t.Spills = append(t.Spills, Spill{Tier: r.token(f[0]), Scope: r.scope(f[1])})
	if !r.seen["tier "+f[0]] {
		r.fail("there is no tier %q", f[0])
	}
	r.once("spill", f[0])
}
