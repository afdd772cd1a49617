package rehearsal

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"hongbao/lottery/beacon"
	"hongbao/lottery/draw"
)

// fetch downloads the public bundle into Out/bundle, as anybody can.
func (s *script) fetch(ctx context.Context) error {
	names := []string{"notice", "chain.json", "plan", "reveals", "beacon.json", "result", "backfill", "excluded", "log"}
	for _, pool := range s.book.Pools.List {
		names = append(names, draw.PoolFile(pool.Name))
	}
	for _, name := range names {
		if err := s.fetchFile(ctx, name); err != nil {
			return err
		}
	}
	return s.fetchCheckpoints(ctx)
}

// fetchCheckpoints downloads a cosigned checkpoint for each line of this draw in the log.
func (s *script) fetchCheckpoints(ctx context.Context) error {
	b, err := os.ReadFile(s.bundlePath("log"))
	if err != nil {
		return err
	}
	lines, err := draw.ParseLog(b)
	if err != nil {
		return err
	}
	for i, line := range lines {
		if line.ID != s.book.ID {
			continue
		}
		if err := s.fetchFile(ctx, "checkpoints/"+strconv.Itoa(i+1)); err != nil {
			return err
		}
	}
	return nil
}

func (s *script) bundlePath(name string) string {
	return filepath.Join(s.Out, "bundle", filepath.FromSlash(name))
}

func (s *script) fetchFile(ctx context.Context, name string) error {
	var data []byte
	if err := s.api.do(ctx, http.MethodGet, "/api/v1/draws/"+s.book.ID+"/bundle/"+name, nil, nil, &data); err != nil {
		return err
	}
	return write(s.bundlePath(name), data)
}

func write(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

// download fetches the bundle as it stands now and holds it against the rules of draw/v1, as `hongbao verify` does.
func (s *script) download(ctx context.Context) (*draw.Report, error) {
	if err := s.fetch(ctx); err != nil {
		return nil, err
	}
	return draw.Verifier{Beacon: beacon.Verify}.Verify(draw.FS(os.DirFS(s.bundlePath("")))), nil
}

// verify checks the bundle before anything is paid, and finds the winners in it.
func (s *script) verify(ctx context.Context) error {
	report, err := s.download(ctx)
	if err != nil {
		return err
	}
	if !report.OK() {
		return fmt.Errorf("the bundle does not verify: %v", report.Failures())
	}
	s.Progress.say("  bundle verified: %d checks; %s", len(report.Checks), report.Label)
	b, err := os.ReadFile(s.bundlePath("result"))
	if err != nil {
		return err
	}
	result, err := draw.ParseResult(b)
	if err != nil {
		return err
	}
	hash := draw.Hash(s.book.HashName)
	s.summary.Draw = DrawDigests{PlanHash: result.Plan.String(), Seed: result.Seed.String(), ResultHash: hash.Sum(b).String()}
	return s.announceWinners(result)
}

// announceWinners tells each synthetic citizen in the result: real ones look their own entry up.
func (s *script) announceWinners(result *draw.Result) error {
	for _, award := range result.Awards {
		if award.Kind == draw.WaitAward {
			continue
		}
		for _, w := range award.Winners {
			c := s.byEntry[w.Entry.String()]
			if c == nil {
				return fmt.Errorf("the winner %s registered with nobody here", w.Entry)
			}
			s.winners = append(s.winners, c)
		}
	}
	s.Progress.say("  %d winners among %d registrations", len(s.winners), s.summary.Registrations)
	return nil
}
