package webhook

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"gorm.io/gorm"

	"hongbao/internal/audit"
	"hongbao/internal/database"
	"hongbao/internal/testkit"
)

// post is a room with a city's system at the other end.
type post struct {
	*Service
	*testing.T
	clock  *testkit.Clock
	public ed25519.PublicKey
	url    string

	mu     sync.Mutex
	status int // what the city's system answers
	got    []Message
}

func withPost(t *testing.T, test func(p *post)) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		p := &post{T: t, clock: testkit.NewClock(time.Date(2020, 12, 5, 1, 0, 0, 0, time.UTC)), status: http.StatusOK}
		secret, public, err := note.GenerateKey(rand.Reader, "hooks.test/webhooks")
		if err != nil {
			t.Fatal(err)
		}
		signer, err := note.NewSigner(secret)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := base64.StdEncoding.DecodeString(strings.SplitN(public, "+", 3)[2])
		if err != nil {
			t.Fatal(err)
		}
		p.public = ed25519.PublicKey(raw[1:])
		p.Service = &Service{DB: db, Now: p.clock.Now, Private: true, Key: func() (note.Signer, string, error) { return signer, public, nil },
			City: func(_ context.Context, slug string) (string, error) {
				city, _, _ := strings.Cut(slug, "-")
				return city, nil
			}}
		server := httptest.NewServer(http.HandlerFunc(p.take))
		t.Cleanup(server.Close)
		p.url = server.URL + "/events"
		test(p)
	})
}

// take is the city's system: it verifies as a reader of docs/api.md would.
func (p *post) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		p.Error(err)
	}
	signature, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.Header.Get("webhook-signature"), "v1a,"))
	signed := r.Header.Get("webhook-id") + "." + r.Header.Get("webhook-timestamp") + "." + string(body)
	if err != nil || !ed25519.Verify(p.public, []byte(signed), signature) {
		p.Errorf("the signature is not good: %v", r.Header)
	}
	var m Message
	if err := json.Unmarshal(body, &m); err != nil || m.ID != r.Header.Get("webhook-id") {
		p.Errorf("%s: %v", body, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.status == http.StatusOK {
		p.got = append(p.got, m)
	}
	w.Header().Set("Location", "/elsewhere")
	w.WriteHeader(p.status)
}

func (p *post) answer(status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status = status
}

func (p *post) received() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.got)
}

func (p *post) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

func (p *post) happen(action, campaign string) {
	p.Helper()
	p.must(p.DB.InTx(p.Context(), func(tx *gorm.DB) error {
		return audit.Record(tx, audit.Entry{At: p.clock.Now(), Actor: "system:campaign", Action: action, Campaign: campaign, Detail: map[string]any{"reason": "a secret of the house"}})
	}))
}

func (p *post) deliver() int {
	p.Helper()
	n, err := p.Deliver(p.Context())
	p.must(err)
	return n
}

func TestEventsAreDelivered(t *testing.T) {
	withPost(t, func(p *post) {
		p.happen("campaign.open", "suzhou-2019") // before anybody listened
		w, err := p.Register(p.Context(), "boss", "suzhou", p.url)
		p.must(err)
		p.happen("campaign.open", "suzhou-2020")
		p.happen("campaign.open", "luohu-2020")         // another city's
		p.happen("registration.exclude", "suzhou-2020") // about one person
		p.happen("draw.published", "suzhou-2020")
		p.deliver()
		if len(p.got) != 2 || p.got[0].Type != "campaign.open" || p.got[0].Campaign != "suzhou-2020" || p.got[0].City != "suzhou" || p.got[1].Type != "draw.published" || !p.got[0].At.Equal(p.clock.Now()) {
			p.Errorf("%+v", p.got)
		}
		if n := p.deliver(); n != 0 || len(p.got) != 2 {
			p.Errorf("%d more: %+v", n, p.got)
		}
		log, err := p.Deliveries(p.Context(), w.ID, 0, 10)
		if err != nil || len(log) != 2 || log[0].Status != Delivered || log[0].Attempts != 1 || log[0].Answer != "200 OK" {
			p.Errorf("%+v %v", log, err)
		}
		if older, err := p.Deliveries(p.Context(), w.ID, log[0].ID, 10); err != nil || len(older) != 1 || older[0].ID != log[1].ID {
			p.Errorf("%+v %v", older, err)
		}
	})
}

func TestDeliveryIsTriedAgainAndGivenUp(t *testing.T) {
	withPost(t, func(p *post) {
		w, err := p.Register(p.Context(), "boss", "suzhou", p.url)
		p.must(err)
		p.happen("campaign.open", "suzhou-2020")
		p.answer(http.StatusFound) // no redirect is followed
		p.deliver()
		for i, pause := range pauses {
			p.clock.Advance(pause - time.Second)
			if n := p.deliver(); n != 0 {
				p.Errorf("attempt %d came early", i+2)
			}
			p.clock.Advance(time.Second)
			if n := p.deliver(); n != 1 {
				p.Errorf("attempt %d did not come", i+2)
			}
		}
		log, err := p.Deliveries(p.Context(), w.ID, 0, 10)
		if err != nil || len(log) != 1 || log[0].Status != Failed || log[0].Attempts != len(pauses)+1 || log[0].Answer != "302 Found" {
			p.Fatalf("%+v %v", log, err)
		}
		p.answer(http.StatusOK)
		p.clock.Advance(100 * time.Hour)
		if n := p.deliver(); n != 0 || len(p.got) != 0 {
			p.Error("what has failed was sent again by itself")
		}
		p.must(p.Retry(p.Context(), "boss", w, log[0].ID))
		p.deliver()
		if len(p.got) != 1 {
			p.Errorf("%+v", p.got)
		}
		if err := p.Retry(p.Context(), "boss", w, log[0].ID); !errors.Is(err, ErrNotFailed) {
			p.Error(err)
		}
	})
}

// An address that never answers delays the others not at all, and itself by one message a run.
func TestASlowAddressDelaysNobody(t *testing.T) {
	withPost(t, func(p *post) {
		stuck := make(chan struct{})
		var asked atomic.Int64
		slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			select {
			case <-stuck:
			case <-r.Context().Done():
			}
		}))
		defer slow.Close()
		defer close(stuck)
		_, err := p.Register(p.Context(), "boss", "suzhou", slow.URL+"/events")
		p.must(err)
		_, err = p.Register(p.Context(), "boss", "suzhou", p.url)
		p.must(err)
		p.happen("campaign.open", "suzhou-2020")
		p.happen("campaign.closed", "suzhou-2020")
		ctx, cancel := context.WithCancel(p.Context())
		ran := make(chan error)
		go func() {
			_, err := p.Deliver(ctx)
			ran <- err
		}()
		for deadline := time.Now().Add(time.Minute); asked.Load() == 0 || p.received() < 2; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				p.Fatalf("%d messages came through beside the slow address, which was asked %d times", p.received(), asked.Load())
			}
		}
		cancel()
		if err := <-ran; !errors.Is(err, context.Canceled) || asked.Load() != 1 {
			p.Errorf("%v; the slow address was asked %d times", err, asked.Load())
		}
	})
}

func TestPausedHearsNothing(t *testing.T) {
	withPost(t, func(p *post) {
		w, err := p.Register(p.Context(), "boss", "suzhou", p.url)
		p.must(err)
		p.must(p.SetStatus(p.Context(), "boss", w.ID, Paused))
		p.happen("campaign.open", "suzhou-2020")
		p.deliver()
		p.must(p.SetStatus(p.Context(), "boss", w.ID, Active))
		p.must(p.SetStatus(p.Context(), "boss", w.ID, Active))
		p.happen("campaign.closed", "suzhou-2020")
		p.deliver()
		if len(p.got) != 1 || p.got[0].Type != "campaign.closed" {
			p.Errorf("%+v", p.got)
		}
		if err := p.SetStatus(p.Context(), "boss", w.ID, "gone"); !errors.Is(err, ErrStatus) {
			p.Error(err)
		}
	})
}

func TestAddressIsRefused(t *testing.T) {
	withPost(t, func(p *post) {
		p.Private = false
		for address, want := range map[string]error{
			"http://city.example/": ErrURL, "https://": ErrURL, "https://u:p@city.example/": ErrURL, "https://city.example/#x": ErrURL, "ftp://city.example": ErrURL, "https://城市.example/": ErrURL,
			"https://localhost/": ErrPrivate, "https://127.0.0.1/": ErrPrivate, "https://10.1.2.3/": ErrPrivate, "https://[::1]/": ErrPrivate, "https://[::ffff:192.168.0.1]/": ErrPrivate, "https://169.254.169.254/": ErrPrivate,
			"https://city.example/events": nil,
		} {
			if _, err := p.Register(p.Context(), "boss", "suzhou", address); !errors.Is(err, want) || want == nil && err != nil {
				p.Errorf("%s: %v", address, err)
			}
		}
		if _, err := p.Register(p.Context(), "boss", "suzhou", "https://city.example/events"); !errors.Is(err, ErrTaken) {
			p.Error(err)
		}
		if _, err := p.Register(p.Context(), "boss", "*", "https://city.example/events"); !errors.Is(err, ErrCity) {
			p.Error(err)
		}
	})
}

// A name that leads inside is refused when it is called, whatever it led to when it was registered.
func TestNoNameLeadsInside(t *testing.T) {
	withPost(t, func(p *post) {
		w, err := p.Register(p.Context(), "boss", "suzhou", p.url)
		p.must(err)
		p.Private = false
		p.happen("campaign.open", "suzhou-2020")
		p.deliver()
		log, err := p.Deliveries(p.Context(), w.ID, 0, 10)
		if err != nil || len(log) != 1 || log[0].Status != Pending || log[0].Answer != errPrivate.Error() || len(p.got) != 0 {
			p.Errorf("%+v %v", log, err)
		}
	})
	for address, want := range map[string]bool{"1.1.1.1": true, "2606:4700::1111": true, "100.64.0.1": false, "0.0.0.0": false, "198.18.0.1": false, "fd00::1": false, "fe80::1": false,
		"64:ff9b::7f00:1": false, "::ffff:10.0.0.1": false, "224.0.0.1": false, "255.255.255.255": false} {
		if got := public(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s is public: %v", address, got)
		}
	}
}
