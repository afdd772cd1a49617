package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"hongbao/internal/signing"
)

// refusal is a no with a stable code. It is answered as a problem document (RFC 9457).
type refusal struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func (r refusal) Error() string { return fmt.Sprintf("%d %s: %s", r.Status, r.Code, r.Detail) }

func asRefusal(err error) refusal {
	var r refusal
	if errors.As(err, &r) {
		return r
	}
	return refusal{http.StatusInternalServerError, "internal", err.Error()}
}

const bodyLimit = 16 << 20

// decode reads strict JSON; the empty body is the zero value.
func decode[In any](body []byte) (in In, err error) {
	if len(body) == 0 {
		return in, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err = decoder.Decode(&in); err != nil {
		err = refusal{http.StatusBadRequest, "body-malformed", err.Error()}
	}
	return in, err
}

// handle serves an unsigned JSON call of the street's own people.
func handle[In any](call func(ctx context.Context, in In) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		if _, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, bodyLimit)); err != nil {
			write(w, nil, refusal{http.StatusBadRequest, "body-malformed", err.Error()})
			return
		}
		in, err := decode[In](body.Bytes())
		if err != nil {
			write(w, nil, err)
			return
		}
		out, err := call(r.Context(), in)
		write(w, out, err)
	})
}

func write(w http.ResponseWriter, out any, err error) {
	status, body := encode(out, err)
	setContentType(w.Header(), err)
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func encode(out any, err error) (int, []byte) {
	status := http.StatusOK
	if err != nil {
		r := asRefusal(err)
		status, out = r.Status, r
	}
	body, errJSON := json.Marshal(out)
	if errJSON != nil {
		return http.StatusInternalServerError, nil
	}
	return status, body
}

func setContentType(header http.Header, err error) {
	kind := "application/json"
	if err != nil {
		kind = "application/problem+json"
	}
	header.Set("Content-Type", kind)
}

// signed serves a call of the platform: the request's signature is verified, the answer is signed. The fault says how the
// answer is delivered, if at all.
func signed[In any](b *bank, name string, call func(in In) (any, fault, error)) http.Handler {
	return b.verified(name, func(w http.ResponseWriter, r *http.Request, body []byte) {
		in, err := decode[In](body)
		var out any
		var f fault
		if err == nil {
			out, f, err = call(in)
		}
		if b.misdeliver(w, f) {
			return
		}
		setContentType(w.Header(), err)
		status, answer := encode(out, err)
		b.respond(w, r, status, answer)
	})
}

// verified lets only the platform in.
func (b *bank) verified(name string, next func(w http.ResponseWriter, r *http.Request, body []byte)) http.Handler {
	return b.counts.answers(name, signing.HeaderSignature, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.counts.add(name)
		time.Sleep(b.street.options.Latency)
		_, body, err := b.verifier.ReadRequest(r, bodyLimit)
		if err != nil {
			write(w, nil, refusal{http.StatusUnauthorized, "signature-refused", err.Error()})
			return
		}
		next(w, r, body)
	}))
}

func (b *bank) respond(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	if err := b.keys.signer().Respond(w, r, status, body); err != nil {
		b.street.options.Log.Error("answer not sent", "bank", b.name, "error", err)
	}
}

const slowness = 25 * time.Millisecond

// misdeliver commits the fault and says whether that was the whole answer. A proxy's error is not signed.
func (b *bank) misdeliver(w http.ResponseWriter, f fault) bool {
	if f != calm {
		b.counts.add("fault:" + string(f))
	}
	switch f {
	case slow:
		time.Sleep(slowness)
	case timeoutBefore, timeoutAfter:
		time.Sleep(b.street.options.Hang)
		panic(http.ErrAbortHandler)
	case errorBefore, errorAfter:
		http.Error(w, "bad gateway", http.StatusBadGateway)
		return true
	}
	return false
}
