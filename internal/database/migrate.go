package database

import (
	"context"
	"fmt"
	"os"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/fault"
)

// ErrNewerSchema says that the database was migrated by a later version of the program, which must not be undone.
var ErrNewerSchema = fault.New(fault.Conflict, "schema-newer",
	"数据库结构比本程序新，请使用新版程序。", "The schema is newer than this program; use the newer program.")

// migrateTTL is how long others wait for a process that died while it migrated.
const migrateTTL = 30 * time.Second

// MigrationStatus is one migration and how far it is applied.
type MigrationStatus struct {
	Version        int
	Name           string
	Steps, Applied int
	AppliedAt      time.Time // UTC; when its last step was applied, zero if none was
}

// Migrate brings the schema up to date and says how many migrations it had to apply. Processes that start together take
// turns by a lease, a row in a table, since that also holds between the nodes of a Galera cluster.
// A schema newer than this program is refused with ErrNewerSchema, and nothing is changed.
func Migrate(ctx context.Context, db *DB) (applied int, err error) {
	files, err := bootstrap(ctx, db)
	if err != nil {
		return 0, err
	}
	host, _ := os.Hostname() // only shown to people who look at the lease
	owner := fmt.Sprintf("%s:%d", host, os.Getpid())
	for {
		held, err := Hold(ctx, db, "migrate", owner, migrateTTL, time.Now, func(ctx context.Context) error {
			var err error
			applied, err = applyAll(ctx, db, files)
			return err
		})
		if err != nil || held {
			return applied, err
		}
		if err := pause(ctx, 6); err != nil {
			return 0, fmt.Errorf("waiting for another migration: %w", err)
		}
	}
}

// Status lists every migration that this program knows. It makes the runner's own tables when they are missing.
func Status(ctx context.Context, db *DB) ([]MigrationStatus, error) {
	files, err := bootstrap(ctx, db)
	if err != nil {
		return nil, err
	}
	done, err := appliedSteps(ctx, db, files)
	if err != nil {
		return nil, err
	}
	list := make([]MigrationStatus, len(files))
	for i, file := range files {
		list[i] = MigrationStatus{Version: file.version, Name: file.name, Steps: len(file.statements)}
		for _, at := range done[file.version] {
			list[i].Applied++
			if moment := at.Time(); moment.After(list[i].AppliedAt) {
				list[i].AppliedAt = moment
			}
		}
	}
	return list, nil
}

// Current says whether every migration that this program knows is applied. A schema that is ahead is current too: while
// replicas are restarted one by one, those of the version before go on.
func Current(ctx context.Context, db *DB) (bool, error) {
	files, err := loadMigrations(db.dialect)
	if err != nil {
		return false, err
	}
	known, applied := 0, 0
	for _, file := range files[1:] {
		known += len(file.statements)
	}
	err = db.reader.QueryRowContext(ctx, "SELECT COUNT(*) FROM schema_steps").Scan(&applied)
	return applied >= known, err
}

// bootstrap runs migration 0 and gives the others.
func bootstrap(ctx context.Context, db *DB) ([]migration, error) {
	files, err := loadMigrations(db.dialect)
	if err != nil {
		return nil, err
	}
	for _, statement := range files[0].statements {
		if _, err := db.writer.ExecContext(ctx, statement); err != nil {
			return nil, fmt.Errorf("preparing to migrate: %w", err)
		}
	}
	return files[1:], nil
}

func applyAll(ctx context.Context, db *DB, files []migration) (applied int, err error) {
	done, err := appliedSteps(ctx, db, files)
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		if len(done[file.version]) == len(file.statements) {
			continue
		}
		if err := apply(ctx, db, file, done[file.version]); err != nil {
			return applied, fmt.Errorf("migration %04d_%s: %w", file.version, file.name, err)
		}
		applied++
	}
	return applied, nil
}

// apply runs the steps of a file that are not yet done: in one transaction on SQLite, while on MySQL every DDL statement
// commits itself and the steps before it.
func apply(ctx context.Context, db *DB, file migration, done map[int]Millis) error {
	return db.InTx(ctx, func(tx *gorm.DB) error {
		for step, statement := range file.statements {
			if _, ok := done[step]; ok {
				continue
			}
			if err := runStep(tx, statement); err != nil {
				return fmt.Errorf("step %d: %w", step+1, err)
			}
			if err := tx.Exec("INSERT INTO schema_steps (version, step, applied_at) VALUES (?, ?, ?)",
				file.version, step, At(time.Now())).Error; err != nil {
				return fmt.Errorf("recording step %d: %w", step+1, err)
			}
		}
		return nil
	})
}

// runStep leaves out a trigger on TiDB, which has none, and whose schema then counts as complete: what the triggers refuse is
// refused by grants there.
func runStep(tx *gorm.DB, statement string) error {
	if makesTrigger(statement) && onTiDB(tx) {
		return nil
	}
	_, err := tx.Statement.ConnPool.ExecContext(tx.Statement.Context, statement)
	return err
}

// appliedSteps gives the recorded steps by version and refuses one that this program does not have.
func appliedSteps(ctx context.Context, db *DB, files []migration) (map[int]map[int]Millis, error) {
	var rows []struct {
		Version, Step int
		AppliedAt     Millis
	}
	// The writing pool, since its node knows what this process has just written.
	if err := db.write.WithContext(ctx).Raw("SELECT version, step, applied_at FROM schema_steps").Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading the applied migrations: %w", err)
	}
	known := map[int]int{}
	for _, file := range files {
		known[file.version] = len(file.statements)
	}
	done := map[int]map[int]Millis{}
	for _, row := range rows {
		if row.Step >= known[row.Version] {
			return nil, ErrNewerSchema.With(fmt.Errorf("step %d of migration %04d is unknown", row.Step+1, row.Version))
		}
		if done[row.Version] == nil {
			done[row.Version] = map[int]Millis{}
		}
		done[row.Version][row.Step] = row.AppliedAt
	}
	return done, nil
}
