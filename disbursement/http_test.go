package disbursement

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm2"

	"hongbao/internal/fault"
	"hongbao/internal/signing"
	"hongbao/internal/staff"
	"hongbao/internal/testkit"
	"hongbao/internal/web"
)

// served is a world behind HTTP.
type served struct {
	*world
	web  *web.Web
	site http.Handler // before the engine
	keys map[string]*sm2.PrivateKey
}

func serve(t *testing.T, n int) *served {
	t.Helper()
	s := &served{world: newWorld(t, testkit.DB(t), n), keys: map[string]*sm2.PrivateKey{}}
	directory := &signing.Directory{}
	for _, party := range []string{"icbc", "abc", PlatformParty, "stranger"} {
		key, err := signing.GenerateKey(rand.Reader)
		s.must(err)
		s.keys[party] = key
		if party != "stranger" {
			s.must(directory.Add(party, signing.PublicKey{Key: &key.PublicKey}))
		}
	}
	s.Signer = &signing.Signer{Party: PlatformParty, Key: s.keys[PlatformParty], Now: s.clock.Now}
	s.Verifier = &signing.Verifier{Party: PlatformParty, Keys: directory, Now: s.clock.Now, Nonces: &Nonces{DB: s.DB, Now: s.clock.Now}}
	s.web = web.New(web.Options{Secret: []byte(strings.Repeat("s", 32)), Now: s.clock.Now, Log: slog.New(slog.DiscardHandler),
		Authenticate: func(_ context.Context, token string) (web.Actor, error) {
			role, city, _ := strings.Cut(token, "@")
			if city == "" {
				return web.Actor{}, fault.New(fault.Unauthenticated, "session", "请登录", "sign in")
			}
			return web.Actor{ID: 1, Username: role, Role: role, City: city}, nil
		},
		May: func(role, permission string) bool { return staff.Role(role).May(permission) }})
	s.Routes(s.web.Engine, s.web)
	s.site = testkit.Conform(t, s.web.OpenAPI(), s.web.Engine)
	return s
}

func (s *served) do(method, path, token string, in any, out any) int {
	s.t.Helper()
	body, err := json.Marshal(in)
	s.must(err)
	request := httptest.NewRequest(method, path, bytes.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	recorder := httptest.NewRecorder()
	s.site.ServeHTTP(recorder, request)
	if out != nil && recorder.Code < 300 {
		s.must(json.Unmarshal(recorder.Body.Bytes(), out))
	}
	return recorder.Code
}

func (s *served) expect(want int, method, path, token string, in, out any) {
	s.t.Helper()
	if got := s.do(method, path, token, in, out); got != want {
		s.t.Errorf("%s %s: %d, want %d", method, path, got, want)
	}
}

// tell sends a message as an operator and checks that the answer is signed by the platform.
func (s *served) tell(signer, path string, in any, change func(*http.Request)) (int, string) {
	s.t.Helper()
	body, err := json.Marshal(in)
	s.must(err)
	request := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
	s.must((&signing.Signer{Party: signer, Key: s.keys[signer], Now: s.clock.Now}).SignRequest(request, PlatformParty, body))
	if change != nil {
		change(request)
	}
	recorder := httptest.NewRecorder()
	s.site.ServeHTTP(recorder, request)
	answer := recorder.Result()
	text, err := io.ReadAll(answer.Body)
	s.must(err)
	if recorder.Code < 300 {
		receiver := &signing.Verifier{Party: signer, Keys: s.Verifier.Keys, Now: s.clock.Now}
		if err := receiver.VerifyResponse(PlatformParty, request.Header.Get("Hb-Nonce"), answer, text); err != nil {
			s.t.Errorf("the answer is not signed: %v", err)
		}
	}
	return recorder.Code, string(text)
}

// An access point speaks for the banks behind it, and for nobody else.
func TestAccessPointSpeaksForItsMembersOnly(t *testing.T) {
	s := serve(t, 4)
	s.creditAll()
	s.Parties = map[string]string{"icbc": "abc"} // abc is the access point of icbc
	for _, c := range []struct {
		signer, about string
		want          int
	}{{"abc", "icbc", http.StatusNoContent}, {"icbc", "icbc", http.StatusForbidden}, {"icbc", "abc", http.StatusForbidden}, {"abc", "abc", http.StatusNoContent}, {"abc", "ccb", http.StatusForbidden}} {
		if code, text := s.tell(c.signer, "/operator/v1/events", EventBatch{Operator: c.about}, nil); code != c.want {
			t.Errorf("%s speaks for %s: %d %s", c.signer, c.about, code, text)
		}
	}
	s.clock.Advance(signing.Window + time.Second)
	late := s.clock.Now()
	if code, _ := s.tell("abc", "/operator/v1/events", EventBatch{Operator: "abc"}, func(r *http.Request) {
		r.Header.Set(signing.HeaderTimestamp, fmt.Sprint(late.Add(-2*signing.Window).Unix()))
	}); code != http.StatusUnauthorized {
		t.Errorf("a message with an old time: %d", code)
	}
}

func TestOperatorMessages(t *testing.T) {
	s := serve(t, 4)
	s.creditAll()
	e := s.envelopes()[0]
	payment := s.banks[e.Operator].pay(e, "1", 60_00)
	batch := EventBatch{Operator: e.Operator, Events: []Event{payment}}
	other := map[string]string{"icbc": "abc", "abc": "icbc"}[e.Operator]
	refused := func(name string, want int, signer string, change func(*http.Request)) {
		t.Helper()
		if code, text := s.tell(signer, "/operator/v1/events", batch, change); code != want {
			t.Errorf("%s: %d %s", name, code, text)
		}
		if s.envelopes()[0].SpentFen != 0 {
			t.Fatalf("%s: booked", name)
		}
	}
	refused("an outsider", http.StatusUnauthorized, "stranger", nil)
	refused("another operator", http.StatusForbidden, other, nil)
	refused("another body", http.StatusUnauthorized, e.Operator, func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(`{"operator":"icbc"}`)) })
	refused("no signature", http.StatusUnauthorized, e.Operator, func(r *http.Request) { r.Header.Del("Hb-Signature") })

	var headers http.Header
	if code, text := s.tell(e.Operator, "/operator/v1/events", batch, func(r *http.Request) { headers = r.Header.Clone() }); code != http.StatusNoContent {
		t.Fatalf("%d %s", code, text)
	}
	if got := s.envelopes()[0].SpentFen; got != 60_00 {
		t.Errorf("spent %s", got)
	}
	if code, _ := s.tell(e.Operator, "/operator/v1/events", batch, func(r *http.Request) { r.Header = headers }); code != http.StatusUnauthorized {
		t.Errorf("a replay: %d", code)
	}
	if code, _ := s.tell(e.Operator, "/operator/v1/events", batch, nil); code != http.StatusNoContent {
		t.Errorf("the same event in another message: %d", code)
	}
	if got := s.envelopes()[0].SpentFen; got != 60_00 {
		t.Errorf("after the repetition: spent %s", got)
	}
	batch.Events[0].CouponID, batch.Events[0].EventNo = "NOBODYS", "X"
	if code, text := s.tell(e.Operator, "/operator/v1/events", batch, nil); code != http.StatusOK || !strings.Contains(text, "coupon-unknown") {
		t.Errorf("a refused event: %d %s", code, text)
	}
	code, text := s.tell(e.Operator, "/operator/v1/admissions", AdmissionRequest{Operator: e.Operator, CouponID: e.CouponID}, nil)
	if code != http.StatusOK || text != `{"admitted":true}` {
		t.Errorf("admission: %d %s", code, text)
	}
	s.check()
}

func TestStaffRoutes(t *testing.T) {
	s := serve(t, 4)
	base := "/api/v1/admin/campaigns/" + testBook.ID
	maker := "operations@suzhou"
	funding := map[string]any{"source": "city", "amount_fen": 400_00, "evidence": "slip 7"}
	for _, path := range []string{"/funding", "/batches", "/return", "/reconcile", "/differences/1/resolve"} {
		s.expect(http.StatusUnauthorized, http.MethodPost, base+path, "", funding, nil)
		s.expect(http.StatusForbidden, http.MethodPost, base+path, "approver@suzhou", funding, nil)
		s.expect(http.StatusNotFound, http.MethodPost, base+path, "operations@chengdu", funding, nil)
	}
	for _, path := range []string{"/funding", "/batches", "/figures", "/proof", "/statements", "/differences"} {
		s.expect(http.StatusUnauthorized, http.MethodGet, base+path, "", nil, nil)
		s.expect(http.StatusNotFound, http.MethodGet, base+path, "operations@chengdu", nil, nil)
		s.expect(http.StatusOK, http.MethodGet, base+path, "auditor@suzhou", nil, nil)
	}
	s.expect(http.StatusAccepted, http.MethodPost, base+"/funding", maker, funding, nil)
	funding["source"] = "sponsor"
	s.expect(http.StatusAccepted, http.MethodPost, base+"/funding", maker, funding, nil)
	funding["source"] = "nobody"
	s.expect(http.StatusBadRequest, http.MethodPost, base+"/funding", maker, funding, nil)
	s.approve(true)
	s.expect(http.StatusConflict, http.MethodPost, base+"/batches", maker, map[string]string{"kind": "credit"}, nil)
	s.expect(http.StatusBadRequest, http.MethodPost, base+"/batches", maker, map[string]string{"kind": "gift"}, nil)
	s.claimAll()
	var answer struct{ Batches []Batch }
	s.expect(http.StatusAccepted, http.MethodPost, base+"/batches", maker, map[string]string{"kind": "credit"}, &answer)
	s.expect(http.StatusOK, http.MethodPost, base+"/batches", maker, map[string]string{"kind": "credit"}, &answer) // the one that waits
	if len(answer.Batches) != 1 || answer.Batches[0].TotalFen != 800_00 {
		t.Errorf("%+v", answer)
	}
	s.approve(true)
	s.settleAll()
	s.expect(http.StatusConflict, http.MethodPost, base+"/return", maker, struct{}{}, nil)
	s.expect(http.StatusOK, http.MethodPost, base+"/reconcile", maker, map[string]string{"operator": "icbc", "day": dayOf(s.clock.Now())}, nil)
	s.expect(http.StatusBadRequest, http.MethodPost, base+"/reconcile", maker, map[string]string{"operator": "boc", "day": "2020-12-11"}, nil)
	s.expect(http.StatusBadRequest, http.MethodGet, base+"/proof?at=yesterday", maker, nil, nil)
	var proof struct{ Sources []Proof }
	s.expect(http.StatusOK, http.MethodGet, base+"/proof?at=2020-12-01T00:00:00Z", maker, nil, &proof)
	if len(proof.Sources) != 2 || proof.Sources[0].Received != 0 || !proof.Sources[0].Holds {
		t.Errorf("the proof of a day before: %+v", proof)
	}
	s.check()
}

func TestCitizenRoutes(t *testing.T) {
	s := serve(t, 4)
	_, err := s.AwardDue(context.Background())
	s.must(err)
	winner := s.web.IssueCitizen(web.Citizen{RegistrationID: 100, CampaignID: campaignID})
	loser := s.web.IssueCitizen(web.Citizen{RegistrationID: 1, CampaignID: campaignID})
	for _, path := range []string{"/api/v1/me/envelope", "/api/v1/me/payments", "/api/v1/me/sub-wallets"} {
		s.expect(http.StatusUnauthorized, http.MethodGet, path, "", nil, nil)
		s.expect(http.StatusOK, http.MethodGet, path, winner, nil, nil)
	}
	s.expect(http.StatusNotFound, http.MethodGet, "/api/v1/me/envelope", loser, nil, nil)
	page := func(want string) {
		t.Helper()
		request := httptest.NewRequest(http.MethodGet, "/c/"+testBook.ID+"/envelope", nil)
		request.Header.Set("Authorization", "Bearer "+winner)
		recorder := httptest.NewRecorder()
		s.site.ServeHTTP(recorder, request)
		if recorder.Code != http.StatusOK || !strings.Contains(recorder.Body.String(), want) {
			t.Errorf("the page, %d, does not say %q: %s", recorder.Code, want, recorder.Body.String())
		}
	}
	page("领取红包")
	var e envelopeJSON
	s.expect(http.StatusOK, http.MethodPost, "/api/v1/me/claim", winner, struct{}{}, &e)
	if e.Status != Claimed || e.AmountFen != 200_00 || e.Operator != "icbc" || len(e.Apps) != 2 {
		t.Errorf("%+v", e)
	}
	page("开立数字人民币钱包")
	s.expect(http.StatusConflict, http.MethodPost, "/api/v1/me/sub-wallets", winner, map[string]any{"app": "jd", "per_payment_fen": 1, "per_day_fen": 2}, nil)
	s.creditAll()
	page("余额")
	var sub SubWalletRow
	s.expect(http.StatusCreated, http.MethodPost, "/api/v1/me/sub-wallets", winner, map[string]any{"app": "jd", "per_payment_fen": 100, "per_day_fen": 200}, &sub)
	s.expect(http.StatusForbidden, http.MethodPost, "/api/v1/me/sub-wallets", winner, map[string]any{"app": "bilibili", "per_payment_fen": 1, "per_day_fen": 2}, nil)
	one := fmt.Sprintf("/api/v1/me/sub-wallets/%d", sub.ID)
	s.expect(http.StatusOK, http.MethodPatch, one, winner, map[string]any{"status": "paused"}, &sub)
	if sub.Status != SubWalletPaused || sub.PerDayFen != 200 {
		t.Errorf("%+v", sub)
	}
	s.expect(http.StatusNotFound, http.MethodPatch, one, loser, map[string]any{"status": "closed"}, nil)
	page("推送后，应用只得到一个代号")
	s.expect(http.StatusConflict, http.MethodPost, "/api/v1/me/give-up", winner, struct{}{}, nil)
	s.clock.Set(spendUntil)
	s.recallAll()
	page("红包已到期")
}
