package reporting

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"

	"hongbao/internal/database"
	"hongbao/lottery"
	"hongbao/lottery/beacon"
	"hongbao/lottery/draw"
)

// published calls fn for every draw whose bundle stands in public to the end.
func published(ctx context.Context, db *database.DB, statuses string, fn func(id int64, slug string, b draw.Bundle) error) (n int, err error) {
	var draws []struct {
		ID   int64
		Slug string
	}
	if err := db.Read(ctx).Raw("SELECT id, slug FROM draws WHERE status IN (" + statuses + ") ORDER BY id").Scan(&draws).Error; err != nil {
		return 0, err
	}
	for _, d := range draws {
		bundle, err := (&lottery.Service{DB: db}).OpenBundle(ctx, d.Slug)
		if err != nil {
			return n, err
		}
		if err := fn(d.ID, d.Slug, bundle); err != nil {
			return n, err
		}
	}
	return len(draws), nil
}

// checkProofs verifies every public bundle with the code of `hongbao verify`.
func checkProofs(ctx context.Context, db *database.DB) (Result, error) {
	f := findings{unit: "bundles verified"}
	var err error
	f.tried, err = published(ctx, db, "'published', 'voided'", func(_ int64, slug string, b draw.Bundle) error {
		for _, c := range (draw.Verifier{Beacon: beacon.Verify}).Verify(b).Failures() {
			f.broken = append(f.broken, fmt.Sprintf("%s: %s: %s", slug, c.Name, c.Detail))
		}
		return nil
	})
	return f.result("proof-verifies"), err
}

// checkWinners holds the stored awards against the published result file line by line, and the result against the
// plan: a tier is short only when its scope has nobody left. Then there are as many winners as the tiers have prizes.
func checkWinners(ctx context.Context, db *database.DB) (Result, error) {
	f := findings{unit: "draws"}
	var err error
	f.tried, err = published(ctx, db, "'published'", func(id int64, slug string, b draw.Bundle) error {
		plan, result, err := readResult(b)
		if err != nil {
			f.broken = append(f.broken, fmt.Sprintf("%s: %v", slug, err))
			return nil
		}
		for _, broken := range shortTiers(plan, result) {
			f.broken = append(f.broken, slug+": "+broken)
		}
		stored, err := storedAwards(ctx, db, id)
		if err != nil {
			return err
		}
		if broken := differs(result, stored); broken != "" {
			f.broken = append(f.broken, slug+": "+broken)
		}
		return nil
	})
	return f.result("winners-are-tier-counts"), err
}

func readResult(b draw.Bundle) (*draw.Plan, *draw.Result, error) {
	planFile, err := readFile(b, draw.KindPlan.File())
	if err != nil {
		return nil, nil, err
	}
	plan, err := draw.ParsePlan(planFile)
	if err != nil {
		return nil, nil, err
	}
	resultFile, err := readFile(b, draw.KindResult.File())
	if err != nil {
		return nil, nil, err
	}
	result, err := draw.ParseResult(resultFile)
	return plan, result, err
}

func readFile(b draw.Bundle, name string) ([]byte, error) {
	r, err := b.Open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// shortTiers names the tiers that gave less than they hold although their scope had people left.
func shortTiers(plan *draw.Plan, result *draw.Result) (broken []string) {
	size, taken := map[string]int64{}, map[string]int64{}
	for _, p := range plan.Pools {
		size[p.Name] = p.Size
		size[draw.AllPools] += p.Size
	}
	for _, a := range result.Awards {
		got := int64(len(a.Winners))
		taken[a.Scope] += got
		if a.Scope != draw.AllPools {
			taken[draw.AllPools] += got
		}
		if a.Kind != draw.WaitAward && got < a.Count && a.Scope == draw.AllPools && taken[draw.AllPools] < size[draw.AllPools] {
			broken = append(broken, fmt.Sprintf("tier %s has %d winners of %d", a.Name, got, a.Count))
		}
	}
	return broken
}

// award is a stored award, as far as the result file knows it.
type award struct {
	Kind, Tier, Scope string
	Entry, Score      database.Bytes32
}

func storedAwards(ctx context.Context, db *database.DB, drawID int64) (awards []award, err error) {
	err = db.Read(ctx).Raw("SELECT kind, tier, scope, entry, score FROM awards WHERE draw_id = ? ORDER BY line, place", drawID).Scan(&awards).Error
	return awards, err
}

// differs names the first award on which the stored rows and the result file are not the same.
func differs(result *draw.Result, stored []award) string {
	n := 0
	for _, a := range result.Awards {
		for _, w := range a.Winners {
			if n >= len(stored) {
				return fmt.Sprintf("the result has more awards than the %d stored", n)
			}
			// A waiting entry that was promoted carries the tier of the prize it got.
			sameTier := stored[n].Tier == a.Name || a.Kind == draw.WaitAward
			if got := stored[n]; got.Kind != string(a.Kind) || !sameTier || got.Scope != a.Scope || [32]byte(got.Entry) != w.Entry || [32]byte(got.Score) != w.Score {
				return fmt.Sprintf("award %d is not the result's %s", n+1, hex.EncodeToString(w.Entry[:6]))
			}
			n++
		}
	}
	if n < len(stored) {
		return fmt.Sprintf("%d awards are stored, the result has %d", len(stored), n)
	}
	return ""
}
