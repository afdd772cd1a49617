package signing

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"
)

// pair is a sender and a receiver whose clock can be turned.
type pair struct {
	now      time.Time
	signer   Signer
	verifier Verifier
}

func newPair(t *testing.T) *pair {
	t.Helper()
	key, err := GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &pair{now: time.Date(2020, 12, 11, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return p.now }
	p.signer = Signer{Party: "platform", Key: key, Now: clock}
	p.verifier = Verifier{Party: "icbc", Keys: &Directory{}, Nonces: &MemoryNonces{}, Now: clock}
	if err := p.verifier.Keys.Add("platform", PublicKey{Key: &key.PublicKey}); err != nil {
		t.Fatal(err)
	}
	return p
}

var body = []byte(`{"orders":[]}`)

func (p *pair) request(t *testing.T) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/bank/v1/credits?a=1", bytes.NewReader(body))
	if err := p.signer.SignRequest(r, "icbc", body); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRequestIsBelievedOnce(t *testing.T) {
	p := newPair(t)
	r := p.request(t)
	party, got, err := p.verifier.ReadRequest(r, 1000)
	if err != nil || party != "platform" || !bytes.Equal(got, body) {
		t.Fatalf("%q %q %v", party, got, err)
	}
	if _, err := p.verifier.VerifyRequest(r, body); !errors.Is(err, ErrReplayed) {
		t.Errorf("second time: %v", err)
	}
	p.now = p.now.Add(Window + time.Second)
	if _, err := p.verifier.VerifyRequest(r, body); !errors.Is(err, ErrStale) {
		t.Errorf("after the window: %v", err)
	}
}

func TestTamperedRequestIsRefused(t *testing.T) {
	p := newPair(t)
	other, err := GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.verifier.Keys.Add("abc", PublicKey{Key: &other.PublicKey}); err != nil {
		t.Fatal(err)
	}
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	cases := map[string]struct {
		change func(*http.Request)
		want   error
	}{
		"method":            {func(r *http.Request) { r.Method = http.MethodPut }, ErrSignature},
		"path":              {func(r *http.Request) { r.URL.Path = "/bank/v1/recalls" }, ErrSignature},
		"query":             {func(r *http.Request) { r.URL.RawQuery = "a=2" }, ErrSignature},
		"other party":       {set(HeaderParty, "abc"), ErrKey},
		"unknown party":     {set(HeaderParty, "nobody"), ErrKey},
		"no party":          {set(HeaderParty, ""), ErrUnsigned},
		"other's key":       {set(HeaderKeyID, KeyID(&other.PublicKey)), ErrKey},
		"other's both":      {func(r *http.Request) { set(HeaderParty, "abc")(r); set(HeaderKeyID, KeyID(&other.PublicKey))(r) }, ErrSignature},
		"time":              {set(HeaderTimestamp, strconv.FormatInt(p.now.Unix()+1, 10)), ErrSignature},
		"no time":           {set(HeaderTimestamp, "now"), ErrUnsigned},
		"nonce":             {set(HeaderNonce, "00112233445566778899aabbccddeeff"), ErrSignature},
		"nonce in capitals": {func(r *http.Request) { set(HeaderNonce, "00112233445566778899AABBCCDDEEFF")(r) }, ErrUnsigned},
		"no signature":      {set(HeaderSignature, ""), ErrUnsigned},
		"not base64":        {set(HeaderSignature, "?"), ErrUnsigned},
		"other signature":   {set(HeaderSignature, "MAYCAQECAQE="), ErrSignature},
		"header twice":      {func(r *http.Request) { r.Header.Add(HeaderParty, "abc") }, ErrUnsigned},
	}
	for name, c := range cases {
		r := p.request(t)
		c.change(r)
		if _, err := p.verifier.VerifyRequest(r, body); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := p.verifier.VerifyRequest(p.request(t), []byte(`{"orders":[1]}`)); !errors.Is(err, ErrSignature) {
		t.Errorf("body: %v", err)
	}
	if _, _, err := p.verifier.ReadRequest(p.request(t), 3); !errors.Is(err, ErrTooLarge) {
		t.Errorf("large body: %v", err)
	}
}

// A bank cannot pass on to another bank what the platform told it.
func TestRequestIsForItsReceiver(t *testing.T) {
	p := newPair(t)
	p.verifier.Party = "abc"
	if _, err := p.verifier.VerifyRequest(p.request(t), body); !errors.Is(err, ErrSignature) {
		t.Errorf("%v", err)
	}
}

func TestClockSkew(t *testing.T) {
	p := newPair(t)
	for _, c := range []struct {
		skew time.Duration
		want error
	}{{-Window, nil}, {Window, nil}, {-Window - time.Second, ErrStale}, {Window + time.Second, ErrStale}} {
		r := p.request(t)
		sent := p.now
		p.now = sent.Add(c.skew)
		if _, err := p.verifier.VerifyRequest(r, body); !errors.Is(err, c.want) {
			t.Errorf("skew %v: %v, want %v", c.skew, err, c.want)
		}
		p.now = sent
	}
}

func TestKeysRotateWithOverlap(t *testing.T) {
	p := newPair(t)
	old := p.signer.Key
	fresh, err := GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	keys := p.verifier.Keys
	if err := keys.Add("platform", PublicKey{Key: &fresh.PublicKey, From: p.now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	keys.Retire("platform", KeyID(&old.PublicKey), p.now.Add(2*time.Hour))
	start := p.now
	check := func(after time.Duration, oldOK, freshOK bool) {
		p.now = start.Add(after)
		for _, c := range []struct {
			name string
			key  int
			ok   bool
		}{{"old", 0, oldOK}, {"fresh", 1, freshOK}} {
			p.signer.Key = old
			if c.key == 1 {
				p.signer.Key = fresh
			}
			if _, err := p.verifier.VerifyRequest(p.request(t), body); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrKey) {
				t.Errorf("%v, %s key: %v", after, c.name, err)
			}
		}
	}
	check(0, true, false)
	check(90*time.Minute, true, true)
	check(2*time.Hour, false, true)
	if err := keys.Add("abc", PublicKey{Key: &fresh.PublicKey}); err == nil {
		t.Error("one key for two parties")
	}
}

func TestAnswerBelongsToItsRequest(t *testing.T) {
	p := newPair(t)
	bankKey, err := GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	bank := Signer{Party: "icbc", Key: bankKey, Now: p.signer.Now}
	platform := Verifier{Party: "platform", Keys: &Directory{}, Now: p.signer.Now}
	if err := platform.Keys.Add("icbc", PublicKey{Key: &bankKey.PublicKey}); err != nil {
		t.Fatal(err)
	}
	answer := func(r *http.Request) *http.Response {
		w := httptest.NewRecorder()
		if err := bank.Respond(w, r, http.StatusOK, body); err != nil {
			t.Fatal(err)
		}
		return w.Result()
	}
	asked := p.request(t)
	nonce, got := asked.Header.Get(HeaderNonce), answer(asked)
	if err := platform.VerifyResponse("icbc", nonce, got, body); err != nil {
		t.Error(err)
	}
	if err := platform.VerifyResponseFrom("icbc", nonce, got, bytes.NewReader(body)); err != nil {
		t.Error(err)
	}
	if err := platform.VerifyResponse("abc", nonce, got, body); !errors.Is(err, ErrKey) {
		t.Errorf("another bank: %v", err)
	}
	if err := platform.VerifyResponse("icbc", nonce, got, body[1:]); !errors.Is(err, ErrSignature) {
		t.Errorf("another body: %v", err)
	}
	earlier := answer(p.request(t))
	if err := platform.VerifyResponse("icbc", nonce, earlier, body); !errors.Is(err, ErrSignature) {
		t.Errorf("the answer to another request: %v", err)
	}
	got.StatusCode = http.StatusAccepted
	if err := platform.VerifyResponse("icbc", nonce, got, body); !errors.Is(err, ErrSignature) {
		t.Errorf("another status: %v", err)
	}
}

func TestNoncesAreForgottenAfterTheirTime(t *testing.T) {
	now := time.Unix(1_600_000_000, 0)
	m := &MemoryNonces{}
	remember := func(nonce string) bool {
		fresh, err := m.Remember(context.Background(), "icbc", nonce, now)
		if err != nil {
			t.Fatal(err)
		}
		return fresh
	}
	if !remember("a") || remember("a") {
		t.Error("a is new once")
	}
	now = now.Add(Retention)
	if remember("a") {
		t.Error("a is forgotten too early")
	}
	now = now.Add(Window + time.Second)
	if !remember("b") || len(m.used) != 1 {
		t.Errorf("%d nonces are kept", len(m.used))
	}
}

type failing struct{}

func (failing) Remember(context.Context, string, string, time.Time) (bool, error) {
	return false, io.ErrUnexpectedEOF
}

func TestWithoutMemoryNothingIsBelieved(t *testing.T) {
	p := newPair(t)
	p.verifier.Nonces = failing{}
	if _, err := p.verifier.VerifyRequest(p.request(t), body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v", err)
	}
}
