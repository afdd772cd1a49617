package beacon

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"hongbao/lottery/draw"
)

// sandbox is a chain from 1700000000 with a round every 10 s, at a second after.
func sandbox(t testing.TB, second int64) *Sandbox {
	t.Helper()
	s, err := NewSandbox([]byte("0123456789abcdef"), 1700000000, 10, func() time.Time { return time.Unix(1700000000+second, 0) })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func serve(t *testing.T, h http.Handler) string {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func status(code int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", code) })
}

func TestSandboxChain(t *testing.T) {
	s := sandbox(t, 95)
	if err := s.Chain().Validate(); err != nil || s.Chain().Label() != draw.RehearsalLabel {
		t.Fatal(err, s.Chain().Label())
	}
	if !strings.Contains(Describe(s.Chain()), draw.RehearsalLabel) {
		t.Error("the description hides that this is a rehearsal")
	}
	for round, ok := range map[uint64]bool{0: false, 1: true, 10: true, 11: false} {
		r, err := s.Round(round)
		if (err == nil) != ok {
			t.Errorf("round %d: %v", round, err)
		}
		if ok && Verify(s.Chain(), round, r.Signature) != nil {
			t.Errorf("round %d does not verify", round)
		}
	}
	if _, err := sandbox(t, -1).Round(1); !errors.Is(err, ErrNotYet) {
		t.Errorf("before genesis: %v", err)
	}
	other, err := NewSandbox([]byte("another seed, 16+"), 1700000000, 10, time.Now)
	if err != nil || bytes.Equal(other.Chain().PublicKey, s.Chain().PublicKey) {
		t.Error("two seeds give one key", err)
	}
	if _, err := NewSandbox([]byte("short"), 1, 1, time.Now); err == nil {
		t.Error("a short seed is accepted")
	}
	if _, err := NewSandbox(make([]byte, 16), 1, 0, time.Now); err == nil {
		t.Error("a period of 0 is accepted")
	}
}

func TestClientOverHTTP(t *testing.T) {
	s := sandbox(t, 95)
	c := &Client{Chain: s.Chain(), Relays: []string{serve(t, s.Handler()), serve(t, s.Handler())}}
	ctx := context.Background()
	if err := c.CheckInfo(ctx); err != nil {
		t.Fatal(err)
	}
	r, err := c.Round(ctx, 7)
	if err != nil || r.Round != 7 || Verify(s.Chain(), 7, r.Signature) != nil || r.CarriedBy == "" {
		t.Errorf("%+v %v", r, err)
	}
	if r, err := c.Latest(ctx); err != nil || r.Round != 10 {
		t.Errorf("latest %d, %v", r.Round, err)
	}
	if _, err := c.Round(ctx, 11); !errors.Is(err, ErrNotYet) {
		t.Errorf("an early round gives %v", err)
	}
	if _, err := c.Round(ctx, 0); err == nil {
		t.Error("round 0 is given")
	}
	if _, err := (&Client{Chain: s.Chain()}).Latest(ctx); err == nil {
		t.Error("no relay is enough")
	}
}

func TestClientSurvivesBadRelays(t *testing.T) {
	s := sandbox(t, 95)
	good := serve(t, s.Handler())
	answerWith := func(body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) })
	}
	six, _ := s.Round(6)
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	bad := map[string]http.Handler{
		"down":         status(http.StatusBadGateway),
		"early":        status(http.StatusTooEarly),
		"other round":  answerWith(string(six.JSON())),
		"wrong value":  answerWith(fmt.Sprintf(`{"round":7,"signature":"%s"}`, hex.EncodeToString(six.Signature))),
		"wrong random": answerWith(`{"round":7,"randomness":"ff","signature":"00"}`),
		"not JSON":     answerWith("<html>"),
		"endless":      http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.CopyN(w, endless{}, 1<<20) }),
		"silent": http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		}),
	}
	for name, handler := range bad {
		faults := map[string]error{}
		relay := serve(t, handler)
		c := &Client{Chain: s.Chain(), Relays: []string{relay, good}, Timeout: 500 * time.Millisecond}
		done := make(chan struct{}, 2)
		c.Fault = func(relay string, err error) { faults[relay] = err; done <- struct{}{} }
		if r, err := c.Round(context.Background(), 7); err != nil || r.CarriedBy != good {
			t.Errorf("%s: %v from %s", name, err, r.CarriedBy)
		}
		if faults[relay] == nil || faults[good] != nil {
			t.Errorf("%s: reported %v", name, faults)
		}
		wrong := strings.HasPrefix(name, "wrong") || name == "other round"
		c.Relays = []string{relay}
		if _, err := c.Round(context.Background(), 7); err == nil || wrong != errors.Is(err, ErrDisagreement) && name != "not JSON" && name != "endless" {
			t.Errorf("%s alone: %v", name, err)
		}
	}
}

// endless never ends.
type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

func TestFetchChain(t *testing.T) {
	s, other := sandbox(t, 5), sandbox(t, 5)
	relay := serve(t, s.Handler())
	c, err := FetchChain(context.Background(), nil, relay, s.Chain().Hash)
	if err != nil || c.Hash != s.Chain().Hash || !bytes.Equal(c.PublicKey, s.Chain().PublicKey) {
		t.Fatal(err)
	}
	if _, err := FetchChain(context.Background(), nil, relay, Quicknet().Hash); !errors.Is(err, ErrDisagreement) {
		t.Errorf("a relay without the chain: %v", err)
	}
	other.chain.Period = 11 // the hash no longer follows
	if _, err := FetchChain(context.Background(), nil, serve(t, other.Handler()), other.chain.Hash); !errors.Is(err, ErrDisagreement) {
		t.Errorf("a relay that changes the period: %v", err)
	}
	if err := (&Client{Chain: s.Chain(), Relays: []string{relay, serve(t, status(500))}}).CheckInfo(context.Background()); err == nil {
		t.Error("a relay that is down passes")
	}
}
