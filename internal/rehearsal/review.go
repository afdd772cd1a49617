package rehearsal

import (
	"context"
	"fmt"
	"net/http"
	"slices"
)

// farmSize is how many citizens of a large enough crowd register from one device, as a seller of accounts would.
const farmSize = 8

// farm gives some ordinary citizens one device, where the rule book looks for that.
func (s *script) farm() {
	if !s.book.Risk.Set() || len(s.citizens) < 20*farmSize {
		return
	}
	device, left := "", farmSize
	for _, c := range s.citizens {
		if c.Case != Ordinary || left == 0 {
			continue
		}
		if device == "" {
			device = c.Device
		}
		c.Device, left = device, left-1
	}
}

// finding is what the service says that a risk rule has found.
type finding struct {
	ID      int64
	Members int64
	Status  string
}

// review is what happens between the close and the freeze: names are checked, two people exclude whom the risk rules name, and appeals are
// heard, one against that and one against a refusal. Both are granted.
func (s *script) review(ctx context.Context) error {
	if !s.book.Risk.Set() || !s.book.Appeals.Set() {
		return nil
	}
	if _, err := s.staff.run(ctx, "risk-assess"); err != nil {
		return err
	}
	if _, err := s.staff.drain(ctx, "outside-check"); err != nil {
		return err
	}
	excluded, err := s.excludeFound(ctx)
	if err != nil {
		return err
	}
	appealed, err := s.appeal(ctx)
	if err != nil {
		return err
	}
	granted, err := s.grantAppeals(ctx)
	if err != nil {
		return err
	}
	s.Progress.say("  %d named by risk rules and excluded; %d appeals, %d granted", excluded, appealed, granted)
	s.hold("appeals-heard", granted == appealed, "%d excluded by two people, %d appeals filed, %d granted before the freeze", excluded, appealed, granted)
	return nil
}

func (s *script) excludeFound(ctx context.Context) (excluded int64, err error) {
	var answer struct{ Findings []finding }
	if err := s.staff.admin.ask(ctx, http.MethodGet, s.campaignPath("/findings"), nil, &answer); err != nil {
		return 0, err
	}
	for _, f := range answer.Findings {
		in := map[string]string{"reason": "rehearsal: one device, people who do not live together"}
		if err := s.staff.admin.ask(ctx, http.MethodPost, s.campaignPath(fmt.Sprintf("/findings/%d/exclusion", f.ID)), in, nil); err != nil {
			return excluded, err
		}
		excluded += f.Members
	}
	_, err = s.staff.approveAll(ctx)
	return excluded, err
}

// appeal lets one person who was excluded, and one who was refused, object.
func (s *script) appeal(ctx context.Context) (n int, err error) {
	for _, c := range s.citizens {
		if c.token == "" {
			continue
		}
		err := s.api.do(ctx, http.MethodPost, "/api/v1/me/appeals", bearer(c.token), map[string]string{"statement": "rehearsal: the phone belongs to my mother"}, nil)
		if refusedWith(err, http.StatusConflict) {
			continue // not excluded
		}
		if err != nil {
			return n, err
		}
		n++
		break
	}
	i := slices.IndexFunc(s.citizens, func(c *citizen) bool { return c.attempt != "" })
	if i < 0 {
		return n, nil
	}
	c := s.citizens[i]
	in := map[string]any{"attempt": c.attempt, "statement": "rehearsal: insured in the city since March", "registration": s.form(c)}
	var answer registered
	if err := s.api.do(ctx, http.MethodPost, "/api/v1/campaigns/"+s.book.ID+"/appeals", http.Header{"X-Forwarded-For": {c.Address}}, in, &answer); err != nil {
		return n, err
	}
	answer.keep(c)
	s.byEntry[c.entry] = c
	s.summary.Registrations++
	return n + 1, nil
}

func (s *script) grantAppeals(ctx context.Context) (n int, err error) {
	var answer struct{ Appeals []struct{ ID int64 } }
	if err := s.staff.operations.ask(ctx, http.MethodGet, s.campaignPath("/appeals?status=open"), nil, &answer); err != nil {
		return 0, err
	}
	for _, a := range answer.Appeals {
		in := map[string]any{"reverse": true, "answer": "rehearsal: papers seen"}
		if err := s.staff.operations.ask(ctx, http.MethodPost, s.campaignPath(fmt.Sprintf("/appeals/%d/decision", a.ID)), in, nil); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
