package campaign

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

// eachSealed calls fn for every registration that takes part in the draw and was not made at a desk, in no order. It streams.
func (s *Service) eachSealed(ctx context.Context, campaignID int64, fn func(row *registrationRow) error) (err error) {
	rows, err := s.DB.Reader().QueryContext(ctx, `SELECT id, salt, sealed, device_hash, network_hash, registered_at FROM registrations
		WHERE campaign_id = ? AND status = ? AND source <> 'desk'`, campaignID, Confirmed)
	if err != nil {
		return fmt.Errorf("streaming registrations: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var row registrationRow
		if err := rows.Scan(&row.ID, &row.Salt, &row.Sealed, &row.DeviceHash, &row.NetworkHash, &row.RegisteredAt); err != nil {
			return fmt.Errorf("streaming registrations: %w", err)
		}
		if err := fn(&row); err != nil {
			return err
		}
	}
	return rows.Err()
}

// RiskRun gives the run of a campaign's risk rules; done is false before it.
func (s *Service) RiskRun(ctx context.Context, campaignID int64) (run RiskRun, done bool, err error) {
	err = s.DB.Read(ctx).Table("risk_runs").Where("campaign_id = ?", campaignID).Take(&run).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return run, false, nil
	}
	return run, err == nil, err
}

// saveFindings stores a run with its groups. A run that is there already is a duplicate.
func saveFindings(tx *gorm.DB, run RiskRun, groups []group) error {
	if err := tx.Table("risk_runs").Create(&run).Error; err != nil {
		return fmt.Errorf("storing a run of the risk rules: %w", err)
	}
	for _, g := range groups {
		f := Finding{CampaignID: run.CampaignID, Rule: g.rule.Name, Version: run.Version, Members: int64(len(g.members)), Status: FindingFound,
			FoundAt: run.AssessedAt, ChangedAt: run.AssessedAt}
		if err := tx.Table("risk_findings").Create(&f).Error; err != nil {
			return fmt.Errorf("storing a finding: %w", err)
		}
		rows := make([][]any, len(g.members))
		for i, id := range g.members {
			rows[i] = []any{f.ID, id}
		}
		if err := database.InsertMany(tx, "risk_members", []string{"finding_id", "registration_id"}, rows); err != nil {
			return err
		}
	}
	return nil
}

// Findings lists a campaign's findings, the largest first.
func (s *Service) Findings(ctx context.Context, campaignID int64) (list []Finding, err error) {
	err = s.DB.Read(ctx).Table("risk_findings").Where("campaign_id = ?", campaignID).Order("members DESC, id").Limit(1000).Scan(&list).Error
	return list, err
}

func findingRow(tx *gorm.DB, id int64) (f Finding, err error) {
	err = tx.Table("risk_findings").Where("id = ?", id).Take(&f).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return f, errNoFinding
	}
	return f, err
}

func findingsOf(tx *gorm.DB, registrationID int64) (list []Finding, err error) {
	err = tx.Table("risk_findings AS f").Joins("JOIN risk_members AS m ON m.finding_id = f.id").Select("f.*").
		Where("m.registration_id = ?", registrationID).Order("f.id").Scan(&list).Error
	return list, err
}

func memberRows(tx *gorm.DB, findingID int64, limit int) (rows []*registrationRow, err error) {
	err = tx.Table("registrations AS r").Joins("JOIN risk_members AS m ON m.registration_id = r.id").Select("r.*").
		Where("m.finding_id = ?", findingID).Order("r.id").Limit(limit).Scan(&rows).Error
	return rows, err
}

func moveFinding(tx *gorm.DB, f Finding, to string, set map[string]any) error {
	if !findingMay(f.Status, to) {
		return errFindingStatus
	}
	return database.Advance(tx, "risk_findings", f.ID, f.Status, to, set)
}

// excludeMembers takes those of a finding who are in the list out of it and gives their ids.
func excludeMembers(tx *gorm.DB, findingID int64, reason string, now time.Time) (ids []int64, err error) {
	err = tx.Raw(`SELECT r.id FROM registrations r JOIN risk_members m ON m.registration_id = r.id WHERE m.finding_id = ? AND r.status = ? ORDER BY r.id`,
		findingID, Confirmed).Scan(&ids).Error
	if err != nil {
		return nil, fmt.Errorf("reading a finding's members: %w", err)
	}
	for _, id := range ids {
		row := &registrationRow{ID: id, Status: Confirmed}
		if err := moveRegistration(tx, row, Excluded, reason, now, nil); err != nil {
			return nil, err
		}
	}
	return ids, nil
}
