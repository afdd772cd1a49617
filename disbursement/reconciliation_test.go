package disbursement

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/money"
	"hongbao/internal/testkit"
)

// reconciled runs one day at one bank and gives the open differences by kind.
func (w *world) reconciled(operator, day string) map[string]int {
	w.t.Helper()
	_, err := w.ReconcileDay(context.Background(), operator, day)
	w.must(err)
	return w.openKinds()
}

func (w *world) openKinds() map[string]int {
	w.t.Helper()
	found, err := w.Differences(context.Background(), campaignID)
	w.must(err)
	open := map[string]int{}
	for _, d := range found {
		if d.Status == "open" {
			open[d.Kind]++
		}
	}
	return open
}

func (w *world) expectOpen(got map[string]int, want ...string) {
	w.t.Helper()
	if len(got) != len(want) {
		w.t.Fatalf("open differences %v, want %v", got, want)
	}
	for _, kind := range want {
		if got[kind] == 0 {
			w.t.Fatalf("open differences %v, want %v", got, want)
		}
	}
}

func TestStatementSettlesWhatIsUnknown(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		ctx := context.Background()
		w := newWorld(t, db, 8)
		w.fund()
		w.claimAll()
		w.approveCredits()
		for _, b := range w.banks { // the credits take effect, and nobody ever answers
			b.trouble = func(call string) (bool, error) {
				if call == "statement" {
					return true, nil
				}
				return true, errNetwork
			}
		}
		_, err := w.Dispatch(ctx)
		w.must(err)
		day := dayOf(w.clock.Now())
		for name := range w.banks {
			w.expectOpen(w.reconciled(name, day))
		}
		w.check()
		w.bankCheck()
		for _, e := range w.envelopes() {
			if e.Status != Credited {
				t.Errorf("envelope %d is %s", e.ID, e.Status)
			}
		}
		statements, err := w.Statements(ctx, campaignID)
		if err != nil || len(statements) != 2 || statements[0].Status != statementMatched || statements[0].LineCount != 4 {
			t.Errorf("statements %+v, %v", statements, err)
		}
	})
}

func TestStatementFaults(t *testing.T) {
	without := func(kind StatementKind) func([]StatementLine) []StatementLine {
		return func(lines []StatementLine) (kept []StatementLine) {
			for _, line := range lines {
				if line.Kind != kind {
					kept = append(kept, line)
				}
			}
			return kept
		}
	}
	with := func(kind StatementKind, change func(*StatementLine)) func([]StatementLine) []StatementLine {
		return func(lines []StatementLine) []StatementLine {
			for i := range lines {
				if lines[i].Kind == kind {
					change(&lines[i])
					break
				}
			}
			return lines
		}
	}
	cases := map[string]struct {
		twist func([]StatementLine) []StatementLine
		open  []string
	}{
		"credit missing there":  {without(LineCredit), []string{missingThere}},
		"payment missing there": {without(LinePayment), []string{missingThere}},
		"credit of a fen more":  {with(LineCredit, func(l *StatementLine) { l.AmountFen++ }), []string{otherAmount}},
		"payment of a fen more": {with(LinePayment, func(l *StatementLine) { l.AmountFen++ }), []string{otherAmount}},
		"order not ours":        {with(LineCredit, func(l *StatementLine) { l.Number = strings.Repeat("X", 32) }), []string{missingHere, missingThere}},
		"envelope not ours": {with(LinePayment, func(l *StatementLine) { l.EventNo, l.CouponID = "X1", "NOBODYS" }),
			[]string{missingHere, missingThere}},
		"credit called recall": {with(LineCredit, func(l *StatementLine) { l.Kind = LineRecall }), []string{missingHere, missingThere}},
	}
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				clean(t, db)
				w := newWorld(t, db, 4)
				w.creditAll()
				e := w.envelopes()[0]
				b := w.banks[e.Operator]
				w.receive(e.Operator, b.pay(e, "1", 50_00))
				day := dayOf(w.clock.Now())
				b.twist = c.twist
				w.expectOpen(w.reconciled(e.Operator, day), c.open...)
				w.check()
				w.bankCheck()
				w.expectOpen(w.reconciled(e.Operator, day), c.open...) // reading it again adds nothing
				b.twist = nil                                          // the next edition is right
				w.expectOpen(w.reconciled(e.Operator, day))
				w.check()
				w.bankCheck()
			})
		}
	})
}

// A line that comes a day late settles the difference of the day before, and a payment that was lost as an event is
// booked from the statement, even if its first edition was wrong.
func TestLateLinesAndLostEvents(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		ctx := context.Background()
		w := newWorld(t, db, 4)
		w.creditAll()
		e := w.envelopes()[0]
		b := w.banks[e.Operator]
		today := dayOf(w.clock.Now())
		kept := b.lines
		b.lines = nil
		w.expectOpen(w.reconciled(e.Operator, today), missingThere)
		w.clock.Advance(24 * time.Hour)
		lost := b.pay(e, "1", 70_00)
		b.lines = append(b.lines, kept...)
		b.twist = func(lines []StatementLine) []StatementLine {
			for i := range lines {
				if lines[i].Kind == LinePayment {
					lines[i].AmountFen += 5
				}
			}
			return append(lines, kept...)
		}
		w.expectOpen(w.reconciled(e.Operator, dayOf(w.clock.Now())))
		if got := w.envelopes()[0].SpentFen; got != 70_05 {
			t.Fatalf("booked %s from the statement", got)
		}
		if events, err := w.Payments(ctx, e.ID); err != nil || len(events) != 1 || events[0].Origin != ByStatement {
			t.Errorf("%+v, %v", events, err)
		}
		b.twist = func(lines []StatementLine) []StatementLine { return append(lines, kept...) }
		w.expectOpen(w.reconciled(e.Operator, dayOf(w.clock.Now())))
		w.check()
		w.bankCheck()
		w.receive(e.Operator, lost) // the event after all
		w.check()
		w.bankCheck()
	})
}

func TestDamagedStatementIsRefusedWhole(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		ctx := context.Background()
		w := newWorld(t, db, 4)
		w.creditAll()
		e := w.envelopes()[0]
		b := w.banks[e.Operator]
		b.pay(e, "1", 50_00) // known from the statement only
		day := dayOf(w.clock.Now())
		stream, err := b.Statement(ctx, w.clock.Now())
		w.must(err)
		good, err := io.ReadAll(stream)
		w.must(err)
		for name, damaged := range map[string][]byte{
			"cut":     good[:len(good)-10],
			"changed": bytes.Replace(good, []byte(",5000,"), []byte(",5001,"), 1),
			"longer":  append(bytes.Clone(good), "x"...),
			"empty":   nil,
			"another": bytes.Replace(good, []byte(","+e.Operator+","), []byte(",boc,"), 1),
		} {
			w.Operators[e.Operator] = fixedStatement{b, damaged}
			if _, err := w.ReconcileDay(ctx, e.Operator, day); fault.KindOf(err) != fault.Invalid {
				t.Errorf("%s: %v", name, err)
			}
			if got := w.envelopes()[0].SpentFen; got != 0 {
				t.Fatalf("%s: a line of a refused file was booked", name)
			}
		}
		w.clock.Advance(24 * time.Hour)
		if n, err := w.Reconcile(ctx); n != 1 || err != nil { // the other bank's; the damaged one is passed over
			t.Errorf("%d statements, %v", n, err)
		}
		w.Operators[e.Operator] = b
		w.clock.Advance(askAgain + time.Second)
		if n, err := w.Reconcile(ctx); n != 1 || err != nil {
			t.Errorf("%d statements when asked again, %v", n, err)
		}
		if n, err := w.Reconcile(ctx); n != 0 || err != nil {
			t.Errorf("%d statements when all agree, %v", n, err)
		}
		w.check()
		w.bankCheck()
	})
}

// fixedStatement is a bank with one file for every day.
type fixedStatement struct {
	*bank
	file []byte
}

func (f fixedStatement) Statement(context.Context, time.Time) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(f.file)), nil
}

func TestRefundInTheWrongOrderIsShown(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db, 2)
		w.creditAll()
		e := w.envelopes()[0]
		b := w.banks[e.Operator]
		payment := b.pay(e, "1", 300_00)
		w.receive(e.Operator, payment, b.refund(e, payment, "1", 0, 100_00)) // the envelope before the citizen
		w.expectOpen(w.reconciled(e.Operator, dayOf(w.clock.Now())), refundOrder)
		w.receive(e.Operator, b.refund(e, payment, "2", 100_00, 0))
		w.expectOpen(w.reconciled(e.Operator, dayOf(w.clock.Now()))) // put right
		w.check()
		w.bankCheck()
	})
}

func TestAPersonResolvesWithAReason(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		ctx := context.Background()
		w := newWorld(t, db, 4)
		w.creditAll()
		e := w.envelopes()[0]
		b := w.banks[e.Operator]
		b.twist = func([]StatementLine) []StatementLine { return nil }
		w.expectOpen(w.reconciled(e.Operator, dayOf(w.clock.Now())), missingThere)
		found, err := w.Differences(ctx, campaignID)
		w.must(err)
		for _, try := range []struct {
			campaign int64
			reason   string
			kind     fault.Kind
		}{{campaignID, "", fault.Invalid}, {campaignID + 1, "seen", fault.NotFound}, {campaignID, "the bank confirms by letter 12", 0}, {campaignID, "again", fault.NotFound}} {
			err := w.ResolveDifference(ctx, "maker", try.campaign, found[0].ID, try.reason)
			if try.kind == 0 && err != nil || try.kind != 0 && fault.KindOf(err) != try.kind {
				t.Errorf("%+v: %v", try, err)
			}
		}
		again, err := w.Differences(ctx, campaignID)
		w.must(err)
		last := again[len(again)-1]
		if last.ID != found[0].ID || last.Owner != "maker" || last.Reason == "" || last.ResolvedAt == 0 {
			t.Errorf("%+v", last)
		}
		w.check()
	})
}

func TestLedgerIsAppendOnlyAndPostsOnce(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		ctx := context.Background()
		w := newWorld(t, db, 1)
		from, to := account{"city", "", inSource}, account{"city", "", inFloat}
		put := func(ref string, m ...move) error {
			return db.InTx(ctx, func(tx *gorm.DB) error {
				return post(tx, entry{Campaign: campaignID, Ref: ref, Kind: "fund", At: w.now(), Moves: m})
			})
		}
		w.must(put("a", move{from, to, 0, 70}, move{from, to, 0, 30}))
		if err := put("a", move{from, to, 0, 100}); !errors.Is(err, ErrPosted) {
			t.Errorf("posted twice: %v", err)
		}
		early := w.clock.Now()
		w.clock.Advance(time.Hour)
		if err := put("b", move{to, account{"city", "icbc", inFloat}, 0, 101}); !errors.Is(err, ErrShort) {
			t.Errorf("more than there is: %v", err)
		}
		w.must(put("b", move{to, account{"city", "icbc", inFloat}, 0, 100}))
		w.check()
		sum := func(at time.Time, operator string) (sum money.Fen) {
			found, err := w.BalancesAt(ctx, campaignID, at)
			w.must(err)
			for _, b := range found {
				if b.Kind == inFloat && b.Operator == operator {
					sum += b.AmountFen
				}
			}
			return sum
		}
		if sum(early, "") != 100 || sum(early, "icbc") != 0 || sum(w.clock.Now(), "") != 0 || sum(w.clock.Now(), "icbc") != 100 {
			t.Error("balances of the past do not stand")
		}
		for _, statement := range []string{"UPDATE ledger_postings SET amount_fen = 1", "DELETE FROM ledger_postings", "UPDATE ledger_transactions SET at = 1", "DELETE FROM ledger_transactions"} {
			if _, err := db.SQL().ExecContext(ctx, statement); err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: %v", statement, err)
			}
		}
	})
}

// The grants that `hongbao migrate grants` prints hold the ledger without any trigger: the service posts, and changes nothing posted.
func TestLedgerIsHeldByGrantsAlone(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		if db.Dialect() != database.MySQL {
			t.Skip("there are no grants")
		}
		ctx := context.Background()
		account := "hongbao_" + strings.ToLower(rand.Text()[:8])
		var name string
		grants, err := database.Grants(ctx, db, account)
		if err := errors.Join(err, db.Read(ctx).Raw("SELECT DATABASE()").Scan(&name).Error); err != nil || len(grants) < 20 {
			t.Fatalf("%d grants, %v", len(grants), err)
		}
		exec(t, db, "CREATE USER "+account+" IDENTIFIED BY 'held'")
		t.Cleanup(func() { exec(t, db, "DROP USER "+account) })
		for _, grant := range grants {
			exec(t, db, grant)
		}
		server, err := url.Parse(os.Getenv(testkit.Server))
		if err != nil {
			t.Fatal(err)
		}
		server.User, server.Path = url.UserPassword(account, "held"), "/"+name
		held, err := database.Open(ctx, server.String())
		if err != nil {
			t.Fatal(err)
		}
		defer held.Close()
		w := newWorld(t, held, 4)
		w.creditAll()
		w.check()
		clean(t, db) // takes the triggers away; what follows meets grants alone
		w = newWorld(t, held, 2)
		w.creditAll()
		for _, statement := range []string{"UPDATE ledger_postings SET amount_fen = 1", "DELETE FROM ledger_postings", "UPDATE ledger_transactions SET at = 1", "DELETE FROM ledger_transactions"} {
			if _, err := held.SQL().ExecContext(ctx, statement); err == nil || !strings.Contains(err.Error(), "denied") {
				t.Errorf("%s: %v", statement, err)
			}
		}
		w.check()
	})
}
