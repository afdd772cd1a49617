package reporting

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"hongbao/internal/database"
	"hongbao/internal/fault"
)

// silence is how long a running report may say nothing before it counts as interrupted.
const silence = 15 * time.Minute

var errCancelled = fault.New(fault.Conflict, "report-cancelled", "报表已取消。", "The report was cancelled.")

// wake starts the worker of this process unless it is at work. One report is made at a time, so that a long one leaves the
// machine to the service. An order that comes in the moment the worker goes home is found by the next run of the job.
func (s *Service) wake() {
	if !s.making.TryLock() {
		return
	}
	go func() {
		defer s.making.Unlock()
		_, _ = s.makeAll(cmp.Or(s.Work, context.Background())) // a failure is in its run
	}()
}

// wait returns when the worker of this process has nothing left to do.
func (s *Service) wait() {
	s.making.Lock()
	defer s.making.Unlock()
}

// Leave takes nothing more from the queue: another process works it off, or the next start. The channel that comes back is closed
// once the report in hand is made, or was cut short and is in the queue again.
func (s *Service) Leave() <-chan struct{} {
	s.leaving.Store(true)
	ended := make(chan struct{})
	go func() {
		s.wait()
		close(ended)
	}()
	return ended
}

// MakeQueued makes what waits, ends what was interrupted, and removes what has expired.
func (s *Service) MakeQueued(ctx context.Context) (int, error) {
	swept, err := s.sweep(ctx)
	if err != nil || !s.making.TryLock() {
		return swept, err
	}
	defer s.making.Unlock()
	made, err := s.makeAll(ctx)
	return swept + made, err
}

// makeAll goes on until nothing is queued, or the process leaves. What cannot be made is failed and does not hold up the rest.
func (s *Service) makeAll(ctx context.Context) (made int, err error) {
	for !s.leaving.Load() {
		run, found, err := s.oldestQueued(ctx)
		if err != nil || !found {
			return made, err
		}
		if _, err := s.make(ctx, run); err == nil {
			made++
		} else if ctx.Err() != nil {
			return made, err
		}
	}
	return made, nil
}

// make claims a queued run and makes it. Another worker may have claimed it before, which is a Conflict. A run that is cut short
// because the process leaves is queued again.
func (s *Service) make(ctx context.Context, run Run) (Run, error) {
	if err := s.advance(ctx, &run, Running, map[string]any{"started_at": database.At(s.Now()), "beat_at": database.At(s.Now())}); err != nil {
		return run, err
	}
	err := s.produce(ctx, &run)
	switch kept := context.WithoutCancel(ctx); {
	case err == nil:
		return run, nil
	case ctx.Err() != nil && s.leaving.Load():
		return run, errors.Join(err, s.requeue(kept, run))
	default:
		return run, s.fail(kept, run, err)
	}
}

// produce writes the file to disk first, so that the database's one writer is only needed to store it. A report that panics
// fails alone.
func (s *Service) produce(ctx context.Context, run *Run) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("report %s panicked: %v\n%s", run.Number, p, debug.Stack())
		}
	}()
	file, err := os.CreateTemp("", "hongbao-report-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	o, err := s.write(ctx, *run, file)
	if err != nil {
		return err
	}
	if run.Size, err = file.Seek(0, io.SeekCurrent); err != nil {
		return err
	}
	run.RowCount, run.Digest, run.Signature = o.Rows, o.Digest, o.Signature
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return s.keep(ctx, run, file)
}

// write composes the run's report; an unmasked one never touches the disk in clear.
func (s *Service) write(ctx context.Context, run Run, w io.Writer) (Outcome, error) {
	cover, vocabulary, err := s.cover(ctx, run.CampaignID, run.Number, run.MadeBy)
	if err != nil {
		return Outcome{}, err
	}
	cover.Mark = markPlace
	order := Order{Name: run.Name, Format: run.Format, Unmasked: run.Unmasked}
	scope := Scope{Campaign: run.CampaignID, Words: vocabulary, Progress: func(rows int) error { return s.beat(ctx, run.ID, rows) }}
	if !run.Unmasked {
		return s.compose(ctx, order, cover, scope, w)
	}
	password, err := s.password(ctx, run)
	if err != nil {
		return Outcome{}, err
	}
	cover.Mark, cover.Release = "仅供 "+run.MadeBy+" 使用", run.releaseText()
	var plain bytes.Buffer
	o, err := s.compose(ctx, order, cover, scope, &plain)
	if err != nil {
		return o, err
	}
	return o, encrypt(w, plain.Bytes(), password)
}
