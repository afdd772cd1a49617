package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"hongbao/disbursement"
	"hongbao/disbursement/sandbox"
	"hongbao/internal/fault"
	"hongbao/internal/signing"
	"hongbao/internal/testkit"
	"hongbao/internal/web"
)

// Operators come in by their own door, with a certificate, and by no other.
func TestOperatorsAreHeardBehindMutualTLS(t *testing.T) {
	ours, theirs := testkit.NewAuthority(t, "ours"), testkit.NewAuthority(t, "theirs")
	config := &Config{Door: "127.0.0.1:0"}
	config.DoorTLS.Certificate, config.DoorTLS.Key = ours.Issue("platform")
	config.DoorTLS.Authorities = theirs.File
	engine := gin.New()
	engine.POST("/operator/v1/events", func(c *gin.Context) { c.Status(http.StatusNoContent) })
	engine.GET("/console", func(c *gin.Context) { c.Status(http.StatusOK) })
	p := &platform{web: &web.Web{Engine: engine}, handler: engine, work: t.Context()}
	door, err := p.openDoor(config)
	if err != nil {
		t.Fatal(err)
	}
	defer p.door.Close()
	front := httptest.NewServer(p.handler)
	defer front.Close()
	files := signing.MutualTLS{Authorities: ours.File}
	files.Certificate, files.Key = theirs.Issue("icbc")
	known, err := files.Client()
	if err != nil {
		t.Fatal(err)
	}
	status := func(config *tls.Config, method, address string) int {
		request, err := http.NewRequest(method, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}).Do(request)
		if err != nil {
			return 0
		}
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	for _, c := range []struct {
		name, method, address string
		config                *tls.Config
		want                  int
	}{
		{"an operator at its door", "POST", "https://" + door + "/operator/v1/events", known, 204},
		{"nobody known at the door", "POST", "https://" + door + "/operator/v1/events", &tls.Config{InsecureSkipVerify: true}, 0},
		{"an operator at the front", "POST", front.URL + "/operator/v1/events", nil, 404},
		{"the console at the front", "GET", front.URL + "/console", nil, 200},
		{"the console at the door", "GET", "https://" + door + "/console", known, 404},
	} {
		if got := status(c.config, c.method, c.address); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	for _, half := range []Config{{Door: "127.0.0.1:0"}, {DoorTLS: signing.MutualTLS{Certificate: "x"}}} {
		if len(half.crossCheckDoor()) == 0 {
			t.Errorf("half a door is accepted: %+v", half)
		}
	}
}

// city is a street with an access point for two city banks, reached over mutual TLS as an operators file says.
type city struct {
	t      *testing.T
	street *sandbox.Street
	proxy  *httptest.Server
	file   string
}

func newCity(t *testing.T, trusted *signing.Signer) *city {
	t.Helper()
	street, err := sandbox.Start(t.Context(), sandbox.Options{Seed: 3, Now: time.Now, PlatformKey: &trusted.Key.PublicKey, Members: map[string]string{"suzhou-bank": "313305066661", "kunshan-bank": "314305206650"},
		Apps: map[string][]string{"suzhou-bank": {"jd"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = street.Close() })
	ours, theirs := testkit.NewAuthority(t, "ours"), testkit.NewAuthority(t, "theirs")
	server := signing.MutualTLS{Authorities: ours.File}
	server.Certificate, server.Key = theirs.Issue("city-clearing")
	client := tlsEntry{Authorities: theirs.File}
	client.Certificate, client.Key = ours.Issue("platform")
	target, err := url.Parse(street.AccessPointURL())
	if err != nil {
		t.Fatal(err)
	}
	c := &city{t: t, street: street, proxy: httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}), file: filepath.Join(t.TempDir(), "operators.yaml")}
	if c.proxy.TLS, err = server.Server(); err != nil {
		t.Fatal(err)
	}
	c.proxy.StartTLS()
	t.Cleanup(c.proxy.Close)
	text := fmt.Sprintf(`operators:
  - name: %s
    url: %q
    keys: [%q]
    rate: 500
    tls: {certificate: %q, key: %q, authorities: %q}
    members:
      - {name: suzhou-bank, bank: "313305066661"}
      - {name: kunshan-bank, bank: "314305206650"}
`, sandbox.AccessPoint, c.proxy.URL, signing.FormatPublicKey(street.PublicKeys()[sandbox.AccessPoint]), client.Certificate, client.Key, client.Authorities)
	if err := os.WriteFile(c.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *city) open(signer signing.Signer) operatorSet {
	c.t.Helper()
	set, err := loadOperators(c.file, caller{signer: signer})
	if err != nil {
		c.t.Fatal(err)
	}
	return set
}

// openWallet is a citizen at one of the banks.
func (c *city) openWallet(bank, phone string) {
	c.t.Helper()
	answer, err := http.Post(c.street.AccessPointURL()+"/app/wallets?bank="+bank, "application/json", strings.NewReader(fmt.Sprintf(`{"phone":%q}`, phone)))
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		c.t.Fatalf("wallet: %d", answer.StatusCode)
	}
}

// One profile stands for two banks behind an access point: each has its own wallets, orders and statement.
func TestAccessPointStandsForSeveralBanks(t *testing.T) {
	key, err := signing.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signer := signing.Signer{Party: disbursement.PlatformParty, Key: key, Now: time.Now}
	c := newCity(t, &signer)
	set := c.open(signer)
	if len(set.operators) != 2 || set.parties["suzhou-bank"] != sandbox.AccessPoint || set.operators[sandbox.AccessPoint] != nil {
		t.Fatalf("%+v", set)
	}
	c.openWallet("313305066661", "13800138000")
	suzhou, kunshan := set.operators["suzhou-bank"], set.operators["kunshan-bank"]
	ctx := t.Context()
	wallet, err := suzhou.FindWallet(ctx, disbursement.WalletRequest{Phone: "13800138000"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kunshan.FindWallet(ctx, disbursement.WalletRequest{Phone: "13800138000"}); err == nil {
		t.Error("one bank knows the other's wallet")
	}
	order := disbursement.CreditOrder{OrderNo: strings.Repeat("A", 32), PromotionID: "p", CouponID: "C1", WalletToken: wallet.Token, AmountFen: 100, ExpiresAt: time.Now().Add(time.Hour).UTC().Truncate(time.Second), RefundProperty: disbursement.RefundKeepsExpiry}
	said, err := suzhou.Credit(ctx, []disbursement.CreditOrder{order})
	if err != nil || said[0].State != disbursement.StateSucceeded {
		t.Fatalf("%+v %v", said, err)
	}
	if said, err = kunshan.Query(ctx, []string{order.OrderNo}); err != nil || said[0].State != disbursement.StateNeverReceived {
		t.Errorf("the other bank has the order: %+v %v", said, err)
	}
	file, err := kunshan.Statement(ctx, time.Now().AddDate(0, 0, -3))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	head, _, err := disbursement.ReadStatement(file, func(disbursement.StatementHead, disbursement.StatementLine) error { return nil })
	if err != nil || head.Operator != "kunshan-bank" {
		t.Errorf("statement of %q: %v", head.Operator, err)
	}
}

// Keys of both sides are replaced while orders go on: each side believes two for a while, then only the new one.
func TestSigningKeysRotateWithOverlapOnBothSides(t *testing.T) {
	keys := make([]signing.Signer, 2)
	for i := range keys {
		key, err := signing.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = signing.Signer{Party: disbursement.PlatformParty, Key: key, Now: time.Now}
	}
	c := newCity(t, &keys[0])
	c.openWallet("313305066661", "13800138000")
	find := func(signer signing.Signer, text string) error {
		if err := os.WriteFile(c.file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := c.open(signer).operators["suzhou-bank"].FindWallet(context.Background(), disbursement.WalletRequest{Phone: "13800138000"})
		return err
	}
	first, err := os.ReadFile(c.file)
	if err != nil {
		t.Fatal(err)
	}
	before := signing.FormatPublicKey(c.street.PublicKeys()[sandbox.AccessPoint])
	step := func(when string, signer signing.Signer, text string, works bool) {
		t.Helper()
		if err := find(signer, text); (err == nil) != works {
			t.Errorf("%s: %v", when, err)
		}
	}
	step("at first", keys[0], string(first), true)
	if err := c.street.TrustPlatform(signing.PublicKey{Key: &keys[1].Key.PublicKey}); err != nil {
		t.Fatal(err)
	}
	step("our old key, both believed", keys[0], string(first), true)
	step("our new key, both believed", keys[1], string(first), true)
	c.street.DistrustPlatform(&keys[0].Key.PublicKey, time.Now())
	step("our old key after its time", keys[0], string(first), false)
	fresh, err := c.street.Rotate(sandbox.AccessPoint)
	if err != nil {
		t.Fatal(err)
	}
	step("the bank's new key is not known yet", keys[1], string(first), false)
	both := strings.Replace(string(first), fmt.Sprintf("[%q]", before), fmt.Sprintf("[%q, %q]", before, signing.FormatPublicKey(fresh)), 1)
	step("the bank's new key beside the old, to which is sealed", keys[1], both, true)
	step("the bank's new key alone", keys[1], strings.Replace(string(first), before, signing.FormatPublicKey(fresh), 1), true)
}

// The operators file that is deployed as a model opens, save for its certificates, which are nobody's.
func TestDeployedOperatorsFileOpens(t *testing.T) {
	entries, err := readOperators("../../deploy/operators.yaml")
	if err != nil {
		t.Fatal(err)
	}
	key, err := signing.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	set := newOperatorSet()
	for _, entry := range entries {
		entry.TLS = nil
		if err := set.add(entry, caller{signer: signing.Signer{Party: disbursement.PlatformParty, Key: key, Now: time.Now}}); err != nil {
			t.Error(err)
		}
	}
	for name, party := range map[string]string{"icbc": "icbc", "suzhou-bank": "city-clearing", "kunshan-bank": "city-clearing"} {
		if set.operators[name] == nil || set.parties[name] != party {
			t.Errorf("%s is not reached, or %q signs for it", name, set.parties[name])
		}
	}
}

// The pace of an access point is one for all its banks and all replicas that call them.
func TestReplicasKeepAnOperatorsPaceTogether(t *testing.T) {
	const replicas, calls, perSecond = 2, 10, 20
	key, err := signing.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signer := signing.Signer{Party: disbursement.PlatformParty, Key: key, Now: time.Now}
	c := newCity(t, &signer)
	text, err := os.ReadFile(c.file)
	if err == nil {
		err = os.WriteFile(c.file, bytes.Replace(text, []byte("rate: 500"), fmt.Appendf(nil, "rate: %d", perSecond), 1), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	db, err := openMigrated(t.Context(), mysqlURL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	began, group := time.Now(), sync.WaitGroup{}
	for range replicas {
		set, err := loadOperators(c.file, caller{signer: signer, db: db})
		if err != nil {
			t.Fatal(err)
		}
		for i := range calls {
			bank := []string{"suzhou-bank", "kunshan-bank"}[i%2]
			group.Go(func() {
				if _, err := set.operators[bank].FindWallet(t.Context(), disbursement.WalletRequest{Phone: "13800138009"}); fault.KindOf(err) == fault.Unavailable {
					t.Error(err)
				}
			})
		}
	}
	group.Wait()
	if took := time.Since(began); took < (replicas*calls-1)*time.Second/perSecond-time.Millisecond {
		t.Errorf("%d calls at %d a second took %s", replicas*calls, perSecond, took)
	}
}
