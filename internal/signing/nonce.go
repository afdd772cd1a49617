package signing

import (
	"context"
	"sync"
	"time"
)

// Retention is how long a nonce must be remembered: a message can come from one Window ahead of the receiver's clock until
// one Window behind it.
const Retention = 2 * Window

// Nonces remembers which nonces have been used. Where several replicas receive messages, they share one memory.
type Nonces interface {
	// Remember stores a nonce that a party used at this moment, for Retention, and says whether it was new.
	Remember(ctx context.Context, party, nonce string, at time.Time) (fresh bool, err error)
}

// MemoryNonces is a memory in one process; its zero value is empty. Only nonces of verified messages reach it, so that a
// stranger cannot fill it.
type MemoryNonces struct {
	mu    sync.Mutex
	used  map[string]time.Time // when
	swept time.Time
}

// Remember implements Nonces.
func (m *MemoryNonces) Remember(_ context.Context, party, nonce string, at time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(at)
	key := party + "\n" + nonce
	if _, used := m.used[key]; used {
		return false, nil
	}
	m.used[key] = at
	return true, nil
}

// forget drops what has passed its time, once a window.
func (m *MemoryNonces) forget(now time.Time) {
	if m.used == nil {
		m.used = make(map[string]time.Time)
	}
	if now.Before(m.swept.Add(Window)) {
		return
	}
	for key, at := range m.used {
		if now.Sub(at) > Retention {
			delete(m.used, key)
		}
	}
	m.swept = now
}
