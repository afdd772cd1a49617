package disbursement

import (
	"bufio"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/emmansun/gmsm/sm3"

	"hongbao/internal/fault"
	"hongbao/internal/money"
)

// The statement of an operator for one day of Asia/Shanghai is a UTF-8 text file. Every line ends with \n:
//
//	hongbao-statement,1,<operator>,<day>,<edition>
//	<columns of StatementLine, in CSV as in RFC 4180>      any number of lines
//	end,<number of lines>,<sum of amount_fen>,<SM3 of all bytes before this line, hex>
//
// A later edition replaces an earlier one of the same day whole. A line that was left out comes in the next day's file.

const statementMagic = "hongbao-statement"

var errStatement = fault.New(fault.Invalid, "statement-damaged", "对账单的格式、合计或摘要不符，整份拒收。", "The statement's form, totals or digest do not fit; it is refused whole.")

// StatementKind is what a statement line is about.
type StatementKind string

// The kinds of statement lines.
const (
	LineCredit         StatementKind = "credit"          // an order that succeeded
	LineCreditReturned StatementKind = "credit-returned" // an order that succeeded and came back
	LineRecall         StatementKind = "recall"
	LineReturn         StatementKind = "return" // surplus paid back to its source
	LinePayment        StatementKind = "payment"
	LineRefund         StatementKind = "refund"
)

// StatementLine is one movement of envelope money at the operator. Its columns are its fields in this order; the empty
// text and 0 stand for what a kind does not have.
type StatementLine struct {
	Kind             StatementKind
	EventNo          string // the number of the event that told of it, or would have
	Number           string // order, payment or refund number
	CouponID         string
	AmountFen        money.Fen // what the trailer adds up: envelope money of a payment or refund, the amount of an order
	OccurredAt       time.Time // RFC 3339 with seconds, UTC
	PaymentNo        string    // of a refund: the payment
	OwnFen           money.Fen // own money beside the envelope's: wallet and card of a payment, refunded of a refund
	CardFen          money.Fen // the part of OwnFen that the card paid
	MerchantNo       string
	PayMode          string
	Scenario         string
	App              string
	DeliveryDistrict string
	SelfOperated     bool
	Device           string
}

// StatementHead is the first line of a statement.
type StatementHead struct {
	Operator string
	Day      string // 2006-01-02
	Edition  int    // from 1
}

// StatementTotals is what the last line of a statement says.
type StatementTotals struct {
	Lines    int64
	TotalFen money.Fen
	Digest   string // SM3, hex
}

// Event gives a payment or refund line as the event that told of it, so that both ways lead to one booking.
func (l StatementLine) Event() (Event, bool) {
	e := Event{EventNo: l.EventNo, OccurredAt: l.OccurredAt, CouponID: l.CouponID, EnvelopeFen: l.AmountFen,
		AmountFen: l.AmountFen + l.OwnFen, MerchantNo: l.MerchantNo, PayMode: l.PayMode, Scenario: l.Scenario, App: l.App,
		DeliveryDistrict: l.DeliveryDistrict, SelfOperated: l.SelfOperated, Device: l.Device}
	switch l.Kind {
	case LinePayment:
		e.Kind, e.PaymentNo, e.WalletFen, e.CardFen = EventPayment, l.Number, l.OwnFen-l.CardFen, l.CardFen
	case LineRefund:
		e.Kind, e.RefundNo, e.PaymentNo, e.OwnFen = EventRefund, l.Number, l.PaymentNo, l.OwnFen
	default:
		return Event{}, false
	}
	return e, true
}

func (l StatementLine) columns() []string {
	fen := func(f money.Fen) string { return strconv.FormatInt(int64(f), 10) }
	return []string{string(l.Kind), l.EventNo, l.Number, l.CouponID, fen(l.AmountFen), l.OccurredAt.UTC().Format(time.RFC3339),
		l.PaymentNo, fen(l.OwnFen), fen(l.CardFen), l.MerchantNo, l.PayMode, l.Scenario, l.App, l.DeliveryDistrict,
		strconv.FormatBool(l.SelfOperated), l.Device}
}

const statementColumns = 16

func parseStatementLine(c []string) (StatementLine, error) {
	if len(c) != statementColumns {
		return StatementLine{}, fmt.Errorf("%d columns instead of %d", len(c), statementColumns)
	}
	amount, err1 := strconv.ParseInt(c[4], 10, 64)
	at, err2 := time.Parse(time.RFC3339, c[5])
	own, err3 := strconv.ParseInt(c[7], 10, 64)
	card, err4 := strconv.ParseInt(c[8], 10, 64)
	self, err5 := strconv.ParseBool(c[14])
	for _, err := range []error{err1, err2, err3, err4, err5} {
		if err != nil {
			return StatementLine{}, err
		}
	}
	if amount < 0 || own < 0 || card < 0 || card > own || max(amount, own) > int64(maxEvent) {
		return StatementLine{}, fmt.Errorf("amounts of %s %s make no sense", c[0], c[2])
	}
	return StatementLine{StatementKind(c[0]), c[1], c[2], c[3], money.Fen(amount), at.UTC(), c[6], money.Fen(own), money.Fen(card),
		c[9], c[10], c[11], c[12], c[13], self, c[15]}, nil
}

// WriteStatement writes a statement.
func WriteStatement(w io.Writer, head StatementHead, lines []StatementLine) error {
	digest := sm3.New()
	both := csv.NewWriter(io.MultiWriter(w, digest))
	rows := [][]string{{statementMagic, "1", head.Operator, head.Day, strconv.Itoa(head.Edition)}}
	var total money.Fen
	for _, line := range lines {
		rows = append(rows, line.columns())
		total += line.AmountFen
	}
	if err := both.WriteAll(rows); err != nil {
		return fmt.Errorf("writing statement: %w", err)
	}
	_, err := fmt.Fprintf(w, "end,%d,%d,%s\n", len(lines), int64(total), hex.EncodeToString(digest.Sum(nil)))
	return err
}

// ReadStatement reads a statement as a stream and hands each line to fn; an error of fn ends it. The totals can only be
// compared at the end: whoever stores lines does so where they can be taken back, since a damaged file is refused whole
// (an Invalid fault, statement-damaged).
func ReadStatement(r io.Reader, fn func(StatementHead, StatementLine) error) (StatementHead, StatementTotals, error) {
	s := statementReader{lines: bufio.NewReader(r), digest: sm3.New()}
	head, err := s.head()
	for err == nil && !s.ended {
		err = s.next(head, fn)
	}
	if err == nil {
		if _, more := s.lines.ReadByte(); more != io.EOF {
			err = errStatement.With(fmt.Errorf("bytes after the last line"))
		}
	}
	return head, s.totals, err
}

type statementReader struct {
	lines  *bufio.Reader
	digest hash.Hash
	totals StatementTotals
	ended  bool
}

func (s *statementReader) head() (StatementHead, error) {
	c, raw, err := s.row()
	if err != nil {
		return StatementHead{}, err
	}
	s.digest.Write(raw)
	if len(c) != 5 || c[0] != statementMagic || c[1] != "1" {
		return StatementHead{}, errStatement.With(fmt.Errorf("no statement of version 1"))
	}
	edition, err := strconv.Atoi(c[4])
	if err != nil {
		return StatementHead{}, errStatement.With(err)
	}
	return StatementHead{c[2], c[3], edition}, nil
}

func (s *statementReader) next(head StatementHead, fn func(StatementHead, StatementLine) error) error {
	c, raw, err := s.row()
	if err != nil {
		return err
	}
	if c[0] == "end" {
		s.ended = true
		return s.compare(c)
	}
	s.digest.Write(raw)
	line, err := parseStatementLine(c)
	if err != nil {
		return errStatement.With(fmt.Errorf("line %d: %w", s.totals.Lines+2, err))
	}
	s.totals.Lines++
	s.totals.TotalFen += line.AmountFen
	return fn(head, line)
}

func (s *statementReader) compare(c []string) error {
	s.totals.Digest = hex.EncodeToString(s.digest.Sum(nil))
	found := fmt.Sprintf("end,%d,%d,%s", s.totals.Lines, int64(s.totals.TotalFen), s.totals.Digest)
	if told := strings.Join(c, ","); told != found {
		return errStatement.With(fmt.Errorf("the file says %q, it is %q", told, found))
	}
	return nil
}

// row reads one line. No value of ours holds a line break, so a row is a line.
func (s *statementReader) row() ([]string, []byte, error) {
	raw, err := s.lines.ReadBytes('\n')
	if err != nil {
		return nil, nil, errStatement.With(fmt.Errorf("the file ends early: %w", err))
	}
	c, err := csv.NewReader(strings.NewReader(string(raw))).Read()
	if err != nil {
		return nil, nil, errStatement.With(err)
	}
	return c, raw, nil
}
