// Package allowance bounds how often a caller may ask, over all replicas together. Each replica decides in memory, so that a request
// costs no commit; every second it tells the database who has used up much there, and learns what they have used up elsewhere.
//
// The rule is the generic cell rate algorithm (ITU-T I.371): of a caller only the moment is kept at which the whole allowance is
// restored, and each request moves it. What replicas let through before they heard of each other is therefore paid back by a
// longer wait: over a few seconds a caller gets what the rule says, however many replicas it asks. What we ask of others keeps to its
// pace at each moment: see Pace.
package allowance

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

// Rule is the allowance of a caller in one bucket: Burst at once, and one more after each Every.
type Rule struct {
	Burst int
	Every time.Duration
}

// whole is how long it takes until an allowance that is used up is restored.
func (r Rule) whole() time.Duration { return time.Duration(r.Burst) * r.Every }

// Limiter counts the requests of callers. It is safe for concurrent use.
type Limiter struct {
	DB    *database.DB
	Now   func() time.Time
	Rules map[string]Rule // by bucket; a bucket without a rule is not limited
	// Index is what a caller is known by here and in the database: a keyed digest, since an address is personal.
	Index func(bucket, caller string) [32]byte

	mu      sync.Mutex
	callers map[database.Bytes32]*caller
	heavy   map[database.Bytes32]*caller // those of them whom the database is told about
}

type caller struct {
	rule     Rule
	restored time.Time     // when the whole allowance is there again
	untold   time.Duration // what was used up since the database was told and is not restored yet
}

// settle lets time restore what it has restored by now.
func (c *caller) settle(now time.Time) {
	c.restored = later(c.restored, now)
	c.untold = min(c.untold, c.restored.Sub(now))
}

// heavy says of a settled caller whether more than an eighth of the allowance is used up. Others need not be spoken of: that much more
// or less at each replica makes no difference, and of a city's citizens hardly one comes so far.
func (c *caller) heavy(now time.Time) bool { return c.restored.Sub(now) > c.rule.whole()/8 }

// maxCallers bounds the memory. When it is full, callers whose allowance is whole are forgotten; if they are few, everybody is, which
// forgives them once.
const maxCallers = 500_000

// Take uses up one request of a caller in a bucket and gives 0, or says how long the caller must wait and uses up nothing.
func (l *Limiter) Take(bucket, who string) time.Duration {
	rule, limited := l.Rules[bucket]
	if !limited {
		return 0
	}
	key, now := database.Bytes32(l.Index(bucket, who)), l.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.callers[key]
	if c == nil {
		l.makeRoom(now)
		c = &caller{rule: rule}
		l.callers[key] = c
	}
	c.settle(now)
	after := c.restored.Add(rule.Every)
	if wait := after.Sub(now) - rule.whole(); wait > 0 {
		return wait
	}
	c.restored, c.untold = after, c.untold+rule.Every
	if c.heavy(now) {
		l.heavy[key] = c
	}
	return 0
}

func (l *Limiter) makeRoom(now time.Time) {
	if l.callers == nil {
		l.callers, l.heavy = map[database.Bytes32]*caller{}, map[database.Bytes32]*caller{}
	}
	if len(l.callers) < maxCallers {
		return
	}
	for key, c := range l.callers {
		if !c.restored.After(now) {
			delete(l.callers, key)
			delete(l.heavy, key)
		}
	}
	if len(l.callers) > maxCallers/2 {
		clear(l.callers)
		clear(l.heavy)
	}
}

// Share tells and asks the database every second until ctx ends. While the database is away each replica goes on by itself.
func (l *Limiter) Share(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := l.exchange(ctx); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "what callers have used up could not be shared between the replicas", "error", err)
		}
	}
}

// inStatement bounds the callers of one statement, and so the length of a transaction.
const inStatement = 500

func (l *Limiter) exchange(ctx context.Context) error {
	told := l.toTell()
	for len(told) > 0 {
		n := min(len(told), inStatement)
		if err := l.tell(ctx, told[:n]); err != nil {
			return err
		}
		told = told[n:]
	}
	return nil
}

// used is what a caller has used up here since the database was told.
type used struct {
	who database.Bytes32
	d   time.Duration
}

// toTell gives the heavy callers, those too who have asked elsewhere only since.
func (l *Limiter) toTell() (list []used) {
	now := l.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, c := range l.heavy {
		if c.settle(now); !c.heavy(now) {
			delete(l.heavy, key)
			continue
		}
		list = append(list, used{key, c.untold})
	}
	return list
}

func (l *Limiter) tell(ctx context.Context, told []used) error {
	now := l.Now()
	var everywhere []stored
	err := l.DB.InTx(ctx, func(tx *gorm.DB) (err error) {
		if err = useUp(tx, told, now); err != nil {
			return err
		}
		everywhere, err = storedOf(tx, told)
		return err
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range told {
		if c := l.callers[t.who]; c != nil {
			c.untold = max(c.untold-t.d, 0)
		}
	}
	for _, a := range everywhere {
		if c := l.callers[a.Who]; c != nil {
			c.restored = later(a.RestoredAt.Time(), now).Add(c.untold)
		}
	}
	return nil
}

// Job removes the stored callers whose allowance is whole again.
func (l *Limiter) Job() database.Job {
	return database.Job{Name: "allowances-drop", ZH: "清理已恢复的请求额度", Schedule: "* * * * *", Run: l.drop}
}

const (
	inDeletion = 1000
	deletions  = 50 // in one run
)

func (l *Limiter) drop(ctx context.Context) (dropped int, err error) {
	return l.DB.InRuns(ctx, deletions, inDeletion, func(tx *gorm.DB) (int, error) { return dropRestored(tx, l.Now(), inDeletion) })
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
