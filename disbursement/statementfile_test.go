package disbursement_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"hongbao/disbursement"
	"hongbao/internal/fault"
)

func aStatement(t *testing.T) (file []byte, lines []disbursement.StatementLine) {
	t.Helper()
	at := time.Date(2020, 12, 11, 12, 0, 1, 0, time.UTC)
	lines = []disbursement.StatementLine{
		{Kind: disbursement.LineCredit, EventNo: "E1", Number: "N1", CouponID: "C1", AmountFen: 200_00, OccurredAt: at},
		{Kind: disbursement.LinePayment, EventNo: "E2", Number: "P1", CouponID: "C1", AmountFen: 200_00, OccurredAt: at.Add(time.Hour), OwnFen: 100_00, CardFen: 40_00,
			MerchantNo: "SZ-0001, \"east\"", PayMode: "tap", Scenario: "in-store", App: "jd", DeliveryDistrict: "相城区", SelfOperated: true, Device: "d1"},
		{Kind: disbursement.LineRefund, EventNo: "E3", Number: "R1", CouponID: "C1", AmountFen: 0, OccurredAt: at.Add(2 * time.Hour), PaymentNo: "P1", OwnFen: 100_00},
	}
	var b bytes.Buffer
	if err := disbursement.WriteStatement(&b, disbursement.StatementHead{Operator: "icbc", Day: "2020-12-11", Edition: 2}, lines); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), lines
}

func read(file []byte) (head disbursement.StatementHead, lines []disbursement.StatementLine, totals disbursement.StatementTotals, err error) {
	head, totals, err = disbursement.ReadStatement(bytes.NewReader(file), func(_ disbursement.StatementHead, l disbursement.StatementLine) error {
		lines = append(lines, l)
		return nil
	})
	return head, lines, totals, err
}

func TestStatementIsReadAsWritten(t *testing.T) {
	file, want := aStatement(t)
	head, lines, totals, err := read(file)
	if err != nil || head != (disbursement.StatementHead{Operator: "icbc", Day: "2020-12-11", Edition: 2}) {
		t.Fatalf("%+v %v", head, err)
	}
	if totals.Lines != 3 || totals.TotalFen != 400_00 || len(lines) != len(want) {
		t.Errorf("%+v, %d lines", totals, len(lines))
	}
	for i := range lines {
		if lines[i] != want[i] {
			t.Errorf("line %d: %+v", i, lines[i])
		}
	}
	payment, _ := lines[1].Event()
	if payment.AmountFen != 300_00 || payment.EnvelopeFen != 200_00 || payment.WalletFen != 60_00 || payment.CardFen != 40_00 || payment.PaymentNo != "P1" {
		t.Errorf("payment %+v", payment)
	}
	refund, _ := lines[2].Event()
	if refund.AmountFen != 100_00 || refund.OwnFen != 100_00 || refund.RefundNo != "R1" || refund.PaymentNo != "P1" {
		t.Errorf("refund %+v", refund)
	}
	if _, ok := lines[0].Event(); ok {
		t.Error("a credit is no spending")
	}
}

// No byte of a statement can change unseen, and none can be left off or put on.
func TestDamagedStatementIsRefused(t *testing.T) {
	file, _ := aStatement(t)
	refused := func(what string, damaged []byte) {
		t.Helper()
		if _, _, _, err := read(damaged); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i := range file {
		damaged := bytes.Clone(file)
		damaged[i] ^= 1
		refused("a byte changed", damaged)
		refused("cut short", file[:i])
	}
	refused("a byte more", append(bytes.Clone(file), '\n'))
	refused("another version", []byte(strings.Replace(string(file), "hongbao-statement,1", "hongbao-statement,2", 1)))
}

func TestReaderStopsWhenItsLinesAreNotTaken(t *testing.T) {
	file, _ := aStatement(t)
	full := errors.New("the disk is full")
	_, _, err := disbursement.ReadStatement(bytes.NewReader(file), func(disbursement.StatementHead, disbursement.StatementLine) error { return full })
	if !errors.Is(err, full) {
		t.Error(err)
	}
}
