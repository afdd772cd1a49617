package draw

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	cosign "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

// The algorithm bytes of C2SP signed-note keys that this package accepts.
const (
	algEd25519     = 1 // a plain signature: the log, receipts
	algCosignature = 4 // Ed25519 cosignature/v1: the witnesses
)

// vkey is a C2SP verifier key "<name>+<hash>+<base64 of algorithm and key>".
type vkey struct {
	name   string
	alg    byte
	public string // 32 bytes
}

// parseVKey checks the form; the hash is checked by the verifier's constructor.
func parseVKey(s string) (vkey, error) {
	parts := strings.SplitN(s, "+", 3)
	if len(parts) != 3 {
		return vkey{}, fmt.Errorf("%q is not a verifier key", s)
	}
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(raw) != 1+ed25519.PublicKeySize || base64.StdEncoding.EncodeToString(raw) != parts[2] {
		return vkey{}, fmt.Errorf("%q is not an Ed25519 verifier key", s)
	}
	return vkey{name: parts[0], alg: raw[0], public: string(raw[1:])}, nil
}

// WitnessKey returns the form of a witness's key that stands in the notice:
// a plain Ed25519 vkey becomes the vkey of its cosignatures, and one that is of
// cosignatures already is returned as it is. Any other key is an error.
func WitnessKey(key string) (string, error) {
	k, err := parseVKey(key)
	if err != nil {
		return "", err
	}
	if k.alg == algEd25519 {
		return cosign.VKeyToCosignatureV1(key)
	}
	v, err := cosign.NewVerifierForCosignatureV1(key)
	if err != nil || k.alg != algCosignature {
		return "", fmt.Errorf("%q is not a witness's key", key)
	}
	if hash := strings.SplitN(key, "+", 3)[1]; hash != fmt.Sprintf("%08x", v.KeyHash()) {
		return "", fmt.Errorf("%q: the key hash is wrong", key)
	}
	return key, nil
}

// Keys returns the verifiers of the notice's keys. Names and keys must all
// differ, the log's included, or one party could sign twice. A witness may be
// given by its plain Ed25519 vkey or by that of its cosignatures.
func (n *Notice) Keys() (Keys, error) {
	k := Keys{Quorum: n.Quorum}
	var err error
	if k.Log, err = note.NewVerifier(n.Log); err != nil {
		return Keys{}, fmt.Errorf("log key: %w", err)
	}
	seen := map[string]bool{}
	for i, key := range append([]string{n.Log}, n.Witnesses...) {
		parsed, err := parseVKey(key)
		if err != nil {
			return Keys{}, err
		}
		if seen["name "+parsed.name] || seen["key "+parsed.public] {
			return Keys{}, fmt.Errorf("the name or the key of %s is here twice", parsed.name)
		}
		seen["name "+parsed.name], seen["key "+parsed.public] = true, true
		if i == 0 {
			continue
		}
		if key, err = WitnessKey(key); err != nil {
			return Keys{}, err
		}
		v, err := cosign.NewVerifierForCosignatureV1(key)
		if err != nil {
			return Keys{}, err
		}
		k.Witnesses = append(k.Witnesses, v)
	}
	return k, nil
}

// cosigner makes cosignature/v1 signatures with a clock that is given; the
// library's signer always reads the machine's.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PrivateKey
	now  func() time.Time
}

// NewCosigner returns a witness's signer from its C2SP signer key
// ("PRIVATE+KEY+...", Ed25519) and its clock.
func NewCosigner(skey string, now func() time.Time) (note.Signer, error) {
	library, err := cosign.NewSignerForCosignatureV1(skey)
	if err != nil {
		return nil, err
	}
	parts := strings.SplitN(skey, "+", 5)
	raw, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(raw) != 1+ed25519.SeedSize || (raw[0] != algEd25519 && raw[0] != algCosignature) {
		return nil, errors.New("not an Ed25519 signer key")
	}
	return &cosigner{library.Name(), library.KeyHash(), ed25519.NewKeyFromSeed(raw[1:]), now}, nil
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.hash }

// Sign gives the time, 8 bytes, and the signature over the time and the
// checkpoint (C2SP tlog-cosignature).
func (c *cosigner) Sign(text []byte) ([]byte, error) {
	at := c.now().Unix()
	if at < 0 {
		return nil, errors.New("the clock is before 1970")
	}
	msg := fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text)
	return append(binary.BigEndian.AppendUint64(nil, uint64(at)), ed25519.Sign(c.key, msg)...), nil
}
