package disbursement

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/money"
)

// Statement is an operator's file of one day as far as it concerns one campaign.
type Statement struct {
	ID         int64           `json:"id"`
	CampaignID int64           `json:"-"`
	Operator   string          `json:"operator"`
	Day        string          `json:"day"` // of Asia/Shanghai
	Edition    int             `json:"edition"`
	Digest     string          `json:"digest"` // SM3, hex
	LineCount  int64           `json:"line_count"`
	TotalFen   money.Fen       `json:"total_fen"`
	Status     string          `json:"status"` // matched, different or refused
	Reason     string          `json:"reason"`
	ReceivedAt database.Millis `json:"received_at"`
}

// Difference is something on which we, the operator and the ledger do not agree. It stays until the evidence settles it
// or a person does, who says why.
type Difference struct {
	ID         int64           `json:"id"`
	CampaignID int64           `json:"-"`
	Operator   string          `json:"operator"`
	Day        string          `json:"day"`
	OrderNo    string          `json:"order_no"` // of an order or an event
	Kind       string          `json:"kind"`     // missing-here, missing-there, amount, status, refund-order, ledger, event-refused
	Ours       string          `json:"ours"`
	Theirs     string          `json:"theirs"`
	Status     string          `json:"status"` // open or resolved
	Reason     string          `json:"reason"`
	Owner      string          `json:"owner"` // who resolved it
	FoundAt    database.Millis `json:"found_at"`
	ResolvedAt database.Millis `json:"resolved_at"`
}

type difference = Difference

const (
	missingHere  = "missing-here"
	missingThere = "missing-there"
	otherAmount  = "amount"
	otherStatus  = "status"
	refundOrder  = "refund-order"
	ledgerSums   = "ledger"

	statementMatched   = "matched"
	statementDifferent = "different"
	statementRefused   = "refused"
)

const (
	linesAtOnce    = 500
	statementBytes = 4 << 30
	daysAfter      = 10        // days after the end of spending, and after the last movement, in which statements are still asked for
	askAgain       = time.Hour // until a statement that was refused or that differs is asked for again
)

// Why a statement is refused whole.
var (
	errStatementOther = fault.New(fault.Invalid, "statement-other", "对账单的机构或日期不符，整份拒收。", "The statement is of another operator or day; it is refused whole.")
	errResolveReason  = fault.Field("reason", "reason", "请说明处理理由（不超过200字）。", "Please give a reason, in at most 200 characters.")
	errNoDifference   = fault.New(fault.NotFound, "difference-missing", "没有这条未处理的差异。", "There is no such open difference.")
)

// dayOf is the day of Asia/Shanghai in which a moment lies.
func dayOf(t time.Time) string { return t.In(campaign.Shanghai).Format(time.DateOnly) }

// Reconcile compares every day that has ended and has no agreed statement yet, at every operator. A statement that is
// not there, or is refused, is asked for again later. It gives the number of statements read.
func (s *Service) Reconcile(ctx context.Context) (int, error) {
	due, err := s.dueStatements(ctx)
	if err != nil {
		return 0, err
	}
	read := 0
	var problems error
	for _, d := range due {
		_, err := s.ReconcileDay(ctx, d.operator, d.day)
		switch {
		case errors.Is(err, ErrStatementNotReady):
		case fault.KindOf(err) == fault.Invalid:
			s.Log.Warn("a statement is refused", "operator", d.operator, "day", d.day, "error", err)
		case err != nil:
			problems = errors.Join(problems, fmt.Errorf("operator %s, %s: %w", d.operator, d.day, err))
		default:
			read++
		}
	}
	return read, problems
}

type dueStatement struct{ operator, day string }

// dueStatements lists operators and ended days, oldest first, from the first order of a campaign at the operator until
// some days after its end, and after anything has moved since: a late refund is recalled, and its statement is still to come.
func (s *Service) dueStatements(ctx context.Context) ([]dueStatement, error) {
	spans, err := activeSpans(s.DB.Read(ctx), 0)
	if err != nil {
		return nil, err
	}
	today := dayOf(s.Now())
	var due []dueStatement
	seen := map[dueStatement]bool{}
	for _, span := range spans {
		if s.Operators[span.Operator] == nil {
			continue
		}
		done, err := agreedDays(s.DB.Read(ctx), span.CampaignID, span.Operator, s.later(-askAgain))
		if err != nil {
			return nil, err
		}
		until := max(span.Until, span.Moved, span.Returned).Time().AddDate(0, 0, daysAfter)
		for day := span.From.Time().In(campaign.Shanghai); dayOf(day) < today && day.Before(until); day = day.AddDate(0, 0, 1) {
			d := dueStatement{span.Operator, dayOf(day)}
			if !done[d.day] && !seen[d] {
				seen[d] = true
				due = append(due, d)
			}
		}
	}
	return due, nil
}

// daysWithoutStatement counts the days, operator by operator, from a campaign's first order to the last movement of its money
// there, whose statement was refused, has not come, or is still to come.
func daysWithoutStatement(tx *gorm.DB, campaignID int64) (n int64, err error) {
	spans, err := activeSpans(tx, campaignID)
	if err != nil {
		return 0, err
	}
	for _, span := range spans {
		stated, err := statedDays(tx, campaignID, span.Operator)
		if err != nil {
			return 0, err
		}
		last := dayOf(max(span.Moved, span.Returned).Time())
		for day := span.From.Time().In(campaign.Shanghai); dayOf(day) <= last; day = day.AddDate(0, 0, 1) {
			if !stated[dayOf(day)] {
				n++
			}
		}
	}
	return n, nil
}

// ReconcileDay reads an operator's statement of one day (2006-01-02, Asia/Shanghai) and compares it three ways: our
// orders and events, the operator's lines, and the ledger. What the statement alone proves is booked from it; everything
// else becomes a difference. A file whose digest, totals or head is wrong is refused whole, before a line of it counts.
func (s *Service) ReconcileDay(ctx context.Context, operator, day string) ([]Statement, error) {
	bank := s.Operators[operator]
	date, err := time.ParseInLocation(time.DateOnly, day, campaign.Shanghai)
	if err != nil || bank == nil {
		return nil, fault.Field("operator", "statement-of-whom", "请给出运营机构和日期。", "Name an operator and a day.")
	}
	file, err := spool(ctx, bank, date)
	if err != nil {
		return nil, err
	}
	defer file.close()
	head, totals, err := file.read(func(StatementHead, StatementLine) error { return nil })
	if err == nil && (head.Operator != operator || head.Day != day) {
		err = errStatementOther
	}
	r := reconciliation{s: s, operator: operator, day: day, date: date, head: head, totals: totals, found: map[differenceKey]bool{}}
	if err != nil {
		return nil, errors.Join(err, r.refused(ctx, err))
	}
	return r.run(ctx, file)
}

// spooled is a statement on disk, so that it can be checked whole before it is used and read twice without memory.
type spooled struct{ *os.File }

func spool(ctx context.Context, bank Operator, date time.Time) (spooled, error) {
	stream, err := bank.Statement(ctx, date)
	if err != nil {
		return spooled{}, err
	}
	defer stream.Close()
	file, err := os.CreateTemp("", "statement-*")
	if err != nil {
		return spooled{}, err
	}
	if _, err := io.Copy(file, io.LimitReader(stream, statementBytes)); err != nil {
		spooled{file}.close()
		return spooled{}, fmt.Errorf("receiving a statement: %w", err)
	}
	return spooled{file}, nil
}

func (f spooled) close() {
	_ = f.Close()
	_ = os.Remove(f.Name())
}

func (f spooled) read(fn func(StatementHead, StatementLine) error) (StatementHead, StatementTotals, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return StatementHead{}, StatementTotals{}, err
	}
	return ReadStatement(f.File, fn)
}

// differ notes a difference once; one that was resolved and shows again is opened again.
func (s *Service) differ(tx *gorm.DB, d difference) error {
	d.FoundAt = s.now()
	return noteDifference(tx, d)
}

// Differences lists a campaign's differences, open ones first and the oldest first among them, at most 1,000.
func (s *Service) Differences(ctx context.Context, campaignID int64) ([]Difference, error) {
	return differencesOf(s.DB.Read(ctx), campaignID)
}

// Statements lists the statements read for a campaign, newest first, at most 1,000.
func (s *Service) Statements(ctx context.Context, campaignID int64) ([]Statement, error) {
	return statementsOf(s.DB.Read(ctx), campaignID)
}

// ResolveDifference closes an open difference of a campaign; the person says why. It moves no money.
func (s *Service) ResolveDifference(ctx context.Context, actor string, campaignID, id int64, reason string) error {
	if reason == "" || len([]rune(reason)) > 200 {
		return errResolveReason
	}
	book, err := s.Campaigns.RuleBook(ctx, campaignID)
	if err != nil {
		return err
	}
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if ok, err := isDifferenceOf(tx, id, campaignID); err != nil || !ok {
			return errors.Join(err, errNoDifference)
		}
		if err := resolveDifference(tx, id, actor, reason, s.now()); err != nil {
			return err
		}
		return s.audited(tx, actor, "difference.resolve", book.ID, fmt.Sprintf("difference:%d", id), map[string]any{"reason": reason})
	})
}
