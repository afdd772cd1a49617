package database

import (
	"context"
	"time"
)

// LongestJob bounds one run of a job.
const LongestJob = 10 * time.Minute

// Job is work that recurs: bounded, so that it ends, and safe to run again. The table of jobs, with their leases and
// the run-now button, belongs to internal/app; each room lists its own.
type Job struct {
	Name     string // token, as in "campaign-open"
	ZH       string // what it does, for the console
	Schedule string // cron expression in Asia/Shanghai
	// Run does what is due and says how many rows it has moved; n of 0 means that nothing is left to do now.
	// What it writes under its ctx, or one made of it, is refused once the run's lease is lost.
	Run func(ctx context.Context) (n int, err error)
}
