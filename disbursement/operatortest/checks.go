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
	name, zh, en string
	run          func(s *suite, ctx context.Context) error
}{
	{"wallet-found", "已开钱包的手机号查得到钱包", "The phone that has a wallet is found: a token and a tier from 1 to 4",
		(*suite).walletFound},
	{"wallet-missing", "没有钱包的手机号答复 wallet-missing", "The phone that has none is answered wallet-missing",
		(*suite).walletMissing},
	{"query-never-received", "从未收到的指令号答复 never-received，不是 failed", "A number that never arrived is never-received, not failed",
		(*suite).neverReceived},
	{"credit-succeeds", "入账指令成功，金额与指令一致", "A credit succeeds with the amount that was ordered",
		(*suite).creditSucceeds},
	{"credit-repeated", "同号同文再次发送，得到同一结果，不重复入账", "The same order again has the same outcome and pays no second time",
		(*suite).creditRepeated},
	{"credit-content-differs", "同号不同文被拒，第一笔不受影响", "A used number with another content is refused, and the first order stands",
		(*suite).creditDiffers},
	{"credit-envelope-once", "同一红包换号再次入账被拒（coupon-used）", "A second order for a credited envelope fails: coupon-used",
		(*suite).creditTwice},
	{"credit-without-wallet", "不存在的钱包入账失败（wallet-missing）", "A credit to no wallet fails: wallet-missing",
		(*suite).creditNowhere},
	{"credit-malformed", "零金额、已到期的入账失败（order-malformed）", "A credit of nothing, or of an expired envelope, fails: order-malformed",
		(*suite).creditMalformed},
	{"batch-in-order", "批量查询逐笔按原顺序答复", "A query of several numbers is answered one by one in their order",
		(*suite).batchInOrder},
	{"recall-unspent", "收回未用金额，结果给出收回数", "A recall takes back what is unspent and says how much",
		(*suite).recallUnspent},
	{"recall-repeated", "同号收回再次发送，得到同一结果", "The same recall again has the same outcome",
		(*suite).recallRepeated},
	{"recall-nothing-left", "已收回的红包再收回得零", "A recall of what is gone succeeds with 0",
		(*suite).recallNothing},
	{"recall-unknown-envelope", "收回不存在的红包失败（coupon-unknown）", "A recall of no envelope fails: coupon-unknown",
		(*suite).recallUnknown},
	{"return-surplus", "结余退回出资方成功", "Surplus is returned to its source",
		(*suite).returnSurplus},
	{"query-settled", "已成功的入账在收回之后仍是成功", "A credit stays succeeded after its money was recalled",
		(*suite).querySettled},
	{"sub-wallet-pushed", "向应用推送子钱包，得到令牌，不泄露钱包号", "A sub-wallet is pushed to an app: a token that is not the wallet's",
		(*suite).subWalletPushed},
	{"sub-wallet-pushed-again", "再次推送得到同一子钱包", "Pushing again gives the same sub-wallet",
		(*suite).subWalletAgain},
	{"sub-wallet-foreign-app", "不支持的应用被拒（app-not-served）", "An app that is not served is refused: app-not-served",
		(*suite).subWalletForeign},
	{"sub-wallet-limits", "限额可改，日限额低于单笔被拒", "Limits change; a day's below the payment's is refused",
		(*suite).subWalletLimits},
	{"sub-wallet-paused", "可暂停、可恢复", "It can be paused and let pay again",
		(*suite).subWalletPaused},
	{"sub-wallet-closed", "关闭后不可再用，重复关闭无害", "It is closed for good; closing again changes nothing",
		(*suite).subWalletClosed},
	{"statement-future", "未到日期的对账单答复 statement-not-ready", "The statement of a day to come is statement-not-ready",
		(*suite).statementFuture},
	{"statement-digest", "对账单的笔数、合计与 SM3 摘要相符", "A statement's count, total and SM3 digest fit",
		(*suite).statementDigest},
	{"request-unsigned", "没有签名的请求被拒，签名被改动的也被拒", "A request without a signature, or with a damaged one, is refused",
		(*suite).requestUnsigned},
	{"request-replayed", "同一随机数的请求只认一次", "A request is believed once: the same nonce again is refused",
		(*suite).requestReplayed},
	{"request-stale", "时间超出五分钟的请求被拒", "A request whose time is more than five minutes off is refused",
		(*suite).requestStale},
	{"request-for-another", "发给别家的请求被拒", "A request that was signed for another party is refused",
		(*suite).requestForAnother},
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
