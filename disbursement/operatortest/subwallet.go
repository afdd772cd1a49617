package operatortest

import (
	"context"
	"fmt"

	"hongbao/disbursement"
)

func (s *suite) push() disbursement.SubWalletRequest {
	return disbursement.SubWalletRequest{WalletToken: s.wallet.Token, App: s.App, PerPaymentFen: 10_000, PerDayFen: 20_000}
}

// subWalletIs runs a call until it has an answer, which must be this sub-wallet.
func (s *suite) subWalletIs(ctx context.Context, want disbursement.SubWallet, call func() (disbursement.SubWallet, error)) error {
	return s.again(ctx, func() (bool, error) {
		got, err := call()
		if err == nil && got != want {
			err = fmt.Errorf("%+v, want %+v", got, want)
			return true, err
		}
		return err == nil || settledError(err), err
	})
}

func (s *suite) subWalletPushed(ctx context.Context) error {
	if s.wallet.Token == "" {
		return errNeeds
	}
	return s.again(ctx, func() (bool, error) {
		got, err := s.PushSubWallet(ctx, s.push())
		if err == nil && (got.Token == "" || got.Token == s.wallet.Token || got.App != s.App || got.Status != disbursement.SubWalletActive) {
			return true, fmt.Errorf("%+v", got)
		}
		s.sub = got
		return err == nil || settledError(err), err
	})
}

func (s *suite) subWalletAgain(ctx context.Context) error {
	if s.sub.Token == "" {
		return errNeeds
	}
	return s.subWalletIs(ctx, s.sub, func() (disbursement.SubWallet, error) { return s.PushSubWallet(ctx, s.push()) })
}

func (s *suite) subWalletForeign(ctx context.Context) error {
	if s.wallet.Token == "" {
		return errNeeds
	}
	r := s.push()
	r.App = s.ForeignApp
	return s.refused(ctx, disbursement.ErrAppNotServed, func() error {
		_, err := s.PushSubWallet(ctx, r)
		return err
	})
}

func (s *suite) change(status string) disbursement.SubWalletChange {
	return disbursement.SubWalletChange{Token: s.sub.Token, Status: status, PerPaymentFen: s.sub.PerPaymentFen, PerDayFen: s.sub.PerDayFen}
}

func (s *suite) subWalletLimits(ctx context.Context) error {
	if s.sub.Token == "" {
		return errNeeds
	}
	c := s.change(disbursement.SubWalletActive)
	c.PerPaymentFen, c.PerDayFen = 500, 800
	s.sub.PerPaymentFen, s.sub.PerDayFen = c.PerPaymentFen, c.PerDayFen
	if err := s.subWalletIs(ctx, s.sub, func() (disbursement.SubWallet, error) { return s.SetSubWallet(ctx, c) }); err != nil {
		return err
	}
	c.PerDayFen = 400
	return s.refused(ctx, disbursement.ErrSubWalletLimit, func() error {
		_, err := s.SetSubWallet(ctx, c)
		return err
	})
}

func (s *suite) subWalletPaused(ctx context.Context) error {
	if s.sub.Token == "" {
		return errNeeds
	}
	for _, status := range []string{disbursement.SubWalletPaused, disbursement.SubWalletActive} {
		s.sub.Status = status
		err := s.subWalletIs(ctx, s.sub, func() (disbursement.SubWallet, error) { return s.SetSubWallet(ctx, s.change(status)) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *suite) subWalletClosed(ctx context.Context) error {
	if s.sub.Token == "" {
		return errNeeds
	}
	s.sub.Status = disbursement.SubWalletClosed
	for range 2 {
		err := s.subWalletIs(ctx, s.sub, func() (disbursement.SubWallet, error) { return s.CloseSubWallet(ctx, s.sub.Token) })
		if err != nil {
			return err
		}
	}
	return s.refused(ctx, disbursement.ErrSubWalletMissing, func() error {
		_, err := s.SetSubWallet(ctx, s.change(disbursement.SubWalletActive))
		return err
	})
}
