package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"hongbao/disbursement"
	"hongbao/internal/money"
	"hongbao/internal/signing"
)

// bank is one operator: wallets, envelopes (it calls them coupons), payments, and what it tells the platform of them.
// mu guards everything below it; it is never held across a call to the platform.
type bank struct {
	*party
	apps     []string
	verifier signing.Verifier
	dice     dice
	counts   counters
	outbox   outbox

	mu       sync.Mutex
	wallets  map[string]*wallet // by phone
	tokens   map[string]*wallet
	coupons  map[string]*coupon
	orders   map[string]*order
	payments map[string]*payment
	subs     map[string]*subWallet
	lines    []disbursement.StatementLine
	bouncing []*coupon // credited, and to be returned
	inboxes  map[string][]json.RawMessage
}

func newBank(s *Street, p *party) (*bank, error) {
	keys := &signing.Directory{}
	if err := keys.Add(disbursement.PlatformParty, signing.PublicKey{Key: s.options.PlatformKey}); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	return &bank{party: p, apps: s.options.Apps[p.name],
		verifier: signing.Verifier{Party: p.keys.party, Keys: keys, Now: s.options.Now, Nonces: &signing.MemoryNonces{}},
		dice:     dice{seed: s.options.Seed, bank: p.name, level: s.options.Faults},
		wallets:  map[string]*wallet{}, tokens: map[string]*wallet{}, coupons: map[string]*coupon{}, orders: map[string]*order{},
		payments: map[string]*payment{}, subs: map[string]*subWallet{}, inboxes: map[string][]json.RawMessage{}}, nil
}

func (b *bank) routes(mux *http.ServeMux) {
	mux.Handle("POST /bank/v1/wallets/find", signed(b, "wallets", b.findWallet))
	mux.Handle("POST /bank/v1/credits", signed(b, "credits", takeOrders(b, b.credit)))
	mux.Handle("POST /bank/v1/recalls", signed(b, "recalls", takeOrders(b, b.recall)))
	mux.Handle("POST /bank/v1/returns", signed(b, "returns", takeOrders(b, b.giveBack)))
	mux.Handle("POST /bank/v1/orders/query", signed(b, "queries", b.query))
	mux.Handle("GET /bank/v1/statements/{day}", b.verified("statements", b.serveStatement))
	mux.Handle("POST /bank/v1/sub-wallets", signed(b, "sub-wallets", b.pushSubWallet))
	mux.Handle("POST /bank/v1/sub-wallets/change", signed(b, "sub-wallets", b.setSubWallet))
	mux.Handle("POST /bank/v1/sub-wallets/close", signed(b, "sub-wallets", b.closeSubWallet))

	mux.Handle("POST /app/wallets", handle(b.openWallet))
	mux.HandleFunc("GET /app/wallets/{phone}", b.showWallet)
	mux.Handle("POST /app/top-ups", handle(b.topUp))
	mux.Handle("POST /app/sub-wallets", handle(b.changeInApp))
	mux.Handle("POST /app/payments", handle(b.pay))
	mux.Handle("POST /app/refunds", handle(b.refund))
	mux.HandleFunc("GET /app/merchant-inbox", b.showInbox)

	mux.HandleFunc("GET /control/statement", b.showStatement)
	mux.HandleFunc("POST /control/flush", b.serveFlush)
}

func (b *bank) now() time.Time { return b.street.options.Now().UTC().Truncate(time.Second) }

// number derives a number of this bank.
func (b *bank) number(parts ...string) string {
	return numberOf(b.street.options.Seed, append([]string{b.name}, parts...)...)
}

// lock takes the bank as it is now: credits whose time to bounce has come have bounced.
func (b *bank) lock() (now time.Time, unlock func()) {
	b.mu.Lock()
	now = b.now()
	b.bounce(now)
	return now, b.mu.Unlock
}

// record notes a movement of envelope money for the statement.
func (b *bank) record(line disbursement.StatementLine) { b.lines = append(b.lines, line) }

// receive puts into a merchant's or an app's inbox exactly what it gets to see.
func (b *bank) receive(receiver string, document any) {
	text, err := json.Marshal(document)
	if err != nil {
		panic(err) // our own types
	}
	b.inboxes[receiver] = append(b.inboxes[receiver], text)
}

func (b *bank) showInbox(w http.ResponseWriter, r *http.Request) {
	_, unlock := b.lock()
	defer unlock()
	receiver, all := r.URL.Query().Get("receiver"), make(map[string][]json.RawMessage)
	for name, documents := range b.inboxes {
		if receiver == "" || receiver == name {
			all[name] = documents
		}
	}
	write(w, all, nil)
}

// coupon is an envelope in a wallet.
type coupon struct {
	id, promotion, orderNo string
	refundProperty         string
	wallet                 *wallet
	amount, left           money.Fen
	expires                time.Time
	bounces                time.Time // when the credit is returned, or zero; until then it cannot be spent
}

// spendable: the envelope pays at this moment.
func (c *coupon) spendable(now time.Time) bool {
	return c.left > 0 && c.bounces.IsZero() && now.Before(c.expires)
}
