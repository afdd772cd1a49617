package app

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"hongbao/campaign"
	"hongbao/disbursement"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/money"
	"hongbao/internal/rehearsal"
	"hongbao/internal/signing"
	"hongbao/internal/staff"
	"hongbao/internal/testkit"
	"hongbao/lottery/beacon"
)

// asSender makes this test binary behave as the process that is killed (see TestMain). Its value is the time, in
// milliseconds since the epoch, at which its clock stands.
const asSender = "HONGBAO_TEST_AS_SENDER"

// sender is the service on its database and at its address, with the operators of its file. It sends, asks and expires as
// fast as it can, hears the operators' events meanwhile, and ends only by being killed.
func sender(now string) int {
	err := send(context.Background(), now)
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func send(ctx context.Context, now string) error {
	millis, err := strconv.ParseInt(now, 10, 64)
	if err != nil {
		return err
	}
	clock := NewClock(time.UnixMilli(millis))
	config, err := Load(Source{Environment: os.Environ()})
	if err != nil {
		return err
	}
	db, err := database.Open(ctx, config.Database)
	if err != nil {
		return err
	}
	around := surroundings{now: clock.Now, chain: beacon.Quicknet(), sms: noSMS{}, badge: "rehearsal", instruments: newInstruments()}
	signer := signing.Signer{Party: disbursement.PlatformParty, Key: config.Keys.Operator, Now: clock.Now}
	if around.operatorSet, err = loadOperators(config.Operators, caller{signer: signer, measures: around.instruments.gateway}); err != nil {
		return err
	}
	p, err := wire(db, config, around)
	if err != nil {
		return err
	}
	l, err := listen(config.Listen)
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- p.serve(ctx, l) }()
	fmt.Println("ready")
	for {
		for _, job := range []func(context.Context) (int, error){p.disbursement.Dispatch, p.disbursement.Resolve, p.disbursement.Expire} {
			if _, err := job(ctx); err != nil && fault.KindOf(err) != fault.Conflict {
				return err
			}
		}
		select {
		case err := <-failed:
			return err
		case <-time.After(time.Millisecond):
		}
	}
}

// crash is a campaign whose envelopes are claimed, in a world that outlives every process that pays and recalls them.
type crash struct {
	*stage
	t       *testing.T
	random  *rand.Rand
	book    *campaign.RuleBook
	slug    string
	id      int64
	env     []string
	address string // of the process that is killed
	kills   int
	caught  int // kills that left orders in the middle of a call
}

func newCrash(t *testing.T, databaseURL string, seed int64) *crash {
	t.Helper()
	ctx, dir := context.Background(), t.TempDir()
	book, err := readRuleBook("../../examples/chengdu-2021.yaml")
	if err != nil {
		t.Fatal(err)
	}
	book = book.Scale(20 * 150) // 150 envelopes of two tiers and two sources
	o := rehearsalOptions{registrations: 220, faults: "normal", seed: uint64(seed), out: dir, database: databaseURL}
	stage, err := openStage(ctx, o, NewClock(book.Windows.Notice.AddDate(0, 0, -3)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stage.close(); err != nil {
			t.Error(err)
		}
	})
	setting := stage.rehearsal(o, book, rehearsal.Claimed, rehearsal.Progress{Out: io.Discard})
	setting.Whole = true
	summary, err := setting.Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c := &crash{stage: stage, t: t, random: rand.New(rand.NewSource(seed)), book: book, slug: summary.Campaign, address: fmt.Sprint("127.0.0.1:", freePort(t))}
	found, err := stage.platform.campaigns.BySlug(ctx, c.slug)
	c.must(err)
	c.id = found.ID
	c.env = append(os.Environ(), "HONGBAO_DATABASE="+databaseURL, "HONGBAO_LISTEN="+c.address, "HONGBAO_OPERATORS="+c.operators(dir))
	for name, value := range rehearsalKeys() {
		c.env = append(c.env, Setting{Name: name}.Variable()+"="+value)
	}
	return c
}

func (c *crash) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// operators writes the operators' file: one order a call, so that there are many moments to be killed at.
func (c *crash) operators(dir string) string {
	c.t.Helper()
	var file struct {
		Operators []operatorEntry `yaml:"operators"`
	}
	keys := c.world.street.PublicKeys()
	for name, url := range c.world.street.Banks() {
		file.Operators = append(file.Operators, operatorEntry{Name: name, URL: url, Keys: []string{signing.FormatPublicKey(keys[name])}, Batch: 1})
	}
	text, err := yaml.Marshal(file)
	c.must(err)
	path := filepath.Join(dir, "operators.yaml")
	c.must(os.WriteFile(path, text, 0o600))
	return path
}

// calls is how many calls the banks have had.
func (c *crash) calls() (n int64) {
	for _, counts := range c.world.street.Counters() {
		n += counts["credits"] + counts["recalls"] + counts["queries"]
	}
	return n
}

// life starts the process, kills it once the banks have had some calls of it, and moves the clock on: by so little that
// the calls that broke off are still under lease, or by more.
func (c *crash) life() {
	c.t.Helper()
	c.world.street.SetPlatform("http://" + c.address)
	process := exec.Command(os.Args[0])
	process.Env = append(c.env, fmt.Sprintf("%s=%d", asSender, c.clock.Now().UnixMilli()))
	process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var trouble bytes.Buffer
	process.Stderr = &trouble
	out, err := process.StdoutPipe()
	c.must(err)
	before := c.calls()
	c.must(process.Start())
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		c.t.Fatalf("the process does not begin: %q, %v\n%s", line, err, trouble.String())
	}
	wanted := before + int64(c.random.Intn([]int{24, 160}[c.random.Intn(2)]))
	for end := time.Now().Add(time.Second); c.calls() < wanted && time.Now().Before(end); {
		time.Sleep(200 * time.Microsecond)
	}
	time.Sleep(time.Duration(c.random.Intn(10_000)) * time.Microsecond)
	c.must(process.Process.Kill())
	if err := process.Wait(); process.ProcessState.Exited() {
		c.t.Fatalf("the process ended by itself: %v\n%s", err, trouble.String())
	}
	c.kills++
	var sending int
	c.must(c.platform.db.Read(context.Background()).Raw("SELECT COUNT(*) FROM disbursement_orders WHERE status = 'sending'").Scan(&sending).Error)
	if sending > 0 {
		c.caught++
	}
	c.pass([]time.Duration{20 * time.Second, 2 * time.Minute, 6 * time.Minute, 40 * time.Minute}[c.random.Intn(4)])
}

func (c *crash) pass(d time.Duration) { c.clock.Set(c.clock.Now().Add(d)) }

// approve lets a second person approve all that waits.
func (c *crash) approve() {
	c.t.Helper()
	ctx := context.Background()
	pending, err := c.platform.staff.List(ctx, staff.ApprovalFilter{Status: staff.Pending})
	c.must(err)
	for _, a := range pending {
		c.must(c.platform.staff.Decide(ctx, a.ID, staff.Account{Username: "second", City: staff.AllCities, Role: staff.Approver}, true, "seen"))
	}
}

// prepare asks for a batch where there is something to be done.
func (c *crash) prepare(kind string) {
	c.t.Helper()
	_, err := c.platform.disbursement.Prepare(context.Background(), "first", c.id, kind)
	if err != nil && !errors.Is(err, disbursement.ErrNothingReady) {
		c.t.Fatal(err)
	}
	c.approve()
}

// settle goes on, with a process that is not killed, until nothing is open.
func (c *crash) settle() {
	c.t.Helper()
	ctx := context.Background()
	c.world.street.SetPlatform(c.stage.address)
	for range 200 {
		for _, job := range []func(context.Context) (int, error){c.platform.disbursement.Dispatch, c.platform.disbursement.Resolve,
			c.platform.disbursement.ClaimDeadline, c.platform.disbursement.Expire, c.platform.disbursement.Reconcile} {
			_, err := job(ctx)
			c.must(err)
		}
		c.prepare(disbursement.ForReissue)
		c.world.street.Flush(ctx)
		var open int
		c.must(c.platform.db.Read(ctx).Raw(`SELECT COUNT(*) FROM disbursement_orders WHERE status IN
			('prepared', 'approved', 'sending', 'accepted', 'processing', 'unknown')`).Scan(&open).Error)
		if open == 0 {
			return
		}
		c.pass(3 * time.Minute)
	}
	c.t.Fatal("orders stay open")
}

// shop lets every third winner buy something.
func (c *crash) shop() {
	c.t.Helper()
	ctx := context.Background()
	var rows []struct {
		RegistrationID int64
		Operator       string
	}
	c.must(c.platform.db.Read(ctx).Raw("SELECT registration_id, operator FROM envelopes WHERE status = 'credited' AND MOD(id, 3) = 0 ORDER BY id").Scan(&rows).Error)
	shop := c.book.Merchants[0]
	for i, row := range rows {
		contacts, err := c.platform.campaigns.Contacts(ctx, "crash test", []int64{row.RegistrationID})
		c.must(err)
		body := fmt.Sprintf(`{"phone": %q, "merchant_no": %q, "pay_mode": %q, "scenario": %q, "amount_fen": %d, "device": "d%d"}`,
			contacts[0].Phone, shop.No, shop.PayModes[0], shop.Scenarios[0], 1000+i*700, i)
		response, err := http.Post(c.world.street.Banks()[row.Operator]+"/app/payments", "application/json", bytes.NewBufferString(body))
		c.must(err)
		response.Body.Close()
	}
}

// inBooks is what a bank's own books say of an envelope.
type inBooks struct {
	credits                   int
	credited, spent, recalled money.Fen
}

// books adds up what the banks have written down themselves, day by day, whatever they have told us.
func (c *crash) books() map[string]*inBooks {
	c.t.Helper()
	all := map[string]*inBooks{}
	for name, url := range c.world.street.Banks() {
		for day := c.book.Windows.ClaimFrom; day.Before(c.clock.Now().AddDate(0, 0, 2)); day = day.AddDate(0, 0, 1) {
			response, err := http.Get(url + "/control/statement?day=" + day.In(campaign.Shanghai).Format(time.DateOnly))
			c.must(err)
			_, _, err = disbursement.ReadStatement(response.Body, func(_ disbursement.StatementHead, l disbursement.StatementLine) error {
				if all[l.CouponID] == nil {
					all[l.CouponID] = &inBooks{}
				}
				all[l.CouponID].add(l)
				return nil
			})
			response.Body.Close()
			if err != nil {
				c.t.Fatalf("%s: %v", name, err)
			}
		}
	}
	return all
}

func (b *inBooks) add(l disbursement.StatementLine) {
	switch l.Kind {
	case disbursement.LineCredit:
		b.credits, b.credited = b.credits+1, b.credited+l.AmountFen
	case disbursement.LineCreditReturned:
		b.credits, b.credited = b.credits-1, b.credited-l.AmountFen
	case disbursement.LineRecall:
		b.recalled += l.AmountFen
	case disbursement.LinePayment:
		b.spent += l.AmountFen
	case disbursement.LineRefund:
		b.spent -= l.AmountFen
	}
}

// compare holds every envelope against the banks' books, and every invariant.
func (c *crash) compare() {
	c.t.Helper()
	ctx := context.Background()
	var envelopes []struct {
		CouponID                                      string
		AmountFen, CreditedFen, SpentFen, RecalledFen money.Fen
	}
	c.must(c.platform.db.Read(ctx).Raw("SELECT coupon_id, amount_fen, credited_fen, spent_fen, recalled_fen FROM envelopes").Scan(&envelopes).Error)
	books, credited := c.books(), 0
	for _, e := range envelopes {
		b := books[e.CouponID]
		if b == nil {
			b = &inBooks{}
		}
		credited += b.credits
		if b.credits > 1 || b.credited != e.CreditedFen || b.spent != e.SpentFen || b.recalled != e.RecalledFen {
			c.t.Errorf("envelope %s: the bank has credited %d times, %+v; we have %+v", e.CouponID, b.credits, *b, e)
		}
	}
	if credited == 0 {
		c.t.Error("nobody was credited")
	}
	list, err := checks(ctx, c.platform.db)
	c.must(err)
	for _, check := range list {
		if !check.OK {
			c.t.Errorf("%s: %s", check.Name, check.Detail)
		}
	}
}

// run kills the process during dispatch, and again during recall, and then brings the campaign to its end.
func (c *crash) run(kills int) {
	c.t.Helper()
	ctx := context.Background()
	_, err := c.platform.disbursement.FindWallets(ctx)
	c.must(err)
	c.prepare(disbursement.Credit)
	for range kills / 2 {
		c.life()
	}
	c.settle()
	c.compare()
	c.clock.Set(c.book.Windows.SpendFrom.Add(time.Hour))
	c.shop()
	c.clock.Set(c.book.Windows.SpendUntil.Add(time.Minute))
	for range kills - kills/2 {
		c.life()
		c.approve() // the recalls that the process has prepared, or begun to
	}
	c.settle()
	for range 4 { // until the statements have told what the events have not
		c.pass(26 * time.Hour)
		c.settle()
	}
	_, err = c.platform.disbursement.RequestReturn(ctx, "first", c.id)
	c.must(err)
	c.approve()
	c.settle()
	c.compare()
	summary, err := c.platform.disbursement.Summary(ctx, c.id)
	c.must(err)
	if f := summary.Total; f.Received == 0 || f.Recalled == 0 || f.Received != f.Spent+f.Returned || f.InFlight != 0 || f.InTransit != 0 || f.Float != 0 {
		c.t.Errorf("in the end: %+v", f)
	}
}

// However often and whenever the service is killed while it pays and recalls, each envelope is credited once by the banks'
// own books, and every fen is accounted for. HONGBAO_LONG kills 500 times.
func TestKilledServicePaysNobodyTwice(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	const kills = 20
	seeds := int64(1)
	if long() {
		seeds = 25
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			url := testkit.SQLite(t)
			if os.Getenv(testkit.Server) != "" {
				url = testkit.MySQL(t) // the same on SQLite is another run of this suite
			}
			c := newCrash(t, url, seed)
			c.run(kills)
			t.Logf("%d kills, %d of them in the middle of calls", c.kills, c.caught)
			if c.kills != kills || c.caught < kills/4 {
				t.Errorf("%d kills, %d of them in the middle of calls: that shows little", c.kills, c.caught)
			}
		})
	}
}
