package lottery

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/lottery/draw"
)

var errCounts = fault.New(fault.Conflict, "freeze-counts", "登记人数与名单人数、排除人数之和不符，名单未锁定。",
	"Registrations do not equal entries plus excluded; the lists are not frozen.")

// freeze closes the lists of a closed campaign: the entries of each pool in ascending order, streamed into draw_files, with their count
// and tree root, and the excluded by reason. It holds that registered = entries + excluded, or nothing is frozen.
func (s *Service) freeze(ctx context.Context, d *Draw) (bool, error) {
	c, book, err := s.campaignOf(ctx, d.CampaignID)
	if err != nil {
		return false, err
	}
	if c.Status != campaign.Closed || s.now() < d.CloseAt {
		return false, nil
	}
	if err := s.Campaigns.Freeze(ctx, d.CampaignID); fault.KindOf(err) == fault.Conflict {
		return false, nil // another process is freezing at this moment
	} else if err != nil {
		return false, err
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if err := s.advance(tx, d, Frozen, advancing, nil); err != nil {
			return err
		}
		entries := int64(0)
		for _, pool := range poolNames(book) {
			n, err := s.freezePool(ctx, tx, d, pool)
			if err != nil {
				return fmt.Errorf("freezing pool %s: %w", pool, err)
			}
			entries += n
		}
		return s.freezeCounts(ctx, tx, d, entries)
	})
	return err == nil, err
}

// poolNames are the pools in the plan's order, ascending by byte.
func poolNames(book *campaign.RuleBook) []string {
	var names []string
	for _, pool := range book.Pools.List {
		names = append(names, pool.Name)
	}
	slices.Sort(names)
	return names
}

func (s *Service) freezePool(ctx context.Context, tx *gorm.DB, d *Draw, pool string) (int64, error) {
	file := newFile(tx, d.ID, draw.PoolFile(pool))
	list := newListTree(d.Hash)
	err := s.Campaigns.EachEntry(ctx, d.CampaignID, pool, func(entry [32]byte, _ int64) error {
		list.add(entry)
		_, err := file.Write(entry[:])
		return err
	})
	tree := list.finish()
	if err != nil {
		return 0, err
	}
	if err := file.Close(); err != nil {
		return 0, err
	}
	row := poolRow{DrawID: d.ID, Pool: pool, N: tree.Size(), Root: database.Bytes32(tree.Root())}
	return row.N, tx.Table("draw_pools").Create(&row).Error
}

// listTree computes the root of a list beside the reading of it, a part at a time.
type listTree struct {
	tree  *draw.Accumulator
	part  [][32]byte
	parts chan [][32]byte
	done  chan struct{}
}

// listPart is how many entries go to the other goroutine at once.
const listPart = 1 << 12

func newListTree(h draw.Hash) *listTree {
	l := &listTree{tree: draw.NewAccumulator(h), parts: make(chan [][32]byte, 4), done: make(chan struct{})}
	go func() {
		defer close(l.done)
		for part := range l.parts {
			for i := range part {
				l.tree.Add(part[i][:])
			}
		}
	}()
	return l
}

func (l *listTree) add(entry [32]byte) {
	if l.part == nil {
		l.part = make([][32]byte, 0, listPart)
	}
	if l.part = append(l.part, entry); len(l.part) == listPart {
		l.parts <- l.part
		l.part = nil
	}
}

// finish must be called, also when the list broke off; nothing is added after it.
func (l *listTree) finish() *draw.Accumulator {
	l.parts <- l.part
	close(l.parts)
	<-l.done
	return l.tree
}

func (s *Service) freezeCounts(ctx context.Context, tx *gorm.DB, d *Draw, entries int64) error {
	counts, err := s.Campaigns.ExcludedCounts(ctx, d.CampaignID)
	if err != nil {
		return err
	}
	registered, err := s.Campaigns.Registered(ctx, d.CampaignID)
	if err != nil {
		return err
	}
	excluded, list := int64(0), make([]draw.Excluded, 0, len(counts))
	for _, c := range counts {
		excluded += c.Count
		list = append(list, draw.Excluded{Reason: c.Reason, Count: c.Count})
	}
	if registered != entries+excluded {
		return errCounts.With(fmt.Errorf("%d registered, %d entries, %d excluded", registered, entries, excluded))
	}
	slices.SortFunc(list, func(a, b draw.Excluded) int { return strings.Compare(a.Reason, b.Reason) })
	file, err := draw.FormatExcluded(list)
	if err != nil {
		return err
	}
	if err := writeFile(tx, d.ID, draw.KindExcluded.File(), file); err != nil {
		return err
	}
	return setDraw(tx, d.ID, map[string]any{"registered": registered, "entries": entries})
}

// publishPlan fixes the draw: chain, excluded and plan go into the log. A round that is too near by now is refused, and the draw can only
// be voided.
func (s *Service) publishPlan(ctx context.Context, d *Draw) error {
	chain, err := s.chainOf(ctx, d)
	if err != nil {
		return err
	}
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		plan, err := makePlan(tx, d)
		if err != nil {
			return err
		}
		if err := s.checkAhead(chain, plan.Round); err != nil {
			return errStalled.With(err)
		}
		file := plan.Bytes()
		if err := s.advance(tx, d, Planned, advancing, map[string]any{"plan_hash": database.Bytes32(plan.Digest())}); err != nil {
			return err
		}
		for _, kind := range []draw.Kind{draw.KindChain, draw.KindExcluded} {
			if err := s.logFile(tx, d, kind); err != nil {
				return err
			}
		}
		return s.publishFile(tx, d, draw.KindPlan, file)
	})
}

func makePlan(tx *gorm.DB, d *Draw) (*draw.Plan, error) {
	n, err := publishedNotice(tx, d)
	if err != nil {
		return nil, err
	}
	pools, err := poolRows(tx, d.ID)
	if err != nil {
		return nil, err
	}
	plan := &draw.Plan{ID: d.Slug, Notice: draw.Digest(*d.NoticeHash), Terms: n.Terms}
	for _, p := range pools {
		plan.Pools = append(plan.Pools, draw.Pool{Name: p.Pool, Size: p.N, Root: draw.Digest(p.Root)})
	}
	if err := plan.Validate(); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	return plan, nil
}

// logFile adds the line of a file that is stored already.
func (s *Service) logFile(tx *gorm.DB, d *Draw, kind draw.Kind) error {
	file, err := readFile(tx, d.ID, kind.File())
	if err != nil {
		return err
	}
	return s.appendLine(tx, d, kind, d.Hash.Sum(file))
}

// publishedPlan is the plan as logged.
func publishedPlan(tx *gorm.DB, d *Draw) (*draw.Plan, error) {
	file, err := readFile(tx, d.ID, draw.KindPlan.File())
	if err != nil {
		return nil, err
	}
	return draw.ParsePlan(file)
}
