package disbursement

import (
	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/money"
)

// failExpired ends credits that were never sent once their envelope has expired.
func failExpired(tx *gorm.DB, now database.Millis, limit int) (int, error) {
	var batches, ids []int64
	err := tx.Raw("SELECT id FROM disbursement_batches WHERE status IN (?, ?) AND kind = ?", BatchApproved, BatchDispatching, Credit).Scan(&batches).Error
	if err != nil || len(batches) == 0 {
		return 0, err
	}
	err = tx.Raw("SELECT id FROM disbursement_orders WHERE batch_id IN ? AND status = ? AND expires_at <= ? AND attempts = 0 ORDER BY id LIMIT ?"+database.Unlocked(tx),
		batches, OrderApproved, now, limit).Scan(&ids).Error
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	return len(ids), exactly(tx.Exec("UPDATE disbursement_orders SET status = ?, reason = 'expired', next_at = 0, changed_at = ? WHERE id IN ? AND status = ?",
		OrderFailed, now, ids, OrderApproved), len(ids), "ending expired orders")
}

func expiring(tx *gorm.DB, campaignID int64, now database.Millis, limit int) (found []Envelope, err error) {
	err = tx.Raw("SELECT * FROM envelopes WHERE campaign_id = ? AND status = ? AND expires_at + 0 <= ? ORDER BY id LIMIT ?"+database.Unlocked(tx),
		campaignID, Credited, now, limit).Scan(&found).Error
	return found, err
}

func markRecallDue(tx *gorm.DB, ids []int64, now database.Millis) error {
	return tx.Exec("UPDATE envelopes SET recall_due = 1, changed_at = ? WHERE id IN ? AND status = ? AND credited_fen > spent_fen + recalled_fen",
		now, ids, Expired).Error
}

func unpaidExpired(tx *gorm.DB, campaignID int64, from EnvelopeStatus, now database.Millis, limit int) (found []Envelope, err error) {
	err = tx.Raw(`SELECT * FROM envelopes WHERE campaign_id = ? AND status = ? AND expires_at + 0 <= ? AND NOT EXISTS
		(SELECT 1 FROM disbursement_orders o WHERE o.envelope_id = envelopes.id AND o.status IN ?) ORDER BY id LIMIT ?`+database.Unlocked(tx),
		campaignID, from, now, live, limit).Scan(&found).Error
	return found, err
}

// recalling says whether something of a campaign's envelopes is to be taken back for which no order has been made.
func recalling(tx *gorm.DB, campaignID int64) (due bool, err error) {
	err = tx.Raw("SELECT EXISTS (SELECT 1 FROM envelopes WHERE campaign_id = ? AND status = ? AND recall_due = 1 AND credited_fen > spent_fen + recalled_fen)",
		campaignID, Expired).Scan(&due).Error
	return due, err
}

// countOpen counts orders that may still change the money, and envelopes that have not come to their end.
func countOpen(tx *gorm.DB, campaignID int64) (orders, envelopes int64, err error) {
	err = tx.Raw(`SELECT COUNT(*) FROM disbursement_batches b JOIN disbursement_orders o ON o.batch_id = b.id
		WHERE b.campaign_id = ? AND b.status IN (?, ?, ?) AND o.status IN ?`, campaignID, BatchPrepared, BatchApproved, BatchDispatching, live).Scan(&orders).Error
	if err != nil {
		return 0, 0, err
	}
	err = tx.Raw("SELECT COUNT(*) FROM envelopes WHERE campaign_id = ? AND (status IN (?, ?, ?, ?) OR status = ? AND recall_due = 1)",
		campaignID, Awarded, Claimed, Ordered, Credited, Expired).Scan(&envelopes).Error
	return orders, envelopes, err
}

// heldBy gives what stands in float and recalled at the operator of a return, for its source.
func heldBy(tx *gorm.DB, o Order) (map[string]money.Fen, error) {
	found, err := balances(tx, o.CampaignID)
	held := map[string]money.Fen{}
	for _, b := range found {
		if b.Source == o.Source && b.Operator == o.Operator {
			held[b.Kind] += b.AmountFen
		}
	}
	return held, err
}

// allAccounted says whether money was received and every account but source, spent and returned is empty.
func allAccounted(tx *gorm.DB, campaignID int64) (bool, error) {
	var row struct{ Received, Outstanding int64 }
	err := tx.Raw(`SELECT COALESCE(SUM(CASE WHEN kind = 'source' THEN -balance_fen ELSE 0 END), 0) AS received,
		COALESCE(SUM(CASE WHEN kind IN ('float', 'in_flight', 'issued', 'recalled') THEN ABS(balance_fen) ELSE 0 END), 0) AS outstanding
		FROM ledger_accounts WHERE campaign_id = ?`, campaignID).Scan(&row).Error
	return row.Received > 0 && row.Outstanding == 0, err
}

// accountedCampaigns lists those of which allAccounted is true.
func accountedCampaigns(tx *gorm.DB) (ids []int64, err error) {
	err = tx.Raw(`SELECT campaign_id FROM ledger_accounts GROUP BY campaign_id HAVING SUM(CASE WHEN kind = 'source' THEN -balance_fen ELSE 0 END) > 0
		AND SUM(CASE WHEN kind IN ('float', 'in_flight', 'issued', 'recalled') THEN ABS(balance_fen) ELSE 0 END) = 0`).Scan(&ids).Error
	return ids, err
}
