package disbursement

import (
	"gorm.io/gorm"

	"hongbao/internal/database"
)

// walletless are those who are due to be looked for. Their wallet_next_at is 0 before they claim and once they have a wallet.
func walletless(tx *gorm.DB, operator string, now database.Millis, limit int) (found []Envelope, err error) {
	err = tx.Raw(`SELECT * FROM envelopes WHERE operator = ? AND status = ? AND wallet_token = '' AND wallet_next_at > 0 AND wallet_next_at <= ? AND expires_at > ?
		ORDER BY wallet_next_at, id LIMIT ?`, operator, Claimed, now, now, limit).Scan(&found).Error
	return found, err
}

func lookLater(tx *gorm.DB, ids []int64, next database.Millis) error {
	return tx.Exec("UPDATE envelopes SET wallet_attempts = wallet_attempts + 1, wallet_next_at = ? WHERE id IN ? AND status = ? AND wallet_token = ''",
		next, ids, Claimed).Error
}

// setWallets keeps the tokens of envelopes that are still claimed at the operator that was asked; a wallet once known does
// not change.
func setWallets(tx *gorm.DB, operator string, ids []int64, tokens, tiers *cases, now database.Millis) error {
	if len(ids) == 0 {
		return nil
	}
	values := append(append(tokens.values, tiers.values...), now, ids, Claimed, operator)
	return tx.Exec("UPDATE envelopes SET wallet_token = "+tokens.text()+", wallet_tier = "+tiers.text()+", wallet_next_at = 0, changed_at = ? WHERE id IN ? AND status = ? AND operator = ? AND wallet_token = ''",
		values...).Error
}

// switchOperator lets an envelope without a wallet be credited at another operator.
func switchOperator(tx *gorm.DB, e Envelope, operator string, now database.Millis) error {
	next := database.Millis(0)
	if e.Status == Claimed {
		next = now
	}
	return exactly(tx.Exec(`UPDATE envelopes SET operator = ?, wallet_attempts = 0, wallet_next_at = ?, changed_at = ?
		WHERE id = ? AND operator = ? AND status = ? AND wallet_token = ''`, operator, next, now, e.ID, e.Operator, string(e.Status)), 1, "changing the operator")
}

// giveHardWallet ties the wallet of a card to a claimed envelope, in the place of one that was found by phone but not paid into.
func giveHardWallet(tx *gorm.DB, e Envelope, wallet Wallet, now database.Millis) error {
	return exactly(tx.Exec("UPDATE envelopes SET wallet_token = ?, wallet_tier = ?, wallet_hard = 1, wallet_next_at = 0, changed_at = ? WHERE id = ? AND operator = ? AND status = ?",
		wallet.Token, wallet.Tier, now, e.ID, e.Operator, Claimed), 1, "giving a hard wallet")
}

// refusedCredit gives the reason of the last credit of an envelope that failed or came back and has no successor, or "".
func refusedCredit(tx *gorm.DB, envelopeID int64) (reason string, err error) {
	var found []string
	err = tx.Raw("SELECT reason FROM disbursement_orders WHERE envelope_id = ? AND kind = ? AND status IN (?, ?) AND replaced_by = '' ORDER BY id DESC LIMIT 1",
		envelopeID, Credit, OrderFailed, OrderReturned).Scan(&found).Error
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0], nil
}

func subWalletsOf(tx *gorm.DB, registrationID int64) ([]SubWalletRow, error) {
	found := []SubWalletRow{}
	err := tx.Raw("SELECT * FROM sub_wallets WHERE registration_id = ? ORDER BY id DESC", registrationID).Scan(&found).Error
	return found, err
}

func subWalletByID(tx *gorm.DB, registrationID, id int64) (SubWalletRow, error) {
	var found []SubWalletRow
	if err := tx.Raw("SELECT * FROM sub_wallets WHERE registration_id = ? AND id = ?", registrationID, id).Scan(&found).Error; err != nil {
		return SubWalletRow{}, err
	}
	if len(found) == 0 {
		return SubWalletRow{}, ErrSubWalletMissing
	}
	return found[0], nil
}

// upsertSubWallet keeps a sub-wallet under the token that the operator gave it. Who has won in two campaigns has one wallet
// and one token, and a row for each registration.
func upsertSubWallet(tx *gorm.DB, w SubWalletRow) (SubWalletRow, error) {
	_, err := database.InsertNew(tx, "sub_wallets", []string{"campaign_id", "registration_id", "operator", "app", "token", "per_payment_fen",
		"per_day_fen", "status", "pushed_at", "changed_at"}, [][]any{{w.CampaignID, w.RegistrationID, w.Operator, w.App, w.Token,
		int64(w.PerPaymentFen), int64(w.PerDayFen), w.Status, int64(w.PushedAt), int64(w.ChangedAt)}})
	if err != nil {
		return SubWalletRow{}, err
	}
	err = tx.Exec("UPDATE sub_wallets SET status = ?, per_payment_fen = ?, per_day_fen = ?, changed_at = ? WHERE operator = ? AND token = ? AND registration_id = ?",
		w.Status, int64(w.PerPaymentFen), int64(w.PerDayFen), w.ChangedAt, w.Operator, w.Token, w.RegistrationID).Error
	if err != nil {
		return SubWalletRow{}, err
	}
	var kept SubWalletRow
	err = tx.Raw("SELECT * FROM sub_wallets WHERE operator = ? AND token = ? AND registration_id = ?", w.Operator, w.Token, w.RegistrationID).Take(&kept).Error
	return kept, err
}
