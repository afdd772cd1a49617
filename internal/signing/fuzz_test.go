package signing

import (
	"bytes"
	"crypto/rand"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm2"
)

// FuzzUnseal: a sealed text is opened whole or refused with the one error that says nothing.
func FuzzUnseal(f *testing.F) {
	key, err := sm2.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	sealed, err := Seal(nil, &key.PublicKey, "wallet phone", []byte("13800000000"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add(sealed[:len(sealed)/2])
	f.Add("//8=")
	f.Fuzz(func(t *testing.T, text string) {
		plain, err := Unseal(key, "wallet phone", text)
		if err != nil && err != ErrSealed || err == nil && !bytes.Equal(plain, []byte("13800000000")) {
			t.Errorf("%q opens as %q, %v", text, plain, err)
		}
	})
}

// FuzzVerifyRequest: nobody without the key is believed, whatever the headers say.
func FuzzVerifyRequest(f *testing.F) {
	key, err := sm2.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	now := func() time.Time { return time.Unix(1_600_000_000, 0) }
	directory := &Directory{}
	if err := directory.Add("icbc", PublicKey{Key: &key.PublicKey}); err != nil {
		f.Fatal(err)
	}
	verifier := Verifier{Party: "platform", Keys: directory, Nonces: &MemoryNonces{}, Now: now}
	f.Add("icbc", KeyID(&key.PublicKey), "1600000000", "00112233445566778899aabbccddeeff", "MAYCAQECAQE=", []byte("{}"))
	f.Add("icbc", KeyID(&key.PublicKey), "+1600000000", "00112233445566778899AABBCCDDEEFF", "", []byte(nil))
	f.Fuzz(func(t *testing.T, party, id, stamp, nonce, signature string, body []byte) {
		request := httptest.NewRequest("POST", "/x", bytes.NewReader(body))
		for name, value := range map[string]string{HeaderParty: party, HeaderKeyID: id, HeaderTimestamp: stamp, HeaderNonce: nonce, HeaderSignature: signature} {
			request.Header.Set(name, value)
		}
		if who, err := verifier.VerifyRequest(request, body); err == nil {
			t.Errorf("believed as %q", who)
		}
	})
}
