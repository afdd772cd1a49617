package disbursement

import (
	"gorm.io/gorm"

	"hongbao/internal/database"
)

// openThings counts what keeps a campaign from being closed.
func openThings(tx *gorm.DB, campaignID int64) ([]Blocker, error) {
	var open []Blocker
	for _, q := range []struct {
		code, query string
		values      []any
	}{
		{BlockedByFunding, "SELECT COUNT(*) AS count, COALESCE(SUM(amount_fen), 0) AS fen FROM funding_receipts WHERE campaign_id = ? AND status = 'prepared'", []any{campaignID}},
		{BlockedByEnvelopes, "SELECT COUNT(*) AS count, COALESCE(SUM(amount_fen), 0) AS fen FROM envelopes WHERE campaign_id = ? AND status NOT IN (?, ?)", []any{campaignID, Closed, Forfeited}},
		{BlockedByOrders, "SELECT COUNT(*) AS count, COALESCE(SUM(amount_fen), 0) AS fen FROM disbursement_orders WHERE campaign_id = ? AND status IN ?", []any{campaignID, live}},
		{BlockedByMoney, "SELECT COUNT(*) AS count, COALESCE(SUM(balance_fen), 0) AS fen FROM ledger_accounts WHERE campaign_id = ? AND kind IN (?, ?, ?, ?) AND balance_fen <> 0",
			[]any{campaignID, inFloat, inFlight, inIssued, inRecalled}},
		{BlockedByDifferences, "SELECT COUNT(*) AS count, 0 AS fen FROM differences WHERE campaign_id = ? AND status = 'open'", []any{campaignID}},
		{BlockedByUnstated, "SELECT COUNT(*) AS count, COALESCE(SUM(" + netOfEvent + "), 0) AS fen FROM spending_events e WHERE e.campaign_id = ? AND e.settlement_id = 0", []any{campaignID}},
		{BlockedByMerchants, "SELECT COUNT(*) AS count, COALESCE(SUM(net_fen), 0) AS fen FROM merchant_settlements WHERE campaign_id = ? AND status <> ?", []any{campaignID, Settled}},
	} {
		found := Blocker{}
		if err := tx.Raw(q.query, q.values...).Scan(&found).Error; err != nil {
			return nil, err
		}
		if found.Code = q.code; found.Count > 0 {
			open = append(open, found)
		}
	}
	return open, nil
}

// closedCounts counts the envelopes that were credited and the merchants that were paid.
func closedCounts(tx *gorm.DB, campaignID int64) (envelopes, merchants int64, err error) {
	if err = tx.Raw("SELECT COUNT(*) FROM envelopes WHERE campaign_id = ? AND credited_fen > 0", campaignID).Scan(&envelopes).Error; err != nil {
		return 0, 0, err
	}
	err = tx.Raw("SELECT COUNT(DISTINCT merchant_no) FROM merchant_settlements WHERE campaign_id = ?", campaignID).Scan(&merchants).Error
	return envelopes, merchants, err
}

func closeOutOf(tx *gorm.DB, campaignID int64) (IssuedCloseOut, bool, error) {
	var found []struct {
		Document     []byte
		Digest, Note string
		IssuedAt     database.Millis
	}
	err := tx.Raw("SELECT document, digest, note, issued_at FROM close_outs WHERE campaign_id = ?", campaignID).Scan(&found).Error
	if err != nil || len(found) == 0 {
		return IssuedCloseOut{}, false, err
	}
	return IssuedCloseOut{found[0].Document, found[0].Digest, found[0].Note, found[0].IssuedAt}, true, nil
}

func insertCloseOut(tx *gorm.DB, campaignID int64, c IssuedCloseOut) error {
	return tx.Exec("INSERT INTO close_outs (campaign_id, document, digest, note, issued_at) VALUES (?, ?, ?, ?, ?)", campaignID, c.Document, c.Digest, c.Note, c.At).Error
}
