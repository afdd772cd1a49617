package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/robfig/cron/v3"

	"hongbao/internal/database"
	"hongbao/internal/fault"
)

// Scheduler runs the table of jobs: by the clock, each under a lease so that one of several processes runs it, and on demand.
// Every run is a row in job_runs.
type Scheduler struct {
	DB   *database.DB
	Jobs []database.Job
	Now  func() time.Time
	Log  *slog.Logger

	measures *jobMeasures
	cron     *cron.Cron
	since    time.Time // when Start was called: nobody was there to run a job earlier
}

const (
	jobTTL   = 30 * time.Second    // renewed while the job runs; how long others wait after a crash
	jobLimit = database.LongestJob // one that takes longer is cancelled and goes on at its next run
)

var (
	errNoJob      = fault.New(fault.NotFound, "job-unknown", "没有这个任务。", "There is no such job.")
	errJobRunning = fault.New(fault.Conflict, "job-running", "任务正在运行，请稍候。", "The job is running; please wait.")
)

// RunNow runs a job at once on behalf of who and says how many rows it moved. A job that runs elsewhere is a Conflict.
func (s *Scheduler) RunNow(ctx context.Context, name, who string) (int, error) {
	i := slices.IndexFunc(s.Jobs, func(j database.Job) bool { return j.Name == name })
	if i < 0 {
		return 0, errNoJob
	}
	return s.run(ctx, s.Jobs[i], who, never)
}

// never is no reason to leave a run out.
func never(context.Context) (bool, error) { return false, nil }

// run runs a job under its lease, unless done, asked once the lease is held, says that this run has been made.
func (s *Scheduler) run(ctx context.Context, job database.Job, who string, done func(context.Context) (bool, error)) (rows int, err error) {
	ctx, cancel := context.WithTimeout(ctx, jobLimit)
	defer cancel()
	var id int64
	held, err := database.Hold(ctx, s.DB, "job:"+job.Name, processName(), jobTTL, time.Now, func(ctx context.Context) error {
		if made, err := done(ctx); err != nil || made {
			return err
		}
		if id, err = beginRun(ctx, s.DB, job.Name, who, s.Now()); err != nil {
			return err
		}
		began := time.Now()
		rows, err = job.Run(ctx)
		s.measures.ran(job.Name, err, began)
		return err
	})
	if id != 0 { // outside the lease: a run that has lost it still says so
		err = errors.Join(err, endRun(context.WithoutCancel(ctx), s.DB, id, s.Now(), rows, err))
	}
	if err == nil && !held {
		return 0, errJobRunning
	}
	return rows, err
}

// Start runs the jobs by their schedules until Stop. A run that is under way when ctx ends is cut short.
func (s *Scheduler) Start(ctx context.Context) error {
	logger := cronLog{s.Log}
	s.cron = cron.New(cron.WithLocation(shanghai), cron.WithChain(cron.Recover(logger), cron.SkipIfStillRunning(logger)))
	for _, job := range s.Jobs {
		_, err := s.cron.AddFunc(job.Schedule, func() { s.tick(ctx, job) })
		if err != nil {
			return fmt.Errorf("schedule of the job %s: %w", job.Name, err)
		}
	}
	s.since = s.Now()
	s.cron.Start()
	return nil
}

// byClock is who a run by the schedule is made by.
const byClock = "cron"

// tick is a run by the clock, which every replica's cron asks for in the same minute and one of them makes. Another
// process at the same job is nothing to report.
func (s *Scheduler) tick(ctx context.Context, job database.Job) {
	due := s.Now().Truncate(time.Minute)
	rows, err := s.run(ctx, job, byClock, func(ctx context.Context) (bool, error) {
		last, err := lastTick(ctx, s.DB, job.Name)
		return !last.Before(due), err
	})
	switch {
	case errors.Is(err, errJobRunning) || ctx.Err() != nil:
	case err != nil:
		s.Log.Error("job failed", "job", job.Name, "error", err)
	case rows > 0:
		s.Log.Info("job done", "job", job.Name, "rows", rows)
	}
}

// Stop starts nothing more. The channel that comes back is closed once the last run has ended and given its lease back, so that
// another replica need not wait until it runs out.
func (s *Scheduler) Stop() <-chan struct{} {
	if s.cron == nil {
		s.cron = cron.New()
	}
	return s.cron.Stop().Done()
}

func processName() string {
	host, _ := os.Hostname() // shown to people who look at the lease
	return fmt.Sprintf("%s:%d", host, os.Getpid())
}

// cronLog hands cron's own messages (panics, skipped runs) to the log.
type cronLog struct{ log *slog.Logger }

func (l cronLog) Info(message string, pairs ...any) { l.log.Debug("cron: "+message, pairs...) }

func (l cronLog) Error(err error, message string, pairs ...any) {
	l.log.Error("cron: "+message, append(pairs, "error", err)...)
}
