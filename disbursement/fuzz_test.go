package disbursement

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/money"
	"hongbao/internal/signing"
	"hongbao/internal/testkit"
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
// does not change on the way through another program's JSON or through the statement.
func FuzzEvents(f *testing.F) {
	f.Add([]byte(`{"operator":"icbc","events":[{"kind":"payment","event_no":"E1","payment_no":"P1","coupon_id":"C1","amount_fen":30000,"envelope_fen":20000,"wallet_fen":10000,"occurred_at":"2020-12-11T12:00:00Z"}]}`))
	f.Add([]byte(`{"operator":"icbc","events":[{"kind":"refund","event_no":"E2","refund_no":"R1","payment_no":"P1","coupon_id":"C1","amount_fen":300,"envelope_fen":200,"own_fen":100,"occurred_at":"2020-12-11T20:00:00.5+08:00"}]}`))
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
			text, err := json.Marshal(e)
			var again Event
			if err == nil {
				err = json.Unmarshal(text, &again)
			}
			if err != nil || again.hash() != e.hash() {
				t.Errorf("%s has another hash: %v", text, err)
			}
			if e.Kind == EventPayment || e.Kind == EventRefund {
				told(t, e)
			}
		}
	})
}

// told holds an event against what its bank's statement says of it.
func told(t *testing.T, e Event) {
	t.Helper()
	var file bytes.Buffer
	if err := WriteStatement(&file, StatementHead{Operator: "icbc", Day: "2020-12-11", Edition: 1}, []StatementLine{lineOf(e)}); err != nil {
		t.Fatal(err)
	}
	lines, _, err := readLines(file.String())
	if err != nil || len(lines) != 1 {
		t.Fatalf("%+v is told as %q: %v", e, file.String(), err)
	}
	if heard, ok := lines[0].Event(); !ok || heard.hash() != e.hash() {
		t.Errorf("%+v is told as %q, and heard as %+v", e, file.String(), heard)
	}
}

// FuzzAdmission: whatever an operator asks, only a credited envelope of its own is admitted, nothing of it moves, and a merchant is not
// admitted to more than its cap.
func FuzzAdmission(f *testing.F) {
	f.Add("icbc", []byte(`{"operator":"icbc","coupon_id":"C1","merchant_no":"M1","pay_mode":"tap","scenario":"in-store","amount_fen":12345,"at":"2020-12-11T12:00:00Z"}`))
	f.Add("abc", []byte(`{"coupon_id":"C1","merchant_no":"M1","amount_fen":-1}`))
	f.Add("icbc", []byte(`{"coupon_id":"C2","merchant_no":"M1","amount_fen":1}`))
	const most = 300_00
	w := &world{clock: testkit.NewClock(claimFrom), merchantCap: most}
	w.Service = &Service{DB: testkit.DB(f), Campaigns: w, Now: w.clock.Now}
	for coupon, status := range map[string]EnvelopeStatus{"C1": Credited, "C2": Ordered} {
		entry := entryOf(int64(coupon[1]))
		if err := w.DB.InTx(f.Context(), func(tx *gorm.DB) error {
			return database.InsertMany(tx, "envelopes", []string{"campaign_id", "registration_id", "award_id", "entry", "tier", "source", "amount_fen", "credited_fen",
				"operator", "coupon_id", "wallet_token", "status", "claim_until_at", "expires_at", "awarded_at", "changed_at"}, [][]any{{campaignID, int64(coupon[1]), int64(coupon[1]), entry[:],
				"all", "city", 200_00, 200_00, "icbc", coupon, "W1", string(status), 0, int64(database.At(spendUntil)), 0, 0}})
		}); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, operator string, body []byte) {
		var in AdmissionRequest
		if json.Unmarshal(body, &in) != nil {
			return
		}
		answer, err := w.AdmitPurchase(t.Context(), operator, in)
		if err != nil || answer.Admitted && (operator != "icbc" || in.CouponID != "C1") || answer.Admitted != (answer.Reason == "") {
			t.Errorf("%s asks %+v: %+v, %v", operator, in, answer, err)
		}
		reserved, err := takenBy(w.DB.Read(t.Context()), campaignID, in.MerchantNo, w.now())
		if err != nil || reserved < 0 || reserved > most {
			t.Errorf("%q has %s of its cap, %v", in.MerchantNo, reserved, err)
		}
		w.clock.Advance(time.Second)
		if w.clock.Now().After(spendUntil.Add(-time.Hour)) {
			w.clock.Set(claimFrom)
		}
	})
}

// FuzzOpenWinners: no other file than the one that was made for an operator opens with its key.
func FuzzOpenWinners(f *testing.F) {
	ours, theirs := newKey(f), newKey(f)
	s := &Service{Signer: &signing.Signer{Party: PlatformParty, Key: ours}, Random: rand.Reader}
	list := []byte(strings.Join(WinnersHead, ",") + "\nC1,all,20000,13900000001,2020-12-16T01:00:00Z,2020-12-27T01:00:00Z\n")
	file := WinnerFile{Operator: "icbc", Number: strings.Repeat("7", 32), Winners: 1, TotalFen: 200_00, Digest: ListDigest(list), SealedTo: signing.KeyID(&theirs.PublicKey), MadeAt: database.At(claimFrom)}
	made, err := s.sealWinners("test-2020", file, &theirs.PublicKey, list)
	if err != nil {
		f.Fatal(err)
	}
	genuine, opened, err := OpenWinners(made, &ours.PublicKey, theirs)
	if err != nil || !bytes.Equal(opened, list) {
		f.Fatalf("%s, %v", opened, err)
	}
	f.Add(made)
	f.Add(bytes.Replace(made, []byte(`"winners":1`), []byte(`"winners":2`), 1))
	f.Add([]byte(`{"format":"hongbao-winners/1","made_at":"0000-01-01T00:00:00Z","signature":"MAYCAQECAQE="}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		if d, text, err := OpenWinners(file, &ours.PublicKey, theirs); err == nil && (d != genuine || !bytes.Equal(text, list)) {
			t.Errorf("%q opens as %+v", file, d)
		}
	})
}

func newKey(f *testing.F) *sm2.PrivateKey {
	key, err := signing.GenerateKey(nil)
	if err != nil {
		f.Fatal(err)
	}
	return key
}
