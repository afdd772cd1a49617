package rehearsal

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// street is everybody outside the platform but the citizens: the operators' own people, their e-CNY apps and tills, the notary, and
// the telecom operator that carries messages.
type street struct {
	banks  map[string]client
	names  []string // of the banks, ascending
	notary client
	sms    client
}

func newStreet(r Rehearsal, transport *http.Client) *street {
	s := &street{banks: make(map[string]client), notary: client{r.Notary, transport}, sms: client{r.SMS, transport}}
	for name, address := range r.Banks {
		s.banks[name] = client{address, transport}
		s.names = append(s.names, name)
	}
	slices.Sort(s.names)
	return s
}

// parties are the draw's helpers and witnesses: the banks and the notary.
func (s *street) parties() map[string]client {
	all := map[string]client{"notary": s.notary}
	for name, bank := range s.banks {
		all[name] = bank
	}
	return all
}

// commitment is what a party brings to the notice.
type commitment struct {
	Name       string `json:"name"`
	Commitment string `json:"commitment"`
	VKey       string `json:"vkey"`
}

func (s *street) commit(ctx context.Context, slug, hash string) (parties []commitment, err error) {
	for name, party := range s.parties() {
		p := commitment{Name: name}
		if err := party.do(ctx, http.MethodPost, "/control/commit", nil, map[string]string{"draw": slug, "hash": hash}, &p); err != nil {
			return nil, err
		}
		p.Name = name
		parties = append(parties, p)
	}
	slices.SortFunc(parties, func(a, b commitment) int { return compare(a.Name, b.Name) })
	return parties, nil
}

// witness lets every party look at the log and what it names, and cosign it if all is in order.
func (s *street) witness(ctx context.Context, city, slug string) error {
	for name, party := range s.parties() {
		if err := party.do(ctx, http.MethodPost, "/control/witness", nil, map[string]string{"city": city, "draw": slug}, nil); err != nil {
			return fmt.Errorf("witness %s: %w", name, err)
		}
	}
	return nil
}

// reveal lets the named helpers publish their secrets.
func (s *street) reveal(ctx context.Context, slug string) error {
	for name, party := range s.parties() {
		if err := party.do(ctx, http.MethodPost, "/control/reveal", nil, map[string]string{"draw": slug}, nil); err != nil {
			return fmt.Errorf("helper %s: %w", name, err)
		}
	}
	return nil
}

// flush delivers what the banks still have to tell the platform, so that the clock can be moved on.
func (s *street) flush(ctx context.Context) error {
	for name, bank := range s.banks {
		var answer struct{ Pending int }
		if err := bank.do(ctx, http.MethodPost, "/control/flush", nil, nil, &answer); err != nil {
			return err
		}
		if answer.Pending > 0 {
			return fmt.Errorf("%s cannot deliver %d events", name, answer.Pending)
		}
	}
	return nil
}

// coupon is the envelope in a citizen's wallet app.
type coupon struct {
	CouponID string `json:"coupon_id"`
	LeftFen  int64  `json:"left_fen"`
}

// coupons shows the envelopes in the wallet of a phone.
func (s *street) coupons(ctx context.Context, p Person) ([]coupon, error) {
	var answer struct{ Coupons []coupon }
	err := s.banks[p.Operator].do(ctx, http.MethodGet, "/app/wallets/"+p.Phone, nil, nil, &answer)
	return answer.Coupons, err
}

// message reads the newest message of a phone.
func (s *street) message(ctx context.Context, phone string) (string, error) {
	var inbox struct {
		Messages []struct {
			Body string
			At   time.Time
		}
	}
	if err := s.sms.do(ctx, http.MethodGet, "/sms/v1/inbox/"+phone, nil, nil, &inbox); err != nil {
		return "", err
	}
	if len(inbox.Messages) == 0 {
		return "", fmt.Errorf("no message for the phone")
	}
	return inbox.Messages[len(inbox.Messages)-1].Body, nil
}

// openWallet is a citizen who installs the e-CNY app and opens a wallet with the registered phone.
func (s *street) openWallet(ctx context.Context, p Person) error {
	in := map[string]string{"phone": p.Phone, "name": p.Name}
	return s.banks[p.Operator].do(ctx, http.MethodPost, "/app/wallets", nil, in, nil)
}

// purchase is what happens at a till, in a shop's app or at the door.
type purchase struct {
	Phone            string `json:"phone"`
	CouponID         string `json:"coupon_id,omitempty"`
	MerchantNo       string `json:"merchant_no"`
	PayMode          string `json:"pay_mode"`
	Scenario         string `json:"scenario"`
	App              string `json:"app,omitempty"`
	AmountFen        int64  `json:"amount_fen"`
	DeliveryDistrict string `json:"delivery_district,omitempty"`
	SelfOperated     bool   `json:"self_operated"`
	Device           string `json:"device"`
}

// payment is the bank's answer to a purchase: from which money it was paid.
type payment struct {
	PaymentNo   string `json:"payment_no"`
	EnvelopeFen int64  `json:"envelope_fen"`
	WalletFen   int64  `json:"wallet_fen"`
	CardFen     int64  `json:"card_fen"`
}

func (s *street) pay(ctx context.Context, operator string, p purchase) (payment, error) {
	var answer payment
	err := s.banks[operator].do(ctx, http.MethodPost, "/app/payments", nil, p, &answer)
	return answer, err
}

func (s *street) refund(ctx context.Context, operator, paymentNo string, fen int64) error {
	in := map[string]any{"payment_no": paymentNo, "amount_fen": fen}
	return s.banks[operator].do(ctx, http.MethodPost, "/app/refunds", nil, in, nil)
}

// statement makes a bank close a day and returns the file that it offers to the platform.
func (s *street) statement(ctx context.Context, operator, day string) ([]byte, error) {
	var file []byte
	err := s.banks[operator].do(ctx, http.MethodGet, "/control/statement?day="+url.QueryEscape(day), nil, nil, &file)
	return file, err
}
