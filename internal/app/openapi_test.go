package app

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"hongbao/campaign"
)

// wired is a platform for looking at, with nobody on the stage.
func wired(t *testing.T) *stage {
	t.Helper()
	stage, err := openStage(context.Background(), rehearsalOptions{out: t.TempDir(), faults: "none", seed: 1}, NewClock(time.Date(2020, 12, 1, 0, 0, 0, 0, campaign.Shanghai)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stage.close() })
	return stage
}

// TestEveryRouteIsDocumented holds what /api/v1/openapi.json says against the engine's own list of routes.
func TestEveryRouteIsDocumented(t *testing.T) {
	s := wired(t)
	documented := map[string]bool{}
	for _, r := range s.platform.web.Routes() {
		documented[r.Method+" "+r.Path] = true
		if r.ZH == "" || r.EN == "" {
			t.Errorf("%s %s: say what it does in both languages", r.Method, r.Path)
		}
	}
	for _, r := range s.platform.web.Engine.Routes() {
		if !strings.HasPrefix(r.Path, "/api/v1/") {
			continue
		}
		if !documented[r.Method+" "+r.Path] {
			t.Errorf("%s %s is not documented: mount it with web.API and a web.Operation (docs/contributing.md, A route of the API)", r.Method, r.Path)
		}
		delete(documented, r.Method+" "+r.Path)
	}
	for name := range documented {
		t.Errorf("%s is documented, and no such route exists", name)
	}
}

// TestDocumentIsOpenAPI holds the document against the specification's own schema, and looks for what a reader would miss.
func TestDocumentIsOpenAPI(t *testing.T) {
	s := wired(t)
	response, err := http.Get(s.address + "/api/v1/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 200 {
		t.Fatal(response.Status, err)
	}
	specification, err := os.Open("testdata/openapi-3.1.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer specification.Close()
	read, err := jsonschema.UnmarshalJSON(specification)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("openapi.json", read); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(document); err != nil {
		t.Error(err)
	}
	if found := regexp.MustCompile(`"description":""[^}]*"in":"path"`).FindString(string(text)); found != "" {
		t.Errorf("a parameter of a path is not described: %s (pathParameters in internal/web)", found)
	}
	var short struct{ Paths map[string]map[string]any }
	if err := json.Unmarshal(text, &short); err != nil || len(short.Paths) < 40 {
		t.Errorf("%d paths, %v", len(short.Paths), err)
	}
}
