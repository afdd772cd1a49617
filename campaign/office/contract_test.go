package office_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hongbao/campaign"
	"hongbao/campaign/office"
	"hongbao/disbursement/sandbox"
	"hongbao/internal/identity"
	"hongbao/internal/signing"
	"hongbao/internal/testkit"
)

// contract is the published document.
const contract = "../../docs/city-ports.yaml"

// The published fields are those that travel.
func TestContractHasTheFieldsOfTheTypes(t *testing.T) {
	testkit.ReadContract(t, contract).HasTheFieldsOf(t, office.Message{}, office.MessageBatch{}, office.NameQuestion{}, office.NameQuestions{}, office.NameAnswers{},
		office.EvidenceDocument{}, office.EvidenceQuestion{}, office.EvidenceAnswer{})
}

// city is the sandbox's offices.
func city(t *testing.T) string {
	t.Helper()
	key, err := signing.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	street, err := sandbox.Start(t.Context(), sandbox.Options{Now: time.Now, PlatformKey: &key.PublicKey})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { street.Close() })
	return street.SMSURL()
}

func post(t *testing.T, url, token, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

var people = []campaign.Person{
	{Name: "张三", Document: identity.Document{Kind: identity.Resident, Number: "11010519491231002X"}, Phone: "13900000001"},
	{Name: "李四不符", Document: identity.Document{Kind: identity.Resident, Number: "440524188001010014"}, Phone: "13900000002"},
	{Name: "王五未知", Document: identity.Document{Kind: identity.Resident, Number: "440524188001010014"}, Phone: "13900000003"},
}

// The adapter and the sandbox keep the contract towards each other over HTTP, and the sandbox serves each published path to
// nobody without the token.
func TestAdapterAndSandboxKeepTheContract(t *testing.T) {
	url, ctx := city(t), t.Context()
	for path := range testkit.ReadContract(t, contract).Paths {
		if status, _ := post(t, url+path, "wrong", "{}"); status != http.StatusUnauthorized {
			t.Errorf("%s with a wrong token: %d", path, status)
		}
	}
	open := func(name string) *office.Office { return office.New(name, url, sandbox.CityToken, nil) }
	if err := (office.SMS{Office: open("sms")}).Send(ctx, "13900000001", "【苏州市】测试"); err != nil {
		t.Error(err)
	}
	response, err := http.Get(url + "/sms/v1/inbox/13900000001")
	if err != nil {
		t.Fatal(err)
	}
	inbox, _ := io.ReadAll(response.Body)
	response.Body.Close()
	if !bytes.Contains(inbox, []byte("测试")) {
		t.Errorf("the inbox: %s", inbox)
	}
	verdicts, err := office.Names{Office: open("names")}.Check(ctx, people)
	if err != nil || !slices.Equal(verdicts, []campaign.Verdict{campaign.Match, campaign.Mismatch, campaign.Unknown}) {
		t.Errorf("verdicts %v, %v", verdicts, err)
	}
	post(t, url+"/control/offices", "", `{"listed":{"11010519491231002X":["hukou","social-insurance"]}}`)
	kinds, err := office.Evidence{Office: open("evidence")}.Kinds(ctx, "suzhou-2020", []identity.Document{people[0].Document, people[1].Document})
	if err != nil || len(kinds) != 2 || !slices.Equal(kinds[0], []string{"hukou", "social-insurance"}) || len(kinds[1]) != 0 {
		t.Errorf("kinds %v, %v", kinds, err)
	}
}

// A question is asked again until it is answered, a message is not; a refusal is final; no error names a person.
func TestRetriesAreForQuestionsAlone(t *testing.T) {
	calls := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls[r.URL.Path]++
		body, _ := io.ReadAll(r.Body)
		switch {
		case r.Header.Get("Authorization") != "Bearer t":
			w.WriteHeader(http.StatusUnauthorized)
		case strings.HasPrefix(r.URL.Path, "/sms/") || calls[r.URL.Path] < 3:
			w.WriteHeader(http.StatusBadGateway)
			w.Write(body) // an office that echoes
		default:
			json.NewEncoder(w).Encode(office.NameAnswers{Verdicts: []campaign.Verdict{"match", "maybe", "mismatch"}})
		}
	}))
	defer server.Close()
	registry := prometheus.NewRegistry()
	measures := office.NewMeasures(registry)
	at := office.New("names", server.URL, "t", measures)
	if verdicts, err := (office.Names{Office: at}).Check(t.Context(), people); err != nil || !slices.Equal(verdicts, []campaign.Verdict{campaign.Match, campaign.Unknown, campaign.Mismatch}) {
		t.Errorf("after two failures: %v, %v", verdicts, err)
	}
	err := office.SMS{Office: at}.Send(t.Context(), people[0].Phone, "secret text")
	if err == nil || calls["/sms/v1/messages"] != 1 || strings.Contains(err.Error(), people[0].Phone) || strings.Contains(err.Error(), "secret") {
		t.Errorf("%d calls, %v", calls["/sms/v1/messages"], err)
	}
	_, err = office.Evidence{Office: office.New("evidence", server.URL, "wrong", measures)}.Kinds(t.Context(), "c", []identity.Document{people[0].Document})
	if err == nil || calls["/evidence/v1/kinds"] != 1 || strings.Contains(err.Error(), people[0].Document.Number) {
		t.Errorf("%d calls, %v", calls["/evidence/v1/kinds"], err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (office.Names{Office: at}).Check(ctx, people); err == nil {
		t.Error("an answer to nobody")
	}
	families, err := registry.Gather()
	if err != nil || len(families) != 2 || len(families[0].Metric)+len(families[1].Metric) < 5 {
		t.Errorf("metrics: %v, %v", families, err)
	}
}
