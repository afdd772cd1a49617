package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"hongbao/disbursement"
	"hongbao/internal/signing"
)

// What the street asks of the platform. An answer other than 2xx is a refusal.

func (s *Street) get(ctx context.Context, path string) (*http.Response, error) {
	return s.send(ctx, http.MethodGet, path, "", nil, nil)
}

func (s *Street) getJSON(ctx context.Context, path string, out any) error {
	response, err := s.get(ctx, path)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return json.NewDecoder(response.Body).Decode(out)
}

func (s *Street) postJSON(ctx context.Context, path string, in any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return s.post(ctx, path, "application/json", body)
}

func (s *Street) postText(ctx context.Context, path, text string) error {
	return s.post(ctx, path, "text/plain; charset=utf-8", []byte(text))
}

func (s *Street) post(ctx context.Context, path, kind string, body []byte) error {
	response, err := s.send(ctx, http.MethodPost, path, kind, body, nil)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

func (s *Street) send(ctx context.Context, method, path, kind string, body []byte, signer *signing.Signer) (*http.Response, error) {
	base := *s.platform.Load()
	if base == "" {
		return nil, refusal{http.StatusBadGateway, "platform-unset", "the street does not know where the platform is"}
	}
	request, err := http.NewRequestWithContext(ctx, method, base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	if signer != nil {
		if err := signer.SignRequest(request, disbursement.PlatformParty, body); err != nil {
			return nil, err
		}
	}
	response, err := s.http.Do(request)
	if err != nil {
		return nil, refusal{http.StatusBadGateway, "platform-unreachable", err.Error()}
	}
	if response.StatusCode >= 300 {
		defer response.Body.Close()
		return nil, readRefusal(response)
	}
	return response, nil
}

func readRefusal(response *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(response.Body, 4096))
	var problem struct{ Code, Detail string }
	if json.Unmarshal(text, &problem) != nil || problem.Code == "" {
		problem.Code, problem.Detail = "platform-refuses", strings.TrimSpace(string(text))
	}
	return refusal{response.StatusCode, problem.Code, problem.Detail}
}

// tell posts a signed message to the platform and gives the platform's signed answer.
func (b *bank) tell(ctx context.Context, path string, in any) ([]byte, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	response, err := b.street.send(ctx, http.MethodPost, path, "application/json", body, b.keys.signer())
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	asked := response.Request.Header.Get(signing.HeaderNonce)
	if err := b.verifier.VerifyResponse(disbursement.PlatformParty, asked, response, answer); err != nil {
		return nil, fmt.Errorf("answer to %s: %w", path, err)
	}
	return answer, nil
}
