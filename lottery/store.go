package lottery

import (
	"fmt"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/lottery/draw"
)

// The rows of this room's tables; Draw is the row of draws. Files are in store_file.go, the log in store_log.go, awards in store_award.go.
type (
	partyRow struct {
		ID          int64
		DrawID      int64
		Name        string
		Commitment  *database.Bytes32
		Reveal      *database.Bytes32
		RevealedAt  database.Millis
		WitnessVKey string `gorm:"column:witness_vkey"`
		WitnessName string // the name in the key
	}
	poolRow struct {
		ID     int64
		DrawID int64
		Pool   string
		N      int64
		Root   database.Bytes32
	}
)

// found turns a missing row into the fault that the caller's user may see.
func found[T any](row *T, err, missing error) (*T, error) {
	if notExist(err) {
		return nil, missing
	}
	if err != nil {
		return nil, err
	}
	return row, nil
}

func oneDraw(db *gorm.DB, where string, args ...any) (*Draw, error) {
	var d Draw
	err := db.Table("draws").Where(where, args...).Take(&d).Error
	return found(&d, err, errNoDraw)
}

func drawByID(db *gorm.DB, id int64) (*Draw, error)       { return oneDraw(db, "id = ?", id) }
func drawBySlug(db *gorm.DB, slug string) (*Draw, error)  { return oneDraw(db, "slug = ?", slug) }
func drawByCampaign(db *gorm.DB, id int64) (*Draw, error) { return oneDraw(db, "campaign_id = ?", id) }
func setDraw(tx *gorm.DB, id int64, set map[string]any) error {
	return tx.Table("draws").Where("id = ?", id).Updates(set).Error
}

// lockDraw holds the draw's row until the transaction ends, on either dialect, and gives it as it then is.
func lockDraw(tx *gorm.DB, slug string) (*Draw, error) {
	if err := tx.Exec("UPDATE draws SET changed_at = changed_at WHERE slug = ?", slug).Error; err != nil {
		return nil, fmt.Errorf("locking draw %s: %w", slug, err)
	}
	return drawBySlug(tx, slug)
}

// updatePrepared changes a draw that is still being prepared, and nothing else.
func updatePrepared(tx *gorm.DB, id int64, set map[string]any) error {
	result := tx.Table("draws").Where("id = ? AND status = ?", id, Prepared).Updates(set)
	if result.Error == nil && result.RowsAffected != 1 {
		return errStatus
	}
	return result.Error
}

// openDraws are those in which AdvanceDue may have something to do.
func openDraws(db *gorm.DB) ([]Draw, error) {
	var draws []Draw
	err := db.Table("draws").Where("status NOT IN ?", []Status{Prepared, Voided, Published}).
		Or(`status = ? AND (names_at = 0 OR promotions_logged < promotions
			OR verified_lines < (SELECT COUNT(*) FROM log_lines WHERE log_lines.draw_id = draws.id))`, Published).
		Order("id").Find(&draws).Error
	return draws, err
}

func drawsIn(db *gorm.DB, status Status) ([]Draw, error) {
	var draws []Draw
	return draws, db.Table("draws").Where("status = ?", status).Order("id").Find(&draws).Error
}

// publicDraws are those whose notice is public, the newest first.
func publicDraws(db *gorm.DB) ([]Draw, error) {
	var draws []Draw
	return draws, db.Table("draws").Where("status <> ?", Prepared).Order("id DESC").Find(&draws).Error
}

func storeReport(tx *gorm.DB, d *Draw, report string, ok bool, lines int64, at database.Millis) error {
	return setDraw(tx, d.ID, map[string]any{"report": report, "verified_ok": ok, "verified_lines": lines, "verified_at": at})
}

// replaceParties puts these parties in the place of all that were there. The draw's row is locked by the caller's guarded update.
func replaceParties(tx *gorm.DB, drawID int64, parties []Party) error {
	if err := tx.Exec("DELETE FROM draw_parties WHERE draw_id = ?", drawID).Error; err != nil {
		return err
	}
	for _, p := range parties {
		row, err := p.row(drawID)
		if err != nil {
			return err
		}
		if err := tx.Table("draw_parties").Create(&row).Error; err != nil {
			return err
		}
	}
	return nil
}

// partyRows are the parties ascending by name, by byte.
func partyRows(db *gorm.DB, drawID int64) ([]partyRow, error) {
	var rows []partyRow
	return rows, db.Table("draw_parties").Where("draw_id = ?", drawID).Order("name").Find(&rows).Error
}

func helperByName(db *gorm.DB, drawID int64, name string) (*partyRow, error) {
	var row partyRow
	err := db.Table("draw_parties").Where("draw_id = ? AND name = ? AND commitment IS NOT NULL", drawID, name).Take(&row).Error
	return found(&row, err, errHelper)
}

func setReveal(tx *gorm.DB, party int64, secret draw.Digest, at database.Millis) error {
	return tx.Exec("UPDATE draw_parties SET reveal = ?, revealed_at = ? WHERE id = ? AND reveal IS NULL",
		database.Bytes32(secret), at, party).Error
}

// poolRows are the frozen pools in the plan's order.
func poolRows(db *gorm.DB, drawID int64) ([]poolRow, error) {
	var rows []poolRow
	return rows, db.Table("draw_pools").Where("draw_id = ?", drawID).Order("pool").Find(&rows).Error
}

type statusCount struct {
	Status Status
	N      int64
}

func countByStatus(db *gorm.DB) (counts []statusCount, err error) {
	err = db.Raw("SELECT status, COUNT(*) AS n FROM draws GROUP BY status ORDER BY status").Scan(&counts).Error
	return counts, err
}
