package audit

import (
	"errors"
	"fmt"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

// ErrBroken says that the stored chain is not what was recorded.
var ErrBroken = errors.New("audit: the chain is broken")

const columns = "seq, at, actor, action, campaign, subject, detail, prev, hash"

// head is the end of the chain: the number of entries and the hash of the last, 32 zero bytes before the first.
type head struct {
	Seq  int64
	Hash database.Bytes32
}

const headQuery = "SELECT seq, hash FROM audit_head WHERE id = 1"

func readHead(tx *gorm.DB) (head, error) { return scanHead(tx.Raw(headQuery)) }

// lockHead reads the head and keeps other writers out until tx ends.
func lockHead(tx *gorm.DB) (head, error) { return scanHead(tx.Raw(headQuery + database.Locked(tx))) }

func scanHead(query *gorm.DB) (h head, err error) {
	err = one(query.Scan(&h))
	return h, err
}

func one(result *gorm.DB) error {
	if result.Error == nil && result.RowsAffected != 1 {
		return fmt.Errorf("%w: it has no head", ErrBroken)
	}
	return result.Error
}

// insertEntry moves the head only if it is still where lockHead found it, which also holds between Galera's nodes.
func insertEntry(tx *gorm.DB, r row) error {
	moved := tx.Exec("UPDATE audit_head SET seq = ?, hash = ? WHERE id = 1 AND seq = ?", r.Seq, r.Hash, r.Seq-1)
	if err := one(moved); err != nil {
		return err
	}
	return tx.Exec("INSERT INTO audit_entries ("+columns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		r.Seq, r.At, r.Actor, r.Action, r.Campaign, r.Subject, r.Detail, r.Prev, r.Hash).Error
}

func eachEntry(tx *gorm.DB, visit func(row) error) error {
	rows, err := tx.Raw("SELECT " + columns + " FROM audit_entries ORDER BY seq").Rows()
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // Err below tells what went wrong
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.Seq, &r.At, &r.Actor, &r.Action, &r.Campaign, &r.Subject, &r.Detail, &r.Prev, &r.Hash); err != nil {
			return err
		}
		if err := visit(r); err != nil {
			return err
		}
	}
	return rows.Err()
}

func entriesAfter(tx *gorm.DB, seq int64, limit int) (rows []row, err error) {
	err = tx.Raw("SELECT "+columns+" FROM audit_entries WHERE seq > ? ORDER BY seq LIMIT ?", seq, limit).Scan(&rows).Error
	return rows, err
}

func listEntries(tx *gorm.DB, f Filter) (rows []row, err error) {
	query := tx.Table("audit_entries").Select(columns).Order("seq DESC")
	for column, value := range map[string]string{"campaign": f.Campaign, "actor": f.Actor, "action": f.Action} {
		if value != "" {
			query = query.Where(column+" = ?", value)
		}
	}
	if !f.From.IsZero() {
		query = query.Where("at >= ?", database.At(f.From))
	}
	if !f.Until.IsZero() {
		query = query.Where("at < ?", database.At(f.Until))
	}
	if f.Before > 0 {
		query = query.Where("seq < ?", f.Before)
	}
	if f.Limit <= 0 {
		f.Limit = 100
	}
	err = query.Limit(min(f.Limit, 1001)).Find(&rows).Error
	return rows, err
}
