package disbursement

import (
	"fmt"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/money"
)

// netOfEvent is what an event adds to what its merchant has taken in envelopes.
const netOfEvent = "CASE WHEN e.kind = 'refund' THEN -e.envelope_fen ELSE e.envelope_fen END"

func insertHold(tx *gorm.DB, h *Hold) error {
	h.ChangedAt = h.HeldAt
	return tx.Table("settlement_holds").Create(h).Error
}

// holdOn finds the hold on a merchant that is not released, and locks it.
func holdOn(tx *gorm.DB, campaignID int64, merchantNo string) (Hold, bool, error) {
	var found []Hold
	err := tx.Raw("SELECT * FROM settlement_holds WHERE campaign_id = ? AND merchant_no = ? AND released_at = 0"+database.Locked(tx), campaignID, merchantNo).Scan(&found).Error
	if err != nil || len(found) == 0 {
		return Hold{}, false, err
	}
	return found[0], true, nil
}

func holdByID(tx *gorm.DB, id int64) (Hold, error) {
	var found []Hold
	err := tx.Raw("SELECT * FROM settlement_holds WHERE id = ?", id).Scan(&found).Error
	if err == nil && len(found) == 0 {
		err = ErrNoHold
	}
	if err != nil {
		return Hold{}, err
	}
	return found[0], nil
}

func holdsOf(tx *gorm.DB, campaignID int64) ([]Hold, error) {
	found := []Hold{}
	err := tx.Raw("SELECT * FROM settlement_holds WHERE campaign_id = ? ORDER BY CASE WHEN released_at = 0 THEN 0 ELSE 1 END, id DESC LIMIT 200", campaignID).Scan(&found).Error
	return found, err
}

// holdDue holds what is due to a merchant, also what a payout that is not confirmed yet has counted.
func holdDue(tx *gorm.DB, campaignID int64, merchantNo string, now database.Millis) error {
	return tx.Exec("UPDATE merchant_settlements SET status = ?, payout_id = 0, changed_at = ? WHERE campaign_id = ? AND merchant_no = ? AND status = ?",
		SettlementHeld, now, campaignID, merchantNo, SettlementDue).Error
}

func dueFromHeld(tx *gorm.DB, campaignID int64, merchantNo string, now database.Millis) error {
	return tx.Exec("UPDATE merchant_settlements SET status = ?, changed_at = ? WHERE campaign_id = ? AND merchant_no = ? AND status = ?",
		SettlementDue, now, campaignID, merchantNo, SettlementHeld).Error
}

type unsettledMerchant struct {
	CampaignID int64
	MerchantNo string
}

// unsettledMerchants are those with events before a moment that no statement has, and without a statement of the day.
func unsettledMerchants(tx *gorm.DB, before database.Millis, day string, limit int) (found []unsettledMerchant, err error) {
	err = tx.Raw(`SELECT e.campaign_id, e.merchant_no FROM spending_events e WHERE e.settlement_id = 0 AND e.occurred_at < ?
		AND NOT EXISTS (SELECT 1 FROM merchant_settlements m WHERE m.campaign_id = e.campaign_id AND m.merchant_no = e.merchant_no AND m.day = ?)
		GROUP BY e.campaign_id, e.merchant_no ORDER BY e.campaign_id, e.merchant_no LIMIT ?`, before, day, limit).Scan(&found).Error
	return found, err
}

// unsettledLines makes the lines of a statement: each event that no statement has, less what earlier statements said of it.
// The events come back as well, to be marked.
func unsettledLines(tx *gorm.DB, campaignID int64, merchantNo string, before database.Millis) (lines []SettlementLine, events []int64, err error) {
	err = tx.Raw(`SELECT e.id AS event_id, e.kind, e.operator, e.event_no, CASE WHEN e.kind = 'refund' THEN e.refund_no ELSE e.payment_no END AS number,
		CASE WHEN e.kind = 'refund' THEN e.payment_no ELSE '' END AS payment_no, e.occurred_at, `+netOfEvent+` AS amount_fen
		FROM spending_events e WHERE e.settlement_id = 0 AND e.campaign_id = ? AND e.merchant_no = ? AND e.occurred_at < ? ORDER BY e.occurred_at, e.id`+database.Locked(tx),
		campaignID, merchantNo, before).Scan(&lines).Error
	if err != nil || len(lines) == 0 {
		return nil, nil, err
	}
	stated, err := statedBefore(tx, campaignID, merchantNo)
	for i := range lines {
		events = append(events, lines[i].EventID)
		if said, ok := stated[lines[i].EventID]; ok {
			lines[i].Kind, lines[i].AmountFen = SettledCorrection, lines[i].AmountFen-said
		}
	}
	return lines, events, err
}

// statedBefore is what statements have said of events that have been corrected since.
func statedBefore(tx *gorm.DB, campaignID int64, merchantNo string) (map[int64]money.Fen, error) {
	var rows []struct {
		EventID   int64
		AmountFen money.Fen
	}
	err := tx.Raw(`SELECT l.event_id, SUM(l.amount_fen) AS amount_fen FROM settlement_lines l JOIN spending_events e ON e.id = l.event_id
		WHERE e.settlement_id = 0 AND e.campaign_id = ? AND e.merchant_no = ? GROUP BY l.event_id`, campaignID, merchantNo).Scan(&rows).Error
	stated := make(map[int64]money.Fen, len(rows))
	for _, row := range rows {
		stated[row.EventID] = row.AmountFen
	}
	return stated, err
}

func insertSettlement(tx *gorm.DB, row *Settlement, lines []SettlementLine) error {
	stored := struct {
		Settlement
		ChangedAt database.Millis
	}{*row, row.MadeAt}
	if err := tx.Table("merchant_settlements").Create(&stored).Error; err != nil {
		return err
	}
	row.ID = stored.ID
	rows := make([][]any, len(lines))
	for i, l := range lines {
		rows[i] = []any{row.ID, l.EventID, l.Kind, l.Operator, l.EventNo, l.Number, l.PaymentNo, int64(l.OccurredAt), int64(l.AmountFen)}
	}
	return database.InsertMany(tx, "settlement_lines", []string{"settlement_id", "event_id", "kind", "operator", "event_no", "number", "payment_no",
		"occurred_at", "amount_fen"}, rows)
}

// markSettled says in which statement events are.
func markSettled(tx *gorm.DB, settlementID int64, events []int64) error {
	for len(events) > 0 {
		chunk := events[:min(1000, len(events))]
		err := exactly(tx.Exec("UPDATE spending_events SET settlement_id = ? WHERE id IN ? AND settlement_id = 0", settlementID, chunk), len(chunk), "marking events as settled")
		if err != nil {
			return err
		}
		events = events[len(chunk):]
	}
	return nil
}

func settlementsOf(tx *gorm.DB, campaignID int64, f SettlementFilter) ([]Settlement, error) {
	query := tx.Table("merchant_settlements").Where("campaign_id = ?", campaignID)
	query = onePage(query, map[string]string{"merchant_no": f.MerchantNo, "payee": f.Payee, "status": string(f.Status)}, f.Page, f.Size)
	found := []Settlement{}
	err := query.Order("day DESC, merchant_no").Scan(&found).Error
	return found, err
}

func settlementByID(tx *gorm.DB, id int64) (Settlement, error) {
	var found []Settlement
	err := tx.Raw("SELECT * FROM merchant_settlements WHERE id = ?", id).Scan(&found).Error
	if err == nil && len(found) == 0 {
		err = ErrNoSettlement
	}
	if err != nil {
		return Settlement{}, err
	}
	return found[0], nil
}

func eachSettlementLine(tx *gorm.DB, settlementID int64, fn func(SettlementLine) error) error {
	rows, err := tx.Raw("SELECT * FROM settlement_lines WHERE settlement_id = ? ORDER BY id", settlementID).Rows()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var line SettlementLine
		if err := tx.ScanRows(rows, &line); err != nil {
			return err
		}
		if err := fn(line); err != nil {
			return err
		}
	}
	return rows.Err()
}

func settlementLines(tx *gorm.DB, settlementID int64, page, size int) (found []SettlementLine, err error) {
	err = tx.Raw("SELECT * FROM settlement_lines WHERE settlement_id = ? ORDER BY id LIMIT ? OFFSET ?", settlementID, size, max(page-1, 0)*size).Scan(&found).Error
	return found, err
}

// merchantSums adds up, for each merchant or for one, what the statements say and what none has yet.
func merchantSums(tx *gorm.DB, campaignID int64, merchantNo string) ([]SettlementSums, error) {
	condition, values := "", []any{campaignID, campaignID}
	if merchantNo != "" {
		condition, values = " WHERE x.merchant_no = ?", append(values, merchantNo)
	}
	var found []SettlementSums
	err := tx.Raw(`SELECT x.merchant_no, COALESCE(MAX(x.payee), '') AS payee, SUM(x.settled) AS settled, SUM(x.held) AS held, SUM(x.due) + SUM(x.unstated) AS due,
		SUM(x.unstated) AS unstated, SUM(x.settled) + SUM(x.held) + SUM(x.due) + SUM(x.unstated) AS spent FROM (
			SELECT m.merchant_no, MAX(m.payee) AS payee, SUM(CASE WHEN m.status = 'settled' THEN m.net_fen ELSE 0 END) AS settled,
				SUM(CASE WHEN m.status = 'held' THEN m.net_fen ELSE 0 END) AS held, SUM(CASE WHEN m.status = 'due' THEN m.net_fen ELSE 0 END) AS due, 0 AS unstated
				FROM merchant_settlements m WHERE m.campaign_id = ? GROUP BY m.merchant_no
			UNION ALL SELECT e.merchant_no, '', 0, 0, 0, SUM(`+netOfEvent+` - COALESCE((SELECT SUM(l.amount_fen) FROM settlement_lines l WHERE l.event_id = e.id), 0))
				FROM spending_events e WHERE e.settlement_id = 0 AND e.campaign_id = ? GROUP BY e.merchant_no) x`+condition+`
		GROUP BY x.merchant_no ORDER BY x.merchant_no`, values...).Scan(&found).Error
	if err != nil {
		return nil, fmt.Errorf("adding settlements up: %w", err)
	}
	return found, nil
}

// payeeSums adds up what is due to each payee and may be paid out now.
func payeeSums(tx *gorm.DB, campaignID int64) ([]PayeeSum, error) {
	found := []PayeeSum{}
	err := tx.Raw(`SELECT m.payee, COUNT(*) AS settlements, SUM(m.net_fen) AS due_fen FROM merchant_settlements m WHERE m.campaign_id = ? AND m.status = ? AND m.payout_id = 0
		GROUP BY m.payee ORDER BY m.payee`, campaignID, SettlementDue).Scan(&found).Error
	return found, err
}

func insertPayout(tx *gorm.DB, p *Payout) error {
	stored := struct {
		Payout
		ChangedAt database.Millis
	}{*p, p.MadeAt}
	err := tx.Table("settlement_payouts").Create(&stored).Error
	p.ID = stored.ID
	return err
}

// fillPayout takes what is due to the payee and says how many statements and how much it is.
func fillPayout(tx *gorm.DB, p Payout, now database.Millis) (n int64, total money.Fen, err error) {
	err = tx.Exec(`UPDATE merchant_settlements SET payout_id = ?, changed_at = ? WHERE campaign_id = ? AND payee = ? AND status = ? AND payout_id = 0
		AND NOT EXISTS (SELECT 1 FROM settlement_holds h WHERE h.campaign_id = merchant_settlements.campaign_id AND h.merchant_no = merchant_settlements.merchant_no AND h.released_at = 0)`,
		p.ID, now, p.CampaignID, p.Payee, SettlementDue).Error
	if err != nil {
		return 0, 0, err
	}
	var sum struct {
		N     int64
		Total money.Fen
	}
	err = tx.Raw("SELECT COUNT(*) AS n, COALESCE(SUM(net_fen), 0) AS total FROM merchant_settlements WHERE payout_id = ?", p.ID).Scan(&sum).Error
	return sum.N, sum.Total, err
}

func payoutAsked(tx *gorm.DB, p Payout) error {
	return exactly(tx.Exec("UPDATE settlement_payouts SET settlements = ?, total_fen = ?, approval_id = ? WHERE id = ?", p.Settlements, int64(p.TotalFen), p.ApprovalID, p.ID),
		1, "asking for a payout")
}

func payoutByID(tx *gorm.DB, id int64) (Payout, error) {
	var found []Payout
	err := tx.Raw("SELECT * FROM settlement_payouts WHERE id = ?", id).Scan(&found).Error
	if err == nil && len(found) == 0 {
		err = ErrNoSettlement
	}
	if err != nil {
		return Payout{}, err
	}
	return found[0], nil
}

func unfillPayout(tx *gorm.DB, id int64, now database.Millis) error {
	return tx.Exec("UPDATE merchant_settlements SET payout_id = 0, changed_at = ? WHERE payout_id = ? AND status = ?", now, id, SettlementDue).Error
}

func settlePayout(tx *gorm.DB, id int64, now database.Millis) (int64, error) {
	result := tx.Exec("UPDATE merchant_settlements SET status = ?, settled_at = ?, changed_at = ? WHERE payout_id = ? AND status = ?", Settled, now, now, id, SettlementDue)
	return result.RowsAffected, result.Error
}

func payoutsOf(tx *gorm.DB, campaignID int64) ([]Payout, error) {
	found := []Payout{}
	err := tx.Raw("SELECT * FROM settlement_payouts WHERE campaign_id = ? ORDER BY id DESC LIMIT 200", campaignID).Scan(&found).Error
	return found, err
}
