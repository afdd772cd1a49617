package operatortest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"hongbao/internal/signing"
)

// Wire is how a bank's test system is reached, for the checks that look at signatures themselves.
type Wire struct {
	URL    string // below which /bank/v1 lies; with ?bank= for a bank behind an access point
	Query  string // as bank=313305066661, or empty
	Party  string // who answers
	Signer signing.Signer
	Client *http.Client // http.DefaultClient if nil
}

var (
	errNoWire   = fmt.Errorf("%w: no address is given", errSkipped)
	errBelieved = errors.New("the request was accepted")
)

// question is a call that changes nothing: what became of an order that never was.
func (s *suite) question(ctx context.Context, signer signing.Signer, to string) (*http.Request, []byte, error) {
	address := s.Wire.URL + "/bank/v1/orders/query"
	if s.Wire.Query != "" {
		address += "?" + s.Wire.Query
	}
	body := fmt.Appendf(nil, `{"order_nos":[%q]}`, s.number())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, nil)
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	return request, body, signer.SignRequest(request, to, body)
}

// send sends a request as it is, once.
func (s *suite) send(request *http.Request, body []byte) (status int, err error) {
	client := s.Wire.Client
	if client == nil {
		client = http.DefaultClient
	}
	once := request.Clone(request.Context())
	once.Body, once.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer, err := client.Do(once)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

// refusedAsIs demands that a request is answered with 401 or 403.
func (s *suite) refusedAsIs(request *http.Request, body []byte) error {
	return s.again(request.Context(), func() (bool, error) {
		status, err := s.send(request, body)
		switch {
		case err != nil:
			return false, err
		case status == http.StatusUnauthorized || status == http.StatusForbidden:
			return true, nil
		case status < 300:
			return true, errBelieved
		}
		return status < 500, fmt.Errorf("status %d where 401 or 403 is wanted", status)
	})
}

func (s *suite) requestUnsigned(ctx context.Context) error {
	if s.Wire == nil {
		return errNoWire
	}
	request, body, err := s.question(ctx, s.Wire.Signer, s.Wire.Party)
	if err != nil {
		return err
	}
	if err := s.refusedAsIs(request, append(bytes.Clone(body), ' ')); err != nil {
		return fmt.Errorf("with another body: %w", err)
	}
	request.Header.Del(signing.HeaderSignature)
	if err := s.refusedAsIs(request, body); err != nil {
		return fmt.Errorf("without a signature: %w", err)
	}
	return nil
}

func (s *suite) requestReplayed(ctx context.Context) error {
	if s.Wire == nil {
		return errNoWire
	}
	return s.again(ctx, func() (bool, error) {
		request, body, err := s.question(ctx, s.Wire.Signer, s.Wire.Party)
		if err != nil {
			return true, err
		}
		status, err := s.send(request, body)
		switch {
		case err != nil || status >= 500:
			return false, errors.Join(err, fmt.Errorf("status %d", status))
		case status >= 300:
			return true, fmt.Errorf("a good request is answered with status %d; compare the keys", status)
		}
		return true, s.refusedAsIs(request, body)
	})
}

func (s *suite) requestStale(ctx context.Context) error {
	if s.Wire == nil {
		return errNoWire
	}
	for _, off := range []time.Duration{-2 * signing.Window, 2 * signing.Window} {
		signer := s.Wire.Signer
		signer.Now = func() time.Time { return s.Wire.Signer.Now().Add(off) }
		request, body, err := s.question(ctx, signer, s.Wire.Party)
		if err != nil {
			return err
		}
		if err := s.refusedAsIs(request, body); err != nil {
			return fmt.Errorf("%v off: %w", off, err)
		}
	}
	return nil
}

func (s *suite) requestForAnother(ctx context.Context) error {
	if s.Wire == nil {
		return errNoWire
	}
	request, body, err := s.question(ctx, s.Wire.Signer, s.Wire.Party+"-other")
	if err != nil {
		return err
	}
	return s.refusedAsIs(request, body)
}
