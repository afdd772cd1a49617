package admin

import (
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

func TestRepairQueueAndBatchShowOrdersByReasonAndStatus(t *testing.T) {
	d := newDesk(t)
	d.withCampaign()
	old := database.At(d.clock.Now().Add(-72 * time.Hour))
	err := d.DB.InTx(t.Context(), func(tx *gorm.DB) error {
		if err := tx.Exec(`INSERT INTO disbursement_batches (id, campaign_id, kind, purpose, status, orders, total_fen, approval_id, prepared_by, prepared_at, changed_at)
			SELECT 5, id, 'credit', 'award', 'dispatching', 3, 60000, 1, 'operations', 1, 1 FROM campaigns WHERE slug = ?`, slug).Error; err != nil {
			return err
		}
		for number, o := range map[string][2]string{"ORDERFAILED": {"failed", "wallet-balance-limit"}, "ORDERRETURNED": {"returned", "wallet-refused-delivery"}, "ORDERGOOD": {"succeeded", ""}} {
			err := tx.Exec(`INSERT INTO disbursement_orders (batch_id, campaign_id, envelope_id, kind, order_no, operator, source, wallet_token, coupon_id, amount_fen, status, lease_token,
				operator_ref, reason, replaced_by, created_at, changed_at) SELECT 5, id, 1, 'credit', ?, 'icbc', 'city', 'w', 'c', 20000, ?, '', '', ?, '', 1, ? FROM campaigns WHERE slug = ?`,
				number, o[0], o[1], old, slug).Error
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	queue := d.must(d.ask("operations", "GET", "/console/repairs?campaign="+slug, ""), 200, "超出钱包余额限额").Body.String()
	if !strings.Contains(queue, "ORDERRETURNED") || strings.Contains(queue, "ORDERGOOD") || !strings.Contains(queue, "3 天") || !strings.Contains(queue, "换新编号补发") {
		t.Errorf("%s", visible(queue))
	}
	if text := d.ask("auditor", "GET", "/console/repairs?campaign="+slug+"&reason=wallet-balance-limit", "").Body.String(); strings.Contains(text, "ORDERRETURNED") || strings.Contains(text, "换新编号补发") {
		t.Errorf("%s", visible(text))
	}
	batch := "/console/batches/" + slug + "/5"
	d.must(d.ask("operations", "GET", "/console/disbursement?campaign="+slug, ""), 200, batch)
	if text := d.must(d.ask("auditor", "GET", batch+"?status=succeeded", ""), 200, "ORDERGOOD").Body.String(); strings.Contains(text, "ORDERFAILED") {
		t.Errorf("%s", visible(text))
	}
	d.must(d.ask("auditor", "GET", "/console/batches/"+slug+"/9", ""), 404, "")
	d.must(d.ask("auditor", "GET", "/console/batches/"+slug+"/x", ""), 404, "")
}
