package disbursement

import (
	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/fault"
	"hongbao/internal/money"
)

var errNoReceipt = fault.New(fault.NotFound, "receipt-missing", "没有这笔到账记录。", "There is no such receipt of money.")

func budgetOf(book *campaign.RuleBook, source string) (money.Fen, bool) {
	for _, s := range book.Funding {
		if s.Name == source {
			return s.Amount, true
		}
	}
	return 0, false
}

func insertReceipt(tx *gorm.DB, r *Receipt) error {
	row := struct {
		ID         int64
		CampaignID int64
		Source     string
		AmountFen  int64
		Evidence   string
		Status     string
		MadeBy     string
		MadeAt     int64
		ChangedAt  int64
	}{0, r.CampaignID, r.Source, int64(r.AmountFen), r.Evidence, r.Status, r.MadeBy, int64(r.MadeAt), int64(r.MadeAt)}
	err := tx.Table("funding_receipts").Create(&row).Error
	r.ID = row.ID
	return err
}

func receiptAsked(tx *gorm.DB, id, approvalID int64) error {
	return exactly(tx.Exec("UPDATE funding_receipts SET approval_id = ? WHERE id = ?", approvalID, id), 1, "asking to receive money")
}

func receiptByID(tx *gorm.DB, id int64) (Receipt, error) {
	var found []Receipt
	if err := tx.Raw("SELECT * FROM funding_receipts WHERE id = ?", id).Scan(&found).Error; err != nil {
		return Receipt{}, err
	}
	if len(found) == 0 {
		return Receipt{}, errNoReceipt
	}
	return found[0], nil
}

func receiptsOf(tx *gorm.DB, campaignID int64) ([]Receipt, error) {
	found := []Receipt{}
	err := tx.Raw("SELECT * FROM funding_receipts WHERE campaign_id = ? ORDER BY id", campaignID).Scan(&found).Error
	return found, err
}

func receivedFrom(tx *gorm.DB, campaignID int64, source string) (fen money.Fen, err error) {
	err = tx.Raw("SELECT COALESCE(SUM(-balance_fen), 0) FROM ledger_accounts WHERE campaign_id = ? AND source = ? AND kind = ?",
		campaignID, source, inSource).Scan(&fen).Error
	return fen, err
}
