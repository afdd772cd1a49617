package audit

import (
	"fmt"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

type anchorRow struct {
	Seq  int64
	Hash database.Bytes32
	At   database.Millis
	Note string
}

func lastAnchor(tx *gorm.DB) (seq int64, err error) {
	err = tx.Raw("SELECT COALESCE(MAX(seq), 0) FROM audit_anchors").Scan(&seq).Error
	return seq, err
}

func insertAnchor(tx *gorm.DB, a Anchor, signed string) error {
	return tx.Exec("INSERT INTO audit_anchors (seq, hash, at, note) VALUES (?, ?, ?, ?)", a.Seq, database.Bytes32(a.Hash), database.At(a.At), signed).Error
}

func anchorNotes(db *gorm.DB, limit int) (notes []string, err error) {
	err = db.Raw("SELECT note FROM audit_anchors ORDER BY seq DESC LIMIT ?", limit).Scan(&notes).Error
	return notes, err
}

func anchorRows(tx *gorm.DB) (rows []anchorRow, err error) {
	err = tx.Raw("SELECT seq, hash, at, note FROM audit_anchors ORDER BY seq").Scan(&rows).Error
	return rows, err
}

func hashAt(tx *gorm.DB, seq int64) (database.Bytes32, error) {
	var entry head
	found := tx.Raw("SELECT seq, hash FROM audit_entries WHERE seq = ?", seq).Scan(&entry)
	if found.Error == nil && found.RowsAffected == 0 {
		return entry.Hash, fmt.Errorf("%w: there is no entry %d", ErrBroken, seq)
	}
	return entry.Hash, found.Error
}
