package disbursement

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"testing"
	"time"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/testkit"
)

// cell is one fault of one kind of message. What is nil goes well.
type cell struct {
	arrange func(*world)           // before anything is sent
	pay     func(*world)           // instead of dispatching and asking until all is settled
	deliver func(*world, []mailed) // instead of delivering the events of purchases in order
	settle  func(*world)           // instead of reading the statements once they are there
}

// mailed is an event and the bank that tells of it.
type mailed struct {
	operator string
	event    Event
}

var (
	errBusy  = fault.New(fault.Unavailable, "busy", "忙", "busy")
	messages = []string{"credit", "query", "recall", "statement", "callback"}
	troubles = []string{"refused", "failed unapplied", "failed but applied", "duplicate", "out of order"}
)

// matrix has a cell for each fault of each message: there is none that cannot happen. A question changes nothing at the
// bank, so that "but applied" means of it, and of a statement, that the bank has answered and the answer is lost.
var matrix = map[string]map[string]cell{
	"credit": {
		"refused":            {arrange: banks(func(_ *world, b *bank) { b.refuse = once(ReasonBalanceLimit) })},
		"failed unapplied":   {arrange: banks(func(_ *world, b *bank) { b.trouble = firstOf("credit", 2, false, errNetwork) })},
		"failed but applied": {arrange: banks(func(_ *world, b *bank) { b.trouble = firstOf("credit", 2, true, errNetwork) })},
		"duplicate":          {arrange: twice},
		"out of order":       {pay: lateArrival},
	},
	"query": {
		"refused":            {arrange: inVain("query", false, errBusy)},
		"failed unapplied":   {arrange: inVain("query", false, errNetwork)},
		"failed but applied": {arrange: inVain("query", true, errNetwork)},
		"duplicate":          {pay: twoAnswers},
		"out of order":       {pay: staleAnswer},
	},
	"recall": {
		"refused":            {arrange: banks(func(_ *world, b *bank) { b.refuseRecall = once("wallet-frozen") })},
		"failed unapplied":   {arrange: banks(func(_ *world, b *bank) { b.trouble = firstOf("recall", 2, false, errNetwork) })},
		"failed but applied": {arrange: banks(func(_ *world, b *bank) { b.trouble = firstOf("recall", 2, true, errNetwork) })},
		"duplicate":          {arrange: twice},
		"out of order":       {deliver: afterTheRecall},
	},
	"statement": {
		"refused":            {arrange: banks(func(_ *world, b *bank) { b.trouble = firstOf("statement", 1, false, ErrStatementNotReady) })},
		"failed unapplied":   {arrange: banks(func(_ *world, b *bank) { b.trouble = firstOf("statement", 1, false, errNetwork) })},
		"failed but applied": {arrange: cutStatements},
		"duplicate":          {settle: readTwice},
		"out of order":       {settle: lastDayFirst},
	},
	"callback": {
		"refused":            {deliver: refusedFirst},
		"failed unapplied":   {deliver: func(*world, []mailed) {}}, // only the statement tells
		"failed but applied": {deliver: func(w *world, mail []mailed) { inOrder(w, mail); inOrder(w, mail) }},
		"duplicate":          {deliver: inOneCall},
		"out of order":       {deliver: func(w *world, mail []mailed) { slices.Reverse(mail); inOrder(w, mail) }},
	},
}

func banks(arrange func(*world, *bank)) func(*world) {
	return func(w *world) {
		for _, b := range w.banks {
			arrange(w, b)
		}
	}
}

// once refuses the first order.
func once(reason string) func(string) string {
	refused := false
	return func(string) string {
		if refused {
			return ""
		}
		refused = true
		return reason
	}
}

// inVain makes questions go wrong, and credits, so that there is something to ask about.
func inVain(call string, applied bool, err error) func(*world) {
	return banks(func(_ *world, b *bank) {
		b.trouble = both(firstOf("credit", 1, true, errNetwork), firstOf(call, 2, applied, err))
	})
}

// doubled is a bank to which every call comes twice.
type doubled struct{ *bank }

func (d doubled) Credit(ctx context.Context, orders []CreditOrder) ([]Outcome, error) {
	if _, err := d.bank.Credit(ctx, orders); err != nil {
		return nil, err
	}
	return d.bank.Credit(ctx, orders)
}

func (d doubled) Recall(ctx context.Context, orders []RecallOrder) ([]Outcome, error) {
	if _, err := d.bank.Recall(ctx, orders); err != nil {
		return nil, err
	}
	return d.bank.Recall(ctx, orders)
}

func twice(w *world) {
	for name, b := range w.banks {
		w.Operators[name] = doubled{b}
	}
}

// held takes the orders of each bank for a call, which is not booked.
func (w *world) held(ask bool) map[string][]Order {
	w.t.Helper()
	held := map[string][]Order{}
	for name := range w.banks {
		take := w.claim
		if ask {
			take = w.reclaim
		}
		orders, err := take(context.Background(), name, 100)
		w.must(err)
		if len(orders) > 0 {
			held[name] = orders
		}
	}
	return held
}

// lateArrival: the first call is lost, the bank says that it never received it, and it arrives when it has been sent again.
func lateArrival(w *world) {
	held := w.held(false)
	w.clock.Advance(callLease)
	w.settleAll()
	for name, orders := range held {
		_, err := w.send(context.Background(), w.banks[name], orders)
		w.must(err)
	}
}

// broken makes the first call break off at the banks after its effect, so that it has to be asked about.
func broken(w *world) {
	banks(func(_ *world, b *bank) { b.trouble = firstOf("credit", 1, true, errNetwork) })(w)
	_, err := w.Dispatch(context.Background())
	w.must(err)
	w.clock.Advance(time.Minute)
}

// twoAnswers: two replicas ask about the same orders, the second since the first is late, and both have an answer.
func twoAnswers(w *world) {
	broken(w)
	first := w.held(true)
	w.clock.Advance(callLease)
	second := w.held(true)
	for _, held := range []map[string][]Order{second, first} {
		for name, orders := range held {
			outcomes, err := query(context.Background(), w.banks[name], orders)
			w.must(err)
			w.must(w.settle(context.Background(), orders, outcomes))
		}
	}
	w.settleAll()
}

// staleAnswer: the bank says "processing", then its event says that it is done, and only then is the answer booked.
func staleAnswer(w *world) {
	broken(w)
	for name, orders := range w.held(true) {
		for _, o := range orders {
			w.receive(name, Event{EventNo: "E" + o.OrderNo[1:], Kind: EventCredit, OrderNo: o.OrderNo, State: StateSucceeded, AmountFen: o.AmountFen, OccurredAt: w.clock.Now()})
		}
		old := each(orders, func(o Order) Outcome { return Outcome{OrderNo: o.OrderNo, State: StateProcessing} })
		w.must(w.settle(context.Background(), orders, old))
	}
	w.settleAll()
}

func inOrder(w *world, mail []mailed) {
	for _, m := range mail {
		w.receive(m.operator, m.event)
	}
}

func inOneCall(w *world, mail []mailed) {
	for _, m := range mail {
		w.receive(m.operator, m.event, m.event)
	}
}

// refusedFirst: each event comes with amounts that do not add up, and is refused; then it comes as it is.
func refusedFirst(w *world, mail []mailed) {
	for _, m := range mail {
		wrong := m.event
		wrong.AmountFen++
		refused, err := w.Receive(context.Background(), m.operator, []Event{wrong})
		if err != nil || len(refused) != 1 {
			w.t.Fatalf("%v, %v", refused, err)
		}
	}
	inOrder(w, mail)
}

// afterTheRecall: what was bought, and given back, is heard of when the rest has been recalled.
func afterTheRecall(w *world, mail []mailed) {
	w.clock.Set(spendUntil)
	w.recallAll()
	inOrder(w, mail)
}

// cutBank loses the end of the first statement on the way.
type cutBank struct {
	*bank
	cut *bool
}

func (b cutBank) Statement(ctx context.Context, day time.Time) (io.ReadCloser, error) {
	file, err := b.bank.Statement(ctx, day)
	if err != nil || *b.cut {
		return file, err
	}
	*b.cut = true
	return io.NopCloser(io.LimitReader(file, 60)), nil
}

func cutStatements(w *world) {
	for name, b := range w.banks {
		w.Operators[name] = cutBank{b, new(bool)}
	}
}

// days are those of the campaign so far.
func (w *world) days() (days []string) {
	for day := claimFrom; dayOf(day) < dayOf(w.clock.Now()); day = day.AddDate(0, 0, 1) {
		days = append(days, dayOf(day))
	}
	return days
}

func (w *world) readDays(days []string) {
	w.t.Helper()
	for _, day := range days {
		for _, name := range slices.Sorted(maps.Keys(w.banks)) {
			_, err := w.ReconcileDay(context.Background(), name, day)
			w.must(err)
		}
	}
}

func readTwice(w *world) {
	for _, day := range w.days() {
		w.readDays([]string{day, day})
	}
}

func lastDayFirst(w *world) {
	days := w.days()
	slices.Reverse(days)
	w.readDays(days)
}

// repaired gives new numbers to what has failed for good, with a second person's approval.
func (w *world) repaired() {
	w.t.Helper()
	_, err := w.Prepare(context.Background(), "maker", campaignID, ForReissue)
	if err != nil && !errors.Is(err, ErrNothingReady) {
		w.t.Fatal(err)
	}
	w.approve(true)
	w.settleAll()
}

// purchases are two of each bank's customers', one of them given back in part.
func (w *world) purchases() (mail []mailed) {
	w.t.Helper()
	for i, e := range w.envelopes()[:4] {
		b := w.banks[e.Operator]
		payment := b.pay(e, fmt.Sprint(i), 250_00)
		mail = append(mail, mailed{e.Operator, payment})
		if i%2 == 0 {
			mail = append(mail, mailed{e.Operator, b.refund(e, payment, fmt.Sprint(i), 50_00, 30_00)})
		}
	}
	return mail
}

// run takes a campaign from its first credit to its last statement with one fault on the way.
func (c cell) run(w *world) {
	w.t.Helper()
	ctx := context.Background()
	if c.arrange != nil {
		c.arrange(w)
	}
	w.fund()
	w.claimAll()
	w.approveCredits()
	if c.pay != nil {
		c.pay(w)
	}
	w.settleAll()
	w.repaired()
	w.check()
	w.bankCheck()
	mail := w.purchases()
	if c.deliver == nil {
		c.deliver = inOrder
	}
	c.deliver(w, mail)
	w.balanced()
	w.clock.Set(spendUntil)
	w.recallAll()
	w.repaired()
	w.balanced()
	w.clock.Advance(24 * time.Hour)
	if c.settle != nil {
		c.settle(w)
	}
	for range 3 { // what was refused or differs is asked for again later
		if _, err := w.Reconcile(ctx); err != nil && !errors.Is(err, errNetwork) {
			w.t.Fatal(err)
		}
		w.clock.Advance(askAgain + time.Minute)
	}
	w.recallAll()
}

// Every fault of every kind of message, and after each of them `check` holds, our books are the bank's, and nothing is left.
func TestFaultMatrix(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		for _, message := range messages {
			for _, trouble := range troubles {
				t.Run(message+" "+trouble, func(t *testing.T) {
					c, ok := matrix[message][trouble]
					if !ok {
						t.Fatal("there is no such cell")
					}
					clean(t, db)
					w := newWorld(t, db, 8)
					c.run(w)
					w.check()
					w.bankCheck()
					w.expectOpen(w.openKinds())
					for _, e := range w.envelopes() {
						if e.Status != Closed || e.Balance() != 0 {
							t.Errorf("envelope %d is %s and holds %s", e.ID, e.Status, e.Balance())
						}
					}
					w.returnAll()
				})
			}
		}
	})
}
