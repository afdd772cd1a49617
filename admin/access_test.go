package admin

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"hongbao/internal/staff"
)

// TestTokenReachesItsScopesOnly takes a token from the console's form and tries it where it should open and where not.
func TestTokenReachesItsScopesOnly(t *testing.T) {
	d := newDesk(t)
	d.withCampaign()
	shown := d.must(d.form("auditor", "/console/access/tokens", "name", "审计系统", "days", "30", "scope-audit.view", "yes", "city", "suzhou"), 200, "hbt_")
	text := regexp.MustCompile(`hbt_[\w-]{43}`).FindString(shown.Body.String())
	if again := d.ask("auditor", "GET", "/console/access", "").Body.String(); strings.Contains(again, text) || !strings.Contains(again, "审计系统") {
		t.Error("the page keeps the token, or does not list it")
	}
	for path, want := range map[string]int{
		"GET /api/v1/admin/audit?campaign=" + slug: 200, "GET /api/v1/admin/tokens": 200,
		"GET /api/v1/admin/audit":     403, // of all cities, and the token is of one
		"GET /api/v1/admin/approvals": 403, "POST /api/v1/admin/tokens": 403, "DELETE /api/v1/sessions": 403,
		"GET /console": 401, "GET /console/audit": 401, "POST /console/access/tokens": 401,
	} {
		method, path, _ := strings.Cut(path, " ")
		if answer := d.ask("", method, path, "", "Authorization", "Bearer "+text); answer.Code != want {
			t.Errorf("%s %s: %d, want %d", method, path, answer.Code, want)
		}
	}
	d.must(d.form("regulator", "/console/access/tokens/1/revoke"), 404, "")
	d.must(d.form("security-admin", "/console/access/tokens/1/revoke"), 303, "saved")
	d.must(d.ask("", "GET", "/api/v1/admin/audit?campaign="+slug, "", "Authorization", "Bearer "+text), 401, "token-refused")
	d.must(d.ask("auditor", "GET", "/api/v1/admin/audit", ""), 200, "token.revoked")
}

func TestTokensOverTheAPI(t *testing.T) {
	d := newDesk(t)
	d.must(d.ask("regulator", "POST", "/api/v1/admin/tokens", `{"name":"x","scopes":["audit.view"],"days":30}`), 400, "token-scopes")
	d.must(d.ask("regulator", "POST", "/api/v1/admin/tokens", `{"name":"x","scopes":["reports.download"],"days":0}`), 400, "token-life")
	var made struct {
		Text  string
		Token staff.Token
	}
	answer := d.must(d.ask("regulator", "POST", "/api/v1/admin/tokens", `{"username":"auditor","name":"x","scopes":["reports.download"],"days":30}`), 201, "hbt_")
	if err := json.Unmarshal(answer.Body.Bytes(), &made); err != nil || made.Token.Username != "regulator" {
		t.Errorf("%+v %v", made, err)
	}
	d.must(d.ask("security-admin", "POST", "/api/v1/admin/tokens", `{"username":"regulator","name":"y","scopes":["reports.make"],"days":1}`), 201, "hbt_")
	d.must(d.ask("regulator", "GET", "/api/v1/admin/tokens", ""), 200, `"name":"y"`)
	d.must(d.ask("regulator", "POST", "/api/v1/admin/tokens/1/revoke", ""), 204, "")
	d.must(d.ask("regulator", "POST", "/api/v1/admin/tokens/9/revoke", ""), 404, "token-missing")
}

func TestSessionsOverTheAPI(t *testing.T) {
	d := newDesk(t)
	var answer struct{ Sessions []sessionJSON }
	list := func(who string) []sessionJSON {
		if err := json.Unmarshal(d.must(d.ask(who, "GET", "/api/v1/admin/sessions", ""), 200, "").Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		return answer.Sessions
	}
	if mine := list("auditor"); len(mine) != 1 || mine[0].Username != "auditor" {
		t.Errorf("%+v", mine)
	}
	if all := list("security-admin"); len(all) != len(staff.Roles) {
		t.Errorf("%d sessions", len(all))
	}
	theirs := staff.SessionID(d.tokens["operations"])
	d.must(d.ask("auditor", "POST", "/api/v1/admin/sessions/"+theirs+"/revoke", ""), 404, "session-missing")
	d.must(d.form("security-admin", "/console/access/sessions/"+theirs+"/revoke"), 303, "saved")
	d.must(d.ask("operations", "GET", "/api/v1/admin/sessions", ""), 401, "")
}
