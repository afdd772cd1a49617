package office

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"

	"hongbao/campaign"
	"hongbao/internal/identity"
)

// echo answers a call with a body, and nobody waits for another answer.
type echo struct {
	body []byte
	end  context.CancelFunc
}

func (e echo) RoundTrip(*http.Request) (*http.Response, error) {
	e.end()
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(e.body))}, nil
}

// FuzzAnswers: whatever an office answers, there is a verdict of the known ones about each person, and a list for each document,
// or an error that says nothing of the answer.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"verdicts":["match","maybe"]}`))
	f.Add([]byte(`{"kinds":[["hukou","social-insurance"],null]}`))
	f.Add([]byte(`{"verdicts":null,"kinds":[[1]]}`))
	people := []campaign.Person{{Name: "张三"}, {Name: "李四"}}
	documents := []identity.Document{{Kind: identity.Resident, Number: "11010519491231002X"}, {Kind: identity.Resident, Number: "440524188001010014"}}
	f.Fuzz(func(t *testing.T, answer []byte) {
		ctx, end := context.WithCancel(t.Context())
		o := &Office{name: "office", url: "http://127.0.0.1", client: &http.Client{Transport: echo{answer, end}}}
		verdicts, err := Names{o}.Check(ctx, people)
		if err == nil && len(verdicts) != len(people) {
			t.Errorf("%q gives %v", answer, verdicts)
		}
		for _, v := range verdicts {
			if v != campaign.Match && v != campaign.Mismatch && v != campaign.Unknown {
				t.Errorf("%q gives %v", answer, verdicts)
			}
		}
		ctx, end = context.WithCancel(t.Context())
		o.client.Transport = echo{answer, end}
		kinds, refused := Evidence{o}.Kinds(ctx, "suzhou-2020", documents)
		if refused == nil && len(kinds) != len(documents) {
			t.Errorf("%q gives %v", answer, kinds)
		}
		for _, err := range []error{err, refused} {
			if err != nil && len(answer) > 20 && bytes.Contains([]byte(err.Error()), answer) {
				t.Errorf("the answer stands in %q", err)
			}
		}
	})
}
