package campaign

import (
	"sync"
	"time"
)

// recent keeps answers that everybody gets for a short while, so that a crowd costs the database one question. Whoever
// finds an answer too old asks again, and those who come meanwhile wait for it.
type recent[K comparable, V any] struct {
	mu    sync.Mutex
	items map[K]*recentItem[V]
}

type recentItem[V any] struct {
	mu     sync.Mutex
	value  V
	readAt time.Time
}

const (
	recentLife = 2 * time.Second
	countLife  = time.Minute // of a count of millions of rows that nobody needs to the second
	maxRecent  = 2000        // answers; when it is full it starts anew
)

// get gives the answer for key, at most recentLife old by the service's clock.
func (r *recent[K, V]) get(key K, now time.Time, ask func() (V, error)) (V, error) {
	return r.getWithin(recentLife, key, now, ask)
}

// getWithin is get for an answer that may be older.
func (r *recent[K, V]) getWithin(life time.Duration, key K, now time.Time, ask func() (V, error)) (V, error) {
	item := r.item(key)
	item.mu.Lock()
	defer item.mu.Unlock()
	age := now.Sub(item.readAt)
	if !item.readAt.IsZero() && age >= 0 && age < life {
		return item.value, nil
	}
	value, err := ask()
	if err == nil {
		item.value, item.readAt = value, now
	}
	return value, err
}

func (r *recent[K, V]) item(key K) *recentItem[V] {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.items == nil || len(r.items) >= maxRecent {
		r.items = map[K]*recentItem[V]{}
	}
	item := r.items[key]
	if item == nil {
		item = &recentItem[V]{}
		r.items[key] = item
	}
	return item
}

// forget drops everything, after this process has changed what was asked for.
func (r *recent[K, V]) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.items = nil
}
