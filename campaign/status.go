package campaign

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

// Campaign statuses. A draft becomes approved by a second person, announced once its notice is cosigned, open and closed
// by the clock, drawn once the result is public, settled when all money is accounted for.
const (
	Draft     = "draft"
	Approved  = "approved"
	Announced = "announced"
	Open      = "open"
	Closed    = "closed"
	Drawn     = "drawn"
	Settled   = "settled"
	Cancelled = "cancelled"
)

// mayBecome is the one place that says which change of status is legal. After the draw there are winners, so nothing can
// be cancelled any more.
func mayBecome(from, to string) bool {
	switch from {
	case Draft:
		return to == Approved || to == Cancelled
	case Approved:
		return to == Announced || to == Cancelled
	case Announced:
		return to == Open || to == Cancelled
	case Open:
		return to == Closed || to == Cancelled
	case Closed:
		return to == Drawn || to == Cancelled
	case Drawn:
		return to == Settled
	}
	return false
}

// MarkAnnounced says that the notice is public and cosigned.
func (s *Service) MarkAnnounced(tx *gorm.DB, id int64) error {
	return s.mark(tx, id, Approved, Announced)
}

// MarkDrawn says that the result of the draw is public.
func (s *Service) MarkDrawn(tx *gorm.DB, id int64) error { return s.mark(tx, id, Closed, Drawn) }

// MarkSettled closes a campaign whose money is all accounted for. Doing so twice is no error.
func (s *Service) MarkSettled(tx *gorm.DB, id int64) error {
	c, err := campaignRow(tx, "c.id = ?", id)
	if err != nil || c.Status == Settled {
		return err
	}
	return s.mark(tx, id, Drawn, Settled)
}

func (s *Service) mark(tx *gorm.DB, id int64, from, to string) error {
	c, err := campaignRow(tx, "c.id = ?", id)
	if err != nil {
		return err
	}
	if err := s.advance(tx, id, from, to); err != nil {
		return err
	}
	return s.record(tx, "system:campaign", "campaign."+to, c.Slug, nil)
}

// OpenDue opens registration of every announced campaign whose time has come.
func (s *Service) OpenDue(ctx context.Context) (int, error) {
	return s.due(ctx, Announced, Open, "open_at", "system:campaign-open", nil)
}

// CloseDue closes registration of every open campaign whose time has come. In a two-step campaign those who did not
// confirm are excluded, and counted.
func (s *Service) CloseDue(ctx context.Context) (int, error) {
	return s.due(ctx, Open, Closed, "close_at", "system:campaign-close", func(tx *gorm.DB, id int64) error {
		return excludeUnconfirmed(tx, id, s.Now())
	})
}

func (s *Service) due(ctx context.Context, from, to, column, actor string, then func(tx *gorm.DB, id int64) error) (n int, err error) {
	due, err := dueCampaigns(s.DB.Read(ctx), from, column, s.Now())
	if err != nil {
		return 0, err
	}
	for _, c := range due {
		err := s.DB.InTx(ctx, func(tx *gorm.DB) error {
			if err := s.advance(tx, c.ID, from, to); err != nil {
				return err
			}
			if then != nil {
				if err := then(tx, c.ID); err != nil {
					return err
				}
			}
			return s.record(tx, actor, "campaign."+to, c.Slug, nil)
		})
		if err != nil {
			return n, fmt.Errorf("campaign %s to %s: %w", c.Slug, to, err)
		}
		n++
	}
	return n, nil
}

// Freeze closes the list for good: from then on nobody is added, withdrawn, excluded or admitted on appeal. The lottery calls
// it before it reads the entries. Freezing twice is no error; a campaign that is not closed, or under review, is a Conflict.
func (s *Service) Freeze(ctx context.Context, id int64) error {
	live, err := s.live(ctx, id)
	if err != nil {
		return err
	}
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		c, err := campaignRow(tx, "c.id = ?", id)
		if err != nil || c.FrozenAt != 0 {
			return err
		}
		if c.Status == Closed && s.Now().Before(live.Book.Windows.Freeze()) {
			return errUnderReview
		}
		if err := setFrozen(tx, id, s.Now()); err != nil {
			return unlessFrozen(tx, id, err)
		}
		return s.record(tx, "system:lottery", "campaign.freeze", c.Slug, nil)
	})
}

// unlessFrozen forgives the second of two that freeze at the same time.
func unlessFrozen(tx *gorm.DB, id int64, failed error) error {
	if c, err := lockCampaign(tx, id); err == nil && c.FrozenAt != 0 {
		return nil
	}
	return failed
}

func (s *Service) advance(tx *gorm.DB, id int64, from, to string) error {
	if !mayBecome(from, to) {
		return errStatus
	}
	if err := database.Advance(tx, "campaigns", id, from, to, nil); err != nil {
		return err
	}
	s.shelf.expect(id, to)
	return nil
}
