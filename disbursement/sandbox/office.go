package sandbox

import (
	"context"
	"net/http"
	"strings"
	"sync"
)

// CityToken is what the simulated offices of the city ask for. The SMS gateway lets callers without a token in as well.
const CityToken = "sandbox city token"

// offices are the city's real-name check and evidence register. A name that ends in 不符 does not fit its document, one that
// ends in 未知 is not known; a document stands on the lists that it was put on.
type offices struct {
	mu     sync.Mutex
	listed map[string][]string // document -> kinds of evidence
	down   bool
}

func (o *offices) routes(mux *http.ServeMux, counts *counters) {
	mux.Handle("POST /names/v1/checks", counts.answers("names", "", o.asked(handle(o.names))))
	mux.Handle("POST /evidence/v1/kinds", counts.answers("evidence", "", o.asked(handle(o.kinds))))
	mux.Handle("POST /control/offices", handle(o.control))
}

// asked lets calls with the token through, unless the offices are closed.
func (o *offices) asked(next http.Handler) http.Handler {
	return withToken(true, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		down := o.down
		o.mu.Unlock()
		if down {
			write(w, nil, refusal{http.StatusServiceUnavailable, "closed", "the office is closed"})
			return
		}
		next.ServeHTTP(w, r)
	}))
}

// withToken refuses a wrong token, and a missing one where it is required.
func withToken(required bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := r.Header.Get("Authorization")
		if token != "Bearer "+CityToken && (required || token != "") {
			write(w, nil, refusal{http.StatusUnauthorized, "token", "the token is missing or wrong"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

type namesIn struct {
	People []struct {
		Name         string `json:"name"`
		DocumentKind string `json:"document_kind"`
		Document     string `json:"document"`
		Phone        string `json:"phone"`
	} `json:"people"`
}

func (o *offices) names(_ context.Context, in namesIn) (any, error) {
	verdicts := make([]string, len(in.People))
	for i, p := range in.People {
		switch {
		case p.Document == "" || !isPhone(p.Phone):
			return nil, refusal{http.StatusBadRequest, "person-malformed", "a person needs a document and a phone of 11 digits"}
		case strings.HasSuffix(p.Name, "不符"):
			verdicts[i] = "mismatch"
		case strings.HasSuffix(p.Name, "未知"):
			verdicts[i] = "unknown"
		default:
			verdicts[i] = "match"
		}
	}
	return map[string]any{"verdicts": verdicts}, nil
}

type kindsIn struct {
	Campaign  string `json:"campaign"`
	Documents []struct {
		Kind   string `json:"kind"`
		Number string `json:"number"`
	} `json:"documents"`
}

func (o *offices) kinds(_ context.Context, in kindsIn) (any, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	kinds := make([][]string, len(in.Documents))
	for i, d := range in.Documents {
		kinds[i] = append([]string{}, o.listed[d.Number]...)
	}
	return map[string]any{"kinds": kinds}, nil
}

type officesIn struct {
	Down   bool                `json:"down"`
	Listed map[string][]string `json:"listed"`
}

// control closes the offices or opens them, and puts documents on lists.
func (o *offices) control(_ context.Context, in officesIn) (any, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.down = in.Down
	if o.listed == nil {
		o.listed = map[string][]string{}
	}
	for document, kinds := range in.Listed {
		o.listed[document] = kinds
	}
	return map[string]bool{"down": o.down}, nil
}
