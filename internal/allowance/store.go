package allowance

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"hongbao/internal/database"
)

// stored is a caller as the database knows it.
type stored struct {
	Who        database.Bytes32
	RestoredAt database.Millis
}

// useUp moves the moments at which the callers' allowances are restored. The rows are taken in the order of their keys, so that
// replicas wait for each other instead of locking each other.
func useUp(tx *gorm.DB, told []used, now time.Time) error {
	var rows []stored
	for _, t := range told {
		if t.d > 0 {
			rows = append(rows, stored{t.who, database.At(now.Add(t.d))})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	slices.SortFunc(rows, func(a, b stored) int { return bytes.Compare(a.Who[:], b.Who[:]) })
	inserted := "excluded.restored_at"
	if tx.Name() == database.MySQL {
		inserted = "VALUES(restored_at)"
	}
	at := database.At(now)
	moved := gorm.Expr("CASE WHEN allowances.restored_at > ? THEN allowances.restored_at ELSE ? END + "+inserted+" - ?", at, at, at)
	err := tx.Table("allowances").Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "who"}},
		DoUpdates: clause.Set{{Column: clause.Column{Name: "restored_at"}, Value: moved}},
	}).Create(&rows).Error
	if err != nil {
		return fmt.Errorf("using up allowances: %w", err)
	}
	return nil
}

func storedOf(tx *gorm.DB, told []used) (list []stored, err error) {
	who := make([]database.Bytes32, len(told))
	for i, t := range told {
		who[i] = t.who
	}
	if err := tx.Raw("SELECT who, restored_at FROM allowances WHERE who IN ?", who).Scan(&list).Error; err != nil {
		return nil, fmt.Errorf("reading allowances: %w", err)
	}
	return list, nil
}

func dropRestored(tx *gorm.DB, now time.Time, most int) (n int, err error) {
	var who []database.Bytes32
	at := database.At(now)
	if err = tx.Raw("SELECT who FROM allowances WHERE restored_at <= ? ORDER BY restored_at LIMIT ?", at, most).Scan(&who).Error; err != nil || len(who) == 0 {
		return 0, err
	}
	result := tx.Exec("DELETE FROM allowances WHERE who IN ? AND restored_at <= ?", who, at)
	return int(result.RowsAffected), result.Error
}
