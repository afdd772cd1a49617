// Package sandbox is everybody outside the platform: six operator banks, a notary and a telecom operator for SMS, as real
// HTTP servers on the loopback address, with the citizens' wallet apps and the merchants' tills. The banks keep money as
// the port demands (each order once, envelope money first, refunds own money first) and misbehave as Options.Faults says.
//
// What always holds: everything follows from Options.Seed and from what is asked, never from timing. A fault belongs to a
// number (of an order, an event, a day), so the same seed and the same numbers meet the same faults. State is in memory.
package sandbox

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Operators are the six banks, and Apps the merchant apps that each pushes sub-wallets to (Suzhou, December 2020).
var (
	Operators = []string{"icbc", "abc", "boc", "ccb", "bocom", "psbc"}
	Apps      = map[string][]string{
		"icbc": {"jd", "meituan-bike", "didi"}, "abc": {"jd"}, "boc": {"jd", "bilibili"},
		"ccb": {"jd", "shanrong"}, "bocom": {"jd"}, "psbc": {"jd"},
	}
)

// Notary is the name of the notary, who adds a secret and cosigns but keeps no wallets.
const Notary = "notary"

// Options say how the street is. Now and Seed decide everything; the zero value of the rest is a calm street.
type Options struct {
	Seed        int64
	Faults      Faults // FaultsNone if empty
	Now         func() time.Time
	PlatformURL string           // where events go; SetPlatform can set it later
	PlatformKey *ecdsa.PublicKey // whose requests the banks believe
	Apps        map[string][]string
	Members     map[string]string // city banks behind the access point: the bank's code by its name
	Latency     time.Duration     // of every answer of a bank
	Hang        time.Duration     // how long a timed-out call hangs before its connection breaks; 0 breaks it at once
	Log         *slog.Logger
}

// Street is the running servers.
type Street struct {
	options  Options
	platform atomic.Pointer[string]
	http     *http.Client
	parties  map[string]*party
	banks    map[string]*bank
	urls     map[string]string
	offices  counters
	servers  []*http.Server
	stop     context.CancelFunc
	work     sync.WaitGroup
}

// Start opens the servers. They stop when ctx ends or at Close.
func Start(ctx context.Context, o Options) (*Street, error) {
	if o.Now == nil || o.PlatformKey == nil {
		return nil, errors.New("sandbox: Now and PlatformKey are needed")
	}
	if err := o.complete(); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	s := &Street{options: o, parties: map[string]*party{}, banks: map[string]*bank{}, urls: map[string]string{}, stop: stop,
		http: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 32}}}
	s.SetPlatform(o.PlatformURL)
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	context.AfterFunc(ctx, func() { _ = s.Close() })
	return s, nil
}

func (o *Options) complete() error {
	if o.Faults == "" {
		o.Faults = FaultsNone
	}
	if _, ok := faultLevels[o.Faults]; !ok {
		return fmt.Errorf("sandbox: faults are none, normal or harsh, not %q", o.Faults)
	}
	if o.Apps == nil {
		o.Apps = Apps
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	return nil
}

func (s *Street) open(ctx context.Context) error {
	for _, name := range append([]string{Notary}, Operators...) {
		p, err := newParty(s, name)
		if err != nil {
			return err
		}
		s.parties[name] = p
		mux := http.NewServeMux()
		p.routes(mux)
		if name != Notary {
			if err := s.openBank(ctx, p, mux); err != nil {
				return err
			}
		}
		if err := s.listen(name, mux); err != nil {
			return err
		}
	}
	if err := s.openAccessPoint(ctx); err != nil {
		return err
	}
	return s.listen(smsName, newSMS(s.options.Now).routes(&s.offices))
}

func (s *Street) openBank(ctx context.Context, p *party, mux *http.ServeMux) error {
	b, err := newBank(s, p)
	if err != nil {
		return err
	}
	b.routes(mux)
	s.banks[b.name] = b
	s.work.Go(func() { b.deliverForever(ctx) })
	return nil
}

func (s *Street) listen(name string, handler http.Handler) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("sandbox: %s: %w", name, err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(s.options.Log.Handler(), slog.LevelDebug)}
	s.servers = append(s.servers, server)
	s.urls[name] = "http://" + listener.Addr().String()
	s.work.Go(func() { _ = server.Serve(listener) })
	return nil
}

// SetPlatform tells the banks where the platform is. Events wait until it is set.
func (s *Street) SetPlatform(url string) { s.platform.Store(&url) }

// Banks gives the addresses of the six banks by name.
func (s *Street) Banks() map[string]string {
	urls := make(map[string]string, len(Operators))
	for _, name := range Operators {
		urls[name] = s.urls[name]
	}
	return urls
}

// NotaryURL is the notary's address.
func (s *Street) NotaryURL() string { return s.urls[Notary] }

// SMSURL is the telecom operator's address.
func (s *Street) SMSURL() string { return s.urls[smsName] }

// PublicKeys gives the SM2 keys with which banks and notary sign, by name.
func (s *Street) PublicKeys() map[string]*ecdsa.PublicKey {
	keys := make(map[string]*ecdsa.PublicKey, len(s.parties))
	for name, p := range s.parties {
		keys[name] = &p.keys.signer().Key.PublicKey
	}
	return keys
}

// Offices is the name under which the telecom operator and the city's other offices are counted.
const Offices = "offices"

// Counters gives, by bank, how often each operation was called ("credits", "payments" ...), how calls were answered
// ("credits:answered", "credits:refused", "credits:unreliable") and each fault happened ("fault:timeout-after" ...); and by Offices
// how calls of "sms", "names" and "evidence" were answered.
func (s *Street) Counters() map[string]map[string]int64 {
	all := map[string]map[string]int64{Offices: s.offices.copy()}
	for name, b := range s.banks {
		all[name] = b.counts.copy()
	}
	return all
}

// Flush delivers every pending event of every bank and gives how many could not be.
func (s *Street) Flush(ctx context.Context) (pending int) {
	for _, b := range s.banks {
		_, left := b.flush(ctx)
		pending += left
	}
	return pending
}

// Close stops the servers and waits for what they do. It may be called twice.
func (s *Street) Close() error {
	s.stop()
	var err error
	for _, server := range s.servers {
		err = errors.Join(err, server.Close())
	}
	s.work.Wait()
	s.http.CloseIdleConnections()
	return err
}

// counters count what happened, by name.
type counters struct {
	mu sync.Mutex
	n  map[string]int64
}

func (c *counters) add(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = make(map[string]int64)
	}
	c.n[name]++
}

// answers counts how calls are answered: answered, refused, or unreliable, which is a failure, a broken connection, or an answer that
// lacks a header it needs. It counts before the caller can hear.
func (c *counters) answers(name, needs string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &answer{ResponseWriter: w, needs: needs, count: func(outcome string) { c.add(name + ":" + outcome) }}
		defer func() {
			if !a.given {
				a.count("unreliable")
			}
		}()
		next.ServeHTTP(a, r)
	})
}

// answer is a response whose outcome is counted with its status line.
type answer struct {
	http.ResponseWriter
	needs string // a header, or ""
	given bool
	count func(outcome string)
}

func (a *answer) WriteHeader(status int) {
	a.given = true
	switch {
	case status >= 500 || a.needs != "" && a.Header().Get(a.needs) == "":
		a.count("unreliable")
	case status >= 300:
		a.count("refused")
	default:
		a.count("answered")
	}
	a.ResponseWriter.WriteHeader(status)
}

func (c *counters) copy() map[string]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := make(map[string]int64, len(c.n))
	for name, count := range c.n {
		n[name] = count
	}
	return n
}
