package admin

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"gorm.io/gorm"

	"hongbao/internal/staff"
	"hongbao/internal/web"
)

func TestSessionsAPI(t *testing.T) {
	d := newDesk(t)
	d.must(d.ask("", "POST", "/api/v1/sessions", `{"username":"auditor","password":"wrong","totp":""}`), 401, "sign-in-failed")
	d.must(d.ask("", "POST", "/api/v1/sessions", `{"username":"auditor","pass":"x"}`), 400, "unknown-field")
	d.must(d.ask("", "POST", "/api/v1/sessions", `{"username":"auditor","password":"`+password+`","totp":""}`), 401, "sign-in-failed")
	d.clock.Advance(time.Minute)
	answer := d.must(d.ask("", "POST", "/api/v1/sessions", `{"username":"auditor","password":"`+password+`","totp":"`+d.code()+`"}`), 201, "token")
	var in struct {
		Token   string
		Account struct{ Username, Role, City string }
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &in); err != nil || in.Account.Role != "auditor" {
		t.Fatalf("%v %s", err, answer.Body)
	}
	cookies := answer.Result().Cookies()
	if len(cookies) != 1 || cookies[0].Name != web.SessionCookie || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteLaxMode {
		t.Errorf("cookies %v", cookies)
	}
	bearer := []string{"Authorization", "Bearer " + in.Token}
	d.must(d.ask("", "GET", "/api/v1/admin/audit", "", bearer...), 200, "session.opened")
	d.must(d.ask("", "DELETE", "/api/v1/sessions", "", bearer...), 204, "")
	d.must(d.ask("", "GET", "/api/v1/admin/audit", "", bearer...), 401, "not-signed-in")
}

func TestSignInPage(t *testing.T) {
	d := newDesk(t)
	d.must(d.ask("", "GET", "/console/audit?actor=li", ""), 401, `value="/console/audit?actor=li"`)
	d.must(d.form("", "/console/sign-in", "username", "auditor", "password", "wrong"), 401, "用户名、密码或动态口令有误")
	for next, want := range map[string]string{"/console/audit": "/console/audit", "//evil.example": "/console", "https://evil.example": "/console", "": "/console"} {
		answer := d.form("", "/console/sign-in", "username", "regulator", "password", password, "next", next)
		if answer.Code != 303 || answer.Header().Get("Location") != want {
			t.Errorf("next %q led to %d %q", next, answer.Code, answer.Header().Get("Location"))
		}
	}
}

func TestNewUserSignsInWithTheShownSecret(t *testing.T) {
	d := newDesk(t)
	page := d.must(d.form("security-admin", "/console/users", "username", "wang", "name", "王", "role", "approver", "city", "suzhou", "password", password), 200, "<code>").Body.String()
	_, rest, _ := strings.Cut(visible(page), "或手工输入密钥")
	secret := strings.Fields(rest)[0]
	code, err := totp.GenerateCode(secret, d.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	d.must(d.form("", "/console/sign-in", "username", "wang", "password", password), 401, "")
	d.must(d.form("", "/console/sign-in", "username", "wang", "password", password, "totp", code), 303, "/console")
	d.must(d.form("security-admin", "/console/users", "username", "wang", "name", "王", "role", "approver", "city", "suzhou", "password", password), 400, "该用户名已被使用")
	d.must(d.form("security-admin", "/console/users/renew", "username", "nobody", "password", password), 404, "没有这个账户")
	d.must(d.form("security-admin", "/console/users/renew", "username", "wang", "password", "short"), 400, "密码应为")
	d.must(d.form("security-admin", "/console/users/renew", "username", "wang", "password", "another long password"), 200, "<code>")
	d.must(d.form("security-admin", "/console/users/switch", "username", "security-admin", "to", "disabled"), 409, "不能停用自己的账号")
	d.must(d.form("security-admin", "/console/users/switch", "username", "wang", "to", "disabled"), 303, "done=saved")
	d.clock.Advance(time.Minute)
	code, err = totp.GenerateCode(secret, d.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	d.must(d.form("", "/console/sign-in", "username", "wang", "password", password, "totp", code), 401, "")
}

func TestACampaignFromTheConsole(t *testing.T) {
	d := newDesk(t)
	d.must(d.form("city-admin", "/console/campaigns/new", "yaml", "id: Bad"), 400, "没有办成")
	d.withCampaign()
	found, err := d.Campaigns.BySlug(t.Context(), slug)
	if err != nil || found.Status != "approved" {
		t.Fatalf("%v %+v", err, found)
	}
	d.must(d.form("operations", "/console/campaigns/"+slug+"/funding", "source", d.source(), "amount", "1.234", "evidence", "x"), 400, "最多两位小数")
	d.must(d.form("approver", "/console/approvals/2", "decision", "reject"), 400, "reason")
	d.must(d.form("approver", "/console/approvals/2", "decision", "approve", "reason", "回单相符"), 303, "done=approved")
	balances, err := d.Money.Balances(t.Context(), found.ID)
	if err != nil || len(balances) == 0 {
		t.Errorf("no money was booked: %v", err)
	}
	d.must(d.ask("city-admin", "GET", "/console/campaigns/"+slug+"/rule-book", ""), 200, "id: "+slug)
	d.must(d.form("city-admin", "/console/campaigns/"+slug+"/cancel", "reason", "改期", "confirm", "suzhou"), 400, "未执行任何操作")
	d.must(d.form("city-admin", "/console/campaigns/"+slug+"/cancel", "reason", "改期", "confirm", slug), 303, "done=saved")
	if found, err = d.Campaigns.BySlug(t.Context(), slug); err != nil || found.Status != "cancelled" {
		t.Errorf("%v %s", err, found.Status)
	}
}

func TestApprovalsAPI(t *testing.T) {
	d := newDesk(t)
	d.withCampaign()
	var answer struct {
		Approvals []struct {
			ID      int64
			Kind    string
			Status  string
			Maker   string
			Summary map[string]any
		}
	}
	body := d.must(d.ask("approver", "GET", "/api/v1/admin/approvals?status=pending", ""), 200, "approvals").Body.Bytes()
	if err := json.Unmarshal(body, &answer); err != nil || len(answer.Approvals) != 1 || answer.Approvals[0].Kind != "funding.receive" || answer.Approvals[0].Maker != "operations" {
		t.Fatalf("%v %s", err, body)
	}
	d.must(d.ask("auditor", "POST", "/api/v1/admin/approvals/2/decision", `{"approve":true,"reason":"x"}`), 403, "approval-role")
	d.must(d.ask("approver", "POST", "/api/v1/admin/approvals/2/decision", `{"approve":false,"reason":"金额不符"}`), 204, "")
	d.must(d.ask("approver", "POST", "/api/v1/admin/approvals/2/decision", `{"approve":true,"reason":"x"}`), 409, "approval-decided")
	d.must(d.ask("approver", "POST", "/api/v1/admin/approvals/99/decision", `{"approve":true,"reason":"x"}`), 404, "approval-missing")
}

func TestJobsAPI(t *testing.T) {
	d := newDesk(t)
	d.must(d.ask("system-admin", "GET", "/api/v1/admin/jobs", ""), 200, "bank did not answer")
	d.must(d.ask("system-admin", "POST", "/api/v1/admin/jobs/campaign-open/run", "{}"), 200, `{"rows":3}`)
	d.must(d.form("system-admin", "/console/system/jobs/campaign-open/run"), 303, "done=ran")
}

func TestAuditIsShownAndVerified(t *testing.T) {
	d := newDesk(t)
	d.withCampaign()
	d.must(d.ask("auditor", "GET", "/api/v1/admin/audit?action=campaign.create", ""), 200, slug)
	d.must(d.ask("auditor", "POST", "/api/v1/admin/audit/verify", ""), 200, `"ok":true`)
	d.must(d.form("auditor", "/console/audit/verify"), 200, "首尾相接")
	d.must(d.form("auditor", "/console/audit/check"), 200, "核对结果")
	if _, err := d.DB.SQL().Exec("DROP TRIGGER audit_entries_no_update"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.DB.SQL().Exec("UPDATE audit_entries SET subject = 'other' WHERE seq = 3"); err != nil {
		t.Fatal(err)
	}
	d.must(d.ask("auditor", "POST", "/api/v1/admin/audit/verify", ""), 200, `"ok":false`)
	d.must(d.form("auditor", "/console/audit/verify"), 200, "审计链已断裂")
}

func TestDifferenceIsDealtWithOnItsOwnPage(t *testing.T) {
	d := newDesk(t)
	d.must(d.ask("operations", "GET", "/console/reconciliation/suzhou-none/differences/1", ""), 404, "")
	d.withCampaign()
	d.must(d.ask("operations", "GET", "/console/reconciliation/"+slug+"/differences/7", ""), 404, "没有这条差异")
	err := d.DB.InTx(t.Context(), func(tx *gorm.DB) error {
		return tx.Exec(`INSERT INTO differences (id, campaign_id, operator, day, order_no, kind, ours, theirs, status, reason, owner, found_at, resolved_at)
			SELECT 7, id, 'icbc', '2020-12-12', 'ORDER7', 'amount', '200.00', '100.00', 'open', '', '', 1, 0 FROM campaigns WHERE slug = ?`, slug).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	address := "/console/reconciliation/" + slug + "/differences/7"
	d.must(d.ask("operations", "GET", "/console/reconciliation?campaign="+slug, ""), 200, `href="`+address+`"`)
	d.must(d.form("auditor", address, "reason", "看过了"), 403, "")
	d.must(d.form("operations", address, "reason", ""), 400, "请说明处理理由")
	d.must(d.form("operations", address, "reason", "银行更正了回单"), 303, "")
	d.must(d.ask("auditor", "GET", address, ""), 200, "银行更正了回单")
}

// upload sends a form with one file as someone.
func (d *desk) upload(who, path, content string, pairs ...string) *httptest.ResponseRecorder {
	d.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i+1 < len(pairs); i += 2 {
		_ = form.WriteField(pairs[i], pairs[i+1])
	}
	file, err := form.CreateFormFile("file", "list.csv")
	if err != nil {
		d.t.Fatal(err)
	}
	_, _ = file.Write([]byte(content))
	if err := form.Close(); err != nil {
		d.t.Fatal(err)
	}
	return d.ask(who, "POST", path, body.String(), "Content-Type", form.FormDataContentType())
}

func TestRelatedPeopleAreNamedFromTheConsole(t *testing.T) {
	d := newDesk(t)
	d.withCampaign()
	address := "/console/draws/" + slug + "/related"
	list := "document\n11010519491231002X\n440524188001010014\n440524188001010015\n"
	d.must(d.upload("auditor", address, list, "source", "市商务局"), 403, "")
	d.must(d.upload("city-admin", address, list, "source", ""), 200, "没有导入")
	page := d.must(d.upload("city-admin", address, list, "source", "市商务局"), 200, "读取 3 行，新增 2 行，退回 1 行")
	if strings.Contains(page.Body.String(), "44052418800101001") {
		t.Error("the page shows a document number")
	}
	d.must(d.ask("city-admin", "GET", "/console/draws/"+slug, ""), 200, "已申报 2 人，其中名单锁定后申报 0 人")
}

func TestTheEditorChecksWhatIsTyped(t *testing.T) {
	d := newDesk(t)
	wrong := strings.Replace(d.example(), "amount: 20000000", "amount: 20000001", 1)
	check := "/console/campaigns/check"
	d.must(d.form("city-admin", check, "yaml", d.example()), 200, "没有发现错误")
	whole := d.must(d.form("city-admin", check, "yaml", wrong), 200, "发现 1 处错误").Body.String()
	part := d.must(d.form("city-admin", check+"?part=findings", "yaml", wrong), 200, `data-line="`).Body.String()
	if !strings.Contains(whole, "amount: 20000001") || !strings.Contains(whole, `data-check="/console/campaigns/check?part=findings"`) {
		t.Error("the page lost what was typed")
	}
	if strings.Contains(part, "<html") || !strings.Contains(part, "20,000,001.00") || !strings.Contains(part, ">1.00<") {
		t.Errorf("the findings: %s", part)
	}
	d.must(d.form("operations", check, "yaml", wrong), 403, "")
	d.withCampaign()
	d.must(d.ask("city-admin", "GET", "/console/campaigns/new?from="+slug, ""), 200, "id: suzhou-2020-2")
	d.addAccount("chengdu-admin", staff.CityAdmin, "chengdu")
	d.must(d.ask("chengdu-admin", "GET", "/console/campaigns/new?from="+slug, ""), 404, "")
	d.must(d.ask("chengdu-admin", "GET", "/console/campaigns/"+slug+"/preview", ""), 404, "")
	d.must(d.ask("auditor", "GET", "/console/campaigns/"+slug+"/preview?stage=drawn", ""), 200, "查询我是否中签")
}

func TestTheInboxTellsFigures(t *testing.T) {
	d := newDesk(t)
	d.withCampaign()
	text := d.must(d.ask("approver", "GET", "/console/approvals", ""), 200, "涉及金额").Body.String()
	if !strings.Contains(visible(text), "1,000.00") {
		t.Errorf("the amount is missing: %s", visible(text))
	}
	d.must(d.form("approver", "/console/approvals/2?decision=reject", "decision", "approve", "reason", "回单不符"), 303, "done=rejected")
	d.must(d.ask("approver", "GET", "/console/approvals?status=rejected", ""), 200, "已驳回")
}

// Two forms of a page may ask for the same thing; their fields are told apart.
func TestFieldsOfAPageHaveTheirOwnIDs(t *testing.T) {
	d := newDesk(t)
	d.withCampaign()
	for path, who := range pages {
		seen := map[string]bool{}
		for _, part := range strings.Split(d.ask(who, "GET", path, "").Body.String(), ` id="`)[1:] {
			id, _, _ := strings.Cut(part, `"`)
			if seen[id] {
				t.Errorf("%s: %s stands there twice", path, id)
			}
			seen[id] = true
		}
	}
}

func TestCeremonyIsShownToAHallAndConfirmedInTime(t *testing.T) {
	d := newDesk(t)
	d.withCampaign()
	address := "/console/draws/" + slug + "/ceremony"
	page := d.must(d.ask("regulator", "GET", address, ""), 200, `http-equiv="refresh"`).Body.String()
	if !strings.Contains(page, "抽签仪式") || strings.Contains(page, "<form") {
		t.Errorf("the screen offers something to who may not run a draw, or lacks its title: %s", page)
	}
	d.must(d.form("regulator", address), 403, "")
	d.must(d.form("city-admin", address), 409, "方案写入日志之后、随机数产生之前才能确认")
}
