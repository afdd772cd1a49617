package operatortest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"hongbao/disbursement"
	"hongbao/disbursement/gateway"
	"hongbao/disbursement/operatortest"
	"hongbao/disbursement/sandbox"
	"hongbao/internal/signing"
)

// node is a part of the published document.
type node = map[string]any

// contract is docs/operator-api.yaml, by which what passes is judged.
type contract struct {
	t    *testing.T
	root node
	seen map[string]bool // "POST /bank/v1/credits 200"
}

func readContract(t *testing.T) *contract {
	t.Helper()
	text, err := os.ReadFile("../../docs/operator-api.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c := &contract{t: t, seen: map[string]bool{}}
	if err := yaml.Unmarshal(text, &c.root); err != nil {
		t.Fatal(err)
	}
	return c
}

// at follows names, and references wherever they stand.
func (c *contract) at(from node, names ...string) node {
	for _, name := range names {
		from = c.resolved(from)
		next, _ := from[name].(node)
		if next == nil {
			return nil
		}
		from = next
	}
	return c.resolved(from)
}

func (c *contract) resolved(n node) node {
	if ref, ok := n["$ref"].(string); ok {
		return c.at(c.root, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	}
	return n
}

var dayInPath = regexp.MustCompile(`/\d{4}-\d\d-\d\d$`)

// judge holds one call and its answer against the document.
func (c *contract) judge(method, path string, query string, header http.Header, body []byte, status int, kind string, answer []byte) {
	c.t.Helper()
	template := dayInPath.ReplaceAllString(path, "/{day}")
	operation := c.at(c.root, "paths", template, strings.ToLower(method))
	if operation == nil {
		c.t.Errorf("%s %s is not published", method, template)
		return
	}
	if query != "" && !strings.HasPrefix(query, "bank=") {
		c.t.Errorf("%s %s?%s", method, template, query)
	}
	for _, name := range []string{"Hb-Party", "Hb-Key-Id", "Hb-Timestamp", "Hb-Nonce", "Hb-Signature"} {
		if header.Get(name) == "" {
			c.t.Errorf("%s %s is sent without %s", method, template, name)
		}
	}
	if len(body) > 0 {
		c.fits(c.at(operation, "requestBody", "content", "application/json", "schema"), decoded(c.t, body), method+" "+template)
	}
	said := c.at(operation, "responses", fmt.Sprint(status))
	if said == nil {
		said = c.at(operation, "responses", "default")
	}
	c.seen[fmt.Sprintf("%s %s %d", method, template, status)] = true
	media, _, _ := strings.Cut(kind, ";")
	shape := c.at(said, "content", media, "schema")
	switch {
	case shape == nil:
		c.t.Errorf("%s %s: an answer of status %d and type %q is not published", method, template, status, kind)
	case strings.HasSuffix(media, "json"):
		c.fits(shape, decoded(c.t, answer), fmt.Sprintf("%s %s %d", method, template, status))
	}
}

func decoded(t *testing.T, text []byte) (value any) {
	t.Helper()
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return value
}

// fits holds a value against a schema: no field that is not published, none missing that must be there, and its form.
func (c *contract) fits(shape node, value any, where string) {
	c.t.Helper()
	shape = c.resolved(shape)
	switch value := value.(type) {
	case map[string]any:
		properties := c.at(shape, "properties")
		for name, field := range value {
			if properties[name] == nil {
				c.t.Errorf("%s: %s is not published", where, name)
				continue
			}
			c.fits(properties[name].(node), field, where+"."+name)
		}
		required, _ := shape["required"].([]any)
		for _, name := range required {
			if _, ok := value[name.(string)]; !ok {
				c.t.Errorf("%s: %s is missing", where, name)
			}
		}
	case []any:
		for _, item := range value {
			c.fits(c.at(shape, "items"), item, where+"[]")
		}
	case string:
		c.fitsText(shape, value, where)
	case float64:
		if shape["type"] != "integer" {
			c.t.Errorf("%s is a number, published as %v", where, shape["type"])
		}
	}
}

func (c *contract) fitsText(shape node, text, where string) {
	c.t.Helper()
	if shape["type"] != "string" {
		c.t.Errorf("%s is a text, published as %v", where, shape["type"])
	}
	if pattern, ok := shape["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(text) && text != "" {
		c.t.Errorf("%s: %q is not %s", where, text, pattern)
	}
	if longest, ok := shape["maxLength"].(uint64); ok && uint64(len(text)) > longest {
		c.t.Errorf("%s: %q has more than %d characters", where, text, longest)
	}
	if allowed, ok := shape["enum"].([]any); ok && !slices.Contains(allowed, any(text)) {
		c.t.Errorf("%s: %q is not one of %v", where, text, allowed)
	}
}

// listener passes calls on and has each judged.
type listener struct {
	mu sync.Mutex
	*contract
}

func (l *listener) RoundTrip(request *http.Request) (*http.Response, error) {
	var body []byte
	if request.Body != nil {
		var err error
		if body, err = io.ReadAll(request.Body); err != nil {
			return nil, err
		}
		request.Body = io.NopCloser(bytes.NewReader(body))
	}
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	answer.Body = io.NopCloser(bytes.NewReader(text))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.judge(request.Method, request.URL.Path, request.URL.RawQuery, request.Header, body, answer.StatusCode, answer.Header.Get("Content-Type"), text)
	return answer, err
}

// What the gateway sends and the sandbox answers, over the whole suite, is what docs/operator-api.yaml says, and every path of
// an operator that it says is called.
func TestWireIsAsPublished(t *testing.T) {
	now := time.Date(2020, 12, 11, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	street := openStreet(t, sandbox.FaultsNone, 7, clock)
	public, keys, url := street.PublicKeys()["icbc"], &signing.Directory{}, street.Banks()["icbc"]
	if err := keys.Add("icbc", signing.PublicKey{Key: public}); err != nil {
		t.Fatal(err)
	}
	openWallet(t, url)
	l := &listener{contract: readContract(t)}
	op, err := gateway.New(gateway.Profile{Name: "icbc", URL: url, Keys: keys, SealKey: public, Client: &http.Client{Transport: l},
		Signer: signing.Signer{Party: disbursement.PlatformParty, Key: platformKey, Now: clock}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range operatortest.Run(t.Context(), op, fixtures(now)) {
		if !r.OK {
			t.Errorf("%s: %s", r.Name, r.Detail)
		}
	}
	for path, methods := range l.root["paths"].(node) {
		for method := range methods.(node) {
			if name := strings.ToUpper(method) + " " + path + " 200"; strings.HasPrefix(path, "/bank/") && method != "parameters" && !l.seen[name] {
				t.Errorf("%s is published and was not seen", name)
			}
		}
	}
}
