package operatortest_test

import (
	"maps"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"hongbao/disbursement"
	"hongbao/disbursement/sandbox"
)

// published is what this test reads of docs/operator-api.yaml.
type published struct {
	Paths      map[string]map[string]any
	Components struct {
		Schemas map[string]struct {
			Required   []string
			Properties map[string]any
		}
	}
}

func readPublished(t *testing.T) (doc published) {
	t.Helper()
	text, err := os.ReadFile("../../docs/operator-api.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// The published fields are those that are sent, and the required ones those that are always sent.
func TestContractHasTheFieldsOfTheTypes(t *testing.T) {
	schemas := readPublished(t).Components.Schemas
	for _, value := range []any{disbursement.Wallet{}, disbursement.CreditOrder{}, disbursement.RecallOrder{}, disbursement.ReturnOrder{}, disbursement.Outcome{},
		disbursement.SubWalletRequest{}, disbursement.SubWalletChange{}, disbursement.SubWallet{}, disbursement.EventBatch{}, disbursement.Event{},
		disbursement.AdmissionRequest{}, disbursement.AdmissionAnswer{}, disbursement.Refusal{}, disbursement.WinnersDocument{}} {
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
		if got := slices.Sorted(maps.Keys(schemas[kind.Name()].Properties)); !slices.Equal(got, all) {
			t.Errorf("%s is published with %v, sent with %v", kind.Name(), got, all)
		}
		required := slices.Sorted(slices.Values(schemas[kind.Name()].Required))
		if !slices.Equal(required, always) {
			t.Errorf("%s: required are %v, always sent %v", kind.Name(), required, always)
		}
	}
}

// The sandbox serves each published path of an operator: it refuses the unsigned call, and knows no path that is not there.
func TestContractHasThePathsOfTheSandbox(t *testing.T) {
	street := openStreet(t, sandbox.FaultsNone, 1, time.Now)
	status := func(method, path string) int {
		request, err := http.NewRequest(strings.ToUpper(method), street.Banks()["icbc"]+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	served := 0
	for path, methods := range readPublished(t).Paths {
		for method := range methods {
			if !strings.HasPrefix(path, "/bank/") || method == "parameters" {
				continue
			}
			served++
			if got := status(method, strings.Replace(path, "{day}", "2020-12-11", 1)); got != http.StatusUnauthorized {
				t.Errorf("%s %s: %d", method, path, got)
			}
		}
	}
	if served != 9 || status("POST", "/bank/v1/nothing") != http.StatusNotFound {
		t.Errorf("%d paths", served)
	}
}
