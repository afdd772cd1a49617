package campaign

import (
	"fmt"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

type codeRow struct {
	ID        int64
	CodeIndex database.Bytes32
	Sealed    []byte
}

func insertCodes(tx *gorm.DB, rows [][]any) (int64, error) {
	if len(rows) == 0 {
		return 0, nil
	}
	return database.InsertNew(tx, "scarce_codes", []string{"campaign_id", "code_index", "sealed", "imported_at"}, rows)
}

func codeOf(tx *gorm.DB, campaignID, registrationID int64) (row codeRow, ok bool, err error) {
	var found []codeRow
	err = tx.Raw("SELECT id, code_index, sealed FROM scarce_codes WHERE campaign_id = ? AND registration_id = ?", campaignID, registrationID).Scan(&found).Error
	if err != nil || len(found) == 0 {
		return codeRow{}, false, err
	}
	return found[0], true, nil
}

// handOut gives the code that is the registration's, or the next that is free. Rivals on MySQL wait for the row that somebody
// else is at: passing over it would tell a winner that none is left while its holder may yet give it back.
func handOut(tx *gorm.DB, campaignID, registrationID int64, now time.Time) (codeRow, error) {
	if row, ok, err := codeOf(tx, campaignID, registrationID); err != nil || ok {
		return row, err
	}
	var free []codeRow
	err := tx.Raw("SELECT id, code_index, sealed FROM scarce_codes WHERE campaign_id = ? AND registration_id IS NULL ORDER BY id LIMIT 1"+database.Locked(tx),
		campaignID).Scan(&free).Error
	if err != nil {
		return codeRow{}, fmt.Errorf("finding a free code: %w", err)
	}
	if len(free) == 0 {
		return codeRow{}, errNoCodes
	}
	result := tx.Exec("UPDATE scarce_codes SET registration_id = ?, given_at = ? WHERE id = ? AND registration_id IS NULL", registrationID, database.At(now), free[0].ID)
	if result.Error == nil && result.RowsAffected != 1 {
		return codeRow{}, database.ErrAdvanced
	}
	return free[0], result.Error
}

func codeCounts(tx *gorm.DB, campaignID int64) (counts CodeCounts, err error) {
	err = tx.Raw(`SELECT COUNT(*) AS imported, COUNT(registration_id) AS given, COUNT(*) - COUNT(registration_id) AS free FROM scarce_codes WHERE campaign_id = ?`,
		campaignID).Scan(&counts).Error
	return counts, err
}
