// Package gateway speaks to operator banks over HTTP: signed JSON as docs/operator-api.yaml says, one profile per operator.
// It turns what a network can do into what disbursement.Operator promises: an answer that did not come, was not signed or
// makes no sense is unknown, never a failure.
package gateway

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/time/rate"

	"hongbao/disbursement"
	"hongbao/internal/fault"
	"hongbao/internal/signing"
)

// Profile says how one operator is reached. One profile can stand for an access point, behind which several second-tier
// banks are operators: see Member.
type Profile struct {
	Name     string             // of the operator
	Party    string             // who signs its answers: the operator itself if empty, or its access point
	Bank     string             // code of the bank behind an access point, which every call then carries as ?bank=
	URL      string             // below which /bank/v1 lies
	Signer   signing.Signer     // the platform's
	Keys     *signing.Directory // the party's public keys
	SealKey  *ecdsa.PublicKey   // for sensitive fields
	Rate     float64            // calls a second; no limit if 0
	Pacer    Pacer              // keeps several processes to Rate together; nil: this one alone
	Timeout  time.Duration      // of one call; 10 s if 0
	Batch    int                // orders in one call, at most 1000; 100 if 0
	TLS      *tls.Config        // of connections, where the operator asks for mutual TLS: see signing.MutualTLS
	Client   *http.Client       // instead of a client of our own
	Measures *Measures          // nil: nothing is counted
	Rest     time.Duration      // how long the circuit stays open after failures in a row; 5 s if 0
}

// Pacer says whose turn it is to call. It returns when it is the caller's, or with an error if it never will be.
type Pacer interface {
	Wait(ctx context.Context) error
}

// failuresInARow open the circuit.
const failuresInARow = 20

// answerLimit bounds an answer, and statementLimit a statement.
const (
	answerLimit    = 16 << 20
	statementLimit = 4 << 30
)

// ErrUnavailable says that a call had no answer that can be relied on. Nothing is known of what it did.
var ErrUnavailable = fault.New(fault.Unavailable, "operator-unavailable", "运营机构暂时没有可信的应答，请稍后再试。", "The operator gives no reliable answer now; please try again later.")

// Gateway is a disbursement.Operator over HTTP.
type Gateway struct {
	profile  Profile
	verifier signing.Verifier
	breaker  *gobreaker.CircuitBreaker[answer]
}

var _ disbursement.Operator = (*Gateway)(nil)

// New makes a gateway from a complete profile.
func New(p Profile) (*Gateway, error) {
	if base, err := url.Parse(p.URL); err != nil || base.Host == "" || p.Name == "" {
		return nil, fmt.Errorf("gateway: profile %q needs a name and an absolute URL", p.Name)
	}
	if p.Keys == nil || p.SealKey == nil || p.Signer.Key == nil || p.Signer.Now == nil {
		return nil, fmt.Errorf("gateway: profile %q lacks keys or a clock", p.Name)
	}
	if p.Batch < 0 || p.Batch > 1000 {
		return nil, fmt.Errorf("gateway: profile %q: a batch holds 1 to 1000 orders", p.Name)
	}
	p.complete()
	return &Gateway{profile: p, verifier: signing.Verifier{Party: p.Signer.Party, Keys: p.Keys, Now: p.Signer.Now},
		breaker: gobreaker.NewCircuitBreaker[answer](gobreaker.Settings{Name: p.Name, Timeout: p.Rest,
			ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= failuresInARow },
			IsExcluded:  func(err error) bool { return errors.Is(err, context.Canceled) }})}, nil
}

// Member is the gateway to one bank behind this access point. Its calls carry the bank's code under the signature, and share
// the access point's rate and circuit with those of the other members.
func (g *Gateway) Member(name, bank string) (*Gateway, error) {
	if name == "" || bank == "" {
		return nil, fmt.Errorf("gateway: a bank behind %q needs a name and a code", g.profile.Party)
	}
	member := *g
	member.profile.Name, member.profile.Bank = name, bank
	return &member, nil
}

// address is where a call goes: a bank behind an access point is named in the query, which the signature covers.
func (p Profile) address(path string) string {
	if p.Bank == "" {
		return p.URL + path
	}
	return p.URL + path + "?" + url.Values{"bank": {p.Bank}}.Encode()
}

// clientWith is a client of our own; with mutual TLS if a configuration is given.
func clientWith(secure *tls.Config) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost, transport.MaxConnsPerHost, transport.TLSClientConfig = 64, 64, secure
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (p *Profile) complete() {
	if p.Party == "" {
		p.Party = p.Name
	}
	if p.Timeout == 0 {
		p.Timeout = 10 * time.Second
	}
	if p.Rest == 0 {
		p.Rest = 5 * time.Second
	}
	if p.Batch == 0 {
		p.Batch = 100
	}
	if p.Client == nil {
		p.Client = clientWith(p.TLS)
	}
	if p.Pacer == nil {
		limit := rate.Inf
		if p.Rate > 0 {
			limit = rate.Limit(p.Rate)
		}
		p.Pacer = rate.NewLimiter(limit, 1)
	}
}

// answer is an answer that the operator has signed, whatever it says.
type answer struct {
	status int
	body   []byte
	file   *os.File // instead of body, for a statement
}

// problem is an operator's signed no.
type problem struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// refusals are what an operator may say no with to other calls than orders.
var refusals = []*fault.Error{disbursement.ErrWalletMissing, disbursement.ErrStatementNotReady, disbursement.ErrAppNotServed,
	disbursement.ErrSubWalletMissing, disbursement.ErrSubWalletLimit}

// refusal reads a signed no. Its detail goes to the log only.
func (a answer) refusal() error {
	var p problem
	if err := json.Unmarshal(a.body, &p); err != nil {
		return ErrUnavailable.With(fmt.Errorf("status %d without a problem document", a.status))
	}
	cause := fmt.Errorf("status %d: %s: %s", a.status, p.Code, p.Detail)
	for _, known := range refusals {
		if known.Code == p.Code {
			return known.With(cause)
		}
	}
	return ErrUnavailable.With(cause)
}

// post sends a signed call and reads its answer into out.
func (g *Gateway) post(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("gateway: %s: %w", path, err)
	}
	a, err := g.call(ctx, http.MethodPost, path, body, readBody)
	if err != nil {
		return err
	}
	if a.status != http.StatusOK {
		return a.refusal()
	}
	if err := json.Unmarshal(a.body, out); err != nil {
		return ErrUnavailable.With(fmt.Errorf("%s %s: %w", g.profile.Name, path, err))
	}
	return nil
}

// call keeps to the rate, asks the circuit, signs, sends, and verifies. Every error is ErrUnavailable with its cause.
func (g *Gateway) call(ctx context.Context, method, path string, body []byte, read reader) (answer, error) {
	if err := g.profile.Pacer.Wait(ctx); err != nil {
		return answer{}, ErrUnavailable.With(err)
	}
	began := time.Now()
	a, err := g.breaker.Execute(func() (answer, error) { return g.exchange(ctx, method, path, body, read) })
	g.profile.Measures.called(g.profile.Name, path, a, err, began)
	if err != nil {
		return answer{}, ErrUnavailable.With(fmt.Errorf("%s %s: %w", g.profile.Name, path, err))
	}
	return a, nil
}

func (g *Gateway) exchange(ctx context.Context, method, path string, body []byte, read reader) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, g.profile.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, g.profile.address(path), bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	if err := g.profile.Signer.SignRequest(request, g.profile.Party, body); err != nil {
		return answer{}, err
	}
	response, err := g.profile.Client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	if response.StatusCode >= 500 {
		return answer{}, fmt.Errorf("status %d", response.StatusCode)
	}
	return read(g, request.Header.Get(signing.HeaderNonce), response)
}

// reader takes the answer in and verifies its signature.
type reader func(g *Gateway, asked string, response *http.Response) (answer, error)

func readBody(g *Gateway, asked string, response *http.Response) (answer, error) {
	body, err := io.ReadAll(io.LimitReader(response.Body, answerLimit+1))
	if err != nil {
		return answer{}, err
	}
	if len(body) > answerLimit {
		return answer{}, errors.New("the answer is too long")
	}
	if err := g.verifier.VerifyResponse(g.profile.Party, asked, response, body); err != nil {
		return answer{}, err
	}
	return answer{status: response.StatusCode, body: body}, nil
}
