package disbursement

import (
	"fmt"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/money"
)

// lineUp takes the merchant's row until the transaction ends.
func lineUp(tx *gorm.DB, campaignID int64, merchantNo string) error {
	if _, err := database.InsertNew(tx, "capped_merchants", []string{"campaign_id", "merchant_no", "admissions"}, [][]any{{campaignID, merchantNo, 0}}); err != nil {
		return err
	}
	return exactly(tx.Exec("UPDATE capped_merchants SET admissions = admissions + 1 WHERE campaign_id = ? AND merchant_no = ?", campaignID, merchantNo), 1, "counting an admission")
}

// takenBy is what a merchant has taken of envelopes, less refunds, and what is reserved for it, in one view of both.
func takenBy(tx *gorm.DB, campaignID int64, merchantNo string, now database.Millis) (taken money.Fen, err error) {
	err = tx.Raw(`SELECT (SELECT COALESCE(SUM(CASE WHEN kind = 'refund' THEN -envelope_fen ELSE envelope_fen END), 0) FROM spending_events WHERE campaign_id = ? AND merchant_no = ?)
		+ (SELECT COALESCE(SUM(amount_fen), 0) FROM cap_reservations WHERE campaign_id = ? AND merchant_no = ? AND until_at > ?)`,
		campaignID, merchantNo, campaignID, merchantNo, now).Scan(&taken).Error
	return taken, err
}

// insertReservation adds a reservation, in the place of those of this merchant whose time is over.
func insertReservation(tx *gorm.DB, e Envelope, merchantNo string, amount money.Fen, now, until database.Millis) error {
	err := tx.Exec("DELETE FROM cap_reservations WHERE campaign_id = ? AND merchant_no = ? AND until_at <= ?", e.CampaignID, merchantNo, now).Error
	if err != nil {
		return err
	}
	_, err = database.InsertNew(tx, "cap_reservations", []string{"campaign_id", "merchant_no", "envelope_id", "amount_fen", "until_at"},
		[][]any{{e.CampaignID, merchantNo, e.ID, int64(amount), int64(until)}})
	return err
}

// releaseReservation ends the oldest reservation of an envelope at a merchant: its payment has been heard of.
func releaseReservation(tx *gorm.DB, envelopeID int64, merchantNo string) error {
	var oldest int64
	err := tx.Raw("SELECT COALESCE(MIN(id), 0) FROM cap_reservations WHERE envelope_id = ? AND merchant_no = ?", envelopeID, merchantNo).Scan(&oldest).Error
	if err != nil {
		return fmt.Errorf("finding a reservation: %w", err)
	}
	if oldest == 0 {
		return nil
	}
	return tx.Exec("DELETE FROM cap_reservations WHERE id = ?", oldest).Error
}
