package database

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/fault"
)

var (
	// ErrAhead says that the schema is one generation ahead of this program, which may serve on it but not migrate it.
	ErrAhead = fault.New(fault.Conflict, "schema-ahead",
		"数据库结构比本程序新一代：本程序仍可提供服务，但不能迁移；请换用新版程序。", "The schema is one generation ahead of this program, which may serve on it but not migrate it; change to the newer program.")
	// ErrNewerSchema says that the schema is too new for this program. It must not be undone.
	ErrNewerSchema = fault.New(fault.Conflict, "schema-newer",
		"数据库结构比本程序新，请使用新版程序。", "The schema is newer than this program; use the newer program.")
)

// generation cuts the numbers of migrations into generations: those of one release are below the same thousand, and the first
// that is made after a release begins the next. A migration leaves the programs of the generation before it working.
const generation = 1000

// migrateTTL is how long others wait for a process that died while it migrated.
const migrateTTL = 30 * time.Second

// MigrationStatus is one migration and how far it is applied. One that only a newer program knows is named "unknown" and has
// the steps that are applied.
type MigrationStatus struct {
	Version        int
	Name           string
	Steps, Applied int
	AppliedAt      time.Time // UTC; when its last step was applied, zero if none was
}

// Migrate brings the schema up to date and says how many migrations it had to apply. Processes that start together take
// turns by a lease, a row in a table, since that also holds between the nodes of a Galera cluster. Where nothing is to be
// applied it only reads, so that an account without the right to change the schema can serve.
// A schema newer than this program is left as it is, with ErrAhead or ErrNewerSchema.
func Migrate(ctx context.Context, db *DB) (applied int, err error) {
	s, err := inspect(ctx, db)
	if err != nil || !s.behind() {
		return 0, errors.Join(err, s.newer())
	}
	host, _ := os.Hostname() // only shown to people who look at the lease
	owner := fmt.Sprintf("%s:%d", host, os.Getpid())
	for {
		held, err := Hold(ctx, db, "migrate", owner, migrateTTL, time.Now, func(ctx context.Context) error {
			var err error
			applied, err = applyAll(ctx, db)
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

// Status lists every migration that this program knows, and those that a newer one has applied. It makes the runner's own
// tables when they are missing.
func Status(ctx context.Context, db *DB) ([]MigrationStatus, error) {
	s, err := inspect(ctx, db)
	if err != nil {
		return nil, err
	}
	var list []MigrationStatus
	for _, file := range s.known {
		list = append(list, s.status(file.version, file.name, len(file.statements)))
	}
	for _, version := range s.unknown() {
		list = append(list, s.status(version, "unknown", len(s.done[version])))
	}
	return list, nil
}

// Current says whether this program may serve on the schema: every migration that it knows is applied, and at most the
// next generation's beside them, as when replicas are changed for newer ones one by one.
func Current(ctx context.Context, db *DB) (bool, error) {
	files, err := loadMigrations(db.dialect)
	if err != nil {
		return false, err
	}
	s, err := readSchema(db.Read(ctx), files)
	return err == nil && !s.behind() && !errors.Is(s.newer(), ErrNewerSchema), err
}

// schema is what is applied beside what this program knows.
type schema struct {
	known []migration            // in the order of their numbers
	done  map[int]map[int]Millis // when each step was applied, by migration
}

// inspect reads the schema, and makes the runner's own tables (migration 0) in a database that has not got them.
func inspect(ctx context.Context, db *DB) (s schema, err error) {
	files, err := loadMigrations(db.dialect)
	if err != nil {
		return s, err
	}
	tx := db.write.WithContext(ctx) // whose node of a cluster knows what this process has just written
	if !tx.Migrator().HasTable("leases") {
		for _, statement := range files[0].statements {
			if err := tx.Exec(statement).Error; err != nil {
				return s, fmt.Errorf("preparing to migrate: %w", err)
			}
		}
	}
	return readSchema(tx, files)
}

func readSchema(tx *gorm.DB, files []migration) (schema, error) {
	s := schema{known: files[1:], done: map[int]map[int]Millis{}}
	var rows []struct {
		Version, Step int
		AppliedAt     Millis
	}
	if err := tx.Raw("SELECT version, step, applied_at FROM schema_steps").Scan(&rows).Error; err != nil {
		return s, fmt.Errorf("reading the applied migrations: %w", err)
	}
	for _, row := range rows {
		if s.done[row.Version] == nil {
			s.done[row.Version] = map[int]Millis{}
		}
		s.done[row.Version][row.Step] = row.AppliedAt
	}
	return s, nil
}

func (s schema) status(version int, name string, steps int) MigrationStatus {
	m := MigrationStatus{Version: version, Name: name, Steps: steps, Applied: len(s.done[version])}
	for _, at := range s.done[version] {
		if moment := at.Time(); moment.After(m.AppliedAt) {
			m.AppliedAt = moment
		}
	}
	return m
}

// missing says whether a known migration has steps that are not applied.
func (s schema) missing(m migration) bool {
	for step := range m.statements {
		if _, ok := s.done[m.version][step]; !ok {
			return true
		}
	}
	return false
}

func (s schema) behind() bool { return slices.ContainsFunc(s.known, s.missing) }

// unknown are the migrations with an applied step that this program has not got.
func (s schema) unknown() (versions []int) {
	steps := map[int]int{}
	for _, m := range s.known {
		steps[m.version] = len(m.statements)
	}
	for version, done := range s.done {
		if slices.Max(slices.Collect(maps.Keys(done))) >= steps[version] {
			versions = append(versions, version)
		}
	}
	slices.Sort(versions)
	return versions
}

// newer gives ErrAhead or ErrNewerSchema for a schema with migrations that this program does not know. Of its own generation
// there may be none: those of a release are all in it, and between releases nothing is promised.
func (s schema) newer() error {
	unknown := s.unknown()
	if len(unknown) == 0 {
		return nil
	}
	cause := fmt.Errorf("migrations unknown to this program: %04d", unknown)
	next := s.known[len(s.known)-1].version/generation + 1
	for _, version := range unknown {
		if version/generation != next || s.behind() {
			return ErrNewerSchema.With(cause)
		}
	}
	return ErrAhead.With(cause)
}

func applyAll(ctx context.Context, db *DB) (applied int, err error) {
	s, err := inspect(ctx, db)
	if err == nil {
		err = s.newer()
	}
	if err != nil {
		return 0, err
	}
	for _, file := range s.known {
		if !s.missing(file) {
			continue
		}
		if err := apply(ctx, db, file, s.done[file.version]); err != nil {
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
