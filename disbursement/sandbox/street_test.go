package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm2"

	"hongbao/disbursement"
	"hongbao/disbursement/gateway"
	"hongbao/disbursement/sandbox"
	"hongbao/internal/money"
	"hongbao/internal/signing"
)

// town is a street with a platform that keeps every event and admits what `admit` admits.
type town struct {
	t      *testing.T
	street *sandbox.Street
	key    *sm2.PrivateKey

	mu      sync.Mutex
	now     time.Time
	events  []disbursement.Event
	asked   []disbursement.AdmissionRequest
	admit   func(disbursement.AdmissionRequest) disbursement.AdmissionAnswer
	down    bool
	mistake int // events whose signature was not believed
}

var start = time.Date(2020, 12, 11, 4, 0, 0, 0, time.UTC) // noon in Suzhou

func newTown(t *testing.T, faults sandbox.Faults, seed int64) *town {
	t.Helper()
	v := &town{t: t, now: start, admit: func(disbursement.AdmissionRequest) disbursement.AdmissionAnswer {
		return disbursement.AdmissionAnswer{Admitted: true}
	}}
	var err error
	if v.key, err = signing.GenerateKey(nil); err != nil {
		t.Fatal(err)
	}
	v.street, err = sandbox.Start(context.Background(), sandbox.Options{Seed: seed, Faults: faults, Now: v.clock, PlatformKey: &v.key.PublicKey})
	if err != nil {
		t.Fatal(err)
	}
	platform := httptest.NewServer(v.platform())
	v.street.SetPlatform(platform.URL)
	t.Cleanup(func() {
		if err := v.street.Close(); err != nil {
			t.Error(err)
		}
		platform.Close()
	})
	return v
}

func (v *town) clock() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now
}

func (v *town) pass(d time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now = v.now.Add(d)
}

// platform takes events and questions, and signs its answers.
func (v *town) platform() http.Handler {
	keys := &signing.Directory{}
	for name, key := range v.street.PublicKeys() {
		if err := keys.Add(name, signing.PublicKey{Key: key}); err != nil {
			v.t.Fatal(err)
		}
	}
	verifier := signing.Verifier{Party: disbursement.PlatformParty, Keys: keys, Now: v.clock, Nonces: &signing.MemoryNonces{}}
	signer := signing.Signer{Party: disbursement.PlatformParty, Key: v.key, Now: v.clock}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		party, body, err := verifier.ReadRequest(r, 1<<20)
		v.mu.Lock()
		defer v.mu.Unlock()
		if err != nil {
			v.mistake++
		}
		if err != nil || v.down {
			http.Error(w, "no", http.StatusBadGateway)
			return
		}
		v.mu.Unlock()
		status, answer := v.hear(r.URL.Path, party, body)
		err = signer.Respond(w, r, status, answer)
		v.mu.Lock()
		if err != nil {
			v.t.Error(err)
		}
	})
}

func (v *town) hear(path, party string, body []byte) (int, []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if path == "/operator/v1/admissions" {
		var question disbursement.AdmissionRequest
		v.must(json.Unmarshal(body, &question))
		v.asked = append(v.asked, question)
		answer, err := json.Marshal(v.admit(question))
		v.must(err)
		return http.StatusOK, answer
	}
	var batch disbursement.EventBatch
	v.must(json.Unmarshal(body, &batch))
	if batch.Operator != party {
		v.t.Errorf("%s speaks for %s", party, batch.Operator)
	}
	v.events = append(v.events, batch.Events...)
	return http.StatusNoContent, nil
}

func (v *town) must(err error) {
	if err != nil {
		v.t.Error(err)
	}
}

func (v *town) heard() []disbursement.Event {
	v.t.Helper()
	if pending := v.street.Flush(context.Background()); pending > 0 {
		v.t.Errorf("%d events cannot be delivered", pending)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]disbursement.Event{}, v.events...)
}

func (v *town) gateway(bank string) *gateway.Gateway {
	v.t.Helper()
	public, keys := v.street.PublicKeys()[bank], &signing.Directory{}
	v.must(keys.Add(bank, signing.PublicKey{Key: public}))
	g, err := gateway.New(gateway.Profile{Name: bank, URL: v.street.Banks()[bank], Keys: keys, SealKey: public,
		Signer: signing.Signer{Party: disbursement.PlatformParty, Key: v.key, Now: v.clock}})
	if err != nil {
		v.t.Fatal(err)
	}
	return g
}

// call is what people on the street do; code is the refusal's, or "".
func (v *town) call(method, url string, in, out any) (code string) {
	v.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		v.t.Fatal(err)
	}
	request, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		v.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		var problem struct{ Code string }
		if json.Unmarshal(text, &problem) != nil || problem.Code == "" {
			v.t.Fatalf("%s: %d %s", url, response.StatusCode, text)
		}
		return problem.Code
	}
	if out != nil {
		if err := json.Unmarshal(text, out); err != nil {
			v.t.Fatalf("%s: %v", url, err)
		}
	}
	return ""
}

func (v *town) app(bank, path string, in, out any) string {
	v.t.Helper()
	return v.call(http.MethodPost, v.street.Banks()[bank]+"/app/"+path, in, out)
}

type object = map[string]any

type walletSeen struct {
	Token   string
	OwnFen  money.Fen `json:"own_fen"`
	Coupons []struct {
		CouponID string    `json:"coupon_id"`
		LeftFen  money.Fen `json:"left_fen"`
	}
}

func (v *town) wallet(bank, phone string) (w walletSeen) {
	v.t.Helper()
	if code := v.call(http.MethodGet, v.street.Banks()[bank]+"/app/wallets/"+phone, nil, &w); code != "" {
		v.t.Fatal(code)
	}
	return w
}

func (v *town) left(bank, phone string) money.Fen {
	v.t.Helper()
	return v.wallet(bank, phone).Coupons[0].LeftFen
}

const phone = "13800138000"

// envelope opens a wallet at the bank and credits it with 200 yuan until the 27th.
func (v *town) envelope(bank string) disbursement.CreditOrder {
	v.t.Helper()
	var w disbursement.Wallet
	if code := v.app(bank, "wallets", object{"phone": phone, "name": "张三"}, &w); code != "" {
		v.t.Fatal(code)
	}
	o := disbursement.CreditOrder{OrderNo: fmt.Sprintf("%032d", 1), PromotionID: "suzhou-2020", CouponID: "ENVELOPE1", WalletToken: w.Token,
		AmountFen: 200_00, ExpiresAt: time.Date(2020, 12, 27, 16, 0, 0, 0, time.UTC), RefundProperty: disbursement.RefundKeepsExpiry}
	outcomes, err := v.gateway(bank).Credit(context.Background(), []disbursement.CreditOrder{o})
	if err != nil || outcomes[0].State != disbursement.StateSucceeded {
		v.t.Fatalf("%+v %v", outcomes, err)
	}
	return o
}

func shop(fen money.Fen, more ...any) object {
	o := object{"phone": phone, "merchant_no": "SZ-0001", "pay_mode": "tap", "scenario": "in-store", "amount_fen": fen, "device": "d1"}
	for i := 0; i < len(more); i += 2 {
		o[more[i].(string)] = more[i+1]
	}
	return o
}

type paid struct {
	PaymentNo   string    `json:"payment_no"`
	EnvelopeFen money.Fen `json:"envelope_fen"`
	WalletFen   money.Fen `json:"wallet_fen"`
	CardFen     money.Fen `json:"card_fen"`
}

type refunded struct {
	RefundNo    string    `json:"refund_no"`
	OwnFen      money.Fen `json:"own_fen"`
	EnvelopeFen money.Fen `json:"envelope_fen"`
}

func (v *town) pay(bank string, in object) (p paid) {
	v.t.Helper()
	if code := v.app(bank, "payments", in, &p); code != "" {
		v.t.Fatalf("payment refused: %s", code)
	}
	return p
}

// statement reads a day's file as the platform gets it.
func (v *town) statement(bank string, day time.Time) (lines []disbursement.StatementLine, head disbursement.StatementHead, err error) {
	v.t.Helper()
	file, err := v.gateway(bank).Statement(context.Background(), day)
	if err != nil {
		return nil, head, err
	}
	defer file.Close()
	head, _, err = disbursement.ReadStatement(file, func(_ disbursement.StatementHead, l disbursement.StatementLine) error {
		lines = append(lines, l)
		return nil
	})
	return lines, head, err
}
