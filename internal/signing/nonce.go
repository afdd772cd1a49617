package signing

import (
	"context"
	"sync"
	"time"
)

// Nonces remembers which nonces have been used. Where several replicas receive messages, they share one memory.
type Nonces interface {
	// Remember stores a party's nonce until the given time and says whether it was new.
	Remember(ctx context.Context, party, nonce string, until time.Time) (fresh bool, err error)
}

// MemoryNonces is a memory in one process. Only nonces of verified messages reach it, so that a stranger cannot fill it.
type MemoryNonces struct {
	Now func() time.Time

	mu    sync.Mutex
	used  map[string]time.Time
	sweep time.Time
}

// Remember implements Nonces.
func (m *MemoryNonces) Remember(_ context.Context, party, nonce string, until time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(m.Now())
	key := party + "\n" + nonce
	if _, used := m.used[key]; used {
		return false, nil
	}
	m.used[key] = until
	return true, nil
}

// forget drops what has passed its time, once a window.
func (m *MemoryNonces) forget(now time.Time) {
	if m.used == nil {
		m.used = make(map[string]time.Time)
	}
	if now.Before(m.sweep) {
		return
	}
	for key, until := range m.used {
		if !now.Before(until) {
			delete(m.used, key)
		}
	}
	m.sweep = now.Add(Window)
}
