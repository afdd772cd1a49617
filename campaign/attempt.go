package campaign

import (
	"sync"
	"time"

	"hongbao/internal/database"
)

// deviceTries are the submissions of one browser in ten minutes. A family shares a phone.
const deviceTries = 30

// attempt names something of which a phone or a device has only so many in a window: codes sent, codes tried. The phone is its keyed
// index, so the numbers themselves are not in memory.
type attempt struct {
	what  string
	phone database.Bytes32
}

// attempts counts attempts in memory. When it is full it starts anew, which forgives everybody once.
type attempts struct {
	mu     sync.Mutex
	counts map[attempt]window
}

type window struct {
	began time.Time
	n     int
}

const maxAttempts = 500_000

// take uses up one attempt of a limit in a window that begins with the first; it gives 0, or the time until the next.
func (a *attempts) take(key attempt, now time.Time, limit int, length time.Duration) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.counts == nil || len(a.counts) >= maxAttempts {
		a.counts = map[attempt]window{}
	}
	w := a.counts[key]
	if w.n == 0 || now.Sub(w.began) >= length {
		w = window{began: now}
	}
	if w.n >= limit {
		return w.began.Add(length).Sub(now)
	}
	w.n++
	a.counts[key] = w
	return 0
}

// checkDevice lets a browser submit so many times in a window, for those whose browser may be known. What it has submitted is
// looked at by the risk rules; this keeps a script from trying documents.
func (s *Service) checkDevice(a *application) error {
	if a.row.DeviceHash == nil {
		return nil
	}
	if wait := s.attempts.take(attempt{"device", *a.row.DeviceHash}, s.Now(), deviceTries, smsWindow); wait > 0 {
		return errTooManyCodes.After(wait)
	}
	return nil
}

// forgive forgets the attempts of a key, once one was right.
func (a *attempts) forgive(key attempt) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.counts, key)
}
