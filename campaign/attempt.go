package campaign

import (
	"context"
	"sync"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

// limit is how many of something a phone has in a window that begins with the first: codes tried, codes sent. They are counted in the
// database, for all replicas together.
type limit struct {
	what   string
	most   int64
	length time.Duration
}

var (
	codeTries   = limit{"code", 5, smsWindow}
	lookupTries = limit{"lookup", 5, smsWindow}
	minuteSends = limit{"send", 1, time.Minute}
	daySends    = limit{"send-day", 10, 24 * time.Hour}
	limits      = []limit{codeTries, lookupTries, minuteSends, daySends}
)

// attempts are those that a phone has made in its window. The phone is its keyed index.
type attempts struct {
	Who     database.Bytes32
	BeganAt database.Millis
	N       int64
}

// wait gives 0 while there are no more than n, or the time until the next window.
func (l limit) wait(a attempts, n int64, now time.Time) time.Duration {
	if a.N <= n {
		return 0
	}
	return a.BeganAt.Time().Add(l.length).Sub(now)
}

// over is the latest beginning of a window that is over.
func (l limit) over(now time.Time) database.Millis { return database.At(now.Add(-l.length)) }

// use uses up one of a phone; the refusal of one too many is to end the transaction, so that it leaves no trace.
func (l limit) use(tx *gorm.DB, who database.Bytes32, now time.Time) (attempts, error) {
	a, err := countAttempt(tx, l, who, now)
	if err != nil {
		return a, err
	}
	if wait := l.wait(a, l.most, now); wait > 0 {
		return a, errTooManyCodes.After(wait)
	}
	return a, nil
}

// miss counts a wrong try of a phone and gives the refusal, or the one that its tries are used up.
func (s *Service) miss(ctx context.Context, l limit, who database.Bytes32, refused error) error {
	now := s.Now()
	var a attempts
	err := s.DB.InTx(ctx, func(tx *gorm.DB) (err error) {
		a, err = l.use(tx, who, now)
		return err
	})
	s.tries.close(attempt{l.what, who}, l.wait(a, l.most-1, now), now)
	if err != nil {
		return err
	}
	return refused
}

// attemptsAt gives what these phones have used up, by phone, and remembers of which it is all.
func (s *Service) attemptsAt(ctx context.Context, l limit, phones []database.Bytes32, now time.Time) (map[database.Bytes32]attempts, error) {
	list, err := attemptsOf(s.DB.Read(ctx), l, phones, now)
	if err != nil {
		return nil, err
	}
	made := make(map[database.Bytes32]attempts, len(list))
	for _, a := range list {
		made[a.Who] = a
		s.tries.close(attempt{l.what, a.Who}, l.wait(a, l.most-1, now), now)
	}
	return made, nil
}

// attempt names something of which there are only so many.
type attempt struct {
	what string
	who  database.Bytes32
}

// tries lets the tries of a phone be judged one after the other here, each once the one before is counted: of many that come at once
// no more are judged than are allowed. It also remembers whose tries are used up, for whom until the end of the window nothing is
// compared and nothing asked of the database. That stands: nobody whose tries are used up is forgiven (see forgiveAttempts).
type tries struct {
	mu     sync.Mutex
	turns  map[attempt]*turn
	closed map[attempt]time.Time // until when
}

type turn struct {
	sync.Mutex
	n int // who has it or waits for it
}

// maxClosed bounds what is remembered. When it is full it starts anew, and the database is asked again.
const maxClosed = 500_000

// enter waits for the turn of a try; leave ends it. A try that is too many is refused.
func (t *tries) enter(key attempt, now time.Time) (leave func(), err error) {
	t.mu.Lock()
	if t.turns == nil {
		t.turns = map[attempt]*turn{}
	}
	mine := t.turns[key]
	if mine == nil {
		mine = &turn{}
		t.turns[key] = mine
	}
	mine.n++
	t.mu.Unlock()
	mine.Lock()
	leave = func() {
		mine.Unlock()
		t.mu.Lock()
		defer t.mu.Unlock()
		if mine.n--; mine.n == 0 {
			delete(t.turns, key)
		}
	}
	if wait := t.left(key, now); wait > 0 {
		leave()
		return nil, errTooManyCodes.After(wait)
	}
	return leave, nil
}

// left is how long the tries of a key stay used up.
func (t *tries) left(key attempt, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closed[key].Sub(now)
}

// close remembers that the tries of a key are used up for a time, if there is any.
func (t *tries) close(key attempt, wait time.Duration, now time.Time) {
	if wait <= 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed == nil || len(t.closed) >= maxClosed {
		t.closed = map[attempt]time.Time{}
	}
	t.closed[key] = now.Add(wait)
}

const (
	expiredChunk  = 1000 // rows in one deletion
	expiredChunks = 50   // of each kind in one run
)

// DropAttempts removes the counts whose window is over and says how many.
func (s *Service) DropAttempts(ctx context.Context) (dropped int, err error) {
	for _, l := range limits {
		n, err := s.DB.InRuns(ctx, expiredChunks, expiredChunk, func(tx *gorm.DB) (int, error) { return dropAttempts(tx, l, s.Now(), expiredChunk) })
		if dropped += n; err != nil {
			return dropped, err
		}
	}
	return dropped, nil
}
