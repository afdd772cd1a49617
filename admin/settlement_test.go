package admin

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/staff"
)

// spent books one payment of envelope money at a merchant, as an operator's event would, and makes the statements.
func (d *desk) spent(merchant string, fen int) {
	d.t.Helper()
	err := d.DB.InTx(d.t.Context(), func(tx *gorm.DB) error {
		return tx.Exec(`INSERT INTO spending_events (operator, event_no, body_hash, kind, payment_no, refund_no, envelope_id, campaign_id, merchant_no, pay_mode, scenario, app,
			amount_fen, envelope_fen, wallet_fen, card_fen, delivery_district, self_operated, device, occurred_at, received_at, origin)
			SELECT 'icbc', ?, ?, 'payment', ?, '', 1, id, ?, 'tap', 'in-store', '', ?, ?, 0, 0, '', 0, '', ?, ?, 'callback' FROM campaigns WHERE slug = ?`,
			"E"+merchant, database.Bytes32{1}, "P"+merchant, merchant, fen, fen, database.At(d.clock.Now()), database.At(d.clock.Now()), slug).Error
	})
	if err != nil {
		d.t.Fatal(err)
	}
	d.clock.Advance(24 * time.Hour)
	if n, err := d.Money.MakeSettlements(d.t.Context()); err != nil || n != 1 {
		d.t.Fatalf("%d statements: %v", n, err)
	}
	for _, role := range []staff.Role{staff.Operations, staff.Approver, staff.Auditor} {
		d.signIn(string(role), role)
	}
}

func TestSettlementIsHeldReleasedAndPaidFromTheConsole(t *testing.T) {
	d := newDesk(t)
	d.withCampaign()
	d.spent("SZ-0010", 8_800)
	merchant := "/console/settlements/" + slug + "/merchants/SZ-0010"
	d.must(d.ask("operations", "GET", "/console/settlements?campaign="+slug, ""), 200, merchant)
	d.must(d.ask("auditor", "GET", merchant, ""), 200, "京东便利店姑苏店")
	d.must(d.form("auditor", merchant+"/hold", "reason", "整额消费"), 403, "")
	d.must(d.form("operations", merchant+"/hold", "reason", ""), 400, "请说明暂缓或解除的理由")
	d.must(d.form("operations", merchant+"/hold", "reason", "整额消费"), 303, "done=saved")
	d.must(d.form("operations", "/console/settlements/"+slug+"/payout", "payee", "lakala", "evidence", "回单 1"), 409, "没有应结算")
	d.must(d.form("operations", merchant+"/release", "reason", "已核查"), 303, "done=asked")
	d.must(d.ask("approver", "GET", "/console/approvals/3", ""), 200, "88.00 元")
	d.must(d.form("operations", "/console/approvals/3", "decision", "approve", "reason", "自己批"), 403, "")
	d.must(d.form("approver", "/console/approvals/3", "decision", "approve", "reason", "已核对"), 303, "done=approved")
	d.must(d.form("operations", "/console/settlements/"+slug+"/payout", "payee", "lakala", "evidence", "回单 1"), 303, "done=asked")
	d.must(d.form("approver", "/console/approvals/4", "decision", "approve", "reason", "回单相符"), 303, "done=approved")
	d.must(d.ask("operations", "GET", merchant, ""), 200, "已结清")
}

func TestStatementIsDownloadedAsFileAndWorkbook(t *testing.T) {
	d := newDesk(t)
	d.withCampaign()
	d.spent("SZ-ON01", 12_345)
	address := "/console/settlements/" + slug + "/statements/1"
	d.must(d.ask("operations", "GET", address, ""), 200, "PSZ-ON01")
	file := d.must(d.ask("auditor", "GET", address+"/file", ""), 200, "payment,icbc,ESZ-ON01,PSZ-ON01,,").Body.String()
	if !strings.Contains(file, "end,1,12345,") {
		t.Errorf("%s", file)
	}
	if book := d.must(d.ask("auditor", "GET", address+"/file?format=xlsx", ""), 200, "").Body.String(); !strings.HasPrefix(book, "PK") {
		t.Errorf("no workbook: %.60q", book)
	}
	var downloads int
	if err := d.DB.Read(t.Context()).Raw("SELECT COUNT(*) FROM audit_entries WHERE action = 'settlement.download' AND actor = 'auditor'").Scan(&downloads).Error; err != nil || downloads != 2 {
		t.Errorf("%d downloads are on the record: %v", downloads, err)
	}
	for _, path := range []string{"/console/settlements/" + slug + "/statements/9", "/console/settlements/" + slug + "/statements/x", fmt.Sprintf("/console/settlements/none/statements/%d", 1)} {
		d.must(d.ask("operations", "GET", path, ""), 404, "")
	}
}
