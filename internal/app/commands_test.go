package app

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/testkit"
)

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr))
	}
	setLog(os.Stderr, "error")
	if now := os.Getenv(asSender); now != "" {
		os.Exit(sender(now))
	}
	os.Exit(m.Run())
}

func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Name() == "help" || c.Name() == "completion" {
			return
		}
		if c.Short == "" || c.HasParent() && c.Example == "" {
			t.Errorf("%s: no help or no example", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(rootCommand())
}

func run(arguments ...string) (status int, output string) {
	var out bytes.Buffer
	return Main(arguments, &out, &out), out.String()
}

func TestCommandsOnADatabase(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "a.db")
	if status, out := run("migrate", "up", "--database", url); status != 0 || strings.HasPrefix(out, "0 migration") {
		t.Errorf("up: %d %s", status, out)
	}
	if status, out := run("migrate", "status", "--database", url); status != 0 || strings.Contains(out, "not applied") {
		t.Errorf("status: %d %s", status, out)
	}
	if status, out := run("check", "--database", url); status != 0 || !strings.Contains(out, " 0 failed") {
		t.Errorf("check: %d %s", status, out)
	}
	if status, out := run("check", "--database", "nonsense"); status == 0 || !strings.Contains(out, "1 mistake") {
		t.Errorf("nonsense: %d %s", status, out)
	}
	if status, out := run("verify", t.TempDir()); status == 0 {
		t.Errorf("an empty bundle verifies: %s", out)
	}
	if status, out := run("rehearse", "--campaign", "no-such-file.yaml"); status == 0 || !strings.Contains(out, "no-such-file.yaml") {
		t.Errorf("rehearse: %d %s", status, out)
	}
}

func TestUserAdd(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secret, []byte("a long enough secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HONGBAO_MASTER_KEY", strings.Repeat("07", 32))
	t.Setenv("HONGBAO_DATABASE", "sqlite:"+filepath.Join(t.TempDir(), "a.db"))
	status, out := run("user", "add", "li.na", "--name", "李娜", "--role", "approver", "--password-file", secret)
	if status != 0 || !strings.Contains(out, "otpauth://") || strings.Contains(out, "a long enough secret") {
		t.Errorf("%d %s", status, out)
	}
	if status, out = run("user", "add", "li.na", "--name", "李娜", "--role", "approver"); status == 0 {
		t.Errorf("the same name again: %s", out)
	}
	if status, out = run("user", "add", "wu.di", "--name", "吴迪", "--role", "emperor"); status == 0 {
		t.Errorf("an unknown role: %s", out)
	}
}

func TestSchedulerRecordsRunsAndKeepsThemApart(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		ctx := context.Background()
		started, finish := make(chan struct{}), make(chan struct{})
		s := &Scheduler{DB: db, Now: time.Now, Jobs: []database.Job{
			{Name: "slow", Run: func(context.Context) (int, error) { close(started); <-finish; return 3, nil }},
			{Name: "broken", Run: func(context.Context) (int, error) { return 1, fault.New(fault.Internal, "x", "坏", "broken") }},
		}}
		first := make(chan error, 1)
		go func() { _, err := s.RunNow(ctx, "slow", "li.na"); first <- err }()
		<-started
		if _, err := s.RunNow(ctx, "slow", "wu.di"); fault.KindOf(err) != fault.Conflict {
			t.Errorf("a second run beside the first: %v", err)
		}
		close(finish)
		if err := <-first; err != nil {
			t.Fatal(err)
		}
		if _, err := s.RunNow(ctx, "broken", "li.na"); err == nil {
			t.Error("the job's error is lost")
		}
		if _, err := s.RunNow(ctx, "nothing", "li.na"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("an unknown job: %v", err)
		}
		runs, err := lastRuns(ctx, db)
		if err != nil || len(runs) != 2 {
			t.Fatalf("%d runs, %v", len(runs), err)
		}
		if r := runs[1]; r.Job != "slow" || r.By != "li.na" || r.Rows != 3 || r.FinishedAt == 0 || r.Error != "" {
			t.Errorf("slow: %+v", r)
		}
		if r := runs[0]; r.Job != "broken" || r.Rows != 1 || !strings.Contains(r.Error, "broken") {
			t.Errorf("broken: %+v", r)
		}
	})
}

func TestClockNeverGoesBack(t *testing.T) {
	start := time.Date(2020, 12, 5, 0, 0, 0, 0, time.UTC)
	c := NewClock(start)
	c.Set(start.Add(time.Hour))
	c.Set(start)
	if !c.Now().Equal(start.Add(time.Hour)) {
		t.Errorf("%s", c.Now())
	}
	c.Release()
	if time.Since(c.Now()) > time.Minute {
		t.Errorf("released, it shows %s", c.Now())
	}
}
