package database

import (
	"context"
	"fmt"
	"strings"

	"hongbao/internal/fault"
)

var errNoAccounts = fault.New(fault.Invalid, "database-accounts",
	"SQLite 没有数据库账号，无需授权。", "SQLite has no accounts to grant anything to.")

// Grants gives the statements by which an account may do on each table what the service does: read and add, and change and
// delete where the migrations put no trigger against it. So who takes a trigger away may not yet change a row, and TiDB, which
// has no triggers, is held too. The statements are in the order of the tables' names; SQLite gives a fault of kind Invalid.
func Grants(ctx context.Context, db *DB, account string) (statements []string, err error) {
	if db.dialect == SQLite {
		return nil, errNoAccounts
	}
	files, err := loadMigrations(db.dialect)
	if err != nil {
		return nil, err
	}
	var tables []struct{ Home, Name string }
	err = db.Read(ctx).Raw("SELECT table_schema AS home, table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name").
		Scan(&tables).Error
	if err != nil {
		return nil, fmt.Errorf("listing the tables: %w", err)
	}
	refused, account := refusals(files), "'"+strings.ReplaceAll(account, "'", "''")+"'"
	for _, table := range tables {
		may := "SELECT, INSERT"
		for _, change := range []string{"UPDATE", "DELETE"} {
			if !refused[change+" ON "+table.Name] {
				may += ", " + change
			}
		}
		statements = append(statements, fmt.Sprintf("GRANT %s ON `%s`.`%s` TO %s", may, table.Home, table.Name, account))
	}
	return statements, nil
}

// refusals are the changes that triggers refuse, as "UPDATE ON table".
func refusals(files []migration) map[string]bool {
	found := map[string]bool{}
	for _, file := range files {
		for _, statement := range file.statements {
			if makesTrigger(statement) { // CREATE TRIGGER name BEFORE change ON table
				words := strings.Fields(statement)
				found[strings.Join(words[4:7], " ")] = true
			}
		}
	}
	return found
}
