package campaign

import (
	"fmt"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/lottery/draw"
)

// personalRow is a person's own deletion as stored.
type personalRow struct {
	ID         int64
	CampaignID int64
	Entry      database.Bytes32
	DoneAt     database.Millis
	Digest     database.Bytes32
	Note       string
}

func insertPersonal(tx *gorm.DB, d *personalRow) error {
	if err := tx.Table("personal_deletions").Create(d).Error; err != nil {
		return fmt.Errorf("storing a person's own deletion: %w", err)
	}
	return nil
}

func personalRows(tx *gorm.DB, campaignID int64, entry *draw.Digest, f PersonalFilter) (rows []personalRow, err error) {
	query := tx.Table("personal_deletions").Where("campaign_id = ?", campaignID).Order("id DESC")
	if entry != nil {
		query = query.Where("entry = ?", database.Bytes32(*entry))
	}
	if f.Before > 0 {
		query = query.Where("id < ?", f.Before)
	}
	if f.Limit <= 0 {
		f.Limit = 100
	}
	err = query.Limit(min(f.Limit, 1001)).Find(&rows).Error
	return rows, err
}

func countPersonal(tx *gorm.DB, campaignID int64) (n int64, err error) {
	err = tx.Table("personal_deletions").Where("campaign_id = ?", campaignID).Count(&n).Error
	return n, err
}
