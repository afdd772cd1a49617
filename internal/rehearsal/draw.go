package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// drawState is the public state of a draw.
type drawState struct {
	Status     string `json:"status"`
	WaitingFor string `json:"waiting_for"`
}

// drawOrder is the order of a draw's statuses; it has no way back.
var drawOrder = []string{"prepared", "noticed", "announced", "frozen", "planned", "sealed", "revealed", "seeded", "drawn", "published"}

func (s *script) drawState(ctx context.Context) (state drawState, err error) {
	err = s.api.do(ctx, http.MethodGet, "/api/v1/draws/"+s.book.ID, nil, nil, &state)
	return state, err
}

// advance runs the job that takes every step that is due, and lets the witnesses cosign each, until the draw has come to a status.
func (s *script) advance(ctx context.Context, status string) error {
	for range 4 * len(drawOrder) {
		if _, err := s.staff.run(ctx, "lottery-advance"); err != nil {
			return err
		}
		state, err := s.drawState(ctx)
		if err != nil {
			return err
		}
		if slices.Index(drawOrder, state.Status) >= slices.Index(drawOrder, status) {
			return nil
		}
		if err := s.street.witness(ctx, s.book.City.Code, s.book.ID); err != nil {
			return err
		}
		s.at(s.Clock.Now().Add(time.Minute))
	}
	state, err := s.drawState(ctx)
	return errors.Join(err, fmt.Errorf("the draw stays %s, waiting for %q, and does not become %s", state.Status, state.WaitingFor, status))
}

// Attend lets the banks' and the notary's people do what any public draw waits for: cosign, or reveal. The demo calls it from time to
// time, as those people would look at their screens.
func Attend(ctx context.Context, platform string, banks map[string]string, notary string) error {
	transport := newHTTP()
	defer transport.CloseIdleConnections()
	people := newStreet(Rehearsal{Banks: banks, Notary: notary}, transport)
	var answer struct {
		Draws []struct {
			ID, City   string
			WaitingFor string `json:"waiting_for"`
		}
	}
	if err := (client{platform, transport}).do(ctx, http.MethodGet, "/api/v1/draws", nil, nil, &answer); err != nil {
		return err
	}
	var problems []error
	for _, d := range answer.Draws {
		switch d.WaitingFor {
		case "witnesses":
			problems = append(problems, people.witness(ctx, d.City, d.ID))
		case "reveals":
			problems = append(problems, people.reveal(ctx, d.ID))
		}
	}
	return errors.Join(problems...)
}

// draw closes registration, has the list reviewed, freezes and commits the lists, reveals, waits for the beacon round and draws.
func (s *script) draw(ctx context.Context) error {
	s.at(s.book.Windows.Close.Add(time.Minute))
	if _, err := s.staff.run(ctx, "campaign-close"); err != nil {
		return err
	}
	if err := s.review(ctx); err != nil {
		return err
	}
	s.at(s.book.Windows.Freeze())
	if err := s.advance(ctx, "sealed"); err != nil {
		return err
	}
	s.at(s.book.Windows.Draw().Add(-30 * time.Minute))
	if err := s.street.reveal(ctx, s.book.ID); err != nil {
		return err
	}
	if err := s.advance(ctx, "revealed"); err != nil {
		return err
	}
	if err := s.street.witness(ctx, s.book.City.Code, s.book.ID); err != nil {
		return err
	}
	s.at(s.book.Windows.Draw().Add(time.Minute))
	return s.advance(ctx, "published")
}
