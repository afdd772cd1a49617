package signing_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"hongbao/internal/signing"
	"hongbao/internal/testkit"
)

// side is one end, whose files a test can replace.
type side struct {
	t     *testing.T
	files signing.MutualTLS
	turns int
}

func newSide(t *testing.T) *side {
	dir := t.TempDir()
	return &side{t: t, files: signing.MutualTLS{Certificate: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"), Authorities: filepath.Join(dir, "ca.pem")}}
}

// copies puts files together in one, and makes sure that it counts as changed.
func (s *side) copies(to string, from ...string) {
	s.t.Helper()
	var all []byte
	for _, name := range from {
		text, err := os.ReadFile(name)
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, text...)
	}
	if err := os.WriteFile(to, all, 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.turns++
	later := time.Now().Add(time.Duration(s.turns) * time.Minute)
	if err := os.Chtimes(to, later, later); err != nil {
		s.t.Fatal(err)
	}
}

func (s *side) shows(a *testkit.Authority, name string) {
	certificate, key := a.Issue(name)
	s.copies(s.files.Certificate, certificate)
	s.copies(s.files.Key, key)
}

func (s *side) trusts(authorities ...*testkit.Authority) {
	var files []string
	for _, a := range authorities {
		files = append(files, a.File)
	}
	s.copies(s.files.Authorities, files...)
}

// Real TLS on loopback: each side is known by its authority alone, and each replaces certificate and authority while both go
// on speaking.
func TestMutualTLSRotatesWithOverlap(t *testing.T) {
	ours, theirs, next, stranger := testkit.NewAuthority(t, "ours"), testkit.NewAuthority(t, "theirs"), testkit.NewAuthority(t, "next"), testkit.NewAuthority(t, "stranger")
	client, server := newSide(t), newSide(t)
	client.shows(ours, "platform")
	client.trusts(theirs)
	server.shows(theirs, "bank")
	server.trusts(ours)
	config, err := server.files.Server()
	if err != nil {
		t.Fatal(err)
	}
	bank := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.TLS.PeerCertificates[0].Issuer.CommonName)
	}))
	bank.TLS = config
	bank.StartTLS()
	defer bank.Close()
	secure, err := client.files.Client()
	if err != nil {
		t.Fatal(err)
	}
	call := func(config *tls.Config) (string, error) {
		once := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
		answer, err := once.Get(bank.URL)
		if err != nil {
			return "", err
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		return string(text), err
	}
	works := func(when, issuer string) {
		t.Helper()
		if got, err := call(secure); err != nil || got != issuer {
			t.Fatalf("%s: %q %v", when, got, err)
		}
	}
	fails := func(when string, config *tls.Config) {
		t.Helper()
		if got, err := call(config); err == nil {
			t.Errorf("%s: %q", when, got)
		}
	}
	works("at first", "ours")
	fails("no certificate", &tls.Config{InsecureSkipVerify: true})
	outsider := newSide(t)
	outsider.shows(stranger, "outsider")
	outsider.trusts(theirs)
	foreign, err := outsider.files.Client()
	if err != nil {
		t.Fatal(err)
	}
	fails("an outsider's certificate", foreign)
	server.trusts(ours, next) // the other side is told, then the certificate changes, then the old authority goes
	client.shows(next, "platform")
	works("during the client's change", "next")
	server.trusts(next)
	works("after the client's change", "next")
	client.trusts(theirs, next)
	server.shows(next, "bank")
	works("during the server's change", "next")
	client.trusts(next)
	works("after the server's change", "next")
	server.shows(theirs, "bank")
	fails("the old authority's certificate", secure)
	if _, err := (signing.MutualTLS{Certificate: "x"}).Client(); err == nil {
		t.Error("half a configuration is accepted")
	}
}
