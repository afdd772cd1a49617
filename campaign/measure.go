package campaign

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hongbao/internal/fault"
)

// Measures counts registrations, with no identity: what was taken in, what was refused and why, and how the intake groups.
type Measures struct {
	registrations prometheus.Counter
	refusals      *prometheus.CounterVec
	group         prometheus.Histogram
	commit        prometheus.Histogram
	waiting       prometheus.Gauge
}

// NewMeasures declares this room's metrics.
func NewMeasures(registry prometheus.Registerer) *Measures {
	m := &Measures{
		registrations: prometheus.NewCounter(prometheus.CounterOpts{Name: "hongbao_registrations_total", Help: "Registrations stored; a repeated submission counts once."}),
		refusals:      prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hongbao_refusals_total", Help: "Submissions refused, by the code of the reason."}, []string{"reason"}),
		group: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "hongbao_intake_group_rows", Help: "Submissions that shared one commit.",
			Buckets: []float64{1, 2, 5, 10, 25, 50, 100, 250, 500, 1000}}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "hongbao_intake_commit_seconds", Help: "Time to screen, tag and commit a group.",
			Buckets: prometheus.ExponentialBuckets(.001, 2, 14)}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{Name: "hongbao_intake_waiting", Help: "Submissions waiting for a writer."}),
	}
	registry.MustRegister(m.registrations, m.refusals, m.group, m.commit, m.waiting)
	return m
}

func (m *Measures) queued(n int) {
	if m != nil {
		m.waiting.Set(float64(n))
	}
}

// refused counts an answer other than a receipt. What is no fault is a failure of ours, of one kind.
func (m *Measures) refused(err error) {
	if m == nil || err == nil {
		return
	}
	code := "internal"
	if found, ok := fault.As(err); ok {
		code = found.Code
	}
	m.refusals.WithLabelValues(code).Inc()
}

func (m *Measures) committed(outcomes []outcome, began time.Time) {
	if m == nil {
		return
	}
	m.group.Observe(float64(len(outcomes)))
	m.commit.Observe(time.Since(began).Seconds())
	for _, o := range outcomes {
		if o.id != 0 {
			m.registrations.Inc()
		}
	}
}
