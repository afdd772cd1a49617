package allowance

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"slices"
	"sync"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

// Pace lets all replicas together begin so many calls a second of what has a name, evenly. Who calls waits for a turn. Turns are
// taken from the database for everybody who waits here, so that they cost a few commits a second; while it is away each replica
// keeps to the pace by itself. It is safe for concurrent use.
type Pace struct {
	DB        *database.DB
	Now       func() time.Time // of a clock that goes: calls wait for it
	Name      string           // as in "operator icbc"
	PerSecond float64          // above 0

	mu      sync.Mutex
	waiting []chan time.Time
	taking  bool      // somebody takes turns for those who wait
	free    time.Time // when the turns that were taken are over
}

const (
	takenAhead = 250 * time.Millisecond // of turns at once, so that replicas come in between each other
	takingTime = 5 * time.Second        // until the database counts as away
)

// Wait returns when it is the caller's turn, or with the context's error when that ends.
func (p *Pace) Wait(ctx context.Context) error {
	turn := p.queue()
	select {
	case <-ctx.Done():
		p.leave(turn)
		return ctx.Err()
	case at := <-turn:
		timer := time.NewTimer(at.Sub(p.Now()))
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			return nil
		}
	}
}

func (p *Pace) queue() chan time.Time {
	turn := make(chan time.Time, 1) // so that nobody waits for who has left
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = append(p.waiting, turn)
	if !p.taking {
		p.taking = true
		go p.take()
	}
	return turn
}

func (p *Pace) leave(turn chan time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = slices.DeleteFunc(p.waiting, func(other chan time.Time) bool { return other == turn })
}

// take gives turns to those who wait until there are none. It takes the next when half of the last are over: turns follow each other
// without a gap, and no replica has many before the others get theirs.
func (p *Pace) take() {
	for group := p.group(); len(group) > 0; group = p.group() {
		first := p.turns(len(group))
		for i, turn := range group {
			turn <- first.Add(p.time(i))
		}
		time.Sleep(first.Add(p.time(len(group)) / 2).Sub(p.Now()))
	}
}

// group takes the next off the queue.
func (p *Pace) group() []chan time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min(len(p.waiting), max(1, int(p.PerSecond*takenAhead.Seconds())))
	group := p.waiting[:n]
	p.waiting = p.waiting[n:]
	p.taking = n > 0
	return group
}

// time is how long n turns take.
func (p *Pace) time(n int) time.Duration {
	return time.Duration(float64(n) / p.PerSecond * float64(time.Second))
}

// turns takes n turns that follow each other and says when the first is.
func (p *Pace) turns(n int) time.Time {
	ctx, cancel := context.WithTimeout(context.Background(), takingTime)
	defer cancel()
	first, err := p.shared(ctx, n)
	if err != nil {
		slog.Warn("the replicas do not know of each other's calls; each keeps to the pace by itself", "of", p.Name, "error", err)
		first = p.Now()
	}
	first = later(first, p.free)
	p.free = first.Add(p.time(n))
	return first
}

// shared moves the moment at which the turns that any replica has taken are over.
func (p *Pace) shared(ctx context.Context, n int) (first time.Time, err error) {
	turns, now := []used{{sha256.Sum256([]byte("pace " + p.Name)), wholeMillis(p.time(n))}}, p.Now()
	err = p.DB.InTx(ctx, func(tx *gorm.DB) error {
		if err := useUp(tx, turns, now); err != nil {
			return err
		}
		free, err := storedOf(tx, turns)
		if err == nil {
			first = free[0].RestoredAt.Time().Add(-turns[0].d)
		}
		return err
	})
	return first, err
}

// wholeMillis rounds up to what is stored: a pace is never exceeded for it.
func wholeMillis(d time.Duration) time.Duration {
	return (d + time.Millisecond - 1).Truncate(time.Millisecond)
}
