package app

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hongbao/disbursement"
	"hongbao/internal/signing"
)

// A bank's engineer lists, fetches and opens the bank's file with the commands; the platform here is one signed answer.
func TestWinnersCommandsAtABank(t *testing.T) {
	bank, bankKey := keyFile(t)
	ours, err := signing.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	platform := signing.Signer{Party: disbursement.PlatformParty, Key: ours, Now: time.Now}
	list := "coupon_id,tier,amount_fen,phone,claim_until,expires_at\nC1,all,20000,13800138000,2020-12-16T01:00:00Z,2020-12-27T16:00:00Z\n"
	d := disbursement.WinnersDocument{Format: disbursement.WinnersFormat, Number: "N1", Campaign: "suzhou-2020", Operator: "icbc", MadeAt: time.Now().UTC().Truncate(time.Second), Winners: 1, TotalFen: 20000,
		Digest: "d", SealedTo: signing.KeyID(&bank.Key.PublicKey), SignedBy: signing.KeyID(&ours.PublicKey)}
	if d.Envelope, err = signing.Seal(nil, &bank.Key.PublicKey, d.Place(), []byte(list)); err != nil {
		t.Fatal(err)
	}
	d.Digest = "0000"
	sign := func() []byte {
		d.Signature = ""
		body, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if d.Signature, err = platform.SignDocument(d.Place(), body); err != nil {
			t.Fatal(err)
		}
		if body, err = json.Marshal(d); err != nil {
			t.Fatal(err)
		}
		return body
	}
	keys := &signing.Directory{}
	if err := keys.Add("icbc", signing.PublicKey{Key: &bank.Key.PublicKey}); err != nil {
		t.Fatal(err)
	}
	verifier := signing.Verifier{Party: disbursement.PlatformParty, Keys: keys, Now: time.Now, Nonces: &signing.MemoryNonces{}}
	document := sign()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if party, _, err := verifier.ReadRequest(r, 1<<10); err != nil || party != "icbc" || r.URL.Query().Get("operator") != "icbc" {
			http.Error(w, `{"code":"signature-refused"}`, http.StatusUnauthorized)
			return
		}
		body := []byte(`{"files":[{"number":"N1","operator":"icbc","winners":1,"total_fen":20000}]}`)
		if r.URL.Path == "/operator/v1/winners/N1" {
			body = document
		}
		_ = platform.Respond(w, r, http.StatusOK, body)
	}))
	defer server.Close()
	file, opened := filepath.Join(t.TempDir(), "winners.json"), filepath.Join(t.TempDir(), "winners.csv")
	run := func(arguments ...string) (int, string) {
		var out, trouble bytes.Buffer
		status := Main(append([]string{"winners"}, arguments...), &out, &trouble)
		return status, out.String() + trouble.String()
	}
	common := []string{"--key", bankKey, "--platform-key", signing.FormatPublicKey(&ours.PublicKey)}
	remote := append([]string{"--platform", server.URL, "--operator", "icbc"}, common...)
	if status, text := run(append([]string{"fetch"}, remote...)...); status != 0 || !strings.Contains(text, "N1  icbc  1 winners  200.00 yuan") {
		t.Errorf("%d %s", status, text)
	}
	if status, text := run(append([]string{"fetch", "N1", "--out", file}, remote...)...); status != 0 {
		t.Fatalf("%d %s", status, text)
	}
	if status, text := run(append([]string{"open", file}, common...)...); status == 0 || !strings.Contains(text, "名单文件无法打开") && !strings.Contains(text, "cannot be opened") {
		t.Errorf("a list of another digest: %d %s", status, text)
	}
	d.Digest = disbursement.ListDigest([]byte(list))
	if err := os.WriteFile(file, sign(), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, text := run(append([]string{"open", file, "--out", opened}, common...)...); status != 0 {
		t.Fatalf("%d %s", status, text)
	}
	if text, err := os.ReadFile(opened); err != nil || string(text) != list {
		t.Errorf("%v %s", err, text)
	}
	_, other := keyFile(t)
	if status, text := run("open", file, "--key", other, "--platform-key", signing.FormatPublicKey(&ours.PublicKey)); status == 0 || strings.Contains(text, "13800138000") {
		t.Errorf("another bank opens it: %d %s", status, text)
	}
	if status, text := run("fetch", "--platform", server.URL, "--operator", "icbc", "--key", other, "--platform-key", signing.FormatPublicKey(&ours.PublicKey)); status == 0 {
		t.Errorf("another bank fetches it: %s", text)
	}
}
