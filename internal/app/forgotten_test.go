package app

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"hongbao/campaign"
	"hongbao/internal/staff"
)

// forgotten takes a campaign that is settled past the end of its personal data: people without a prize go, then two people
// destroy its key. No page and no report fails, every invariant holds, and the draw still verifies.
func forgotten(t *testing.T, s *stage, slug string) {
	t.Helper()
	ctx, campaigns := context.Background(), s.platform.campaigns
	found, err := campaigns.BySlug(ctx, slug)
	if err != nil || found.Status != campaign.Settled {
		t.Fatal(found.Status, err)
	}
	book, err := campaigns.RuleBook(ctx, found.ID)
	if err != nil {
		t.Fatal(err)
	}
	kept := func() (n int) {
		if err := s.platform.db.Read(ctx).Raw("SELECT COUNT(*) FROM registrations WHERE LENGTH(sealed) > 0").Scan(&n).Error; err != nil {
			t.Fatal(err)
		}
		return n
	}
	all, winners := kept(), 0
	if err := s.platform.db.Read(ctx).Raw("SELECT COUNT(DISTINCT registration_id) FROM awards WHERE status <> 'waiting'").Scan(&winners).Error; err != nil {
		t.Fatal(err)
	}
	s.clock.Set(book.Windows.SpendUntil.AddDate(0, 0, book.Keeping().UnselectedDays+1))
	if n, err := campaigns.EraseUnselected(ctx); err != nil || n != all-winners || kept() != winners {
		t.Errorf("of %d people %d were deleted and %d kept, %d have won: %v", all, n, kept(), winners, err)
	}
	looks(t, s, slug)
	s.clock.Set(book.Windows.SpendUntil.AddDate(0, 0, book.Keeping().WinnersDays+1))
	approval, err := campaigns.RequestDestruction(ctx, "maker", slug, slug)
	if err == nil {
		err = s.platform.staff.Decide(ctx, approval, staff.Account{Username: "checker", City: staff.AllCities, Role: staff.Approver}, true, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	looks(t, s, slug)
	s.reportsAgain(t, slug)
	list, err := checks(ctx, s.platform.db)
	for _, c := range list {
		if !c.OK {
			t.Errorf("%s: %s", c.Name, c.Detail)
		}
	}
	if certificates, problem := campaigns.Deletions(ctx, found.ID); err != nil || problem != nil || len(certificates) != 2 || certificates[1].Registrations != int64(winners) {
		t.Errorf("%+v, %v, %v", certificates, problem, err)
	}
}

// reportsAgain has every workbook made once more.
func (s *stage) reportsAgain(t *testing.T, slug string) {
	t.Helper()
	for _, account := range s.staff {
		if account.Role != string(staff.Regulator) {
			continue
		}
		request, err := http.NewRequest(http.MethodPost, s.address+"/api/v1/admin/campaigns/"+slug+"/reports", strings.NewReader(`{"name":"all","wait":true}`))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+staffToken(t, s, account))
		request.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode >= 300 {
			t.Errorf("reports: %d", response.StatusCode)
		}
	}
	var failed, made int
	if err := s.platform.db.Read(t.Context()).Raw("SELECT COUNT(*), COALESCE(SUM(CASE WHEN status = 'failed' THEN 1 ELSE 0 END), 0) FROM report_runs").Row().Scan(&made, &failed); err != nil || failed > 0 || made < 24 {
		t.Errorf("%d reports, %d failed, %v", made, failed, err)
	}
}
