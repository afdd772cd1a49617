package lottery

import (
	"context"
	"fmt"
	"sync"

	"hongbao/internal/fault"
	"hongbao/lottery/draw"
)

// Index answers what an entry got in a published draw, and proves it, from memory. It never changes once built: promotions are looked up
// apart, and only for those who stand in the result.
type Index struct {
	plan   *draw.Plan
	result *draw.Result
	pools  []indexedPool // in the plan's order
}

type indexedPool struct {
	draw.Pool
	entries draw.Entries
	tree    *draw.Tree
}

// Standing is what one entry got: its place in the result, nil for nothing.
type Standing struct {
	Pool  draw.Pool
	Score draw.Digest
	Own   *draw.Standing

	tree *draw.Tree
	at   int
}

// Inclusion proves that the entry is in its pool; it costs a few hundred hashes.
func (s Standing) Inclusion() draw.Inclusion { return s.tree.Inclusion(s.at) }

// Look finds an entry. It reports false for one that was not in the draw; then it was excluded, or never registered.
func (x *Index) Look(entry draw.Digest) (Standing, bool) {
	for _, pool := range x.pools {
		i, found := pool.entries.Search(entry)
		if !found {
			continue
		}
		score := draw.Score(x.plan.Hash, x.result.Seed, entry)
		own, err := x.result.Own(pool.Name, entry, score)
		if err != nil {
			return Standing{}, false // cannot be: the result was computed from these entries
		}
		return Standing{Pool: pool.Pool, Score: score, Own: own, tree: pool.tree, at: i}, true
	}
	return Standing{}, false
}

// indexes holds one index a draw, built when it is first asked for.
type indexes struct {
	mu     sync.Mutex
	byDraw map[int64]*indexCell
}

type indexCell struct {
	mu    sync.Mutex
	index *Index
}

func (x *indexes) cell(id int64) *indexCell {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.byDraw == nil {
		x.byDraw = map[int64]*indexCell{}
	}
	if x.byDraw[id] == nil {
		x.byDraw[id] = &indexCell{}
	}
	return x.byDraw[id]
}

// Index gives the index of a published draw; those who ask while it is being built wait for it.
func (s *Service) Index(ctx context.Context, d *Draw) (*Index, error) {
	if d.Status != Published {
		return nil, errStatus
	}
	cell := s.indexes.cell(d.ID)
	cell.mu.Lock()
	defer cell.mu.Unlock()
	if cell.index != nil {
		return cell.index, nil
	}
	index, err := s.buildIndex(ctx, d)
	if err == nil {
		cell.index = index
	}
	return index, err
}

func (s *Service) buildIndex(ctx context.Context, d *Draw) (*Index, error) {
	db := s.DB.Read(ctx)
	plan, err := publishedPlan(db, d)
	if err != nil {
		return nil, err
	}
	file, err := readFile(db, d.ID, draw.KindResult.File())
	if err != nil {
		return nil, err
	}
	x := &Index{plan: plan}
	if x.result, err = draw.ParseResult(file); err != nil {
		return nil, err
	}
	for _, pool := range plan.Pools {
		entries, err := readFile(db, d.ID, draw.PoolFile(pool.Name))
		if err != nil {
			return nil, fmt.Errorf("pool %s: %w", pool.Name, err)
		}
		x.pools = append(x.pools, indexedPool{Pool: pool, entries: entries, tree: draw.NewTree(plan.Hash, entries)})
	}
	return x, nil
}

// Outcome is what a citizen is told.
type Outcome string

// The outcomes.
const (
	Pending  Outcome = "pending"  // not drawn yet
	Won      Outcome = "won"      // drawn
	Promoted Outcome = "promoted" // came up from the waitlist
	Waits    Outcome = "waiting"  // on the waitlist
	GaveUp   Outcome = "released" // had a prize that went on to the waitlist
	NotWon   Outcome = "not-won"
	Excluded Outcome = "excluded" // not in the draw
	NoDraw   Outcome = "voided"
)

// Result is one citizen's result with its proof, and without identity. Hashes are hex.
type Result struct {
	Draw      string          `json:"draw"`
	Status    Status          `json:"status"`
	Entry     string          `json:"entry"`
	Outcome   Outcome         `json:"outcome"`
	Pool      string          `json:"pool,omitempty"`
	Seed      string          `json:"seed,omitempty"`
	Score     string          `json:"score,omitempty"`
	Tier      string          `json:"tier,omitempty"`
	AmountFen int64           `json:"amount_fen,omitempty"`
	Place     int             `json:"place,omitempty"` // from 1, in the award line that the entry stands in
	Inclusion *InclusionProof `json:"inclusion,omitempty"`
	Root      string          `json:"root,omitempty"`
}

// InclusionProof is a path in the RFC 6962 tree of a pool: index from 0, size, and the hashes from the leaf up.
type InclusionProof struct {
	Index int64         `json:"index"`
	Size  int64         `json:"size"`
	Path  []draw.Digest `json:"path"`
}

var errNotYours = fault.New(fault.NotFound, "registration-unknown", "没有这条登记。", "There is no such registration.")

// ResultOf tells the holder of a registration what the draw of its campaign gave it.
func (s *Service) ResultOf(ctx context.Context, campaignID, registrationID int64) (*Result, error) {
	people, err := s.Campaigns.Registrants(ctx, []int64{registrationID})
	if err != nil {
		return nil, err
	}
	if len(people) != 1 || people[0].CampaignID != campaignID {
		return nil, errNotYours
	}
	entry := draw.Digest(people[0].Entry)
	d, err := s.DrawOf(ctx, campaignID)
	if fault.KindOf(err) == fault.NotFound {
		return &Result{Entry: entry.String(), Outcome: Pending}, nil
	}
	if err != nil {
		return nil, err
	}
	return s.resultOf(ctx, d, entry)
}

func (s *Service) resultOf(ctx context.Context, d *Draw, entry draw.Digest) (*Result, error) {
	r := &Result{Draw: d.Slug, Status: d.Status, Entry: entry.String(), Outcome: Pending}
	if d.Status == Voided {
		r.Outcome = NoDraw
	}
	if d.Status != Published {
		return r, nil
	}
	index, err := s.Index(ctx, d)
	if err != nil {
		return nil, err
	}
	r.Seed = index.result.Seed.String()
	standing, ok := index.Look(entry)
	if !ok {
		r.Outcome = Excluded
		return r, nil
	}
	r.Outcome = NotWon
	r.Pool, r.Root, r.Score = standing.Pool.Name, standing.Pool.Root.String(), standing.Score.String()
	proof := standing.Inclusion()
	r.Inclusion = &InclusionProof{Index: proof.Index, Size: proof.Size, Path: proof.Path}
	if standing.Own == nil {
		return r, nil
	}
	r.Place = standing.Own.Rank
	return r, s.addAward(ctx, r, d, entry)
}

// addAward reads the one thing that may have changed since the draw: who holds the prize now.
func (s *Service) addAward(ctx context.Context, r *Result, d *Draw, entry draw.Digest) error {
	award, err := awardByEntry(s.DB.Read(ctx), d.ID, entry)
	if err != nil {
		return fmt.Errorf("award of an entry in the result: %w", err)
	}
	r.setAward(award)
	return nil
}

// setAward says what an award is at this moment.
func (r *Result) setAward(award awardRow) {
	r.Tier, r.AmountFen = award.Tier, award.AmountFen
	switch {
	case award.Status == Waiting:
		r.Outcome = Waits
	case award.Status == Released:
		r.Outcome = GaveUp
	case award.Kind == string(draw.WaitAward):
		r.Outcome = Promoted
	default:
		r.Outcome = Won
	}
}
