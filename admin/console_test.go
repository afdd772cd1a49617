package admin

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/mod/sumdb/note"

	"hongbao/campaign"
	"hongbao/disbursement"
	"hongbao/internal/database"
	"hongbao/internal/identity"
	"hongbao/internal/staff"
	"hongbao/internal/testkit"
	"hongbao/internal/web"
	"hongbao/internal/webhook"
	"hongbao/lottery"
	"hongbao/reporting"
)

const password = "correct horse battery"

// desk is a console on a database of its own, with one account of each role for all cities; the username is the role.
type desk struct {
	*Console
	t      *testing.T
	clock  *testkit.Clock
	web    *web.Web
	site   http.Handler
	tokens map[string]string
}

// books gives disbursement the rule books, which is all that the console's pages need of it.
type books struct {
	disbursement.Campaigns
	campaigns *campaign.Service
}

func (b books) RuleBook(ctx context.Context, id int64) (*campaign.RuleBook, error) {
	return b.campaigns.RuleBook(ctx, id)
}

func (b books) Get(ctx context.Context, id int64) (campaign.Campaign, error) {
	return b.campaigns.Get(ctx, id)
}

func (b books) Acquirers(ctx context.Context, id int64) (map[string]string, error) {
	return b.campaigns.Acquirers(ctx, id)
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	db, clock := testkit.DB(t), testkit.NewClock(time.Date(2020, 12, 1, 1, 0, 0, 0, time.UTC))
	vault, err := identity.NewVault("intl", bytes.Repeat([]byte{3}, 32))
	if err != nil {
		t.Fatal(err)
	}
	people := &staff.Service{DB: db, Vault: vault, Now: clock.Now, Random: rand.Reader, Cost: bcrypt.MinCost}
	secret, public, err := note.GenerateKey(rand.Reader, "suzhou.test/log")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	campaigns := &campaign.Service{DB: db, Keys: &identity.KeyRing{Master: bytes.Repeat([]byte{7}, 32), DB: db}, Staff: people,
		Receipts: func(string) (note.Signer, error) { return signer, nil }, Now: clock.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler)}
	campaigns.Handlers()
	d := &desk{t: t, clock: clock, tokens: map[string]string{}}
	d.Console = &Console{DB: db, Staff: people, Campaigns: campaigns, Now: clock.Now, Version: "test",
		Draws: &lottery.Service{DB: db, Campaigns: campaigns, Staff: people, Now: clock.Now,
			LogKey: func(string) (lottery.LogKey, error) { return lottery.LogKey{Signer: signer, VKey: public}, nil }},
		Money:    &disbursement.Service{DB: db, Campaigns: books{campaigns: campaigns}, Staff: people, Now: clock.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler)},
		Webhooks: &webhook.Service{DB: db, Now: clock.Now, Key: func() (note.Signer, string, error) { return signer, public, nil }},
		Reports:  &reporting.Service{DB: db, Campaigns: campaigns, Version: "test", Now: clock.Now},
		Jobs:     []database.Job{{Name: "campaign-open", ZH: "到时开放登记", Schedule: "* * * * *"}, {Name: "orders-dispatch", ZH: "发送指令", Schedule: "* * * * *"}},
		RunNow: func(_ context.Context, job, who string) (int, error) {
			return 3, nil
		},
		Runs: func(_ context.Context, job string, _ int) ([]JobRun, error) {
			return []JobRun{{Job: job, By: "cron", Error: "bank did not answer", StartedAt: database.At(clock.Now()), FinishedAt: database.At(clock.Now().Add(time.Second)), Rows: 12},
				{Job: job, By: "system-admin", StartedAt: database.At(clock.Now()), FinishedAt: database.At(clock.Now())}}, nil
		},
		LastRuns: func(context.Context) ([]JobRun, error) {
			return []JobRun{{Job: "orders-dispatch", By: "cron", Error: "bank did not answer", StartedAt: database.At(clock.Now()), FinishedAt: database.At(clock.Now().Add(time.Second)), Rows: 12},
				{Job: "campaign-open", By: "cron", StartedAt: database.At(clock.Now()), FinishedAt: database.At(clock.Now())}}, nil
		}}
	d.Money.HandleApprovals()
	d.Draws.HandleApprovals()
	d.web = web.New(web.Options{Environment: "rehearsal", Secret: bytes.Repeat([]byte{9}, 32), Now: clock.Now, Log: slog.New(slog.DiscardHandler),
		Authenticate: func(ctx context.Context, token string) (web.Actor, error) {
			return Authenticate(ctx, people, token)
		},
		May: func(role, permission string) bool { return staff.Role(role).May(permission) }})
	d.web.Pages.Add("campaign", os.DirFS("../campaign"))
	d.Routes(d.web)
	d.site = testkit.Conform(t, d.web.OpenAPI(), d.web.Engine)
	for _, role := range staff.Roles {
		d.addAccount(string(role), role, staff.AllCities)
	}
	return d
}

func (d *desk) addAccount(username string, role staff.Role, city string) {
	d.t.Helper()
	secret := ""
	if role.NeedsCodes() {
		secret = codeSecret
	}
	_, err := d.Staff.AddAccount(context.Background(), "test", staff.NewAccount{Username: username, Name: "测试" + string(role), City: city, Role: role, Password: password, TOTPSecret: secret})
	if err != nil {
		d.t.Fatal(err)
	}
	d.signIn(username, role)
}

// codeSecret is the secret of the one-time codes of every account that needs them.
const codeSecret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

// code is the one-time code of this moment, of every account that needs one.
func (d *desk) code() string {
	d.t.Helper()
	code, err := totp.GenerateCode(codeSecret, d.clock.Now())
	if err != nil {
		d.t.Fatal(err)
	}
	return code
}

// signIn opens a session, with a code where the role needs one; a code is good once.
func (d *desk) signIn(username string, role staff.Role) {
	d.t.Helper()
	code := ""
	if role.NeedsCodes() {
		code = d.code()
	}
	token, _, err := d.Staff.SignIn(context.Background(), username, password, code, "127.0.0.1")
	if err != nil {
		d.t.Fatal(err)
	}
	d.tokens[username] = token
}

// ask sends a request as someone ("" for nobody): JSON where the body begins with "{", else a form.
func (d *desk) ask(who, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	kind := "application/x-www-form-urlencoded"
	if strings.HasPrefix(body, "{") {
		kind = "application/json"
	}
	request.Header.Set("Content-Type", kind)
	if who != "" {
		request.Header.Set("Cookie", web.SessionCookie+"="+d.tokens[who])
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Content-Type" {
			request.Header.Del(headers[i])
		}
		request.Header.Add(headers[i], headers[i+1])
	}
	answer := httptest.NewRecorder()
	d.site.ServeHTTP(answer, request)
	return answer
}

func (d *desk) form(who, path string, pairs ...string) *httptest.ResponseRecorder {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return d.ask(who, "POST", path, values.Encode())
}

func (d *desk) must(answer *httptest.ResponseRecorder, status int, want string) *httptest.ResponseRecorder {
	d.t.Helper()
	if answer.Code != status || !strings.Contains(answer.Body.String()+answer.Header().Get("Location"), want) {
		d.t.Fatalf("want %d with %q, got %d %s %s", status, want, answer.Code, answer.Header().Get("Location"), answer.Body)
	}
	return answer
}

const slug = "suzhou-2020"

// withCampaign makes the example campaign through the console's own forms, up to the parties of its draw.
func (d *desk) withCampaign() {
	d.t.Helper()
	d.must(d.form("city-admin", "/console/campaigns/new", "yaml", d.example()), 303, "done=created")
	d.must(d.form("city-admin", "/console/campaigns/"+slug+"/publish"), 303, "done=asked")
	d.must(d.form("approver", "/console/approvals/1", "decision", "approve", "reason", "核对无误"), 303, "done=approved")
	d.must(d.form("operations", "/console/campaigns/"+slug+"/funding", "source", d.source(), "amount", "1,000.00", "evidence", "回单 0001"), 303, "done=asked")
	digest := strings.Repeat("0a", 32)
	_, witness, err := note.GenerateKey(rand.Reader, "notary.test/witness")
	if err != nil {
		d.t.Fatal(err)
	}
	d.must(d.form("city-admin", "/console/draws/"+slug+"/parties", "quorum", "1",
		"parties", fmt.Sprintf("icbc %s -\nabc %s -\nnotary - %s", digest, digest, witness)), 303, "done=saved")
}

// withAlert makes an alert, as the job would of spending.
func (d *desk) withAlert() {
	d.t.Helper()
	for _, statement := range []string{
		`INSERT INTO misuse_alerts (id, campaign_id, merchant_no, rule, rule_version, subject, status, events, envelope_fen, first_at, last_at, raised_at)
			VALUES (1, 1, 'SZ-0010', 'one-device', 1, 'PHONE-1', 'open', 1, 20000, 1607688000000, 1607688000000, 1607688000000)`,
		`INSERT INTO spending_events (id, operator, event_no, body_hash, kind, payment_no, refund_no, envelope_id, campaign_id, merchant_no, pay_mode, scenario, app, amount_fen, envelope_fen,
			wallet_fen, card_fen, delivery_district, self_operated, device, occurred_at, received_at, origin)
			VALUES (1, 'icbc', 'E1', zeroblob(32), 'payment', 'P1', '', 1, 1, 'SZ-0010', 'tap', 'in-store', '', 20000, 20000, 0, 0, '', 0, 'PHONE-1', 1607688000000, 1, 'callback')`,
		"INSERT INTO misuse_evidence (alert_id, event_id) VALUES (1, 1)",
	} {
		if _, err := d.DB.SQL().Exec(statement); err != nil {
			d.t.Fatal(err)
		}
	}
}

// example is the rule book of withCampaign.
func (d *desk) example() string {
	d.t.Helper()
	yaml, err := os.ReadFile("../examples/suzhou-2020.yaml")
	if err != nil {
		d.t.Fatal(err)
	}
	return string(yaml)
}

func (d *desk) source() string {
	found, err := d.Campaigns.BySlug(context.Background(), slug)
	if err != nil {
		d.t.Fatal(err)
	}
	book, err := d.Campaigns.RuleBook(context.Background(), found.ID)
	if err != nil {
		d.t.Fatal(err)
	}
	return book.Funding[0].Name
}

var forAllStaff = map[string]bool{"GET /console/access": true, "POST /console/access/tokens": true, "POST /console/access/tokens/:id/revoke": true,
	"POST /console/access/sessions/:session/revoke": true, "GET /api/v1/admin/sessions": true, "POST /api/v1/admin/sessions/:session/revoke": true,
	"GET /api/v1/admin/tokens": true, "POST /api/v1/admin/tokens": true, "POST /api/v1/admin/tokens/:id/revoke": true,
	"GET /console": true, "POST /console/sign-out": true, "DELETE /api/v1/sessions": true}

var forEverybody = map[string]bool{"GET /console/sign-in": true, "POST /console/sign-in": true, "POST /api/v1/sessions": true,
	"GET /static/:name": true, "GET /favicon.ico": true, "GET /api/v1/openapi.json": true}

func TestEveryRouteIsGuarded(t *testing.T) {
	d := newDesk(t)
	guarded := 0
	for _, route := range d.web.Engine.Routes() {
		name := route.Method + " " + route.Path
		if forEverybody[name] {
			continue
		}
		guarded++
		path := strings.NewReplacer(":slug", slug, ":id", "1", ":name", "campaign-open", ":session", "1", ":delivery", "1").Replace(route.Path)
		if answer := d.ask("", route.Method, path, ""); answer.Code != 401 {
			t.Errorf("%s: not signed in gave %d", name, answer.Code)
		}
		if forAllStaff[name] {
			continue
		}
		wrong := "branch"
		if strings.HasPrefix(path, "/console/desk") {
			wrong = "auditor"
		}
		if answer := d.ask(wrong, route.Method, path, ""); answer.Code != 403 {
			t.Errorf("%s: the wrong role gave %d", name, answer.Code)
		}
		if route.Method == "GET" {
			continue
		}
		if answer := d.ask("city-admin", route.Method, path, "", "Sec-Fetch-Site", "cross-site"); answer.Code != 403 {
			t.Errorf("%s: another site's form gave %d", name, answer.Code)
		}
	}
	if guarded < 30 {
		t.Errorf("only %d routes were tried", guarded)
	}
}

func TestEveryEntryIsDrawn(t *testing.T) {
	for _, entry := range drawn(navigation) {
		if entry.Icon == "" {
			t.Errorf("%s has no icon: admin/navigation.go", entry.Path)
		}
	}
}

// Staff are refused in the console, with their own navigation at hand and their groups headed.
func TestRefusalsStayInTheConsole(t *testing.T) {
	d := newDesk(t)
	page := d.must(d.ask("system-admin", "GET", "/console/audit", ""), 403, "没有权限").Body.String()
	if !strings.Contains(page, `<nav class="side"`) || !strings.Contains(page, `href="/console/system"`) || strings.Count(page, "side-group") != 1 {
		t.Errorf("the refusal: %s", page)
	}
	if page := d.ask("", "GET", "/console/audit", "").Body.String(); strings.Contains(page, `<nav class="side"`) {
		t.Error("the navigation is shown to strangers")
	}
}

func TestMakersAndCheckersAreKeptApart(t *testing.T) {
	d := newDesk(t)
	for path, roles := range map[string][]string{
		"/console/campaigns/" + slug + "/publish": {"operations", "approver", "auditor", "regulator", "system-admin", "security-admin"},
		"/console/campaigns/" + slug + "/destroy": {"operations", "approver", "auditor", "regulator", "system-admin", "security-admin"},
		"/console/campaigns/" + slug + "/funding": {"city-admin", "approver", "auditor", "regulator", "system-admin", "security-admin"},
		"/console/draws/" + slug + "/void":        {"operations", "approver", "auditor"},
		"/console/users":                          {"city-admin", "operations", "approver", "auditor", "system-admin"},
		"/console/system/jobs/campaign-open/run":  {"city-admin", "operations", "approver", "auditor", "security-admin"},
		"/console/audit/verify":                   {"city-admin", "operations", "approver", "system-admin", "security-admin"},
	} {
		for _, role := range roles {
			if answer := d.form(role, path); answer.Code != 403 {
				t.Errorf("%s may POST %s: %d", role, path, answer.Code)
			}
		}
	}
}

// pages are all GET pages with somebody who may see them.
var pages = map[string]string{
	"/console": "city-admin", "/console?x=1": "system-admin", "/console?x=2": "branch", "/console/campaigns": "approver", "/console/campaigns/new": "city-admin",
	"/console/campaigns/" + slug: "operations", "/console/campaigns/" + slug + "?as=auditor": "auditor", "/console/campaigns/" + slug + "?as=admin": "city-admin",
	"/console/campaigns/" + slug + "/deletions": "auditor",
	"/console/registrations":                    "city-admin", "/console/draws": "auditor", "/console/draws/" + slug: "city-admin", "/console/draws/" + slug + "/ceremony": "regulator", "/console/merchants": "operations",
	"/console/merchants?district=x": "auditor", "/console/reports": "regulator", "/console/disbursement": "operations", "/console/wallets": "regulator", "/console/reconciliation": "operations", "/console/settlements": "operations", "/console/repairs": "operations", "/console/campaigns/" + slug + "/close-out": "operations", "/console/settlements/" + slug + "/merchants/SZ-0001": "operations", "/console/approvals": "approver", "/console/approvals?status=approved": "operations",
	"/console/desk": "branch", "/console/desk/claims": "branch", "/console/desk/claims?campaign=" + slug: "operations", "/console/codes": "auditor", "/console/codes?campaign=" + slug: "city-admin",
	"/console/results": "auditor", "/console/results?campaign=" + slug: "regulator",
	"/console/messages?campaign=" + slug: "regulator", "/console/alerts": "auditor", "/console/alerts?campaign=" + slug: "city-admin", "/console/alerts/" + slug + "/1": "city-admin",
	"/console/approvals/1": "approver", "/console/approvals/2": "approver", "/console/audit": "auditor", "/console/audit?campaign=" + slug: "auditor", "/console/system": "system-admin",
	"/console/campaigns/new?from=" + slug: "city-admin", "/console/campaigns/" + slug + "/preview": "auditor", "/console/campaigns/" + slug + "/preview?stage=drawn": "operations",
	"/console/system/jobs": "system-admin", "/console/system/jobs/orders-dispatch": "system-admin", "/console/users": "security-admin",
	"/console/webhooks": "city-admin", "/console/access": "regulator", "/console/access?as=admin": "security-admin", "/console?x=3": "security-admin",
}

func TestEveryPageRendersInBothLanguages(t *testing.T) {
	d := newDesk(t)
	for _, filled := range []bool{false, true} {
		if filled {
			d.withCampaign()
			d.withAlert()
		}
		for path, who := range pages {
			if !filled && (strings.Contains(path, slug) || strings.Contains(path, "approvals/")) {
				continue
			}
			for _, lang := range []string{"zh", "en"} {
				answer := d.ask(who, "GET", path, "", "Cookie", "lang="+lang)
				text := answer.Body.String()
				if answer.Code != 200 || !strings.Contains(text, "</html>") {
					t.Errorf("%s in %s: %d %.300s", path, lang, answer.Code, text)
				}
				for _, never := range []string{"no value", "ZgotmplZ", " style=", "%!", "map[", "0001-01-01"} {
					if strings.Contains(text, never) {
						t.Errorf("%s in %s holds %q", path, lang, never)
					}
				}
				if hasHan(visible(text)) && lang == "en" && path == "/console/system" {
					t.Errorf("%s in English shows Chinese: %s", path, visible(text))
				}
			}
		}
	}
}

// visible is the main part of a page without its tags.
func visible(page string) string {
	_, page, _ = strings.Cut(page, "<main")
	var text strings.Builder
	inside := true
	for _, r := range page {
		switch {
		case r == '<':
			inside = true
		case r == '>':
			inside = false
		case !inside:
			text.WriteRune(r)
		}
	}
	return text.String()
}

func hasHan(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r >= 0x4e00 && r <= 0x9fff })
}

func TestAnotherCityIsInvisible(t *testing.T) {
	d := newDesk(t)
	d.withCampaign()
	d.addAccount("chengdu-admin", staff.CityAdmin, "chengdu")
	d.addAccount("chengdu-auditor", staff.Auditor, "chengdu")
	if text := d.ask("chengdu-admin", "GET", "/console/campaigns", "").Body.String(); strings.Contains(text, slug) {
		t.Error("the list shows another city's campaign")
	}
	d.addAccount("suzhou-admin", staff.CityAdmin, "suzhou")
	d.must(d.ask("suzhou-admin", "GET", "/console", ""), 200, `<span class="where">苏州市</span>`)
	d.must(d.ask("chengdu-admin", "GET", "/console", ""), 200, `<span class="where">chengdu</span>`)
	d.must(d.form("chengdu-admin", "/console/campaigns/new", "yaml", strings.Replace(d.example(), "id: "+slug, "id: suzhou-2021", 1)), 400, "不负责这个城市")
	for _, path := range []string{"/console/campaigns/" + slug, "/console/draws/" + slug, "/console/merchants?campaign=" + slug, "/console/reports?campaign=" + slug} {
		if answer := d.ask("chengdu-admin", "GET", path, ""); answer.Code != 404 {
			t.Errorf("%s: %d", path, answer.Code)
		}
	}
	if answer := d.form("chengdu-admin", "/console/campaigns/"+slug+"/cancel", "confirm", slug, "reason", "x"); answer.Code != 404 {
		t.Errorf("cancelled another city's campaign: %d", answer.Code)
	}
	if text := d.ask("chengdu-auditor", "GET", "/console/audit", "").Body.String(); strings.Contains(text, "campaign.create") {
		t.Error("the record of all cities is shown to one")
	}
	if text := d.ask("chengdu-auditor", "GET", "/api/v1/admin/approvals", "").Body.String(); strings.Contains(text, slug) {
		t.Error("approvals of another city are listed")
	}
}
