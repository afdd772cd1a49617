package rehearsal

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
)

// figures fills the summary from the service's figures, which come from settled rows, and holds what must follow from them.
func (s *script) figures(ctx context.Context) error {
	m := &s.summary
	m.Winners, m.Sample = len(s.winners), s.sample()
	if s.Until == Open {
		return nil
	}
	var answer struct {
		Total    *Money
		Coverage *Coverage
	}
	answer.Total, answer.Coverage = &m.Money, &m.Coverage
	if err := s.staff.auditor.ask(ctx, http.MethodGet, s.campaignPath("/figures"), nil, &answer); err != nil {
		return err
	}
	if s.Until < Closed {
		return nil
	}
	s.hold("credited-accounted-for", m.Credited == m.Spent+m.Recalled+m.InFlight, "credited %d = spent %d + recalled %d + in flight %d fen", m.Credited, m.Spent, m.Recalled, m.InFlight)
	s.hold("nothing-left-over", m.InFlight == 0 && m.Budget == m.Spent+m.Returned, "budget %d = spent %d + returned %d fen", m.Budget, m.Spent, m.Returned)
	s.covered()
	return nil
}

func (s *script) sample() Lookup {
	for _, list := range [][]*citizen{s.credited, s.citizens} {
		for _, c := range list {
			if c.code != "" {
				return Lookup{c.Phone, c.code}
			}
		}
	}
	return Lookup{}
}

// covered holds that settled payments are there for each cell of the matrix whose operator has a holder, each pay mode and each scenario.
func (s *script) covered() {
	var missing []string
	for _, o := range s.book.Operators {
		held := slices.ContainsFunc(s.credited, func(c *citizen) bool { return c.Operator == o.Name })
		for _, app := range o.Apps {
			if held && !slices.Contains(s.summary.Coverage.SubWallets, [2]string{o.Name, app}) {
				missing = append(missing, o.Name+" x "+app)
			}
		}
	}
	for _, scenario := range s.book.Scenarios {
		if !slices.Contains(s.summary.Coverage.Scenarios, scenario.Name) {
			missing = append(missing, scenario.Name)
		}
		for _, mode := range scenario.PayModes {
			if !slices.Contains(s.summary.Coverage.PayModes, mode) {
				missing = append(missing, mode)
			}
		}
	}
	s.hold("coverage", len(missing) == 0, "%d cells, %d pay modes, %d scenarios; missing: %v", len(s.summary.Coverage.SubWallets),
		len(s.summary.Coverage.PayModes), len(s.summary.Coverage.Scenarios), missing)
}

// Print writes the summary for people.
func (s *Summary) Print(w io.Writer) {
	yuan := func(fen int64) string { return fmt.Sprintf("%d.%02d", fen/100, fen%100) }
	fmt.Fprintf(w, "%s: %d registrations, %d refused, %d winners\n", s.Campaign, s.Registrations, s.Refused, s.Winners)
	fmt.Fprintf(w, "budget %s  awarded %s  credited %s  spent %s  recalled %s  returned %s  in flight %s (yuan)\n", yuan(s.Budget), yuan(s.Awarded),
		yuan(s.Credited), yuan(s.Spent), yuan(s.Recalled), yuan(s.Returned), yuan(s.InFlight))
	fmt.Fprintf(w, "plan %s\nseed %s\nresult %s\n", s.Draw.PlanHash, s.Draw.Seed, s.Draw.ResultHash)
	for _, c := range s.Checks {
		mark := "ok  "
		if !c.OK {
			mark = "FAIL"
		}
		fmt.Fprintf(w, "%s  %-28s %s\n", mark, c.Name, c.Detail)
	}
	seconds := 0.0
	for _, p := range s.Phases {
		seconds += p.Seconds
	}
	fmt.Fprintf(w, "%d checks in %.1f s\n", len(s.Checks), seconds)
}
