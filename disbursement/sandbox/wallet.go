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

// limits are what a tier of wallet may hold, pay at once and pay in a day. 0 is no limit.
type limits struct{ balance, payment, day money.Fen }

// tierLimits is the dated table of wallet tiers: those of the first pilots, and those since. Index 0 is tier 1.
var tierLimits = []struct {
	from  time.Time
	tiers [4]limits
}{
	{time.Time{}, [4]limits{
		{500_000 * money.Yuan, 50_000 * money.Yuan, 100_000 * money.Yuan}, {10_000 * money.Yuan, 5_000 * money.Yuan, 10_000 * money.Yuan},
		{2_000 * money.Yuan, 2_000 * money.Yuan, 2_000 * money.Yuan}, {1_000 * money.Yuan, 500 * money.Yuan, 1_000 * money.Yuan}}},
	{time.Date(2021, 1, 1, 0, 0, 0, 0, shanghai), [4]limits{
		{0, 50_000 * money.Yuan, 100_000 * money.Yuan}, {500_000 * money.Yuan, 50_000 * money.Yuan, 100_000 * money.Yuan},
		{20_000 * money.Yuan, 5_000 * money.Yuan, 10_000 * money.Yuan}, {10_000 * money.Yuan, 2_000 * money.Yuan, 5_000 * money.Yuan}}},
}

func limitsAt(t time.Time, tier int) limits {
	i := len(tierLimits) - 1
	for t.Before(tierLimits[i].from) {
		i--
	}
	return tierLimits[i].tiers[tier-1]
}

// wallet is a citizen's e-CNY wallet at this bank. The linked card tops it up at each payment for just what is missing.
type wallet struct {
	phone, token string
	tier         int
	hard, card   bool
	own          money.Fen
	spent        map[string]money.Fen // by day
	coupons      []*coupon            // by expiry, then id
	made         int                  // payments made, for their numbers
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

func isPhone(phone string) bool {
	return len(phone) == 11 && strings.Trim(phone, "0123456789") == ""
}

type walletIn struct {
	Phone string `json:"phone"`
	Name  string `json:"name"` // for tiers above 4; the sandbox has no use for it
	Tier  int    `json:"tier"`
	Hard  bool   `json:"hard"`
	Card  *bool  `json:"card"` // whether a bank card is linked; yes if missing
}

// openWallet is a citizen who opens a wallet in the app, tier 4 unless said otherwise. Who has one keeps it.
func (b *bank) openWallet(_ context.Context, in walletIn) (any, error) {
	if in.Tier == 0 {
		in.Tier = 4
	}
	if !isPhone(in.Phone) || in.Tier < 1 || in.Tier > 4 {
		return nil, refusal{http.StatusBadRequest, "wallet-malformed", "a wallet needs a phone of 11 digits and a tier from 1 to 4"}
	}
	_, unlock := b.lock()
	defer unlock()
	w := b.wallets[in.Phone]
	if w == nil {
		w = &wallet{phone: in.Phone, token: b.number("wallet", in.Phone), tier: in.Tier, hard: in.Hard,
			card: in.Card == nil || *in.Card, spent: map[string]money.Fen{}}
		b.wallets[w.phone], b.tokens[w.token] = w, w
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
	limit := limitsAt(now, w.tier).balance
	if in.AmountFen <= 0 || limit > 0 && w.balance()+in.AmountFen > limit {
		return nil, refusal{http.StatusConflict, disbursement.ReasonBalanceLimit, "the wallet holds no such amount"}
	}
	w.own += in.AmountFen
	return map[string]money.Fen{"own_fen": w.own}, nil
}

type findIn struct {
	PhoneSealed string `json:"phone_sealed"`
}

// findWallet answers the platform. The phone travels sealed, and the answer holds a token.
func (b *bank) findWallet(in findIn) (any, fault, error) {
	phone, err := b.keys.unseal(disbursement.PlacePhone, in.PhoneSealed)
	if err != nil {
		return nil, calm, refusal{http.StatusBadRequest, "phone-sealed", "the phone cannot be opened"}
	}
	_, unlock := b.lock()
	defer unlock()
	f := b.dice.next("wallet", string(phone))
	w := b.wallets[string(phone)]
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
