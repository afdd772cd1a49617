package disbursement

import (
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// The platform serves operators what docs/operator-api.yaml says, and nothing else.
func TestOperatorRoutesAreThePublishedOnes(t *testing.T) {
	text, err := os.ReadFile("../docs/operator-api.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Paths map[string]map[string]any }
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	served := map[string]bool{}
	for _, route := range serve(t, 0).web.Engine.Routes() {
		if strings.HasPrefix(route.Path, "/operator/") {
			served[route.Method+" "+strings.ReplaceAll(route.Path, ":number", "{number}")] = true
		}
	}
	for path, methods := range doc.Paths {
		for method := range methods {
			name := strings.ToUpper(method) + " " + path
			if method == "parameters" || !strings.HasPrefix(path, "/operator/") {
				continue
			}
			if !served[name] {
				t.Errorf("%s is published and not served", name)
			}
			delete(served, name)
		}
	}
	for name := range served {
		t.Errorf("%s is served and not published", name)
	}
}
