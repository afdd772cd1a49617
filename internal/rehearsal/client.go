package rehearsal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// workers bounds how many requests run at once.
const workers = 32

// Refusal is an answer other than success: the status and the problem's stable code (RFC 9457 documents of the service).
type Refusal struct {
	Method, Path string
	Status       int
	Code         string
	Reference    string // under which the refusal can be appealed
	Detail       string
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("%s %s: %d %s %s", r.Method, r.Path, r.Status, r.Code, r.Detail)
}

// refusedWith says whether err is an answer with that status.
func refusedWith(err error, status int) bool {
	var r *Refusal
	return errors.As(err, &r) && r.Status == status
}

// client speaks JSON over keep-alive connections to one server.
type client struct {
	base string
	http *http.Client
}

func newHTTP() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = workers
	transport.MaxIdleConns = 8 * workers
	transport.Proxy = nil
	return &http.Client{Transport: transport, Timeout: 2 * time.Minute}
}

// body is a request body that is not JSON.
type body struct {
	kind string
	data []byte
}

// do sends in (nil, a body, or anything JSON) and decodes the answer into out (nil, *[]byte, or anything JSON).
func (c client) do(ctx context.Context, method, path string, header http.Header, in, out any) error {
	request, err := c.request(ctx, method, path, header, in)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= 300 {
		return refusal(request, response.StatusCode, answer)
	}
	switch out := out.(type) {
	case nil:
		return nil
	case *[]byte:
		*out = answer
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

func (c client) request(ctx context.Context, method, path string, header http.Header, in any) (*http.Request, error) {
	kind, data := "", []byte(nil)
	switch in := in.(type) {
	case nil:
	case body:
		kind, data = in.kind, in.data
	default:
		encoded, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		kind, data = "application/json", encoded
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		request.Header[name] = values
	}
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	return request, nil
}

func refusal(request *http.Request, status int, answer []byte) error {
	var problem struct {
		Code, Reference, Title, Detail string
	}
	if json.Unmarshal(answer, &problem) != nil {
		problem.Detail = string(answer[:min(len(answer), 200)])
	}
	if problem.Detail == "" {
		problem.Detail = problem.Title
	}
	return &Refusal{Method: request.Method, Path: request.URL.Path, Status: status, Code: problem.Code, Reference: problem.Reference, Detail: problem.Detail}
}

// each runs do for every item, a bounded number at once, and stops at the first error.
func each[T any](ctx context.Context, items []T, do func(context.Context, T) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	for _, item := range items {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error { return do(ctx, item) })
	}
	return group.Wait()
}
