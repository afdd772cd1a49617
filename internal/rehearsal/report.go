package rehearsal

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"

	"hongbao/campaign"
)

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
