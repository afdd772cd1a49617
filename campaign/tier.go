package campaign

import (
	"slices"

	"hongbao/internal/money"
)

// Source is who pays: the city or a sponsor. Its amount is handed out to the fen, and what is not spent goes back to it.
type Source struct {
	Name   string    `yaml:"name" json:"name"`
	Kind   string    `yaml:"kind" json:"kind"` // city or sponsor
	Title  Text      `yaml:"title" json:"title"`
	Amount money.Fen `yaml:"amount" json:"amount_fen"`
}

// Tier is a prize: so many envelopes of one amount, drawn from one pool or from all ("*").
type Tier struct {
	Name    string    `yaml:"name" json:"name"`
	Title   Text      `yaml:"title" json:"title"`
	Pool    string    `yaml:"pool" json:"pool"`
	Count   int64     `yaml:"count" json:"count"`
	Amount  money.Fen `yaml:"amount" json:"amount_fen"`
	Funding []Share   `yaml:"funding" json:"funding"` // which source pays how many of them; the counts add up to Count
}

// Share says how many envelopes of a tier one source pays.
type Share struct {
	Source string `yaml:"source" json:"source"`
	Count  int64  `yaml:"count" json:"count"`
}

// Spill says where a tier's envelopes go that its own pool is too small to take.
type Spill struct {
	Tier string `yaml:"tier" json:"tier"`
	Pool string `yaml:"pool" json:"pool"`
}

// Wait is a waitlist: who gets an envelope, in order, when one falls free.
type Wait struct {
	Pool  string `yaml:"pool" json:"pool"`
	Count int64  `yaml:"count" json:"count"`
}

// Pools says how entries are grouped for the draw.
type Pools struct {
	By   string `yaml:"by" json:"by"` // none: one pool; district: by the district given; tier: by the tier chosen
	List []Pool `yaml:"list" json:"list"`
}

// Pool is a group of entries. By district it gathers the named districts, its own name if none is named.
type Pool struct {
	Name      string   `yaml:"name" json:"name"`
	Title     Text     `yaml:"title" json:"title"`
	Districts []string `yaml:"districts,omitempty" json:"districts,omitempty"`
}

// How entries may be grouped.
const (
	ByNone     = "none"
	ByDistrict = "district"
	ByTier     = "tier"
)

// AllPools is the scope of a tier, spill or waitlist that every pool shares.
const AllPools = "*"

// Budget is the sum of all funding.
func (rb *RuleBook) Budget() money.Fen {
	var sum money.Fen
	for _, source := range rb.Funding {
		sum += source.Amount
	}
	return sum
}

// Envelopes is the number of envelopes in all tiers.
func (rb *RuleBook) Envelopes() int64 {
	var sum int64
	for _, tier := range rb.Tiers {
		sum += tier.Count
	}
	return sum
}

// PoolOf gives the pool of an entry from its district and its chosen tier; "" when there is none.
func (rb *RuleBook) PoolOf(district, tier string) string {
	switch rb.Pools.By {
	case ByDistrict:
		for _, pool := range rb.Pools.List {
			if pool.covers(district) {
				return pool.Name
			}
		}
		return ""
	case ByTier:
		chosen, _ := rb.Tier(tier)
		return chosen.Pool
	}
	return rb.Pools.List[0].Name
}

func (p Pool) covers(district string) bool {
	if len(p.Districts) == 0 {
		return p.Name == district
	}
	return slices.Contains(p.Districts, district)
}

// Scale gives the rule book with tiers and funding for about one win in twenty of the registrations, each tier of each
// source with at least one envelope, and adding up as before. A rule book with no more envelopes than that is itself.
func (rb *RuleBook) Scale(registrations int) *RuleBook {
	weights := rb.shareCounts()
	target := max(int64(registrations/20), int64(len(weights)))
	if target >= rb.Envelopes() {
		return rb
	}
	scaled := rb.derive()
	shares := scaled.shares()
	for i, more := range money.Split(money.Fen(target-int64(len(weights))), weights) {
		shares[i].Count = 1 + int64(more)
	}
	scaled.recount()
	for i, wait := range rb.Wait {
		scaled.Wait[i].Count = max(1, wait.Count*target/rb.Envelopes())
	}
	return scaled
}

func (rb *RuleBook) shares() []*Share {
	var all []*Share
	for t := range rb.Tiers {
		for s := range rb.Tiers[t].Funding {
			all = append(all, &rb.Tiers[t].Funding[s])
		}
	}
	return all
}

func (rb *RuleBook) shareCounts() []int64 {
	var counts []int64
	for _, share := range rb.shares() {
		counts = append(counts, share.Count)
	}
	return counts
}

// recount sets tier counts and source amounts from the shares.
func (rb *RuleBook) recount() {
	amounts := rb.handedOut()
	for t := range rb.Tiers {
		rb.Tiers[t].Count = 0
		for _, share := range rb.Tiers[t].Funding {
			rb.Tiers[t].Count += share.Count
		}
	}
	for s := range rb.Funding {
		rb.Funding[s].Amount = amounts[rb.Funding[s].Name]
	}
}

// handedOut is what the tiers give out of each source.
func (rb *RuleBook) handedOut() map[string]money.Fen {
	sums := map[string]money.Fen{}
	for _, tier := range rb.Tiers {
		for _, share := range tier.Funding {
			sums[share.Source] += tier.Amount * money.Fen(share.Count)
		}
	}
	return sums
}

// derive copies the rule book so far that ids, moments, counts and amounts can be changed; its file is written anew.
func (rb *RuleBook) derive() *RuleBook {
	copied := *rb
	copied.source = nil
	copied.Funding = slices.Clone(rb.Funding)
	copied.Wait = slices.Clone(rb.Wait)
	copied.Tiers = slices.Clone(rb.Tiers)
	for i := range copied.Tiers {
		copied.Tiers[i].Funding = slices.Clone(copied.Tiers[i].Funding)
	}
	return &copied
}
