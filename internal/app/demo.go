package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"hongbao/campaign"
	"hongbao/disbursement/sandbox"
	"hongbao/examples"
	"hongbao/internal/rehearsal"
	"hongbao/internal/staff"
)

// demo is a stage whose database fills itself with campaigns. Its clock starts weeks ago, runs through the campaigns' calendars and
// ends at the present, which it follows from then on.
type demo struct {
	*stage
	dir    string // what the rehearsals write
	people []rehearsal.Account
	today  time.Time
	fresh  bool // no earlier start has filled the database

	lookups map[string]rehearsal.Lookup // by campaign: somebody whose result can be looked up
}

// demoPassword is for the demo's accounts, which exist on the loopback address only.
const demoPassword = "red-envelope-2020"

// demoCampaign is one campaign of the demo: how far it goes, and how long ago its spending began or its registration opened.
type demoCampaign struct {
	file          string
	until         rehearsal.Stage
	registrations int
	begin         func(campaign.Windows) time.Time
	ago           time.Duration
}

const day = 24 * time.Hour

// demoCampaigns follow one another, so that the clock never goes back: each is over, as far as it goes, before the next is loaded.
var demoCampaigns = []demoCampaign{
	{"luohu-2020.yaml", rehearsal.Closed, 400, func(w campaign.Windows) time.Time { return w.SpendUntil }, 32 * day},
	{"chengdu-2021.yaml", rehearsal.Paying, 600, func(w campaign.Windows) time.Time { return w.SpendFrom }, 11 * day},
	{"suzhou-2020.yaml", rehearsal.Open, 300, func(w campaign.Windows) time.Time { return w.Open }, day},
}

// openDemo serves at once; seed fills the database.
func openDemo(ctx context.Context, config *Config, dir string) (*demo, error) {
	db, err := openServed(ctx, config.Database)
	if err != nil {
		return nil, err
	}
	d := &demo{dir: dir, today: time.Now().UTC(), lookups: make(map[string]rehearsal.Lookup), stage: &stage{clock: NewClock(time.Now().Add(-120 * day)), served: make(chan error, 1)}}
	if d.world, err = startWorld(ctx, sandbox.Options{Seed: 1, Faults: sandbox.FaultsNormal, Now: d.clock.Now, PlatformKey: &config.Keys.Operator.PublicKey, Log: slog.Default()}); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if d.platform, err = d.assemble(db, config); err == nil {
		d.platform.staff.WithoutCodes = true // its passwords are printed for whoever tries it
		err = d.hire(ctx)
	}
	if err == nil {
		err = d.look(ctx)
	}
	if err == nil {
		err = d.open(ctx, config.Listen)
	}
	if err != nil {
		return nil, errors.Join(err, d.world.close(), db.Close())
	}
	return d, nil
}

// hire adds the demo's accounts, one a role, unless an earlier start has.
func (d *demo) hire(ctx context.Context) error {
	for _, role := range staff.Roles {
		account := staff.NewAccount{Username: "demo-" + string(role), Name: "演示 " + string(role), City: staff.AllCities, Role: role, Password: demoPassword}
		if _, err := d.platform.staff.AddAccount(ctx, "demo", account); err != nil && !errors.Is(err, staff.ErrUsernameTaken) {
			return err
		}
		d.people = append(d.people, rehearsal.Account{Username: account.Username, Role: string(role), Password: demoPassword})
	}
	d.staff = d.people
	return nil
}

// look finds out whether an earlier start has filled the database; then the clock is the machine's.
func (d *demo) look(ctx context.Context) error {
	list, err := d.platform.campaigns.List(ctx, staff.AllCities)
	if d.fresh = len(list) == 0; !d.fresh {
		d.clock.Release()
	}
	return err
}

// seed makes the campaigns on a first start, then lets the clock follow the machine's, starts the jobs and attends to the draws.
func (d *demo) seed(ctx context.Context, w io.Writer) error {
	if d.fresh {
		if err := d.rehearse(ctx, w); err != nil {
			return err
		}
	}
	d.clock.Release()
	if err := d.platform.scheduler.Start(d.platform.work); err != nil {
		return err
	}
	return d.attend(ctx)
}

// attend looks after the draws in the place of the banks' and the notary's people, until ctx ends.
func (d *demo) attend(ctx context.Context) error {
	ticker := time.NewTicker(20 * time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := rehearsal.Attend(ctx, d.address, d.world.street.Banks(), d.world.street.NotaryURL()); err != nil && ctx.Err() == nil {
				slog.Error("a draw's witnesses", "error", err)
			}
		}
	}
}

func (d *demo) rehearse(ctx context.Context, w io.Writer) error {
	for _, c := range demoCampaigns {
		book, err := c.book(d.today)
		if err != nil {
			return err
		}
		o := rehearsalOptions{registrations: c.registrations, seed: 1, out: filepath.Join(d.dir, book.ID)}
		fmt.Fprintf(w, "making the campaign %s ...\n", book.ID)
		summary, err := d.rehearsal(o, book, c.until, rehearsal.Progress{Out: io.Discard}).Run(ctx)
		if err != nil {
			return fmt.Errorf("campaign %s: %w", book.ID, err)
		}
		d.lookups[book.ID] = summary.Sample
		fmt.Fprintf(w, "  %s/c/%s  look up a result with phone %s, code %s\n", d.address, book.ID, summary.Sample.Phone, summary.Sample.Code)
	}
	fmt.Fprintf(w, "the demo's campaigns are ready\n")
	return nil
}

// book is the campaign's rule book with its calendar moved to the present, in whole days.
func (c demoCampaign) book(today time.Time) (*campaign.RuleBook, error) {
	file, err := examples.Files.ReadFile(c.file)
	if err != nil {
		return nil, err
	}
	book, err := campaign.ParseRuleBook(file)
	if err != nil {
		return nil, err
	}
	move := today.Add(-c.ago).Sub(c.begin(book.Windows)).Truncate(day)
	return book.Moved(book.City.Code+"-"+today.In(shanghai).Format("2006"), move), nil
}
