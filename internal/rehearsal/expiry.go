package rehearsal

import (
	"context"
	"errors"
	"time"
)

// expire ends the spending window: a late payment is refused, late refunds pass through, and what is unspent is recalled, the refunds too.
func (s *script) expire(ctx context.Context) error {
	s.at(s.book.Windows.SpendUntil.Add(2 * time.Minute))
	planner := newPlanner(s.book, s.Seed, s.credited)
	if err := planner.cover(); err != nil {
		return err
	}
	if err := s.tryExpired(ctx, planner.errands); err != nil {
		return err
	}
	if err := s.recall(ctx); err != nil {
		return err
	}
	for _, made := range s.late {
		if err := s.street.refund(ctx, made.operator, made.PaymentNo, made.fen); err != nil {
			return err
		}
	}
	s.Progress.say("  %d refunds after expiry", len(s.late))
	if err := s.closeDay(ctx); err != nil {
		return err
	}
	return s.recall(ctx)
}

// tryExpired tries to spend an envelope that still holds money.
func (s *script) tryExpired(ctx context.Context, errands []errand) error {
	for _, e := range errands {
		coupons, err := s.street.coupons(ctx, e.Person)
		if err != nil {
			return err
		}
		for _, c := range coupons {
			if c.LeftFen >= e.AmountFen && !e.push {
				return s.mustRefuse(ctx, e, "after-expiry", func(p *purchase) { p.CouponID = c.CouponID })
			}
		}
	}
	return errors.New("no envelope holds money at its expiry")
}

func (s *script) recall(ctx context.Context) error {
	if _, err := s.staff.drain(ctx, "envelopes-expire"); err != nil {
		return err
	}
	return s.settle(ctx, "recall")
}

// reconcile goes through the last days, until every operator's statements are in, and explains the differences that stay.
func (s *script) reconcile(ctx context.Context) error {
	for range 4 {
		if err := s.closeDay(ctx); err != nil {
			return err
		}
	}
	if err := s.recall(ctx); err != nil {
		return err
	}
	if err := s.explain(ctx); err != nil {
		return err
	}
	return s.keepStatements(ctx)
}
