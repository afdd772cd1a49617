package webhook

import (
	"context"
	"strings"

	"gorm.io/gorm"

	"hongbao/internal/audit"
	"hongbao/internal/database"
)

// meaning is what an event says, in 中文 and English.
type meaning struct{ zh, en string }

// events are the deeds of the audit trail that a city's systems hear of, each with what it means. They are the changes of
// status of campaigns and draws; nothing about one person or one payment is among them.
var events = map[string]meaning{
	"campaign.announced": {"活动公告已发布", "The notice is out"},
	"campaign.open":      {"已开放登记", "Registration is open"},
	"campaign.closed":    {"登记已截止", "Registration is closed"},
	"campaign.drawn":     {"抽签结果已产生，将发放红包", "There is a result; envelopes follow"},
	"campaign.settled":   {"活动已结清", "The campaign is settled"},
	"campaign.cancel":    {"活动已取消", "The campaign is cancelled"},
	"draw.sealed":        {"名单和方案已封存并获见证", "The list and the plan are sealed and cosigned"},
	"draw.published":     {"结果已获见证，可以核验", "The result is cosigned and can be verified"},
	"draw.voided":        {"抽签已作废", "The draw is void"},
}

// Meaning says what a delivery tells, in 中文 and English.
func (d Delivery) Meaning() (zh, en string) {
	m := events[d.Event]
	return m.zh, m.en
}

// plan notes what has happened since a webhook was last looked at, and says how many events that is.
func (s *Service) plan(ctx context.Context, w Webhook) (n int, err error) {
	entries, err := audit.After(ctx, s.DB, w.Seq, 500)
	if err != nil || len(entries) == 0 {
		return 0, err
	}
	var due []delivery
	for _, e := range entries {
		if events[e.Action] == (meaning{}) || e.Campaign == "" {
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
