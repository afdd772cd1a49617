package admin

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/identity"
	"hongbao/internal/staff"
)

// registering is the example campaign in its registration, for anybody.
func (d *desk) registering() campaign.Campaign {
	d.t.Helper()
	ctx := d.t.Context()
	yaml, err := os.ReadFile("../examples/suzhou-2020.yaml")
	if err != nil {
		d.t.Fatal(err)
	}
	text := strings.Replace(string(yaml), "  any:\n    - {evidence: hukou}\n    - {evidence: residence-permit}\n    - {evidence: social-insurance}\n", "  {min_age: 1}\n", 1)
	d.Campaigns.Keeper = &identity.FileKeeper{Secret: bytes.Repeat([]byte{7}, 32)}
	made, err := d.Campaigns.Create(ctx, "maker", []byte(strings.Replace(text, "sms_code: true", "sms_code: false", 1)))
	if err != nil {
		d.t.Fatal(err)
	}
	approval, err := d.Campaigns.RequestPublish(ctx, "maker", made.Slug)
	if err == nil {
		err = d.Staff.Decide(ctx, approval, staff.Account{Username: "checker", City: "*", Role: staff.Approver}, true, "")
	}
	if err == nil {
		err = d.DB.InTx(ctx, func(tx *gorm.DB) error { return d.Campaigns.MarkAnnounced(tx, made.ID) })
	}
	if err != nil {
		d.t.Fatal(err)
	}
	d.clock.Set(made.OpenAt.Time().Add(time.Minute))
	d.job(d.Campaigns.OpenDue)
	return made
}

// underReview is the campaign after its close: six people registered from one device.
func (d *desk) underReview() campaign.Campaign {
	d.t.Helper()
	ctx, made := d.t.Context(), d.registering()
	for i, document := range []string{"320505198001010017", "320505198101010014", "320505198201010011", "320505198301010019", "320505198401010016", "320505198501010013"} {
		sub := campaign.Submission{Campaign: made.Slug, Name: "张三", Document: document, Phone: fmt.Sprintf("139%08d", i), Operator: "icbc", District: "gusu",
			Consents: []string{"registration", "operator", "risk"}, Device: "phone-farm", Network: "192.0.2.9"}
		if _, err := d.Campaigns.Register(ctx, sub); err != nil {
			d.t.Fatal(err)
		}
	}
	d.clock.Set(made.CloseAt.Time())
	d.job(d.Campaigns.CloseDue)
	d.job(d.Campaigns.AssessDue)
	d.signInAgain()
	return made
}

// signInAgain gives everybody a session that the clock has not ended.
func (d *desk) signInAgain() {
	d.t.Helper()
	for _, role := range staff.Roles {
		d.signIn(string(role), role)
	}
}

// A finding goes from the console's page to a second person, and the appeal of one of its people back into the list.
func TestReviewFromTheConsole(t *testing.T) {
	d := newDesk(t)
	made := d.underReview()
	d.must(d.ask("city-admin", "GET", "/console/review", ""), 200, "一台设备多份登记")
	d.must(d.ask("branch", "GET", "/console/findings/1", ""), 403, "")
	page := d.must(d.ask("operations", "GET", "/console/findings/1", ""), 200, "同一设备登记了 6 份，超过 5 份").Body.String()
	if strings.Contains(page, "提请排除") || strings.Contains(page, "320505198001010017") || !strings.Contains(page, "张*") {
		t.Error("the page offers what is not allowed, or shows who people are")
	}
	d.must(d.form("city-admin", "/console/findings/1/exclude", "reason", ""), 400, "请写明理由")
	d.must(d.form("city-admin", "/console/findings/1/exclude", "reason", "一部手机登记六人"), 303, "done=asked")
	d.must(d.form("city-admin", "/console/findings/1/clear", "reason", "误报"), 409, "没有办成")
	d.must(d.form("approver", "/console/approvals/2", "decision", "approve", "reason", "核对无误"), 303, "done=approved")
	roll, err := d.Campaigns.Roll(t.Context(), "auditor", made.ID, campaign.RollFilter{Status: campaign.Excluded})
	if err != nil || len(roll) != 6 || roll[0].Reason != "risk-same-device" {
		t.Fatalf("%+v, %v", roll, err)
	}
	if _, err := d.Campaigns.AppealExclusion(t.Context(), roll[0].ID, "家里只有一部手机"); err != nil {
		t.Fatal(err)
	}
	d.must(d.ask("operations", "GET", "/console/review?status=open", ""), 200, "还有 24 小时")
	d.must(d.ask("operations", "GET", "/console/review?after=x", ""), 400, "编号必须是数字")
	d.must(d.ask("operations", "GET", "/console/appeals/1", "", "Cookie", "lang=en"), 200, "家里只有一部手机")
	d.must(d.form("approver", "/console/appeals/1", "outcome", "reversed", "answer", "x"), 403, "")
	d.must(d.form("city-admin", "/console/appeals/1", "outcome", "reversed", "answer", "x"), 403, "不能处理针对自己所提排除的申诉")
	d.must(d.form("operations", "/console/appeals/1", "answer", "x"), 400, "请选择结论")
	d.clock.Advance(25 * time.Hour)
	d.signInAgain()
	d.must(d.ask("city-admin", "GET", "/console/review?status=overdue&campaign="+made.Slug, ""), 200, "已超期 1 小时")
	d.must(d.form("operations", "/console/appeals/1", "outcome", "reversed", "answer", "户口簿一致"), 303, "done=saved")
	d.must(d.ask("operations", "GET", "/console/appeals/1", ""), 200, "户口簿一致")
	d.addAccount("chengdu-admin", staff.CityAdmin, "chengdu")
	for _, path := range []string{"/console/findings/1", "/console/appeals/1", "/console/review?campaign=" + made.Slug} {
		d.must(d.ask("chengdu-admin", "GET", path, ""), 404, "")
	}
	if left, err := d.Campaigns.Roll(t.Context(), "auditor", made.ID, campaign.RollFilter{Status: campaign.Confirmed}); err != nil || len(left) != 1 || left[0].ID != roll[0].ID {
		t.Errorf("%+v, %v", left, err)
	}
}

func (d *desk) job(run func(ctx context.Context) (int, error)) {
	d.t.Helper()
	if n, err := run(d.t.Context()); err != nil || n != 1 {
		d.t.Fatalf("the job moved %d, %v", n, err)
	}
}

// A registration is excluded by hand from the console: one asks, the approver reads why in words and decides.
func TestExclusionByHandFromTheConsole(t *testing.T) {
	d := newDesk(t)
	made := d.underReview()
	roll, err := d.Campaigns.Roll(t.Context(), "auditor", made.ID, campaign.RollFilter{})
	if err != nil {
		t.Fatal(err)
	}
	path, entry := "/console/registrations/"+made.Slug+"/exclude", fmt.Sprintf("%x", roll[0].Entry[:])
	d.must(d.ask("city-admin", "GET", "/console/registrations?campaign="+made.Slug, ""), 200, "提请排除")
	d.must(d.form("operations", path, "entry", entry, "reason", "court-order"), 403, "")
	d.must(d.form("city-admin", path, "entry", entry, "reason", "court-order"), 303, "done=asked")
	d.must(d.form("city-admin", path, "entry", entry, "reason", "court-order"), 409, "等待复核")
	d.must(d.ask("approver", "GET", "/console/approvals?status=pending", ""), 200, "排除一项登记")
	page := d.must(d.ask("approver", "GET", "/console/approvals/2", ""), 200, "依据生效法律文书").Body.String()
	if !strings.Contains(page, entry) || strings.Contains(page, "张") {
		t.Error("the approval does not show which registration, or shows who it is")
	}
	d.must(d.form("approver", "/console/approvals/2", "decision", "approve", "reason", "已核对文书"), 303, "done=approved")
	d.must(d.ask("city-admin", "GET", "/console/registrations?campaign="+made.Slug+"&status=excluded", ""), 200, "依据生效法律文书")
}
