package disbursement

import (
	"context"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/money"
)

// AlertStatus is where an alert is.
type AlertStatus string

// An alert is open until somebody has looked at its evidence and confirms it, for the police or the audit bureau, or
// dismisses it. Neither lifts a hold on the merchant: that takes two people, see Hold.
const (
	AlertOpen      AlertStatus = "open"
	AlertConfirmed AlertStatus = "confirmed"
	AlertDismissed AlertStatus = "dismissed"
)

// AlertStatuses are all of them.
var AlertStatuses = []AlertStatus{AlertOpen, AlertConfirmed, AlertDismissed}

// May says whether an alert may go from one status to another.
func (from AlertStatus) May(to AlertStatus) bool {
	return from == AlertOpen && (to == AlertConfirmed || to == AlertDismissed)
}

// Alert is what a rule has found at a merchant. It names no person: events carry envelope numbers and a mark of the device.
type Alert struct {
	ID          int64           `json:"id"`
	CampaignID  int64           `json:"-"`
	MerchantNo  string          `json:"merchant_no"`
	Rule        string          `json:"rule"`
	RuleVersion int64           `json:"rule_version"`
	Subject     string          `json:"subject"`
	Status      AlertStatus     `json:"status"`
	Events      int64           `json:"events"`
	EnvelopeFen money.Fen       `json:"envelope_fen"`
	FirstAt     database.Millis `json:"first_at"`
	LastAt      database.Millis `json:"last_at"`
	RaisedAt    database.Millis `json:"raised_at"`
	DecidedBy   string          `json:"decided_by"`
	DecidedAt   database.Millis `json:"decided_at"`
	Reason      string          `json:"reason"`
}

var (
	ErrNoAlert     = fault.New(fault.NotFound, "alert-missing", "没有这条预警。", "There is no such alert.")
	errAlertStatus = fault.Field("status", "alert-status", "预警只能确认或排除一次。", "An alert is confirmed or dismissed, once.")
	errAlertReason = fault.Field("reason", "alert-reason", "请说明理由（不超过200字）。", "Please give the reason, in at most 200 characters.")
)

// Alerts lists a campaign's alerts of a status ("" for all), the newest first, before the given id (0 for the newest), at most 100.
func (s *Service) Alerts(ctx context.Context, campaignID int64, status AlertStatus, before int64) ([]Alert, error) {
	return alertsOf(s.DB.Read(ctx), campaignID, status, before, 100)
}

// Alert gives one alert of a campaign.
func (s *Service) Alert(ctx context.Context, campaignID, id int64) (Alert, error) {
	return alertByID(s.DB.Read(ctx), campaignID, id)
}

// Evidence lists the events that an alert rests on, in the order of time, at most 500.
func (s *Service) Evidence(ctx context.Context, alertID int64) ([]Spending, error) {
	return evidenceOf(s.DB.Read(ctx), alertID, 500)
}

// DecideAlert confirms an alert or dismisses it, with a reason.
func (s *Service) DecideAlert(ctx context.Context, actor string, campaignID, id int64, to AlertStatus, reason string) error {
	if reason == "" || len([]rune(reason)) > 200 {
		return errAlertReason
	}
	c, err := s.Campaigns.Get(ctx, campaignID)
	if err != nil {
		return err
	}
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		alert, err := alertByID(tx, campaignID, id)
		if err != nil {
			return err
		}
		if !alert.Status.May(to) {
			return errAlertStatus
		}
		set := map[string]any{"decided_by": actor, "decided_at": s.now(), "reason": reason}
		if err := database.Advance(tx, "misuse_alerts", id, string(alert.Status), string(to), set); err != nil {
			return err
		}
		return s.audited(tx, actor, "misuse."+string(to), c.Slug, alertName(id), map[string]any{"merchant": alert.MerchantNo, "rule": alert.Rule, "reason": reason})
	})
}

// HoldOnAlert holds the settlement of an alert's merchant: one person does so, two lift it.
func (s *Service) HoldOnAlert(ctx context.Context, actor string, campaignID, id int64, reason string) error {
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		alert, err := alertByID(tx, campaignID, id)
		if err != nil {
			return err
		}
		_, err = s.HoldMerchant(tx, actor, campaignID, alert.MerchantNo, reason, alertName(id))
		return err
	})
}
