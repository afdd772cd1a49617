package disbursement

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"hongbao/lottery"
)

// blockedBy gives the codes of what is open.
func (w *world) blockedBy() string {
	w.t.Helper()
	found, err := w.Blockers(context.Background(), campaignID)
	w.must(err)
	var codes []string
	for _, b := range found {
		codes = append(codes, b.Code)
	}
	return strings.Join(codes, " ")
}

func TestCloseOutIsIssuedWhenEverythingIsSettled(t *testing.T) {
	ctx := context.Background()
	s := serve(t, 4)
	secret, public, err := note.GenerateKey(rand.Reader, "log.test/suzhou")
	s.must(err)
	signer, err := note.NewSigner(secret)
	s.must(err)
	verifier, err := note.NewVerifier(public)
	s.must(err)
	s.LogKey, s.PublicURL = func(string) (lottery.LogKey, error) { return lottery.LogKey{Signer: signer, VKey: public}, nil }, "https://hongbao.test"
	s.creditAll()
	es := s.envelopes()
	paid := s.banks[es[0].Operator].pay(es[0], "1", 150_00)
	paid.MerchantNo = "M1"
	s.receive(es[0].Operator, paid)
	refused := func(blocked string) {
		t.Helper()
		if got := s.blockedBy(); got != blocked {
			t.Errorf("blocked by %q, want %q", got, blocked)
		}
		if _, err := s.RequestCloseOut(ctx, "maker", campaignID); !errors.Is(err, errBlocked) {
			t.Errorf("asked while blocked by %q: %v", blocked, err)
		}
	}
	refused("spending-open envelopes-open money-outstanding events-not-stated statements-missing")
	s.clock.Set(spendUntil.Add(time.Minute))
	_, err = s.Expire(ctx)
	s.must(err)
	refused("envelopes-open orders-open money-outstanding events-not-stated statements-missing")
	s.approve(true)
	s.settleAll()
	_, err = s.RequestReturn(ctx, "maker", campaignID)
	s.must(err)
	s.approve(true)
	s.settleAll()
	refused("events-not-stated statements-missing")
	s.nextMorning()
	refused("settlements-open statements-missing")
	_, err = s.RequestPayout(ctx, "maker", campaignID, ToWallet, "advice 1")
	s.must(err)
	s.approve(true)
	s.Operators["abc"] = fixedStatement{s.banks["abc"], []byte("nothing of a statement")}
	s.banks["abc"].trouble = firstOf("statement", 1, false, ErrStatementNotReady)
	for range 2 { // every statement of abc is refused; an hour later all come but one
		_, err = s.Reconcile(ctx)
		s.must(err)
		refused("statements-missing")
		s.Operators["abc"] = s.banks["abc"]
		s.clock.Advance(askAgain + time.Second)
	}
	_, err = s.Reconcile(ctx)
	s.must(err)
	if code := s.do("GET", "/c/"+testBook.ID+"/close-out", "", nil, nil); code != http.StatusNotFound {
		t.Errorf("a page without a certificate: %d", code)
	}
	_, err = s.RequestCloseOut(ctx, "maker", campaignID)
	s.must(err)
	s.approve(true)
	if _, err := s.RequestCloseOut(ctx, "maker", campaignID); !errors.Is(err, errClosedOut) {
		t.Errorf("twice: %v", err)
	}
	var answer struct {
		Document, Digest, Note string
		Figures                CloseOut
	}
	s.expect(http.StatusOK, "GET", "/api/v1/campaigns/"+testBook.ID+"/close-out", "", nil, &answer)
	c, err := VerifyCloseOut([]byte(answer.Document), answer.Note, verifier)
	s.must(err)
	if len(c.Sources) != 2 || c.Total.Spent != 150_00 || c.Total.Received != c.Total.Spent+c.Total.Returned || c.Total.Budget != 150_000_00 || c.Envelopes != 4 || c.Merchants != 1 {
		t.Errorf("%+v", c)
	}
	if _, err := VerifyCloseOut([]byte(strings.Replace(answer.Document, "15000", "15001", 1)), answer.Note, verifier); err == nil {
		t.Error("a changed certificate is believed")
	}
	other, err := json.Marshal(answer.Figures)
	s.must(err)
	if string(other) != answer.Document {
		t.Error("the figures are not the document")
	}
	if code := s.do("GET", "/c/"+testBook.ID+"/close-out", "", nil, nil); code != http.StatusOK {
		t.Errorf("the page: %d", code)
	}
	if _, err := s.DB.SQL().Exec("DELETE FROM close_outs"); err == nil {
		t.Error("a certificate can be deleted")
	}
}
