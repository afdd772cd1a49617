package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"hongbao/internal/rehearsal"
)

// loadOptions are the flags of load.
type loadOptions struct {
	rehearsalOptions
	load   rehearsal.Load
	claims int
	id     string
}

// maxClaims bounds what has to be drawn first: twenty register for one who wins.
const maxClaims = 5000

func loadCommand() *cobra.Command {
	var o loadOptions
	cmd := &cobra.Command{
		Use: "load", Short: "Register synthetic citizens at a set rate, let winners claim, and report how long each took",
		Long: "Register synthetic citizens at a set rate over HTTP, let each look the registration up, and report latencies by percentile and\n" +
			"errors by answer. Times count from when a citizen was due, so that a service that stalls cannot hide it.\n\n" +
			"Without --target it starts a service of its own, with simulated surroundings, on a fresh SQLite file or on --database, opens a\n" +
			"campaign there, and checks every invariant afterwards. Targets other than the loopback address are refused.\n\n" +
			"With --claims a second campaign is drawn in that service and its winners claim at the same rate. Claims at replicas (--target) cannot be\n" +
			"measured: winners come after weeks of a calendar, through which the clock of its own service is moved and that of replicas is not.",
		Example: "  hongbao load --registrations 5000 --rate 500\n  hongbao load --database mysql://root@127.0.0.1/hongbao_load --registrations 20000 --rate 1000 --lookups 3\n  hongbao load --registrations 2000 --claims 500",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			setLog(cmd.ErrOrStderr(), "error")
			report, err := runLoad(cmd.Context(), o)
			if err != nil {
				return err
			}
			return printLoad(cmd.OutOrStdout(), report)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.campaign, "campaign", "examples/luohu-2020.yaml", "rule book; one that asks for no list")
	flags.StringVar(&o.id, "id", "", "the campaign's id at the targets, where it is not the rule book's")
	flags.StringSliceVar(&o.load.Targets, "target", nil, "service to load, http://127.0.0.1:PORT; several are asked in turn (default: one of its own)")
	flags.StringVar(&o.load.SMS, "sms", "", "the targets' simulated telecom operator, whose inbox has the codes")
	flags.IntVar(&o.load.Registrations, "registrations", 2000, fmt.Sprintf("how many register, at most %d", rehearsal.MaxLoad))
	flags.Float64Var(&o.load.Rate, "rate", 200, fmt.Sprintf("how many begin each second, at most %d", rehearsal.MaxLoadRate))
	flags.IntVar(&o.load.Lookups, "lookups", 1, "how often each looks the registration up")
	flags.IntVar(&o.claims, "claims", 0, fmt.Sprintf("how many winners claim afterwards, at most %d; only without --target", maxClaims))
	flags.DurationVar(&o.load.Limit, "limit", 10*time.Minute, "nobody begins later than that")
	flags.Uint64Var(&o.load.Seed, "seed", 2, "seed of the people")
	flags.StringVar(&o.database, "database", "", "database of its own service (default: a fresh SQLite file)")
	return cmd
}

func printLoad(w io.Writer, report *rehearsal.LoadReport) error {
	report.Print(w)
	if !report.OK() {
		return errFailed
	}
	return nil
}

// runLoad loads the targets, or a service that it opens for the purpose.
func runLoad(ctx context.Context, o loadOptions) (*rehearsal.LoadReport, error) {
	book, err := readRuleBook(o.campaign)
	if err != nil {
		return nil, err
	}
	if o.id != "" {
		book = book.Moved(o.id, 0)
	}
	o.load.RuleBook = book
	if o.claims < 0 || o.claims > maxClaims || o.claims > 0 && len(o.load.Targets) > 0 {
		return nil, fmt.Errorf("--claims: want 0 to %d, and no --target: the draw before the claims needs a clock of its own", maxClaims)
	}
	if len(o.load.Targets) > 0 {
		return o.load.Run(ctx)
	}
	return loadOwn(ctx, o)
}

// loadOwn opens a campaign in a service of its own, loads it, and checks what it has stored.
func loadOwn(ctx context.Context, o loadOptions) (report *rehearsal.LoadReport, err error) {
	dir, err := os.MkdirTemp("", "hongbao-load-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	o.out, o.faults = filepath.Join(dir, "out"), "none"
	stage, err := openStage(ctx, o.rehearsalOptions, NewClock(o.load.RuleBook.Windows.Notice.AddDate(0, 0, -3)))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stage.close()) }()
	if o.load.RuleBook, err = stage.unused(ctx, o.load.RuleBook); err != nil {
		return nil, err
	}
	// A few register first, of another seed, which brings the campaign to where its registration is open.
	o.registrations, o.seed = 20, o.load.Seed+1
	if _, err := stage.rehearsal(o.rehearsalOptions, o.load.RuleBook, rehearsal.Open, rehearsal.Progress{Out: io.Discard}).Run(ctx); err != nil {
		return nil, err
	}
	o.load.Targets, o.load.SMS = []string{stage.address}, stage.world.street.SMSURL()
	if report, err = o.load.Run(ctx); err != nil {
		return nil, err
	}
	if err := loadClaims(ctx, stage, o, report); err != nil {
		return nil, err
	}
	list, err := checks(ctx, stage.platform.db)
	for _, c := range list {
		if !c.OK {
			report.Errors["check "+c.Name+": "+c.Detail]++
		}
	}
	return report, err
}

// loadClaims draws a second campaign, whose calendar begins when the first is open, and lets its winners claim.
func loadClaims(ctx context.Context, stage *stage, o loadOptions, report *rehearsal.LoadReport) error {
	if o.claims == 0 {
		return nil
	}
	book := o.load.RuleBook
	book = book.Moved(book.ID+"-claims", stage.clock.Now().Sub(book.Windows.Notice).Truncate(time.Hour)+7*24*time.Hour)
	o.registrations, o.seed = 20*o.claims, o.load.Seed+2
	r := stage.rehearsal(o.rehearsalOptions, book, rehearsal.Claimed, rehearsal.Progress{Out: io.Discard})
	r.Rush = &rehearsal.Rush{Rate: o.load.Rate, Limit: o.load.Limit}
	_, err := r.Run(ctx)
	report.Add(r.Rush.Report)
	return err
}
