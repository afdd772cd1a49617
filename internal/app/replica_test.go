package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"golang.org/x/crypto/bcrypt"
	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/disbursement/sandbox"
	"hongbao/internal/database"
	"hongbao/internal/rehearsal"
	"hongbao/internal/staff"
	"hongbao/internal/testkit"
)

// asProgram makes this test binary behave as the program (see TestMain): replicas are processes of their own.
const asProgram = "HONGBAO_TEST_AS_PROGRAM"

// replica is one `hongbao serve`.
type replica struct {
	t       *testing.T
	port    int
	env     []string
	log     journal
	process *exec.Cmd
}

// journal is a log that may be read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// newReplica starts one. Settings are environment variables that take the place of the usual ones.
func newReplica(t *testing.T, databaseURL, sms string, settings ...string) *replica {
	t.Helper()
	r := &replica{t: t, port: freePort(t)}
	r.env = append(os.Environ(), asProgram+"=1", "HONGBAO_DATABASE="+databaseURL, "HONGBAO_SMS_URL="+sms, "HONGBAO_PROXIES=127.0.0.1",
		fmt.Sprint("HONGBAO_LISTEN=127.0.0.1:", r.port), "HONGBAO_DRAIN=0s", "HONGBAO_LOG_LEVEL=warn")
	for name, value := range rehearsalKeys() {
		r.env = append(r.env, Setting{Name: name}.Variable()+"="+value)
	}
	r.env = append(append(r.env, "HONGBAO_SMS_TOKEN="+sandbox.CityToken), settings...) // the last one counts
	r.start()
	t.Cleanup(func() {
		r.kill()
		if t.Failed() {
			t.Logf("replica on %d:\n%.4000s", r.port, r.log.String())
		}
	})
	return r
}

// threeReplicas starts three before one database, and waits until each is ready.
func threeReplicas(t *testing.T, databaseURL, sms string, settings ...string) (replicas []*replica, addresses []string) {
	t.Helper()
	for range 3 {
		r := newReplica(t, databaseURL, sms, settings...)
		replicas, addresses = append(replicas, r), append(addresses, r.address())
	}
	for _, r := range replicas {
		r.await("/readyz", http.StatusOK)
	}
	return replicas, addresses
}

func (r *replica) address() string { return fmt.Sprint("http://127.0.0.1:", r.port) }

func (r *replica) start() {
	r.t.Helper()
	r.process = exec.Command(os.Args[0], "serve")
	r.process.Env, r.process.Stderr = r.env, &r.log
	r.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.process.Start(); err != nil {
		r.t.Fatal(err)
	}
}

func (r *replica) kill() {
	_ = r.process.Process.Kill()
	_ = r.process.Wait()
}

// terminate asks for a graceful stop and gives the exit error.
func (r *replica) terminate() error {
	if err := r.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return r.process.Wait()
}

// status of a path; 0 without an answer.
func (r *replica) status(path string) int {
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get(r.address() + path)
	if err != nil {
		return 0
	}
	response.Body.Close()
	return response.StatusCode
}

func (r *replica) await(path string, status int) {
	r.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for r.status(path) != status {
		if time.Now().After(deadline) {
			r.t.Fatalf("%s of the replica on %d never says %d; it says %d\n%.4000s", path, r.port, status, r.status(path), r.log.String())
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// ask sends JSON as who holds the token, reads the answer into out where there is one to read, and gives its status.
func (r *replica) ask(method, path, token string, in, out any) int {
	r.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		r.t.Fatal(err)
	}
	request, err := http.NewRequest(method, r.address()+path, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer answer.Body.Close()
	if out != nil {
		if err := json.NewDecoder(answer.Body).Decode(out); err != nil {
			r.t.Fatalf("%s %s: %d, %v", method, path, answer.StatusCode, err)
		}
	}
	return answer.StatusCode
}

// employ adds a member of staff to a database that is migrated.
func employ(t *testing.T, databaseURL string, role staff.Role) staff.NewAccount {
	t.Helper()
	config, err := Load(Source{Fallback: rehearsalKeys()})
	if err != nil {
		t.Fatal(err)
	}
	vault, _, err := config.Keys.StaffVaults()
	if err != nil {
		t.Fatal(err)
	}
	db, err := database.Open(context.Background(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	account := staff.NewAccount{Username: "li.na", Name: "李娜", City: staff.AllCities, Role: role, Password: newPassword()}
	service := &staff.Service{DB: db, Vault: vault, Now: time.Now, Random: rand.Reader, Cost: bcrypt.MinCost}
	if _, err := addAccount(context.Background(), service, &account); err != nil {
		t.Fatal(err)
	}
	return account
}

// signIn gives the token of a new session.
func (r *replica) signIn(account staff.NewAccount) (token string) {
	r.t.Helper()
	code, err := totp.GenerateCode(account.TOTPSecret, time.Now())
	if err != nil {
		r.t.Fatal(err)
	}
	var answer struct{ Token string }
	in := map[string]string{"username": account.Username, "password": account.Password, "totp": code}
	if got := r.ask("POST", "/api/v1/sessions", "", in, &answer); got != http.StatusCreated {
		r.t.Fatalf("signing in: %d", got)
	}
	return answer.Token
}

// opened is a campaign whose registration is open now, made by a service that has gone; its telecom operator stays. The rule
// book may be changed before.
func opened(t *testing.T, databaseURL string, changes ...func(*campaign.RuleBook)) rehearsal.Load {
	t.Helper()
	book := exampleBook(t, luohu)
	for _, change := range changes {
		change(book)
	}
	book = book.Moved(book.ID, time.Now().Add(-8*time.Hour).Sub(book.Windows.Open).Truncate(time.Hour))
	play := stagedFor(t, book, rehearsalOptions{registrations: 20, faults: "none", seed: 3, database: databaseURL})
	t.Cleanup(func() { play.world.close() })
	play.until(rehearsal.Open)
	play.stop()
	if err := <-play.served; err != nil {
		t.Fatal(err)
	}
	play.platform.db.Close()
	play.clock.Release()
	return rehearsal.Load{SMS: play.world.street.SMSURL(), RuleBook: book, Seed: 7, Limit: 10 * time.Minute, Patience: 2 * time.Minute}
}

// answered prints what came of a load, and fails unless everybody has registered and nothing went wrong.
func answered(t *testing.T, report *rehearsal.LoadReport) {
	t.Helper()
	report.Print(t.Output())
	if !report.OK() {
		t.Errorf("%d of %d registered, %d asked again, %v", report.Registered, report.Wanted, report.Retried, report.Errors)
	}
}

var discard = slog.New(slog.DiscardHandler)

// long says whether tests may take minutes.
func long() bool { return os.Getenv("HONGBAO_LONG") != "" }

// Three replicas take registrations while one after the other is killed and started again. Nothing acknowledged is lost, and each
// job that is due every minute is run once in each.
func TestReplicasLoseNothingWhenOneIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	url := mysqlURL(t)
	load := opened(t, url)
	var replicas []*replica
	replicas, load.Targets = threeReplicas(t, url, load.SMS)
	present := attend(replicas...)
	load.Rate, load.Lookups = 10, 1
	load.Registrations = int(load.Rate * untilCounted().Seconds())
	if long() {
		load.Registrations, load.Rate = 6000, 40
	}
	var held receipts
	load.Acknowledged = held.add
	ctx, done := context.WithCancel(context.Background())
	var killer sync.WaitGroup
	var kills atomic.Int64
	killer.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-ctx.Done():
				return
			case <-time.After(3 * time.Second):
			}
			victim := replicas[i%len(replicas)]
			betweenRuns()
			victim.kill()
			kills.Add(1)
			victim.start()
			victim.await("/readyz", http.StatusOK)
		}
	})
	report, err := load.Run(context.Background())
	done()
	killer.Wait()
	if err != nil {
		t.Fatal(err)
	}
	answered(t, report)
	if kills.Load() < 2 {
		t.Errorf("only %d kills", kills.Load())
	}
	held.kept(t, url, present.minutes(t)...)
	if err := replicas[0].terminate(); err != nil {
		t.Errorf("a graceful stop ends with %v", err)
	}
}

// The database is killed under load and comes back: the replica says that it is not ready, and goes on by itself.
func TestReplicaOutlivesTheDatabase(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	server := privateMariaDB(t)
	url := server.create("hongbao")
	load := opened(t, url)
	r := newReplica(t, url, load.SMS)
	r.await("/readyz", http.StatusOK)
	load.Targets, load.Registrations, load.Rate, load.Lookups = []string{r.address()}, 150, 20, 1
	var held receipts
	load.Acknowledged = held.add
	var outage sync.WaitGroup
	outage.Go(func() {
		time.Sleep(2 * time.Second)
		server.kill()
		r.await("/readyz", http.StatusServiceUnavailable)
		if got := r.status("/healthz"); got != http.StatusOK {
			t.Errorf("without its database the process says %d about itself", got)
		}
		server.start()
		r.await("/readyz", http.StatusOK)
	})
	report, err := load.Run(context.Background())
	outage.Wait()
	if err != nil {
		t.Fatal(err)
	}
	answered(t, report)
	if report.Retried == 0 {
		t.Error("nobody had to ask again: the outage was not felt")
	}
	held.kept(t, url)
}

// The schedulers of three replicas come to the same minute: one makes the run.
func TestReplicasRunAJobOnceAMinute(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		var runs atomic.Int64
		clock := NewClock(time.Date(2020, 12, 5, 4, 0, 0, 0, time.UTC))
		job := database.Job{Name: "counted", Schedule: "* * * * *", Run: func(context.Context) (int, error) { runs.Add(1); return 1, nil }}
		for minute := 1; minute <= 3; minute++ {
			var group sync.WaitGroup
			for range 3 {
				s := &Scheduler{DB: db, Now: clock.Now, Log: discard, Jobs: []database.Job{job}}
				group.Go(func() { s.tick(context.Background(), job) })
			}
			group.Wait()
			// A replica whose cron fires late in the same minute finds the run made.
			late := &Scheduler{DB: db, Now: func() time.Time { return clock.Now().Add(20 * time.Second) }, Log: discard}
			late.tick(context.Background(), job)
			if got := runs.Load(); got != int64(minute) {
				t.Errorf("after %d minutes it has run %d times", minute, got)
			}
			clock.Set(clock.Now().Add(time.Minute))
		}
		if _, err := (&Scheduler{DB: db, Now: clock.Now, Log: discard, Jobs: []database.Job{job}}).RunNow(context.Background(), "counted", "li.na"); err != nil || runs.Load() != 4 {
			t.Errorf("run now: %v, %d runs", err, runs.Load())
		}
	})
}

// A caller who asks three replicas in turn gets what one would give: they tell each other.
func TestReplicasShareWhatACallerMayAsk(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	url := mysqlURL(t)
	replicas, _ := threeReplicas(t, url, "http://127.0.0.1:1")
	passed := 0
	refused := func(r *replica, address string) bool {
		request, err := http.NewRequest("POST", r.address()+"/api/v1/draws/none/reveals", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("X-Forwarded-For", address)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusTooManyRequests {
			passed++
			return false
		}
		return true
	}
	burst := limits["reveal"].Burst
	for _, r := range replicas {
		for range burst / 3 {
			if refused(r, "203.0.113.7") {
				t.Fatal("refused before the allowance was used up")
			}
		}
	}
	for deadline, n := time.Now().Add(time.Minute), 0; n < len(replicas); {
		if time.Now().After(deadline) {
			t.Fatalf("after %d requests the replicas still let the caller through", passed)
		}
		time.Sleep(time.Second)
		n = 0
		for _, r := range replicas {
			if refused(r, "203.0.113.7") {
				n++
			}
		}
	}
	if passed >= 2*burst { // each for itself they would let three times the allowance through
		t.Errorf("%d requests passed of an allowance of %d", passed, burst)
	}
	if refused(replicas[0], "203.0.113.8") {
		t.Error("another caller was held up")
	}
}

// Who signs in at one replica is known to the next, and to none once they sign out at a third.
func TestReplicasShareSessions(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	url := mysqlURL(t)
	replicas, _ := threeReplicas(t, url, "http://127.0.0.1:1")
	token := replicas[0].signIn(employ(t, url, staff.SystemAdmin))
	const sessions = "/api/v1/admin/sessions"
	for n, r := range replicas {
		if got := r.ask("GET", sessions, token, nil, nil); got != http.StatusOK {
			t.Errorf("replica %d: the session opened at replica 0 gets %d", n, got)
		}
	}
	if got := replicas[2].ask("DELETE", "/api/v1/sessions", token, nil, nil); got >= 300 {
		t.Fatalf("signing out at replica 2: %d", got)
	}
	for n, r := range replicas {
		if got := r.ask("GET", sessions, token, nil, nil); got != http.StatusUnauthorized {
			t.Errorf("replica %d: the session ended at replica 2 gets %d", n, got)
		}
	}
}

func TestSQLiteTakesOneReplica(t *testing.T) {
	url := testkit.SQLite(t)
	first := newReplica(t, url, "http://127.0.0.1:1")
	first.await("/readyz", http.StatusOK)
	second := newReplica(t, url, "http://127.0.0.1:1")
	if err := second.process.Wait(); err == nil || !strings.Contains(second.log.String(), "SQLite takes one replica") {
		t.Errorf("%v: %s", err, second.log.String())
	}
	first.kill()
	third := newReplica(t, url, "http://127.0.0.1:1")
	third.await("/readyz", http.StatusOK)
}

// thief is an SMS gateway that takes as long as it takes another replica to get the lease of the job that sends.
type thief struct {
	campaign.SMS
	steal func()
}

func (g thief) Send(ctx context.Context, phone, body string) error {
	g.steal()
	return g.SMS.Send(ctx, phone, body)
}

// A replica whose lease went to another one while it stood still in a job writes nothing more of that job, and its run says so.
func TestReplicaThatStoodStillWritesNothing(t *testing.T) {
	ctx := t.Context()
	stage := stagedFor(t, exampleBook(t, suzhou), rehearsalOptions{registrations: 20, faults: "none", seed: 3, database: mysqlURL(t)})
	defer stage.close()
	stage.until(rehearsal.Open)
	p := stage.platform
	found, err := p.campaigns.BySlug(ctx, stage.book.ID)
	if err != nil {
		t.Fatal(err)
	}
	day := stage.clock.Now().Truncate(24 * time.Hour).Add(28 * time.Hour) // noon: no quiet hour
	stage.clock.Set(day)
	var people []int64
	err = p.db.Read(ctx).Raw("SELECT id FROM registrations ORDER BY id LIMIT 3").Scan(&people).Error
	if err == nil {
		err = p.db.InTx(ctx, func(tx *gorm.DB) error {
			return p.campaigns.Notify(tx, found.ID, campaign.StageReminder, day, people...)
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	lease := func(change string) {
		if _, err := p.db.SQL().Exec("UPDATE leases SET " + change + " WHERE name = 'job:messages-send'"); err != nil {
			t.Error(err)
		}
	}
	sent := func() (n int) {
		if err := p.db.Read(ctx).Raw("SELECT COUNT(*) FROM messages WHERE stage = ? AND attempts > 0", campaign.StageReminder).Scan(&n).Error; err != nil {
			t.Fatal(err)
		}
		return n
	}
	var once sync.Once
	gateway := p.campaigns.SMS
	p.campaigns.SMS = thief{gateway, func() { once.Do(func() { lease("token = token + 1, owner = 'another'") }) }}
	if _, err := p.scheduler.RunNow(ctx, "messages-send", "test"); !errors.Is(err, database.ErrLeaseLost) || sent() != 0 {
		t.Errorf("%d messages were settled without the lease: %v", sent(), err)
	}
	runs, err := runsOf(ctx, p.db, "messages-send", 1)
	if err != nil || len(runs) != 1 || runs[0].FinishedAt == 0 || !strings.Contains(runs[0].Error, database.ErrLeaseLost.Error()) {
		t.Errorf("the run: %+v, %v", runs, err)
	}
	if _, err := p.scheduler.RunNow(ctx, "messages-send", "test"); !errors.Is(err, errJobRunning) {
		t.Errorf("beside the other replica: %v", err)
	}
	lease("until_at = 0")
	if n, err := p.scheduler.RunNow(ctx, "messages-send", "test"); n != 3 || err != nil || sent() != 3 {
		t.Errorf("afterwards %d were sent, %d settled: %v", n, sent(), err)
	}
}
