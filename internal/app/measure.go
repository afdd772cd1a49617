package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/robfig/cron/v3"

	"hongbao/campaign"
	"hongbao/campaign/office"
	"hongbao/disbursement/gateway"
	"hongbao/internal/database"
	"hongbao/internal/watch"
	"hongbao/internal/web"
)

// instruments are what one process measures. Each room declares its own metrics; here they meet.
type instruments struct {
	registry *prometheus.Registry
	web      *web.Measures
	campaign *campaign.Measures
	gateway  *gateway.Measures
	jobs     *jobMeasures
	office   *office.Measures
	draining prometheus.Gauge
}

func newInstruments() *instruments {
	registry := prometheus.NewRegistry()
	i := &instruments{registry: registry, web: web.NewMeasures(registry), campaign: campaign.NewMeasures(registry),
		gateway: gateway.NewMeasures(registry), jobs: newJobMeasures(registry), office: office.NewMeasures(registry),
		draining: prometheus.NewGauge(prometheus.GaugeOpts{Name: "hongbao_draining", Help: "1 while the process takes its leave."})}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "hongbao_build_info", Help: "Always 1.", ConstLabels: prometheus.Labels{"version": Version()}})
	build.Set(1)
	registry.MustRegister(i.draining, build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return i
}

// watch adds what is asked of the database.
func (i *instruments) watch(p *platform) {
	gauges := append(p.disbursement.Gauges(), p.lottery.Gauges()...)
	i.registry.MustRegister(watch.Asked(append(gauges, p.scheduler.gauges()...)),
		collectors.NewDBStatsCollector(p.db.SQL(), "writing"), collectors.NewDBStatsCollector(p.db.Reader(), "reading"))
}

// handler serves the metrics, and the profiles of net/http/pprof. It is for an address that only those who run the service
// can reach: a profile shows what the process does.
func (i *instruments) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(i.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, Registry: i.registry}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// serve opens the private address, where there is one, until the server that it returns is closed.
func (i *instruments) serve(address string) (*http.Server, error) {
	server := &http.Server{Handler: i.handler(), ReadHeaderTimeout: 10 * time.Second}
	if address == "" {
		return server, nil
	}
	l, err := listen(address)
	if err != nil {
		return nil, err
	}
	if ip := l.Addr().(*net.TCPAddr).IP; !ip.IsLoopback() && !ip.IsPrivate() {
		return nil, errors.Join(fmt.Errorf("metrics-listen %s: want a loopback or private address, since profiles are served there too", address), l.Close())
	}
	go func() {
		if err := server.Serve(l); err != http.ErrServerClosed {
			slog.Error("metrics are not served", "error", err)
		}
	}()
	return server, nil
}

type jobMeasures struct {
	runs    *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

func newJobMeasures(registry prometheus.Registerer) *jobMeasures {
	m := &jobMeasures{
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hongbao_job_runs_total", Help: "Runs of jobs in this process."}, []string{"job", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "hongbao_job_seconds", Help: "Time of a run.",
			Buckets: []float64{.01, .1, 1, 10, 60, 300, 600}}, []string{"job"}),
	}
	registry.MustRegister(m.runs, m.seconds)
	return m
}

func (m *jobMeasures) ran(job string, err error, began time.Time) {
	if m == nil {
		return
	}
	outcome := "done"
	if err != nil {
		outcome = "failed"
	}
	m.runs.WithLabelValues(job, outcome).Inc()
	m.seconds.WithLabelValues(job).Observe(time.Since(began).Seconds())
}

// gauges tell how late the jobs are, over all replicas: what runs nowhere shows here.
func (s *Scheduler) gauges() []watch.Gauge {
	return []watch.Gauge{
		{Name: "hongbao_job_late_seconds", Help: "How long a job is overdue by its schedule.", Labels: []string{"job"}, Read: s.watchLate},
		{Name: "hongbao_job_failing", Help: "1 while a job's last finished run was a failure.", Labels: []string{"job"}, Read: s.watchFailing},
	}
}

func (s *Scheduler) watchLate(ctx context.Context) ([]watch.Sample, error) {
	return s.eachJob(func(job database.Job) (float64, error) {
		schedule, err := cron.ParseStandard(job.Schedule)
		if err != nil {
			return 0, err
		}
		last, err := lastStart(ctx, s.DB, job.Name)
		if last.Before(s.since) {
			last = s.since // nobody was there to run it earlier
		}
		return max(0, s.Now().Sub(schedule.Next(last.In(shanghai))).Seconds()), err
	})
}

func (s *Scheduler) watchFailing(ctx context.Context) ([]watch.Sample, error) {
	return s.eachJob(func(job database.Job) (float64, error) {
		failed, err := lastFailed(ctx, s.DB, job.Name)
		if failed {
			return 1, err
		}
		return 0, err
	})
}

func (s *Scheduler) eachJob(value func(database.Job) (float64, error)) (samples []watch.Sample, err error) {
	for _, job := range s.Jobs {
		v, err := value(job)
		if err != nil {
			return nil, err
		}
		samples = append(samples, watch.Sample{Value: v, Labels: []string{job.Name}})
	}
	return samples, nil
}
