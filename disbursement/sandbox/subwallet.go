package sandbox

import (
	"context"
	"net/http"
	"slices"

	"hongbao/disbursement"
	"hongbao/internal/money"
)

// subWallet is a sub-wallet pushed to an app, with what it has paid by day. Its times of birth number its tokens: a closed
// one is never used again.
type subWallet struct {
	disbursement.SubWallet
	wallet *wallet
	spent  map[string]money.Fen
}

// pushed is what the merchant app receives: no name, no phone, no wallet.
type pushed struct {
	Operator string `json:"operator"`
	Token    string `json:"token"`
	Status   string `json:"status"`
}

var (
	errNoApp = refusal{http.StatusForbidden, disbursement.ErrAppNotServed.Code, "this bank does not serve the app"}
	errNoSub = refusal{http.StatusNotFound, disbursement.ErrSubWalletMissing.Code, "no open sub-wallet"}
	errLimit = refusal{http.StatusBadRequest, disbursement.ErrSubWalletLimit.Code, "limits must be positive, the day's not below the payment's"}
)

func (b *bank) pushSubWallet(in disbursement.SubWalletRequest) (any, fault, error) {
	_, unlock := b.lock()
	defer unlock()
	w := b.tokens[in.WalletToken]
	switch {
	case w == nil:
		return nil, calm, errNoWallet
	case !slices.Contains(b.apps, in.App):
		return nil, calm, errNoApp
	case in.PerPaymentFen <= 0 || in.PerDayFen < in.PerPaymentFen:
		return nil, calm, errLimit
	}
	sub := b.openSub(w, in.App)
	if sub == nil {
		token := b.subToken(w, in.App)
		sub = &subWallet{disbursement.SubWallet{Token: token, App: in.App, Status: disbursement.SubWalletActive,
			PerPaymentFen: in.PerPaymentFen, PerDayFen: in.PerDayFen}, w, map[string]money.Fen{}}
		b.subs[token] = sub
		b.receive(in.App, pushed{b.name, token, sub.Status})
	}
	return sub.SubWallet, calm, nil
}

// subToken is the first token of wallet and app that was never used.
func (b *bank) subToken(w *wallet, app string) string {
	token := b.number("sub-wallet", w.token, app)
	for b.subs[token] != nil {
		token = b.number("sub-wallet", token)
	}
	return token
}

// openSub is the wallet's sub-wallet in the app that is not closed, or nil.
func (b *bank) openSub(w *wallet, app string) *subWallet {
	token := b.number("sub-wallet", w.token, app)
	for sub := b.subs[token]; sub != nil; sub = b.subs[token] {
		if sub.Status != disbursement.SubWalletClosed {
			return sub
		}
		token = b.number("sub-wallet", token)
	}
	return nil
}

func (b *bank) setSubWallet(in disbursement.SubWalletChange) (any, fault, error) {
	_, unlock := b.lock()
	defer unlock()
	sub, err := b.change(in)
	if err != nil {
		return nil, calm, err
	}
	return sub.SubWallet, calm, nil
}

func (b *bank) change(in disbursement.SubWalletChange) (*subWallet, error) {
	sub := b.subs[in.Token]
	if sub == nil || sub.Status == disbursement.SubWalletClosed {
		return nil, errNoSub
	}
	if in.PerPaymentFen <= 0 || in.PerDayFen < in.PerPaymentFen {
		return nil, errLimit
	}
	if in.Status != disbursement.SubWalletActive && in.Status != disbursement.SubWalletPaused {
		return nil, refusal{http.StatusBadRequest, "sub-wallet-status", "a sub-wallet is set active or paused"}
	}
	sub.Status, sub.PerPaymentFen, sub.PerDayFen = in.Status, in.PerPaymentFen, in.PerDayFen
	b.receive(sub.App, pushed{b.name, sub.Token, sub.Status})
	return sub, nil
}

type tokenIn struct {
	Token string `json:"token"`
}

func (b *bank) closeSubWallet(in tokenIn) (any, fault, error) {
	_, unlock := b.lock()
	defer unlock()
	sub := b.subs[in.Token]
	if sub == nil {
		return nil, calm, errNoSub
	}
	b.shut(sub)
	return sub.SubWallet, calm, nil
}

func (b *bank) shut(sub *subWallet) {
	if sub.Status != disbursement.SubWalletClosed {
		sub.Status = disbursement.SubWalletClosed
		b.receive(sub.App, pushed{b.name, sub.Token, sub.Status})
	}
}

// changeInApp is the citizen who sets, pauses or closes a sub-wallet in the wallet app; the platform hears of it by event.
func (b *bank) changeInApp(_ context.Context, in disbursement.SubWalletChange) (any, error) {
	now, unlock := b.lock()
	defer unlock()
	sub, closing := b.subs[in.Token], in.Status == disbursement.SubWalletClosed
	if sub == nil {
		return nil, errNoSub
	}
	if closing {
		b.shut(sub)
	} else if _, err := b.change(in); err != nil {
		return nil, err
	}
	told := sub.SubWallet
	no := b.number("event", "sub-wallet", sub.Token, now.String(), told.Status, told.PerPaymentFen.String(), told.PerDayFen.String())
	b.announce(disbursement.Event{EventNo: no, Kind: disbursement.EventSubWallet, OccurredAt: now, SubWallet: &told})
	return told, nil
}
