package lottery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/lottery/draw"
)

// clockAhead is how far ahead of ours a witness's clock may be.
const clockAhead = time.Minute

var (
	errNoLog       = fault.New(fault.NotFound, "log-unknown", "没有这个城市的公开日志。", "There is no public log of this city.")
	errNoSize      = fault.New(fault.NotFound, "checkpoint-unknown", "没有这个大小的日志检查点。", "There is no checkpoint of this size.")
	errUndeclared  = fault.New(fault.Forbidden, "cosignature-undeclared", "签名的密钥不在公告所列的见证人之中。", "The key is not one of the witnesses that the notice declares.")
	errCosignature = fault.New(fault.Invalid, "cosignature-invalid", "见证签名无效。", "The cosignature is not valid.")
	errRepeated    = fault.New(fault.Conflict, "cosignature-repeated", "这位见证人已签署这一检查点。", "This witness has cosigned this checkpoint already.")
	errTooEarly    = fault.New(fault.Conflict, "cosignature-too-early", "签名时间早于上一步骤，请校准时钟。", "The cosignature's time is before the step that it must follow; please set the clock.")
	errClock       = fault.New(fault.Conflict, "cosignature-clock", "签名时间晚于现在，请校准时钟。", "The cosignature's time is in the future; please set the clock.")
)

// appendLine adds one line to the city's log and signs the checkpoint of its size, in the transaction of the step that it records.
// The head row is locked first, so that positions have no gap and no twin.
func (s *Service) appendLine(tx *gorm.DB, d *Draw, kind draw.Kind, hash draw.Digest) error {
	size, err := nextPosition(tx, d.City)
	if err != nil {
		return err
	}
	line := draw.LogLine{Kind: kind, ID: d.Slug, Hash: hash}
	row := logLine{City: d.City, Position: size, DrawID: d.ID, Kind: kind, Hash: database.Bytes32(hash), Line: line.String(), At: s.now()}
	if err := tx.Table("log_lines").Create(&row).Error; err != nil {
		return fmt.Errorf("adding line %d: %w", size, err)
	}
	lines, err := logLines(tx, d.City)
	if err != nil {
		return err
	}
	if err := draw.CheckLog(lines); err != nil {
		return errStatus.With(err)
	}
	return s.signCheckpoint(tx, d.City, lines)
}

func (s *Service) signCheckpoint(tx *gorm.DB, city string, lines []draw.LogLine) error {
	key, err := s.LogKey(city)
	if err != nil {
		return fmt.Errorf("log key of %s: %w", city, err)
	}
	c := draw.Checkpoint{Origin: key.Name(), Size: int64(len(lines)), Root: draw.LogRoot(lines)}
	signed, err := draw.SignCheckpoint(c, key)
	if err != nil {
		return fmt.Errorf("signing checkpoint %d: %w", c.Size, err)
	}
	return tx.Table("checkpoints").Create(&checkpoint{City: city, Size: c.Size, Root: database.Bytes32(c.Root), Note: string(signed)}).Error
}

// Cosigned is how far a checkpoint has come.
type Cosigned struct {
	Size     int64 `json:"size"`
	Cosigned int   `json:"cosigned"`
	Quorum   int   `json:"quorum"`
}

// maxLines bounds the signature lines of one request.
const maxLines = 100

// Cosign takes one or more signature lines of witnesses ("— name base64", C2SP signed note) on the checkpoint of this size. A line is
// refused unless a witness of the draw that the size belongs to made it, canonically, and not before the step that it must follow.
// The same line again changes nothing. Everything is checked before the transaction, so that a stranger cannot hold the database.
func (s *Service) Cosign(ctx context.Context, city string, size int64, lines string) (Cosigned, error) {
	db := s.DB.Read(ctx)
	at, err := lineAt(db, city, size)
	if err != nil {
		return Cosigned{}, err
	}
	d, err := drawByID(db, at.DrawID)
	if err != nil {
		return Cosigned{}, err
	}
	rows, err := s.openCosignatures(db, d, at, lines)
	if err != nil {
		return Cosigned{}, err
	}
	result := Cosigned{Size: size, Quorum: d.Quorum}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		for _, row := range rows {
			if err := addCosignature(tx, row); err != nil {
				return err
			}
		}
		result.Cosigned, err = countCosignatures(tx, city, size)
		return err
	})
	return result, err
}

func (s *Service) openCosignatures(db *gorm.DB, d *Draw, at logLine, lines string) ([]cosignature, error) {
	keys, err := s.keys(db, d)
	if err != nil {
		return nil, err
	}
	signed, err := checkpointNote(db, at.City, at.Position)
	if err != nil {
		return nil, err
	}
	split := slices.Collect(strings.Lines(lines))
	if len(split) == 0 || len(split) > maxLines {
		return nil, errCosignature
	}
	rows := make([]cosignature, len(split))
	for i, line := range split {
		if rows[i], err = openCosignature(signed, line, keys); err != nil {
			return nil, err
		}
		if err := s.checkTime(db, d, at, rows[i].At); err != nil {
			return nil, err
		}
		rows[i].City, rows[i].Size, rows[i].ReceivedAt = at.City, at.Position, s.now()
	}
	return rows, nil
}

// openCosignature checks one line against the bare checkpoint and gives it as a row.
func openCosignature(signed []byte, line string, keys draw.Keys) (cosignature, error) {
	fields := strings.Fields(line)
	if len(fields) != 3 {
		return cosignature{}, errCosignature
	}
	declared := func(v note.Verifier) bool { return v.Name() == fields[1] }
	if !slices.ContainsFunc(keys.Witnesses, declared) {
		return cosignature{}, errUndeclared
	}
	full, err := draw.AddCosignature(signed, line, keys)
	if err != nil {
		return cosignature{}, errCosignature.With(err)
	}
	opened, err := keys.Open(full)
	if err != nil || len(opened.Times) != 1 {
		return cosignature{}, errCosignature.With(err)
	}
	return cosignature{Witness: opened.Witnesses[0], At: database.Millis(opened.Times[0] * 1000), Line: line}, nil
}

// checkTime holds the order that verifiers demand of cosignature times: a plan not before the close, reveals not before the plan.
// Without this a witness with a slow clock would spoil the draw for good.
func (s *Service) checkTime(db *gorm.DB, d *Draw, at logLine, signed database.Millis) error {
	if signed > database.At(s.Now().Add(clockAhead)) {
		return errClock
	}
	var earliest database.Millis
	switch at.Kind {
	case draw.KindPlan:
		earliest = d.CloseAt
	case draw.KindReveals:
		planned, err := cosignedTime(db, d, draw.KindPlan)
		if err != nil {
			return err
		}
		earliest = planned
	}
	if signed < earliest {
		return errTooEarly
	}
	return nil
}

// keys are those that the draw's notice declares.
func (s *Service) keys(db *gorm.DB, d *Draw) (draw.Keys, error) {
	n, err := publishedNotice(db, d)
	if err != nil {
		return draw.Keys{}, err
	}
	return n.Keys()
}

// cosignedBy reports whether every line of these kinds has the quorum, and the time of the last of them to get it.
func cosignedBy(tx *gorm.DB, d *Draw, kinds ...draw.Kind) (database.Millis, bool, error) {
	var last database.Millis
	for _, kind := range kinds {
		t, err := cosignedTime(tx, d, kind)
		if err != nil || t == 0 {
			return 0, false, err
		}
		last = max(last, t)
	}
	return last, true, nil
}

// LogText is the city's log: its lines, each with \n.
func (s *Service) LogText(ctx context.Context, city string) ([]byte, error) {
	lines, err := logLines(s.DB.Read(ctx), city)
	if err == nil && len(lines) == 0 {
		err = errNoLog
	}
	return draw.FormatLog(lines), err
}

// Checkpoint is the signed note of this size (0: the newest) with the cosignatures got so far.
func (s *Service) Checkpoint(ctx context.Context, city string, size int64) ([]byte, error) {
	db := s.DB.Read(ctx)
	if size == 0 {
		newest, err := logSize(db, city)
		if err != nil {
			return nil, err
		}
		size = newest
	}
	signed, err := checkpointNote(db, city, size)
	if err != nil {
		return nil, err
	}
	lines, err := cosignatureLines(db, city, size)
	return append(signed, strings.Join(lines, "")...), err
}

// Work is what a witness has before it: the log, and the checkpoints that lack its cosignature.
type Work struct {
	Origin string   `json:"origin"`
	Log    string   `json:"log"`
	Wanted []Wanted `json:"wanted"`
}

// Wanted is one checkpoint to cosign, signed by the log key only.
type Wanted struct {
	Size       int64     `json:"size"`
	Draw       string    `json:"draw"`
	Kind       draw.Kind `json:"kind"`
	Checkpoint string    `json:"checkpoint"`
}

// Wanted gives a witness its work, ascending by size; without a name, every checkpoint below its quorum.
func (s *Service) Wanted(ctx context.Context, city, witness string) (Work, error) {
	log, err := s.LogText(ctx, city)
	if err != nil {
		return Work{}, err
	}
	key, err := s.LogKey(city)
	if err != nil {
		return Work{}, err
	}
	work := Work{Origin: key.Name(), Log: string(log), Wanted: []Wanted{}}
	work.Wanted, err = wantedCheckpoints(s.DB.Read(ctx), city, witness)
	return work, err
}

// notExist reports whether err says that a row is missing.
func notExist(err error) bool { return errors.Is(err, gorm.ErrRecordNotFound) }
