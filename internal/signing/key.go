package signing

import (
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/smx509"
)

// PublicKey is a party's key and the time in which its signatures count. The zero times leave an end open.
type PublicKey struct {
	Key         *ecdsa.PublicKey
	From, Until time.Time
}

func (k PublicKey) validAt(t time.Time) bool {
	return !t.Before(k.From) && (k.Until.IsZero() || t.Before(k.Until))
}

// GenerateKey makes an SM2 key pair from random, or from crypto/rand if that is nil.
func GenerateKey(random io.Reader) (*sm2.PrivateKey, error) { return sm2.GenerateKey(orSystem(random)) }

func orSystem(random io.Reader) io.Reader {
	if random == nil {
		return rand.Reader
	}
	return random
}

// KeyID names a key: the first 16 hex digits of the SM3 of its uncompressed point, so that it needs no register.
func KeyID(key *ecdsa.PublicKey) string {
	digest := sm3.Sum(point(key))
	return hex.EncodeToString(digest[:8])
}

// point is the uncompressed form 04‖x‖y.
func point(key *ecdsa.PublicKey) []byte {
	b := make([]byte, 65)
	b[0] = 4
	key.X.FillBytes(b[1:33]) //lint:ignore SA1019 PublicKey.Bytes refuses the SM2 curve
	key.Y.FillBytes(b[33:])  //lint:ignore SA1019 as above
	return b
}

// FormatPublicKey gives the one-line text form of a key: base64 of its uncompressed point.
func FormatPublicKey(key *ecdsa.PublicKey) string {
	return base64.StdEncoding.EncodeToString(point(key))
}

// ParsePublicKey reads a key in the one-line form, or in PEM as banks hand it over: PUBLIC KEY, or CERTIFICATE, whose
// validity then bounds the key's.
func ParsePublicKey(text string) (PublicKey, error) {
	if block, _ := pem.Decode([]byte(text)); block != nil {
		return parseBlock(block)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return PublicKey{}, errors.New("signing: a public key is PEM, or base64 of 65 bytes")
	}
	key, err := sm2.NewPublicKey(raw)
	if err != nil {
		return PublicKey{}, fmt.Errorf("signing: public key: %w", err)
	}
	return PublicKey{Key: key}, nil
}

func parseBlock(block *pem.Block) (PublicKey, error) {
	var parsed PublicKey
	var key any
	var err error
	switch block.Type {
	case "CERTIFICATE":
		var certificate *smx509.Certificate
		if certificate, err = smx509.ParseCertificate(block.Bytes); err == nil {
			key, parsed.From, parsed.Until = certificate.PublicKey, certificate.NotBefore, certificate.NotAfter
		}
	case "PUBLIC KEY":
		key, err = smx509.ParsePKIXPublicKey(block.Bytes)
	default:
		return parsed, fmt.Errorf("signing: a %s is no public key", block.Type)
	}
	if err != nil {
		return parsed, fmt.Errorf("signing: public key: %w", err)
	}
	if !sm2.IsSM2PublicKey(key) {
		return parsed, errors.New("signing: the key is not on the SM2 curve")
	}
	parsed.Key = key.(*ecdsa.PublicKey)
	return parsed, nil
}

// FormatPrivateKey gives the text form of a private key: 64 hex digits.
func FormatPrivateKey(key *sm2.PrivateKey) string {
	return hex.EncodeToString(key.D.FillBytes(make([]byte, 32)))
}

// ParsePrivateKey reads a private key: 64 hex digits, or PEM PRIVATE KEY (PKCS #8).
func ParsePrivateKey(text string) (*sm2.PrivateKey, error) {
	if block, _ := pem.Decode([]byte(text)); block != nil {
		parsed, err := smx509.ParsePKCS8PrivateKey(block.Bytes)
		key, ok := parsed.(*sm2.PrivateKey)
		if err != nil || !ok {
			return nil, errors.New("signing: the PEM block holds no SM2 private key")
		}
		return key, nil
	}
	raw, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(raw) != 32 {
		return nil, errors.New("signing: a private key is PEM, or 64 hex digits")
	}
	return sm2.NewPrivateKeyFromInt(new(big.Int).SetBytes(raw))
}

// Directory holds the public keys of the parties. A party that rotates its key has two for a while: the new one is added
// before it is used, the old one is retired after. It is safe for concurrent use.
type Directory struct {
	mu   sync.RWMutex
	keys map[string]map[string]PublicKey // party, key id
}

// Add lets the party sign with this key. One key belongs to one party: otherwise the signature would not say who signed.
func (d *Directory) Add(party string, key PublicKey) error {
	if party == "" || key.Key == nil {
		return errors.New("signing: a key needs a party")
	}
	id := KeyID(key.Key)
	d.mu.Lock()
	defer d.mu.Unlock()
	for other, keys := range d.keys {
		if _, taken := keys[id]; taken && other != party {
			return fmt.Errorf("signing: key %s belongs to %s already", id, other)
		}
	}
	if d.keys == nil {
		d.keys = make(map[string]map[string]PublicKey)
	}
	if d.keys[party] == nil {
		d.keys[party] = make(map[string]PublicKey)
	}
	d.keys[party][id] = key
	return nil
}

// Retire ends the validity of a party's key.
func (d *Directory) Retire(party, id string, until time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if key, ok := d.keys[party][id]; ok {
		key.Until = until
		d.keys[party][id] = key
	}
}

// Find gives the party's key with this id if it is valid at t.
func (d *Directory) Find(party, id string, t time.Time) (*ecdsa.PublicKey, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	key, ok := d.keys[party][id]
	return key.Key, ok && key.validAt(t)
}
