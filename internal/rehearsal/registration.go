package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"hongbao/campaign"
)

// citizen is a person with what the platform answered.
type citizen struct {
	Person
	number  int
	entry   string
	code    string // the confirmation code
	token   string
	attempt string // the number of a refusal that can be appealed
	sms     string // the code that came by message; a second try needs no second code
}

// invite makes the people of this rehearsal. They choose operators in turn, so that each operator has as many.
func (s *script) invite() {
	var operators, districts []string
	for _, o := range s.book.Operators {
		operators = append(operators, o.Name)
	}
	for _, d := range s.book.City.Districts {
		districts = append(districts, d.Name)
	}
	for i, p := range NewCrowd(s.Seed, s.book.Windows.Open, operators, districts).People(s.Registrations) {
		s.citizens = append(s.citizens, &citizen{Person: p, number: i})
	}
	s.farm()
}

// waves are how many portions the registration window is cut into; the clock stands still within one.
const waves = 24

// register opens the campaign and lets everybody register through the public API, spread over the window. Those who repeat another's
// document or phone come last, so that the same seed refuses the same people.
func (s *script) register(ctx context.Context) error {
	s.at(s.book.Windows.Open)
	if _, err := s.staff.run(ctx, "campaign-open"); err != nil {
		return err
	}
	if err := s.readConsents(ctx); err != nil {
		return err
	}
	var first, repeats []*citizen
	for _, c := range s.citizens {
		if c.Case == DuplicateDocument || c.Case == DuplicatePhone {
			repeats = append(repeats, c)
		} else {
			first = append(first, c)
		}
	}
	last := s.book.Windows.Close
	if s.Until == Open {
		last = s.Clock.Now().Add(6 * time.Hour)
	}
	step := last.Sub(s.book.Windows.Open) / (waves + 2)
	meter := s.Progress.start("registration", len(s.citizens))
	defer meter.finish()
	counts := &tally{refused: make(map[string]int), wrong: make(map[Case]int)}
	for wave := range waves + 1 {
		s.at(s.book.Windows.Open.Add(time.Duration(wave+1) * step))
		portion := repeats
		if wave < waves {
			portion = first[wave*len(first)/waves : (wave+1)*len(first)/waves]
		}
		err := each(ctx, portion, func(ctx context.Context, c *citizen) error {
			defer meter.add(1)
			return s.enter(ctx, c, counts)
		})
		if err == nil {
			err = s.confirm(ctx, portion)
		}
		if err == nil {
			_, err = s.staff.run(ctx, "registrations-count")
		}
		if err != nil {
			return err
		}
	}
	return s.count(counts)
}

// readConsents learns from the campaign what a citizen is asked to agree to.
func (s *script) readConsents(ctx context.Context) error {
	var answer struct {
		Consents []struct{ Purpose, Version string }
	}
	err := s.api.do(ctx, http.MethodGet, "/api/v1/campaigns/"+s.book.ID, nil, nil, &answer)
	for _, c := range answer.Consents {
		s.consents = append(s.consents, c.Purpose+"@"+c.Version)
	}
	return err
}

// confirm is the second step where the rule book asks for two: the code that came by message is typed in.
func (s *script) confirm(ctx context.Context, portion []*citizen) error {
	if s.book.Confirmation != campaign.TwoStep {
		return nil
	}
	if _, err := s.staff.drain(ctx, "messages-send"); err != nil {
		return err
	}
	return each(ctx, portion, func(ctx context.Context, c *citizen) error {
		if c.token == "" {
			return nil // refused
		}
		message, err := s.street.message(ctx, c.Phone)
		if err != nil {
			return err
		}
		in := map[string]string{"phone": c.Phone, "code": confirmationPattern.FindString(message)}
		var answer struct {
			Code string `json:"confirmation_code"`
		}
		from := http.Header{"X-Forwarded-For": {c.Address}}
		err = s.api.do(ctx, http.MethodPost, "/api/v1/campaigns/"+s.book.ID+"/confirmations", from, in, &answer)
		c.code = answer.Code
		return err
	})
}

// tally counts answers by reason, and those that a case should not have got.
type tally struct {
	mu       sync.Mutex
	accepted []*citizen
	refused  map[string]int
	wrong    map[Case]int
}

func (s *script) count(t *tally) error {
	for _, c := range t.accepted {
		s.byEntry[c.entry] = c
	}
	s.summary.Registrations = len(t.accepted)
	s.summary.RefusedBy = t.refused
	for _, n := range t.refused {
		s.summary.Refused += n
	}
	s.Progress.say("  %d registered, %d refused %v", s.summary.Registrations, s.summary.Refused, t.refused)
	s.hold("registrations-as-entitled", len(t.wrong) == 0, "answers that a case should not have got: %v", t.wrong)
	if len(t.accepted) == 0 {
		return errors.New("nobody could register")
	}
	return nil
}

// enter registers one citizen: code by message, form, receipt.
func (s *script) enter(ctx context.Context, c *citizen, t *tally) error {
	err := s.apply(ctx, c)
	var no *Refusal
	if err != nil && !(errors.As(err, &no) && no.Status >= 400 && no.Status < 500) {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if no == nil {
		t.accepted = append(t.accepted, c)
	} else {
		t.refused[no.Code]++
		c.attempt = no.Reference
	}
	if (no == nil) != s.entitled(c.Person) {
		t.wrong[c.Case]++
	}
	return nil
}

// entitled says what the rule book promises a person.
func (s *script) entitled(p Person) bool {
	switch p.Case {
	case DuplicateDocument, DuplicatePhone, BadDocument:
		return false
	case Ineligible:
		return !s.book.Eligibility.NeedsEvidence()
	case Minor:
		return s.book.MinAge <= 13
	}
	return slices.Contains(s.book.Documents, p.Kind)
}

var (
	codePattern         = regexp.MustCompile(`\d{6}`)
	confirmationPattern = regexp.MustCompile(`[0-9A-Z]{4}-[0-9A-Z]{4}`)
)

// registered is the answer to a registration.
type registered struct {
	Registration struct{ Entry string }
	Code         string `json:"confirmation_code"`
	Token        string
}

func (r registered) keep(c *citizen) {
	c.entry, c.code, c.token = r.Registration.Entry, r.Code, r.Token
}

// form is what a citizen fills in.
func (s *script) form(c *citizen) map[string]any {
	form := map[string]any{
		"name": c.Name, "document_kind": c.Kind, "document": c.Document, "phone": c.Phone, "operator": c.Operator, "district": c.District,
		"location": true, "consents": s.consents, "device": c.Device,
	}
	if s.book.Pools.By == campaign.ByTier {
		form["tier"] = s.book.Tiers[c.number%len(s.book.Tiers)].Name
	}
	return form
}

func (s *script) apply(ctx context.Context, c *citizen) error {
	from, form := http.Header{"X-Forwarded-For": {c.Address}}, s.form(c)
	if s.book.SMSCode {
		if c.sms == "" {
			code, err := s.smsCode(ctx, c, from)
			if err != nil {
				return err
			}
			c.sms = code
		}
		form["sms_code"] = c.sms
	}
	if s.book.Challenge.Set() {
		if err := s.solve(ctx, c, from, form); err != nil {
			return err
		}
	}
	from.Set("Idempotency-Key", fmt.Sprintf("rehearsal-%d-%08d", s.Seed, c.number))
	var answer registered
	if err := s.api.do(ctx, http.MethodPost, "/api/v1/campaigns/"+s.book.ID+"/registrations", from, form, &answer); err != nil {
		return err
	}
	answer.keep(c)
	return nil
}

func (s *script) smsCode(ctx context.Context, c *citizen, from http.Header) (string, error) {
	in := map[string]string{"phone": c.Phone}
	if err := s.api.do(ctx, http.MethodPost, "/api/v1/campaigns/"+s.book.ID+"/sms-codes", from, in, nil); err != nil {
		return "", err
	}
	message, err := s.street.message(ctx, c.Phone)
	if err != nil {
		return "", err
	}
	code := codePattern.FindString(message)
	if code == "" {
		return "", fmt.Errorf("no code in the message %q", message)
	}
	return code, nil
}
