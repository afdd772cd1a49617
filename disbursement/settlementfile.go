package disbursement

import (
	"bufio"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strconv"
	"time"

	"github.com/emmansun/gmsm/sm3"

	"hongbao/internal/money"
)

// The statement that a merchant or its acquirer gets is a UTF-8 text file, CSV as in RFC 4180. Every line ends with \n:
//
//	hongbao-settlement,1,<merchant no>,<payee>,<day>
//	kind,operator,event_no,number,payment_no,occurred_at,amount_fen
//	<lines: payment, refund (negative) or correction; occurred_at is RFC 3339 UTC>      any number
//	end,<number of lines>,<sum of amount_fen>,<SM3 of all bytes before this line, hex>

var settlementHead = []string{"kind", "operator", "event_no", "number", "payment_no", "occurred_at", "amount_fen"}

type settlementWriter struct {
	out    *bufio.Writer
	digest hash.Hash
	csv    *csv.Writer
	lines  int64
	total  money.Fen
}

func newSettlementWriter(w io.Writer, row Settlement) *settlementWriter {
	f := &settlementWriter{out: bufio.NewWriter(w), digest: sm3.New()}
	f.csv = csv.NewWriter(io.MultiWriter(f.out, f.digest))
	_ = f.csv.Write([]string{"hongbao-settlement", "1", row.MerchantNo, row.Payee, row.Day}) // a csv.Writer keeps its error
	_ = f.csv.Write(settlementHead)
	return f
}

func (f *settlementWriter) line(l SettlementLine) error {
	f.lines++
	f.total += l.AmountFen
	return f.csv.Write([]string{l.Kind, l.Operator, l.EventNo, l.Number, l.PaymentNo, l.OccurredAt.Time().Format(time.RFC3339), strconv.FormatInt(int64(l.AmountFen), 10)})
}

func (f *settlementWriter) end() (digest string, err error) {
	if f.csv.Flush(); f.csv.Error() != nil {
		return "", f.csv.Error()
	}
	digest = hex.EncodeToString(f.digest.Sum(nil))
	if _, err := fmt.Fprintf(f.out, "end,%d,%d,%s\n", f.lines, int64(f.total), digest); err != nil {
		return "", err
	}
	return digest, f.out.Flush()
}

func settlementDigest(row Settlement, lines []SettlementLine) (string, error) {
	f := newSettlementWriter(io.Discard, row)
	for _, line := range lines {
		if err := f.line(line); err != nil {
			return "", err
		}
	}
	return f.end()
}
