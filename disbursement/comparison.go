package disbursement

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/fault"
)

// reconciliation is one run over one file.
type reconciliation struct {
	s         *Service
	operator  string
	day       string
	date      time.Time
	head      StatementHead
	totals    StatementTotals
	campaigns []int64 // those with envelopes at the operator; a line of nobody's counts with the first
	found     map[differenceKey]bool
}

type differenceKey struct {
	campaign      int64
	number, about string
}

func (r *reconciliation) run(ctx context.Context, file spooled) ([]Statement, error) {
	var err error
	if r.campaigns, err = campaignsAt(r.s.DB.Read(ctx), r.operator); err != nil || len(r.campaigns) == 0 {
		return nil, err
	}
	var lines []StatementLine
	_, _, err = file.read(func(_ StatementHead, line StatementLine) error {
		if lines = append(lines, line); len(lines) < linesAtOnce {
			return nil
		}
		err := r.compare(ctx, lines)
		lines = lines[:0]
		return err
	})
	if err == nil {
		err = r.compare(ctx, lines)
	}
	if err != nil {
		return nil, err
	}
	return r.finish(ctx)
}

// compare takes some lines of the file in one transaction.
func (r *reconciliation) compare(ctx context.Context, lines []StatementLine) error {
	var found []difference
	err := r.s.DB.InTx(ctx, func(tx *gorm.DB) error {
		found = found[:0]
		var orders, events []StatementLine
		for _, line := range lines {
			if line.Kind == LinePayment || line.Kind == LineRefund {
				events = append(events, line)
			} else {
				orders = append(orders, line)
			}
		}
		ofOrders, err := r.compareOrders(tx, orders)
		if err != nil {
			return err
		}
		ofEvents, err := r.compareEvents(tx, events)
		if err != nil {
			return err
		}
		found = append(ofOrders, ofEvents...)
		return r.record(tx, found)
	})
	for _, d := range found {
		r.found[differenceKey{d.CampaignID, d.OrderNo, d.Kind}] = true
	}
	return err
}

func (r *reconciliation) record(tx *gorm.DB, found []difference) error {
	for _, d := range found {
		if err := r.s.differ(tx, d); err != nil {
			return err
		}
	}
	return nil
}

func (r *reconciliation) difference(campaignID int64, number, kind, ours, theirs string) difference {
	if campaignID == 0 {
		campaignID = r.campaigns[0]
	}
	return difference{CampaignID: campaignID, Operator: r.operator, Day: r.day, OrderNo: printable(number), Kind: kind, Ours: clip(ours, 200), Theirs: clip(theirs, 200)}
}

// lineKind is the kind of order that a line is about, and the state that it proves.
func lineKind(line StatementLine) (kind string, state State) {
	switch line.Kind {
	case LineCredit:
		return Credit, StateSucceeded
	case LineCreditReturned:
		return Credit, StateReturned
	case LineRecall:
		return Recall, StateSucceeded
	case LineReturn:
		return Return, StateSucceeded
	}
	return string(line.Kind), StateUnknown
}

func (r *reconciliation) compareOrders(tx *gorm.DB, lines []StatementLine) (found []difference, err error) {
	known, err := ordersByNumber(tx, each(lines, func(l StatementLine) string { return l.Number }))
	if err != nil {
		return nil, err
	}
	var confirmed []string
	for _, line := range lines {
		d, ok, err := r.compareOrder(tx, line, known)
		if err != nil {
			return nil, err
		}
		if ok {
			confirmed = append(confirmed, line.Number)
		} else if d != nil {
			found = append(found, *d)
		}
	}
	if err := confirmOrders(tx, confirmed, r.day); err != nil {
		return nil, err
	}
	return found, r.settleMissing(tx, confirmed)
}

// compareOrder holds one line against our order. The statement overrides what is unknown to us; what we hold for settled
// in another way is for a person to judge. A nil difference without confirmation is a credit that came back since.
func (r *reconciliation) compareOrder(tx *gorm.DB, line StatementLine, known map[string]Order) (*difference, bool, error) {
	kind, state := lineKind(line)
	order, ok := known[line.Number]
	theirs := fmt.Sprintf("%s %s", line.Kind, line.AmountFen)
	if !ok || order.Operator != r.operator || order.Kind != kind {
		return new(r.difference(0, line.Number, missingHere, "", theirs)), false, nil
	}
	order, err := r.override(tx, line, order, state)
	if err != nil {
		return nil, false, err
	}
	about := otherStatus
	switch {
	case order.Status == OrderReturned && line.Kind == LineCredit:
		return nil, false, nil
	case order.Status == OrderReturned && state == StateReturned:
		return nil, true, nil
	case order.Status == OrderSucceeded && state == StateSucceeded && order.SettledFen == line.AmountFen:
		return nil, true, nil
	case order.Status == OrderSucceeded && state == StateSucceeded:
		about = otherAmount
	}
	return new(r.difference(order.CampaignID, line.Number, about, fmt.Sprintf("%s %s", order.Status, order.SettledFen), theirs)), false, nil
}

// override settles from the statement what we do not know. Of a recall only the answer to its number says how much has
// come back.
func (r *reconciliation) override(tx *gorm.DB, line StatementLine, order Order, state State) (Order, error) {
	if order.Kind == Recall {
		return order, nil
	}
	said := Outcome{OrderNo: line.Number, State: state, AmountFen: line.AmountFen, At: line.OccurredAt}
	moved, err := r.s.hear(tx, r.operator, fmt.Sprintf("statement:%s:%s:%s", r.day, line.Number, line.Kind), said)
	if err != nil || !moved {
		return order, err
	}
	order, _, err = orderByNumber(tx, line.Number)
	return order, err
}

func (r *reconciliation) compareEvents(tx *gorm.DB, lines []StatementLine) (found []difference, err error) {
	known, err := eventsByNumber(tx, r.operator, each(lines, func(l StatementLine) string { return l.EventNo }))
	if err != nil {
		return nil, err
	}
	var confirmed []string
	for _, line := range lines {
		event, _ := line.Event()
		_, err := r.s.book(tx, r.operator, event, ByStatement, r.day)
		switch {
		case err == nil:
			confirmed = append(confirmed, line.EventNo)
		case errors.Is(err, errEventDiffers):
			ours := known[line.EventNo]
			found = append(found, r.difference(ours.CampaignID, line.EventNo, otherAmount, fmt.Sprintf("%s %s", ours.Kind, ours.EnvelopeFen), fmt.Sprintf("%s %s", line.Kind, line.AmountFen)))
		case refuses(err):
			reason, _ := fault.As(err)
			found = append(found, r.difference(0, line.EventNo, missingHere, reason.Code, fmt.Sprintf("%s %s %s", line.Kind, line.AmountFen, printable(line.CouponID))))
		default:
			return nil, err
		}
	}
	if err := confirmEvents(tx, r.operator, confirmed, r.day); err != nil {
		return nil, err
	}
	return found, r.settleMissing(tx, confirmed)
}

// settleMissing resolves what an earlier statement lacked and this one has.
func (r *reconciliation) settleMissing(tx *gorm.DB, numbers []string) error {
	return resolveFor(tx, r.operator, numbers, missingThere, "statement "+r.day, r.s.now())
}

// finish looks for what the file should have had, compares the envelopes with the ledger, resolves what an earlier
// edition had shown and this one does not, and keeps the result for each campaign.
func (r *reconciliation) finish(ctx context.Context) (kept []Statement, err error) {
	err = r.s.DB.InTx(ctx, func(tx *gorm.DB) error {
		kept = kept[:0]
		found, err := r.missing(tx)
		if err != nil {
			return err
		}
		if err := r.record(tx, found); err != nil {
			return err
		}
		for _, d := range found {
			r.found[differenceKey{d.CampaignID, d.OrderNo, d.Kind}] = true
		}
		if err := r.resolveGone(tx); err != nil {
			return err
		}
		for _, id := range r.campaigns {
			statement, err := r.keep(tx, id)
			if err != nil {
				return err
			}
			kept = append(kept, statement)
		}
		return nil
	})
	return kept, err
}

func (r *reconciliation) missing(tx *gorm.DB) ([]difference, error) {
	from, until := database.At(r.date), database.At(r.date.AddDate(0, 0, 1))
	rows, err := unconfirmed(tx, r.operator, from, until)
	if err != nil {
		return nil, err
	}
	var found []difference
	for _, u := range rows {
		if !r.shown(u.CampaignID, u.Number) {
			found = append(found, r.difference(u.CampaignID, u.Number, missingThere, fmt.Sprintf("%s %s", u.Kind, u.AmountFen), ""))
		}
	}
	for _, look := range []func(*gorm.DB) ([]difference, error){r.refundsOutOfOrder, r.ledgerApart} {
		more, err := look(tx)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	return found, nil
}

// shown says whether the file has the number, though with something else.
func (r *reconciliation) shown(campaignID int64, number string) bool {
	return r.found[differenceKey{campaignID, number, otherAmount}] || r.found[differenceKey{campaignID, number, otherStatus}]
}

// refundsOutOfOrder finds payments of which the envelope was refunded before the citizen's own money was.
func (r *reconciliation) refundsOutOfOrder(tx *gorm.DB) ([]difference, error) {
	from, until := database.At(r.date), database.At(r.date.AddDate(0, 0, 1))
	payments, err := refundedPayments(tx, r.operator, from, until)
	if err != nil {
		return nil, err
	}
	var found []difference
	for _, p := range payments {
		own, envelope, err := SplitRefund(p.OwnPaid, p.EnvelopePaid, 0, 0, p.OwnBack+p.EnvelopeBack)
		if err != nil || own != p.OwnBack || envelope != p.EnvelopeBack {
			found = append(found, r.difference(p.CampaignID, p.PaymentNo, refundOrder, fmt.Sprintf("own %s, envelope %s", own, envelope),
				fmt.Sprintf("own %s, envelope %s", p.OwnBack, p.EnvelopeBack)))
		}
	}
	return found, nil
}

// ledgerApart compares the sums of the envelopes with the ledger's accounts at the operator.
func (r *reconciliation) ledgerApart(tx *gorm.DB) ([]difference, error) {
	rows, err := envelopesAndLedger(tx, r.operator)
	if err != nil {
		return nil, err
	}
	var found []difference
	for _, row := range rows {
		if row.InWallets != row.Issued || row.SpentFen != row.Spent {
			found = append(found, r.difference(row.CampaignID, row.Source, ledgerSums, fmt.Sprintf("in wallets %s, spent %s", row.InWallets, row.SpentFen),
				fmt.Sprintf("ledger: issued %s, spent %s", row.Issued, row.Spent)))
		}
	}
	return found, nil
}

// resolveGone resolves the differences of this day that this reading of the statement has not shown again. Refused
// events are not of the statement; they go when the event has been booked.
func (r *reconciliation) resolveGone(tx *gorm.DB) error {
	open, err := openDifferences(tx, r.operator, r.day)
	if err != nil {
		return err
	}
	reason := fmt.Sprintf("statement %s, edition %d", r.day, r.head.Edition)
	for _, d := range open {
		if r.found[differenceKey{d.CampaignID, d.OrderNo, d.Kind}] {
			continue
		}
		if d.Kind == "event-refused" {
			known, err := eventsByNumber(tx, r.operator, []string{d.OrderNo})
			if err != nil {
				return err
			}
			if _, booked := known[d.OrderNo]; !booked {
				continue
			}
		}
		if err := resolveDifference(tx, d.ID, "system:statements-reconcile", reason, r.s.now()); err != nil {
			return err
		}
	}
	return nil
}

func (r *reconciliation) keep(tx *gorm.DB, campaignID int64) (Statement, error) {
	open, err := countDifferences(tx, campaignID, r.operator, r.day)
	if err != nil {
		return Statement{}, err
	}
	statement := r.statement(campaignID, statementMatched, "")
	if open > 0 {
		statement.Status, statement.Reason = statementDifferent, fmt.Sprintf("%d differences", open)
	}
	return statement, insertStatement(tx, statement)
}

func (r *reconciliation) statement(campaignID int64, status, reason string) Statement {
	return Statement{CampaignID: campaignID, Operator: r.operator, Day: r.day, Edition: r.head.Edition, Digest: r.totals.Digest,
		LineCount: r.totals.Lines, TotalFen: r.totals.TotalFen, Status: status, Reason: reason, ReceivedAt: r.s.now()}
}

// refused notes that a file was refused whole.
func (r *reconciliation) refused(ctx context.Context, cause error) error {
	reason := "statement-damaged"
	if refusal, ok := fault.As(cause); ok {
		reason = refusal.Code
	}
	return r.s.DB.InTx(ctx, func(tx *gorm.DB) error {
		campaigns, err := campaignsAt(tx, r.operator)
		if err != nil {
			return err
		}
		for _, id := range campaigns {
			if err := insertStatement(tx, r.statement(id, statementRefused, reason)); err != nil {
				return err
			}
		}
		return nil
	})
}
