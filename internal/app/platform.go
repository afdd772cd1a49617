package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/sync/errgroup"

	"hongbao/admin"
	"hongbao/campaign"
	"hongbao/disbursement"
	"hongbao/internal/allowance"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/signing"
	"hongbao/internal/staff"
	"hongbao/internal/web"
	"hongbao/internal/webhook"
	"hongbao/lottery"
	"hongbao/lottery/beacon"
	"hongbao/lottery/draw"
	"hongbao/reporting"
)

// surroundings are whom the platform deals with, and by which clock.
type surroundings struct {
	now    func() time.Time
	chain  draw.Chain
	beacon lottery.Beacon
	operatorSet
	sms      campaign.SMS
	names    campaign.Names    // nil: names are not checked
	evidence campaign.Evidence // nil: imported lists alone
	proxies  []string          // whose word on a caller's address is believed
	badge    string            // "rehearsal" or "live"
	secure   bool              // the site is reached over HTTPS
	cost     int               // of the staff's password hashes; 0 is the default

	instruments *instruments
}

// platform is the wired service: the rooms on one database, behind one engine.
type platform struct {
	db           *database.DB
	staff        *staff.Service
	campaigns    *campaign.Service
	lottery      *lottery.Service
	disbursement *disbursement.Service
	reporting    *reporting.Service
	webhooks     *webhook.Service
	limiter      *allowance.Limiter
	web          *web.Web
	handler      http.Handler // what answers: the engine, without the operators where they have a door of their own; a test may stand before it
	scheduler    *Scheduler
	instruments  *instruments
	door         *http.Server  // the operators' own, or nil
	drain        time.Duration // between saying that it leaves and leaving
	draining     atomic.Bool
	work         context.Context    // of requests, jobs and reports: it outlives the word to stop
	cut          context.CancelFunc // ends work
}

// webhookKey names the key that signs messages to the cities' systems. No city is called so: a code has no dot.
const webhookKey = "platform.webhooks"

// wire builds the service. The database is open and migrated.
func wire(db *database.DB, config *Config, around surroundings) (*platform, error) {
	vault, previous, err := config.Keys.StaffVaults()
	if err != nil {
		return nil, err
	}
	p := &platform{db: db, instruments: around.instruments, limiter: &allowance.Limiter{DB: db, Now: around.now, Rules: limits, Index: vault.Index}}
	p.work, p.cut = context.WithCancel(context.Background())
	p.staff = &staff.Service{DB: db, Vault: vault, Previous: previous, Now: around.now, Random: rand.Reader, Cost: around.cost}
	logKey := func(city string) (lottery.LogKey, error) { return config.Keys.LogKey(config.LogName, city) }
	p.campaigns = &campaign.Service{
		DB: db, Keys: config.Keys.ring(db), Staff: p.staff, SMS: around.sms, Names: around.names, Evidence: around.evidence, Now: around.now, Random: rand.Reader,
		Log: slog.Default(), Measures: p.instruments.campaign, Limit: p.limiter.Take,
		Receipts: func(city string) (note.Signer, error) { key, err := logKey(city); return key.Signer, err },
	}
	if p.campaigns.Keeper, err = config.keeper(); err != nil {
		return nil, err
	}
	p.lottery = &lottery.Service{
		DB: db, Campaigns: p.campaigns, Staff: p.staff, LogKey: logKey, Now: around.now,
		Chain: around.chain, Beacon: around.beacon, VerifyBeacon: beacon.Verify,
	}
	signer := &signing.Signer{Party: disbursement.PlatformParty, Key: config.Keys.Operator, Now: around.now}
	verifier := &signing.Verifier{Party: disbursement.PlatformParty, Keys: around.directory, Now: around.now, Nonces: &disbursement.Nonces{DB: db, Now: around.now}}
	p.disbursement = &disbursement.Service{
		DB: db, Campaigns: p.campaigns, Lottery: p.lottery, Staff: p.staff, Operators: around.operators, Parties: around.parties, Seals: around.seals, LogKey: logKey, PublicURL: config.PublicURL,
		Signer: signer, Verifier: verifier, Now: around.now, Random: rand.Reader, Log: slog.Default(),
	}
	p.reporting = &reporting.Service{DB: db, Campaigns: p.campaigns, Staff: p.staff, LogKey: logKey, Version: Version(), Now: around.now, Work: p.work}
	p.campaigns.Kept, p.campaigns.Dossier = p.lottery.Kept, p.dossier
	p.webhooks = &webhook.Service{DB: db, Now: around.now, Private: config.WebhookPrivate || around.badge == "rehearsal",
		City: func(ctx context.Context, slug string) (string, error) {
			c, err := p.campaigns.BySlug(ctx, slug)
			return c.City, err
		},
		Key: func() (note.Signer, string, error) { key, err := logKey(webhookKey); return key.Signer, key.VKey, err },
	}
	p.campaigns.Handlers()
	p.lottery.HandleApprovals()
	p.disbursement.HandleApprovals()
	p.reporting.HandleApprovals()
	p.schedule(around.now)
	p.route(config, around)
	p.instruments.watch(p)
	return p, nil
}

// dossier is what the rooms above registration keep about one, for the person's own download.
func (p *platform) dossier(ctx context.Context, campaignID, registrationID int64) (any, error) {
	result, err := p.lottery.ResultOf(ctx, campaignID, registrationID)
	if err != nil {
		return nil, err
	}
	money, err := p.disbursement.Dossier(ctx, registrationID)
	return struct {
		Result *lottery.Result       `json:"result"`
		Money  *disbursement.Dossier `json:"money,omitempty"`
	}{result, money}, err
}

// schedule gathers the rooms' jobs into the one table.
func (p *platform) schedule(now func() time.Time) {
	p.scheduler = &Scheduler{DB: p.db, Now: now, Log: slog.Default(), measures: p.instruments.jobs, since: now()}
	for _, jobs := range [][]database.Job{p.campaigns.Jobs(), p.lottery.Jobs(), p.disbursement.Jobs(), p.reporting.Jobs(), p.webhooks.Jobs(), {p.limiter.Job(), p.anchorJob()}} {
		p.scheduler.Jobs = append(p.scheduler.Jobs, jobs...)
	}
}

// limits are per network address, save one. Thousands of phones may share an address, so they are generous.
var limits = map[string]allowance.Rule{
	"sign-in": {Burst: 30, Every: 2 * time.Second}, "sms": {Burst: 240, Every: 500 * time.Millisecond}, "register": {Burst: 240, Every: 500 * time.Millisecond},
	"lookup": {Burst: 240, Every: 500 * time.Millisecond}, "reveal": {Burst: 60, Every: 2 * time.Second}, "cosign": {Burst: 240, Every: 500 * time.Millisecond},
	campaign.PerDevice: campaign.DeviceRule,
}

func (p *platform) route(config *Config, around surroundings) {
	p.web = web.New(web.Options{
		Environment: around.badge, Secure: around.secure, Secret: config.Keys.Citizen, Proxies: around.proxies, Now: around.now, Log: slog.Default(),
		Limiter: p.limiter.Take, Measures: p.instruments.web, Authenticate: p.authenticate,
		May: func(role, permission string) bool { return staff.Role(role).May(permission) },
	})
	p.handler = p.web.Engine
	p.campaigns.Routes(p.web.Engine, p.web)
	p.lottery.Routes(p.web.Engine, p.web)
	p.disbursement.Routes(p.web.Engine, p.web)
	p.reporting.Routes(p.web.Engine, p.web)
	p.webhooks.Routes(p.web)
	console := &admin.Console{
		DB: p.db, Staff: p.staff, Campaigns: p.campaigns, Draws: p.lottery, Money: p.disbursement, Reports: p.reporting, Webhooks: p.webhooks,
		Now: around.now, Version: Version(), Jobs: p.scheduler.Jobs, RunNow: p.scheduler.RunNow,
		Runs: func(ctx context.Context, job string, limit int) ([]admin.JobRun, error) {
			return runsOf(ctx, p.db, job, limit)
		},
		LastRuns: func(ctx context.Context) ([]admin.JobRun, error) { return lastRuns(ctx, p.db) },
	}
	console.Routes(p.web)
	p.anchorRoutes()
	p.web.Engine.GET("/healthz", func(c *gin.Context) { c.String(http.StatusOK, "ok\n") })
	p.web.Engine.GET("/readyz", p.web.Handle(p.ready))
	p.web.Engine.GET("/admin", func(c *gin.Context) { c.Redirect(http.StatusFound, "/console") })
}

func (p *platform) authenticate(ctx context.Context, token string) (web.Actor, error) {
	return admin.Authenticate(ctx, p.staff, token)
}

// patience bounds the questions of a readiness probe.
const patience = 2 * time.Second

var errNotReady = fault.New(fault.Unavailable, "not-ready", "服务正在启动或停止，请稍后再试。", "The service is starting or stopping; please try again later.")

// ready answers 200 while requests may be sent here: the database answers, its schema is current, and the process is not
// taking its leave. /healthz says only that the process lives: a database that is away is no reason to kill it.
func (p *platform) ready(c *gin.Context) error {
	if p.draining.Load() {
		return errNotReady.With(errors.New("draining"))
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), patience)
	defer cancel()
	current, err := database.Current(ctx, p.db)
	if err != nil || !current {
		return errNotReady.With(errors.Join(errors.New("the schema is not there or not current"), err))
	}
	c.String(http.StatusOK, "ready\n")
	return nil
}

// listen opens the service's address; what it serves is known only after.
func listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", address, err)
	}
	return l, nil
}

// Once the drain is over, what is under way has grace to end; then it is cut short and has unwinding to give back what it holds.
const (
	grace     = 20 * time.Second
	unwinding = 5 * time.Second
)

var errNotEnded = errors.New("a request, a job or a report did not end in time; what it holds runs out by itself")

// server answers with handler. Its requests are part of the platform's work.
func (p *platform) server(handler http.Handler) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		BaseContext: func(net.Listener) context.Context { return p.work }, ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn)}
}

// serve answers requests until ctx ends, and takes its leave.
func (p *platform) serve(ctx context.Context, l net.Listener) error {
	defer p.cut()
	go p.limiter.Share(p.work)
	server := p.server(p.handler)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return errors.Join(err, p.leave(server, grace, unwinding))
	case <-ctx.Done():
		return p.leave(server, grace, unwinding)
	}
}

// leave says that the process is not ready, so that a balancer sends nobody here any more, begins no job and no report, and goes on
// answering for as long as drain says. Then it lets end what is under way: requests (with them the intake's last group), jobs, the
// report in hand; and writes down what is only in memory. It never takes longer than drain, grace and unwinding together.
func (p *platform) leave(server *http.Server, grace, unwinding time.Duration) error {
	p.draining.Store(true)
	p.instruments.draining.Set(1)
	jobs, report := p.scheduler.Stop(), p.reporting.Leave()
	time.Sleep(p.drain)
	patience := time.AfterFunc(grace, func() {
		slog.Warn("what is under way is cut short", "after", grace)
		p.cut()
	})
	defer patience.Stop()
	ended := make(chan error, 1)
	go func() {
		err := p.shut(server)
		<-jobs
		<-report
		if _, lost := p.campaigns.FlushRefusals(context.Background()); lost != nil {
			slog.Warn("counts of refused submissions are lost", "error", lost)
		}
		ended <- err
	}()
	select {
	case err := <-ended:
		return err
	case <-time.After(grace + unwinding):
		return errNotEnded
	}
}

// shut closes the doors and lets the requests behind them end.
func (p *platform) shut(server *http.Server) error {
	var doors errgroup.Group
	for _, s := range []*http.Server{server, p.door} {
		if s != nil {
			doors.Go(func() error { return s.Shutdown(context.Background()) })
		}
	}
	return doors.Wait()
}
