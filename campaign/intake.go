package campaign

import (
	"context"
	"slices"
	"sync"
	"time"

	"hongbao/internal/database"
)

const (
	intakeWriters = 2                // measured: two writers beat four
	intakeGroup   = 1000             // rows in one commit
	intakeLimit   = 8192             // who waits; more are asked to come back
	intakeTimeout = 15 * time.Second // for one group, retries included
)

// intake joins concurrent submissions into groups that share one statement and one commit. There is no timer: a group is
// whatever waits when a writer is free. A writer runs only while somebody waits.
type intake struct {
	mu      sync.Mutex
	waiting []*waiter
	writers int
	limit   int // 0: intakeLimit

	once sync.Once
	rows *database.Inserter

	// store commits a group in place of Service.store: the benchmark measures what the rest of the path costs.
	store func(ctx context.Context, group []*waiter) ([]outcome, error)
}

// waiter is a caller and its application. The outcome is set before done is closed; the writer owns the application
// until then, even if the caller has gone.
type waiter struct {
	*application
	ctx  context.Context
	done chan struct{}
	err  error
}

// submit hands an application over and waits until it is durable, or refused. When too many wait it answers Unavailable at
// once. A caller that gives up gets its context's error; its row may be stored all the same, and its key finds it.
func (s *Service) submit(ctx context.Context, a *application) error {
	w := &waiter{application: a, ctx: ctx, done: make(chan struct{})}
	start, ok := s.intake.join(w, s.Measures)
	if !ok {
		return errBusy.After(2 * time.Second)
	}
	if start {
		go s.write()
	}
	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// join puts a waiter into the queue; start asks the caller to start one more writer. The queue is measured while it is held: two
// that told its length afterwards could tell it in the wrong order.
func (in *intake) join(w *waiter, m *Measures) (start, ok bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	limit := in.limit
	if limit == 0 {
		limit = intakeLimit
	}
	if len(in.waiting) >= limit {
		return false, false
	}
	in.waiting = append(in.waiting, w)
	m.queued(len(in.waiting))
	if in.writers < intakeWriters {
		in.writers++
		return true, true
	}
	return false, true
}

// next gives a writer its group, or tells it to stop.
func (in *intake) next(m *Measures) []*waiter {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.waiting) == 0 {
		in.writers--
		return nil
	}
	n := min(len(in.waiting), intakeGroup)
	group := slices.Clone(in.waiting[:n])
	in.waiting = slices.Delete(in.waiting, 0, n)
	m.queued(len(in.waiting))
	return group
}

// length is how many wait.
func (in *intake) length() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.waiting)
}

func (s *Service) write() {
	for group := s.intake.next(s.Measures); group != nil; group = s.intake.next(s.Measures) {
		ctx, cancel := context.WithTimeout(context.Background(), intakeTimeout)
		for _, part := range byCampaign(group) {
			s.take(ctx, part)
		}
		cancel()
	}
}

func byCampaign(group []*waiter) map[int64][]*waiter {
	parts := map[int64][]*waiter{}
	for _, w := range group {
		if w.ctx.Err() != nil {
			w.answer(w.ctx.Err())
			continue
		}
		parts[w.row.CampaignID] = append(parts[w.row.CampaignID], w)
	}
	return parts
}

// answer ends a waiter's wait. Each is answered exactly once, by its writer.
func (w *waiter) answer(err error) {
	w.err = err
	close(w.done)
}

func answerAll(group []*waiter, err error) {
	for _, w := range group {
		w.answer(err)
	}
}
