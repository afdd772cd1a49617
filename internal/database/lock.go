package database

import "gorm.io/gorm"

// Locked ends a SELECT whose rows are kept as they are until the transaction ends: rivals wait. It is nothing on SQLite, which
// has one writer at a time.
func Locked(tx *gorm.DB) string { return onMySQL(tx, " FOR UPDATE") }

// Unlocked is Locked, passing over rows that somebody else is at: rivals pick different rows rather than wait for each other.
// What was picked is still changed only by guarded updates.
func Unlocked(tx *gorm.DB) string { return onMySQL(tx, " FOR UPDATE SKIP LOCKED") }

// Shared ends a SELECT whose rows nobody can change until the transaction ends, while others read them in the same way.
func Shared(tx *gorm.DB) string { return onMySQL(tx, " LOCK IN SHARE MODE") }

func onMySQL(tx *gorm.DB, clause string) string {
	if tx.Name() == MySQL {
		return clause
	}
	return ""
}
