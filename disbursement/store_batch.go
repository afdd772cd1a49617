package disbursement

import (
	"fmt"
	"slices"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/money"
)

var ErrNoBatch = fault.New(fault.NotFound, "batch-missing", "没有这个批次。", "There is no such batch.")

// unsealedBatch finds a maker's batch that is still being filled. Lock is locked or shared: while those who fill it share
// it, nobody seals it, and once it is sealed nothing is put into it any more.
func unsealedBatch(tx *gorm.DB, campaignID int64, kind, purpose, maker, lock string) (Batch, bool, error) {
	var found []Batch
	err := tx.Raw(`SELECT * FROM disbursement_batches WHERE campaign_id = ? AND kind = ? AND purpose = ? AND status = ? AND approval_id = 0
		AND prepared_by = ? ORDER BY id LIMIT 1`+lock, campaignID, kind, purpose, BatchPrepared, maker).Scan(&found).Error
	if err != nil || len(found) == 0 {
		return Batch{}, false, err
	}
	return found[0], true, nil
}

func insertBatch(tx *gorm.DB, batch *Batch) error {
	row := map[string]any{"campaign_id": batch.CampaignID, "kind": batch.Kind, "purpose": batch.Purpose, "status": string(batch.Status),
		"prepared_by": batch.PreparedBy, "prepared_at": batch.PreparedAt, "changed_at": batch.PreparedAt}
	if err := tx.Table("disbursement_batches").Create(row).Error; err != nil {
		return fmt.Errorf("beginning a batch: %w", err)
	}
	made, ok, err := unsealedBatch(tx, batch.CampaignID, batch.Kind, batch.Purpose, batch.PreparedBy, "")
	if err == nil && !ok {
		err = fmt.Errorf("disbursement: a new batch is not there")
	}
	*batch = made
	return err
}

// sealBatch ends the filling: from here on the batch is what a second person is asked about.
func sealBatch(tx *gorm.DB, batch Batch, now database.Millis) error {
	return exactly(tx.Exec(`UPDATE disbursement_batches SET approval_id = ?, orders = ?, total_fen = ?, changed_at = ?
		WHERE id = ? AND status = ? AND approval_id = 0`, batch.ApprovalID, batch.Orders, int64(batch.TotalFen), now, batch.ID, BatchPrepared), 1, "sealing a batch")
}

func batchByID(tx *gorm.DB, id int64) (Batch, error) {
	var found []Batch
	if err := tx.Raw("SELECT * FROM disbursement_batches WHERE id = ?", id).Scan(&found).Error; err != nil {
		return Batch{}, err
	}
	if len(found) == 0 {
		return Batch{}, ErrNoBatch
	}
	return found[0], nil
}

func batchesOf(tx *gorm.DB, campaignID int64) ([]Batch, error) {
	found := []Batch{}
	err := tx.Raw("SELECT * FROM disbursement_batches WHERE campaign_id = ? ORDER BY id DESC LIMIT 200", campaignID).Scan(&found).Error
	return found, err
}

// batchSum is what a batch moves of one source at one operator.
type batchSum struct {
	Source    string    `json:"source"`
	Operator  string    `json:"operator"`
	Orders    int64     `json:"orders"`
	AmountFen money.Fen `json:"amount_fen"`
}

func batchSums(tx *gorm.DB, id int64) ([]batchSum, error) {
	var sums []batchSum
	err := tx.Raw(`SELECT source, operator, COUNT(*) AS orders, SUM(amount_fen) AS amount_fen FROM disbursement_orders
		WHERE batch_id = ? GROUP BY source, operator ORDER BY source, operator`, id).Scan(&sums).Error
	return sums, err
}

func batchExpired(tx *gorm.DB, id int64, now database.Millis) (bool, error) {
	var expired int64
	err := tx.Raw("SELECT COUNT(*) FROM disbursement_orders WHERE batch_id = ? AND expires_at <= ?", id, now).Scan(&expired).Error
	return expired > 0, err
}

var orderColumns = []string{"batch_id", "campaign_id", "envelope_id", "kind", "order_no", "operator", "source", "wallet_token", "coupon_id",
	"amount_fen", "expires_at", "status", "lease_token", "operator_ref", "reason", "replaced_by", "created_at", "changed_at"}

func insertOrders(tx *gorm.DB, orders []Order, now database.Millis) error {
	rows := make([][]any, len(orders))
	for i, o := range orders {
		rows[i] = []any{o.BatchID, o.CampaignID, o.EnvelopeID, o.Kind, o.OrderNo, o.Operator, o.Source, o.WalletToken, o.CouponID,
			int64(o.AmountFen), int64(o.ExpiresAt), string(OrderPrepared), "", "", "", "", int64(now), int64(now)}
	}
	return database.InsertMany(tx, "disbursement_orders", orderColumns, rows)
}

// advanceBatchOrders moves all orders of a batch together.
func advanceBatchOrders(tx *gorm.DB, batch Batch, from, to OrderStatus, now database.Millis) error {
	if !from.May(to) {
		return database.ErrAdvanced.With(fmt.Errorf("an order goes not from %s to %s", from, to))
	}
	return exactly(tx.Exec("UPDATE disbursement_orders SET status = ?, changed_at = ? WHERE batch_id = ? AND status = ?", to, now, batch.ID, from),
		int(batch.Orders), "advancing a batch's orders")
}

// payableEnvelopes goes on after an id, so that it does not pass again over all that it has taken; the + 0 keeps the
// engine from the index on expires_at, with which it would sort all that is left each time.
func payableEnvelopes(tx *gorm.DB, campaignID, after int64, now database.Millis, limit int) (found []Envelope, err error) {
	err = tx.Raw(`SELECT * FROM envelopes WHERE campaign_id = ? AND status = ? AND id > ? AND wallet_token <> '' AND expires_at + 0 > ? ORDER BY id LIMIT ?`+
		database.Unlocked(tx), campaignID, Claimed, after, now, limit).Scan(&found).Error
	return found, err
}

func recallableEnvelopes(tx *gorm.DB, campaignID, after int64, limit int) (found []Envelope, err error) {
	err = tx.Raw(`SELECT * FROM envelopes WHERE campaign_id = ? AND status = ? AND id > ? AND recall_due = 1 AND credited_fen > spent_fen + recalled_fen
		ORDER BY id LIMIT ?`+database.Unlocked(tx), campaignID, Expired, after, limit).Scan(&found).Error
	return found, err
}

func envelopeIDs(envelopes []Envelope) []int64 {
	ids := make([]int64, len(envelopes))
	for i, e := range envelopes {
		ids[i] = e.ID
	}
	return ids
}

func advanceEnvelopes(tx *gorm.DB, envelopes []Envelope, from, to EnvelopeStatus, now database.Millis) error {
	if !from.May(to) {
		return database.ErrAdvanced.With(fmt.Errorf("an envelope goes not from %s to %s", from, to))
	}
	these, values := within(envelopeIDs(envelopes))
	return exactly(tx.Exec("UPDATE envelopes SET status = ?, changed_at = ? WHERE "+these+" AND status = ?", slices.Concat([]any{to, now}, values, []any{from})...),
		len(envelopes), "advancing envelopes")
}

// recallOrdered notes that a recall has been prepared, once for each envelope.
func recallOrdered(tx *gorm.DB, envelopes []Envelope, now database.Millis) error {
	these, values := within(envelopeIDs(envelopes))
	return exactly(tx.Exec("UPDATE envelopes SET recall_due = 0, changed_at = ? WHERE "+these+" AND status = ? AND recall_due = 1",
		slices.Concat([]any{now}, values, []any{Expired})...), len(envelopes), "preparing recalls")
}

func releaseEnvelopes(tx *gorm.DB, batchID int64, now database.Millis) error {
	return tx.Exec(`UPDATE envelopes SET status = ?, changed_at = ? WHERE status = ?
		AND id IN (SELECT envelope_id FROM disbursement_orders WHERE batch_id = ?)`, Claimed, now, Ordered, batchID).Error
}

func dueAgain(tx *gorm.DB, batchID int64, now database.Millis) error {
	return tx.Exec(`UPDATE envelopes SET recall_due = 1, changed_at = ? WHERE status = ?
		AND id IN (SELECT envelope_id FROM disbursement_orders WHERE batch_id = ?)`, now, Expired, batchID).Error
}

// repairable are orders that ended without effect, have no successor, and whose envelope still wants one: the repair
// queue. A credit is repaired only while its envelope can still be spent. Where the operator says that the envelope was
// credited by another order, or that it has none, no new number helps: the reconciliation has to say where the money is.
func repairable(tx *gorm.DB, campaignID int64, kind string, now database.Millis, limit int) (found []Order, err error) {
	err = tx.Raw(`SELECT * FROM disbursement_orders WHERE campaign_id = ? AND kind = ? AND status IN (?, ?) AND replaced_by = '' AND reason NOT IN (?, ?)
		AND EXISTS (SELECT 1 FROM envelopes e WHERE e.id = disbursement_orders.envelope_id AND (disbursement_orders.kind = ? AND e.status = ? AND e.expires_at > ?
			OR disbursement_orders.kind = ? AND e.status = ? AND e.credited_fen > e.spent_fen + e.recalled_fen)) ORDER BY id LIMIT ?`+database.Unlocked(tx),
		campaignID, kind, OrderFailed, OrderReturned, ReasonCouponUsed, ReasonCouponUnknown, Credit, Ordered, now, Recall, Expired, limit).Scan(&found).Error
	return found, err
}

func replaced(tx *gorm.DB, old Order, number string, now database.Millis) error {
	return exactly(tx.Exec("UPDATE disbursement_orders SET replaced_by = ?, changed_at = ? WHERE id = ? AND status = ? AND replaced_by = ''",
		number, now, old.ID, old.Status), 1, "replacing an order")
}

// unreplaced puts orders back into the repair queue whose successors were rejected.
func unreplaced(tx *gorm.DB, batchID int64, now database.Millis) error {
	var numbers []string
	if err := tx.Raw("SELECT order_no FROM disbursement_orders WHERE batch_id = ?", batchID).Scan(&numbers).Error; err != nil {
		return err
	}
	return exactly(tx.Exec("UPDATE disbursement_orders SET replaced_by = '', changed_at = ? WHERE replaced_by IN ?", now, numbers),
		len(numbers), "reopening the repair queue")
}
