package gateway

import (
	"errors"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sony/gobreaker/v2"
)

// Measures counts and times calls to operators.
type Measures struct {
	calls   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

// NewMeasures declares the gateway's metrics.
func NewMeasures(registry prometheus.Registerer) *Measures {
	m := &Measures{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hongbao_operator_calls_total",
			Help: "Calls to operators. Outcome: answered, refused (a signed no), unreliable (no answer, or none that can be believed), spared (not made, since the operator is down)."},
			[]string{"operator", "call", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "hongbao_operator_call_seconds", Help: "Time of a call that was made.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}}, []string{"operator", "call"}),
	}
	registry.MustRegister(m.calls, m.seconds)
	return m
}

// The outcomes of a call.
const (
	answered   = "answered"
	refused    = "refused"
	unreliable = "unreliable"
	spared     = "spared"
)

func (m *Measures) called(operator, path string, a answer, err error, began time.Time) {
	if m == nil {
		return
	}
	outcome := answered
	switch {
	case errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests):
		outcome = spared
	case err != nil:
		outcome = unreliable
	case a.status >= 300:
		outcome = refused
	}
	call := callName(path)
	m.calls.WithLabelValues(operator, call, outcome).Inc()
	if outcome != spared {
		m.seconds.WithLabelValues(operator, call).Observe(time.Since(began).Seconds())
	}
}

// callName is what a path asks for, without the day of a statement.
func callName(path string) string {
	name := strings.TrimPrefix(path, "/bank/v1/")
	if strings.HasPrefix(name, "statements/") {
		return "statements"
	}
	return name
}
