package web

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
)

// A request is in flight from its first byte until its answer is written, or broken off.
func TestRequestsInFlight(t *testing.T) {
	registry := prometheus.NewRegistry()
	w := New(Options{Secret: bytes.Repeat([]byte{7}, 32), Log: slog.New(slog.DiscardHandler), Measures: NewMeasures(registry),
		Authenticate: func(context.Context, string) (Actor, error) { return Actor{}, errSignIn }, May: func(string, string) bool { return false }})
	inFlight := func() float64 {
		families, err := registry.Gather()
		if err != nil {
			t.Error(err)
		}
		for _, f := range families {
			if f.GetName() == "hongbao_http_in_flight" {
				return f.GetMetric()[0].GetGauge().GetValue()
			}
		}
		return -1
	}
	during, broken := make(chan float64, 2), false
	w.Engine.GET("/slow", func(*gin.Context) {
		during <- inFlight()
		if broken {
			panic(http.ErrAbortHandler)
		}
	})
	server := httptest.NewServer(w.Engine)
	defer server.Close()
	for _, broken = range []bool{false, true} {
		response, err := http.Get(server.URL + "/slow")
		if (err != nil) != broken {
			t.Fatal(err)
		}
		if err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
		if n := <-during; n != 1 {
			t.Errorf("%v are in flight while one is answered", n)
		}
		for end := time.Now().Add(10 * time.Second); inFlight() != 0; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%v are in flight after the answer", inFlight())
			}
		}
	}
}
