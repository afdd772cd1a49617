// Package rehearsal is a city's dress rehearsal: synthetic citizens, members of staff, merchants and operators' own people who take
// one campaign from its rule book to its closing reports. They act over HTTP only, with real sessions, a second person for every
// approval, and a clock that runs through the campaign's calendar.
package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"hongbao/campaign"
)

// Clock is the time that the service, the operators and the beacon share. Set moves it on, never back.
type Clock interface {
	Now() time.Time
	Set(time.Time)
}

// Stage is how far a rehearsal goes.
type Stage int

// A demo leaves campaigns open or paying; a rehearsal goes to the end.
const (
	Open    Stage = iota + 1 // registration is open
	Claimed                  // drawn, and the winners have claimed
	Paying                   // envelopes credited, winners spending
	Closed                   // expired, reconciled, returned, reported
)

// Rehearsal is the setting of one campaign's rehearsal. Addresses are base URLs without a final slash.
type Rehearsal struct {
	Platform      string
	Banks         map[string]string // by operator
	Notary        string
	SMS           string // the telecom operator's side: what citizens receive
	Clock         Clock
	Accounts      []Account // one of each role that works on a campaign
	RuleBook      *campaign.RuleBook
	Registrations int
	Whole         bool // the rule book stands as it is; otherwise it is scaled to the registrations
	Seed          uint64
	Until         Stage
	Out           string // directory of bundle/, reports/, statements/ and summary.json
	Progress      Progress
	Rush          *Rush // when set, every winner claims, at a set rate

	// Check recomputes every invariant from the stored rows, as `hongbao check` does.
	Check func(ctx context.Context) ([]Check, error)
}

// script is a rehearsal under way.
type script struct {
	Rehearsal
	api      client
	staff    *staff
	street   *street
	book     *campaign.RuleBook
	consents []string
	citizens []*citizen
	byEntry  map[string]*citizen
	winners  []*citizen
	credited []*citizen     // who held a credited envelope when spending began
	late     []purchaseMade // paid in time, given back after expiry
	summary  Summary
}

// phase is a named part of the script, up to and including a stage.
type phase struct {
	name  string
	stage Stage
	do    func(*script, context.Context) error
}

// phases are the whole campaign, in order.
var phases = []phase{
	{"rule-book", Open, (*script).load},
	{"notice", Open, (*script).publishNotice},
	{"registration", Open, (*script).register},
	{"draw", Claimed, (*script).draw},
	{"verify", Claimed, (*script).verify},
	{"claim", Claimed, (*script).claim},
	{"credit", Paying, (*script).credit},
	{"spend", Paying, (*script).spend},
	{"waitlist", Closed, (*script).promote},
	{"expire", Closed, (*script).expire},
	{"reconcile", Closed, (*script).reconcile},
	{"return", Closed, (*script).closeBooks},
	{"reports", Closed, (*script).report},
	{"check", Closed, (*script).check},
}

// Run rehearses the campaign and returns its summary, which is also written to Out. An error means that the script could not go on;
// a check that does not hold is in the summary.
func (r Rehearsal) Run(ctx context.Context) (*Summary, error) {
	s, err := r.start()
	if err != nil {
		return nil, err
	}
	err = s.run(ctx)
	if err != nil {
		s.hold("script", false, "%v", err)
	}
	return &s.summary, errors.Join(err, s.summary.Write(r.Out))
}

func (s *script) run(ctx context.Context) error {
	for _, p := range phases {
		if p.stage > s.Until {
			break
		}
		s.Progress.say("%s  %s", s.Clock.Now().In(campaign.Shanghai).Format("2006-01-02 15:04"), p.name)
		began := time.Now()
		if err := p.do(s, ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		s.summary.Phases = append(s.summary.Phases, Phase{p.name, time.Since(began).Seconds()})
	}
	return s.figures(ctx)
}

func (r Rehearsal) start() (*script, error) {
	if err := os.MkdirAll(r.Out, 0o755); err != nil {
		return nil, err
	}
	transport := newHTTP()
	api := client{base: r.Platform, http: transport}
	team, err := newStaff(r.Accounts, api, r.Clock)
	if err != nil {
		return nil, err
	}
	book := r.RuleBook
	if r.Until > Open && !r.Whole { // nothing is drawn before
		book = book.Scale(r.Registrations)
	}
	if book != r.RuleBook {
		r.Progress.say("rule book scaled to %d registrations: %d envelopes, %s yuan (the file says %d, %s yuan)", r.Registrations,
			book.Envelopes(), book.Budget(), r.RuleBook.Envelopes(), r.RuleBook.Budget())
	}
	s := &script{Rehearsal: r, api: api, staff: team, street: newStreet(r, transport), book: book, byEntry: make(map[string]*citizen)}
	s.summary.Campaign = book.ID
	s.summary.RefusedBy = make(map[string]int)
	return s, nil
}

// at moves the clock to a moment of the calendar.
func (s *script) at(t time.Time) { s.Clock.Set(t) }

// hold adds a check of the script's own.
func (s *script) hold(name string, ok bool, format string, arguments ...any) {
	s.summary.Checks = append(s.summary.Checks, Check{name, ok, fmt.Sprintf(format, arguments...)})
}
