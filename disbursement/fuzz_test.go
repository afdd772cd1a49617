package disbursement

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/emmansun/gmsm/sm3"

	"hongbao/internal/money"
)

// FuzzStatement gives any text the trailer that it needs, since a fuzzer finds no digest: what is then accepted adds up,
// and is written back as lines that read the same.
func FuzzStatement(f *testing.F) {
	head := "hongbao-statement,1,icbc,2020-12-11,1\n"
	f.Add(head+"credit,E1,N1,C1,20000,2020-12-11T12:00:01Z,,0,0,,,,,,false,\n", 1, int64(20000))
	f.Add(head+"payment,E2,P1,C1,20000,2020-12-11T12:00:01Z,,10000,4000,\"a,\"\"b\",tap,in-store,jd,相城区,true,d1\n", 1, int64(20000))
	f.Add(head+"refund,E3,R1,C1,9223372036854775807,2020-12-11T12:00:01+08:00,P1,1,0,,,,,,0,\n", 1, int64(-1))
	f.Add("hongbao-statement,1,,,0\n", 0, int64(0))
	f.Fuzz(func(t *testing.T, body string, lines int, total int64) {
		digest := sm3.Sum([]byte(body))
		file := fmt.Sprintf("%send,%d,%d,%s\n", body, lines, total, hex.EncodeToString(digest[:]))
		first, totals, err := readLines(file)
		if err != nil {
			return
		}
		var sum money.Fen
		for _, line := range first {
			sum += line.AmountFen
			if e, ok := line.Event(); ok && (e.AmountFen < e.EnvelopeFen || e.WalletFen < 0) {
				t.Errorf("%+v becomes %+v", line, e)
			}
		}
		if sum != totals.TotalFen || int64(len(first)) != totals.Lines {
			t.Errorf("%d lines of %d fen, but %+v", len(first), sum, totals)
		}
		var again bytes.Buffer
		if err := WriteStatement(&again, StatementHead{Operator: "icbc", Day: "2020-12-11", Edition: 1}, first); err != nil {
			t.Fatal(err)
		}
		if second, _, err := readLines(again.String()); err != nil || !reflect.DeepEqual(first, second) {
			t.Errorf("written back, %+v reads as %+v: %v", first, second, err)
		}
	})
}

func readLines(file string) (lines []StatementLine, totals StatementTotals, err error) {
	_, totals, err = ReadStatement(strings.NewReader(file), func(_ StatementHead, l StatementLine) error {
		lines = append(lines, l)
		return nil
	})
	return lines, totals, err
}

// FuzzEvents: an operator's message of events is refused, or each event that is taken for well formed adds up, and its hash
// does not change on the way through the statement's or another program's JSON.
func FuzzEvents(f *testing.F) {
	f.Add([]byte(`{"operator":"icbc","events":[{"kind":"payment","event_no":"E1","payment_no":"P1","coupon_id":"C1","amount_fen":30000,"envelope_fen":20000,"wallet_fen":10000,"occurred_at":"2020-12-11T12:00:00Z"}]}`))
	f.Add([]byte(`{"operator":"icbc","events":[{"kind":"refund","refund_no":"R1","own_fen":-1,"amount_fen":9223372036854775807}]}`))
	f.Add([]byte(`{"events":[null,{"sub_wallet":{}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var in EventBatch
		if json.Unmarshal(body, &in) != nil {
			return
		}
		for _, e := range in.Events {
			if !e.wellFormed() {
				continue
			}
			own := e.WalletFen + e.CardFen
			if e.Kind == EventRefund {
				own = e.OwnFen
			}
			if e.AmountFen != e.EnvelopeFen+own || e.AmountFen <= 0 || e.EnvelopeFen < 0 || own < 0 {
				t.Errorf("well formed, but does not add up: %+v", e)
			}
		}
	})
}
