// Package operatortest is the conformance suite for disbursement.Operator: a table of named checks that the sandbox passes
// through the gateway, calm or with faults, and that a bank's engineer can run against a test system. It moves real test
// money: each run credits a few envelopes of Fixtures.AmountFen and recalls them.
package operatortest

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"time"

	"hongbao/disbursement"
	"hongbao/internal/money"
)

// Fixtures are what the operator's test system must have before a run.
type Fixtures struct {
	PromotionID  string        // a campaign that the operator knows
	Phone        string        // has a wallet with room for three envelopes
	NoPhone      string        // has no wallet
	App          string        // an app that the operator serves
	ForeignApp   string        // an app that it does not serve
	AmountFen    money.Fen     // of an envelope; 100 if 0
	Now          time.Time     // the operator's clock
	StatementDay time.Time     // a day with a statement that is ready; none is read if zero
	Patience     time.Duration // how long an order may take to settle; 10 s if 0
	Random       io.Reader     // order numbers; crypto/rand if nil
	Wire         *Wire         // how the operator is reached, for the checks of signatures; they are skipped if nil
}

// Result is what one check found.
type Result struct {
	Name    string `json:"name"`
	ZH      string `json:"zh"` // what is demanded
	EN      string `json:"en"`
	OK      bool   `json:"ok"`
	Skipped bool   `json:"skipped,omitempty"` // the fixtures do not allow it
	Detail  string `json:"detail,omitempty"`
}

// Report is the results in the order of the table.
type Report []Result

// OK says whether every check passed.
func (r Report) OK() bool {
	for _, result := range r {
		if !result.OK {
			return false
		}
	}
	return len(r) > 0
}

// Run runs every check. A check that needs what an earlier one made fails with it.
func Run(ctx context.Context, op disbursement.Operator, f Fixtures) Report {
	if f.AmountFen == 0 {
		f.AmountFen = 100
	}
	if f.Patience == 0 {
		f.Patience = 10 * time.Second
	}
	if f.Random == nil {
		f.Random = rand.Reader
	}
	s := &suite{Operator: op, Fixtures: f}
	var report Report
	for _, c := range checks {
		result := Result{Name: c.name, ZH: c.zh, EN: c.en, OK: true}
		if err := c.run(s, ctx); err != nil {
			result.Skipped = errors.Is(err, errSkipped)
			result.OK, result.Detail = result.Skipped, err.Error()
		}
		report = append(report, result)
	}
	return report
}

// suite is one run: the operator, and what the checks hand on.
type suite struct {
	disbursement.Operator
	Fixtures
	wallet disbursement.Wallet
	order  disbursement.CreditOrder // credited
	other  disbursement.CreditOrder // credited, for the batch
	recall disbursement.RecallOrder
	sub    disbursement.SubWallet
}

// number makes an order number.
func (s *suite) number() string {
	b := make([]byte, 20)
	if _, err := io.ReadFull(s.Random, b); err != nil {
		panic(err) // without numbers there is no suite
	}
	return base32.StdEncoding.EncodeToString(b)
}

func (s *suite) newCredit() disbursement.CreditOrder {
	return disbursement.CreditOrder{OrderNo: s.number(), PromotionID: s.PromotionID, CouponID: s.number(), WalletToken: s.wallet.Token,
		AmountFen: s.AmountFen, ExpiresAt: s.Now.UTC().Truncate(time.Second).Add(30 * 24 * time.Hour),
		RefundProperty: disbursement.RefundKeepsExpiry, Description: "conformance"}
}

var (
	errNeeds   = errors.New("needs a check before it that failed")
	errSkipped = errors.New("not run")
)

// pause is between two attempts.
const pause = 10 * time.Millisecond

// again repeats a call that had no reliable answer, until Patience ends.
func (s *suite) again(ctx context.Context, call func() (done bool, err error)) error {
	deadline := time.Now().Add(s.Patience)
	for {
		done, err := call()
		if done {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("no reliable answer within %v: %w", s.Patience, errors.Join(err, ctx.Err()))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// settle sends one order as the port demands, asks while it is unknown or under way, sends it again only when it was never
// received, and gives the settled outcome.
func (s *suite) settle(ctx context.Context, no string, send func() ([]disbursement.Outcome, error)) (disbursement.Outcome, error) {
	outcome, err := single(send())
	err = s.again(ctx, func() (bool, error) {
		if err == nil && outcome.State.Settled() {
			return true, nil
		}
		if err == nil && outcome.State == disbursement.StateNeverReceived {
			outcome, err = single(send())
		} else {
			outcome, err = single(s.Query(ctx, []string{no}))
		}
		return false, err
	})
	if err == nil && outcome.OrderNo != no {
		err = fmt.Errorf("an outcome of order %q where %q was asked", outcome.OrderNo, no)
	}
	return outcome, err
}

func (s *suite) credit(ctx context.Context, o disbursement.CreditOrder) (disbursement.Outcome, error) {
	return s.settle(ctx, o.OrderNo, func() ([]disbursement.Outcome, error) {
		return s.Credit(ctx, []disbursement.CreditOrder{o})
	})
}

func (s *suite) recallOne(ctx context.Context, o disbursement.RecallOrder) (disbursement.Outcome, error) {
	return s.settle(ctx, o.OrderNo, func() ([]disbursement.Outcome, error) {
		return s.Recall(ctx, []disbursement.RecallOrder{o})
	})
}

// ask is Query with patience.
func (s *suite) ask(ctx context.Context, no string) (outcome disbursement.Outcome, err error) {
	err = s.again(ctx, func() (bool, error) {
		outcome, err = single(s.Query(ctx, []string{no}))
		return err == nil && outcome.State != disbursement.StateUnknown, err
	})
	return outcome, err
}

func single(outcomes []disbursement.Outcome, err error) (disbursement.Outcome, error) {
	if err != nil {
		return disbursement.Outcome{}, err
	}
	if len(outcomes) != 1 {
		return disbursement.Outcome{}, fmt.Errorf("%d outcomes to one order", len(outcomes))
	}
	return outcomes[0], nil
}
