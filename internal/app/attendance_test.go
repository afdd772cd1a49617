package app

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"hongbao/campaign"
	"hongbao/disbursement"
	"hongbao/internal/allowance"
	"hongbao/internal/database"
	"hongbao/internal/webhook"
	"hongbao/lottery"
	"hongbao/reporting"
)

// attendance tells in which minutes some replica was ready: each job that is due every minute must have been run in them.
type attendance struct {
	began, ended time.Time
	gaps         []time.Time // moments at which none was ready
	end          context.CancelFunc
	looking      sync.WaitGroup
}

// opening is how much of a minute's beginning must be attended. The runs of a minute are begun at once, or not any more.
const opening = 20 * time.Second

// attend looks at replicas of which some is ready, ten times a second until minutes is asked for.
func attend(replicas ...*replica) *attendance {
	a := &attendance{began: time.Now()}
	ctx, end := context.WithCancel(context.Background())
	a.end = end
	ready := func(r *replica) bool { return r.status("/readyz") == http.StatusOK }
	a.looking.Go(func() {
		for ctx.Err() == nil {
			now := time.Now()
			if !slices.ContainsFunc(replicas, ready) {
				a.gaps = append(a.gaps, now)
			}
			a.ended = now
			time.Sleep(100 * time.Millisecond)
		}
	})
	return a
}

// minutes are those in whose opening some replica was ready at every look. Those at the edges, of which not all of the opening was
// seen, do not count; there must be one that does.
func (a *attendance) minutes(t *testing.T) (list []time.Time) {
	t.Helper()
	a.end()
	a.looking.Wait()
	for m := a.began.Truncate(time.Minute).Add(time.Minute); m.Add(opening).Before(a.ended); m = m.Add(time.Minute) {
		if !slices.ContainsFunc(a.gaps, func(gap time.Time) bool { return !gap.Before(m.Add(-time.Second)) && gap.Before(m.Add(opening)) }) {
			list = append(list, m)
		}
	}
	if len(list) == 0 {
		t.Errorf("no minute was attended between %s and %s; %d times nobody was ready", a.began, a.ended, len(a.gaps))
	}
	return list
}

// untilCounted is how long it takes from now until a minute's opening has been attended.
func untilCounted() time.Duration {
	now := time.Now()
	return now.Truncate(time.Minute).Add(time.Minute + opening + 2*time.Second).Sub(now)
}

// betweenRuns waits until the runs of a minute that is beginning are begun. Who dies after taking a job's lease and before writing
// that the run has begun leaves that minute without a run, for which the next minute's makes up.
func betweenRuns() {
	now := time.Now()
	if into := now.Add(2 * time.Second).Sub(now.Add(2 * time.Second).Truncate(time.Minute)); into < 5*time.Second {
		time.Sleep(5*time.Second - into)
	}
}

// everyMinute names the jobs that are due every minute.
func everyMinute(t *testing.T) (names []string) {
	p := &platform{campaigns: &campaign.Service{}, lottery: &lottery.Service{}, disbursement: &disbursement.Service{}, reporting: &reporting.Service{},
		webhooks: &webhook.Service{}, limiter: &allowance.Limiter{}, instruments: newInstruments()}
	p.schedule(time.Now)
	for _, job := range p.scheduler.Jobs {
		if job.Schedule == "* * * * *" {
			names = append(names, job.Name)
		}
	}
	if len(names) < 5 {
		t.Errorf("only %v are due every minute", names)
	}
	return names
}

// ranOnce fails for each job that the clock started more than once in a minute, whichever that is, and each that is due every minute
// and was not started in one of these minutes. A run whose replica was killed has been started.
func ranOnce(t *testing.T, db *database.DB, minutes []time.Time) {
	t.Helper()
	var rows []struct {
		Job     string
		Minute  int64 // since the epoch
		Started int
	}
	if err := db.Read(context.Background()).Raw("SELECT job, FLOOR(started_at / 60000) AS minute, COUNT(*) AS started FROM job_runs WHERE run_by = ? GROUP BY job, FLOOR(started_at / 60000)",
		byClock).Scan(&rows).Error; err != nil {
		t.Fatal(err)
	}
	type run struct {
		job    string
		minute int64
	}
	runs := map[run]int{}
	for _, row := range rows {
		if runs[run{row.Job, row.Minute}] = row.Started; row.Started > 1 {
			t.Errorf("%s was started %d times in the minute %s", row.Job, row.Started, time.Unix(row.Minute*60, 0))
		}
	}
	for _, job := range everyMinute(t) {
		for _, minute := range minutes {
			if runs[run{job, minute.Unix() / 60}] == 0 {
				t.Errorf("%s was not started in the minute %s", job, minute)
			}
		}
	}
}
