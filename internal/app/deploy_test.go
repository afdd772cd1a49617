package app

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"hongbao/disbursement"
	"hongbao/internal/watch"
	"hongbao/lottery"
)

// The alert rules and the dashboard ask only for metrics that there are.
func TestDeployedQueriesNameRealMetrics(t *testing.T) {
	known := map[string]bool{}
	for _, pattern := range []string{"../../*/*measure.go", "../../*/*/*measure.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range regexp.MustCompile(`Name: "(hongbao_\w+)"`).FindAllSubmatch(source, -1) {
				known[string(name[1])] = true
			}
		}
	}
	if len(known) < 20 {
		t.Fatalf("only %d metrics are declared", len(known))
	}
	for _, file := range []string{"../../deploy/alerts.yml", "../../deploy/grafana-dashboard.json"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`hongbao_\w+`).FindAllString(string(text), -1) {
			if base := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, ""); !known[base] && !known[name] {
				t.Errorf("%s asks for %s, which nobody measures", file, name)
			}
		}
	}
}

type alertRule struct {
	Alert, Expr string
	Annotations map[string]string
}

func alertRules(t *testing.T) (rules []alertRule) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []alertRule } }
	text, err := os.ReadFile("../../deploy/alerts.yml")
	if err == nil {
		err = yaml.Unmarshal(text, &file)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		rules = append(rules, g.Rules...)
	}
	return rules
}

// deployedQueries are the expressions of the alert rules and the dashboard, by what asks them.
func deployedQueries(t *testing.T) map[string]string {
	t.Helper()
	queries := map[string]string{}
	for _, r := range alertRules(t) {
		queries[r.Alert] = r.Expr
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr, LegendFormat string }
		}
	}
	text, err := os.ReadFile("../../deploy/grafana-dashboard.json")
	if err == nil {
		err = json.Unmarshal(text, &dashboard)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			queries[p.Title+": "+target.LegendFormat] = target.Expr
		}
	}
	return queries
}

// However many replicas are watched, what they all read from one database counts once, and what each counts for itself is added up.
func TestDeployedQueriesCountReplicasOnce(t *testing.T) {
	gauges := slices.Concat((&disbursement.Service{}).Gauges(), (&lottery.Service{}).Gauges(), (&Scheduler{}).gauges())
	read := func(name string) bool {
		return slices.ContainsFunc(gauges, func(g watch.Gauge) bool { return g.Name == name })
	}
	largest := regexp.MustCompile(`max( by \([a-z, ]+\) )?\((abs\()?$`)
	summed := regexp.MustCompile(`sum( by \([a-z, ]+\) )?\(rate\($`)
	seen := 0
	for who, query := range deployedQueries(t) {
		for _, at := range regexp.MustCompile(`hongbao_\w+`).FindAllStringIndex(query, -1) {
			name, before := query[at[0]:at[1]], query[:at[0]]
			if read(name) {
				seen++
				if !largest.MatchString(before) {
					t.Errorf("%s: %s of several replicas is not taken as the largest: %s", who, name, query)
				}
			} else if regexp.MustCompile(`_(total|bucket)$`).MatchString(name) && !summed.MatchString(before) {
				t.Errorf("%s: %s of several replicas is not added up: %s", who, name, query)
			}
		}
	}
	if seen < len(gauges) {
		t.Errorf("of %d gauges that are read from the database, only %d are asked for", len(gauges), seen)
	}
}

// Each alert names a section that there is.
func TestAlertsSayWhereToGoOn(t *testing.T) {
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range alertRules(t) {
		anchor, ok := strings.CutPrefix(r.Annotations["runbook"], "docs/operations.md#")
		heading := regexp.MustCompile(`(?mi)^##+ ` + strings.ReplaceAll(regexp.QuoteMeta(anchor), "-", " ") + `$`)
		if !ok || anchor == "" || !heading.Match(text) {
			t.Errorf("%s sends people to %q", r.Alert, r.Annotations["runbook"])
		}
	}
}

func TestAlertRules(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed")
	}
	for _, arguments := range [][]string{{"check", "rules", "../../deploy/alerts.yml"}, {"test", "rules", "../../deploy/alerts_test.yml"}} {
		if out, err := exec.Command(promtool, arguments...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(arguments, " "), err, out)
		}
	}
}

// What the unit file, the image and the compose file set are settings that there are, and every secret is among them.
func TestDeployedSettingsExist(t *testing.T) {
	known := map[string]Setting{}
	for _, s := range settings {
		known[s.Variable()] = s
	}
	for _, file := range []string{"hongbao.service", "compose.yaml", "Dockerfile"} {
		text, err := os.ReadFile("../../deploy/" + file)
		if err != nil {
			t.Fatal(err)
		}
		named := map[string]bool{}
		for _, variable := range regexp.MustCompile(`HONGBAO_[A-Z_]+`).FindAllString(string(text), -1) {
			name := strings.TrimSuffix(variable, "_FILE")
			if _, ok := known[name]; !ok && variable != "HONGBAO_NAME" {
				t.Errorf("%s sets %s, which is no setting", file, variable)
			}
			named[name] = true
		}
		for name, s := range known {
			if s.Secret && s.Required && !named[name] && file != "Dockerfile" {
				t.Errorf("%s lacks the secret %s", file, name)
			}
		}
	}
}

// Whoever stops a replica waits for longer than it may take.
func TestDeployedStopsAreLongEnough(t *testing.T) {
	config, err := Load(Source{Fallback: rehearsalKeys()})
	if err != nil {
		t.Fatal(err)
	}
	const spare = 5 * time.Second // for the start of the stop, and for the database's connections
	for file, pattern := range map[string]string{"hongbao.service": `TimeoutStopSec=(\d+)`, "compose.yaml": `stop_grace_period: (\d+)s`, "Dockerfile": `docker stop -t (\d+)`} {
		text, err := os.ReadFile("../../deploy/" + file)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(pattern).FindSubmatch(text)
		if found == nil {
			t.Errorf("%s does not say how long a stop may take", file)
			continue
		}
		if seconds, _ := strconv.Atoi(string(found[1])); time.Duration(seconds)*time.Second < config.Drain+grace+unwinding+spare {
			t.Errorf("%s kills after %d s; a stop may take %s", file, seconds, config.Drain+grace+unwinding)
		}
	}
}

// The machine keeps the service's lines, all of them and for more than six months, however it is started.
func TestDeployedLogsAreKept(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile("../../deploy/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	journal := read("journald.conf")
	days := regexp.MustCompile(`(?m)^MaxRetentionSec=(\d+)day$`).FindStringSubmatch(journal)
	if days == nil {
		t.Fatal("the journal has no retention in days")
	}
	if n, err := strconv.Atoi(days[1]); err != nil || n < 184 {
		t.Errorf("%s days are less than six months", days[1])
	}
	for _, line := range []string{"Storage=persistent", "RateLimitIntervalSec=0"} {
		if !slices.Contains(strings.Split(journal, "\n"), line) {
			t.Errorf("journald.conf lacks %s", line)
		}
	}
	if !strings.Contains(read("hongbao.service"), "\nLogRateLimitIntervalSec=0\n") {
		t.Error("the unit's lines are limited")
	}
	var compose struct {
		Services map[string]struct{ Logging struct{ Driver string } }
	}
	if err := yaml.Unmarshal([]byte(read("compose.yaml")), &compose); err != nil || len(compose.Services) != 2 {
		t.Fatalf("%+v %v", compose, err)
	}
	for name, s := range compose.Services {
		if s.Logging.Driver != "journald" {
			t.Errorf("the log of %s goes with its container", name)
		}
	}
}

// The calendar in docs/operations.md names every job and its time, and no other.
func TestCalendarIsTheTableOfJobs(t *testing.T) {
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, calendar, _ := strings.Cut(string(text), "\n## The calendar\n")
	calendar, _, _ = strings.Cut(calendar, "\n## ")
	told := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| ([^|]+) \\| [^|]+ \\|$").FindAllStringSubmatch(calendar, -1) {
		told[row[1]] = row[2]
	}
	words := map[string]string{"* * * * *": "each minute", "*/5 * * * *": "every 5 minutes", "*/10 * * * *": "every 10 minutes", "30 9-20 * * *": "hourly from 09:30 to 20:30"}
	for _, job := range wired(t).platform.scheduler.Jobs {
		want := words[job.Schedule]
		var minute, hour int
		if n, err := fmt.Sscanf(job.Schedule, "%d %d * * *", &minute, &hour); err == nil && n == 2 {
			want = fmt.Sprintf("daily at %02d:%02d", hour, minute)
		}
		if got, there := told[job.Name]; !there || got != want {
			t.Errorf("%s runs %q, and the calendar says %q: docs/operations.md", job.Name, want, got)
		}
		delete(told, job.Name)
	}
	for name := range told {
		t.Errorf("the calendar names %s, which is no job", name)
	}
}
