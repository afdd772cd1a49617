package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"hongbao/disbursement"
	"hongbao/internal/database"
	"hongbao/internal/signing"
	"hongbao/lottery/beacon"
	"hongbao/lottery/draw"
)

func serveCommand() *cobra.Command {
	var demo bool
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the service: pages, console, API and jobs",
		Long: "Run the service: citizens' pages, the staff console, the API and the jobs. Migrations are applied first.\n\n" +
			"With --demo it makes keys of its own under var/demo, simulates operators and beacon, and fills the database with campaigns in\n" +
			"three stages in the background. The demo's keys are refused outside the loopback address.",
		Example: "  hongbao serve --demo\n  HONGBAO_MASTER_KEY_FILE=/etc/hongbao/master.key ... hongbao serve --listen 10.0.0.5:8080",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if demo {
				return serveDemo(cmd)
			}
			return serve(cmd)
		},
	}
	cmd.Flags().BoolVar(&demo, "demo", false, "fill the database with campaigns in three stages, on this machine alone")
	bindFlags(cmd.Flags())
	return cmd
}

func serve(cmd *cobra.Command) error {
	config, err := load(cmd)
	if err != nil {
		return err
	}
	db, err := openServed(cmd.Context(), config.Database)
	if err != nil {
		return err
	}
	defer db.Close()
	around, err := liveSurroundings(cmd.Context(), db, config)
	if err != nil {
		return err
	}
	p, err := wire(db, config, around)
	if err != nil {
		return err
	}
	p.drain = config.Drain
	metrics, err := p.instruments.serve(config.Metrics)
	if err != nil {
		return err
	}
	defer metrics.Close()
	door, err := p.openDoor(config)
	if err != nil {
		return err
	}
	l, err := listen(config.Listen)
	if err != nil {
		return err
	}
	if err := p.scheduler.Start(p.work); err != nil {
		return errors.Join(err, l.Close())
	}
	fmt.Fprintf(cmd.OutOrStdout(), "serving on http://%s\noperators verify our messages with the SM2 key %s\n", l.Addr(), signing.FormatPublicKey(&config.Keys.Operator.PublicKey))
	if door != "" {
		fmt.Fprintf(cmd.OutOrStdout(), "operators are heard on https://%s alone, by their certificates\n", door)
	}
	return p.serve(cmd.Context(), l)
}

// openServed opens a database to serve from it: up to date, and by this process alone where it takes only one.
func openServed(ctx context.Context, url string) (*database.DB, error) {
	db, err := openMigrated(ctx, url)
	if err != nil {
		return nil, err
	}
	if err := db.Sole(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// liveSurroundings are the real outside parties that the settings name.
func liveSurroundings(ctx context.Context, db *database.DB, config *Config) (surroundings, error) {
	around := surroundings{now: time.Now, badge: "live", sms: noSMS{}, secure: config.secure(), proxies: config.Proxies, instruments: newInstruments()}
	if config.Keys.Demo {
		around.badge = "rehearsal"
	}
	signer := signing.Signer{Party: disbursement.PlatformParty, Key: config.Keys.Operator, Now: time.Now}
	var err error
	if around.operatorSet, err = loadOperators(config.Operators, caller{signer, around.instruments.gateway, db}); err != nil {
		return around, err
	}
	config.offices(&around)
	if around.chain, err = readChain(config.BeaconChain); err != nil {
		return around, err
	}
	relays := config.BeaconURLs
	if len(relays) == 0 {
		relays = beacon.PublicRelays
	}
	around.beacon = &beacon.Client{Chain: around.chain, Relays: relays, Fault: reportRelay}
	return around, nil
}

// reportRelay says which relay failed, or gave what cannot be the round's value; one that has no such round yet is as it should be.
func reportRelay(relay string, err error) {
	if !errors.Is(err, beacon.ErrNotYet) {
		slog.Warn("a beacon relay is not to be relied on", "relay", relay, "error", err)
	}
}

func readChain(path string) (draw.Chain, error) {
	if path == "" {
		return beacon.Quicknet(), nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return draw.Chain{}, err
	}
	return draw.ParseChain(b)
}

// demoDir holds the demo's keys and what its campaigns wrote.
const demoDir = "var/demo"

// serveDemo serves a database that fills itself with campaigns in three stages.
func serveDemo(cmd *cobra.Command) error {
	fallback, err := demoKeys(demoDir)
	if err != nil {
		return err
	}
	config, err := Load(Source{Flags: cmd.Flags(), Environment: os.Environ(), Fallback: fallback})
	if err != nil {
		return err
	}
	setLog(cmd.ErrOrStderr(), "error") // the simulated operators misbehave, and every retry would be a warning
	d, err := openDemo(cmd.Context(), config, demoDir)
	if err != nil {
		return err
	}
	d.welcome(cmd.OutOrStdout())
	seeding := make(chan struct{})
	ctx, cancel := context.WithCancel(cmd.Context())
	go func() {
		defer close(seeding)
		if err := d.seed(ctx, cmd.OutOrStdout()); err != nil && ctx.Err() == nil {
			slog.Error("the demo's campaigns could not be made", "error", err)
		}
	}()
	err = <-d.served
	cancel()
	<-seeding
	return errors.Join(err, d.world.close(), d.platform.db.Close())
}

// welcome prints where things are and how to sign in.
func (d *demo) welcome(w io.Writer) {
	fmt.Fprintf(w, "citizens      %s/\npublic draws  %s/draws\nconsole       %s/admin\n", d.address, d.address, d.address)
	fmt.Fprintf(w, "SMS arrive at %s/sms/v1/inbox/PHONE\n\n", d.world.street.SMSURL())
	fmt.Fprintf(w, "sign in to the console (demo accounts, no one-time code):\n")
	for _, a := range d.people {
		fmt.Fprintf(w, "  %-14s %-22s %s\n", a.Role, a.Username, a.Password)
	}
	fmt.Fprintln(w)
}
