package reporting

import (
	"context"
	"io"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/fault"
)

// chunkSize keeps each row of a file well below a server's packet limit.
const chunkSize = 1 << 20

func (s *Service) begin(ctx context.Context, run *Run) error {
	return s.DB.InTx(ctx, func(tx *gorm.DB) error { run.ID = 0; return tx.Create(run).Error })
}

func (s *Service) fail(ctx context.Context, run Run, cause error) error {
	reason := cause.Error()
	if len(reason) > 400 {
		reason = reason[:400]
	}
	if f, ok := fault.As(cause); ok {
		reason = f.ZH
	}
	err := s.DB.InTx(ctx, func(tx *gorm.DB) error {
		return database.Advance(tx, "report_runs", run.ID, "running", "failed", map[string]any{"finished_at": database.At(s.Now()), "error": reason})
	})
	if err != nil {
		return err
	}
	return cause
}

// keep stores the file in chunks and finishes the run in one transaction.
func (s *Service) keep(ctx context.Context, run *Run, file []byte) error {
	run.FinishedAt, run.Status = database.At(s.Now()), "done"
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		for n := 0; n*chunkSize < len(file); n++ {
			part := file[n*chunkSize : min(len(file), (n+1)*chunkSize)]
			if err := tx.Exec("INSERT INTO report_chunks (run_id, n, data) VALUES (?, ?, ?)", run.ID, n, part).Error; err != nil {
				return err
			}
		}
		set := map[string]any{"finished_at": run.FinishedAt, "row_count": run.RowCount, "digest": run.Digest, "size": run.Size}
		if err := database.Advance(tx, "report_runs", run.ID, "running", "done", set); err != nil {
			return err
		}
		return s.audited(tx, *run, run.MadeBy, "report.make")
	})
}

// Runs lists a campaign's reports, newest first.
func (s *Service) Runs(ctx context.Context, campaignID int64, limit int) ([]Run, error) {
	var runs []Run
	err := s.DB.Read(ctx).Raw("SELECT * FROM report_runs WHERE campaign_id = ? ORDER BY id DESC LIMIT ?", campaignID, limit).Scan(&runs).Error
	return runs, err
}

// Run looks one up. An unknown id is NotFound.
func (s *Service) Run(ctx context.Context, id int64) (Run, error) {
	var runs []Run
	if err := s.DB.Read(ctx).Raw("SELECT * FROM report_runs WHERE id = ?", id).Scan(&runs).Error; err != nil {
		return Run{}, err
	}
	if len(runs) == 0 {
		return Run{}, fault.New(fault.NotFound, "report-missing", "没有这份报表", "there is no such report")
	}
	return runs[0], nil
}

// Download streams a finished report's file to w after writing the download to the audit trail.
func (s *Service) Download(ctx context.Context, run Run, by string, w io.Writer) error {
	if run.Status != "done" {
		return fault.New(fault.Conflict, "report-not-ready", "报表尚未生成完毕", "the report is not finished")
	}
	if err := s.DB.InTx(ctx, func(tx *gorm.DB) error { return s.audited(tx, run, by, "report.download") }); err != nil {
		return err
	}
	rows, err := s.DB.Read(ctx).Raw("SELECT data FROM report_chunks WHERE run_id = ? ORDER BY n", run.ID).Rows()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var part []byte
		if err := rows.Scan(&part); err != nil {
			return err
		}
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return rows.Err()
}

// madeSince says whether the daily job has made the report since a moment.
func (s *Service) madeSince(ctx context.Context, campaignID int64, name string, since time.Time) (bool, error) {
	var n int
	err := s.DB.Read(ctx).Raw("SELECT COUNT(*) FROM report_runs WHERE campaign_id = ? AND name = ? AND made_by = ? AND status = 'done' AND started_at >= ?",
		campaignID, name, dailyMaker, database.At(since)).Scan(&n).Error
	return n > 0, err
}
