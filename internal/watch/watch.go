// Package watch is what the rooms share to be watched: gauges whose value has to be asked of the database. Counters and
// latencies need no help from here; each room declares them where it measures, in its measure.go.
package watch

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Sample is one value of a gauge, with the values of its labels.
type Sample struct {
	Value  float64
	Labels []string
}

// Gauge is a number that is read when somebody looks. Read must be one cheap, bounded question, whatever the tables hold.
type Gauge struct {
	Name, Help string
	Labels     []string
	Read       func(ctx context.Context) ([]Sample, error)
}

// The bounds that keep watching from loading the database: how long an answer is good for, and how long one may take.
const (
	fresh   = 10 * time.Second
	patient = 5 * time.Second
)

// Asked makes a collector of gauges. However many scrapers come, each question is put once in ten seconds; a question that
// fails is an error of the scrape and not a value.
func Asked(gauges []Gauge) prometheus.Collector { return &asked{gauges: gauges, fresh: fresh} }

type asked struct {
	gauges []Gauge
	fresh  time.Duration

	mu     sync.Mutex
	at     time.Time
	values []prometheus.Metric
}

// Describe implements prometheus.Collector.
func (a *asked) Describe(out chan<- *prometheus.Desc) {
	for _, g := range a.gauges {
		out <- g.desc()
	}
}

// Collect implements prometheus.Collector.
func (a *asked) Collect(out chan<- prometheus.Metric) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.values == nil || time.Since(a.at) >= a.fresh {
		a.at, a.values = time.Now(), a.ask()
	}
	for _, v := range a.values {
		out <- v
	}
}

func (a *asked) ask() (values []prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	for _, g := range a.gauges {
		samples, err := g.Read(ctx)
		if err != nil {
			values = append(values, prometheus.NewInvalidMetric(g.desc(), err))
			continue
		}
		for _, s := range samples {
			values = append(values, prometheus.MustNewConstMetric(g.desc(), prometheus.GaugeValue, s.Value, s.Labels...))
		}
	}
	return values
}

func (g Gauge) desc() *prometheus.Desc { return prometheus.NewDesc(g.Name, g.Help, g.Labels, nil) }
