package disbursement

import (
	"fmt"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/money"
)

var spendingColumns = []string{"operator", "event_no", "body_hash", "kind", "payment_no", "refund_no", "envelope_id", "campaign_id", "merchant_no",
	"pay_mode", "scenario", "app", "amount_fen", "envelope_fen", "wallet_fen", "card_fen", "delivery_district", "self_operated", "device",
	"occurred_at", "received_at", "origin", "statement_day"}

// insertSpending says whether the event is new. Only well-formed events come here, so that a skipped row is a repeated one.
func insertSpending(tx *gorm.DB, e Spending) (bool, error) {
	n, err := database.InsertNew(tx, "spending_events", spendingColumns, [][]any{{e.Operator, e.EventNo, e.BodyHash, string(e.Kind), e.PaymentNo,
		e.RefundNo, e.EnvelopeID, e.CampaignID, e.MerchantNo, e.PayMode, e.Scenario, e.App, int64(e.AmountFen), int64(e.EnvelopeFen),
		int64(e.WalletFen), int64(e.CardFen), e.DeliveryDistrict, e.SelfOperated, e.Device, int64(e.OccurredAt), int64(e.ReceivedAt), e.Origin, e.StatementDay}})
	return n == 1, err
}

func eventByNumber(tx *gorm.DB, operator, number string) (Spending, error) {
	var found []Spending
	err := tx.Raw("SELECT * FROM spending_events WHERE operator = ? AND event_no = ?"+database.Locked(tx), operator, number).Scan(&found).Error
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("disbursement: event %s was skipped and is not there", number)
	}
	if err != nil {
		return Spending{}, err
	}
	return found[0], nil
}

// correctSpending puts the content of an event in the place of what a statement alone had said of it.
func correctSpending(tx *gorm.DB, old, by Spending) error {
	return exactly(tx.Exec(`UPDATE spending_events SET body_hash = ?, payment_no = ?, refund_no = ?, merchant_no = ?, pay_mode = ?, scenario = ?, app = ?,
		amount_fen = ?, envelope_fen = ?, wallet_fen = ?, card_fen = ?, occurred_at = ?, received_at = ?, origin = ?, statement_day = ?, settlement_id = 0
		WHERE id = ? AND origin = ? AND body_hash = ?`, by.BodyHash, by.PaymentNo, by.RefundNo, by.MerchantNo, by.PayMode, by.Scenario, by.App,
		int64(by.AmountFen), int64(by.EnvelopeFen), int64(by.WalletFen), int64(by.CardFen), by.OccurredAt, by.ReceivedAt, by.Origin, by.StatementDay,
		old.ID, ByStatement, old.BodyHash), 1, "correcting an event")
}

func eventsByNumber(tx *gorm.DB, operator string, numbers []string) (map[string]Spending, error) {
	var found []Spending
	if len(numbers) > 0 {
		err := tx.Raw("SELECT * FROM spending_events WHERE operator = ? AND event_no IN ?", operator, numbers).Scan(&found).Error
		if err != nil {
			return nil, fmt.Errorf("finding events: %w", err)
		}
	}
	known := make(map[string]Spending, len(found))
	for _, e := range found {
		known[e.EventNo] = e
	}
	return known, nil
}

func addSpent(tx *gorm.DB, envelopeID int64, by money.Fen, now database.Millis) error {
	return exactly(tx.Exec("UPDATE envelopes SET spent_fen = spent_fen + ?, changed_at = ? WHERE id = ?", int64(by), now, envelopeID), 1, "booking spending")
}

func spendingOf(tx *gorm.DB, envelopeID int64) (found []Spending, err error) {
	err = tx.Raw("SELECT * FROM spending_events WHERE envelope_id = ? ORDER BY occurred_at DESC, id DESC LIMIT 200", envelopeID).Scan(&found).Error
	return found, err
}

// updateSubWallet follows a change that the citizen made in the wallet app; one that is older than ours is passed over.
func updateSubWallet(tx *gorm.DB, operator string, w SubWallet, at database.Millis) error {
	return tx.Exec(`UPDATE sub_wallets SET status = ?, per_payment_fen = ?, per_day_fen = ?, changed_at = ?
		WHERE operator = ? AND token = ? AND status <> ? AND changed_at <= ?`,
		w.Status, int64(w.PerPaymentFen), int64(w.PerDayFen), at, operator, w.Token, SubWalletClosed, at).Error
}
