package signing

import (
	"crypto/cipher"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm4"
)

// ErrSealed says that a sealed field cannot be opened: it is damaged, for another key, or from another place.
var ErrSealed = errors.New("signing: the sealed field cannot be opened")

// Seal encrypts a sensitive field for the holder of a key: SM4-GCM under a fresh key, which is itself encrypted with SM2.
// random is crypto/rand if nil. place names the field and its message (as in "wallet phone"), so that a sealed value cannot be moved elsewhere.
// The result is base64 of: uint16be length ‖ SM2 ciphertext (ASN.1) of the SM4 key ‖ 12 bytes IV ‖ SM4-GCM ciphertext and tag.
func Seal(random io.Reader, to *ecdsa.PublicKey, place string, plain []byte) (string, error) {
	random = orSystem(random)
	secret := make([]byte, 16+12)
	if _, err := io.ReadFull(random, secret); err != nil {
		return "", fmt.Errorf("signing: seal: %w", err)
	}
	wrapped, err := sm2.EncryptASN1(random, to, secret[:16])
	if err != nil {
		return "", fmt.Errorf("signing: seal: %w", err)
	}
	gcm, err := newGCM(secret[:16])
	if err != nil {
		return "", err
	}
	sealed := binary.BigEndian.AppendUint16(nil, uint16(len(wrapped)))
	sealed = append(append(sealed, wrapped...), secret[16:]...)
	return base64.StdEncoding.EncodeToString(gcm.Seal(sealed, secret[16:], plain, []byte(place))), nil
}

// Unseal is the inverse of Seal. Its only error is ErrSealed.
func Unseal(key *sm2.PrivateKey, place, text string) ([]byte, error) {
	sealed, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(sealed) < 2 {
		return nil, ErrSealed
	}
	length := int(binary.BigEndian.Uint16(sealed))
	if len(sealed) < 2+length+12 {
		return nil, ErrSealed
	}
	wrapped, iv, rest := sealed[2:2+length], sealed[2+length:2+length+12], sealed[2+length+12:]
	secret, err := sm2.Decrypt(key, wrapped)
	if err != nil {
		return nil, ErrSealed
	}
	gcm, err := newGCM(secret)
	if err != nil {
		return nil, ErrSealed
	}
	plain, err := gcm.Open(nil, iv, rest, []byte(place))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := sm4.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
