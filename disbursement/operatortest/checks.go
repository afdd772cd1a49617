package operatortest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hongbao/disbursement"
	"hongbao/internal/fault"
	"hongbao/internal/money"
)

// checks is the suite. Later checks use what earlier ones made.
var checks = []struct {
	name string
	run  func(s *suite, ctx context.Context) error
}{
	{"wallet-found", (*suite).walletFound},
	{"wallet-missing", (*suite).walletMissing},
	{"query-never-received", (*suite).neverReceived},
	{"credit-succeeds", (*suite).creditSucceeds},
	{"credit-repeated", (*suite).creditRepeated},
	{"credit-content-differs", (*suite).creditDiffers},
	{"credit-envelope-once", (*suite).creditTwice},
	{"credit-without-wallet", (*suite).creditNowhere},
	{"credit-malformed", (*suite).creditMalformed},
	{"batch-in-order", (*suite).batchInOrder},
	{"recall-unspent", (*suite).recallUnspent},
	{"recall-repeated", (*suite).recallRepeated},
	{"recall-nothing-left", (*suite).recallNothing},
	{"recall-unknown-envelope", (*suite).recallUnknown},
	{"return-surplus", (*suite).returnSurplus},
	{"query-settled", (*suite).querySettled},
	{"sub-wallet-pushed", (*suite).subWalletPushed},
	{"sub-wallet-pushed-again", (*suite).subWalletAgain},
	{"sub-wallet-foreign-app", (*suite).subWalletForeign},
	{"sub-wallet-limits", (*suite).subWalletLimits},
	{"sub-wallet-paused", (*suite).subWalletPaused},
	{"sub-wallet-closed", (*suite).subWalletClosed},
	{"statement-future", (*suite).statementFuture},
	{"statement-digest", (*suite).statementDigest},
}

func (s *suite) walletFound(ctx context.Context) error {
	return s.again(ctx, func() (bool, error) {
		w, err := s.FindWallet(ctx, disbursement.WalletRequest{Phone: s.Phone})
		if err == nil && (w.Token == "" || w.Tier < 1 || w.Tier > 4) {
			return true, fmt.Errorf("wallet %+v", w)
		}
		s.wallet = w
		return err == nil || settledError(err), err
	})
}

// settledError: the operator has clearly said no.
func settledError(err error) bool {
	kind := fault.KindOf(err)
	return kind != fault.Unavailable && kind != fault.Internal && kind != fault.TooMany
}

// refused runs a call until it has an answer, which must be this refusal.
func (s *suite) refused(ctx context.Context, want *fault.Error, call func() error) error {
	return s.again(ctx, func() (bool, error) {
		err := call()
		if err == nil {
			return true, fmt.Errorf("accepted, want %s", want.Code)
		}
		if errors.Is(err, want) {
			return true, nil
		}
		return settledError(err), err
	})
}

func (s *suite) walletMissing(ctx context.Context) error {
	return s.refused(ctx, disbursement.ErrWalletMissing, func() error {
		_, err := s.FindWallet(ctx, disbursement.WalletRequest{Phone: s.NoPhone})
		return err
	})
}

func (s *suite) neverReceived(ctx context.Context) error {
	outcome, err := s.ask(ctx, s.number())
	return want(outcome, err, disbursement.StateNeverReceived, 0, "")
}

// want compares an outcome; an empty reason is not compared.
func want(o disbursement.Outcome, err error, state disbursement.State, amount money.Fen, reason string) error {
	if err == nil && (o.State != state || o.AmountFen != amount || reason != "" && o.Reason != reason) {
		err = fmt.Errorf("%s %q of %d fen, want %s %q of %d fen", o.State, o.Reason, int64(o.AmountFen), state, reason, int64(amount))
	}
	return err
}

// creditSucceeds credits a new envelope. A test system with faults may refuse a number or return the money; then another
// order takes its place, as it would in a campaign.
func (s *suite) creditSucceeds(ctx context.Context) error {
	if s.wallet.Token == "" {
		return errNeeds
	}
	order, err := s.creditNew(ctx)
	s.order = order
	return err
}

func (s *suite) creditNew(ctx context.Context) (o disbursement.CreditOrder, err error) {
	for range 3 {
		o = s.newCredit()
		var outcome disbursement.Outcome
		outcome, err = s.credit(ctx, o)
		if err = want(outcome, err, disbursement.StateSucceeded, o.AmountFen, ""); err == nil {
			return o, nil
		}
	}
	return disbursement.CreditOrder{}, err
}

func (s *suite) creditRepeated(ctx context.Context) error {
	if s.order.OrderNo == "" {
		return errNeeds
	}
	outcome, err := s.credit(ctx, s.order)
	return want(outcome, err, disbursement.StateSucceeded, s.order.AmountFen, "")
}

// creditDiffers sends the used number with another amount: it must not be a success, and the first order must stand.
func (s *suite) creditDiffers(ctx context.Context) error {
	if s.order.OrderNo == "" {
		return errNeeds
	}
	other := s.order
	other.AmountFen++
	err := s.again(ctx, func() (bool, error) {
		outcome, err := single(s.Credit(ctx, []disbursement.CreditOrder{other}))
		if err != nil {
			return false, err
		}
		if outcome.Reason == disbursement.ReasonContentDiffers && outcome.State != disbursement.StateSucceeded {
			return true, nil
		}
		return outcome.State == disbursement.StateSucceeded, fmt.Errorf("%s %q", outcome.State, outcome.Reason)
	})
	if err != nil {
		return err
	}
	outcome, err := s.ask(ctx, s.order.OrderNo)
	return want(outcome, err, disbursement.StateSucceeded, s.order.AmountFen, "")
}

func (s *suite) creditTwice(ctx context.Context) error {
	if s.order.OrderNo == "" {
		return errNeeds
	}
	second := s.order
	second.OrderNo = s.number()
	outcome, err := s.credit(ctx, second)
	return want(outcome, err, disbursement.StateFailed, 0, disbursement.ReasonCouponUsed)
}

func (s *suite) creditNowhere(ctx context.Context) error {
	o := s.newCredit()
	o.WalletToken = s.number()
	outcome, err := s.credit(ctx, o)
	return want(outcome, err, disbursement.StateFailed, 0, disbursement.ReasonWalletMissing)
}

func (s *suite) creditMalformed(ctx context.Context) error {
	zero, late := s.newCredit(), s.newCredit()
	zero.AmountFen = 0
	late.ExpiresAt = s.Now.Add(-time.Hour).UTC()
	for _, o := range []disbursement.CreditOrder{zero, late} {
		outcome, err := s.credit(ctx, o)
		if err := want(outcome, err, disbursement.StateFailed, 0, disbursement.ReasonMalformed); err != nil {
			return err
		}
	}
	return nil
}

// batchInOrder asks for two known numbers and an unknown one in one call.
func (s *suite) batchInOrder(ctx context.Context) error {
	if s.order.OrderNo == "" {
		return errNeeds
	}
	other, err := s.creditNew(ctx)
	if err != nil {
		return err
	}
	s.other = other
	numbers := []string{other.OrderNo, s.number(), s.order.OrderNo}
	states := []disbursement.State{disbursement.StateSucceeded, disbursement.StateNeverReceived, disbursement.StateSucceeded}
	return s.again(ctx, func() (bool, error) {
		outcomes, err := s.Query(ctx, numbers)
		if err != nil {
			return false, err
		}
		if len(outcomes) != len(numbers) {
			return true, fmt.Errorf("%d outcomes to %d numbers", len(outcomes), len(numbers))
		}
		for i, o := range outcomes {
			if o.OrderNo != numbers[i] || o.State != states[i] {
				return o.State != disbursement.StateUnknown, fmt.Errorf("outcome %d is %s of %q, want %s", i, o.State, o.OrderNo, states[i])
			}
		}
		return true, nil
	})
}

func (s *suite) recallUnspent(ctx context.Context) error {
	if s.order.OrderNo == "" {
		return errNeeds
	}
	s.recall = disbursement.RecallOrder{OrderNo: s.number(), PromotionID: s.PromotionID, CouponID: s.order.CouponID}
	outcome, err := s.recallOne(ctx, s.recall)
	return want(outcome, err, disbursement.StateSucceeded, s.order.AmountFen, "")
}

func (s *suite) recallRepeated(ctx context.Context) error {
	if s.recall.OrderNo == "" {
		return errNeeds
	}
	outcome, err := s.recallOne(ctx, s.recall)
	return want(outcome, err, disbursement.StateSucceeded, s.order.AmountFen, "")
}

func (s *suite) recallNothing(ctx context.Context) error {
	if s.recall.OrderNo == "" {
		return errNeeds
	}
	empty := s.recall
	empty.OrderNo = s.number()
	outcome, err := s.recallOne(ctx, empty)
	if err := want(outcome, err, disbursement.StateSucceeded, 0, ""); err != nil || s.other.CouponID == "" {
		return err
	}
	rest := disbursement.RecallOrder{OrderNo: s.number(), PromotionID: s.PromotionID, CouponID: s.other.CouponID}
	outcome, err = s.recallOne(ctx, rest)
	return want(outcome, err, disbursement.StateSucceeded, s.other.AmountFen, "")
}

func (s *suite) recallUnknown(ctx context.Context) error {
	outcome, err := s.recallOne(ctx, disbursement.RecallOrder{OrderNo: s.number(), PromotionID: s.PromotionID, CouponID: s.number()})
	return want(outcome, err, disbursement.StateFailed, 0, disbursement.ReasonCouponUnknown)
}

func (s *suite) returnSurplus(ctx context.Context) error {
	o := disbursement.ReturnOrder{OrderNo: s.number(), PromotionID: s.PromotionID, Source: "conformance", AmountFen: s.AmountFen}
	outcome, err := s.settle(ctx, o.OrderNo, func() ([]disbursement.Outcome, error) {
		return s.Return(ctx, []disbursement.ReturnOrder{o})
	})
	return want(outcome, err, disbursement.StateSucceeded, o.AmountFen, "")
}

// querySettled: an order stays what it was after the money has gone back by another.
func (s *suite) querySettled(ctx context.Context) error {
	if s.order.OrderNo == "" {
		return errNeeds
	}
	outcome, err := s.ask(ctx, s.order.OrderNo)
	return want(outcome, err, disbursement.StateSucceeded, s.order.AmountFen, "")
}
