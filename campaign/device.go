package campaign

import (
	"sync"
	"time"

	"hongbao/internal/database"
)

const (
	deviceTries = 30 // submissions of one browser in smsWindow; a family shares a phone
	maxDevices  = 500_000
)

// devices counts the submissions of browsers in memory, each replica its own: a commit for every submission would cost more than it
// keeps away. When it is full it starts anew, which forgives everybody once.
type devices struct {
	mu     sync.Mutex
	counts map[database.Bytes32]window
}

type window struct {
	began time.Time
	n     int
}

// take uses up one submission of a device in a window that begins with the first; it gives 0, or the time until the next.
func (d *devices) take(device database.Bytes32, now time.Time) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.counts == nil || len(d.counts) >= maxDevices {
		d.counts = map[database.Bytes32]window{}
	}
	w := d.counts[device]
	if w.n == 0 || now.Sub(w.began) >= smsWindow {
		w = window{began: now}
	}
	if w.n >= deviceTries {
		return w.began.Add(smsWindow).Sub(now)
	}
	w.n++
	d.counts[device] = w
	return 0
}

// checkDevice lets a browser submit so many times in a window, for those whose browser may be known. What it has submitted is
// looked at by the risk rules; this keeps a script from trying documents.
func (s *Service) checkDevice(a *application) error {
	if a.row.DeviceHash == nil {
		return nil
	}
	if wait := s.devices.take(*a.row.DeviceHash, s.Now()); wait > 0 {
		return errTooManyCodes.After(wait)
	}
	return nil
}
