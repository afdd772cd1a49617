package disbursement

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/money"
)

// sendable picks approved orders of one kind that are due, the oldest kind of work first. A credit whose envelope has
// expired comes last, and only if a call has been made for it: it is asked about once more. The order is the index's, so
// that only the rows that are taken are read and locked.
func sendable(tx *gorm.DB, operator string, now database.Millis, limit int) (found []place, err error) {
	for _, work := range []struct {
		condition string
		values    []any
	}{
		{"kind = ? AND expires_at > ?", []any{Credit, now}}, {"kind = ?", []any{Recall}}, {"kind = ?", []any{Return}},
		{"kind = ? AND expires_at <= ? AND attempts > 0", []any{Credit, now}},
	} {
		err = tx.Raw("SELECT id, batch_id FROM disbursement_orders WHERE operator = ? AND status = ? AND next_at <= ? AND "+work.condition+
			" ORDER BY next_at, id LIMIT ?"+database.Unlocked(tx), slices.Concat([]any{operator, OrderApproved, now}, work.values, []any{limit})...).Scan(&found).Error
		if err != nil || len(found) > 0 {
			return found, err
		}
	}
	return nil, nil
}

// place is where an order stands.
type place struct{ ID, BatchID int64 }

// leaseApproved begins a call: whoever loses the race for a row gets fewer rows, never an error.
func leaseApproved(tx *gorm.DB, ids []int64, token string, until, now database.Millis) error {
	these, values := within(ids)
	return tx.Exec("UPDATE disbursement_orders SET status = ?, lease_token = ?, next_at = ?, attempts = attempts + 1, changed_at = ? WHERE "+these+" AND status = ?",
		slices.Concat([]any{OrderSending, token, until, now}, values, []any{OrderApproved})...).Error
}

// askable picks orders the operator has, or may have, and that are due to be asked about.
func askable(tx *gorm.DB, operator string, now database.Millis, limit int) (ids []int64, err error) {
	err = tx.Raw(`SELECT id FROM disbursement_orders WHERE operator = ? AND status IN ? AND next_at <= ? ORDER BY next_at, id LIMIT ?`+database.Unlocked(tx),
		operator, asked, now, limit).Scan(&ids).Error
	return ids, err
}

// leaseUnsettled begins a question. Orders whose call broke off become unknown with it.
func leaseUnsettled(tx *gorm.DB, ids []int64, token string, until, now database.Millis) error {
	err := tx.Exec(`UPDATE disbursement_orders SET status = ?, changed_at = ? WHERE id IN ? AND status = ? AND next_at <= ?`,
		OrderUnknown, now, ids, OrderSending, now).Error
	if err != nil {
		return err
	}
	return tx.Exec(`UPDATE disbursement_orders SET lease_token = ?, next_at = ?, attempts = attempts + 1 WHERE id IN ? AND status IN ? AND next_at <= ?`,
		token, until, ids, asked, now).Error
}

// leased gives the orders that are under a lease, locked so that an event about one of them waits.
func leased(tx *gorm.DB, token string) (found []Order, err error) {
	err = tx.Raw("SELECT * FROM disbursement_orders WHERE lease_token = ? ORDER BY id"+database.Locked(tx), token).Scan(&found).Error
	return found, err
}

// orderByNumber finds and locks an order.
func orderByNumber(tx *gorm.DB, number string) (Order, bool, error) {
	var found []Order
	err := tx.Raw("SELECT * FROM disbursement_orders WHERE order_no = ?"+database.Locked(tx), number).Scan(&found).Error
	if err != nil || len(found) == 0 {
		return Order{}, false, err
	}
	return found[0], true, nil
}

// batchesDispatching notes the first call of a batch. All later ones only look, so that they do not wait for each other.
// It comes before the orders are changed: a changed order shares the lock of its batch, and two that share it could then
// both not change it.
func batchesDispatching(tx *gorm.DB, orders []place, now database.Millis) error {
	var ids, first []int64
	for _, o := range orders {
		if !slices.Contains(ids, o.BatchID) {
			ids = append(ids, o.BatchID)
		}
	}
	err := tx.Raw("SELECT id FROM disbursement_batches WHERE id IN ? AND status = ? ORDER BY id", ids, BatchApproved).Scan(&first).Error
	if err != nil || len(first) == 0 {
		return err
	}
	return tx.Exec("UPDATE disbursement_batches SET status = ?, changed_at = ? WHERE id IN ? AND status = ?",
		BatchDispatching, now, first, BatchApproved).Error
}

func doneBatches(tx *gorm.DB, now database.Millis) error {
	return tx.Exec(`UPDATE disbursement_batches SET status = ?, changed_at = ? WHERE status = ? AND NOT EXISTS
		(SELECT 1 FROM disbursement_orders o WHERE o.batch_id = disbursement_batches.id AND o.status IN ?)`,
		BatchDone, now, BatchDispatching, live).Error
}

// updateOrders moves the orders of one group in one guarded update. The values that differ from row to row go by id.
func updateOrders(tx *gorm.DB, g orderGroup, members []change, next, now database.Millis) error {
	ids := make([]int64, len(members))
	refs, settled, moments := newCases(len(members)), newCases(len(members)), newCases(len(members))
	for i, c := range members {
		ids[i] = c.order.ID
		refs.add(c.order.ID, cmp.Or(c.ref, c.order.OperatorRef))
		amount := c.order.SettledFen
		if g.to == OrderSucceeded {
			amount = c.amount
		}
		settled.add(c.order.ID, int64(amount))
		at := database.Millis(0)
		if g.to == OrderSucceeded || g.to == OrderReturned {
			at = cmp.Or(c.at, now)
		}
		moments.add(c.order.ID, at)
	}
	values := slices.Concat([]any{g.to, next, g.reason, now}, refs.values, settled.values, moments.values, []any{ids, g.from, g.token})
	return exactly(tx.Exec(`UPDATE disbursement_orders SET status = ?, next_at = ?, lease_token = '', reason = ?, changed_at = ?,
		operator_ref = `+refs.text()+`, settled_fen = `+settled.text()+`, settled_at = `+moments.text()+` WHERE id IN ? AND status = ? AND lease_token = ?`, values...),
		len(ids), "settling orders")
}

// cases is a CASE id WHEN ? THEN ? ... END, with its values.
type cases struct {
	arms   strings.Builder
	values []any
}

func newCases(n int) *cases { return &cases{values: make([]any, 0, 2*n)} }

func (c *cases) add(id int64, value any) {
	c.arms.WriteString(" WHEN ? THEN ?")
	c.values = append(c.values, id, value)
}

func (c *cases) text() string { return "CASE id" + c.arms.String() + " END" }

func creditEnvelopes(tx *gorm.DB, ids []int64, now database.Millis) error {
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	these, values := within(ids)
	return exactly(tx.Exec("UPDATE envelopes SET status = ?, credited_fen = amount_fen, credited_at = ?, changed_at = ? WHERE "+these+" AND status = ? AND credited_fen = 0",
		slices.Concat([]any{Credited, now, now}, values, []any{Ordered})...), len(ids), "crediting envelopes")
}

// uncreditEnvelopes takes back a success whose money the operator has returned whole.
func uncreditEnvelopes(tx *gorm.DB, ids []int64, now database.Millis) error {
	if len(ids) == 0 {
		return nil
	}
	return exactly(tx.Exec(`UPDATE envelopes SET status = ?, credited_fen = 0, credited_at = 0, recall_due = 0, changed_at = ?
		WHERE id IN ? AND status IN (?, ?) AND spent_fen = 0 AND recalled_fen = 0`, Ordered, now, ids, Credited, Expired),
		len(ids), "taking credits back")
}

// untouched says whether nothing has been spent or recalled of an envelope.
func untouched(tx *gorm.DB, envelopeID int64) (bool, error) {
	var n int64
	err := tx.Raw("SELECT COUNT(*) FROM envelopes WHERE id = ? AND status IN (?, ?) AND spent_fen = 0 AND recalled_fen = 0", envelopeID, Credited, Expired).Scan(&n).Error
	return n == 1, err
}

func addRecalled(tx *gorm.DB, recalled map[int64]money.Fen, now database.Millis) error {
	ids, amounts := make([]int64, 0, len(recalled)), newCases(len(recalled))
	for id := range recalled {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		amounts.add(id, int64(recalled[id]))
	}
	return exactly(tx.Exec("UPDATE envelopes SET recalled_fen = recalled_fen + "+amounts.text()+", changed_at = ? WHERE id IN ?",
		append(amounts.values, now, ids)...), len(ids), "booking recalls")
}

func closeBalanced(tx *gorm.DB, ids []int64, now database.Millis) error {
	return tx.Exec(`UPDATE envelopes SET status = ?, recall_due = 0, closed_at = ?, changed_at = ? WHERE id IN ? AND status = ?
		AND credited_fen = spent_fen + recalled_fen`, Closed, now, now, ids, Expired).Error
}

func reopenUnbalanced(tx *gorm.DB, ids []int64, now database.Millis) error {
	return tx.Exec(`UPDATE envelopes SET status = ?, recall_due = CASE WHEN credited_fen > spent_fen + recalled_fen THEN 1 ELSE 0 END,
		closed_at = 0, changed_at = ? WHERE id IN ? AND status = ? AND credited_fen <> spent_fen + recalled_fen`, Expired, now, ids, Closed).Error
}

func ordersOf(tx *gorm.DB, condition string, values ...any) (found []Order, err error) {
	err = tx.Raw("SELECT * FROM disbursement_orders WHERE "+condition, values...).Scan(&found).Error
	if err != nil {
		err = fmt.Errorf("finding orders: %w", err)
	}
	return found, err
}

// amountLimits gives for each recall, by the id of the order, how much can come back at most.
func amountLimits(tx *gorm.DB, orders []Order) (map[int64]money.Fen, error) {
	var ids []int64
	for _, o := range orders {
		if o.Kind == Recall {
			ids = append(ids, o.ID)
		}
	}
	limits := map[int64]money.Fen{}
	if len(ids) == 0 {
		return limits, nil
	}
	var rows []struct {
		ID       int64
		LimitFen money.Fen
	}
	err := tx.Raw(`SELECT o.id, e.credited_fen - e.recalled_fen AS limit_fen FROM disbursement_orders o JOIN envelopes e ON e.id = o.envelope_id
		WHERE o.id IN ?`, ids).Scan(&rows).Error
	for _, row := range rows {
		limits[row.ID] = row.LimitFen
	}
	return limits, err
}
