package database

import (
	"strings"

	"gorm.io/gorm"
)

// Locked ends a SELECT whose rows are kept as they are until the transaction ends: rivals wait. It is nothing on SQLite, which
// has one writer at a time.
func Locked(tx *gorm.DB) string { return lockClause(tx, forUpdate) }

// Unlocked is Locked, passing over rows that somebody else is at: rivals pick different rows rather than wait for each other.
// What was picked is still changed only by guarded updates. On TiDB rivals wait, and then pick other rows.
func Unlocked(tx *gorm.DB) string { return lockClause(tx, forUpdate+" SKIP LOCKED") }

// Shared ends a SELECT whose rows nobody can change until the transaction ends, while others read them in the same way. On TiDB
// the others wait.
func Shared(tx *gorm.DB) string { return lockClause(tx, " LOCK IN SHARE MODE") }

const forUpdate = " FOR UPDATE"

func lockClause(tx *gorm.DB, clause string) string {
	switch {
	case tx.Name() == SQLite:
		return ""
	case onTiDB(tx):
		return forUpdate // it refuses shared locks, and with SKIP LOCKED it reads without any lock
	}
	return clause
}

// onTiDB reports whether the server is TiDB, which speaks MySQL's language less some clauses. What depends on it stands in this
// package.
func onTiDB(tx *gorm.DB) bool {
	d, ok := tx.Dialector.(mysqlDialector)
	return ok && strings.Contains(d.ServerVersion, "-TiDB-")
}
