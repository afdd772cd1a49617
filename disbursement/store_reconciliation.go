package disbursement

import (
	"fmt"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/money"
)

// span is the time in which a campaign's money moves at an operator: in envelopes until Moved, back to its sources until Returned.
type span struct {
	CampaignID                   int64
	Operator                     string
	From, Until, Moved, Returned database.Millis
}

// activeSpans gives the spans of one campaign, or of all (0).
func activeSpans(tx *gorm.DB, campaignID int64) (found []span, err error) {
	of, values := "", []any{Return}
	if campaignID != 0 {
		of, values = "WHERE e.campaign_id = ?", append(values, campaignID)
	}
	err = tx.Raw(`SELECT e.campaign_id, e.operator, MIN(o.created_at) AS `+"`from`"+`, MAX(e.expires_at) AS `+"`until`"+`, MAX(e.changed_at) AS moved,
		COALESCE((SELECT MAX(r.settled_at) FROM disbursement_orders r WHERE r.campaign_id = e.campaign_id AND r.operator = e.operator AND r.kind = ?), 0) AS returned
		FROM envelopes e JOIN disbursement_orders o ON o.envelope_id = e.id `+of+` GROUP BY e.campaign_id, e.operator ORDER BY e.operator, e.campaign_id`, values...).Scan(&found).Error
	return found, err
}

// statedDays are the days of which a statement was taken, whether or not it agreed.
func statedDays(tx *gorm.DB, campaignID int64, operator string) (map[string]bool, error) {
	var days []string
	err := tx.Raw("SELECT DISTINCT day FROM statements WHERE campaign_id = ? AND operator = ? AND status <> ?", campaignID, operator, statementRefused).Scan(&days).Error
	return setOf(days), err
}

// agreedDays are the days that need no statement any more, since it matched or all its differences are resolved, and
// those whose last reading was after since.
func agreedDays(tx *gorm.DB, campaignID int64, operator string, since database.Millis) (map[string]bool, error) {
	var days []string
	err := tx.Raw(`SELECT DISTINCT s.day FROM statements s WHERE s.campaign_id = ? AND s.operator = ? AND (s.status = ? OR s.received_at > ? OR s.status = ?
		AND NOT EXISTS (SELECT 1 FROM differences d WHERE d.campaign_id = s.campaign_id AND d.operator = s.operator AND d.day = s.day AND d.status = 'open'))`,
		campaignID, operator, statementMatched, since, statementDifferent).Scan(&days).Error
	return setOf(days), err
}

func setOf(days []string) map[string]bool {
	set := make(map[string]bool, len(days))
	for _, day := range days {
		set[day] = true
	}
	return set
}

func campaignsAt(tx *gorm.DB, operator string) (ids []int64, err error) {
	err = tx.Raw("SELECT DISTINCT campaign_id FROM envelopes WHERE operator = ? ORDER BY campaign_id DESC", operator).Scan(&ids).Error
	return ids, err
}

func ordersByNumber(tx *gorm.DB, numbers []string) (map[string]Order, error) {
	known := map[string]Order{}
	if len(numbers) == 0 {
		return known, nil
	}
	found, err := ordersOf(tx, "order_no IN ?", numbers)
	for _, o := range found {
		known[o.OrderNo] = o
	}
	return known, err
}

func confirmOrders(tx *gorm.DB, numbers []string, day string) error {
	if len(numbers) == 0 {
		return nil
	}
	return tx.Exec("UPDATE disbursement_orders SET statement_day = ? WHERE order_no IN ? AND statement_day = ''", day, numbers).Error
}

func confirmEvents(tx *gorm.DB, operator string, numbers []string, day string) error {
	if len(numbers) == 0 {
		return nil
	}
	return tx.Exec("UPDATE spending_events SET statement_day = ? WHERE operator = ? AND event_no IN ? AND statement_day = ''", day, operator, numbers).Error
}

// unconfirmedRow is something that we have settled or booked and that no statement has shown.
type unconfirmedRow struct {
	CampaignID   int64
	Number, Kind string
	AmountFen    money.Fen
}

// unconfirmed finds what happened in a day and stands in no statement. A recall of nothing moves nothing.
func unconfirmed(tx *gorm.DB, operator string, from, until database.Millis) (found []unconfirmedRow, err error) {
	err = tx.Raw(`SELECT campaign_id, order_no AS number, kind, settled_fen AS amount_fen FROM disbursement_orders
		WHERE operator = ? AND statement_day = '' AND settled_at >= ? AND settled_at < ? AND status IN (?, ?) AND settled_fen > 0
		UNION ALL SELECT campaign_id, event_no, kind, envelope_fen FROM spending_events
		WHERE operator = ? AND statement_day = '' AND occurred_at >= ? AND occurred_at < ?`,
		operator, from, until, OrderSucceeded, OrderReturned, operator, from, until).Scan(&found).Error
	return found, err
}

// refundedPayment sums up a payment and what has been refunded of it.
type refundedPayment struct {
	CampaignID                                   int64
	PaymentNo                                    string
	OwnPaid, EnvelopePaid, OwnBack, EnvelopeBack money.Fen
}

func refundedPayments(tx *gorm.DB, operator string, from, until database.Millis) (found []refundedPayment, err error) {
	err = tx.Raw(`SELECT p.campaign_id, p.payment_no, p.wallet_fen + p.card_fen AS own_paid, p.envelope_fen AS envelope_paid,
		SUM(r.wallet_fen + r.card_fen) AS own_back, SUM(r.envelope_fen) AS envelope_back
		FROM spending_events p JOIN spending_events r ON r.operator = p.operator AND r.payment_no = p.payment_no AND r.kind = 'refund'
		WHERE p.operator = ? AND p.kind = 'payment' AND EXISTS (SELECT 1 FROM spending_events d WHERE d.operator = p.operator
			AND d.payment_no = p.payment_no AND d.kind = 'refund' AND d.occurred_at >= ? AND d.occurred_at < ?)
		GROUP BY p.campaign_id, p.payment_no, p.wallet_fen, p.card_fen, p.envelope_fen`, operator, from, until).Scan(&found).Error
	return found, err
}

// envelopeSums are a source's envelopes at one operator beside the ledger's accounts.
type envelopeSums struct {
	CampaignID                         int64
	Source                             string
	InWallets, SpentFen, Issued, Spent money.Fen
}

func envelopesAndLedger(tx *gorm.DB, operator string) (found []envelopeSums, err error) {
	err = tx.Raw(`SELECT e.campaign_id, e.source, e.in_wallets, e.spent_fen,
		COALESCE((SELECT balance_fen FROM ledger_accounts a WHERE a.campaign_id = e.campaign_id AND a.source = e.source AND a.operator = ? AND a.kind = 'issued'), 0) AS issued,
		COALESCE((SELECT balance_fen FROM ledger_accounts a WHERE a.campaign_id = e.campaign_id AND a.source = e.source AND a.operator = ? AND a.kind = 'spent'), 0) AS spent
		FROM (SELECT campaign_id, source, SUM(credited_fen - spent_fen - recalled_fen) AS in_wallets, SUM(spent_fen) AS spent_fen
			FROM envelopes WHERE operator = ? GROUP BY campaign_id, source) AS e`, operator, operator, operator).Scan(&found).Error
	return found, err
}

// noteDifference keeps one row for each thing that differs; what was resolved and shows again is open again.
func noteDifference(tx *gorm.DB, d difference) error {
	n, err := database.InsertNew(tx, "differences", []string{"campaign_id", "operator", "day", "order_no", "kind", "ours", "theirs", "status",
		"reason", "owner", "found_at"}, [][]any{{d.CampaignID, d.Operator, d.Day, d.OrderNo, d.Kind, d.Ours, d.Theirs, "open", "", "", int64(d.FoundAt)}})
	if err != nil || n == 1 {
		return err
	}
	return tx.Exec(`UPDATE differences SET status = 'open', ours = ?, theirs = ?, resolved_at = 0 WHERE campaign_id = ? AND operator = ? AND day = ?
		AND order_no = ? AND kind = ? AND (status = 'open' OR ours <> ? OR theirs <> ?)`,
		d.Ours, d.Theirs, d.CampaignID, d.Operator, d.Day, d.OrderNo, d.Kind, d.Ours, d.Theirs).Error
}

func openDifferences(tx *gorm.DB, operator, day string) (found []difference, err error) {
	err = tx.Raw("SELECT * FROM differences WHERE operator = ? AND day = ? AND status = 'open'", operator, day).Scan(&found).Error
	return found, err
}

func countDifferences(tx *gorm.DB, campaignID int64, operator, day string) (n int64, err error) {
	err = tx.Raw("SELECT COUNT(*) FROM differences WHERE campaign_id = ? AND operator = ? AND day = ? AND status = 'open'", campaignID, operator, day).Scan(&n).Error
	return n, err
}

func resolveDifference(tx *gorm.DB, id int64, owner, reason string, now database.Millis) error {
	return database.Advance(tx, "differences", id, "open", "resolved", map[string]any{"owner": owner, "reason": reason, "resolved_at": now})
}

func resolveFor(tx *gorm.DB, operator string, numbers []string, kind, reason string, now database.Millis) error {
	if len(numbers) == 0 {
		return nil
	}
	err := tx.Exec(`UPDATE differences SET status = 'resolved', owner = 'system:statements-reconcile', reason = ?, resolved_at = ?
		WHERE operator = ? AND order_no IN ? AND kind = ? AND status = 'open'`, reason, now, operator, numbers, kind).Error
	if err != nil {
		return fmt.Errorf("resolving differences: %w", err)
	}
	return nil
}

func isDifferenceOf(tx *gorm.DB, id, campaignID int64) (bool, error) {
	var n int64
	err := tx.Raw("SELECT COUNT(*) FROM differences WHERE id = ? AND campaign_id = ? AND status = 'open'", id, campaignID).Scan(&n).Error
	return n == 1, err
}

func differencesOf(tx *gorm.DB, campaignID int64) ([]Difference, error) {
	found := []Difference{}
	err := tx.Raw("SELECT * FROM differences WHERE campaign_id = ? ORDER BY status, id LIMIT 1000", campaignID).Scan(&found).Error
	return found, err
}

func insertStatement(tx *gorm.DB, s Statement) error {
	return database.InsertMany(tx, "statements", []string{"campaign_id", "operator", "day", "edition", "digest", "line_count", "total_fen", "status",
		"reason", "received_at"}, [][]any{{s.CampaignID, s.Operator, s.Day, s.Edition, s.Digest, s.LineCount, int64(s.TotalFen), s.Status, s.Reason, int64(s.ReceivedAt)}})
}

func statementsOf(tx *gorm.DB, campaignID int64) ([]Statement, error) {
	found := []Statement{}
	err := tx.Raw("SELECT * FROM statements WHERE campaign_id = ? ORDER BY day DESC, id DESC LIMIT 1000", campaignID).Scan(&found).Error
	return found, err
}
