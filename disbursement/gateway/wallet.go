package gateway

import (
	"context"
	"fmt"

	"hongbao/disbursement"
	"hongbao/internal/signing"
)

// FindWallet implements disbursement.Operator. The phone, or the number of a hard wallet, travels sealed.
func (g *Gateway) FindWallet(ctx context.Context, r disbursement.WalletRequest) (disbursement.Wallet, error) {
	field, place, plain := "phone_sealed", disbursement.PlacePhone, r.Phone
	if r.Card != "" {
		field, place, plain = "card_sealed", disbursement.PlaceCard, r.Card
	}
	sealed, err := signing.Seal(g.profile.Signer.Random, g.profile.SealKey, place, []byte(plain))
	if err != nil {
		return disbursement.Wallet{}, err
	}
	var w disbursement.Wallet
	err = g.post(ctx, "/bank/v1/wallets/find", map[string]string{field: sealed}, &w)
	if err == nil && (w.Token == "" || w.Tier < 1 || w.Tier > 4) {
		err = ErrUnavailable.With(fmt.Errorf("%s: a wallet without a token, or of tier %d", g.profile.Name, w.Tier))
	}
	return w, err
}

// PushSubWallet implements disbursement.Operator.
func (g *Gateway) PushSubWallet(ctx context.Context, r disbursement.SubWalletRequest) (disbursement.SubWallet, error) {
	return g.subWallet(ctx, "/bank/v1/sub-wallets", r, func(s disbursement.SubWallet) bool { return s.App == r.App && s.Token != "" })
}

// SetSubWallet implements disbursement.Operator.
func (g *Gateway) SetSubWallet(ctx context.Context, c disbursement.SubWalletChange) (disbursement.SubWallet, error) {
	return g.subWallet(ctx, "/bank/v1/sub-wallets/change", c, func(s disbursement.SubWallet) bool { return s.Token == c.Token })
}

// CloseSubWallet implements disbursement.Operator.
func (g *Gateway) CloseSubWallet(ctx context.Context, token string) (disbursement.SubWallet, error) {
	return g.subWallet(ctx, "/bank/v1/sub-wallets/close", map[string]string{"token": token}, func(s disbursement.SubWallet) bool { return s.Token == token })
}

func (g *Gateway) subWallet(ctx context.Context, path string, in any, fits func(disbursement.SubWallet) bool) (disbursement.SubWallet, error) {
	var s disbursement.SubWallet
	if err := g.post(ctx, path, in, &s); err != nil {
		return s, err
	}
	if !fits(s) {
		return s, ErrUnavailable.With(fmt.Errorf("%s: an answer about another sub-wallet", g.profile.Name))
	}
	return s, nil
}
