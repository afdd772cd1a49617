package disbursement

import (
	"gorm.io/gorm"

	"hongbao/internal/database"
)

func keepNonce(tx *gorm.DB, party, nonce string, until database.Millis) (bool, error) {
	n, err := database.InsertNew(tx, "operator_nonces", []string{"operator", "nonce", "until_at"}, [][]any{{party, nonce, int64(until)}})
	return n == 1, err
}

func forgetNonces(tx *gorm.DB, now database.Millis) error {
	return tx.Exec("DELETE FROM operator_nonces WHERE until_at < ?", now).Error
}
