package campaign

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

// insertAppeal stores an appeal, once for each registration and reason.
func insertAppeal(tx *gorm.DB, appeal *Appeal) error {
	err := tx.Table("appeals").Create(appeal).Error
	if database.IsDuplicate(err) {
		return errAppealTwice
	}
	if err != nil {
		return fmt.Errorf("storing an appeal: %w", err)
	}
	return nil
}

// insertRefused puts a refused person on record. If somebody holds one of the keys, nothing is stored.
func insertRefused(tx *gorm.DB, row *registrationRow) error {
	_, err := database.InsertNew(tx, "registrations", registrationColumns, [][]any{row.values()})
	return err
}

// eraseAppeals destroys what people wrote; that they appealed, and what was decided, stays for the count.
func eraseAppeals(tx *gorm.DB, registrationIDs []int64) error {
	return tx.Exec("UPDATE appeals SET sealed = ? WHERE registration_id IN ?", []byte{}, registrationIDs).Error
}

// Appeal finds one by id.
func (s *Service) Appeal(ctx context.Context, id int64) (appeal Appeal, err error) {
	err = s.DB.Read(ctx).Table("appeals").Where("id = ?", id).Take(&appeal).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return appeal, errNoAppeal
	}
	return appeal, err
}

func appealRows(tx *gorm.DB, campaignID int64, filter AppealFilter, now time.Time) (list []Appeal, err error) {
	query := tx.Table("appeals").Where("campaign_id = ? AND id > ?", campaignID, filter.After)
	if filter.Overdue {
		query = query.Where("status = ? AND decide_by < ?", AppealOpen, database.At(now))
	} else if filter.Status != "" {
		query = query.Where("status = ?", filter.Status)
	}
	limit := filter.Limit
	if limit < 1 {
		limit = rollPage
	}
	if err := query.Order("id").Limit(min(limit, rollPageMax)).Scan(&list).Error; err != nil {
		return nil, fmt.Errorf("listing appeals: %w", err)
	}
	return list, nil
}

func appealsOf(tx *gorm.DB, registrationID int64) (list []Appeal, err error) {
	err = tx.Table("appeals").Where("registration_id = ?", registrationID).Order("id").Scan(&list).Error
	return list, err
}

func appellants(tx *gorm.DB, appeals []Appeal) (rows []*registrationRow, err error) {
	ids := make([]int64, len(appeals))
	for i, appeal := range appeals {
		ids[i] = appeal.RegistrationID
	}
	err = tx.Table("registrations").Where("id IN ?", ids).Order("id").Scan(&rows).Error
	return rows, err
}

// AppealCounts are the figures of a campaign's appeals.
type AppealCounts struct {
	Open, Overdue, Upheld, Reversed int64
}

// CountAppeals gives the figures of a campaign's appeals.
func (s *Service) CountAppeals(ctx context.Context, campaignID int64) (n AppealCounts, err error) {
	err = s.DB.Read(ctx).Raw(`SELECT COALESCE(SUM(CASE WHEN status = 'open' THEN 1 ELSE 0 END), 0) AS open,
		COALESCE(SUM(CASE WHEN status = 'open' AND decide_by < ? THEN 1 ELSE 0 END), 0) AS overdue,
		COALESCE(SUM(CASE WHEN status = 'upheld' THEN 1 ELSE 0 END), 0) AS upheld,
		COALESCE(SUM(CASE WHEN status = 'reversed' THEN 1 ELSE 0 END), 0) AS reversed FROM appeals WHERE campaign_id = ?`,
		database.At(s.Now()), campaignID).Scan(&n).Error
	return n, err
}

func moveAppeal(tx *gorm.DB, appeal Appeal, to, by, answer string, now time.Time) error {
	if !appealMay(appeal.Status, to) {
		return errAppealDecided
	}
	return database.Advance(tx, "appeals", appeal.ID, appeal.Status, to, map[string]any{"decided_at": database.At(now), "decided_by": by, "answer": answer})
}
