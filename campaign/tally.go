package campaign

import (
	"context"
	"sync"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

// refusal is what a count of refused submissions is kept for: never a person.
type refusal struct {
	campaignID int64
	reason     string
	hour       database.Millis
}

// tally counts refusals in memory, so that a flood of bad submissions costs the database nothing. A job writes it down, and so
// does a process that stops; a crash loses the counts since this process last made the job's run.
type tally struct {
	mu     sync.Mutex
	counts map[refusal]int64
}

func (t *tally) add(key refusal) { t.merge(map[refusal]int64{key: 1}) }

func (t *tally) merge(counts map[refusal]int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[refusal]int64{}
	}
	for key, n := range counts {
		t.counts[key] += n
	}
}

func (t *tally) take() map[refusal]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	counts := t.counts
	t.counts = nil
	return counts
}

// FlushRefusals writes the counts of refused submissions down and says how many rows it touched.
func (s *Service) FlushRefusals(ctx context.Context) (int, error) {
	counts := s.tally.take()
	if len(counts) == 0 {
		return 0, nil
	}
	if err := s.DB.InTx(ctx, func(tx *gorm.DB) error { return addRefusals(tx, counts) }); err != nil {
		s.tally.merge(counts)
		return 0, err
	}
	return len(counts), nil
}
