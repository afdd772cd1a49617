package sandbox

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"hongbao/disbursement"
	"hongbao/internal/money"
)

// shanghai is the zone of banking days: UTC+8 all year.
var shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

func dayOf(t time.Time) string { return t.In(shanghai).Format(time.DateOnly) }

// wallet is a citizen's e-CNY wallet at this bank. The linked card tops it up at each payment for just what is missing.
type wallet struct {
	name, token string // the phone that it was opened with, or a hard wallet's card number
	tier        int
	hard, card  bool
	own         money.Fen
	spent       map[string]money.Fen // by day
	coupons     []*coupon            // by expiry, then id
	made        int                  // payments made, for their numbers
}

func (w *wallet) balance() money.Fen {
	total := w.own
	for _, c := range w.coupons {
		total += c.left
	}
	return total
}

func (w *wallet) add(c *coupon) {
	w.coupons = append(w.coupons, c)
	slices.SortFunc(w.coupons, func(a, b *coupon) int {
		if order := a.expires.Compare(b.expires); order != 0 {
			return order
		}
		return strings.Compare(a.id, b.id)
	})
}

// isPhone: 11 digits. A hard wallet's card has 16 to 19.
func isPhone(phone string) bool {
	return len(phone) == 11 && strings.Trim(phone, "0123456789") == ""
}

func isCard(no string) bool {
	return len(no) >= 16 && len(no) <= 19 && strings.Trim(no, "0123456789") == ""
}

type walletIn struct {
	Phone  string `json:"phone"`
	Name   string `json:"name"` // for tiers above 4; the sandbox has no use for it
	Tier   int    `json:"tier"`
	CardNo string `json:"card_no"` // a hard wallet, handed out at a branch: it goes by the number on it and needs no phone
	Card   *bool  `json:"card"`    // whether a bank card is linked; yes if missing
}

// openWallet is a citizen who opens a wallet in the app, or gets a hard one at a branch; tier 4 unless said otherwise. Who
// has one keeps it.
func (b *bank) openWallet(_ context.Context, in walletIn) (any, error) {
	if in.Tier == 0 {
		in.Tier = 4
	}
	name, hard := in.Phone, in.CardNo != ""
	if hard {
		name = in.CardNo
	}
	if !hard && !isPhone(name) || hard && !isCard(name) || in.Tier < 1 || in.Tier > 4 {
		return nil, refusal{http.StatusBadRequest, "wallet-malformed", "a wallet needs a phone of 11 digits, or a card number of 16 to 19, and a tier from 1 to 4"}
	}
	_, unlock := b.lock()
	defer unlock()
	w := b.wallets[name]
	if w == nil {
		w = &wallet{name: name, token: b.number("wallet", name), tier: in.Tier, hard: hard,
			card: !hard && (in.Card == nil || *in.Card), spent: map[string]money.Fen{}}
		b.wallets[w.name], b.tokens[w.token] = w, w
	}
	return w.asPlatform(), nil
}

func (w *wallet) asPlatform() disbursement.Wallet {
	return disbursement.Wallet{Token: w.token, Tier: w.tier, Hard: w.hard}
}

var errNoWallet = refusal{http.StatusNotFound, disbursement.ErrWalletMissing.Code, "no wallet of this phone"}

func (b *bank) topUp(_ context.Context, in struct {
	Phone     string    `json:"phone"`
	AmountFen money.Fen `json:"amount_fen"`
}) (any, error) {
	now, unlock := b.lock()
	defer unlock()
	w := b.wallets[in.Phone]
	if w == nil {
		return nil, errNoWallet
	}
	limit := disbursement.LimitsOf(w.tier, now).Balance
	if in.AmountFen <= 0 || limit > 0 && w.balance()+in.AmountFen > limit {
		return nil, refusal{http.StatusConflict, disbursement.ReasonBalanceLimit, "the wallet holds no such amount"}
	}
	w.own += in.AmountFen
	return map[string]money.Fen{"own_fen": w.own}, nil
}

type findIn struct {
	PhoneSealed string `json:"phone_sealed"`
	CardSealed  string `json:"card_sealed"`
}

// findWallet answers the platform. The phone, or the number of a hard wallet, travels sealed, and the answer holds a token.
func (b *bank) findWallet(in findIn) (any, fault, error) {
	place, sealed := disbursement.PlacePhone, in.PhoneSealed
	if in.CardSealed != "" {
		place, sealed = disbursement.PlaceCard, in.CardSealed
	}
	name, err := b.keys.unseal(place, sealed)
	if err != nil {
		return nil, calm, refusal{http.StatusBadRequest, "phone-sealed", "the phone or card number cannot be opened"}
	}
	_, unlock := b.lock()
	defer unlock()
	f := b.dice.next("wallet", string(name))
	w := b.wallets[string(name)]
	if w == nil {
		return nil, f, errNoWallet
	}
	return w.asPlatform(), f, nil
}

type couponView struct {
	CouponID    string    `json:"coupon_id"`
	PromotionID string    `json:"promotion_id"`
	AmountFen   money.Fen `json:"amount_fen"`
	LeftFen     money.Fen `json:"left_fen"`
	ExpiresAt   time.Time `json:"expires_at"`
}

type walletView struct {
	disbursement.Wallet
	OwnFen     money.Fen                `json:"own_fen"`
	Coupons    []couponView             `json:"coupons"`
	SubWallets []disbursement.SubWallet `json:"sub_wallets"`
}

// showWallet is what the citizen sees in the wallet app.
func (b *bank) showWallet(rw http.ResponseWriter, r *http.Request) {
	_, unlock := b.lock()
	defer unlock()
	w := b.wallets[r.PathValue("phone")]
	if w == nil {
		write(rw, nil, errNoWallet)
		return
	}
	view := walletView{Wallet: w.asPlatform(), OwnFen: w.own, Coupons: []couponView{}, SubWallets: []disbursement.SubWallet{}}
	for _, c := range w.coupons {
		view.Coupons = append(view.Coupons, couponView{c.id, c.promotion, c.amount, c.left, c.expires})
	}
	for _, app := range b.apps {
		if sub := b.openSub(w, app); sub != nil {
			view.SubWallets = append(view.SubWallets, sub.SubWallet)
		}
	}
	write(rw, view, nil)
}
