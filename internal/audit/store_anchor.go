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
	VKey string `gorm:"column:vkey"`
}

func lastAnchor(tx *gorm.DB) (seq int64, err error) {
	err = tx.Raw("SELECT COALESCE(MAX(seq), 0) FROM audit_anchors").Scan(&seq).Error
	return seq, err
}

func insertAnchor(tx *gorm.DB, a Anchor, signed, vkey string) error {
	return tx.Exec("INSERT INTO audit_anchors (seq, hash, at, note, vkey) VALUES (?, ?, ?, ?, ?)", a.Seq, database.Bytes32(a.Hash), database.At(a.At), signed, vkey).Error
}

func newestAnchors(db *gorm.DB, limit int) (list []PublishedAnchor, err error) {
	err = db.Raw("SELECT note, vkey FROM audit_anchors ORDER BY seq DESC LIMIT ?", limit).Scan(&list).Error
	return list, err
}

func anchorRows(tx *gorm.DB) (rows []anchorRow, err error) {
	err = tx.Raw("SELECT seq, hash, at, note, vkey FROM audit_anchors ORDER BY seq").Scan(&rows).Error
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
