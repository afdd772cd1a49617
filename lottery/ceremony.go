package lottery

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/staff"
	"hongbao/lottery/draw"
)

const approvalCeremony = "draw.ceremony"

var errCeremony = fault.New(fault.Conflict, "ceremony-time", "方案写入日志之后、随机数产生之前才能确认。",
	"It can be confirmed once the plan is in the log and before the randomness appears.")

// Ceremony is what a hall sees of a draw: its state, who confirmed what is sealed, and the result once it is public.
type Ceremony struct {
	*View
	PlanHash, Seed string // hex, "" before
	Confirmation   *staff.Approval
	Prizes         []CeremonyPrize // empty until the result is public
}

// CeremonyPrize is one award line of the result: how many were to be given, were given, and the first of them.
type CeremonyPrize struct {
	Tier, Scope string
	Count, Got  int64
	First       []draw.Digest // entries, ten at most
}

// firstShown is how many entries of each award a hall is shown.
const firstShown = 10

// Ceremony gives the state of a draw for a hall's screen.
func (s *Service) Ceremony(ctx context.Context, slug string) (*Ceremony, error) {
	d, err := drawBySlug(s.DB.Read(ctx), slug)
	if err != nil {
		return nil, err
	}
	view, err := s.view(ctx, d)
	if err != nil {
		return nil, err
	}
	c := &Ceremony{View: view, PlanHash: hexOf(d.PlanHash), Seed: hexOf(d.Seed)}
	asked, err := s.Staff.List(ctx, staff.ApprovalFilter{CampaignID: d.CampaignID, Kind: approvalCeremony, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(asked) > 0 && (asked[0].Status == staff.Pending || asked[0].Status == staff.Approved) {
		c.Confirmation = &asked[0]
	}
	if d.Status != Published {
		return c, nil
	}
	index, err := s.Index(ctx, d)
	if err != nil {
		return nil, err
	}
	c.addPrizes(index.result)
	return c, nil
}

func hexOf(hash *database.Bytes32) string {
	if hash == nil {
		return ""
	}
	return draw.Digest(*hash).String()
}

func (c *Ceremony) addPrizes(result *draw.Result) {
	for _, a := range result.Awards {
		if !a.IsPrize() || a.Count == 0 {
			continue
		}
		prize := CeremonyPrize{Tier: a.Name, Scope: a.Scope, Count: a.Count, Got: int64(len(a.Winners))}
		for _, w := range a.Winners[:min(len(a.Winners), firstShown)] {
			prize.First = append(prize.First, w.Entry)
		}
		c.Prizes = append(c.Prizes, prize)
	}
}

// RequestCeremony is the first of two people in the hall who confirm what is sealed: the plan, its lists and its round. It changes
// nothing in the draw, which goes on by itself; it is on the record who looked before the randomness existed.
func (s *Service) RequestCeremony(ctx context.Context, actor, slug string) (approval int64, err error) {
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		d, err := lockDraw(tx, slug)
		if err != nil {
			return err
		}
		if !s.confirmable(d) {
			return errCeremony
		}
		approval, err = s.Staff.Request(tx, staff.Approval{CampaignID: d.CampaignID, City: d.City, Kind: approvalCeremony, Subject: slug, Maker: actor,
			Summary: map[string]any{"plan_hash": hexOf(d.PlanHash), "entries": d.Entries, "round": fmt.Sprint(d.Round), "round_at": stamp(d.RoundAt)}})
		return err
	})
	return approval, err
}

// confirmable: the plan is in the log, and its round is still to come.
func (s *Service) confirmable(d *Draw) bool {
	return (d.Status == Planned || d.Status == Sealed || d.Status == Revealed) && s.now() < d.RoundAt
}

// confirmCeremony lets the second person's confirmation stand only for the same plan, and before its round.
func (s *Service) confirmCeremony(_ context.Context, tx *gorm.DB, a staff.Approval) error {
	d, err := drawBySlug(tx, a.Subject)
	if err != nil {
		return err
	}
	var seen struct {
		PlanHash string `json:"plan_hash"`
	}
	if err := summaryOf(a, &seen); err != nil {
		return err
	}
	if !s.confirmable(d) || seen.PlanHash != hexOf(d.PlanHash) {
		return errCeremony
	}
	return nil
}
