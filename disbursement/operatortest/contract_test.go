package operatortest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"hongbao/disbursement"
	"hongbao/disbursement/sandbox"
	"hongbao/internal/testkit"
)

// The published fields are those that are sent, and the required ones those that are always sent.
func TestContractHasTheFieldsOfTheTypes(t *testing.T) {
	testkit.ReadContract(t, "../../docs/operator-api.yaml").HasTheFieldsOf(t, disbursement.Wallet{}, disbursement.CreditOrder{}, disbursement.RecallOrder{}, disbursement.ReturnOrder{}, disbursement.Outcome{},
		disbursement.SubWalletRequest{}, disbursement.SubWalletChange{}, disbursement.SubWallet{}, disbursement.EventBatch{}, disbursement.Event{},
		disbursement.AdmissionRequest{}, disbursement.AdmissionAnswer{}, disbursement.Refusal{}, disbursement.WinnersDocument{})
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
	for path, methods := range testkit.ReadContract(t, "../../docs/operator-api.yaml").Paths {
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
