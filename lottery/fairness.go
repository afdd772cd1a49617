package lottery

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/fault"
	"hongbao/lottery/draw"
)

// Level is the chance at which a suspicion counts as found, over all tests of a draw together.
const Level = 0.05

// Fairness is a published draw in figures that answer a suspicion: how often each group won, and whether chance alone explains it. It
// is about the draw, so prizes count as drawn, before any promotion.
type Fairness struct {
	Entries, Winners int64
	Groups           []FairnessGroup // by question, in the order of Questions
	Tests            []FairnessTest  // those for which there are enough winners
	Related          RelatedPeople
}

// RelatedPeople is what became of the people whom the city named as related to the organisers.
type RelatedPeople struct {
	campaign.RelatedCount
	Registered int64 // whatever became of it: entries, withdrawn before the freeze, excluded
	FairnessGroup
}

// FairnessGroup is one group of entries. Expected is how many of them would win if each pool's winners were spread evenly over it; for
// a pool itself, whose prizes the rule book fixes, it is the pool's winners.
type FairnessGroup struct {
	By       Question
	Name     string // pool, operator, hour as "2020-12-11 09:00" in Asia/Shanghai, tenth of the list "1".."10", RelatedName or OtherName
	Entries  int64
	Winners  int64
	Expected float64
}

// FairnessTest is one test. P is the chance of a result at least as uneven in a fair draw; Adjusted is P corrected for the number of
// tests (Holm), and Even whether it stays above Level.
type FairnessTest struct {
	By          Question
	Method      Method
	Statistic   float64 // chi-square, the normal deviate of the number of runs, or for exact the group's winners
	Freedom     int     // degrees of freedom; 0 for runs and exact
	P, Adjusted float64
	Even        bool
}

// Question is what might wrongly have made a difference.
type Question string

// The questions.
const (
	ByPool         Question = "pool"         // tested only for the prizes that are given from all pools before any pool has its own
	ByOperator     Question = "operator"     // the bank that was chosen
	ByHour         Question = "hour"         // the hour of registration
	ByPosition     Question = "position"     // the place in the public list of the pool
	ByRelation     Question = "relation"     // whether the city named the person as related to the organisers
	ByRegistration Question = "registration" // the order of registration; has tests only, no groups
)

// Questions are those that have groups, in the order in which they are shown.
var Questions = []Question{ByPool, ByOperator, ByHour, ByPosition, ByRelation}

// The names of the groups of ByRelation.
const (
	RelatedName = "related"
	OtherName   = "other"
)

// Method is a statistical test.
type Method string

// The methods.
const (
	ChiSquare Method = "chi-square"
	Runs      Method = "runs"
	Exact     Method = "exact" // one-sided: the chance that a group wins as often as it did, or more often
)

// fairnesses keeps what was found for published draws. It never changes unless the city names more related people, which is looked up
// once a minute.
type fairnesses struct {
	mu     sync.Mutex
	byDraw map[int64]*keptFairness
}

type keptFairness struct {
	*Fairness
	checked time.Time
}

// Fairness gives the figures of a published draw; any other is a fault of kind Conflict.
func (s *Service) Fairness(ctx context.Context, slug string) (*Fairness, error) {
	db := s.DB.Read(ctx)
	d, err := drawBySlug(db, slug)
	if err != nil {
		return nil, err
	}
	s.fairnesses.mu.Lock()
	defer s.fairnesses.mu.Unlock()
	kept := s.fairnesses.byDraw[d.ID]
	if kept != nil && s.Now().Sub(kept.checked) < time.Minute {
		return kept.Fairness, nil
	}
	if kept != nil {
		count, err := campaign.CountRelated(db, d.CampaignID)
		if err != nil {
			return nil, err
		}
		if count == kept.Related.RelatedCount {
			kept.checked = s.Now()
			return kept.Fairness, nil
		}
	}
	found, err := measureFairness(db, d)
	if err != nil {
		return nil, err
	}
	if s.fairnesses.byDraw == nil {
		s.fairnesses.byDraw = map[int64]*keptFairness{}
	}
	s.fairnesses.byDraw[d.ID] = &keptFairness{found, s.Now()}
	return found, nil
}

// FairnessOf gives the figures of a campaign's draw in the caller's snapshot; nil while there is no published draw.
func FairnessOf(tx *gorm.DB, campaignID int64) (*Fairness, error) {
	d, err := drawByCampaign(tx, campaignID)
	if fault.KindOf(err) == fault.NotFound || err == nil && d.Status != Published {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return measureFairness(tx, d)
}

func measureFairness(tx *gorm.DB, d *Draw) (*Fairness, error) {
	if d.Status != Published {
		return nil, errStatus
	}
	plan, err := publishedPlan(tx, d)
	if err != nil {
		return nil, err
	}
	related, err := campaign.ReadRelated(tx, d.CampaignID)
	if err != nil {
		return nil, err
	}
	m := newMeasure(plan, related)
	if err := eachDrawn(tx, d, m.add); err != nil {
		return nil, err
	}
	if m.entries != d.Entries {
		return nil, fmt.Errorf("the draw has %d entries, the registrations are %d", d.Entries, m.entries)
	}
	return m.fairness(), nil
}

// measure gathers a draw's entries. Everything is counted within pools, because a pool's winners are a fair sample of that pool only.
type measure struct {
	entries  int64
	leading  int64 // award lines for all pools before the first of a single pool
	open     map[string]*group
	counts   map[Question]map[string]map[string]*group // by question, pool and name
	ordered  map[string][]bool                         // who won, by pool, in order of registration
	position map[string][]placed
	related  campaign.Related
}

type placed struct {
	entry [32]byte
	won   bool
}

func newMeasure(plan *draw.Plan, related campaign.Related) *measure {
	m := &measure{related: related, open: map[string]*group{}, counts: map[Question]map[string]map[string]*group{}, ordered: map[string][]bool{}, position: map[string][]placed{}}
	for m.leading < int64(len(plan.Tiers)) && plan.Tiers[m.leading].Scope == draw.AllPools {
		m.leading++
	}
	return m
}

func (m *measure) add(e *drawnEntry) {
	m.entries++
	m.count(ByPool, e.pool, e.pool, e.won())
	m.count(ByOperator, e.pool, e.operator, e.won())
	m.count(ByHour, e.pool, hourOf(e), e.won())
	if m.related.Filed > 0 {
		m.count(ByRelation, e.pool, relationOf(m.related.Registrations[e.registration]), e.won())
	}
	tally(m.open, e.pool, e.won() && e.line < m.leading)
	m.ordered[e.pool] = append(m.ordered[e.pool], e.won())
	m.position[e.pool] = append(m.position[e.pool], placed{e.entry, e.won()})
}

func hourOf(e *drawnEntry) string {
	return e.registeredAt.Time().In(campaign.Shanghai).Truncate(time.Hour).Format("2006-01-02 15:04")
}

func relationOf(related bool) string {
	if related {
		return RelatedName
	}
	return OtherName
}

func (m *measure) count(by Question, pool, name string, won bool) {
	if m.counts[by] == nil {
		m.counts[by] = map[string]map[string]*group{}
	}
	if m.counts[by][pool] == nil {
		m.counts[by][pool] = map[string]*group{}
	}
	tally(m.counts[by][pool], name, won)
}

func tally(groups map[string]*group, name string, won bool) {
	if groups[name] == nil {
		groups[name] = &group{}
	}
	groups[name].entries++
	if won {
		groups[name].winners++
	}
}

func (m *measure) fairness() *Fairness {
	listed := m.walkLists()
	f := &Fairness{Entries: m.entries, Related: RelatedPeople{RelatedCount: m.related.RelatedCount, Registered: int64(len(m.related.Registrations))}}
	for _, by := range Questions {
		f.Groups = append(f.Groups, m.groups(by)...)
	}
	for _, g := range f.Groups {
		if g.By == ByPool {
			f.Winners += g.Winners
		}
		if g.By == ByRelation && g.Name == RelatedName {
			f.Related.FairnessGroup = g
		}
	}
	f.chi(ByPool, [][]group{values(m.open)})
	for _, by := range []Question{ByOperator, ByHour, ByPosition} {
		f.chi(by, m.strata(by))
	}
	f.runs(ByPosition, listed)
	f.runs(ByRegistration, m.inOrder())
	f.exact(ByRelation, m.counts[ByRelation], RelatedName)
	f.correct()
	return f
}

// walkLists puts each pool into the order of its public list, counts tenths of it, and gives the runs along it.
func (m *measure) walkLists() *runs {
	r := &runs{}
	for _, pool := range slices.Sorted(maps.Keys(m.position)) {
		list := m.position[pool]
		slices.SortFunc(list, func(a, b placed) int { return slices.Compare(a.entry[:], b.entry[:]) })
		won := make([]bool, len(list))
		for i, p := range list {
			won[i] = p.won
			m.count(ByPosition, pool, fmt.Sprint(1+10*i/len(list)), p.won)
		}
		r.add(won)
	}
	return r
}

func (m *measure) inOrder() *runs {
	r := &runs{}
	for _, pool := range slices.Sorted(maps.Keys(m.ordered)) {
		r.add(m.ordered[pool])
	}
	return r
}

// strata gives the groups of a question pool by pool, in the order of their names.
func (m *measure) strata(by Question) [][]group {
	var strata [][]group
	for _, pool := range slices.Sorted(maps.Keys(m.counts[by])) {
		strata = append(strata, values(m.counts[by][pool]))
	}
	return strata
}

func values(groups map[string]*group) []group {
	var list []group
	for _, name := range slices.SortedFunc(maps.Keys(groups), byLength) {
		list = append(list, *groups[name])
	}
	return list
}

// byLength orders names so that "10" follows "9".
func byLength(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }

// groups sums a question's groups over the pools.
func (m *measure) groups(by Question) []FairnessGroup {
	sums := map[string]*FairnessGroup{}
	for _, pool := range slices.Sorted(maps.Keys(m.counts[by])) {
		groups := m.counts[by][pool]
		var all group
		for _, g := range groups {
			all.entries, all.winners = all.entries+g.entries, all.winners+g.winners
		}
		for name, g := range groups {
			if sums[name] == nil {
				sums[name] = &FairnessGroup{By: by, Name: name}
			}
			sums[name].Entries += g.entries
			sums[name].Winners += g.winners
			sums[name].Expected += float64(g.entries) * float64(all.winners) / float64(all.entries)
		}
	}
	var list []FairnessGroup
	for _, name := range slices.SortedFunc(maps.Keys(sums), byLength) {
		list = append(list, *sums[name])
	}
	return list
}

func (f *Fairness) chi(by Question, strata [][]group) {
	if statistic, freedom, p := chiSquare(strata); freedom > 0 {
		f.Tests = append(f.Tests, FairnessTest{By: by, Method: ChiSquare, Statistic: statistic, Freedom: freedom, P: p})
	}
}

func (f *Fairness) runs(by Question, r *runs) {
	if deviate, p, enough := r.test(); enough {
		f.Tests = append(f.Tests, FairnessTest{By: by, Method: Runs, Statistic: deviate, P: p})
	}
}

// exact asks whether one group of each pool won too often, however few it has.
func (f *Fairness) exact(by Question, pools map[string]map[string]*group, name string) {
	var urns []urn
	for _, pool := range slices.Sorted(maps.Keys(pools)) {
		groups := pools[pool]
		var u urn
		for other, g := range groups {
			u.all.entries, u.all.winners = u.all.entries+g.entries, u.all.winners+g.winners
			if other == name {
				u.part = *g
			}
		}
		urns = append(urns, u)
	}
	if winners, p, possible := exactExcess(urns); possible {
		f.Tests = append(f.Tests, FairnessTest{By: by, Method: Exact, Statistic: float64(winners), P: p})
	}
}

// correct adjusts all tests for their number.
func (f *Fairness) correct() {
	values := make([]float64, len(f.Tests))
	for i, t := range f.Tests {
		values[i] = t.P
	}
	for i, adjusted := range holm(values) {
		f.Tests[i].Adjusted, f.Tests[i].Even = adjusted, adjusted >= Level
	}
}
