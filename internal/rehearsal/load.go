package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"hongbao/campaign"
)

// Load is a stream of citizens who register at a set rate and then look their registration up. Arrivals keep to the rate
// whatever the service does, and a time is counted from when the citizen wanted to begin: a service that stalls shows.
// It is bounded in count and in time, and goes to the loopback address only.
type Load struct {
	Targets       []string // replicas, asked in turn
	SMS           string   // the telecom operator's side
	RuleBook      *campaign.RuleBook
	Registrations int
	Rate          float64       // registrations a second
	Lookups       int           // of each who has registered
	Limit         time.Duration // no arrival after that
	Patience      time.Duration // how long one who gets no answer tries again, with the same key; 0 is not at all
	Seed          uint64

	// Acknowledged, when set, is told the entry of every registration that has its receipt.
	Acknowledged func(entry string)
}

// The greatest load that may be asked for.
const (
	MaxLoad     = 1_000_000
	MaxLoadRate = 20_000
	MaxLoadTime = time.Hour
	maxAtOnce   = 2000
)

// Latency is how long one kind of request took, from when it was due.
type Latency struct {
	Kind                    string
	N                       int
	P50, P90, P99, P999, Up time.Duration // Up is the longest
}

// LoadReport is what came of a load.
type LoadReport struct {
	Wanted, Registered int
	Claims             int
	Retried            int            // answers that did not come, and were asked for again
	Errors             map[string]int // by kind and answer
	Took               time.Duration
	Latencies          []Latency
}

// crowd is a load under way.
type crowd struct {
	Load
	scripts []*script // one a target
	mu      sync.Mutex
	times   map[string][]time.Duration
	report  LoadReport
}

// Run sends the citizens and waits for the last of them.
func (l Load) Run(ctx context.Context) (*LoadReport, error) {
	if err := l.bounded(); err != nil {
		return nil, err
	}
	c := l.crowd()
	transport := newHTTP()
	transport.Transport.(*http.Transport).MaxIdleConnsPerHost = maxAtOnce
	transport.Timeout = 30 * time.Second
	for _, target := range l.Targets {
		s := &script{Rehearsal: Rehearsal{Seed: l.Seed}, api: client{target, transport}, street: &street{sms: client{l.SMS, transport}}, book: l.RuleBook}
		if err := s.readConsents(ctx); err != nil {
			return nil, err
		}
		c.scripts = append(c.scripts, s)
	}
	people := l.people()
	c.arrive(ctx, len(people), func(ctx context.Context, i int, due time.Time) { c.visit(ctx, people[i], due) })
	c.report.Wanted = len(people)
	return &c.report, ctx.Err()
}

// crowd is the load before anybody has come.
func (l Load) crowd() *crowd {
	return &crowd{Load: l, times: map[string][]time.Duration{}, report: LoadReport{Errors: map[string]int{}}}
}

// bounded refuses what is not meant: other people's servers, and more than a machine can want.
func (l Load) bounded() error {
	var mistakes []error
	for _, target := range append(slices.Clone(l.Targets), l.SMS) {
		if target != "" && !loopback(target) {
			mistakes = append(mistakes, fmt.Errorf("%s: a load goes to the loopback address only", target))
		}
	}
	if len(l.Targets) == 0 {
		mistakes = append(mistakes, errors.New("no target"))
	}
	if l.Registrations < 1 || l.Registrations > MaxLoad || l.Rate <= 0 || l.Rate > MaxLoadRate || l.Lookups < 0 || l.Lookups > 100 || l.Limit <= 0 || l.Limit > MaxLoadTime {
		mistakes = append(mistakes, fmt.Errorf("want 1 to %d registrations at up to %d a second, up to 100 look-ups each, within %s", MaxLoad, MaxLoadRate, MaxLoadTime))
	}
	if l.RuleBook.Eligibility.NeedsEvidence() {
		mistakes = append(mistakes, errors.New("a load's citizens stand on no list: choose a rule book that asks for none"))
	}
	return errors.Join(mistakes...)
}

func loopback(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return ip != nil && ip.IsLoopback()
}

// people are all entitled, each from an address of its own.
func (l Load) people() (people []*citizen) {
	var operators, districts []string
	for _, o := range l.RuleBook.Operators {
		operators = append(operators, o.Name)
	}
	for _, d := range l.RuleBook.City.Districts {
		districts = append(districts, d.Name)
	}
	source := NewCrowd(l.Seed, l.RuleBook.Windows.Open, operators, districts)
	for len(people) < l.Registrations {
		for _, p := range source.People(l.Registrations) {
			if p.Case == Ordinary && len(people) < l.Registrations {
				people = append(people, &citizen{Person: p, number: len(people)})
			}
		}
	}
	return people
}

// arrive lets n people come at the load's rate and waits for the last of them.
func (c *crowd) arrive(ctx context.Context, n int, visit func(ctx context.Context, i int, due time.Time)) {
	var group sync.WaitGroup
	places := make(chan struct{}, maxAtOnce)
	began := time.Now()
	for i := range n {
		due := began.Add(time.Duration(float64(i) / c.Rate * float64(time.Second)))
		if due.Sub(began) > c.Limit || !sleepUntil(ctx, due) {
			break
		}
		places <- struct{}{}
		group.Go(func() {
			defer func() { <-places }()
			visit(ctx, i, due)
		})
	}
	group.Wait()
	c.report.Took = time.Since(began)
	c.report.Latencies = c.latencies()
}

func sleepUntil(ctx context.Context, due time.Time) bool {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// visit is one citizen: registers, then looks the registration up.
func (c *crowd) visit(ctx context.Context, person *citizen, due time.Time) {
	ok := c.try(ctx, "registration", person.number, due, func(s *script) error { return s.apply(ctx, person) })
	if !ok {
		return
	}
	c.mu.Lock()
	c.report.Registered++
	c.mu.Unlock()
	if c.Acknowledged != nil {
		c.Acknowledged(person.entry)
	}
	for i := range c.Lookups {
		c.try(ctx, "look-up", person.number+i+1, time.Now(), func(s *script) error {
			from := http.Header{"X-Forwarded-For": {person.Address}}
			in := map[string]string{"phone": person.Phone, "code": person.code}
			return s.api.do(ctx, http.MethodPost, "/api/v1/campaigns/"+s.book.ID+"/lookups", from, in, nil)
		})
	}
}

// try asks until it is answered for good or patience is out, each time another replica. A refusal is an answer; that the
// service is busy, or gone, is none.
func (c *crowd) try(ctx context.Context, kind string, first int, due time.Time, ask func(*script) error) bool {
	for attempt := 0; ; attempt++ {
		err := ask(c.scripts[(first+attempt)%len(c.scripts)])
		if err == nil {
			c.took(kind, time.Since(due))
			return true
		}
		if final(err) || time.Since(due) >= c.Patience || !sleepUntil(ctx, time.Now().Add(200*time.Millisecond)) {
			c.failed(kind, err)
			return false
		}
		c.mu.Lock()
		c.report.Retried++
		c.mu.Unlock()
	}
}

// final is an answer that asking again does not change, or that nobody should ever get: a service without its database says
// that it is busy. A code that was sent a moment ago by a replica that died then is asked for again after a minute, so too
// many requests are not final.
func final(err error) bool {
	var no *Refusal
	return errors.As(err, &no) && no.Status != http.StatusServiceUnavailable && no.Status != http.StatusTooManyRequests
}

func (c *crowd) took(kind string, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times[kind] = append(c.times[kind], d)
}

func (c *crowd) failed(kind string, err error) {
	answer := "no answer: " + err.Error()
	var no *Refusal
	var broken *url.Error // without the address, which differs for each
	switch {
	case errors.As(err, &no):
		answer = fmt.Sprint(no.Status, " ", no.Code)
	case errors.As(err, &broken):
		answer = "no answer: " + broken.Err.Error()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.Errors[kind+": "+answer]++
}

func (c *crowd) latencies() (list []Latency) {
	for kind, times := range c.times {
		slices.Sort(times)
		at := func(share float64) time.Duration { return times[min(len(times)-1, int(share*float64(len(times))))] }
		list = append(list, Latency{kind, len(times), at(.5), at(.9), at(.99), at(.999), times[len(times)-1]})
	}
	slices.SortFunc(list, func(a, b Latency) int { return compare(b.Kind, a.Kind) })
	return list
}

// Rush is winners who claim at a set rate, and what came of it.
type Rush struct {
	Rate   float64 // claims a second
	Limit  time.Duration
	Report LoadReport
}

// rush lets every winner claim.
func (s *script) rush(ctx context.Context) error {
	c := Load{Rate: s.Rush.Rate, Limit: s.Rush.Limit}.crowd()
	c.scripts = []*script{s}
	c.arrive(ctx, len(s.winners), func(ctx context.Context, i int, due time.Time) {
		c.try(ctx, "claim", i, due, func(s *script) error { return s.claimOne(ctx, s.winners[i], false) })
	})
	if c.report.Claims = len(c.times["claim"]); c.report.Claims != len(s.winners) {
		c.report.Errors[fmt.Sprintf("%d of %d winners have claimed", c.report.Claims, len(s.winners))]++
	}
	s.Rush.Report = c.report
	return ctx.Err()
}

// Add puts what came of another load under this one.
func (r *LoadReport) Add(other LoadReport) {
	r.Claims += other.Claims
	r.Retried += other.Retried
	r.Latencies = append(r.Latencies, other.Latencies...)
	for answer, n := range other.Errors {
		r.Errors[answer] += n
	}
}

// OK says whether everybody who wanted to has registered, and nothing went wrong.
func (r *LoadReport) OK() bool { return r.Registered == r.Wanted && len(r.Errors) == 0 }

// Print writes the report as text.
func (r *LoadReport) Print(w io.Writer) {
	fmt.Fprintf(w, "%d of %d registered in %.1f s: %.0f a second; %d asked again\n", r.Registered, r.Wanted, r.Took.Seconds(),
		float64(r.Registered)/r.Took.Seconds(), r.Retried)
	if r.Claims > 0 {
		fmt.Fprintf(w, "%d winners claimed\n", r.Claims)
	}
	fmt.Fprintf(w, "%-14s %9s %9s %9s %9s %9s %9s\n", "ms", "n", "p50", "p90", "p99", "p99.9", "longest")
	for _, l := range r.Latencies {
		fmt.Fprintf(w, "%-14s %9d", l.Kind, l.N)
		for _, d := range []time.Duration{l.P50, l.P90, l.P99, l.P999, l.Up} {
			fmt.Fprintf(w, " %9.1f", float64(d.Microseconds())/1000)
		}
		fmt.Fprintln(w)
	}
	for answer, n := range r.Errors {
		fmt.Fprintf(w, "%6d  %s\n", n, answer)
	}
}
