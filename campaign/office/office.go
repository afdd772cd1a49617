// Package office speaks to a city's own offices over HTTP: the SMS gateway, the real-name check and the evidence register, as
// docs/city-ports.yaml says. Every call carries a token, ends in time, and leaves nothing of a person in a log or an error.
package office

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"hongbao/campaign"
	"hongbao/internal/identity"
)

const (
	timeout     = 10 * time.Second
	answerLimit = 4 << 20 // bytes
	retries     = 2       // of a question, which changes nothing when it is asked twice
	pauseFirst  = 200 * time.Millisecond
)

// Office is one office at a base URL.
type Office struct {
	name, url, token string
	client           *http.Client
	measures         *Measures
}

// New reaches the office that metrics call name. The token may be "" only for a gateway that asks for none.
func New(name, url, token string, measures *Measures) *Office {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	return &Office{name, url, token, &http.Client{Transport: transport, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, measures}
}

// status is an answer other than success.
type status int

func (s status) Error() string { return fmt.Sprintf("answered %d", int(s)) }

// tell sends something that must not be repeated by this package: the outbox does that, and counts.
func (o *Office) tell(ctx context.Context, path string, in any) error {
	return o.call(ctx, path, in, nil, 0)
}

// ask asks something, again after a pause when there was no answer or a failing one.
func (o *Office) ask(ctx context.Context, path string, in, out any) error {
	return o.call(ctx, path, in, out, retries)
}

func (o *Office) call(ctx context.Context, path string, in, out any, again int) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	for try, wait := 0, pauseFirst; ; try, wait = try+1, 2*wait {
		began := time.Now()
		err = o.once(ctx, path, body, out)
		o.measures.called(o.name, err, began)
		var refused status
		if err == nil || try == again || errors.As(err, &refused) && refused < 500 {
			break
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%s: %w", o.name, ctx.Err())
		case <-timer.C:
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", o.name, err)
	}
	return nil
}

// once makes one call. What net/http says of a failure names method and address, and nothing that was sent.
func (o *Office) once(ctx context.Context, path string, body []byte, out any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, o.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if o.token != "" {
		request.Header.Set("Authorization", "Bearer "+o.token)
	}
	response, err := o.client.Do(request)
	var broken *url.Error
	if errors.As(err, &broken) {
		return broken.Err
	}
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, answerLimit+1))
	switch {
	case err != nil:
		return err
	case response.StatusCode >= 300:
		return status(response.StatusCode)
	case len(answer) > answerLimit:
		return errors.New("the answer is too long")
	case out == nil:
		return nil
	case json.Unmarshal(answer, out) != nil: // the decoder's own words could quote a person
		return errors.New("the answer is malformed")
	}
	return nil
}

// SMS is a campaign.SMS.
type SMS struct{ *Office }

// Message, and the types below, are what travels.
type Message struct {
	Phone string `json:"phone"`
	Body  string `json:"body"`
}

// MessageBatch is the body of POST /sms/v1/messages.
type MessageBatch struct {
	Messages []Message `json:"messages"`
}

// Send hands one message over.
func (s SMS) Send(ctx context.Context, phone, body string) error {
	return s.tell(ctx, "/sms/v1/messages", MessageBatch{[]Message{{phone, body}}})
}

// Names is a campaign.Names.
type Names struct{ *Office }

// NameQuestion asks whether name, document and phone are one person's.
type NameQuestion struct {
	Name         string        `json:"name"`
	DocumentKind identity.Kind `json:"document_kind"`
	Document     string        `json:"document"`
	Phone        string        `json:"phone"`
}

// NameQuestions is the body of POST /names/v1/checks.
type NameQuestions struct {
	People []NameQuestion `json:"people"`
}

// NameAnswers is its answer: a verdict for each, in order.
type NameAnswers struct {
	Verdicts []campaign.Verdict `json:"verdicts"`
}

// Check asks about people.
func (n Names) Check(ctx context.Context, people []campaign.Person) ([]campaign.Verdict, error) {
	in := NameQuestions{make([]NameQuestion, len(people))}
	for i, p := range people {
		in.People[i] = NameQuestion{p.Name, p.Document.Kind, p.Document.Number, p.Phone}
	}
	var out NameAnswers
	if err := n.ask(ctx, "/names/v1/checks", in, &out); err != nil {
		return nil, err
	}
	if len(out.Verdicts) != len(people) {
		return nil, fmt.Errorf("%s: %d verdicts about %d people", n.name, len(out.Verdicts), len(people))
	}
	for i, verdict := range out.Verdicts {
		if verdict != campaign.Match && verdict != campaign.Mismatch {
			out.Verdicts[i] = campaign.Unknown
		}
	}
	return out.Verdicts, nil
}

// Evidence is a campaign.Evidence.
type Evidence struct{ *Office }

// EvidenceDocument is a document that is looked for.
type EvidenceDocument struct {
	Kind   identity.Kind `json:"kind"`
	Number string        `json:"number"`
}

// EvidenceQuestion is the body of POST /evidence/v1/kinds.
type EvidenceQuestion struct {
	Campaign  string             `json:"campaign"`
	Documents []EvidenceDocument `json:"documents"`
}

// EvidenceAnswer is its answer: for each document, in order, the lists on which it stands.
type EvidenceAnswer struct {
	Kinds [][]string `json:"kinds"`
}

// Kinds asks on which lists documents stand.
func (e Evidence) Kinds(ctx context.Context, slug string, documents []identity.Document) ([][]string, error) {
	in := EvidenceQuestion{slug, make([]EvidenceDocument, len(documents))}
	for i, d := range documents {
		in.Documents[i] = EvidenceDocument{d.Kind, d.Number}
	}
	var out EvidenceAnswer
	if err := e.ask(ctx, "/evidence/v1/kinds", in, &out); err != nil {
		return nil, err
	}
	if len(out.Kinds) != len(documents) {
		return nil, fmt.Errorf("%s: answers about %d of %d documents", e.name, len(out.Kinds), len(documents))
	}
	return out.Kinds, nil
}
