package testkit

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority signs certificates for the loopback address, as PEM files in a directory of the test's.
type Authority struct {
	t     testing.TB
	dir   string
	key   *ecdsa.PrivateKey
	root  *x509.Certificate
	count int64
	File  string // its own certificate
}

// NewAuthority makes an authority.
func NewAuthority(t testing.TB, name string) *Authority {
	t.Helper()
	a := &Authority{t: t, dir: t.TempDir()}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.key = a.newKey()
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	a.must(err)
	a.root, err = x509.ParseCertificate(der)
	a.must(err)
	a.File = filepath.Join(a.dir, "authority.pem")
	a.write(a.File, "CERTIFICATE", der)
	return a
}

// Issue writes a certificate and its key for a host or a client, and gives the files.
func (a *Authority) Issue(name string) (certificate, key string) {
	a.t.Helper()
	a.count++
	private := a.newKey()
	template := &x509.Certificate{SerialNumber: big.NewInt(1 + a.count), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.root, &private.PublicKey, a.key)
	a.must(err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	a.must(err)
	certificate, key = filepath.Join(a.dir, name+".pem"), filepath.Join(a.dir, name+".key")
	a.write(certificate, "CERTIFICATE", der)
	a.write(key, "PRIVATE KEY", secret)
	return certificate, key
}

func (a *Authority) newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.must(err)
	return key
}

func (a *Authority) write(file, kind string, der []byte) {
	a.must(os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

func (a *Authority) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}
