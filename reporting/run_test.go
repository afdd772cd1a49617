package reporting

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/mod/sumdb/note"
	"gorm.io/gorm"

	"github.com/xuri/excelize/v2"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/identity"
	"hongbao/internal/staff"
	"hongbao/internal/testkit"
	"hongbao/lottery"
)

// office is a service with one campaign, its city's log key, and two people.
type office struct {
	*Service
	t        *testing.T
	clock    *testkit.Clock
	id       int64
	vkey     string
	approver staff.Account
}

func withOffice(t *testing.T, test func(o *office)) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		clock := testkit.NewClock(time.Date(2020, 12, 27, 9, 0, 0, 0, shanghai))
		vault, err := identity.NewVault("intl", bytes.Repeat([]byte{3}, 32))
		must(t, err)
		people := &staff.Service{DB: db, Vault: vault, Now: clock.Now, Random: rand.Reader, Cost: bcrypt.MinCost}
		secret, public, err := note.GenerateKey(rand.Reader, "suzhou.test/log")
		must(t, err)
		signer, err := note.NewSigner(secret)
		must(t, err)
		campaigns := &campaign.Service{DB: db, Keys: &identity.KeyRing{Master: bytes.Repeat([]byte{7}, 32), DB: db}, Staff: people, Now: clock.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler)}
		book, err := os.ReadFile(filepath.Join("..", "examples", "suzhou-2020.yaml"))
		must(t, err)
		c, err := campaigns.Create(context.Background(), "maker", book)
		must(t, err)
		s := &Service{DB: db, Campaigns: campaigns, Staff: people, Version: "test", Now: clock.Now,
			LogKey: func(string) (lottery.LogKey, error) { return lottery.LogKey{Signer: signer, VKey: public}, nil }}
		s.HandleApprovals()
		t.Cleanup(s.wait)
		test(&office{s, t, clock, c.ID, public, staff.Account{Username: "approver", Role: staff.Approver, City: staff.AllCities}})
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (o *office) download(run Run, by string) []byte {
	o.t.Helper()
	var file bytes.Buffer
	must(o.t, o.Download(context.Background(), run, by, &file))
	return file.Bytes()
}

func (o *office) reload(run Run) Run {
	o.t.Helper()
	run, err := o.Run(context.Background(), run.ID)
	must(o.t, err)
	return run
}

func TestOrderIsMadeSignedMarkedAndAudited(t *testing.T) {
	withOffice(t, func(o *office) {
		ctx := context.Background()
		run, err := o.Order(ctx, Order{CampaignID: o.id, Name: "overview", By: "regulator"})
		must(o.t, err)
		o.wait()
		if _, err := o.MakeQueued(ctx); err != nil {
			o.t.Fatal(err)
		}
		run = o.reload(run)
		if run.Status != Done || run.Digest == "" || run.RowCount == 0 {
			o.t.Fatalf("%+v", run)
		}
		file := o.download(run, "auditor & co")
		statement, err := Verify(bytes.NewReader(file), o.vkey)
		if err != nil || !strings.Contains(statement, run.Digest) || !strings.Contains(statement, run.Number) {
			o.t.Errorf("statement %q, %v", statement, err)
		}
		book, err := excelize.OpenReader(bytes.NewReader(file))
		must(o.t, err)
		props, err := book.GetDocProps()
		must(o.t, err)
		if want := "2020-12-27 09:00:00  auditor & co  " + run.Number; props.LastModifiedBy != want {
			o.t.Errorf("the file is marked %q", props.LastModifiedBy)
		}
		marked, err := book.SearchSheet(coverSheet, "auditor & co", true)
		if err != nil || len(marked) != 1 {
			o.t.Errorf("the cover has the mark at %v, %v", marked, err)
		}
		must(o.t, book.SetCellStr("活动", "B3", "另一个活动"))
		var changed bytes.Buffer
		must(o.t, book.Write(&changed))
		if _, err := Verify(&changed, o.vkey); !errors.Is(err, errCells) {
			o.t.Errorf("a changed cell gives %v", err)
		}
		var downloads int
		must(o.t, o.DB.Read(ctx).Raw("SELECT COUNT(*) FROM audit_entries WHERE action = 'report.download' AND actor = 'auditor & co' AND campaign = 'suzhou-2020'").Scan(&downloads).Error)
		if downloads != 1 {
			o.t.Errorf("%d downloads are on the trail", downloads)
		}
	})
}

func TestCancelledOrInterruptedRunsEnd(t *testing.T) {
	withOffice(t, func(o *office) {
		ctx := context.Background()
		run, err := o.take(ctx, Order{CampaignID: o.id, Name: "overview", By: "regulator"})
		must(o.t, err)
		must(o.t, o.advance(ctx, &run, Running, map[string]any{"beat_at": database.At(o.clock.Now())}))
		must(o.t, o.beat(ctx, run.ID, 5))
		must(o.t, o.Cancel(ctx, run, "regulator"))
		if err := o.beat(ctx, run.ID, 6); !errors.Is(err, errCancelled) {
			o.t.Errorf("a cancelled run goes on: %v", err)
		}
		if err := o.Cancel(ctx, run, "regulator"); fault.KindOf(err) != fault.Conflict {
			o.t.Errorf("cancelled twice: %v", err)
		}
		lost, err := o.take(ctx, Order{CampaignID: o.id, Name: "overview", By: "regulator"})
		must(o.t, err)
		must(o.t, o.advance(ctx, &lost, Running, map[string]any{"beat_at": database.At(o.clock.Now())}))
		o.clock.Advance(silence + time.Second)
		_, err = o.MakeQueued(ctx)
		must(o.t, err)
		if lost = o.reload(lost); lost.Status != Failed || lost.Error == "" {
			o.t.Errorf("an interrupted run is %s %q", lost.Status, lost.Error)
		}
	})
}

func TestUnmaskedReportTakesTwoPeopleAndAPassword(t *testing.T) {
	withOffice(t, func(o *office) {
		ctx := context.Background()
		order := Order{CampaignID: o.id, Name: "winners", By: "regulator", Unmasked: true}
		if _, err := o.Order(ctx, order); !errors.Is(err, errReason) {
			o.t.Errorf("without a reason: %v", err)
		}
		order.Reason = "投诉核查"
		run, err := o.Order(ctx, order)
		must(o.t, err)
		if _, err := o.MakeQueued(ctx); err != nil || o.reload(run).Status != Held {
			o.t.Fatalf("%s before its release, %v", o.reload(run).Status, err)
		}
		self := o.approver
		self.Username = "regulator"
		if err := o.Staff.Decide(ctx, run.ApprovalID, self, true, ""); !errors.Is(err, staff.ErrOwnRequest) {
			o.t.Errorf("released by who asked: %v", err)
		}
		must(o.t, o.Staff.Decide(ctx, run.ApprovalID, o.approver, true, ""))
		_, err = o.MakeQueued(ctx)
		must(o.t, err)
		if run = o.reload(run); run.Status != Done || run.ReleasedBy != "approver" {
			o.t.Fatalf("%+v", run)
		}
		if err := o.Download(ctx, run, "auditor", &bytes.Buffer{}); !errors.Is(err, errNotYours) {
			o.t.Errorf("another person's download: %v", err)
		}
		if _, err := o.Password(ctx, run, "auditor"); !errors.Is(err, errNotYours) {
			o.t.Errorf("another person's password: %v", err)
		}
		password, err := o.Password(ctx, run, "regulator")
		must(o.t, err)
		if _, err := o.Password(ctx, run, "regulator"); !errors.Is(err, errShown) {
			o.t.Errorf("shown twice: %v", err)
		}
		file := o.download(run, "regulator")
		if _, err := excelize.OpenReader(bytes.NewReader(file)); err == nil {
			o.t.Error("the file opens without its password")
		}
		_, err = excelize.OpenReader(bytes.NewReader(file), excelize.Options{Password: password})
		must(o.t, err)
		o.clock.Advance(unmaskedFor)
		_, err = o.MakeQueued(ctx)
		must(o.t, err)
		if err := o.Download(ctx, o.reload(run), "regulator", &bytes.Buffer{}); !errors.Is(err, errGone) {
			o.t.Errorf("after its expiry: %v", err)
		}
	})
}

// A process that leaves ends the report in hand and takes no other; one whose time is over before that goes back into the queue. The
// next process makes what is left.
func TestLeaveEndsTheReportInHandAlone(t *testing.T) {
	withOffice(t, func(o *office) {
		ctx, key := context.Background(), o.LogKey
		process := func(work context.Context, logKey func(string) (lottery.LogKey, error)) *Service {
			return &Service{DB: o.DB, Campaigns: o.Campaigns, Staff: o.Staff, LogKey: logKey, Version: "test", Now: o.clock.Now, Work: work}
		}
		order := func(s *Service) Run {
			run, err := s.Order(ctx, Order{CampaignID: o.id, Name: "overview", By: "regulator"})
			must(o.t, err)
			return run
		}
		expect := func(what string, run Run, status string) {
			o.t.Helper()
			if got := o.reload(run); got.Status != status || (got.StartedAt > 0) != (status != Queued) {
				o.t.Errorf("%s: %s since %d, want %s", what, got.Status, got.StartedAt, status)
			}
		}
		for _, inTime := range []bool{true, false} {
			work, cut := context.WithCancel(ctx)
			begun, goOn := make(chan struct{}), make(chan struct{})
			leaver := process(work, func(city string) (lottery.LogKey, error) {
				close(begun)
				<-goOn
				return key(city)
			})
			first := order(leaver)
			<-begun
			ended, second := leaver.Leave(), order(leaver)
			expect("in hand", first, Running)
			if !inTime {
				cut()
			}
			close(goOn)
			<-ended
			cut()
			expect(fmt.Sprint("in hand, ended in time: ", inTime), first, map[bool]string{true: Done, false: Queued}[inTime])
			if n, err := leaver.MakeQueued(ctx); n != 0 || err != nil {
				o.t.Errorf("who leaves has made %d, %v", n, err)
			}
			expect("the other", second, Queued)
			if _, err := process(nil, key).MakeQueued(ctx); err != nil {
				o.t.Error(err)
			}
			expect("the first, by the next process", first, Done)
			expect("the other, by the next process", second, Done)
		}
	})
}

func TestStatusesMoveAsTheTableSays(t *testing.T) {
	all := []string{Held, Queued, Running, Done, Failed, Cancelled, Expired}
	legal := map[string]string{Held: "queued cancelled", Queued: "running cancelled", Running: "done failed cancelled queued", Done: "expired"}
	for _, from := range all {
		for _, to := range all {
			want := false
			for _, word := range strings.Fields(legal[from]) {
				want = want || word == to
			}
			if mayBecome(from, to) != want {
				t.Errorf("%s to %s", from, to)
			}
		}
	}
}

func TestOccasionsMakeOnce(t *testing.T) {
	withOffice(t, func(o *office) {
		ctx := context.Background()
		must(o.t, o.DB.InTx(ctx, func(tx *gorm.DB) error { return tx.Exec("UPDATE campaigns SET status = ?", campaign.Drawn).Error }))
		first, err := o.makeDue(ctx)
		must(o.t, err)
		again, err := o.makeDue(ctx)
		must(o.t, err)
		o.clock.Advance(24 * time.Hour)
		next, err := o.makeDue(ctx)
		must(o.t, err)
		if first != 10 || again != 0 || next != 4 {
			o.t.Errorf("%d reports, then %d, and %d the next day", first, again, next)
		}
	})
}
