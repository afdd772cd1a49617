package web

import (
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
)

// Measures counts and times requests by route, never by address: an address may hold a name of a person's choosing.
type Measures struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
	limited  *prometheus.CounterVec
}

// NewMeasures declares the web's metrics.
func NewMeasures(registry prometheus.Registerer) *Measures {
	m := &Measures{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hongbao_http_requests_total", Help: "Requests answered."}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "hongbao_http_request_seconds", Help: "Time to answer a request.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}, []string{"route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "hongbao_http_in_flight", Help: "Requests being answered."}),
		limited:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hongbao_http_limited_total", Help: "Requests asked to come back later, by bucket."}, []string{"bucket"}),
	}
	registry.MustRegister(m.requests, m.seconds, m.inFlight, m.limited)
	return m
}

// noRoute stands for every address that is no route.
const noRoute = "(none)"

// route is the pattern that the request met.
func route(c *gin.Context) string {
	if path := c.FullPath(); path != "" {
		return path
	}
	return noRoute
}

// known are the methods that get a label of their own; others are made up by callers.
var known = map[string]bool{"GET": true, "HEAD": true, "POST": true, "PUT": true, "PATCH": true, "DELETE": true, "OPTIONS": true}

// measure is middleware. It takes the machine's clock, since a rehearsal's stands still.
func (m *Measures) measure(c *gin.Context) {
	began := time.Now()
	m.inFlight.Inc()
	defer func() { // an aborted stream panics past here
		m.inFlight.Dec()
		method := c.Request.Method
		if !known[method] {
			method = "other"
		}
		m.requests.WithLabelValues(method, route(c), strconv.Itoa(c.Writer.Status())).Inc()
		m.seconds.WithLabelValues(route(c)).Observe(time.Since(began).Seconds())
	}()
	c.Next()
}
