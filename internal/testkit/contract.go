package testkit

import (
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// Contract is what tests read of a published OpenAPI document.
type Contract struct {
	Paths      map[string]map[string]any
	Components struct {
		Schemas map[string]struct {
			Required   []string
			Properties map[string]any
		}
	}
}

// ReadContract reads the document in a file.
func ReadContract(t *testing.T, path string) (doc Contract) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// HasTheFieldsOf holds the schemas against the types of the same names: the published fields are those that are sent, and the
// required ones those that are always sent.
func (doc Contract) HasTheFieldsOf(t *testing.T, values ...any) {
	t.Helper()
	for _, value := range values {
		kind := reflect.TypeOf(value)
		var all, always []string
		for i := range kind.NumField() {
			name, options, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
			all = append(all, name)
			if options == "" {
				always = append(always, name)
			}
		}
		slices.Sort(all)
		slices.Sort(always)
		schema := doc.Components.Schemas[kind.Name()]
		if got := slices.Sorted(maps.Keys(schema.Properties)); !slices.Equal(got, all) {
			t.Errorf("%s is published with %v, sent with %v", kind.Name(), got, all)
		}
		if required := slices.Sorted(slices.Values(schema.Required)); !slices.Equal(required, always) {
			t.Errorf("%s: required are %v, always sent %v", kind.Name(), required, always)
		}
	}
}
