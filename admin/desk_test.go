package admin

import (
	"fmt"
	"strings"
	"testing"

	"hongbao/internal/audit"
	"hongbao/internal/staff"
)

// Branch staff register a person at the desk: with the person's consents, once however often the form is sent, and on the record.
func TestRegisteringAtTheDesk(t *testing.T) {
	d := newDesk(t)
	d.must(d.ask("branch", "GET", "/console/desk", ""), 200, "现在没有开放登记的活动")
	made := d.registering()
	d.signInAgain()
	page := d.must(d.ask("branch", "GET", "/console/desk", ""), 200, "柜台登记").Body.String()
	for _, want := range []string{`name="consents"`, `value="registration@1"`, `name="operator"`, `name="key"`, "/console/desk/" + made.Slug} {
		if !strings.Contains(page, want) {
			t.Errorf("the form lacks %s", want)
		}
	}
	form := []string{"key", "a-key-of-the-form", "name", "王秀英", "document", "320505198001010017", "phone", "139 0000 0001", "operator", "icbc", "district", "gusu", "code_word", "桂花"}
	d.must(d.form("branch", "/console/desk/"+made.Slug, form...), 400, "各项必需的说明")
	body := "consents=registration%401&consents=operator%401"
	for i := 0; i+1 < len(form); i += 2 {
		body += "&" + form[i] + "=" + form[i+1]
	}
	for range 2 {
		receipt := d.must(d.ask("branch", "POST", "/console/desk/"+made.Slug, body), 200, "draw/v1 receipt").Body.String()
		for _, never := range []string{"王秀英", "320505198001010017", "13900000001"} {
			if strings.Contains(receipt, never) {
				t.Errorf("the receipt shows %s", never)
			}
		}
	}
	d.must(d.ask("branch", "POST", "/console/desk/"+made.Slug, strings.Replace(body, "a-key-of-the-form", "another-key", 1)), 409, "已登记")
	entries, err := audit.List(t.Context(), d.DB, audit.Filter{Action: "registration.desk"})
	if err != nil || len(entries) != 1 || entries[0].Actor != "branch" || !strings.Contains(fmt.Sprintf("%s", entries[0].Detail), "registration@1") {
		t.Errorf("%+v, %v", entries, err)
	}
	d.addAccount("wuxi-branch", staff.Branch, "wuxi")
	d.must(d.ask("wuxi-branch", "GET", "/console/desk", ""), 200, "现在没有开放登记的活动")
	d.must(d.ask("wuxi-branch", "POST", "/console/desk/"+made.Slug, body), 404, "")
}
