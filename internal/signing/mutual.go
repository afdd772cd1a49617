package signing

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// MutualTLS names the PEM files of one side of a connection on which both sides show a certificate: our own chain and key,
// and the authorities that sign the other side's, nobody else's. The files are read again when they change, so that a
// certificate is replaced without a restart; while it is being replaced, the authorities' file holds the old one and the
// new one.
type MutualTLS struct {
	Certificate, Key, Authorities string
}

// Client is the configuration of the side that calls.
func (m MutualTLS) Client() (*tls.Config, error) {
	pair, pool, err := m.load()
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, // VerifyConnection does it, by the authorities as they are now
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair.now() },
		VerifyConnection: func(state tls.ConnectionState) error {
			roots, err := pool.now()
			if err != nil {
				return err
			}
			return verifyServer(state, roots)
		}}, nil
}

// Server is the configuration of the side that is called: without a certificate of the authorities nobody is heard.
func (m MutualTLS) Server() (*tls.Config, error) {
	pair, pool, err := m.load()
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		roots, err := pool.now()
		if err != nil {
			return nil, err
		}
		return &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots,
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair.now() }}, nil
	}}, nil
}

// load reads the files once, so that a mistake is found before anybody is called.
func (m MutualTLS) load() (*kept[*tls.Certificate], *kept[*x509.CertPool], error) {
	if m.Certificate == "" || m.Key == "" || m.Authorities == "" {
		return nil, nil, errors.New("signing: mutual TLS needs a certificate, its key and the other side's authorities")
	}
	pair := &kept[*tls.Certificate]{files: []string{m.Certificate, m.Key}, read: func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(m.Certificate, m.Key)
		return &pair, err
	}}
	pool := &kept[*x509.CertPool]{files: []string{m.Authorities}, read: func() (*x509.CertPool, error) {
		text, err := os.ReadFile(m.Authorities)
		pool := x509.NewCertPool()
		if err == nil && !pool.AppendCertsFromPEM(text) {
			err = fmt.Errorf("signing: %s holds no certificate", m.Authorities)
		}
		return pool, err
	}}
	_, errPair := pair.now()
	_, errPool := pool.now()
	return pair, pool, errors.Join(errPair, errPool)
}

func verifyServer(state tls.ConnectionState, roots *x509.CertPool) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("signing: the other side shows no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, DNSName: state.ServerName})
	return err
}

// kept is what was read from files, until one of them changes. While the new ones do not fit together, as in the moment in
// which the second of two is written, what was read before stays.
type kept[T any] struct {
	files []string
	read  func() (T, error)

	mu      sync.Mutex
	has     bool
	value   T
	changed []time.Time
}

func (k *kept[T]) now() (T, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	changed := make([]time.Time, len(k.files))
	same := k.has
	for i, name := range k.files {
		if info, err := os.Stat(name); err == nil {
			changed[i] = info.ModTime()
		}
		same = same && changed[i].Equal(k.changed[i])
	}
	if same {
		return k.value, nil
	}
	value, err := k.read()
	switch {
	case err == nil:
		k.value, k.changed, k.has = value, changed, true
	case k.has:
		return k.value, nil
	}
	return value, err
}
