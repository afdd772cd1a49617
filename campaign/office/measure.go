package office

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Measures counts and times calls to the city's offices.
type Measures struct {
	calls   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

// NewMeasures declares this package's metrics.
func NewMeasures(registry prometheus.Registerer) *Measures {
	m := &Measures{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hongbao_office_calls_total",
			Help: "Calls to the SMS gateway, the real-name check and the evidence register. Outcome: answered, refused, unanswered."}, []string{"office", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "hongbao_office_call_seconds", Help: "Time of a call to one of the city's offices.",
			Buckets: []float64{.005, .025, .1, .25, .5, 1, 2.5, 5, 10}}, []string{"office"}),
	}
	registry.MustRegister(m.calls, m.seconds)
	return m
}

func (m *Measures) called(office string, err error, began time.Time) {
	if m == nil {
		return
	}
	outcome, refused := "answered", status(0)
	switch {
	case errors.As(err, &refused) && refused < 500:
		outcome = "refused"
	case err != nil:
		outcome = "unanswered"
	}
	m.calls.WithLabelValues(office, outcome).Inc()
	m.seconds.WithLabelValues(office).Observe(time.Since(began).Seconds())
}
