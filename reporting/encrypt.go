package reporting

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"unicode/utf16"
)

// Workbooks are encrypted by ECMA-376 agile encryption ([MS-OFFCRYPTO] 2.3.4.10 to 2.3.4.15): AES-256-CBC, a key from the password
// by 100,000 rounds of SHA-512, and an HMAC over all. What excelize offers is the standard's older form, AES-128-ECB with SHA-1 and
// no integrity, too little for identities.
const (
	spins       = 100_000
	segmentSize = 4096
)

// The block keys tell apart what is derived for.
var (
	forVerifier     = []byte{0xfe, 0xa7, 0xd2, 0x76, 0x3b, 0x4b, 0x9e, 0x79}
	forVerifierHash = []byte{0xd7, 0xaa, 0x0f, 0x6d, 0x30, 0x61, 0x34, 0x4e}
	forKey          = []byte{0x14, 0x6e, 0x0b, 0xe7, 0xab, 0xac, 0xd0, 0xd6}
	forHMACKey      = []byte{0x5f, 0xb2, 0xad, 0x01, 0x0c, 0xb9, 0xe1, 0xf6}
	forHMACValue    = []byte{0xa0, 0x67, 0x7f, 0x02, 0xb2, 0x2c, 0x84, 0x33}
)

// encrypt writes the workbook encrypted with the password, as Excel opens it.
func encrypt(w io.Writer, workbook []byte, password string) error {
	a := agile{key: fresh(32), salt: fresh(16), passwordSalt: fresh(16)}
	sealed := a.seal(workbook)
	return writeCompound(w, stream{"EncryptionInfo", a.info(password, sealed)}, stream{"EncryptedPackage", sealed})
}

// agile holds what one file is encrypted with.
type agile struct {
	key, salt, passwordSalt []byte
}

func fresh(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// seal is the package: its size, and its segments, each under an initialisation vector of its own.
func (a agile) seal(plain []byte) []byte {
	sealed := binary.LittleEndian.AppendUint64(make([]byte, 0, len(plain)+segmentSize), uint64(len(plain)))
	for n := 0; n*segmentSize < len(plain); n++ {
		segment := plain[n*segmentSize : min(len(plain), (n+1)*segmentSize)]
		sealed = append(sealed, cbc(a.key, a.vector(binary.LittleEndian.AppendUint32(nil, uint32(n))), segment)...)
	}
	return sealed
}

func (a agile) vector(block []byte) []byte {
	h := sha512.Sum512(append(append([]byte{}, a.salt...), block...))
	return h[:aes.BlockSize]
}

// cbc encrypts with AES-256-CBC; the last block is filled up with zeros.
func cbc(key, vector, plain []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("reporting: " + err.Error()) // the key is 32 bytes
	}
	out := make([]byte, (len(plain)+aes.BlockSize-1)/aes.BlockSize*aes.BlockSize)
	copy(out, plain)
	cipher.NewCBCEncrypter(block, vector).CryptBlocks(out, out)
	return out
}

// passwordHash is the slow part of deriving a key from a password.
func (a agile) passwordHash(password string) []byte {
	var text []byte
	for _, unit := range utf16.Encode([]rune(password)) {
		text = binary.LittleEndian.AppendUint16(text, unit)
	}
	h := sha512.Sum512(append(append([]byte{}, a.passwordSalt...), text...))
	round := make([]byte, 4+len(h))
	for i := range uint32(spins) {
		binary.LittleEndian.PutUint32(round, i)
		copy(round[4:], h[:])
		h = sha512.Sum512(round)
	}
	return h[:]
}

// info is the EncryptionInfo stream: version 4.4 and the parameters as XML.
func (a agile) info(password string, sealed []byte) []byte {
	hash := a.passwordHash(password)
	locked := func(block, plain []byte) string {
		key := sha512.Sum512(append(append([]byte{}, hash...), block...))
		return base64.StdEncoding.EncodeToString(cbc(key[:32], a.passwordSalt, plain))
	}
	verifier, macKey := fresh(16), fresh(64)
	verifierHash := sha512.Sum512(verifier)
	mac := hmac.New(sha512.New, macKey)
	mac.Write(sealed)
	b64 := base64.StdEncoding.EncodeToString
	const suite = `saltSize="16" blockSize="16" keyBits="256" hashSize="64" cipherAlgorithm="AES" cipherChaining="ChainingModeCBC" hashAlgorithm="SHA512"`
	xml := fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`+"\r\n"+
		`<encryption xmlns="http://schemas.microsoft.com/office/2006/encryption" xmlns:p="http://schemas.microsoft.com/office/2006/keyEncryptor/password">`+
		`<keyData %s saltValue="%s"/><dataIntegrity encryptedHmacKey="%s" encryptedHmacValue="%s"/>`+
		`<keyEncryptors><keyEncryptor uri="http://schemas.microsoft.com/office/2006/keyEncryptor/password">`+
		`<p:encryptedKey spinCount="%d" %s saltValue="%s" encryptedVerifierHashInput="%s" encryptedVerifierHashValue="%s" encryptedKeyValue="%s"/>`+
		`</keyEncryptor></keyEncryptors></encryption>`,
		suite, b64(a.salt), b64(cbc(a.key, a.vector(forHMACKey), macKey)), b64(cbc(a.key, a.vector(forHMACValue), mac.Sum(nil))),
		spins, suite, b64(a.passwordSalt), locked(forVerifier, verifier), locked(forVerifierHash, verifierHash[:]), locked(forKey, a.key))
	return append([]byte{4, 0, 4, 0, 0x40, 0, 0, 0}, xml...)
}
