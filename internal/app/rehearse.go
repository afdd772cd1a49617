package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"hongbao/campaign"
	"hongbao/disbursement/sandbox"
	"hongbao/examples"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/rehearsal"
	"hongbao/internal/staff"
	"hongbao/internal/web"
	"hongbao/reporting"
)

// rehearsalOptions are the flags of rehearse.
type rehearsalOptions struct {
	campaign      string
	registrations int
	faults        string
	seed          uint64
	database      string
	out           string
	json          bool

	before func(*web.Web) http.Handler // what a test puts before the engine
}

func rehearseCommand() *cobra.Command {
	var o rehearsalOptions
	cmd := &cobra.Command{
		Use: "rehearse", Short: "Run a whole campaign on this machine: rule book to regulator's workbook",
		Long: "Run a city's dress rehearsal: the real service over HTTP on the loopback address, six simulated operators, a sandbox beacon, and\n" +
			"a clock that runs through the campaign's calendar. The exit status is 0 only if every check holds.\n\n" +
			"Without --database it uses a fresh SQLite file in the output directory.",
		Example: "  hongbao rehearse --registrations 2000 --out var/r\n  hongbao rehearse --campaign examples/chengdu-2021.yaml --faults harsh --seed 7 --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			setLog(cmd.ErrOrStderr(), "error")
			progress := rehearsal.Progress{Out: cmd.ErrOrStderr(), Terminal: isatty.IsTerminal(os.Stderr.Fd())}
			summary, err := rehearse(cmd.Context(), o, progress)
			if err != nil {
				return err
			}
			return printSummary(cmd.OutOrStdout(), summary, o.json)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.campaign, "campaign", "examples/suzhou-2020.yaml", "rule book")
	flags.IntVar(&o.registrations, "registrations", 2000, "how many synthetic citizens try to register")
	flags.StringVar(&o.faults, "faults", "normal", "how badly the operators behave: none, normal or harsh")
	flags.Uint64Var(&o.seed, "seed", 1, "seed of people and faults")
	flags.StringVar(&o.database, "database", "", "database (default: a fresh SQLite file in the output directory)")
	flags.StringVar(&o.out, "out", "var/rehearsal", "directory for bundle, reports, statements and summary.json")
	flags.BoolVar(&o.json, "json", false, "print summary.json as well")
	return cmd
}

func printSummary(w io.Writer, summary *rehearsal.Summary, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(summary); err != nil {
			return err
		}
	} else {
		summary.Print(w)
	}
	if !summary.OK() {
		return errFailed
	}
	return nil
}

// rehearse runs the service, the world around it and the people who use both, and returns what came of it.
func rehearse(ctx context.Context, o rehearsalOptions, progress rehearsal.Progress) (*rehearsal.Summary, error) {
	book, err := readRuleBook(o.campaign)
	if err != nil {
		return nil, err
	}
	if o.registrations < 1 {
		return nil, errors.New("--registrations must be at least 1")
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	clock := NewClock(book.Windows.Notice.AddDate(0, 0, -3))
	stage, err := openStage(ctx, o, clock)
	if err != nil {
		return nil, err
	}
	defer stage.close()
	if book, err = stage.unused(ctx, book); err != nil {
		return nil, err
	}
	return stage.rehearsal(o, book, rehearsal.Closed, progress).Run(ctx)
}

func readRuleBook(path string) (*campaign.RuleBook, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) && filepath.Dir(path) == "examples" {
		b, err = examples.Files.ReadFile(filepath.Base(path)) // away from a checkout
	}
	if err != nil {
		return nil, err
	}
	book, err := campaign.ParseRuleBook(b)
	if f, ok := fault.As(err); ok {
		return nil, fmt.Errorf("%s is refused, nothing was stored:\n%s", path, f.EN)
	}
	return book, err
}

// stage is the service at an address of its own, in the simulated world, with staff.
type stage struct {
	platform *platform
	world    *world
	clock    *Clock
	address  string
	staff    []rehearsal.Account
	stop     context.CancelFunc
	served   chan error
}

// openStage starts everything on the loopback address.
func openStage(ctx context.Context, o rehearsalOptions, clock *Clock) (*stage, error) {
	config, err := Load(Source{Fallback: rehearsalKeys()})
	if err != nil {
		return nil, err
	}
	db, err := rehearsalDatabase(ctx, o)
	if err != nil {
		return nil, err
	}
	options := sandbox.Options{Seed: int64(o.seed), Faults: sandbox.Faults(o.faults), Now: clock.Now, PlatformKey: &config.Keys.Operator.PublicKey, Log: slog.Default()}
	w, err := startWorld(ctx, options)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s := &stage{world: w, clock: clock, served: make(chan error, 1)}
	if s.platform, err = s.assemble(db, config); err != nil {
		return nil, errors.Join(err, w.close(), db.Close())
	}
	if o.before != nil {
		s.platform.handler = o.before(s.platform.web)
	}
	if s.staff, err = hire(ctx, s.platform.staff); err != nil {
		return nil, errors.Join(err, w.close(), db.Close())
	}
	return s, s.open(ctx, "127.0.0.1:0")
}

func (s *stage) assemble(db *database.DB, config *Config) (*platform, error) {
	around, err := s.world.around(s.clock.Now, config.Keys)
	if err != nil {
		return nil, err
	}
	return wire(db, config, around)
}

// open serves at an address and tells the world.
func (s *stage) open(ctx context.Context, address string) error {
	l, err := listen(address)
	if err != nil {
		return err
	}
	s.address = "http://" + l.Addr().String()
	s.world.street.SetPlatform(s.address)
	ctx, s.stop = context.WithCancel(ctx)
	go func() { s.served <- s.platform.serve(ctx, l) }()
	return nil
}

// close stops the service first, so that nobody is called who is gone.
func (s *stage) close() error {
	s.stop()
	return errors.Join(<-s.served, s.world.close(), s.platform.db.Close())
}

func rehearsalDatabase(ctx context.Context, o rehearsalOptions) (*database.DB, error) {
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return nil, err
	}
	if o.database != "" {
		return openMigrated(ctx, o.database)
	}
	path := filepath.Join(o.out, "rehearsal.db")
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	return openMigrated(ctx, "sqlite:"+path)
}

// unused gives the rule book an id that the database does not hold yet.
func (s *stage) unused(ctx context.Context, book *campaign.RuleBook) (*campaign.RuleBook, error) {
	free := book
	for n := 2; ; n++ {
		_, err := s.platform.campaigns.BySlug(ctx, free.ID)
		if fault.KindOf(err) == fault.NotFound {
			return free, nil
		}
		if err != nil {
			return nil, err
		}
		free = book.Moved(book.ID+"-"+strconv.Itoa(n), 0)
	}
}

func (s *stage) rehearsal(o rehearsalOptions, book *campaign.RuleBook, until rehearsal.Stage, progress rehearsal.Progress) rehearsal.Rehearsal {
	return rehearsal.Rehearsal{
		Platform: s.address, Banks: s.world.street.Banks(), Notary: s.world.street.NotaryURL(), SMS: s.world.street.SMSURL(),
		Clock: s.clock, Accounts: s.staff, RuleBook: book, Registrations: o.registrations, Seed: o.seed, Until: until, Out: o.out, Progress: progress,
		Check: func(ctx context.Context) ([]rehearsal.Check, error) { return checks(ctx, s.platform.db) },
	}
}

func checks(ctx context.Context, db *database.DB) (list []rehearsal.Check, err error) {
	results, err := reporting.Check(ctx, db)
	for _, r := range results {
		list = append(list, rehearsal.Check{Name: r.Name, OK: r.OK, Detail: r.Detail})
	}
	return list, err
}

// hire adds the staff of a rehearsal, as `user add` would: one person a role, under names not used before.
func hire(ctx context.Context, service *staff.Service) (accounts []rehearsal.Account, err error) {
	shift := newPassword()[:6]
	for _, role := range []staff.Role{staff.CityAdmin, staff.Operations, staff.Approver, staff.Auditor, staff.Regulator, staff.SystemAdmin} {
		account := staff.NewAccount{Username: string(role) + "-" + shift, Name: "彩排 " + string(role), City: staff.AllCities, Role: role, Password: newPassword()}
		if _, err := addAccount(ctx, service, &account); err != nil {
			return nil, err
		}
		accounts = append(accounts, rehearsal.Account{Username: account.Username, Role: string(role), Password: account.Password, TOTPSecret: account.TOTPSecret})
	}
	return accounts, nil
}
