package signing

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/smx509"
)

// GB/T 32905-2016, annex A.1.
func TestDigestIsSM3(t *testing.T) {
	digest := sm3.Sum([]byte("abc"))
	if got := hex.EncodeToString(digest[:]); got != "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0" {
		t.Error(got)
	}
}

// GB/T 32918.5-2017, annex A.2: the signature of "message digest" under the user id of GM/T 0009.
func TestSignatureIsSM2(t *testing.T) {
	key, err := ParsePrivateKey("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8")
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(point(&key.PublicKey)); got != "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"+
		"ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13" {
		t.Fatalf("public key %s", got)
	}
	signature, err := hex.DecodeString("3046022100f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3" +
		"022100b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa")
	if err != nil {
		t.Fatal(err)
	}
	if !verified(&key.PublicKey, []byte("message digest"), signature) {
		t.Error("the standard's signature is refused")
	}
	if verified(&key.PublicKey, []byte("message digesT"), signature) {
		t.Error("it is good for another message")
	}
	if sm2.VerifyASN1WithSM2(&key.PublicKey, []byte("another user"), []byte("message digest"), signature) {
		t.Error("it is good for another user id")
	}
}

func TestKeysHaveTextForms(t *testing.T) {
	key, err := GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := smx509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := smx509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	inPEM := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	for _, text := range []string{FormatPublicKey(&key.PublicKey), inPEM("PUBLIC KEY", spki)} {
		if got, err := ParsePublicKey(text); err != nil || !got.Key.Equal(&key.PublicKey) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{FormatPrivateKey(key), inPEM("PRIVATE KEY", pkcs8)} {
		if got, err := ParsePrivateKey(text); err != nil || !got.Equal(key) {
			t.Errorf("private form: %v", err)
		}
	}
	for _, text := range []string{"", "AAAA", inPEM("PRIVATE KEY", pkcs8), inPEM("PUBLIC KEY", spki[1:]), notSM2(t)} {
		if _, err := ParsePublicKey(text); err == nil {
			t.Errorf("%q is taken for a public key", text)
		}
	}
	for _, text := range []string{"", "00", inPEM("PUBLIC KEY", spki), "0000000000000000000000000000000000000000000000000000000000000000"} {
		if _, err := ParsePrivateKey(text); err == nil {
			t.Errorf("%q is taken for a private key", text)
		}
	}
}

// notSM2 is a key on another curve.
func notSM2(t *testing.T) string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func TestCertificateBoundsItsKey(t *testing.T) {
	key, err := GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2020, 12, 1, 0, 0, 0, 0, time.UTC)
	template := &smx509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: from.AddDate(0, 1, 0)}
	der, err := smx509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParsePublicKey(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	if err != nil || !got.Key.Equal(&key.PublicKey) {
		t.Fatal(err)
	}
	if got.validAt(from.Add(-time.Second)) || !got.validAt(from) || got.validAt(from.AddDate(0, 1, 0)) {
		t.Errorf("valid from %v until %v", got.From, got.Until)
	}
}

func TestSealedFieldOpensInItsPlaceOnly(t *testing.T) {
	key, err := GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	other, err := GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := Seal(nil, &key.PublicKey, "wallet phone", []byte("13800138000"))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := Unseal(key, "wallet phone", sealed); err != nil || !bytes.Equal(plain, []byte("13800138000")) {
		t.Fatalf("%q %v", plain, err)
	}
	if again, err := Seal(nil, &key.PublicKey, "wallet phone", []byte("13800138000")); err != nil || again == sealed {
		t.Errorf("the same phone is sealed the same way twice: %v", err)
	}
	if _, err := Unseal(key, "wallet name", sealed); !errors.Is(err, ErrSealed) {
		t.Errorf("another place: %v", err)
	}
	if _, err := Unseal(other, "wallet phone", sealed); !errors.Is(err, ErrSealed) {
		t.Errorf("another key: %v", err)
	}
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		damaged := bytes.Clone(raw)
		damaged[i] ^= 1
		if _, err := Unseal(key, "wallet phone", base64.StdEncoding.EncodeToString(damaged)); !errors.Is(err, ErrSealed) {
			t.Errorf("byte %d changed: %v", i, err)
		}
		if _, err := Unseal(key, "wallet phone", base64.StdEncoding.EncodeToString(raw[:i])); !errors.Is(err, ErrSealed) {
			t.Errorf("cut to %d bytes: %v", i, err)
		}
	}
}
