package database

import (
	"context"
	"time"

	"gorm.io/gorm"
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

// InRuns repeats a bounded step of a job, each time in a transaction of its own, until one moves fewer than least rows, and runs times
// at most. It says how many rows were moved; those of a step that failed are not among them.
func (db *DB) InRuns(ctx context.Context, runs, least int, step func(tx *gorm.DB) (int, error)) (moved int, err error) {
	for range runs {
		var n int
		err := db.InTx(ctx, func(tx *gorm.DB) (err error) {
			n, err = step(tx)
			return err
		})
		if err != nil {
			return moved, err
		}
		if moved += n; n < least {
			break
		}
	}
	return moved, nil
}
