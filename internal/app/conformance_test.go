package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hongbao/disbursement"
	"hongbao/disbursement/operatortest"
	"hongbao/disbursement/sandbox"
	"hongbao/internal/signing"
)

// keyFile makes a key for the platform's side and the file that holds it.
func keyFile(t *testing.T) (signing.Signer, string) {
	t.Helper()
	key, err := signing.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "platform.key")
	if err := os.WriteFile(path, []byte(signing.FormatPrivateKey(key)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return signing.Signer{Party: disbursement.PlatformParty, Key: key, Now: time.Now}, path
}

// conform runs the command and gives its exit status, what it printed, and its report.
func conform(t *testing.T, arguments ...string) (status int, printed string, p operatortest.Protocol) {
	t.Helper()
	report := filepath.Join(t.TempDir(), "made", "report")
	var out, trouble bytes.Buffer
	status = Main(append([]string{"conformance", "--phone", "13800138000", "--no-phone", "13800138001", "--report", report, "--patience", "5s"}, arguments...), &out, &trouble)
	text, err := os.ReadFile(report + ".json")
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil {
		t.Fatalf("%v; %s", err, trouble.String())
	}
	page, err := os.ReadFile(report + ".html")
	if err != nil || !strings.Contains(string(page), "request-unsigned") {
		t.Errorf("the page: %v", err)
	}
	return status, out.String() + trouble.String(), p
}

func openStreetFor(t *testing.T, signer signing.Signer, apps map[string][]string) *sandbox.Street {
	t.Helper()
	street, err := sandbox.Start(t.Context(), sandbox.Options{Seed: 5, Faults: sandbox.FaultsNormal, Now: time.Now, PlatformKey: &signer.Key.PublicKey, Apps: apps})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = street.Close() })
	answer, err := http.Post(street.Banks()["icbc"]+"/app/wallets", "application/json", strings.NewReader(`{"phone":"13800138000"}`))
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return street
}

func TestConformanceNamesWhatABankBreaks(t *testing.T) {
	signer, key := keyFile(t)
	day := time.Now().AddDate(0, 0, -9).Format(time.DateOnly)
	for name, c := range map[string]struct {
		apps   []string
		failed string
	}{"a good bank": {[]string{"jd"}, ""}, "serves any app": {[]string{"jd", "weibo"}, "sub-wallet-foreign-app"}} {
		street := openStreetFor(t, signer, map[string][]string{"icbc": c.apps})
		status, printed, p := conform(t, "--operator", street.Banks()["icbc"], "--name", "icbc", "--bank-key", signing.FormatPublicKey(street.PublicKeys()["icbc"]), "--key", key,
			"--foreign-app", "weibo", "--statement-day", day)
		var failed []string
		for _, r := range p.Results {
			if !r.OK {
				failed = append(failed, r.Name)
			}
		}
		if strings.Join(failed, " ") != c.failed || p.OK != (c.failed == "") || (status == 0) != p.OK || p.Skipped != 0 {
			t.Errorf("%s: status %d, failed %v\n%s", name, status, failed, printed)
		}
		if c.failed != "" && !strings.Contains(printed, "FAIL  "+c.failed) {
			t.Errorf("%s: not named in\n%s", name, printed)
		}
	}
}

// A server that answers everything with 200 and signs nothing fails the checks of signatures by name.
func TestConformanceSeesABankThatChecksNoSignature(t *testing.T) {
	_, key := keyFile(t)
	theirs, err := signing.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	credulous := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"outcomes":[]}`) }))
	defer credulous.Close()
	status, printed, _ := conform(t, "--operator", credulous.URL, "--bank-key", signing.FormatPublicKey(&theirs.PublicKey), "--key", key, "--patience", "20ms")
	if status == 0 {
		t.Error("it conforms")
	}
	for _, check := range []string{"wallet-found", "request-unsigned", "request-replayed", "request-stale", "request-for-another"} {
		if !strings.Contains(printed, "FAIL  "+check) {
			t.Errorf("%s is not named in\n%s", check, printed)
		}
	}
}

func TestConformanceOfABankBehindAnAccessPoint(t *testing.T) {
	signer, key := keyFile(t)
	c := newCity(t, &signer)
	c.openWallet("313305066661", "13800138000")
	entries, err := readOperators(c.file)
	if err != nil {
		t.Fatal(err)
	}
	point := entries[0]
	status, printed, p := conform(t, "--operator", point.URL, "--name", point.Name, "--bank", "313305066661", "--bank-key", point.Keys[0], "--key", key,
		"--tls-certificate", point.TLS.Certificate, "--tls-key", point.TLS.Key, "--tls-authorities", point.TLS.Authorities)
	if status != 0 || p.Skipped != 1 || p.Failed != 0 {
		t.Errorf("status %d\n%s", status, printed)
	}
}
