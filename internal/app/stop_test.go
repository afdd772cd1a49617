package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"hongbao/internal/database"
)

// obstacle is a row that a job is to delete and cannot, as long as the test holds it: the run lasts.
type obstacle struct {
	t  *testing.T
	db *database.DB
	tx *sql.Tx
}

const heldUp = "allowances-drop"

func newObstacle(t *testing.T, databaseURL string) *obstacle {
	t.Helper()
	db, err := database.Open(context.Background(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	o := &obstacle{t: t, db: db}
	const row = "SELECT who FROM allowances WHERE restored_at = 1 FOR UPDATE"
	_, err = db.SQL().Exec("INSERT INTO allowances (who, restored_at) VALUES (REPEAT('x', 32), 1)")
	if err == nil {
		o.tx, err = db.SQL().Begin()
	}
	if err == nil {
		_, err = o.tx.Exec(row)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		o.clear()
		db.Close()
	})
	return o
}

func (o *obstacle) clear() { _ = o.tx.Rollback() }

// count asks for one number.
func (o *obstacle) count(query string, arguments ...any) (n int) {
	o.t.Helper()
	if err := o.db.Read(context.Background()).Raw(query, arguments...).Scan(&n).Error; err != nil {
		o.t.Error(err)
	}
	return n
}

// found waits for the run that is held up, and gives it with the replica that makes it.
func (o *obstacle) found(replicas []*replica) (run int, by *replica) {
	o.t.Helper()
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if run = o.count("SELECT COALESCE(MAX(id), 0) FROM job_runs WHERE job = ? AND finished_at = 0", heldUp); run == 0 {
			continue
		}
		for _, r := range replicas {
			if o.holds(r, "job:"+heldUp) == 1 {
				return run, r
			}
		}
	}
	o.t.Fatal("no replica came to the run")
	return 0, nil
}

// holds counts the leases whose names are like a pattern and that a replica holds.
func (o *obstacle) holds(r *replica, like string) int {
	return o.count("SELECT COUNT(*) FROM leases WHERE owner LIKE ? AND name LIKE ? AND until_at > 0", fmt.Sprint("%:", r.process.Process.Pid), like)
}

// A replica is told to stop while it takes registrations and makes a job's run. It says so, goes on answering for the drain, then
// lets nobody in, ends the run, and goes with nothing held and nothing lost.
func TestReplicaStopsGracefully(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	url := mysqlURL(t)
	load := opened(t, url)
	var replicas []*replica
	replicas, load.Targets = threeReplicas(t, url, load.SMS, "HONGBAO_DRAIN=3s")
	way := newObstacle(t, url)
	run, r := way.found(replicas)
	load.Registrations, load.Rate, load.Lookups = 250, 25, 1
	var held receipts
	load.Acknowledged = held.add
	var stop sync.WaitGroup
	stop.Go(func() {
		held.until(t, 50)
		if err := r.process.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		r.await("/readyz", http.StatusServiceUnavailable)
		if got := r.status("/healthz"); got != http.StatusOK {
			t.Errorf("while it drains the process says %d about itself", got)
		}
		const counted = "SELECT COALESCE(SUM(count), 0) FROM refusals WHERE reason = ?"
		var refusal struct{ Code string }
		if got := r.ask("POST", "/api/v1/campaigns/"+load.RuleBook.ID+"/registrations", "", map[string]string{"phone": "1"}, &refusal); got != http.StatusBadRequest {
			t.Errorf("while it drains a bad submission gets %d", got)
		}
		before := way.count(counted, refusal.Code)
		r.await("/healthz", 0)
		if way.holds(r, "job:"+heldUp) != 1 {
			t.Error("the job's lease was given up while it ran")
		}
		way.clear()
		if err := r.process.Wait(); err != nil {
			t.Errorf("a graceful stop ends with %v", err)
		}
		if got := way.count(counted, refusal.Code); got != before+1 {
			t.Errorf("the refusal for %s is not counted: %d before, %d after", refusal.Code, before, got)
		}
	})
	report, err := load.Run(context.Background())
	stop.Wait()
	if err != nil {
		t.Fatal(err)
	}
	answered(t, report)
	held.kept(t, url)
	if n := way.holds(r, "%"); n != 0 {
		t.Errorf("%d leases are still held by the one that left", n)
	}
	if way.count("SELECT COUNT(*) FROM job_runs WHERE id = ? AND finished_at > 0 AND done_rows > 0 AND error = ''", run) != 1 {
		t.Error("the job's run did not end well")
	}
}

// endless is a platform that serves requests, jobs and nothing else, all of which end only when told to.
func endless(t *testing.T, run func(context.Context) (int, error)) (p *platform, server *http.Server, begun chan string) {
	t.Helper()
	stage, err := openStage(context.Background(), rehearsalOptions{out: t.TempDir(), faults: "none", seed: 1}, NewClock(time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stage.close(); err != nil {
			t.Error(err)
		}
	})
	p, begun = stage.platform, make(chan string, 2)
	p.scheduler.Jobs = []database.Job{{Name: "endless", Schedule: "@every 1s", Run: func(ctx context.Context) (int, error) {
		begun <- "job"
		return run(ctx)
	}}}
	if err := p.scheduler.Start(p.work); err != nil {
		t.Fatal(err)
	}
	server = p.server(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		begun <- "request"
		<-r.Context().Done()
	}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(l)
	go func() {
		if answer, err := http.Get("http://" + l.Addr().String()); err == nil {
			answer.Body.Close()
		}
	}()
	return p, server, begun
}

// What does not end in time is cut short, and still gives its lease back.
func TestStopCutsShortWhatDoesNotEnd(t *testing.T) {
	p, server, begun := endless(t, func(ctx context.Context) (int, error) {
		<-ctx.Done()
		return 0, ctx.Err()
	})
	for seen := map[string]bool{}; len(seen) < 2; seen[<-begun] = true {
	}
	if err := p.leave(server, 10*time.Millisecond, time.Minute); err != nil {
		t.Error(err)
	}
	var until, finished int64
	row := p.db.SQL().QueryRow("SELECT l.until_at, r.finished_at FROM leases l, job_runs r WHERE l.name = 'job:endless' AND r.job = 'endless' AND r.error <> ''")
	if err := row.Scan(&until, &finished); err != nil || until != 0 || finished == 0 {
		t.Errorf("the lease is held until %d, the run ended at %d, %v", until, finished, err)
	}
}

// What does not end even then does not keep the process.
func TestStopDoesNotWaitForEver(t *testing.T) {
	goOn := make(chan struct{})
	p, server, begun := endless(t, func(context.Context) (int, error) {
		<-goOn
		return 0, nil
	})
	for <-begun != "job" {
	}
	if err := p.leave(server, 10*time.Millisecond, 10*time.Millisecond); !errors.Is(err, errNotEnded) {
		t.Errorf("left with %v", err)
	}
	close(goOn)
}
