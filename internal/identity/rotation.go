package identity

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

// Rotation counts what a rotation of the master key did with the campaigns' keys.
type Rotation struct {
	Rewrapped int `json:"rewrapped"` // wrapped anew, from the previous master key
	Current   int `json:"current"`   // under the master key already
	Destroyed int `json:"destroyed"` // no key is left to wrap
}

// Rotate wraps every campaign's key anew under Master that is still wrapped under Previous. The keys themselves stay what
// they are, so nothing that they have sealed is touched, and services go on meanwhile as long as they have both master keys.
// Each key is its own transaction: a rotation that broke off is run again. A key that neither opens is an error, and the
// others are wrapped all the same.
func (k *KeyRing) Rotate(ctx context.Context) (done Rotation, err error) {
	var ids []int64
	if err := k.DB.Read(ctx).Raw("SELECT campaign_id FROM campaign_keys ORDER BY campaign_id").Scan(&ids).Error; err != nil {
		return done, fmt.Errorf("listing the campaigns' keys: %w", err)
	}
	var broken []error
	for _, id := range ids {
		var count *int
		err := k.DB.InTx(ctx, func(tx *gorm.DB) (err error) {
			count, err = k.rewrap(tx, id, &done)
			return err
		})
		if err != nil {
			broken = append(broken, err)
			continue
		}
		*count++
	}
	return done, errors.Join(broken...)
}

// rewrap wraps one campaign's key and gives what of done counts it.
func (k *KeyRing) rewrap(tx *gorm.DB, campaignID int64, done *Rotation) (count *int, err error) {
	var row keyRow
	if err := tx.Raw("SELECT "+keyColumns+" FROM campaign_keys WHERE campaign_id = ?", campaignID).Scan(&row).Error; err != nil {
		return nil, fmt.Errorf("reading the key of campaign %d: %w", campaignID, err)
	}
	if row.DestroyedAt != 0 {
		return &done.Destroyed, nil
	}
	key, current, err := k.open(row)
	if err != nil || current {
		return &done.Current, err
	}
	wrapping, err := NewVault(row.Suite, k.Master)
	if err != nil {
		return nil, err
	}
	result := tx.Exec("UPDATE campaign_keys SET wrapped = ? WHERE campaign_id = ? AND wrapped = ?",
		wrapping.Seal(key, binding(campaignID)), campaignID, row.Wrapped)
	if result.Error != nil {
		return nil, fmt.Errorf("wrapping the key of campaign %d: %w", campaignID, result.Error)
	}
	if result.RowsAffected != 1 {
		return nil, database.ErrAdvanced.With(fmt.Errorf("the key of campaign %d was changed meanwhile", campaignID))
	}
	return &done.Rewrapped, nil
}
