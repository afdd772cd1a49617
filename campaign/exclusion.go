package campaign

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"hongbao/internal/audit"
	"hongbao/internal/fault"
	"hongbao/internal/staff"
	"hongbao/lottery/draw"
)

const approvalExclude = "registration.exclude"

// StaffReasons are those for which staff may have one registration excluded.
var StaffReasons = []string{"court-order", "duplicate-person", "false-document", "ineligible", "mass-registered", "related-party"}

var (
	errExclusion = fault.Field("reason", "exclusion-reason", "没有这个排除理由。", "There is no such reason for exclusion.")
	errExcluding = fault.New(fault.Conflict, "exclusion-asked", "这份登记已提请排除，等待复核。", "This registration's exclusion has been asked for already and waits for a decision.")
)

// exclusion is the summary of an approval: which registration, and one of StaffReasons.
type exclusion struct {
	Campaign string      `json:"campaign"`
	Entry    draw.Digest `json:"entry"`
	Reason   string      `json:"reason"`
}

// RequestExclusion asks a second person to take one registration out of the draw before the freeze, for one of StaffReasons.
func (s *Service) RequestExclusion(ctx context.Context, actor, slug string, entry [32]byte, reason string) (approval int64, err error) {
	if !slices.Contains(StaffReasons, reason) {
		return 0, errExclusion
	}
	live, err := s.Live(ctx, slug)
	if err != nil {
		return 0, err
	}
	waiting, err := s.exclusions(ctx, live.ID, entry, staff.Pending)
	if err != nil {
		return 0, err
	}
	if len(waiting) > 0 {
		return 0, errExcluding
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if err := unfrozen(tx, live.ID); err != nil {
			return err
		}
		row, err := entryRow(tx, live, entry)
		if err != nil {
			return err
		}
		if !registrationMay(row.Status, Excluded) {
			return errRegistrationStatus
		}
		approval, err = s.Staff.Request(tx, staff.Approval{CampaignID: live.ID, City: live.City, Kind: approvalExclude, Subject: entrySubject(entry), Maker: actor,
			Summary: exclusion{slug, entry, reason}})
		return err
	})
	return approval, err
}

// exclude is what the approval does: the registration leaves the list and the person is told by SMS.
func (s *Service) exclude(ctx context.Context, tx *gorm.DB, a staff.Approval) error {
	var asked exclusion
	if err := json.Unmarshal(a.Summary.(json.RawMessage), &asked); err != nil {
		return fmt.Errorf("reading the exclusion of approval %d: %w", a.ID, err)
	}
	live, err := s.live(ctx, a.CampaignID)
	if err != nil {
		return err
	}
	if err := unfrozen(tx, live.ID); err != nil {
		return err
	}
	row, err := entryRow(tx, live, asked.Entry)
	if err != nil {
		return err
	}
	if err := moveRegistration(tx, row, Excluded, asked.Reason, s.Now(), nil); err != nil {
		return err
	}
	if err := s.Notify(tx, live.ID, StageExcluded, s.Now(), row.ID); err != nil {
		return err
	}
	return audit.Record(tx, audit.Entry{At: s.Now(), Actor: a.Maker, Action: approvalExclude, Campaign: live.Slug, Subject: a.Subject,
		Detail: map[string]any{"reason": asked.Reason, "decided_by": a.Checker, "approval": a.ID}})
}

// exclusions are the approvals of a status that ask for one registration's exclusion.
func (s *Service) exclusions(ctx context.Context, campaignID int64, entry [32]byte, status string) ([]staff.Approval, error) {
	return s.Staff.List(ctx, staff.ApprovalFilter{CampaignID: campaignID, Kind: approvalExclude, Subject: entrySubject(entry), Status: status})
}

func entrySubject(entry [32]byte) string { return fmt.Sprintf("entry %x", entry) }
