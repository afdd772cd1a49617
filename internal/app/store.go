package app

import (
	"context"
	"time"

	"gorm.io/gorm"

	"hongbao/admin"
	"hongbao/internal/database"
)

// idleKept is how long a run that moved nothing stays in job_runs; runs that did something, or failed, stay for good.
const idleKept = 24 * time.Hour

// beginRun writes that a job has started. A row without an end is a run in progress, or one whose process died.
func beginRun(ctx context.Context, db *database.DB, job, who string, at time.Time) (id int64, err error) {
	err = db.InTx(ctx, func(tx *gorm.DB) error {
		row := struct {
			ID        int64
			Job       string
			StartedAt database.Millis
			RunBy     string
		}{Job: job, StartedAt: database.At(at), RunBy: who}
		if err := tx.Table("job_runs").Create(&row).Error; err != nil {
			return err
		}
		id = row.ID
		return tx.Exec("DELETE FROM job_runs WHERE job = ? AND started_at < ? AND finished_at > 0 AND done_rows = 0 AND error = ''",
			job, database.At(at.Add(-idleKept))).Error
	})
	if err != nil {
		return 0, err
	}
	return id, nil
}

// endRun writes how a run ended.
func endRun(ctx context.Context, db *database.DB, id int64, at time.Time, rows int, problem error) error {
	sentence := ""
	if problem != nil {
		sentence = truncate(problem.Error(), 500)
	}
	return db.InTx(ctx, func(tx *gorm.DB) error {
		return tx.Exec("UPDATE job_runs SET finished_at = ?, done_rows = ?, error = ? WHERE id = ?", database.At(at), rows, sentence, id).Error
	})
}

func truncate(s string, characters int) string {
	r := []rune(s)
	return string(r[:min(len(r), characters)])
}

const runColumns = "SELECT job, run_by AS `by`, error, started_at, finished_at, done_rows AS `rows` FROM job_runs "

// runsOf gives the newest runs of a job.
func runsOf(ctx context.Context, db *database.DB, job string, limit int) (runs []admin.JobRun, err error) {
	err = db.Read(ctx).Raw(runColumns+"WHERE job = ? ORDER BY id DESC LIMIT ?", job, limit).Scan(&runs).Error
	return runs, err
}

// lastRuns gives the newest run of each job.
func lastRuns(ctx context.Context, db *database.DB) (runs []admin.JobRun, err error) {
	err = db.Read(ctx).Raw(runColumns + "WHERE id IN (SELECT MAX(id) FROM job_runs GROUP BY job) ORDER BY id DESC").Scan(&runs).Error
	return runs, err
}

// lastStart is when a job was last begun, by whichever replica; zero if never.
func lastStart(ctx context.Context, db *database.DB, job string) (time.Time, error) {
	var at database.Millis
	err := db.Read(ctx).Raw("SELECT started_at FROM job_runs WHERE job = ? ORDER BY id DESC LIMIT 1", job).Scan(&at).Error
	if at == 0 {
		return time.Time{}, err
	}
	return at.Time(), err
}

// lastTick is when a job was last begun by its schedule. It is read where it is written: on a cluster, another node may be behind.
func lastTick(ctx context.Context, db *database.DB, job string) (time.Time, error) {
	var at database.Millis
	err := db.InTx(ctx, func(tx *gorm.DB) error {
		return tx.Raw("SELECT started_at FROM job_runs WHERE job = ? AND run_by = ? ORDER BY id DESC LIMIT 1", job, byClock).Scan(&at).Error
	})
	if at == 0 {
		return time.Time{}, err
	}
	return at.Time(), err
}

// lastFailed says whether the last run of a job that has ended was a failure.
func lastFailed(ctx context.Context, db *database.DB, job string) (failed bool, err error) {
	err = db.Read(ctx).Raw("SELECT error <> '' FROM job_runs WHERE job = ? AND finished_at > 0 ORDER BY id DESC LIMIT 1", job).Scan(&failed).Error
	return failed, err
}
