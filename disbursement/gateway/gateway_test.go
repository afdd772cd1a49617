package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm2"

	"hongbao/disbursement"
	"hongbao/internal/money"
	"hongbao/internal/signing"
)

// bank is a bank whose answers a test writes.
type bank struct {
	*signing.Signer
	calls  atomic.Int64
	answer answering
}

type script = func(w http.ResponseWriter, r *http.Request, numbers []string)

// answering is what the bank answers; a call that timed out may still read it.
type answering struct {
	mu   sync.Mutex
	with script
}

func (a *answering) set(with script) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.with = with
}

func (a *answering) get() script {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.with
}

// newBank gives a gateway to a bank that speaks as party.
func newBank(t *testing.T, party string, change func(*Profile)) (*Gateway, *bank) {
	t.Helper()
	ours, theirs := newKey(t), newKey(t)
	b := &bank{Signer: &signing.Signer{Party: party, Key: theirs, Now: time.Now}}
	platform := &signing.Directory{}
	must(t, platform.Add(disbursement.PlatformParty, signing.PublicKey{Key: &ours.PublicKey}))
	verifier := signing.Verifier{Party: party, Keys: platform, Now: time.Now, Nonces: &signing.MemoryNonces{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.calls.Add(1)
		_, body, err := verifier.ReadRequest(r, 1<<20)
		if err != nil {
			t.Errorf("the platform's signature: %v", err)
		}
		b.answer.get()(w, r, numbersIn(body))
	}))
	t.Cleanup(server.Close)
	keys := &signing.Directory{}
	must(t, keys.Add(party, signing.PublicKey{Key: &theirs.PublicKey}))
	p := Profile{Name: "icbc", Party: party, URL: server.URL, Keys: keys, SealKey: &theirs.PublicKey,
		Signer: signing.Signer{Party: disbursement.PlatformParty, Key: ours, Now: time.Now}, Timeout: 2 * time.Second}
	if change != nil {
		change(&p)
	}
	g, err := New(p)
	must(t, err)
	return g, b
}

func newKey(t testing.TB) *sm2.PrivateKey {
	t.Helper()
	key, err := signing.GenerateKey(nil)
	must(t, err)
	return key
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// numbersIn reads the order numbers of a call of any kind.
func numbersIn(body []byte) (numbers []string) {
	var in struct {
		Orders []struct {
			OrderNo string `json:"order_no"`
		}
		OrderNos []string `json:"order_nos"`
	}
	_ = json.Unmarshal(body, &in)
	for _, o := range in.Orders {
		numbers = append(numbers, o.OrderNo)
	}
	return append(numbers, in.OrderNos...)
}

func (b *bank) send(w http.ResponseWriter, r *http.Request, status int, out any) {
	body, err := json.Marshal(out)
	if err == nil {
		err = b.Respond(w, r, status, body)
	}
	if err != nil {
		panic(err)
	}
}

// outcomes answers every order with this state and amount.
func (b *bank) outcomes(state disbursement.State, fen money.Fen, reason string) func(http.ResponseWriter, *http.Request, []string) {
	return func(w http.ResponseWriter, r *http.Request, numbers []string) {
		out := struct {
			Outcomes []disbursement.Outcome `json:"outcomes"`
		}{}
		for _, no := range numbers {
			out.Outcomes = append(out.Outcomes, disbursement.Outcome{OrderNo: no, State: state, AmountFen: fen, Reason: reason})
		}
		b.send(w, r, http.StatusOK, out)
	}
}

func credits(n int) (orders []disbursement.CreditOrder) {
	for i := range n {
		orders = append(orders, disbursement.CreditOrder{OrderNo: fmt.Sprintf("%032d", i), AmountFen: 200_00})
	}
	return orders
}

func TestOutcomesAsTheBankSays(t *testing.T) {
	g, b := newBank(t, "icbc", nil)
	for _, c := range []struct {
		said   disbursement.State
		reason string
		want   disbursement.State
	}{
		{disbursement.StateAccepted, "", disbursement.StateAccepted},
		{disbursement.StateProcessing, "", disbursement.StateProcessing},
		{disbursement.StateSucceeded, "", disbursement.StateSucceeded},
		{disbursement.StateFailed, disbursement.ReasonBalanceLimit, disbursement.StateFailed},
		{disbursement.StateReturned, "", disbursement.StateReturned},
		{disbursement.StateNeverReceived, "", disbursement.StateNeverReceived},
		{disbursement.StateFailed, disbursement.ReasonContentDiffers, disbursement.StateUnknown}, // of the first order nothing is said
		{"done", "", disbursement.StateUnknown},
		{"", "", disbursement.StateUnknown},
	} {
		b.answer.set(b.outcomes(c.said, 200_00, c.reason))
		outcomes, err := g.Credit(context.Background(), credits(1))
		if err != nil || outcomes[0].State != c.want || outcomes[0].Reason != c.reason {
			t.Errorf("%s %s: %+v %v", c.said, c.reason, outcomes, err)
		}
	}
}

// Whatever is not an answer of the bank to this call leaves the orders unknown.
func TestNoAnswerIsUnknown(t *testing.T) {
	g, b := newBank(t, "icbc", func(p *Profile) { p.Timeout = 200 * time.Millisecond })
	ok, stranger := b.outcomes(disbursement.StateSucceeded, 200_00, ""), &bank{Signer: &signing.Signer{Party: "icbc", Key: newKey(t), Now: time.Now}}
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request, []string){
		"timeout":           func(w http.ResponseWriter, r *http.Request, _ []string) { <-r.Context().Done() },
		"broken connection": func(http.ResponseWriter, *http.Request, []string) { panic(http.ErrAbortHandler) },
		"proxy's error": func(w http.ResponseWriter, _ *http.Request, _ []string) {
			http.Error(w, "bad gateway", http.StatusBadGateway)
		},
		"proxy's not found": func(w http.ResponseWriter, _ *http.Request, _ []string) {
			http.Error(w, "no route", http.StatusNotFound)
		},
		"signed server error": func(w http.ResponseWriter, r *http.Request, _ []string) { b.send(w, r, 500, problem{Code: "internal"}) },
		"signed no": func(w http.ResponseWriter, r *http.Request, _ []string) {
			b.send(w, r, 400, problem{Code: "body-malformed"})
		},
		"redirect": func(w http.ResponseWriter, r *http.Request, _ []string) {
			http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
		},
		"unsigned":     func(w http.ResponseWriter, _ *http.Request, _ []string) { _, _ = io.WriteString(w, `{"outcomes":[]}`) },
		"a stranger's": stranger.outcomes(disbursement.StateSucceeded, 200_00, ""),
		"no JSON":      func(w http.ResponseWriter, r *http.Request, _ []string) { b.send(w, r, 200, "done") },
		"too few":      func(w http.ResponseWriter, r *http.Request, _ []string) { ok(w, r, nil) },
		"other order":  func(w http.ResponseWriter, r *http.Request, n []string) { ok(w, r, []string{n[1], n[0]}) },
		"other amount": b.outcomes(disbursement.StateSucceeded, 300_00, ""),
	} {
		b.answer.set(answer)
		if outcomes, err := g.Credit(context.Background(), credits(2)); !errors.Is(err, ErrUnavailable) || outcomes != nil {
			t.Errorf("%s: %+v %v", name, outcomes, err)
		}
	}
}

func TestBatchesAreCutAndJoined(t *testing.T) {
	g, b := newBank(t, "icbc", func(p *Profile) { p.Batch = 2 })
	ok := b.outcomes(disbursement.StateSucceeded, 200_00, "")
	b.answer.set(func(w http.ResponseWriter, r *http.Request, numbers []string) {
		if len(numbers) > 2 {
			t.Errorf("%d orders in one call", len(numbers))
		}
		if b.calls.Load() == 2 {
			http.Error(w, "bad gateway", http.StatusBadGateway)
			return
		}
		ok(w, r, numbers)
	})
	outcomes, err := g.Credit(context.Background(), credits(5))
	if err != nil || len(outcomes) != 5 {
		t.Fatalf("%+v %v", outcomes, err)
	}
	for i, o := range outcomes {
		want := disbursement.StateSucceeded
		if i == 2 || i == 3 {
			want = disbursement.StateUnknown
		}
		if o.State != want || o.OrderNo != fmt.Sprintf("%032d", i) {
			t.Errorf("outcome %d: %+v", i, o)
		}
	}
	if none, err := g.Query(context.Background(), nil); err != nil || len(none) != 0 {
		t.Errorf("no numbers: %v %v", none, err)
	}
}

func TestCircuitOpensAfterFailures(t *testing.T) {
	g, b := newBank(t, "icbc", func(p *Profile) { p.Rest = time.Hour })
	b.answer.set(func(http.ResponseWriter, *http.Request, []string) { panic(http.ErrAbortHandler) })
	for range failuresInARow + 5 {
		if _, err := g.Query(context.Background(), []string{"1"}); !errors.Is(err, ErrUnavailable) {
			t.Fatal(err)
		}
	}
	if got := b.calls.Load(); got != failuresInARow {
		t.Errorf("%d calls reached the bank", got)
	}
}

// A clear no is not a failure of the operator.
func TestRefusalsAreFaults(t *testing.T) {
	g, b := newBank(t, "icbc", nil)
	b.answer.set(func(w http.ResponseWriter, r *http.Request, _ []string) {
		b.send(w, r, http.StatusNotFound, problem{Code: "wallet-missing", Detail: "none"})
	})
	for range failuresInARow + 5 {
		if _, err := g.FindWallet(context.Background(), disbursement.WalletRequest{Phone: "13800138000"}); !errors.Is(err, disbursement.ErrWalletMissing) {
			t.Fatal(err)
		}
	}
	b.answer.set(func(w http.ResponseWriter, r *http.Request, _ []string) {
		b.send(w, r, http.StatusNotFound, problem{Code: "statement-not-ready"})
	})
	if _, err := g.Statement(context.Background(), time.Now()); !errors.Is(err, disbursement.ErrStatementNotReady) {
		t.Error(err)
	}
}

func TestPhoneTravelsSealed(t *testing.T) {
	g, b := newBank(t, "icbc", nil)
	record := &recorder{}
	g.profile.Client = &http.Client{Transport: record}
	b.answer.set(func(w http.ResponseWriter, r *http.Request, _ []string) {
		b.send(w, r, http.StatusOK, disbursement.Wallet{Token: "T", Tier: 4})
	})
	w, err := g.FindWallet(context.Background(), disbursement.WalletRequest{Phone: "13800138000"})
	if err != nil || w.Token != "T" {
		t.Fatalf("%+v %v", w, err)
	}
	var sent struct {
		PhoneSealed string `json:"phone_sealed"`
	}
	must(t, json.Unmarshal(record.body, &sent))
	if plain, err := signing.Unseal(b.Key, disbursement.PlacePhone, sent.PhoneSealed); err != nil || string(plain) != "13800138000" {
		t.Errorf("%q %v", plain, err)
	}
	if bytes.Contains(record.body, []byte("13800138000")) {
		t.Error("the phone is sent in clear")
	}
}

type recorder struct{ body []byte }

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	var err error
	if r.body, err = io.ReadAll(request.Body); err != nil {
		return nil, err
	}
	request.Body = io.NopCloser(bytes.NewReader(r.body))
	return http.DefaultTransport.RoundTrip(request)
}

func TestStatementIsVerifiedWhole(t *testing.T) {
	g, b := newBank(t, "icbc", nil)
	line := disbursement.StatementLine{Kind: disbursement.LineCredit, EventNo: "E", Number: "N", CouponID: "C", AmountFen: 200_00, OccurredAt: time.Unix(0, 0).UTC()}
	var file bytes.Buffer
	must(t, disbursement.WriteStatement(&file, disbursement.StatementHead{Operator: "icbc", Day: "2020-12-11", Edition: 1}, []disbursement.StatementLine{line}))
	day := time.Date(2020, 12, 10, 18, 0, 0, 0, time.UTC) // the 11th in Shanghai
	spoil := false
	b.answer.set(func(w http.ResponseWriter, r *http.Request, _ []string) {
		if r.URL.Path != "/bank/v1/statements/2020-12-11" {
			t.Errorf("path %s", r.URL.Path)
		}
		if spoil {
			must(t, b.SignResponse(w.Header(), disbursement.PlatformParty, r.Header.Get(signing.HeaderNonce), http.StatusOK, file.Bytes()[1:]))
			_, _ = w.Write(file.Bytes())
			return
		}
		must(t, b.Respond(w, r, http.StatusOK, file.Bytes()))
	})
	opened, err := g.Statement(context.Background(), day)
	must(t, err)
	_, totals, err := disbursement.ReadStatement(opened, func(h disbursement.StatementHead, got disbursement.StatementLine) error {
		if got != line || h.Operator != "icbc" {
			t.Errorf("%+v %+v", h, got)
		}
		return nil
	})
	if err != nil || totals.Lines != 1 || totals.TotalFen != 200_00 {
		t.Errorf("%+v %v", totals, err)
	}
	must(t, opened.Close())
	spoil = true
	if _, err := g.Statement(context.Background(), day); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a signature over another file: %v", err)
	}
}

// Several banks behind one access point: it signs for each, at an address of each.
func TestAccessPointSignsForItsMembers(t *testing.T) {
	g, b := newBank(t, "clearing", func(p *Profile) { p.Name, p.URL = "suzhou-bank", p.URL+"/members/suzhou-bank" })
	ok := b.outcomes(disbursement.StateSucceeded, 200_00, "")
	b.answer.set(func(w http.ResponseWriter, r *http.Request, numbers []string) {
		if r.URL.Path != "/members/suzhou-bank/bank/v1/credits" {
			t.Errorf("path %s", r.URL.Path)
		}
		ok(w, r, numbers)
	})
	if _, err := g.Credit(context.Background(), credits(1)); err != nil {
		t.Error(err)
	}
}

func TestProfilesAreChecked(t *testing.T) {
	key := newKey(t)
	good := Profile{Name: "icbc", URL: "http://127.0.0.1:1", Keys: &signing.Directory{}, SealKey: &key.PublicKey, Signer: signing.Signer{Party: "platform", Key: key, Now: time.Now}}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Profile){
		"no name": func(p *Profile) { p.Name = "" }, "no host": func(p *Profile) { p.URL = "/bank" }, "no keys": func(p *Profile) { p.Keys = nil },
		"no seal key": func(p *Profile) { p.SealKey = nil }, "no signer": func(p *Profile) { p.Signer.Key = nil }, "batch": func(p *Profile) { p.Batch = 1001 },
	} {
		p := good
		spoil(&p)
		if _, err := New(p); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
