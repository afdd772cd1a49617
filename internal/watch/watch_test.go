package watch

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestAskedOnceWhileFreshAndErrorsAreNoValues(t *testing.T) {
	asks := 0
	a := &asked{fresh: time.Hour, gauges: []Gauge{
		{Name: "good", Help: "h", Labels: []string{"who"}, Read: func(context.Context) ([]Sample, error) {
			asks++
			return []Sample{{Value: 3, Labels: []string{"icbc"}}}, nil
		}},
		{Name: "bad", Help: "h", Read: func(context.Context) ([]Sample, error) { return nil, errors.New("no answer") }},
	}}
	registry := prometheus.NewRegistry()
	registry.MustRegister(a)
	for range 3 {
		families, err := registry.Gather()
		if err == nil || !strings.Contains(err.Error(), "no answer") {
			t.Errorf("the failed question is silent: %v", err)
		}
		if len(families) != 1 || families[0].GetName() != "good" || families[0].GetMetric()[0].GetGauge().GetValue() != 3 {
			t.Errorf("%v", families)
		}
	}
	if asks != 1 {
		t.Errorf("asked %d times", asks)
	}
	a.fresh = 0
	if _, _ = registry.Gather(); asks != 2 {
		t.Error("an old answer is not asked again")
	}
}
