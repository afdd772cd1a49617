package app

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/robfig/cron/v3"

	"hongbao/disbursement/sandbox"
	"hongbao/internal/database"
	"hongbao/internal/rehearsal"
)

// scrape is what a Prometheus server would read.
type scrape string

func scraped(t *testing.T, i *instruments) scrape {
	t.Helper()
	server := httptest.NewServer(i.handler())
	defer server.Close()
	response, err := http.Get(server.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%d %v", response.StatusCode, err)
	}
	return scrape(body)
}

// sum adds the values of a metric whose labels contain all of these.
func (s scrape) sum(metric string, labels ...string) (total float64, series int) {
	for line := range strings.Lines(string(s)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		family, in, _ := strings.Cut(name, "{")
		if family != metric {
			continue
		}
		fits := true
		for _, label := range labels {
			fits = fits && strings.Contains(in, label)
		}
		if v, err := strconv.ParseFloat(value[strings.LastIndex(value, " ")+1:], 64); err == nil && fits {
			total += v
			series++
		}
	}
	return total, series
}

// checklist holds what is scraped against what is known, and knows which metrics it has looked at.
type checklist struct {
	*testing.T
	scrape
	looked map[string]bool
}

func (c checklist) look(metric string) {
	c.Helper()
	c.looked[metric], c.looked[regexp.MustCompile(`_(sum|count)$`).ReplaceAllString(metric, "")] = true, true
}

// alone demands a metric without labels of a value: one series and no other.
func (c checklist) alone(metric string, want float64) {
	c.Helper()
	c.look(metric)
	if got, series := c.sum(metric); got != want || series != 1 {
		c.Errorf("%s is %v in %d series, want %v in one", metric, got, series, want)
	}
}

// labelled demands a metric's values by labels, parted by | where they do not stand together: each is there, and beside them is nothing
// but zero.
func (c checklist) labelled(metric string, want map[string]float64) {
	c.Helper()
	c.look(metric)
	whole := 0.0
	for labels, value := range want {
		whole += value
		if got, series := c.sum(metric, strings.Split(labels, "|")...); got != value || series == 0 {
			c.Errorf("%s{%s} is %v in %d series, want %v", metric, labels, got, series, value)
		}
	}
	if got, _ := c.sum(metric); got != whole {
		c.Errorf("%s is %v over all, want %v", metric, got, whole)
	}
}

// metricNames are all of ours that a process can measure, whether or not they have a value.
func metricNames(i *instruments) (names []string) {
	described := make(chan *prometheus.Desc)
	go func() { i.registry.Describe(described); close(described) }()
	for d := range described {
		if found := regexp.MustCompile(`fqName: "(hongbao_\w+)"`).FindStringSubmatch(d.String()); found != nil {
			names = append(names, found[1])
		}
	}
	return names
}

// At the end of a rehearsal, in which one process did everything, what it measured is what the database holds, what its callers asked
// and heard, and what the operators and offices counted. Every metric is held against something.
func TestMetricsAgreeWithTheDatabase(t *testing.T) {
	book, heard := exampleBook(t, suzhou), overhear(t)
	p := stagedFor(t, book, rehearsalOptions{registrations: 400, faults: "normal", seed: 9, before: heard.before})
	defer p.close()
	summary := p.until(rehearsal.Closed)
	t.Run("no output shows who people are", func(t *testing.T) {
		looks(t, p.stage, book.ID)
		heard.search(t, p.o.out, scraped(t, p.platform.instruments))
	})
	sentHome := tooOften(t, p.stage)
	measuredAsKnown(t, p.stage, heard, summary, sentHome)
	t.Run("everything goes on when the people are forgotten", func(t *testing.T) { forgotten(t, p.stage, book.ID) })
	t.Run("what goes wrong shows", func(t *testing.T) { wrongsShow(t, p.stage, book.ID) })
}

// tooOften signs in from one address until that is too much, and says how often it was told so.
func tooOften(t *testing.T, s *stage) (sentHome float64) {
	t.Helper()
	for range limits["sign-in"].Burst + 3 {
		request, err := http.NewRequest(http.MethodPost, s.address+"/api/v1/sessions", strings.NewReader(`{"username":"nobody","password":"guessed"}`))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("X-Forwarded-For", "203.0.113.77")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode == http.StatusTooManyRequests {
			sentHome++
		}
	}
	return sentHome
}

func measuredAsKnown(t *testing.T, s *stage, heard *ear, summary *rehearsal.Summary, sentHome float64) {
	p := s.platform
	now := checklist{t, scraped(t, p.instruments), map[string]bool{}}
	asked := heard.asked()
	counts := func(key, query string) map[string]float64 {
		var rows []struct {
			Name string
			N    float64
		}
		if err := p.db.Read(t.Context()).Raw(query).Scan(&rows).Error; err != nil {
			t.Fatal(err)
		}
		found := map[string]float64{}
		for _, r := range rows {
			found[fmt.Sprintf("%s=%q", key, r.Name)] = r.N
		}
		return found
	}
	count := func(query string) float64 { return counts("n", "SELECT '' AS name, ("+query+") AS n")[`n=""`] }

	// Who was refused and appeals is put on record without having been registered.
	registered := count("SELECT COUNT(*) FROM registrations r WHERE NOT EXISTS (SELECT 1 FROM appeals a WHERE a.registration_id = r.id AND a.reason = 'no-evidence')")
	refused := map[string]float64{}
	for reason, n := range summary.RefusedBy {
		refused[fmt.Sprintf("reason=%q", reason)] = float64(n)
	}
	now.alone("hongbao_registrations_total", registered)
	now.labelled("hongbao_refusals_total", refused)
	now.alone("hongbao_intake_group_rows_sum", registered+float64(summary.RefusedBy["already-registered"]))
	groups, _ := now.sum("hongbao_intake_group_rows_count")
	if moments := count("SELECT COUNT(DISTINCT registered_at) FROM registrations"); groups < moments || groups > registered {
		t.Errorf("%v groups of %v registrations at %v moments", groups, registered, moments)
	}
	now.alone("hongbao_intake_commit_seconds_count", groups)
	now.alone("hongbao_intake_waiting", 0)

	requests, routed := map[string]float64{}, map[string]float64{}
	for r, n := range asked {
		requests[fmt.Sprintf(`method=%q|status="%d"`, r.method, r.status)] += n
		if strings.HasSuffix(r.path, "/registrations") && strings.HasPrefix(r.path, "/api/v1/campaigns/") {
			routed[fmt.Sprintf(`status="%d"`, r.status)] += n
		}
	}
	now.labelled("hongbao_http_requests_total", requests)
	for status, n := range routed {
		if got, _ := now.sum("hongbao_http_requests_total", `method="POST",route="/api/v1/campaigns/:slug/registrations"`, status); got != n {
			t.Errorf("%v registrations were answered with %s, %v are measured", n, status, got)
		}
	}
	now.labelled("hongbao_http_request_seconds_count", map[string]float64{"route=": sum(requests)})
	now.alone("hongbao_http_in_flight", 0)
	now.labelled("hongbao_http_limited_total", map[string]float64{`bucket="sign-in"`: sentHome})

	calls, timed, offices := told(s.world.street.Counters())
	now.labelled("hongbao_operator_calls_total", calls)
	now.labelled("hongbao_operator_call_seconds_count", timed)
	now.labelled("hongbao_office_calls_total", offices)
	answers := map[string]float64{}
	for labels, n := range offices {
		office, _, _ := strings.Cut(labels, ",")
		answers[office] += n
	}
	now.labelled("hongbao_office_call_seconds_count", answers)

	runs, lasted := jobRuns(asked, counts("job", "SELECT job AS name, COUNT(*) AS n FROM job_runs WHERE error <> '' GROUP BY job"))
	now.labelled("hongbao_job_runs_total", runs)
	now.labelled("hongbao_job_seconds_count", lasted)
	late, failing := jobStates(t, p)
	now.labelled("hongbao_job_late_seconds", late)
	now.labelled("hongbao_job_failing", failing)

	campaign := fmt.Sprintf("campaign=%q", summary.Campaign)
	now.labelled("hongbao_ledger_imbalance_fen", map[string]float64{campaign: count("SELECT SUM(balance_fen) FROM ledger_accounts")})
	now.alone("hongbao_ledger_unbalanced_transactions", 0)
	now.labelled("hongbao_differences_open", counts("operator", "SELECT operator AS name, COUNT(*) AS n FROM differences WHERE status = 'open' GROUP BY operator"))
	now.labelled("hongbao_orders_unsettled", counts("operator", "SELECT operator AS name, COUNT(*) AS n FROM disbursement_orders WHERE status IN ('approved', 'sending', 'accepted', 'processing', 'unknown') GROUP BY operator"))
	now.labelled("hongbao_order_oldest_unknown_seconds", nil) // with a value: wrongsShow, and TestUnknownOrderHasAnAge in disbursement
	now.labelled("hongbao_draws", counts("status", "SELECT status AS name, COUNT(*) AS n FROM draws GROUP BY status"))
	now.labelled("hongbao_beacon_late_seconds", nil) // with a value: TestBeaconLateness in lottery
	now.alone("hongbao_draining", 0)                 // 1: TestDrainBeforeShutdown
	now.labelled("hongbao_build_info", map[string]float64{fmt.Sprintf("version=%q", Version()): 1})

	for _, name := range metricNames(p.instruments) {
		if !now.looked[name] {
			t.Errorf("%s is measured and held against nothing: say here what it must be", name)
		}
	}
	for metric, labels := range map[string]string{"go_goroutines": "", "process_open_fds": "", "go_sql_open_connections": `db_name="writing"`, "go_sql_in_use_connections": `db_name="reading"`} {
		if _, series := now.sum(metric, labels); series != 1 {
			t.Errorf("%s{%s} has %d series", metric, labels, series)
		}
	}
}

func sum(values map[string]float64) (total float64) {
	for _, v := range values {
		total += v
	}
	return total
}

// told are the calls to operators and offices as these have counted them, by the labels of our metrics.
func told(counters map[string]map[string]int64) (calls, timed, offices map[string]float64) {
	calls, timed, offices = map[string]float64{}, map[string]float64{}, map[string]float64{}
	names := map[string]string{"wallets": "wallets/find", "queries": "orders/query"}
	for party, counts := range counters {
		for key, n := range counts {
			call, outcome, answer := strings.Cut(key, ":")
			switch {
			case !answer || call == "fault":
			case party == sandbox.Offices:
				offices[fmt.Sprintf("office=%q,outcome=%q", call, strings.Replace(outcome, "unreliable", "unanswered", 1))] += float64(n)
			case call == "sub-wallets": // three calls of ours
				calls[fmt.Sprintf(`call="sub-wallets|operator=%q,outcome=%q`, party, outcome)] += float64(n)
				timed[fmt.Sprintf(`call="sub-wallets|operator=%q`, party)] += float64(n)
			default:
				call = cmp.Or(names[call], call)
				calls[fmt.Sprintf("call=%q,operator=%q,outcome=%q", call, party, outcome)] += float64(n)
				timed[fmt.Sprintf("call=%q,operator=%q", call, party)] += float64(n)
			}
		}
	}
	return calls, timed, offices
}

// jobRuns are the runs that were asked for, by job and outcome: what failed is on record, and every other is done.
func jobRuns(asked map[request]float64, failed map[string]float64) (runs, lasted map[string]float64) {
	runs, lasted = map[string]float64{}, map[string]float64{}
	for r, n := range asked {
		job, isRun := strings.CutSuffix(strings.TrimPrefix(r.path, "/api/v1/admin/jobs/"), "/run")
		if isRun && strings.HasPrefix(r.path, "/api/v1/admin/jobs/") && (r.status == http.StatusOK || r.status >= 500) {
			lasted[fmt.Sprintf("job=%q", job)] += n
		}
	}
	for job, n := range lasted {
		if failed[job] > 0 {
			runs[job+`,outcome="failed"`] = failed[job]
		}
		runs[job+`,outcome="done"`] = n - failed[job]
	}
	return runs, lasted
}

// jobStates are how late each job is and whether its last run failed, from the rows and the schedules.
func jobStates(t *testing.T, p *platform) (late, failing map[string]float64) {
	late, failing = map[string]float64{}, map[string]float64{}
	for _, job := range p.scheduler.Jobs {
		var runs []struct {
			StartedAt database.Millis
			Failed    float64
		}
		err := p.db.Read(t.Context()).Raw("SELECT started_at, error <> '' AS failed FROM job_runs WHERE job = ? ORDER BY id", job.Name).Scan(&runs).Error
		schedule, bad := cron.ParseStandard(job.Schedule)
		if err != nil || bad != nil {
			t.Fatal(err, bad)
		}
		last, labels := p.scheduler.since, fmt.Sprintf("job=%q", job.Name)
		failing[labels] = 0
		if len(runs) > 0 {
			last, failing[labels] = runs[len(runs)-1].StartedAt.Time(), runs[len(runs)-1].Failed
		}
		late[labels] = max(0, p.scheduler.Now().Sub(schedule.Next(last.In(shanghai))).Seconds())
	}
	return late, failing
}

// wrongsShow spoils a database in which all is well, and reads what somebody who watches would see.
func wrongsShow(t *testing.T, s *stage, slug string) {
	before := s.clock.Now()
	for _, statement := range []string{
		"UPDATE ledger_accounts SET balance_fen = balance_fen + 7 WHERE id = 1",
		"DROP TRIGGER ledger_postings_no_update",
		"UPDATE ledger_postings SET amount_fen = amount_fen + 1 WHERE id = (SELECT MAX(id) FROM ledger_postings)",
		"UPDATE differences SET status = 'open' WHERE operator = (SELECT MIN(operator) FROM differences)",
		"UPDATE disbursement_batches SET status = 'dispatching', changed_at = " + fmt.Sprint(before.UnixMilli()) + " WHERE id = (SELECT batch_id FROM disbursement_orders WHERE operator = 'boc' ORDER BY id LIMIT 1)",
		"UPDATE disbursement_orders SET status = 'unknown' WHERE id = (SELECT MIN(id) FROM disbursement_orders WHERE operator = 'boc')",
		"UPDATE job_runs SET error = 'spoiled' WHERE id = (SELECT MAX(id) FROM job_runs WHERE job = 'orders-dispatch' AND finished_at > 0)",
	} {
		if _, err := s.platform.db.SQL().ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	s.clock.Set(before.Add(2 * time.Hour))
	var open struct {
		Operator string
		N        float64
	}
	if err := s.platform.db.Read(t.Context()).Raw("SELECT operator, COUNT(*) AS n FROM differences WHERE status = 'open' GROUP BY operator").Scan(&open).Error; err != nil {
		t.Fatal(err)
	}
	i := newInstruments()
	i.watch(s.platform)
	now := checklist{t, scraped(t, i), map[string]bool{}}
	now.labelled("hongbao_ledger_imbalance_fen", map[string]float64{fmt.Sprintf("campaign=%q", slug): 7})
	now.alone("hongbao_ledger_unbalanced_transactions", 1)
	now.labelled("hongbao_differences_open", map[string]float64{fmt.Sprintf("operator=%q", open.Operator): open.N})
	now.labelled("hongbao_orders_unsettled", map[string]float64{`operator="boc",status="unknown"`: 1})
	now.labelled("hongbao_order_oldest_unknown_seconds", map[string]float64{`operator="boc"`: 7200})
	late, failing := jobStates(t, s.platform)
	now.labelled("hongbao_job_late_seconds", late)
	now.labelled("hongbao_job_failing", failing)
	if open.N == 0 || failing[`job="orders-dispatch"`] != 1 || late[`job="orders-dispatch"`] < 7000 {
		t.Errorf("nothing is wrong: %+v, %v, %v", open, failing, late)
	}
}

func TestMetricsStayPrivate(t *testing.T) {
	i := newInstruments()
	if server, err := i.serve("0.0.0.0:0"); err == nil || !strings.Contains(err.Error(), "private") {
		t.Errorf("served to everybody: %v %v", server, err)
	}
	server, err := i.serve("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server.Close()
}

// A process that was told to stop says so first, and goes on answering until drain is over.
func TestDrainBeforeShutdown(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	stage, err := openStage(ctx, rehearsalOptions{out: t.TempDir(), faults: "none", seed: 1}, NewClock(time.Date(2020, 12, 1, 0, 0, 0, 0, shanghai)))
	if err != nil {
		t.Fatal(err)
	}
	defer stage.close()
	status := func(path string) string {
		response, err := http.Get(stage.address + path)
		if err != nil {
			return "gone"
		}
		response.Body.Close()
		return fmt.Sprint(response.StatusCode)
	}
	if got := status("/readyz"); got != "200" {
		t.Errorf("ready: %s", got)
	}
	if _, err := stage.platform.db.SQL().Exec("DELETE FROM schema_steps WHERE version = 40"); err != nil {
		t.Fatal(err)
	}
	if got := status("/readyz"); got != "503" {
		t.Errorf("with a schema that is behind: %s", got)
	}
	stage.platform.drain = 2 * time.Second
	stop()
	for !stage.platform.draining.Load() {
		time.Sleep(time.Millisecond)
	}
	checklist{t, scraped(t, stage.platform.instruments), map[string]bool{}}.alone("hongbao_draining", 1)
	if ready, alive := status("/readyz"), status("/healthz"); ready != "503" || alive != "200" {
		t.Errorf("draining: readyz %s, healthz %s", ready, alive)
	}
}
