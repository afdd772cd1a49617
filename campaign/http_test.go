package campaign

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"hongbao/internal/staff"
	"hongbao/internal/testkit"
	"hongbao/internal/web"
)

// site is a world behind real HTTP. The token of a member of staff is "role" or "role@city".
type site struct {
	*world
	url    string
	client *http.Client
}

func newSite(t *testing.T) *site {
	t.Helper()
	w := newWorld(t, testkit.DB(t))
	pages := web.New(web.Options{Environment: "rehearsal", Secret: bytes.Repeat([]byte{1}, 32), Now: w.clock.Now, Log: w.Log,
		Authenticate: func(_ context.Context, token string) (web.Actor, error) {
			role, city, ok := strings.Cut(token, "@")
			if !ok {
				city = "*"
			}
			return web.Actor{ID: 1, Username: role, Role: role, City: city}, nil
		},
		May: func(role, permission string) bool { return staff.Role(role).May(permission) }})
	w.Routes(pages.Engine, pages)
	server := httptest.NewServer(testkit.Conform(t, pages.OpenAPI(), pages.Engine))
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &site{w, server.URL, &http.Client{Jar: jar}}
}

// send makes a request with a bearer token, if any, and gives status and body.
func (s *site) send(method, path, token, contentType, body string) (int, string) {
	s.t.Helper()
	request, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	request.Header.Set("Content-Type", contentType)
	response, err := s.client.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func (s *site) json(method, path, token, body string, out any) int {
	s.t.Helper()
	status, text := s.send(method, path, token, "application/json", body)
	if out != nil {
		if err := json.Unmarshal([]byte(text), out); err != nil {
			s.t.Fatalf("%s %s: %d %s", method, path, status, text)
		}
	}
	return status
}

func body(t *testing.T, sub Submission) string {
	t.Helper()
	text, err := json.Marshal(sub)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestRegistrationOverHTTP(t *testing.T) {
	s := newSite(t)
	c := s.open(suzhou(t, anyone[0], anyone[1]))
	path := "/api/v1/campaigns/" + c.Slug
	sub := person(c.Slug, 1)
	if status := s.json("POST", path+"/sms-codes", "", `{"phone":"`+sub.Phone+`"}`, nil); status != 204 {
		t.Fatalf("code: %d", status)
	}
	sub.SMSCode = regexp.MustCompile(`[0-9]{6}`).FindString(s.inbox.last(sub.Phone))
	var answer receiptJSON
	if status := s.json("POST", path+"/registrations", "", body(t, sub), &answer); status != 201 {
		t.Fatalf("registering: %d", status)
	}
	if answer.Registration.Status != Confirmed || answer.Token == "" || !strings.HasPrefix(answer.Receipt, "draw/v1 receipt\n") {
		t.Errorf("%+v", answer)
	}
	var mine receiptJSON
	if status := s.json("GET", "/api/v1/me/registration", answer.Token, "", &mine); status != 200 || mine.Registration != answer.Registration {
		t.Errorf("mine: %d %+v", status, mine)
	}
	var data MyData
	if status := s.json("GET", "/api/v1/me/data", answer.Token, "", &data); status != 200 || data.Name != sub.Name {
		t.Errorf("data: %d %+v", status, data)
	}
	if status := s.json("POST", path+"/lookups", "", `{"phone":"`+sub.Phone+`","code":"`+answer.ConfirmationCode+`"}`, &mine); status != 200 {
		t.Errorf("lookup: %d", status)
	}
	for _, token := range []string{"", "x", "B" + answer.Token[1:]} {
		if status, text := s.send("GET", "/api/v1/me/data", token, "", ""); status != 401 {
			t.Errorf("token %q: %d %s", token, status, text)
		}
	}
	var asked struct {
		Approval int64 `json:"approval_id"`
	}
	exclusion := `{"entry":"` + answer.Registration.Entry + `","reason":"court-order"}`
	if status := s.json("POST", "/api/v1/admin/campaigns/"+c.Slug+"/exclusions", "city-admin@suzhou", exclusion, &asked); status != 202 || s.decide(asked.Approval, false) != nil {
		t.Errorf("asking for an exclusion: %d %+v", status, asked)
	}
	var deleted struct{ Certificate string }
	if status := s.json("DELETE", "/api/v1/me/data", answer.Token, "", &deleted); status != 200 || !strings.HasPrefix(deleted.Certificate, certificateHeader) {
		t.Errorf("deleting: %d %+v", status, deleted)
	}
	var kept struct{ Certificates []certificateJSON }
	found := "/api/v1/admin/campaigns/" + c.Slug + "/deletions/personal?number=" + answer.Registration.Entry
	if status := s.json("GET", found, "auditor@suzhou", "", &kept); status != 200 || len(kept.Certificates) != 1 || kept.Certificates[0].Note != deleted.Certificate {
		t.Errorf("what staff find: %d %+v", status, kept)
	}
	if status, text := s.send("DELETE", "/api/v1/me/registration", answer.Token, "", ""); status != 409 {
		t.Errorf("withdrawing what is deleted: %d %s", status, text)
	}
	if status, text := s.send("GET", "/api/v1/me/data", answer.Token, "", ""); status != 200 || strings.Contains(text, sub.Phone) {
		t.Errorf("after the withdrawal: %d %s", status, text)
	}
}

// Bad input is answered with the field, in the caller's language, and stores nothing.
func TestBadInputOverHTTP(t *testing.T) {
	s := newSite(t)
	c := s.open(suzhou(t, anyone...))
	good := body(t, person(c.Slug, 1))
	cases := []struct {
		name, body, field string
		status            int
	}{
		{"no JSON", "name=x", "", 400},
		{"an unknown field", strings.Replace(good, "{", `{"admin":true,`, 1), "admin", 400},
		{"a wrong type", strings.Replace(good, `"name":"张三"`, `"name":7`, 1), "name", 400},
		{"two values", good + good, "", 400},
		{"no UTF-8", strings.Replace(good, "张三", "\xff\xfe", 1), "", 400},
		{"a huge body", strings.Replace(good, "张三", strings.Repeat("三", 1<<20), 1), "", 413},
		{"a bad document", strings.Replace(good, resident(1), "320505198001010002", 1), "document", 400},
	}
	for _, tc := range cases {
		var problem web.Problem
		status := s.json("POST", "/api/v1/campaigns/"+c.Slug+"/registrations", "", tc.body, &problem)
		if status != tc.status || problem.Field != tc.field || problem.DetailZH == "" || problem.DetailEN == "" {
			t.Errorf("%s: %d %+v", tc.name, status, problem)
		}
	}
	if n := s.count("SELECT COUNT(*) FROM registrations"); n != 0 {
		t.Errorf("%d rows", n)
	}
}

// Each field has a length and an alphabet. What goes beyond them is refused with the field's name, in the citizen's language,
// and nothing is stored.
func TestEveryFieldIsBounded(t *testing.T) {
	s := newSite(t)
	c := s.open(suzhou(t, anyone...))
	long := func(n int) string { return strings.Repeat("a", n) }
	for field, bad := range map[string][]any{
		"name":          {"", strings.Repeat("张", 61), "张三<script>", "张\u0000三", "12345", 7, nil, []string{"张三"}},
		"document_kind": {"passport", long(5000), 1},
		"document":      {"", "123", long(5000), resident(1) + strings.Repeat(" ", 190) + "x", resident(1) + "'--", "１１", true},
		"phone":         {"", "12345", "+85291234567", long(5000), phoneOf(1) + strings.Repeat(" ", 200), "139\n0000", 13900000001},
		"sms_code":      {"12345", "1234567", "12345a", long(5000), 123456},
		"operator":      {"", "cmb", long(5000), "icbc ", 1},
		"district":      {"atlantis", long(5000), "gusu' OR 1", 3},
		"location":      {"yes", 1, "true"},
		"tier":          {"envelope-200", long(5000), 5},
		"consents":      {nil, []string{}, []string{"registration@1"}, []string{"registration@99", "operator@1"}, []string{long(5000)}, slices.Repeat([]string{"registration", "operator"}, 50), "registration"},
		"code_word":     {"a", long(13), "a.b", "见 面", "123", "桂\u0000花", 7},
		"device":        {long(65), "a b", "设备", 9},
	} {
		for _, value := range bad {
			var submission map[string]any
			if err := json.Unmarshal([]byte(body(t, person(c.Slug, 1))), &submission); err != nil {
				t.Fatal(err)
			}
			if submission[field] = value; value == nil {
				delete(submission, field)
			}
			text, err := json.Marshal(submission)
			if err != nil {
				t.Fatal(err)
			}
			s.refuses(c.Slug, field, string(text), "")
		}
	}
	for _, key := range []string{"short", long(65), "with blank", "密钥密钥密钥"} {
		s.refuses(c.Slug, "Idempotency-Key", body(t, person(c.Slug, 1)), key)
	}
	if n := s.count("SELECT COUNT(*) FROM registrations"); n != 0 {
		t.Errorf("%d rows", n)
	}
	if status, text := s.send("POST", "/api/v1/campaigns/"+c.Slug+"/registrations", "", "application/json", body(t, person(c.Slug, 1))); status != 201 {
		t.Errorf("the good one: %d %s", status, text)
	}
}

// refuses fails unless a submission is refused for a field, in the language that is asked for.
func (s *site) refuses(slug, field, body, key string) {
	s.t.Helper()
	for language, han := range map[string]bool{"zh": true, "en": false} {
		request, err := http.NewRequest("POST", s.url+"/api/v1/campaigns/"+slug+"/registrations?lang="+language, strings.NewReader(body))
		if err != nil {
			s.t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		if key != "" {
			request.Header.Set("Idempotency-Key", key)
		}
		response, err := s.client.Do(request)
		if err != nil {
			s.t.Fatal(err)
		}
		defer response.Body.Close()
		var problem web.Problem
		if err := json.NewDecoder(response.Body).Decode(&problem); err != nil {
			s.t.Fatal(err)
		}
		inHan := strings.ContainsFunc(problem.Detail, func(r rune) bool { return unicode.Is(unicode.Han, r) })
		if response.StatusCode != 400 || problem.Field != field || inHan != han {
			s.t.Errorf("%s in %s: %d, field %q, %q\n%.300s", field, language, response.StatusCode, problem.Field, problem.Detail, body)
		}
	}
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// step posts a form's fields with the hidden ones of the page before.
func (s *site) step(path, page string, fields url.Values) (int, string) {
	s.t.Helper()
	for _, match := range hiddenField.FindAllStringSubmatch(page, -1) {
		if !fields.Has(match[1]) {
			fields.Set(match[1], match[2])
		}
	}
	return s.send("POST", path, "", "application/x-www-form-urlencoded", fields.Encode())
}

// A browser without scripts goes through the four steps; a mistake is shown beside its field and what was typed stays.
func TestRegisteringWithoutScripts(t *testing.T) {
	s := newSite(t)
	c := s.open(suzhou(t, anyone[0], anyone[1]))
	path, sub := "/c/"+c.Slug+"/register", person(c.Slug, 1)
	_, page := s.send("GET", path, "", "", "")
	status, page := s.step(path, page, url.Values{"consents": sub.Consents[:1]})
	if status != 400 || !strings.Contains(page, errConsents.ZH) {
		t.Fatalf("consents left out: %d", status)
	}
	_, page = s.step(path, page, url.Values{"consents": sub.Consents})
	status, page = s.step(path, page, url.Values{"phone": {"123"}})
	if status != 400 || !strings.Contains(page, `id="e-phone"`) {
		t.Fatalf("a bad phone: %d", status)
	}
	_, page = s.step(path, page, url.Values{"phone": {"139 0000 0001"}})
	code := regexp.MustCompile(`[0-9]{6}`).FindString(s.inbox.last(sub.Phone))
	if code == "" || strings.Contains(page, code) {
		t.Fatalf("the code is %q, and must not be on the page", code)
	}
	details := url.Values{"sms_code": {code}, "name": {"张三"}, "document": {"320505 19800101 0002"}, "operator": {"boc"}, "district": {"gusu"}}
	status, page = s.step(path, page, details)
	if status != 400 || !strings.Contains(page, `id="e-document"`) || !strings.Contains(page, `value="张三"`) {
		t.Fatalf("a bad document: %d", status)
	}
	details.Set("document", sub.Document)
	details.Set("step", stepDetails)
	status, page = s.step(path, page, details)
	if status != 200 || !strings.Contains(page, "中国银行") {
		t.Fatalf("the last look: %d %s", status, page)
	}
	status, page = s.step(path, page, url.Values{})
	if status != 200 || !strings.Contains(page, "登记成功") || !strings.Contains(page, "<svg class=\"qr\"") || strings.Contains(page, sub.Document) {
		t.Fatalf("the receipt: %d %s", status, page)
	}
	if n := s.count("SELECT COUNT(*) FROM registrations WHERE operator = 'boc' AND status = 'confirmed'"); n != 1 {
		t.Errorf("%d rows", n)
	}
	if status, text := s.send("GET", "/c/"+c.Slug+"/me/receipt", "", "", ""); status != 200 || !strings.HasPrefix(text, "draw/v1 receipt\n") {
		t.Errorf("the file: %d %s", status, text)
	}
	if status, page = s.step("/c/"+c.Slug+"/me/withdraw", "", url.Values{}); status != 200 || !strings.Contains(page, "已删除") || !strings.Contains(page, certificateHeader) {
		t.Errorf("withdrawing: %d", status)
	}
}

// Every page answers in both languages at every stage of a campaign, and a draft is nobody's business.
func TestPagesAtEveryStage(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	c, err := s.Create(ctx, "maker", suzhou(t, anyone...))
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := s.send("GET", "/c/"+c.Slug, "", "", ""); status != 404 {
		t.Errorf("a draft is shown: %d", status)
	}
	s.announce(c)
	look := func(stage string, marks ...string) {
		t.Helper()
		for _, path := range []string{"/", "/c/" + c.Slug, "/c/" + c.Slug + "/register", "/c/" + c.Slug + "/result", "/c/" + c.Slug + "/merchants?pay_mode=tap", "/c/" + c.Slug + "/me"} {
			for _, lang := range []string{"zh", "en"} {
				join := map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")]
				status, page := s.send("GET", path+join+"lang="+lang, "", "", "")
				if status >= 500 || status == 404 || !strings.Contains(page, "</html>") {
					t.Errorf("%s %s in %s: %d", stage, path, lang, status)
				}
			}
		}
		_, home := s.send("GET", "/c/"+c.Slug+"?lang=zh", "", "", "")
		for _, mark := range marks {
			if !strings.Contains(home, mark) {
				t.Errorf("%s: the home page lacks %q", stage, mark)
			}
		}
	}
	look("before", "距离登记开始", "200", "12 月 27 日 24:00", "相城区")
	s.clock.Set(c.OpenAt.Time())
	s.OpenDue(ctx)
	look("open", "登记参加抽签")
	s.clock.Set(c.CloseAt.Time())
	s.CloseDue(ctx)
	look("pending", "距离抽签")
	s.clock.Set(c.SpendUntilAt.Time().Add(time.Hour))
	look("over", "活动已结束")
}

// The pages of a person whose data is gone say so, and show what is left.
func TestPagesAfterDeletion(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	c, receipts := s.over(0)
	sign := func(i int) {
		status, _ := s.send("POST", "/c/"+c.Slug+"/result", "", "application/x-www-form-urlencoded", url.Values{"phone": {phoneOf(i)}, "code": {receipts[i].ConfirmationCode}}.Encode())
		if status != 200 {
			t.Fatalf("signing in: %d", status)
		}
	}
	look := func(path string, marks ...string) {
		t.Helper()
		status, page := s.send("GET", path, "", "", "")
		for _, mark := range marks {
			if status != 200 || !strings.Contains(page, mark) {
				t.Errorf("%s: %d, without %q", path, status, mark)
			}
		}
	}
	sign(1)
	look("/c/"+c.Slug+"/me", "张*", "删除我的信息")
	s.clock.Set(c.SpendUntilAt.Time().AddDate(0, 0, unselectedDays))
	if n, err := s.EraseUnselected(ctx); n != 4 || err != nil {
		t.Fatal(n, err)
	}
	sign(0)
	look("/c/"+c.Slug+"/me", "张*", errPrize.ZH)
	s.become(c, Settled)
	s.clock.Set(c.SpendUntilAt.Time().AddDate(0, 0, winnersDays))
	sign(0)
	approval, err := s.RequestDestruction(ctx, "maker", c.Slug, c.Slug)
	if err == nil {
		err = s.decide(approval, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	look("/c/"+c.Slug+"/me", "您的个人信息已删除", receipts[0].Entry.String())
	look("/c/"+c.Slug+"/me/data", `"deleted": true`)
	look("/c/"+c.Slug+"/result", c.Slug+"/unselected", c.Slug+"/key")
	status, page := s.send("POST", "/c/"+c.Slug+"/result", "", "application/x-www-form-urlencoded", url.Values{"phone": {phoneOf(0)}, "code": {receipts[0].ConfirmationCode}}.Encode())
	if status != 410 || !strings.Contains(page, "已按规定销毁") {
		t.Errorf("looking up: %d", status)
	}
}

func TestStaffRoutes(t *testing.T) {
	s := newSite(t)
	yaml := string(suzhou(t))
	bad := strings.Replace(yaml, "amount: 20000000", "amount: 20000001", 1)
	if status, text := s.send("POST", "/api/v1/admin/campaigns", "city-admin@suzhou", "text/yaml", bad); status != 400 || !strings.Contains(text, "第 ") || !strings.Contains(text, "line ") {
		t.Errorf("a bad rule book: %d %s", status, text)
	}
	if status, _ := s.send("POST", "/api/v1/admin/campaigns", "city-admin@wuxi", "text/yaml", yaml); status != 404 {
		t.Errorf("another city's rule book: %d", status)
	}
	if status, text := s.send("POST", "/api/v1/admin/campaigns", "city-admin@suzhou", "text/yaml", yaml); status != 201 {
		t.Fatalf("creating: %d %s", status, text)
	}
	one := "/api/v1/admin/campaigns/suzhou-2020"
	cases := []struct {
		token, method, path, kind, body string
		status                          int
	}{
		{"approver@suzhou", "POST", "/publish", "application/json", "{}", 403},
		{"city-admin@wuxi", "POST", "/publish", "application/json", "{}", 404},
		{"city-admin@suzhou", "POST", "/publish", "application/json", "{}", 202},
		{"city-admin@suzhou", "POST", "/evidence?kind=hukou&source=%E5%85%AC%E5%AE%89", "text/csv", "document\n" + resident(1) + "\n", 200},
		{"city-admin@suzhou", "POST", "/evidence?kind=rumour", "text/csv", "document\n", 400},
		{"auditor@suzhou", "POST", "/evidence", "text/csv", "document\n", 403},
		{"city-admin@suzhou", "POST", "/related-people?source=%E5%B8%82%E5%95%86%E5%8A%A1%E5%B1%80", "text/csv", "document\n" + resident(1) + "\n", 200},
		{"city-admin@suzhou", "POST", "/related-people", "text/csv", "document\n", 400},
		{"city-admin@wuxi", "POST", "/related-people?source=x", "text/csv", "document\n", 404},
		{"auditor@suzhou", "POST", "/related-people?source=x", "text/csv", "document\n", 403},
		{"operations@suzhou", "POST", "/merchants", "text/csv", "no,name,district,class,pay_modes,scenarios\nA-1,店,gusu,餐饮,tap,in-store\n", 200},
		{"operations@suzhou", "PATCH", "/merchants/A-1", "application/json", `{"status":"suspended","reason":"核查"}`, 204},
		{"operations@suzhou", "PATCH", "/merchants/A-1", "application/json", `{"status":"suspended","reason":""}`, 400},
		{"operations@suzhou", "PATCH", "/merchants/none", "application/json", `{"status":"suspended","reason":"核查"}`, 404},
		{"city-admin@suzhou", "POST", "/exclusions", "application/json", `{"entry":"00","reason":"ineligible"}`, 400},
		{"city-admin@suzhou", "POST", "/exclusions", "application/json", `{"entry":"` + strings.Repeat("0", 64) + `","reason":"ineligible"}`, 409}, // not open yet
		{"branch@suzhou", "POST", "/registrations", "application/json", body(t, person("suzhou-2020", 1)), 403},                                    // not open yet
		{"city-admin@suzhou", "POST", "/destruction", "application/json", `{"confirm":"suzhou-2020"}`, 409},
		{"city-admin@suzhou", "POST", "/cancel", "application/json", `{"reason":"台风"}`, 204},
		{"approver@suzhou", "POST", "/destruction", "application/json", `{"confirm":"suzhou-2020"}`, 403},
		{"city-admin@wuxi", "POST", "/destruction", "application/json", `{"confirm":"suzhou-2020"}`, 404},
		{"city-admin@suzhou", "POST", "/destruction", "application/json", `{"confirm":"suzhou"}`, 400},
		{"city-admin@suzhou", "POST", "/destruction", "application/json", `{"confirm":"suzhou-2020"}`, 202},
		{"branch@suzhou", "GET", "/deletions", "", "", 403},
		{"auditor@wuxi", "GET", "/deletions", "", "", 404},
		{"auditor@suzhou", "GET", "/deletions", "", "", 200},
		{"branch@suzhou", "GET", "/deletions/personal", "", "", 403},
		{"auditor@wuxi", "GET", "/deletions/personal", "", "", 404},
		{"auditor@suzhou", "GET", "/deletions/personal", "", "", 200},
		{"auditor@suzhou", "GET", "/deletions/personal?number=1", "", "", 400},
	}
	for _, tc := range cases {
		if status, text := s.send(tc.method, one+tc.path, tc.token, tc.kind, tc.body); status != tc.status {
			t.Errorf("%s %s %s: %d %s", tc.token, tc.method, tc.path, status, text)
		}
	}
}
