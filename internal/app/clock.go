package app

import (
	"sync"
	"time"
)

// shanghai is the zone of every schedule and of the days that people see. China has had no summer time since 1991.
var shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

// Clock is the time that a rehearsal's service, operators and beacon share: it stands still until it is set, and never goes back.
// Released, it is the machine's clock from then on.
type Clock struct {
	mu       sync.Mutex
	now      time.Time
	released bool
}

// NewClock returns a clock that stands at start.
func NewClock(start time.Time) *Clock { return &Clock{now: start} }

// Now returns the time in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.released {
		return time.Now().UTC()
	}
	return c.now.UTC()
}

// Set moves the clock on to t; an earlier t changes nothing.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.now) {
		c.now = t
	}
}

// Release lets the clock follow the machine's.
func (c *Clock) Release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.released = true
}
