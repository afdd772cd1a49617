package lottery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"hongbao/lottery/draw"
)

// bundle is the public bundle of one draw, byte for byte as the specification's directory, read from the database.
type bundle struct {
	ctx  context.Context
	s    *Service
	draw *Draw
}

func (s *Service) bundle(ctx context.Context, d *Draw) bundle { return bundle{ctx, s, d} }

// OpenBundle gives the public bundle of a draw. A file that is not public yet does not exist (fs.ErrNotExist).
func (s *Service) OpenBundle(ctx context.Context, slug string) (draw.Bundle, error) {
	d, err := drawBySlug(s.DB.Read(ctx), slug)
	if err != nil {
		return nil, err
	}
	return s.bundle(ctx, d), nil
}

// Open gives one file of the bundle.
func (b bundle) Open(name string) (io.ReadCloser, error) {
	if !b.isPublic(name) {
		return nil, fs.ErrNotExist
	}
	db := b.s.DB.Read(b.ctx)
	if size, ok := strings.CutPrefix(name, "checkpoints/"); ok {
		return b.checkpoint(db, size)
	}
	switch name {
	case "log":
		return buffered(logUpTo(db, b.draw))
	case draw.KindBackfill.File():
		return buffered(backfillFile(db, b.draw.ID, b.draw.PromotionsLogged))
	}
	return openFile(db, b.draw.ID, name)
}

// isPublic reports whether a file of this name, if there is one, may be seen: nothing before the notice, no chain
// or list before the plan, no promotions before the result.
func (b bundle) isPublic(name string) bool {
	switch {
	case b.draw.Status == Prepared:
		return false
	case name == draw.KindChain.File(), name == draw.KindExcluded.File(), strings.HasPrefix(name, "pools/"):
		return b.draw.PlanHash != nil
	case name == draw.KindBackfill.File():
		return b.draw.ResultHash != nil
	}
	return true
}

func (b bundle) checkpoint(db *gorm.DB, name string) (io.ReadCloser, error) {
	size, err := strconv.ParseInt(name, 10, 64)
	if err != nil || size < 1 || strconv.FormatInt(size, 10) != name {
		return nil, fs.ErrNotExist
	}
	line, err := lineAt(db, b.draw.City, size)
	if errors.Is(err, errNoSize) || err == nil && line.DrawID != b.draw.ID {
		return nil, fs.ErrNotExist
	}
	if err != nil {
		return nil, err
	}
	return buffered(b.s.Checkpoint(b.ctx, b.draw.City, size))
}

func buffered(data []byte, err error) (io.ReadCloser, error) {
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// Names lists the files that the bundle has now.
func (b bundle) names() ([]string, error) {
	db := b.s.DB.Read(b.ctx)
	names, err := fileNames(db, b.draw.ID)
	if err != nil {
		return nil, err
	}
	positions, err := drawPositions(db, b.draw.ID)
	for _, position := range positions {
		names = append(names, fmt.Sprintf("checkpoints/%d", position))
	}
	return append(names, draw.KindBackfill.File(), "log"), err
}

// ExportBundle writes the bundle as a directory, which is made when it is missing; files that are not public yet are left out.
func (s *Service) ExportBundle(ctx context.Context, slug, dir string) error {
	d, err := drawBySlug(s.DB.Read(ctx), slug)
	if err != nil {
		return err
	}
	b := s.bundle(ctx, d)
	names, err := b.names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := export(b, name, filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			return fmt.Errorf("exporting %s: %w", name, err)
		}
	}
	return nil
}

func export(b bundle, name, path string) (err error) {
	source, err := b.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	target, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}

// verify runs the public verifier over the public files and stores what it says, whatever that is.
func (s *Service) verify(ctx context.Context, d *Draw, lines int64) error {
	report := draw.Verifier{Beacon: s.VerifyBeacon}.Verify(s.bundle(ctx, d))
	text, err := json.Marshal(report)
	if err != nil {
		return err
	}
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		return storeReport(tx, d, string(text), report.OK(), lines, s.now())
	})
}
