package disbursement

import (
	"gorm.io/gorm"

	"hongbao/internal/database"
)

// holdingCampaigns are those of which somebody holds an envelope.
func holdingCampaigns(tx *gorm.DB) (ids []int64, err error) {
	err = tx.Raw("SELECT DISTINCT campaign_id FROM envelopes WHERE status IN (?, ?, ?) ORDER BY campaign_id", Awarded, Claimed, Credited).Scan(&ids).Error
	return ids, err
}

// untold are the envelopes whose holder has not had this reminder, with a deadline after now and up to until.
func untold(tx *gorm.DB, campaignID int64, r reminder, now, until database.Millis, limit int) (found []Envelope, err error) {
	err = tx.Raw("SELECT * FROM envelopes WHERE campaign_id = ? AND "+r.condition+" AND "+r.column+" = 0 AND "+r.deadline+" > ? AND "+r.deadline+" <= ? ORDER BY id LIMIT ?"+database.Unlocked(tx),
		campaignID, now, until, limit).Scan(&found).Error
	return found, err
}

func markTold(tx *gorm.DB, ids []int64, r reminder, now database.Millis) error {
	return exactly(tx.Exec("UPDATE envelopes SET "+r.column+" = ? WHERE id IN ? AND "+r.column+" = 0", now, ids), len(ids), "noting a reminder")
}
