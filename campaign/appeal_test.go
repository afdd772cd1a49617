package campaign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"hongbao/internal/database"
	"hongbao/internal/staff"
	"hongbao/internal/testkit"
	"hongbao/internal/web"
)

// ring registers n people from one device and gives their receipts.
func (w *world) ring(c Campaign, n int) (list []Receipt) {
	w.t.Helper()
	for i := range n {
		sub := person(c.Slug, 500+i*7)
		sub.Device, sub.Network = "phone-farm", "192.0.2.9"
		receipt, err := w.Register(context.Background(), sub)
		if err != nil {
			w.t.Fatal(err)
		}
		list = append(list, receipt)
	}
	return list
}

// close closes a campaign's registration and applies the risk rules.
func (w *world) close(c Campaign) []Finding {
	w.t.Helper()
	ctx := context.Background()
	w.endRegistration(c)
	for range 2 { // a second run finds nothing more
		if _, err := w.AssessDue(ctx); err != nil {
			w.t.Fatal(err)
		}
	}
	findings, err := w.Findings(ctx, c.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return findings
}

func (w *world) status(id int64) string {
	w.t.Helper()
	row, err := registrationWhere(w.DB.Read(context.Background()), "id = ?", id)
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.TrimSpace(row.Status + " " + row.Reason)
}

// From what a rule finds to the freeze: two people exclude, everybody named is told, one appeal is granted and one is not,
// and once the list is frozen no appeal changes it.
func TestTwoPeopleExcludeAndAnAppealReverses(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := newWorld(t, db), context.Background()
		c := w.open(suzhou(t, anyone...))
		ring := w.ring(c, 7)
		private := person(c.Slug, 1) // without the consent, no trace of device and network
		private.Consents, private.Device, private.Network = private.Consents[:2], "phone-farm", "192.0.2.9"
		if _, err := w.Register(ctx, private); err != nil {
			t.Fatal(err)
		}
		findings := w.close(c)
		if len(findings) != 1 || findings[0].Members != 7 || findings[0].Rule != "one-device" || findings[0].Version != "2020-12" {
			t.Fatalf("found %+v", findings)
		}
		if n := w.count("SELECT COUNT(*) FROM registrations WHERE status = 'confirmed'"); n != 8 {
			t.Errorf("the rules alone excluded somebody: %d are left", n)
		}
		members, err := w.FindingMembers(ctx, "maker", findings[0])
		if err != nil || len(members) != 7 || !strings.Contains(members[0].Phone, "*") {
			t.Errorf("members %+v, %v", members, err)
		}
		var seen []int64
		for _, m := range members {
			seen = append(seen, m.ID)
		}
		w.showed("risk.members", seen...)
		approval, err := w.ProposeExclusion(ctx, "maker", findings[0].ID, "同一设备")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.ClearFinding(ctx, "maker", findings[0].ID, "误报"); !errors.Is(err, errFindingStatus) {
			t.Errorf("cleared while it waits: %v", err)
		}
		if err := w.Staff.Decide(ctx, approval, staff.Account{Username: "maker", City: "*", Role: staff.Approver}, true, ""); !errors.Is(err, staff.ErrOwnRequest) {
			t.Errorf("one person alone excluded: %v", err)
		}
		if err := w.Staff.Decide(ctx, approval, staff.Account{Username: "checker", City: "*", Role: staff.Approver}, true, ""); err != nil {
			t.Fatal(err)
		}
		counts, err := w.ExcludedCounts(ctx, c.ID)
		if err != nil || len(counts) != 1 || counts[0] != (ReasonCount{"risk-same-device", 7}) {
			t.Errorf("published: %v, %v", counts, err)
		}
		told := w.count("SELECT COUNT(*) FROM messages WHERE stage = 'excluded'")
		why, err := w.Explain(ctx, ring[0].ID)
		if err != nil || told != 7 || len(why) != 1 || why[0].ZH != "规则“一台设备多份登记”（第 2020-12 版）：同一设备登记了 7 份，超过 5 份。" {
			t.Errorf("told %d, explained %v, %v", told, why, err)
		}
		w.hearAppeals(c, ring)
	})
}

func (w *world) hearAppeals(c Campaign, ring []Receipt) {
	t, ctx := w.t, context.Background()
	t.Helper()
	for _, receipt := range ring[:3] {
		if _, err := w.AppealExclusion(ctx, receipt.ID, "全家共用一部手机"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.AppealExclusion(ctx, ring[0].ID, "再说一次"); !errors.Is(err, errAppealTwice) {
		t.Errorf("a second appeal: %v", err)
	}
	if n := w.count("SELECT COUNT(*) FROM appeals WHERE sealed LIKE '%手机%'"); n != 0 {
		t.Error("a statement is stored in the clear")
	}
	list, err := w.Appeals(ctx, "operations", c, AppealFilter{Status: AppealOpen})
	if err != nil || len(list) != 3 || list[0].Reason != "risk-same-device" || list[0].Statement != "" {
		t.Fatalf("the queue: %+v, %v", list, err)
	}
	w.showed("appeal.list", list[0].RegistrationID, list[1].RegistrationID, list[2].RegistrationID)
	if heard, err := w.HearAppeal(ctx, "operations", list[0].ID); err != nil || heard.Statement != "全家共用一部手机" || !strings.HasPrefix(heard.Person.Name, "张*") {
		t.Errorf("heard %+v, %v", heard, err)
	}
	w.showed("appeal.view", list[0].RegistrationID)
	if data, err := w.MyData(ctx, list[0].RegistrationID); err != nil || len(data.Appeals) != 1 || data.Appeals[0].Statement != "全家共用一部手机" {
		t.Errorf("the person's own data: %+v, %v", data.Appeals, err)
	}
	if err := w.DecideAppeal(ctx, "maker", list[0].ID, false, "x"); !errors.Is(err, errOwnExclusion) {
		t.Errorf("who proposed it decides: %v", err)
	}
	if err := w.DecideAppeal(ctx, "operations", list[0].ID, true, "户口簿与说明一致"); err != nil {
		t.Fatal(err)
	}
	if err := w.DecideAppeal(ctx, "operations", list[1].ID, false, "材料不足"); err != nil {
		t.Fatal(err)
	}
	if err := w.DecideAppeal(ctx, "operations", list[1].ID, true, "想了想"); !errors.Is(err, errAppealDecided) {
		t.Errorf("decided twice: %v", err)
	}
	if a, b := w.status(list[0].RegistrationID), w.status(list[1].RegistrationID); a != Confirmed || b != "excluded risk-same-device" {
		t.Errorf("after the decisions: %s, %s", a, b)
	}
	w.clock.Set(mustBook(t, w, c.ID).Windows.Freeze())
	if n, err := w.CountAppeals(ctx, c.ID); err != nil || n != (AppealCounts{Open: 1, Overdue: 1, Upheld: 1, Reversed: 1}) {
		t.Errorf("%+v, %v", n, err)
	}
	if err := w.Freeze(ctx, c.ID); err != nil {
		t.Fatal(err)
	}
	if err := w.DecideAppeal(ctx, "operations", list[2].ID, true, "太晚"); !errors.Is(err, errFrozen) {
		t.Errorf("an appeal changed a frozen list: %v", err)
	}
	w.clock.Advance(time.Second) // what the shelf knows of the freeze is a second old at most
	if _, err := w.AppealExclusion(ctx, ring[5].ID, "太晚"); !errors.Is(err, errFrozen) {
		t.Errorf("an appeal after the freeze: %v", err)
	}
	if mine, err := w.MyAppeals(ctx, list[2].RegistrationID); err != nil || len(mine) != 1 || !mine[0].Final || mine[0].Status != AppealOpen {
		t.Errorf("what the person sees: %+v, %v", mine, err)
	}
	if n := w.count("SELECT COUNT(*) FROM messages WHERE stage IN ('appeal-upheld', 'appeal-reversed')"); n != 2 {
		t.Errorf("%d outcomes are told", n)
	}
}

// Who is refused gets a number, of which nothing is stored, and with it, the document and the phone can appeal; the clock of
// the rule book ends it.
func TestARefusalIsAppealableByItsNumber(t *testing.T) {
	s := newSite(t)
	c := s.open(suzhou(t, anyone[2], anyone[3]))
	path := "/api/v1/campaigns/" + c.Slug
	sub := person(c.Slug, 1)
	var problem web.Problem
	if status := s.json("POST", path+"/registrations", "", body(t, sub), &problem); status != 400 || problem.Code != "no-evidence" || len(problem.Reference) != 14 {
		t.Fatalf("refused with %d %+v", status, problem)
	}
	appeal := func(sub Submission, attempt string) (int, string) {
		text, err := json.Marshal(map[string]any{"attempt": attempt, "statement": "社保在园区缴纳", "registration": sub})
		if err != nil {
			t.Fatal(err)
		}
		return s.send("POST", path+"/appeals", "", "application/json", string(text))
	}
	other := problem.Reference[:13] + string(codeAlphabet[(strings.IndexByte(codeAlphabet, problem.Reference[13])+1)%32])
	for name, try := range map[string]func() (int, string){
		"a wrong number":   func() (int, string) { return appeal(sub, other) },
		"another's number": func() (int, string) { return appeal(person(c.Slug, 2), problem.Reference) },
		"no number":        func() (int, string) { return appeal(sub, "") },
	} {
		if status, text := try(); status != 400 || !strings.Contains(text, `"field":"attempt"`) {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	if n := s.count("SELECT COUNT(*) FROM registrations"); n != 0 {
		t.Errorf("%d rows of refused people", n)
	}
	var stored receiptJSON
	for range 2 { // the second is the same appeal again
		status, text := appeal(sub, strings.ToLower(problem.Reference))
		if err := json.Unmarshal([]byte(text), &stored); err != nil || status != 201 || stored.Registration.Status != Excluded || stored.Registration.Reason != "no-evidence" {
			t.Fatalf("appealing: %d %s", status, text)
		}
	}
	if status, text := s.send("POST", path+"/registrations", "", "application/json", body(t, sub)); status != 400 {
		t.Errorf("registering while the appeal is open: %d %s", status, text)
	}
	queue, err := s.Appeals(context.Background(), "operations", c, AppealFilter{})
	if err != nil || len(queue) != 1 {
		t.Fatalf("%d appeals, %v", len(queue), err)
	}
	if err := s.DecideAppeal(context.Background(), "operations", queue[0].ID, true, "社保局确认"); err != nil {
		t.Fatal(err)
	}
	var mine struct{ Appeals []MyAppeal }
	if status := s.json("GET", "/api/v1/me/appeals", stored.Token, "", &mine); status != 200 || len(mine.Appeals) != 1 || mine.Appeals[0].Status != AppealReversed || mine.Appeals[0].Answer != "社保局确认" {
		t.Errorf("mine: %d %+v", status, mine)
	}
	if got := s.status(queue[0].RegistrationID); got != Confirmed {
		t.Errorf("after the reversal: %s", got)
	}
	if status, text := s.send("POST", "/api/v1/me/appeals", stored.Token, "application/json", `{"statement":"x"}`); status != 409 || !strings.Contains(text, "not-excluded") {
		t.Errorf("appealing without an exclusion: %d %s", status, text)
	}
	late := person(c.Slug, 3)
	s.json("POST", path+"/registrations", "", body(t, late), &problem)
	s.clock.Advance(50 * time.Hour)
	if status, text := appeal(late, problem.Reference); status != 410 || !strings.Contains(text, "appeal-late") {
		t.Errorf("after the clock: %d %s", status, text)
	}
}

// A browser without scripts is refused, sees why with its number, and appeals; its own page then shows the appeal.
func TestAppealingWithoutScripts(t *testing.T) {
	s := newSite(t)
	c := s.open(suzhou(t, anyone[2], anyone[3]))
	sub := person(c.Slug, 1)
	form := url.Values{"step": {stepSubmit}, "name": {sub.Name}, "document": {sub.Document}, "phone": {sub.Phone}, "operator": {"boc"}, "district": {"gusu"},
		"consents": {strings.Join(sub.Consents, " ")}}
	status, page := s.send("POST", "/c/"+c.Slug+"/register", "", "application/x-www-form-urlencoded", form.Encode())
	if status != 400 || !strings.Contains(page, errEvidence.ZH) || !strings.Contains(page, "申诉编号") || !strings.Contains(page, "12 月 7 日") {
		t.Fatalf("refused: %d %s", status, page)
	}
	status, again := s.step("/c/"+c.Slug+"/appeal", page, url.Values{"statement": {" "}})
	if status != 400 || !strings.Contains(again, errStatement.ZH) {
		t.Fatalf("an empty statement: %d", status)
	}
	status, page = s.step("/c/"+c.Slug+"/appeal", page, url.Values{"statement": {"社保在园区缴纳"}})
	if status != 200 || !strings.Contains(page, "申诉已提出，等待处理") || strings.Contains(page, fmt.Sprint("> ", sub.Document)) {
		t.Fatalf("the person's page: %d %s", status, page)
	}
	for _, lang := range []string{"zh", "en"} {
		if status, page := s.send("GET", "/c/"+c.Slug+"/fair?lang="+lang, "", "", ""); status != 200 || !strings.Contains(page, "2020-12") || !strings.Contains(page, "162/165/167/170/171") {
			t.Errorf("the page on fairness in %s: %d", lang, status)
		}
	}
}
