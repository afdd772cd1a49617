package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"

	"hongbao/campaign"
)

// resolveDifferences settles every open difference by hand, as the city's staff would after asking the operator.
func (s *script) resolveDifferences(ctx context.Context) error {
	list, err := s.differences(ctx)
	if err != nil {
		return err
	}
	found := make(map[string]int)
	for _, d := range list {
		found[d.Kind]++
		if d.Status != "open" {
			continue
		}
		in := map[string]string{"reason": "rehearsal: the operator's later statement and its answers by order number agree with ours"}
		path := s.campaignPath(fmt.Sprintf("/differences/%d/resolve", d.ID))
		if err := s.staff.operations.ask(ctx, http.MethodPost, path, in, nil); err != nil {
			return err
		}
	}
	if list, err = s.differences(ctx); err != nil {
		return err
	}
	for _, d := range list {
		if d.Status == "open" {
			s.summary.Discrepancies++
		}
	}
	s.Progress.say("  differences found and settled: %v; open: %d", found, s.summary.Discrepancies)
	s.hold("reconciled", s.summary.Discrepancies == 0, "%d differences found, %d still open", len(list), s.summary.Discrepancies)
	return nil
}

// keepStatements stores what each operator stated, one file an operator and day.
func (s *script) keepStatements(ctx context.Context) error {
	first, last := s.book.Windows.ClaimFrom, s.Clock.Now().AddDate(0, 0, -1)
	for _, operator := range s.street.names {
		for day := first; !day.After(last); day = day.AddDate(0, 0, 1) {
			name := day.In(campaign.Shanghai).Format("2006-01-02")
			file, err := s.street.statement(ctx, operator, name)
			if refusedWith(err, http.StatusNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			if err := write(filepath.Join(s.Out, "statements", operator, name+".csv"), file); err != nil {
				return err
			}
		}
	}
	return nil
}

// returnSurplus gives each source back what it has not spent, by an order that two people let out, and closes the books.
func (s *script) returnSurplus(ctx context.Context) error {
	for range 5 {
		err := s.staff.operations.ask(ctx, http.MethodPost, s.campaignPath("/return"), struct{}{}, nil)
		var no *Refusal
		if errors.As(err, &no) && no.Code == "nothing-ready" {
			return s.closeOut(ctx)
		}
		if err != nil {
			return err
		}
		if err := s.settle(ctx, "recall"); err != nil {
			return err
		}
	}
	return errors.New("there is always more to return")
}

// closeOut pays the merchants what is due, and has the certificate issued. What still blocks it is said, not hidden.
func (s *script) closeOut(ctx context.Context) error {
	if err := s.closeDay(ctx); err != nil {
		return err
	}
	var due struct{ Payees []struct{ Payee string } }
	if err := s.staff.operations.ask(ctx, http.MethodGet, s.campaignPath("/payees"), nil, &due); err != nil {
		return err
	}
	for _, p := range due.Payees {
		if err := s.staff.operations.ask(ctx, http.MethodPost, s.campaignPath("/payouts"), map[string]string{"payee": p.Payee, "evidence": "rehearsal: advice " + p.Payee}, nil); err != nil {
			return err
		}
	}
	if _, err := s.staff.approveAll(ctx); err != nil {
		return err
	}
	var open struct{ Blockers []struct{ Code string } }
	if err := s.staff.operations.ask(ctx, http.MethodGet, s.campaignPath("/blockers"), nil, &open); err != nil {
		return err
	}
	if len(open.Blockers) > 0 {
		s.Progress.say("  no close-out certificate yet: %v", open.Blockers)
		return nil
	}
	if err := s.staff.operations.ask(ctx, http.MethodPost, s.campaignPath("/close-out"), struct{}{}, nil); err != nil {
		return err
	}
	_, err := s.staff.approveAll(ctx)
	s.Progress.say("  close-out certificate issued")
	return err
}

// reportRun is a workbook that the service has made.
type reportRun struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// report has every workbook made and downloads them as the regulator's program does, with a token of its own that is revoked afterwards.
func (s *script) report(ctx context.Context) error {
	var answer struct{ Reports []reportRun }
	if err := s.staff.regulator.ask(ctx, http.MethodPost, s.campaignPath("/reports"), map[string]any{"name": "all", "wait": true}, &answer); err != nil {
		return err
	}
	var token struct {
		Text  string
		Token struct{ ID int64 }
	}
	in := map[string]any{"name": "rehearsal", "scopes": []string{"reports.download"}, "days": 1}
	if err := s.staff.regulator.ask(ctx, http.MethodPost, "/api/v1/admin/tokens", in, &token); err != nil {
		return err
	}
	for _, r := range answer.Reports {
		var file []byte
		if err := s.api.do(ctx, http.MethodGet, fmt.Sprintf("/api/v1/admin/reports/%d/file", r.ID), bearer(token.Text), nil, &file); err != nil {
			return err
		}
		if err := write(filepath.Join(s.Out, "reports", r.Name+".xlsx"), file); err != nil {
			return err
		}
	}
	if err := s.staff.regulator.ask(ctx, http.MethodPost, fmt.Sprintf("/api/v1/admin/tokens/%d/revoke", token.Token.ID), nil, nil); err != nil {
		return err
	}
	s.Progress.say("  %d workbooks", len(answer.Reports))
	s.hold("workbooks", len(answer.Reports) >= 12, "%d workbooks", len(answer.Reports))
	return nil
}

// check verifies the bundle that stays, with its promotions, and runs `hongbao check`.
func (s *script) check(ctx context.Context) error {
	report, err := s.download(ctx)
	if err != nil {
		return err
	}
	s.hold("bundle-verifies", report.OK(), "%d checks, failed: %v", len(report.Checks), report.Failures())
	checks, err := s.Check(ctx)
	s.summary.Checks = append(s.summary.Checks, checks...)
	return err
}
