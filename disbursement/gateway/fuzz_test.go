package gateway

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"hongbao/disbursement"
	"hongbao/internal/signing"
)

// reply is what a bank answers to the next call, signed with its key or not.
type reply struct {
	signer *signing.Signer
	status int
	body   []byte
	signed bool
}

func (r *reply) RoundTrip(request *http.Request) (*http.Response, error) {
	answer := &http.Response{StatusCode: r.status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(r.body))}
	if !r.signed {
		return answer, nil
	}
	return answer, r.signer.SignResponse(answer.Header, disbursement.PlatformParty, request.Header.Get(signing.HeaderNonce), r.status, r.body)
}

// FuzzAnswer: nothing is believed that is not signed, and what the bank has signed is an outcome for each order that can be booked, or
// says nothing.
func FuzzAnswer(f *testing.F) {
	no := credits(2)[1].OrderNo
	f.Add(200, []byte(`{"outcomes":[{"order_no":"00000000000000000000000000000000","state":"succeeded","amount_fen":20000},{"order_no":"`+no+`","state":"failed","reason":"order-content-differs"}]}`), true)
	f.Add(200, []byte(`{"outcomes":[{"order_no":"00000000000000000000000000000000","state":"succeeded","amount_fen":20001},null]}`), true)
	f.Add(200, []byte(`{"token":"W1","tier":4}`), true)
	f.Add(404, []byte(`{"code":"wallet-missing"}`), true)
	f.Add(200, []byte(`{"token":"W1","tier":4,"app":"jd"}`), false)
	ours, theirs := newKey(f), newKey(f)
	now := func() time.Time { return time.Unix(1_607_000_000, 0) }
	keys := &signing.Directory{}
	must(f, keys.Add("icbc", signing.PublicKey{Key: &theirs.PublicKey}))
	f.Fuzz(func(t *testing.T, status int, body []byte, signed bool) {
		r := &reply{&signing.Signer{Party: "icbc", Key: theirs, Now: now}, status, body, signed}
		g, err := New(Profile{Name: "icbc", URL: "http://127.0.0.1", Keys: keys, SealKey: &theirs.PublicKey, Client: &http.Client{Transport: r},
			Signer: signing.Signer{Party: disbursement.PlatformParty, Key: ours, Now: now}})
		must(t, err)
		orders := credits(2)
		outcomes, err := g.Credit(t.Context(), orders)
		believed(t, err, signed)
		for i, o := range outcomes {
			settled := o.State == disbursement.StateSucceeded && o.AmountFen != orders[i].AmountFen || o.State == disbursement.StateFailed && o.Reason == disbursement.ReasonContentDiffers
			if o.OrderNo != orders[i].OrderNo || settled || len(outcomes) != len(orders) {
				t.Errorf("%q gives %+v", body, outcomes)
			}
		}
		wallet, err := g.FindWallet(t.Context(), disbursement.WalletRequest{Phone: "13900000001"})
		believed(t, err, signed)
		if err == nil && (wallet.Token == "" || wallet.Tier < 1 || wallet.Tier > 4) {
			t.Errorf("%q gives %+v", body, wallet)
		}
		sub, err := g.PushSubWallet(t.Context(), disbursement.SubWalletRequest{App: "jd"})
		believed(t, err, signed)
		if err == nil && (sub.Token == "" || sub.App != "jd") {
			t.Errorf("%q gives %+v", body, sub)
		}
	})
}

// believed fails for an answer that is taken though nobody has signed it, and for an error that is none of the port's.
func believed(t *testing.T, err error, signed bool) {
	t.Helper()
	if err == nil && !signed {
		t.Error("an answer without a signature is believed")
	}
	known := errors.Is(err, ErrUnavailable)
	for _, refusal := range refusals {
		known = known || signed && errors.Is(err, refusal)
	}
	if err != nil && !known {
		t.Errorf("a call ends in %v", err)
	}
}
