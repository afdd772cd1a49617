package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

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

// At the end of a rehearsal, in which one process did everything, what it measured is what the database holds.
func TestMetricsAgreeWithTheDatabase(t *testing.T) {
	ctx := context.Background()
	book, err := readRuleBook(suzhou)
	if err != nil {
		t.Fatal(err)
	}
	heard := overhear(t)
	o := rehearsalOptions{registrations: 400, faults: "normal", seed: 9, out: t.TempDir(), before: heard.before}
	stage, err := openStage(ctx, o, NewClock(book.Windows.Notice.AddDate(0, 0, -3)))
	if err != nil {
		t.Fatal(err)
	}
	defer stage.close()
	summary, err := stage.rehearsal(o, book, rehearsal.Closed, rehearsal.Progress{Out: io.Discard}).Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	p := stage.platform
	now := scraped(t, p.instruments)
	t.Run("no output shows who people are", func(t *testing.T) {
		looks(t, stage, book.ID)
		heard.search(t, o.out, now)
	})
	count := func(query string) (n float64) {
		if err := p.db.Read(ctx).Raw(query).Scan(&n).Error; err != nil {
			t.Fatal(err)
		}
		return n
	}
	// Who was refused and appeals is put on record without having been registered.
	registered := count("SELECT COUNT(*) FROM registrations r WHERE NOT EXISTS (SELECT 1 FROM appeals a WHERE a.registration_id = r.id AND a.reason = 'no-evidence')")
	for _, c := range []struct {
		want   float64
		metric string
		labels []string
	}{
		{registered, "hongbao_registrations_total", nil},
		{float64(summary.Refused), "hongbao_refusals_total", nil},
		{registered, "hongbao_http_requests_total", []string{`route="/api/v1/campaigns/:slug/registrations"`, `status="201"`}},
		{0, "hongbao_intake_waiting", nil},
		{0, "hongbao_ledger_imbalance_fen", nil},
		{0, "hongbao_ledger_unbalanced_transactions", nil},
		{count("SELECT COUNT(*) FROM differences WHERE status = 'open'"), "hongbao_differences_open", nil},
		{count("SELECT COUNT(*) FROM disbursement_orders WHERE status IN ('approved', 'sending', 'accepted', 'processing', 'unknown')"), "hongbao_orders_unsettled", nil},
		{count("SELECT COUNT(*) FROM job_runs WHERE error <> ''"), "hongbao_job_runs_total", []string{`outcome="failed"`}},
		{1, "hongbao_draws", []string{`status="published"`}},
		{0, "hongbao_draining", nil},
	} {
		if got, _ := now.sum(c.metric, c.labels...); got != c.want {
			t.Errorf("%s%v is %v, the database says %v", c.metric, c.labels, got, c.want)
		}
	}
	for metric, labels := range map[string]string{"hongbao_operator_calls_total": `call="credits",operator="icbc",outcome="answered"`,
		"hongbao_intake_group_rows_count": "", "hongbao_http_request_seconds_count": "route", "hongbao_job_late_seconds": `job="orders-dispatch"`,
		"hongbao_ledger_imbalance_fen": `campaign="` + book.ID, "go_goroutines": "", "process_open_fds": ""} {
		if _, series := now.sum(metric, labels); series == 0 {
			t.Errorf("%s{%s} is not there", metric, labels)
		}
	}
	t.Run("everything goes on when the people are forgotten", func(t *testing.T) { forgotten(t, stage, book.ID) })
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
	if ready, alive := status("/readyz"), status("/healthz"); ready != "503" || alive != "200" {
		t.Errorf("draining: readyz %s, healthz %s", ready, alive)
	}
}
