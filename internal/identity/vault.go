package identity

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"sync"

	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/sm4"
)

// Suite is a set of algorithms. The rule book of a campaign chooses one.
type Suite string

// The suites.
const (
	Intl Suite = "intl" // AES-256-GCM, HMAC-SHA-256
	SM   Suite = "sm"   // SM4-GCM, HMAC-SM3 (GB/T 32907, GB/T 32905)
)

// ErrSealed says that a sealed text was made under another key or another context, or was changed.
var ErrSealed = errors.New("identity: the sealed text cannot be opened")

// algorithms is what a suite consists of. The mark is the first byte of everything it seals.
type algorithms struct {
	mark    byte
	hash    func() hash.Hash
	cipher  func(key []byte) (cipher.Block, error)
	keySize int
}

func (s Suite) algorithms() (algorithms, error) {
	switch s {
	case Intl:
		return algorithms{1, sha256.New, aes.NewCipher, 32}, nil
	case SM:
		return algorithms{2, sm3.New, sm4.NewCipher, 16}, nil
	}
	return algorithms{}, fmt.Errorf("identity: there is no suite %q", s)
}

// Vault seals and indexes under one campaign's key. It is safe for concurrent use.
type Vault struct {
	mark byte
	aead cipher.AEAD
	macs sync.Pool // of hash.Hash keyed for the index, since keying costs more than the hash of a number
}

// NewVault derives a vault from a key of 32 bytes.
func NewVault(suite Suite, key []byte) (*Vault, error) {
	use, err := suite.algorithms()
	if err != nil {
		return nil, err
	}
	if len(key) != 32 {
		return nil, fmt.Errorf("identity: a key has 32 bytes, not %d", len(key))
	}
	sealing, err := hkdf.Key(use.hash, key, nil, "hongbao seal v1", use.keySize)
	if err != nil {
		return nil, err
	}
	indexing, err := hkdf.Key(use.hash, key, nil, "hongbao index v1", 32)
	if err != nil {
		return nil, err
	}
	block, err := use.cipher(sealing)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &Vault{mark: use.mark, aead: aead, macs: sync.Pool{New: func() any { return hmac.New(use.hash, indexing) }}}, nil
}

// Seal encrypts plain so that only Open with the same aad gives it back: one byte for the suite, a random nonce of 12
// bytes, the text and a tag of 16. The aad names where the text belongs, so that it cannot be moved to another row.
func (v *Vault) Seal(plain, aad []byte) []byte {
	head := 1 + v.aead.NonceSize()
	sealed := make([]byte, head, head+len(plain)+v.aead.Overhead())
	sealed[0] = v.mark
	_, _ = rand.Read(sealed[1:]) // never fails
	return v.aead.Seal(sealed, sealed[1:], plain, aad)
}

// Open gives back what Seal was given. The error is ErrSealed.
func (v *Vault) Open(sealed, aad []byte) ([]byte, error) {
	head := 1 + v.aead.NonceSize()
	if len(sealed) < head || sealed[0] != v.mark {
		return nil, ErrSealed
	}
	plain, err := v.aead.Open(nil, sealed[1:head], sealed[head:], aad)
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// Index is the blind index of a value of a kind ("document", "phone", ...): HMAC(kind ‖ 00 ‖ value). Equal values of one
// campaign have equal indexes, and without the key an index tells nothing.
func (v *Vault) Index(kind, value string) (index [32]byte) {
	mac := v.macs.Get().(hash.Hash)
	defer v.macs.Put(mac)
	mac.Reset()
	mac.Write([]byte(kind + "\x00" + value))
	mac.Sum(index[:0])
	return index
}
