package app

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/emmansun/gmsm/sm2"
	"golang.org/x/mod/sumdb/note"

	"hongbao/internal/database"
	"hongbao/internal/identity"
	"hongbao/internal/signing"
	"hongbao/lottery"
)

// Keys are the platform's secrets. A value that begins with "demo:" was made by `serve --demo` or a rehearsal and marks the whole
// set: it is refused outside the loopback address.
type Keys struct {
	Master      []byte // 32 bytes; wraps the campaigns' keys
	Previous    []byte // 32 bytes; the master key before, while a rotation is under way; nil otherwise
	Citizen     []byte // 32 bytes; citizens' tokens and SMS codes
	Keeper      []byte // 32 bytes; the pseudonym keeper's, in a rehearsal
	KeeperToken []byte // 32 bytes; shared with a keeper of its own process
	logSeed     []byte // 32 bytes; the cities' log keys derive from it
	Operator    *sm2.PrivateKey
	Demo        bool
}

const demoMark = "demo:"

func (k *Keys) strip(value string) string {
	rest, marked := strings.CutPrefix(value, demoMark)
	k.Demo = k.Demo || marked
	return rest
}

func (k *Keys) secret(value string) ([]byte, error) {
	b, err := hex.DecodeString(k.strip(value))
	if err != nil || len(b) != 32 {
		return nil, errors.New("want 64 hex digits (openssl rand -hex 32)")
	}
	return b, nil
}

func (k *Keys) setMaster(v string) (err error)      { k.Master, err = k.secret(v); return }
func (k *Keys) setPrevious(v string) (err error)    { k.Previous, err = k.secret(v); return }
func (k *Keys) setCitizen(v string) (err error)     { k.Citizen, err = k.secret(v); return }
func (k *Keys) setKeeper(v string) (err error)      { k.Keeper, err = k.secret(v); return }
func (k *Keys) setKeeperToken(v string) (err error) { k.KeeperToken, err = k.secret(v); return }

func (k *Keys) setLog(v string) (err error) { k.logSeed, err = k.secret(v); return }

func (k *Keys) setOperator(v string) (err error) {
	k.Operator, err = signing.ParsePrivateKey(k.strip(v))
	return err
}

// LogKey gives the key that signs a city's log and receipts. Each city has one of its own, derived from the log key and named after the
// city, since the name of the key is the origin of the log.
func (k *Keys) LogKey(name, city string) (lottery.LogKey, error) {
	mac := hmac.New(sha256.New, k.logSeed)
	mac.Write([]byte("hongbao log key v1\n" + name + "\n" + city))
	private := ed25519.NewKeyFromSeed(mac.Sum(nil))
	vkey, err := note.NewEd25519VerifierKey(name+"/"+city, private.Public().(ed25519.PublicKey))
	if err != nil {
		return lottery.LogKey{}, err
	}
	hash := strings.Split(vkey, "+")[1]
	skey := "PRIVATE+KEY+" + name + "/" + city + "+" + hash + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, private.Seed()...))
	signer, err := note.NewSigner(skey)
	return lottery.LogKey{Signer: signer, VKey: vkey}, err
}

// ring keeps the campaigns' keys.
func (k *Keys) ring(db *database.DB) *identity.KeyRing {
	return &identity.KeyRing{Master: k.Master, Previous: k.Previous, DB: db}
}

// StaffVaults seal the secrets of the staff's one-time codes, under keys that derive from the master key and from the one
// before, whose vault is nil where there is none.
func (k *Keys) StaffVaults() (vault, previous *identity.Vault, err error) {
	if vault, err = staffVault(k.Master); err != nil || k.Previous == nil {
		return vault, nil, err
	}
	previous, err = staffVault(k.Previous)
	return vault, previous, err
}

func staffVault(master []byte) (*identity.Vault, error) {
	key, err := hkdf.Key(sha256.New, master, nil, "hongbao staff vault v1", 32)
	if err != nil {
		return nil, err
	}
	return identity.NewVault(identity.Intl, key)
}

// demoKeys returns a set of keys kept under dir, by setting name; what is missing is made and written for the owner's eyes only.
func demoKeys(dir string) (map[string]string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	keys := make(map[string]string)
	for _, s := range settings {
		if !s.Secret || s.Passing {
			continue
		}
		value, err := demoKey(filepath.Join(dir, s.Name), s.Name)
		if err != nil {
			return nil, fmt.Errorf("demo key %s: %w", s.Name, err)
		}
		keys[s.Name] = value
	}
	return keys, nil
}

func demoKey(path, name string) (string, error) {
	if b, err := os.ReadFile(path); err == nil {
		return strings.TrimSpace(string(b)), nil
	}
	value, err := newKey(name)
	if err != nil {
		return "", err
	}
	value = demoMark + value
	return value, os.WriteFile(path, []byte(value+"\n"), 0o600)
}

// rehearsalKeys are the keys of every rehearsal. They are no secret: a rehearsal's people are made up, its service is reachable from
// this machine alone, and a second rehearsal on the same database has to read what the first one wrote.
func rehearsalKeys() map[string]string {
	keys := make(map[string]string)
	for _, s := range settings {
		if s.Secret && !s.Passing {
			sum := sha256.Sum256([]byte("hongbao rehearsal " + s.Name))
			keys[s.Name] = demoMark + hex.EncodeToString(sum[:])
		}
	}
	return keys
}

// newKey makes the value of a secret setting in the form that its Set reads.
func newKey(name string) (string, error) {
	if name == "operator-key" {
		key, err := signing.GenerateKey(rand.Reader)
		if err != nil {
			return "", err
		}
		return signing.FormatPrivateKey(key), nil
	}
	b := make([]byte, 32)
	_, err := rand.Read(b)
	return hex.EncodeToString(b), err
}
