package testkit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Conformance stands before a handler and holds what it answers against an OpenAPI document: each status of a documented
// route is documented, each JSON body fits its schema, and so does each JSON request that was accepted.
type Conformance struct {
	paths    map[string]any // of the document
	compiler *jsonschema.Compiler

	mu      sync.Mutex
	schemas map[string]*jsonschema.Schema
	seen    map[string]bool // "GET /draws/{slug} 200"
	faults  map[string]bool
}

// Conform gives a handler that answers as next does and fails the test, at its end, for each answer under /api/v1 that
// the document does not have.
func Conform(t testing.TB, document any, next http.Handler) http.Handler {
	t.Helper()
	c := NewConformance(t, document)
	t.Cleanup(func() { c.Report(t) })
	return c.Watch(next)
}

// NewConformance reads a document.
func NewConformance(t testing.TB, document any) *Conformance {
	t.Helper()
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	read, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := &Conformance{paths: at(read, "paths"), compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}, seen: map[string]bool{}, faults: map[string]bool{}}
	if err := c.compiler.AddResource("api.json", read); err != nil {
		t.Fatal(err)
	}
	return c
}

// Report fails the test for each answer that was not as documented.
func (c *Conformance) Report(t testing.TB) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, fault := range slices.Sorted(maps.Keys(c.faults)) {
		t.Error("not as /api/v1/openapi.json says: " + fault)
	}
}

// Seen lists operations with the statuses that they have answered, as "GET /api/v1/draws 200".
func (c *Conformance) Seen() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.seen))
}

// Watch gives a handler that answers as next does and looks at what it answers.
func (c *Conformance) Watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/api/v1/") {
			next.ServeHTTP(w, r)
			return
		}
		method, path, asked := r.Method, r.URL.Path, &bytes.Buffer{}
		kind := mediaType(r.Header)
		if kind == "application/json" {
			r.Body = struct {
				io.Reader
				io.Closer
			}{io.TeeReader(r.Body, asked), r.Body}
		}
		answer := &recorded{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(answer, r)
		if fault := c.judge(method, path, kind, asked.Bytes(), answer); fault != "" {
			c.mu.Lock()
			c.faults[fault] = true
			c.mu.Unlock()
		}
	})
}

// recorded keeps a copy of an answer that is JSON.
type recorded struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorded) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorded) Write(b []byte) (int, error) {
	if strings.HasSuffix(mediaType(r.Header()), "json") {
		r.body.Write(b)
	}
	return r.ResponseWriter.Write(b)
}

func (r *recorded) Flush() { _ = http.NewResponseController(r.ResponseWriter).Flush() } // a recorder of tests may not know it

func (r *recorded) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func mediaType(h http.Header) string {
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type")) // an unreadable one is none
	return kind
}

// judge says what is not as documented, or "".
func (c *Conformance) judge(method, path, asked string, in []byte, answer *recorded) string {
	template, operation := c.operation(method, path)
	if operation == nil {
		if answer.status == http.StatusNotFound || answer.status == http.StatusMethodNotAllowed {
			return ""
		}
		return fmt.Sprintf("%s %s answers %d and is not documented", method, path, answer.status)
	}
	place := []string{"paths", template, strings.ToLower(method)}
	name := fmt.Sprintf("%s %s %d", method, template, answer.status)
	c.mu.Lock()
	c.seen[name] = true
	c.mu.Unlock()
	status := strconv.Itoa(answer.status)
	if at(operation, "responses", status) == nil {
		if answer.status < 500 {
			return name + ": the status is not documented"
		}
		status = "default"
	}
	if answer.status < 300 && asked == "application/json" && at(operation, "requestBody") != nil {
		if fault := c.fits(append(place, "requestBody"), asked, in); fault != "" {
			return name + ", accepted request: " + fault
		}
	}
	if fault := c.fits(append(place, "responses", status), mediaType(answer.Header()), answer.body.Bytes()); fault != "" {
		return name + ": " + fault
	}
	return ""
}

// fits holds a body against the content that a place of the document allows.
func (c *Conformance) fits(place []string, kind string, body []byte) string {
	holder, err := c.compilerPlace(append(place, "content"))
	if err != nil {
		if len(body) == 0 {
			return ""
		}
		return "a body of " + kind + " where none is documented"
	}
	media, ok := holder[kind].(map[string]any)
	if !ok {
		return fmt.Sprintf("the media type %q is not documented", kind)
	}
	if media["schema"] == nil || !strings.HasSuffix(kind, "json") {
		return ""
	}
	schema, err := c.schema(append(place, "content", kind, "schema"))
	if err != nil {
		return err.Error()
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err == nil {
		err = schema.Validate(value)
	}
	if err != nil {
		return strings.ReplaceAll(err.Error(), "\n", " ")
	}
	return ""
}

func (c *Conformance) compilerPlace(place []string) (map[string]any, error) {
	found := at(c.paths, place[1:]...)
	if found == nil {
		return nil, fmt.Errorf("no %s", strings.Join(place, " "))
	}
	return found, nil
}

func (c *Conformance) schema(place []string) (*jsonschema.Schema, error) {
	escaped := make([]string, len(place))
	for i, step := range place {
		escaped[i] = strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D", "+", "%2B").Replace(step)
	}
	pointer := "api.json#/" + strings.Join(escaped, "/")
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.schemas[pointer]; ok {
		return known, nil
	}
	made, err := c.compiler.Compile(pointer)
	c.schemas[pointer] = made
	return made, err
}

// operation finds the documented operation that a path belongs to: of several the one with the fewest parameters.
func (c *Conformance) operation(method, path string) (template string, operation map[string]any) {
	fewest := -1
	for candidate, methods := range c.paths {
		n := strings.Count(candidate, "{")
		found := at(methods, strings.ToLower(method))
		if found != nil && matches(candidate, path) && (fewest < 0 || n < fewest) {
			template, operation, fewest = candidate, found, n
		}
	}
	return template, operation
}

func matches(template, path string) bool {
	words, given := strings.Split(template, "/"), strings.Split(path, "/")
	if last := len(words) - 1; words[last] == "{path}" && len(given) > last {
		given = append(given[:last:last], strings.Join(given[last:], "/"))
	}
	return slices.EqualFunc(words, given, func(word, given string) bool {
		return strings.HasPrefix(word, "{") && given != "" || word == given
	})
}

// at goes down a JSON document by names; nil when it has no such object.
func at(value any, names ...string) map[string]any {
	object, _ := value.(map[string]any)
	for _, name := range names {
		object, _ = object[name].(map[string]any)
	}
	return object
}
