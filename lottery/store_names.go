package lottery

import (
	"fmt"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

// prizeRegistrations gives the registrations of prizes as drawn, ascending by award after the given one, and the last award.
func prizeRegistrations(db *gorm.DB, drawID, after int64, limit int) (ids []int64, last int64, err error) {
	var rows []struct{ ID, RegistrationID int64 }
	err = db.Raw("SELECT id, registration_id FROM awards WHERE draw_id = ? AND id > ? AND kind <> 'wait' ORDER BY id LIMIT ?", drawID, after, limit).Scan(&rows).Error
	for _, row := range rows {
		ids, last = append(ids, row.RegistrationID), row.ID
	}
	return ids, last, err
}

// insertNames stores the winners' notice and marks it made; a second making is a conflict.
func insertNames(tx *gorm.DB, drawID int64, list []maskedNames, at database.Millis) error {
	marked := tx.Exec("UPDATE draws SET names_at = ? WHERE id = ? AND names_at = 0", at, drawID)
	if marked.Error != nil {
		return fmt.Errorf("marking the winners' notice: %w", marked.Error)
	}
	if marked.RowsAffected != 1 {
		return database.ErrAdvanced
	}
	rows := make([][]any, len(list))
	for i, line := range list {
		rows[i] = []any{drawID, line.Name, line.Tail, line.People}
	}
	return database.InsertMany(tx, "winner_names", []string{"draw_id", "name", "tail", "people"}, rows)
}

// namesPage reads lines of the notice in its order, from the given one.
func namesPage(db *gorm.DB, drawID int64, from, limit int) (list []maskedNames, err error) {
	err = db.Raw("SELECT name, tail, people FROM winner_names WHERE draw_id = ? ORDER BY name, tail LIMIT ? OFFSET ?", drawID, limit, from).Scan(&list).Error
	return list, err
}

// awardsPage reads awards in the order of the result, after the given one.
func awardsPage(db *gorm.DB, drawID, after int64, limit int) (rows []awardRow, err error) {
	err = db.Table("awards").Where("draw_id = ? AND id > ?", drawID, after).Order("id").Limit(limit).Find(&rows).Error
	return rows, err
}
