package reporting

import (
	"context"
	"errors"
	"io"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/fault"
)

// chunkSize keeps each row of a file well below a server's packet limit.
const chunkSize = 1 << 20

// advance changes a run's status by the table in mayBecome, in the row and in hand.
func (s *Service) advance(ctx context.Context, run *Run, to string, set map[string]any) error {
	return s.DB.InTx(ctx, func(tx *gorm.DB) error { return advance(tx, run, to, set) })
}

func advance(tx *gorm.DB, run *Run, to string, set map[string]any) error {
	if !mayBecome(run.Status, to) {
		return database.ErrAdvanced
	}
	if err := database.Advance(tx, "report_runs", run.ID, run.Status, to, set); err != nil {
		return err
	}
	run.Status = to
	return nil
}

// beat says that a run gets on, and learns whether it was cancelled: then the row is no longer running.
func (s *Service) beat(ctx context.Context, id int64, rows int) error {
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		result := tx.Exec("UPDATE report_runs SET row_count = ?, beat_at = ? WHERE id = ? AND status = ?", rows, database.At(s.Now()), id, Running)
		if result.Error == nil && result.RowsAffected == 0 {
			return errCancelled
		}
		return result.Error
	})
}

// fail keeps the reason with the run, unless the run has been cancelled, and gives the cause back.
func (s *Service) fail(ctx context.Context, run Run, cause error) error {
	reason := []rune(cause.Error())
	if f, ok := fault.As(cause); ok {
		reason = []rune(f.ZH)
	}
	if err := s.dropFile(ctx, run.ID); err != nil {
		return errors.Join(cause, err)
	}
	err := s.advance(ctx, &run, Failed, map[string]any{"finished_at": database.At(s.Now()), "error": string(reason[:min(len(reason), 400)])})
	if errors.Is(err, database.ErrAdvanced) {
		return errCancelled
	}
	return errors.Join(cause, err)
}

// requeue gives a run back to the queue, unless it has been cancelled.
func (s *Service) requeue(ctx context.Context, run Run) error {
	if err := s.dropFile(ctx, run.ID); err != nil {
		return err
	}
	return s.advance(ctx, &run, Queued, map[string]any{"started_at": 0, "beat_at": 0, "row_count": 0})
}

func (s *Service) dropFile(ctx context.Context, id int64) error {
	return s.DB.InTx(ctx, func(tx *gorm.DB) error { return tx.Exec("DELETE FROM report_chunks WHERE run_id = ?", id).Error })
}

// keep stores the file, a part at a time so that others can write in between, and finishes the run.
func (s *Service) keep(ctx context.Context, run *Run, file io.Reader) error {
	part := make([]byte, chunkSize)
	for n := 0; ; n++ {
		size, err := io.ReadFull(file, part)
		if err == io.EOF {
			break
		}
		if err != nil && err != io.ErrUnexpectedEOF {
			return err
		}
		err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
			return tx.Exec("INSERT INTO report_chunks (run_id, n, data) VALUES (?, ?, ?)", run.ID, n, part[:size]).Error
		})
		if err != nil {
			return err
		}
	}
	run.FinishedAt = database.At(s.Now())
	if run.Unmasked {
		run.ExpiresAt = database.At(s.Now().Add(unmaskedFor))
	}
	set := map[string]any{"finished_at": run.FinishedAt, "expires_at": run.ExpiresAt, "row_count": run.RowCount, "digest": run.Digest, "signature": run.Signature, "size": run.Size}
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		kept := *run
		if err := advance(tx, &kept, Done, set); err != nil {
			return err
		}
		if err := s.audited(tx, kept, run.MadeBy, "report.make"); err != nil {
			return err
		}
		*run = kept
		return nil
	})
}

// sweep ends runs that were interrupted, as by a crash, and removes the files that have expired.
func (s *Service) sweep(ctx context.Context) (swept int, err error) {
	now := s.Now()
	var runs []Run
	err = s.DB.Read(ctx).Raw("SELECT * FROM report_runs WHERE (status = ? AND beat_at < ?) OR (status = ? AND expires_at > 0 AND expires_at <= ?) ORDER BY id",
		Running, database.At(now.Add(-silence)), Done, database.At(now)).Scan(&runs).Error
	if err != nil {
		return 0, err
	}
	for _, run := range runs {
		to, set := Expired, map[string]any{"secret": nil}
		if run.Status == Running {
			to, set = Failed, map[string]any{"finished_at": database.At(now), "error": "制作中断，请重新生成。"}
		}
		if err := errors.Join(s.advance(ctx, &run, to, set), s.dropFile(ctx, run.ID)); err != nil {
			return swept, err
		}
		swept++
	}
	return swept, nil
}

// oldestQueued is the next run to make.
func (s *Service) oldestQueued(ctx context.Context) (run Run, found bool, err error) {
	result := s.DB.Read(ctx).Raw("SELECT * FROM report_runs WHERE status = ? ORDER BY id LIMIT 1", Queued).Scan(&run)
	return run, result.RowsAffected == 1, result.Error
}

// Runs lists a campaign's reports, newest first, from before the one with that id on (0: from the newest).
func (s *Service) Runs(ctx context.Context, campaignID, before int64, limit int) ([]Run, error) {
	var runs []Run
	err := s.DB.Read(ctx).Raw("SELECT * FROM report_runs WHERE campaign_id = ? AND (? = 0 OR id < ?) ORDER BY id DESC LIMIT ?", campaignID, before, before, limit).Scan(&runs).Error
	return runs, err
}

// Run looks one up. An unknown id is NotFound.
func (s *Service) Run(ctx context.Context, id int64) (Run, error) { return readRun(s.DB.Read(ctx), id) }

func readRun(tx *gorm.DB, id int64) (Run, error) {
	var runs []Run
	if err := tx.Raw("SELECT * FROM report_runs WHERE id = ?", id).Scan(&runs).Error; err != nil {
		return Run{}, err
	}
	if len(runs) == 0 {
		return Run{}, fault.New(fault.NotFound, "report-missing", "没有这份报表。", "There is no such report.")
	}
	return runs[0], nil
}

// Cancel ends a run that is not done yet. A worker that makes it notices within some thousand rows.
func (s *Service) Cancel(ctx context.Context, run Run, by string) error {
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		now, err := readRun(tx, run.ID)
		if err != nil {
			return err
		}
		if err := advance(tx, &now, Cancelled, map[string]any{"finished_at": database.At(s.Now())}); err != nil {
			return err
		}
		return s.audited(tx, now, by, "report.cancel")
	})
}

// copyFile writes a kept file to w.
func (s *Service) copyFile(ctx context.Context, id int64, w io.Writer) error {
	rows, err := s.DB.Read(ctx).Raw("SELECT data FROM report_chunks WHERE run_id = ? ORDER BY n", id).Rows()
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

// madeSince says whether somebody has made the report, or is about to, since a moment. A failed making counts too, so that what
// cannot be released is not tried all day.
func (s *Service) madeSince(ctx context.Context, campaignID int64, name, maker string, since time.Time) (bool, error) {
	var n int
	err := s.DB.Read(ctx).Raw("SELECT COUNT(*) FROM report_runs WHERE campaign_id = ? AND name = ? AND made_by = ? AND asked_at >= ?",
		campaignID, name, maker, max(0, database.At(since))).Scan(&n).Error
	return n > 0, err
}
