package rehearsal

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"hongbao/lottery/draw"
)

// What winners do differs by their place in the list of winners, so that a few of each kind are there in every rehearsal.
func silent(i int) bool     { return i%29 == 11 } // never claims: the envelope goes to the waitlist
func givesUp(i int) bool    { return i%53 == 17 } // gives the envelope up before the deadline
func lateWallet(i int) bool { return i%19 == 5 }  // claims at once, installs the wallet days later

func (c *citizen) ask(ctx context.Context, api client, method, path string, in, out any) error {
	return api.do(ctx, method, path, bearer(c.token), in, out)
}

// envelope is what a winner sees.
type envelope struct {
	Status      string `json:"status"`
	AmountFen   int64  `json:"amount_fen"`
	CreditedFen int64  `json:"credited_fen"`
	CouponID    string `json:"coupon_id"`
}

func (s *script) envelope(ctx context.Context, c *citizen) (e envelope, err error) {
	err = c.ask(ctx, s.api, http.MethodGet, "/api/v1/me/envelope", nil, &e)
	return e, err
}

// claim awards the envelopes and lets winners claim them, most with a wallet at hand.
func (s *script) claim(ctx context.Context) error {
	s.at(s.book.Posting().Awake(s.book.Windows.ClaimFrom).Add(time.Minute))
	if _, err := s.staff.drain(ctx, "envelopes-award"); err != nil {
		return err
	}
	if err := s.winnersAreTold(ctx); err != nil {
		return err
	}
	if s.Rush != nil {
		return s.rush(ctx)
	}
	meter := s.Progress.start("claims", len(s.winners))
	defer meter.finish()
	err := each(ctx, numbered(s.winners), func(ctx context.Context, w numberedWinner) error {
		defer meter.add(1)
		switch {
		case silent(w.i):
			return nil
		case givesUp(w.i):
			return w.ask(ctx, s.api, http.MethodPost, "/api/v1/me/give-up", struct{}{}, nil)
		}
		return s.claimOne(ctx, w.citizen, !lateWallet(w.i))
	})
	if err != nil {
		return err
	}
	return s.cosign(ctx) // what was given up has gone to the waitlist, in public
}

// winnersAreTold holds that every winner has an SMS that says so, and that none holds a link.
func (s *script) winnersAreTold(ctx context.Context) error {
	if _, err := s.staff.drain(ctx, "messages-send"); err != nil {
		return err
	}
	var mu sync.Mutex
	told := 0
	err := each(ctx, s.winners, func(ctx context.Context, c *citizen) error {
		text, err := s.street.message(ctx, c.Phone)
		if strings.Contains(text, "中签") && !strings.Contains(text, "http") {
			mu.Lock()
			defer mu.Unlock()
			told++
		}
		return err
	})
	s.hold("winners-told", told == len(s.winners), "%d of %d winners were told by SMS, without a link", told, len(s.winners))
	return err
}

type numberedWinner struct {
	*citizen
	i int
}

func numbered(winners []*citizen) []numberedWinner {
	list := make([]numberedWinner, len(winners))
	for i, c := range winners {
		list[i] = numberedWinner{c, i}
	}
	return list
}

func (s *script) claimOne(ctx context.Context, c *citizen, wallet bool) error {
	if wallet {
		if err := s.street.openWallet(ctx, c.Person); err != nil {
			return err
		}
	}
	return c.ask(ctx, s.api, http.MethodPost, "/api/v1/me/claim", struct{}{}, nil)
}

// credit finds the claimants' wallets and has them credited; those who install the wallet later come in a second batch.
func (s *script) credit(ctx context.Context) error {
	if err := s.creditClaims(ctx); err != nil {
		return err
	}
	for _, w := range numbered(s.winners) {
		if lateWallet(w.i) && !silent(w.i) && !givesUp(w.i) {
			if err := s.street.openWallet(ctx, w.Person); err != nil {
				return err
			}
		}
	}
	s.at(s.Clock.Now().Add(8 * time.Hour))
	return s.creditClaims(ctx)
}

func (s *script) creditClaims(ctx context.Context) error {
	if _, err := s.staff.drain(ctx, "wallets-find"); err != nil {
		return err
	}
	return s.settle(ctx, "credit")
}

// batch is a set of orders that two people let out together.
type batch struct {
	ID       int64  `json:"id"`
	Kind     string `json:"kind"`
	Status   string `json:"status"`
	Orders   int    `json:"orders"`
	TotalFen int64  `json:"total_fen"`
}

// settle prepares all that is ready, has a second person approve it, and dispatches until every order is settled. What failed for good
// is issued anew, which takes a second person again.
func (s *script) settle(ctx context.Context, kind string) error {
	if _, err := s.prepare(ctx, kind); err != nil {
		return err
	}
	for again := true; again; {
		if _, err := s.staff.approveAll(ctx); err != nil {
			return err
		}
		if err := s.dispatch(ctx); err != nil {
			return err
		}
		// Money may come back minutes after success.
		s.at(s.Clock.Now().Add(15 * time.Minute))
		if err := s.street.flush(ctx); err != nil {
			return err
		}
		var err error
		if again, err = s.prepare(ctx, "reissue"); err != nil {
			return err
		}
	}
	return nil
}

// prepare asks for batches of what is ready; false when nothing is.
func (s *script) prepare(ctx context.Context, kind string) (bool, error) {
	err := s.staff.operations.ask(ctx, http.MethodPost, s.campaignPath("/batches"), map[string]string{"kind": kind}, nil)
	if refusedWith(err, http.StatusConflict) {
		return false, nil
	}
	return err == nil, err
}

// patience bounds how often orders that are not settled are asked about again.
const patience = 400

func (s *script) dispatch(ctx context.Context) error {
	for range patience {
		moved := 0
		for _, job := range []string{"orders-dispatch", "orders-resolve"} {
			n, err := s.staff.run(ctx, job)
			if err != nil {
				return err
			}
			moved += n
		}
		open, err := s.openBatches(ctx)
		if err != nil || open == 0 {
			return err
		}
		if moved == 0 {
			s.at(s.Clock.Now().Add(2 * time.Minute)) // what is unknown is asked again after a pause
			time.Sleep(10 * time.Millisecond)        // operators' answers that come by callback take real time
		}
	}
	return fmt.Errorf("orders are not settled after %d rounds", patience)
}

func (s *script) openBatches(ctx context.Context) (open int, err error) {
	var answer struct{ Batches []batch }
	err = s.staff.operations.ask(ctx, http.MethodGet, s.campaignPath("/batches?limit=1000"), nil, &answer)
	for _, b := range answer.Batches {
		if b.Status != "done" && b.Status != "rejected" {
			open++
		}
	}
	return open, err
}

// promote lets the claim deadline pass: what is unclaimed or given up goes to the waitlist in the committed order, in public, and the
// promoted claim in their turn.
func (s *script) promote(ctx context.Context) error {
	s.at(s.book.Windows.ClaimUntil.Add(time.Minute))
	if _, err := s.staff.drain(ctx, "claim-deadline"); err != nil {
		return err
	}
	if err := s.cosign(ctx); err != nil {
		return err
	}
	if _, err := s.staff.drain(ctx, "envelopes-award"); err != nil {
		return err
	}
	promoted, err := s.promoted(ctx)
	if err != nil {
		return err
	}
	s.Progress.say("  %d promoted from the waitlist", len(promoted))
	for _, c := range promoted {
		if err := s.claimOne(ctx, c, true); err != nil {
			return err
		}
	}
	return s.creditClaims(ctx)
}

// cosign lets the witnesses look at what the log has gained.
func (s *script) cosign(ctx context.Context) error {
	if _, err := s.staff.run(ctx, "lottery-advance"); err != nil {
		return err
	}
	if err := s.street.witness(ctx, s.book.City.Code, s.book.ID); err != nil {
		return err
	}
	_, err := s.staff.run(ctx, "lottery-advance")
	return err
}

// promoted reads the public file of promotions.
func (s *script) promoted(ctx context.Context) (list []*citizen, err error) {
	if err := s.fetchFile(ctx, "backfill"); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(s.bundlePath("backfill"))
	if err != nil {
		return nil, err
	}
	promotions, err := draw.ParseBackfill(b)
	if err != nil {
		return nil, err
	}
	for _, p := range promotions {
		if c := s.byEntry[p.New.String()]; c != nil && !p.None {
			list = append(list, c)
		}
	}
	return list, nil
}
