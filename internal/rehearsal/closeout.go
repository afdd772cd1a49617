package rehearsal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"hongbao/campaign"
	"hongbao/disbursement"
)

const (
	closingDays  = 10                 // days after the return until the certificate must be there
	explainAfter = 3 * 24 * time.Hour // after the begin of a day: its corrected statement, and the next day's, are in by then
)

// difference is what a statement and our rows disagree about.
type difference struct {
	ID       int64  `json:"id"`
	Operator string `json:"operator"`
	Day      string `json:"day"`
	Kind     string `json:"kind"`
	Status   string `json:"status"`
}

func (s *script) differences(ctx context.Context) ([]difference, error) {
	var list []difference
	for cursor := ""; ; {
		var answer struct {
			Differences []difference
			Next        string
		}
		if err := s.staff.operations.ask(ctx, http.MethodGet, s.campaignPath("/differences?limit=1000&cursor="+cursor), nil, &answer); err != nil {
			return nil, err
		}
		list = append(list, answer.Differences...)
		if cursor = answer.Next; cursor == "" {
			return list, nil
		}
	}
}

// explain settles by hand, as the city's staff would after asking the operator, each difference that no later statement has
// settled. Younger ones wait for that statement.
func (s *script) explain(ctx context.Context) error {
	list, err := s.differences(ctx)
	if err != nil {
		return err
	}
	until := s.Clock.Now().Add(-explainAfter).In(campaign.Shanghai).Format(time.DateOnly)
	for _, d := range list {
		if d.Status != "open" || d.Day > until {
			continue
		}
		in := map[string]string{"reason": "rehearsal: the operator's later statement and its answers by order number agree with ours"}
		if err := s.staff.operations.ask(ctx, http.MethodPost, s.campaignPath(fmt.Sprintf("/differences/%d/resolve", d.ID)), in, nil); err != nil {
			return err
		}
	}
	return nil
}

// closeBooks gives each source back what it has not spent, pays the merchants and explains what still differs, day after day,
// until nothing is open; then two people issue the certificate. A refund that only a statement tells of is recalled and returned.
func (s *script) closeBooks(ctx context.Context) error {
	var open []disbursement.Blocker
	for range closingDays {
		for _, do := range []func(context.Context) error{s.returnSurplus, s.closeDay, s.payMerchants, s.explain, s.recall} {
			if err := do(ctx); err != nil {
				return err
			}
		}
		var err error
		if open, err = s.blockers(ctx); err != nil {
			return err
		}
		if len(open) == 0 {
			break
		}
		s.Progress.say("  no close-out certificate yet: %v", open)
	}
	if err := s.reconciled(ctx); err != nil || len(open) > 0 {
		s.hold("close-out", len(open) == 0, "still open after %d days: %v", closingDays, open)
		return err
	}
	return s.certify(ctx)
}

// returnSurplus returns, by orders that two people let out, until nothing is left to return.
func (s *script) returnSurplus(ctx context.Context) error {
	for range 5 {
		err := s.staff.operations.ask(ctx, http.MethodPost, s.campaignPath("/return"), struct{}{}, nil)
		var no *Refusal
		if errors.As(err, &no) && no.Code == "nothing-ready" {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.settle(ctx, "recall"); err != nil {
			return err
		}
	}
	return errors.New("there is always more to return")
}

// payMerchants pays what is due, which a second person confirms.
func (s *script) payMerchants(ctx context.Context) error {
	var due struct{ Payees []struct{ Payee string } }
	if err := s.staff.operations.ask(ctx, http.MethodGet, s.campaignPath("/payees"), nil, &due); err != nil {
		return err
	}
	for _, p := range due.Payees {
		in := map[string]string{"payee": p.Payee, "evidence": "rehearsal: advice " + p.Payee}
		if err := s.staff.operations.ask(ctx, http.MethodPost, s.campaignPath("/payouts"), in, nil); err != nil {
			return err
		}
	}
	_, err := s.staff.approveAll(ctx)
	return err
}

func (s *script) blockers(ctx context.Context) ([]disbursement.Blocker, error) {
	var answer struct{ Blockers []disbursement.Blocker }
	err := s.staff.operations.ask(ctx, http.MethodGet, s.campaignPath("/blockers"), nil, &answer)
	return answer.Blockers, err
}

// reconciled counts what has differed, and holds that nothing does any more.
func (s *script) reconciled(ctx context.Context) error {
	list, err := s.differences(ctx)
	if err != nil {
		return err
	}
	found := make(map[string]int)
	for _, d := range list {
		found[d.Kind]++
		if d.Status == "open" {
			s.summary.Discrepancies++
		}
	}
	s.Progress.say("  differences found and settled: %v; open: %d", found, s.summary.Discrepancies)
	s.hold("reconciled", s.summary.Discrepancies == 0, "%d differences found, %d still open", len(list), s.summary.Discrepancies)
	return nil
}

// certify has the certificate issued and reads it as anybody can.
func (s *script) certify(ctx context.Context) error {
	if err := s.staff.operations.ask(ctx, http.MethodPost, s.campaignPath("/close-out"), struct{}{}, nil); err != nil {
		return err
	}
	if _, err := s.staff.approveAll(ctx); err != nil {
		return err
	}
	var issued struct {
		Document, Digest string
		Figures          disbursement.CloseOut
	}
	if err := s.api.do(ctx, http.MethodGet, "/api/v1/campaigns/"+s.book.ID+"/close-out", nil, nil, &issued); err != nil {
		return err
	}
	total, digest := issued.Figures.Total, sha256.Sum256([]byte(issued.Document))
	ok := issued.Digest == hex.EncodeToString(digest[:]) && total.Budget == s.book.Budget() && total.Received == total.Spent+total.Returned
	s.hold("close-out", ok, "certificate %.12s: received %s = spent %s + returned %s yuan", issued.Digest, total.Received, total.Spent, total.Returned)
	return nil
}
