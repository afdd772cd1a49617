package campaign

import (
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"hongbao/internal/database"
)

var checkColumns = []string{"registration_id", "kind", "campaign_id", "status", "changed_at"}

func checkRow(registrationID, campaignID int64, kind, status string, now database.Millis) []any {
	return []any{registrationID, kind, campaignID, status, int64(now)}
}

// insertChecks stores what a group of new registrations brings along.
func insertChecks(tx *gorm.DB, rows [][]any) error {
	return database.InsertMany(tx, "outside_checks", checkColumns, rows)
}

// saveCheck stores an answer in place of what stood there.
func saveCheck(tx *gorm.DB, row []any) error {
	values := map[string]any{}
	for i, column := range checkColumns {
		values[column] = row[i]
	}
	return tx.Table("outside_checks").Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "registration_id"}, {Name: "kind"}},
		DoUpdates: clause.AssignmentColumns([]string{"status", "changed_at"})}).Create(values).Error
}

// reviewable are the campaigns whose list can still change.
func reviewable(tx *gorm.DB) (list []Campaign, err error) {
	err = campaignQuery(tx).Where("c.status IN ? AND c.frozen_at = 0", []string{Open, Closed}).Order("c.id").Limit(100).Scan(&list).Error
	return list, err
}

// uncheckedNames are registrations in the list about whose names nobody has answered.
func uncheckedNames(tx *gorm.DB, campaignID int64, limit int) (ids []int64, err error) {
	err = tx.Raw(`SELECT r.id FROM registrations r WHERE r.campaign_id = ? AND r.status = ? AND NOT EXISTS
		(SELECT 1 FROM outside_checks o WHERE o.registration_id = r.id AND o.kind = ?) ORDER BY r.id LIMIT ?`,
		campaignID, Confirmed, checkName, limit).Scan(&ids).Error
	return ids, err
}

func pendingChecks(tx *gorm.DB, campaignID int64, kind string, limit int) (ids []int64, err error) {
	err = tx.Raw("SELECT registration_id FROM outside_checks WHERE campaign_id = ? AND kind = ? AND status = ? ORDER BY registration_id LIMIT ?",
		campaignID, kind, checkPending, limit).Scan(&ids).Error
	return ids, err
}

// excludeThose takes those of the registrations that are in the list out of it, and gives them.
func excludeThose(tx *gorm.DB, ids []int64, reason string, now time.Time) (excluded []int64, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	err = tx.Table("registrations").Where("id IN ? AND status IN ?", ids, []string{Registered, Confirmed}).Order("id").Pluck("id", &excluded).Error
	if err != nil || len(excluded) == 0 {
		return nil, err
	}
	result := tx.Table("registrations").Where("id IN ? AND status IN ?", excluded, []string{Registered, Confirmed}).
		Updates(map[string]any{"status": Excluded, "reason": reason, "changed_at": database.At(now)})
	if result.Error == nil && result.RowsAffected != int64(len(excluded)) {
		return nil, database.ErrAdvanced.With(fmt.Errorf("%d of %d registrations were excluded", result.RowsAffected, len(excluded)))
	}
	return excluded, result.Error
}
