package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"hongbao/campaign"
)

// purchaseMade is a purchase that a bank has paid.
type purchaseMade struct {
	operator string
	payment
	fen int64
}

// spend goes day by day through the window: payments at noon, refunds in the evening, the day's statement the morning after.
func (s *script) spend(ctx context.Context) error {
	s.at(s.book.Windows.SpendFrom.Add(time.Minute))
	errands, err := s.errands(ctx)
	if err != nil {
		return err
	}
	if err := s.pushSubWallets(ctx, errands); err != nil {
		return err
	}
	if err := s.tryWrongPurchases(ctx, errands); err != nil {
		return err
	}
	meter := s.Progress.start("payments", len(errands))
	defer meter.finish()
	// What must be covered comes on a day of its own, before anybody has spent the envelope on something else.
	first := slices.IndexFunc(errands, func(e errand) bool { return !e.must })
	if first < 0 {
		first = len(errands)
	}
	must, rest := errands[:first], errands[first:]
	days := s.spendDays()
	for d := range days {
		portion := must
		if d > 0 {
			portion = rest[(d-1)*len(rest)/(days-1) : d*len(rest)/(days-1)]
		}
		if err := s.shop(ctx, portion, meter); err != nil {
			return err
		}
		if err := s.closeDay(ctx); err != nil {
			return err
		}
	}
	return nil
}

// spendDays are the days on which people spend, at least two: all before the claim deadline, so that the demo's middle stage has seen some.
func (s *script) spendDays() int {
	days := int(s.book.Windows.ClaimUntil.Sub(s.book.Windows.SpendFrom).Hours() / 24)
	return max(2, min(days-1, 6))
}

// errands plans for everybody whose envelope is credited.
func (s *script) errands(ctx context.Context) ([]errand, error) {
	holders, err := s.holders(ctx)
	if err != nil {
		return nil, err
	}
	s.credited = holders
	planner := newPlanner(s.book, s.Seed, holders)
	if err := planner.cover(); err != nil {
		return nil, err
	}
	planner.roam()
	return planner.errands, nil
}

// holders are the winners whose envelope is credited, in the order of the result.
func (s *script) holders(ctx context.Context) (holders []*citizen, err error) {
	credited := make([]bool, len(s.winners))
	err = each(ctx, numbered(s.winners), func(ctx context.Context, w numberedWinner) error {
		e, err := s.envelope(ctx, w.citizen)
		credited[w.i] = e.Status == "credited"
		return err
	})
	for i, c := range s.winners {
		if credited[i] {
			holders = append(holders, c)
		}
	}
	if err == nil && len(holders) == 0 {
		err = errors.New("no envelope is credited")
	}
	return holders, err
}

// pushSubWallets does for each errand in an app what its buyer does in the e-CNY app first.
func (s *script) pushSubWallets(ctx context.Context, errands []errand) error {
	for _, e := range errands {
		if !e.push {
			continue
		}
		in := map[string]any{"app": e.App, "per_payment_fen": 50_000, "per_day_fen": 100_000}
		err := e.ask(ctx, s.api, http.MethodPost, "/api/v1/me/sub-wallets", in, nil)
		if err != nil && !refusedWith(err, http.StatusConflict) { // there is one already
			return err
		}
	}
	return nil
}

func (s *script) shop(ctx context.Context, errands []errand, meter *meter) error {
	s.at(noon(s.Clock.Now()))
	var mu sync.Mutex
	back := make(map[purchaseMade]int64)
	err := each(ctx, errands, func(ctx context.Context, e errand) error {
		defer meter.add(1)
		made, err := s.buy(ctx, e)
		if err != nil || made.PaymentNo == "" {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		switch {
		case e.late:
			s.late = append(s.late, made)
		case e.refund > 0:
			back[made] = made.fen * int64(e.refund) / 100
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := s.street.flush(ctx); err != nil {
		return err
	}
	s.at(s.Clock.Now().Add(6 * time.Hour))
	for made, fen := range back {
		if err := s.street.refund(ctx, made.operator, made.PaymentNo, fen); err != nil {
			return err
		}
	}
	return nil
}

// buy pays for an errand. A refusal is accepted where nothing depends on it: a merchant's cap, or an envelope already spent.
func (s *script) buy(ctx context.Context, e errand) (purchaseMade, error) {
	if e.must {
		return s.cover(ctx, e)
	}
	paid, err := s.street.pay(ctx, e.Operator, e.purchase)
	var no *Refusal
	if errors.As(err, &no) && no.Status < 500 {
		return purchaseMade{}, nil
	}
	return purchaseMade{operator: e.Operator, payment: paid, fen: e.AmountFen}, err
}

// cover pays for an errand with envelope money. An envelope may be gone that still counts as credited, when the operator has
// taken it back and the message was lost: then another customer of the same operator goes.
func (s *script) cover(ctx context.Context, e errand) (made purchaseMade, err error) {
	operator := e.Operator
	for _, buyer := range append([]*citizen{e.citizen}, s.credited...) {
		if buyer.Operator != operator {
			continue
		}
		e.citizen, e.purchase.Phone, e.purchase.Device = buyer, buyer.Person.Phone, buyer.Person.Device
		if err := s.pushSubWallets(ctx, []errand{e}); err != nil {
			return made, err
		}
		paid, err := s.street.pay(ctx, operator, e.purchase)
		made = purchaseMade{operator: operator, payment: paid, fen: e.AmountFen}
		if err != nil || paid.EnvelopeFen > 0 {
			return made, err
		}
	}
	return made, nil
}

// noon is the first 12:00 in Shanghai that is not before t.
func noon(t time.Time) time.Time {
	t = t.In(campaign.Shanghai)
	day := time.Date(t.Year(), t.Month(), t.Day(), 12, 0, 0, 0, campaign.Shanghai)
	if day.Before(t) {
		day = day.AddDate(0, 0, 1)
	}
	return day
}

// closeDay goes to the next morning, when the operators' statements are due, and reconciles.
func (s *script) closeDay(ctx context.Context) error {
	if err := s.street.flush(ctx); err != nil {
		return err
	}
	s.at(noon(s.Clock.Now().Add(12 * time.Hour)).Add(-time.Hour))
	if _, err := s.staff.run(ctx, "settlements-make"); err != nil {
		return err
	}
	_, err := s.staff.run(ctx, "statements-reconcile")
	return err
}

// tryWrongPurchases tries what the rules forbid, with the money of somebody who could pay.
func (s *script) tryWrongPurchases(ctx context.Context, errands []errand) error {
	shop, online := errands[0], errands[0]
	for _, e := range errands {
		if e.push {
			online = e
		}
	}
	suspended := s.book.Merchants[len(s.book.Merchants)-1]
	for _, m := range s.book.Merchants {
		if m.No != shop.MerchantNo && slices.Contains(m.Scenarios, shop.Scenario) && slices.Contains(m.PayModes, shop.PayMode) {
			suspended = m
		}
	}
	if err := s.setMerchant(ctx, suspended.No, "suspended"); err != nil {
		return err
	}
	if err := s.mustRefuse(ctx, shop, "unlisted-merchant", func(p *purchase) { p.MerchantNo = "NOBODY-0001" }); err != nil {
		return err
	}
	if err := s.mustRefuse(ctx, shop, "suspended-merchant", func(p *purchase) { p.MerchantNo = suspended.No }); err != nil {
		return err
	}
	if err := s.outsider(ctx); err != nil {
		return err
	}
	if online.push {
		if err := s.wrongApp(ctx, online); err != nil {
			return err
		}
		if err := s.mustRefuse(ctx, online, "not-self-operated", func(p *purchase) { p.SelfOperated = false }); err != nil {
			return err
		}
	}
	return s.setMerchant(ctx, suspended.No, "active")
}

func (s *script) setMerchant(ctx context.Context, no, status string) error {
	return s.staff.operations.ask(ctx, http.MethodPatch, s.campaignPath("/merchants/"+no), map[string]string{"status": status, "reason": "rehearsal"}, nil)
}

// outsider sends an operator's message that no operator has signed.
func (s *script) outsider(ctx context.Context) error {
	in := map[string]any{"operator": s.street.names[0], "events": []any{}}
	return s.refused("refused-outsider-callback", s.api.do(ctx, http.MethodPost, "/operator/v1/events", nil, in, nil))
}

// wrongApp tries to push a sub-wallet to an app that the buyer's operator does not serve.
func (s *script) wrongApp(ctx context.Context, e errand) error {
	operator, _ := s.book.Operator(e.Operator)
	for _, app := range s.book.Apps {
		if slices.Contains(operator.Apps, app.Name) {
			continue
		}
		in := map[string]any{"app": app.Name, "per_payment_fen": 1000, "per_day_fen": 1000}
		err := e.ask(ctx, s.api, http.MethodPost, "/api/v1/me/sub-wallets", in, nil)
		return s.refused("refused-wrong-app", err)
	}
	return nil
}

// mustRefuse tries a changed purchase and holds that no envelope money paid for it.
func (s *script) mustRefuse(ctx context.Context, e errand, name string, change func(*purchase)) error {
	changed := e.purchase
	change(&changed)
	paid, err := s.street.pay(ctx, e.Operator, changed)
	if err == nil {
		s.hold("refused-"+name, paid.EnvelopeFen == 0, "paid with %d fen of the envelope", paid.EnvelopeFen)
		return nil
	}
	return s.refused("refused-"+name, err)
}

// refused holds that an attempt was turned down with a reason; other errors stop the script.
func (s *script) refused(name string, err error) error {
	var no *Refusal
	if err != nil && (!errors.As(err, &no) || no.Status >= 500) {
		return err
	}
	detail := "accepted"
	if no != nil {
		detail = fmt.Sprintf("%d %s", no.Status, no.Code)
	}
	s.hold(name, no != nil, "%s", detail)
	return nil
}
