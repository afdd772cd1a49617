// Package signing is how the platform and an operator trust each other's messages: every request and every answer is
// signed with SM2 over SM3 (GB/T 32918.2, GB/T 32905, user id as in GM/T 0009), bound to its sender, its receiver, its
// time and a nonce, and sensitive fields travel sealed with SM4 (GB/T 32907). It knows nothing of HTTP servers beyond
// net/http's types and stores nothing; keys, clock, randomness and the memory of nonces come in as fields.
package signing

import (
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
)

// UserID is the signer's identity that goes into every SM2 signature: the default of GM/T 0009.
const UserID = "1234567812345678"

// Window is how far a message's time may be from the receiver's clock, in either direction.
const Window = 5 * time.Minute

// The headers of a signed message.
const (
	HeaderParty     = "Hb-Party"     // who signs
	HeaderKeyID     = "Hb-Key-Id"    // with which key: see KeyID
	HeaderTimestamp = "Hb-Timestamp" // unix seconds, UTC
	HeaderNonce     = "Hb-Nonce"     // 32 hex digits, never used twice by one party
	HeaderSignature = "Hb-Signature" // base64 of the ASN.1 (r, s)
)

// Why a message is not believed. The five say no more to the sender than they must.
var (
	ErrUnsigned  = errors.New("signing: the message is not signed, or its headers are malformed")
	ErrStale     = errors.New("signing: the message's time is too far from now")
	ErrKey       = errors.New("signing: no valid key of this party has this id")
	ErrSignature = errors.New("signing: the signature does not fit the message")
	ErrReplayed  = errors.New("signing: the nonce has been used")
	ErrTooLarge  = errors.New("signing: the message is too large")
)

// Signer signs for one party.
type Signer struct {
	Party  string
	Key    *sm2.PrivateKey
	Now    func() time.Time
	Random io.Reader // crypto/rand if nil
}

// SignRequest signs a request whose body is body and that goes to the party `to`. The URL must be final: the signature
// covers method, path and query.
func (s *Signer) SignRequest(r *http.Request, to string, body []byte) error {
	return s.sign(r.Header, body, to, r.Method, r.URL.RequestURI())
}

// SignResponse signs an answer with this status and body to the request that carried asked, a nonce.
func (s *Signer) SignResponse(header http.Header, to, asked string, status int, body []byte) error {
	return s.sign(header, body, to, "ANSWER "+asked, strconv.Itoa(status))
}

// Respond writes a signed answer to r.
func (s *Signer) Respond(w http.ResponseWriter, r *http.Request, status int, body []byte) error {
	if err := s.SignResponse(w.Header(), r.Header.Get(HeaderParty), r.Header.Get(HeaderNonce), status, body); err != nil {
		return err
	}
	w.WriteHeader(status)
	_, err := w.Write(body)
	return err
}

func (s *Signer) sign(header http.Header, body []byte, to, what, where string) error {
	nonce := make([]byte, 16)
	random := orSystem(s.Random)
	if _, err := io.ReadFull(random, nonce); err != nil {
		return fmt.Errorf("signing: nonce: %w", err)
	}
	stamp := strconv.FormatInt(s.Now().Unix(), 10)
	text := canonical(s.Party, to, what, where, stamp, hex.EncodeToString(nonce), sm3.Sum(body))
	signature, err := s.Key.SignWithSM2(random, []byte(UserID), text)
	if err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	header.Set(HeaderParty, s.Party)
	header.Set(HeaderKeyID, KeyID(&s.Key.PublicKey))
	header.Set(HeaderTimestamp, stamp)
	header.Set(HeaderNonce, hex.EncodeToString(nonce))
	header.Set(HeaderSignature, base64.StdEncoding.EncodeToString(signature))
	return nil
}

// canonical is the text that is signed. It names the receiver, so that one operator cannot pass a message on to another.
func canonical(from, to, what, where, stamp, nonce string, digest [sm3.Size]byte) []byte {
	return []byte(strings.Join([]string{from, to, what, where, stamp, nonce, hex.EncodeToString(digest[:])}, "\n"))
}

// Verifier believes messages that are addressed to one party.
type Verifier struct {
	Party  string // the receiver: itself
	Keys   *Directory
	Nonces Nonces
	Now    func() time.Time
}

// VerifyRequest gives the party that signed a request with this body, or an error of this package.
func (v *Verifier) VerifyRequest(r *http.Request, body []byte) (string, error) {
	party, err := v.verify(r.Header, sm3.Sum(body), r.Method, r.URL.RequestURI())
	if err != nil {
		return "", err
	}
	fresh, err := v.Nonces.Remember(r.Context(), party, r.Header.Get(HeaderNonce), v.Now())
	if err != nil {
		return "", fmt.Errorf("signing: nonces: %w", err)
	}
	if !fresh {
		return "", ErrReplayed
	}
	return party, nil
}

// ReadRequest reads a body of at most limit bytes and verifies the request.
func (v *Verifier) ReadRequest(r *http.Request, limit int64) (party string, body []byte, err error) {
	body, err = io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return "", nil, fmt.Errorf("signing: reading the body: %w", err)
	}
	if int64(len(body)) > limit {
		return "", nil, ErrTooLarge
	}
	party, err = v.VerifyRequest(r, body)
	return party, body, err
}

// VerifyResponse checks that party signed this answer to the request that carried asked, a nonce of ours. The nonce binds
// the answer to that one request, so no memory is needed against replay.
func (v *Verifier) VerifyResponse(party, asked string, response *http.Response, body []byte) error {
	return v.verifyResponse(party, asked, response, sm3.Sum(body))
}

// VerifyResponseFrom is VerifyResponse for a body that is too large for memory; it reads body to its end.
func (v *Verifier) VerifyResponseFrom(party, asked string, response *http.Response, body io.Reader) error {
	digest := sm3.New()
	if _, err := io.Copy(digest, body); err != nil {
		return fmt.Errorf("signing: reading the body: %w", err)
	}
	return v.verifyResponse(party, asked, response, [sm3.Size]byte(digest.Sum(nil)))
}

func (v *Verifier) verifyResponse(party, asked string, response *http.Response, digest [sm3.Size]byte) error {
	signer, err := v.verify(response.Header, digest, "ANSWER "+asked, strconv.Itoa(response.StatusCode))
	if err == nil && signer != party {
		return ErrKey
	}
	return err
}

func (v *Verifier) verify(header http.Header, digest [sm3.Size]byte, what, where string) (string, error) {
	party, stamp, nonce := header.Get(HeaderParty), header.Get(HeaderTimestamp), header.Get(HeaderNonce)
	signature, err := base64.StdEncoding.DecodeString(header.Get(HeaderSignature))
	seconds, errTime := strconv.ParseInt(stamp, 10, 64)
	if err != nil || errTime != nil || !isNonce(nonce) || party == "" || len(signature) == 0 || repeated(header) {
		return "", ErrUnsigned
	}
	now := v.Now()
	if sent := time.Unix(seconds, 0); sent.Before(now.Add(-Window)) || sent.After(now.Add(Window)) {
		return "", ErrStale
	}
	key, ok := v.Keys.Find(party, header.Get(HeaderKeyID), now)
	if !ok {
		return "", ErrKey
	}
	if !verified(key, canonical(party, v.Party, what, where, stamp, nonce, digest), signature) {
		return "", ErrSignature
	}
	return party, nil
}

func verified(key *ecdsa.PublicKey, text, signature []byte) bool {
	return sm2.VerifyASN1WithSM2(key, []byte(UserID), text, signature)
}

func isNonce(nonce string) bool {
	b, err := hex.DecodeString(nonce)
	return err == nil && len(b) == 16 && nonce == hex.EncodeToString(b)
}

// repeated: a header given twice could be read in one way here and in another by a proxy.
func repeated(header http.Header) bool {
	for _, name := range []string{HeaderParty, HeaderKeyID, HeaderTimestamp, HeaderNonce, HeaderSignature} {
		if len(header.Values(name)) > 1 {
			return true
		}
	}
	return false
}

// SignDocument signs a document that is kept and passed on, as base64 of the ASN.1 (r, s). Place names its kind and what it
// is about, so that the signature cannot be moved to another.
func (s *Signer) SignDocument(place string, body []byte) (string, error) {
	signature, err := s.Key.SignWithSM2(orSystem(s.Random), []byte(UserID), documentText(s.Party, place, body))
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	return base64.StdEncoding.EncodeToString(signature), nil
}

// VerifyDocument says whether a party signed the document with this key. Its only error is ErrSignature.
func VerifyDocument(key *ecdsa.PublicKey, party, place string, body []byte, signature string) error {
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || !verified(key, documentText(party, place, body), raw) {
		return ErrSignature
	}
	return nil
}

func documentText(party, place string, body []byte) []byte {
	digest := sm3.Sum(body)
	return []byte(strings.Join([]string{"DOCUMENT", party, place, hex.EncodeToString(digest[:])}, "\n"))
}
