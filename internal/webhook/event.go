package webhook

import (
	"context"
	"strings"

	"gorm.io/gorm"

	"hongbao/internal/audit"
	"hongbao/internal/database"
)

// events are the deeds of the audit trail that a city's systems hear of, each with what it means. They are the changes of
// status of campaigns and draws; nothing about one person or one payment is among them.
var events = map[string]string{
	"campaign.announced": "The notice is out.",
	"campaign.open":      "Registration is open.",
	"campaign.closed":    "Registration is closed.",
	"campaign.drawn":     "There is a result; envelopes follow.",
	"campaign.settled":   "The campaign is settled.",
	"campaign.cancel":    "The campaign is cancelled.",
	"draw.sealed":        "The list and the plan are sealed and cosigned.",
	"draw.published":     "The result is cosigned and can be verified.",
	"draw.voided":        "The draw is void.",
}

// plan notes what has happened since a webhook was last looked at, and says how many events that is.
func (s *Service) plan(ctx context.Context, w Webhook) (n int, err error) {
	entries, err := audit.After(ctx, s.DB, w.Seq, 500)
	if err != nil || len(entries) == 0 {
		return 0, err
	}
	var due []delivery
	for _, e := range entries {
		if events[e.Action] == "" || e.Campaign == "" {
			continue
		}
		city, err := s.City(ctx, e.Campaign)
		if err != nil {
			return 0, err
		}
		if city == w.City {
			due = append(due, delivery{WebhookID: w.ID, Seq: e.Seq, Event: e.Action, Campaign: strings.Clone(e.Campaign),
				HappenedAt: database.At(e.At), Status: Pending, NextAt: database.At(s.Now())})
		}
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if err := moveSeq(tx, w, entries[len(entries)-1].Seq); err != nil {
			return err
		}
		return insertDeliveries(tx, due)
	})
	return len(due), err
}
