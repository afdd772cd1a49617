package disbursement

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/money"
	"hongbao/internal/staff"
	"hongbao/internal/testkit"
	"hongbao/lottery"
)

// world is one campaign with its winners, two operators and two people of staff.
type world struct {
	*Service
	t       *testing.T
	clock   *testkit.Clock
	winners []lottery.Winner
	waiting []int64 // registrations on the waitlist
	banks   map[string]*bank
	staff   *staff.Service
	settled bool
	notes   []string
	refusal error // what campaign says to every purchase

	merchantCap money.Fen // of every merchant
	documents   map[string]int64
}

const campaignID = 7

var (
	claimFrom  = time.Date(2020, 12, 11, 9, 0, 0, 0, campaign.Shanghai)
	claimUntil = claimFrom.AddDate(0, 0, 5)
	waitUntil  = claimFrom.AddDate(0, 0, 8)
	spendUntil = claimFrom.AddDate(0, 0, 16)
)

var testBook = &campaign.RuleBook{
	ID: "test-2020", City: campaign.City{Code: "suzhou"}, Name: campaign.Text{ZH: "测试", EN: "Test"},
	Funding:   []campaign.Source{{Name: "city", Kind: "city", Amount: 100_000_00}, {Name: "sponsor", Kind: "sponsor", Amount: 50_000_00}},
	Windows:   campaign.Windows{ClaimFrom: claimFrom, ClaimUntil: claimUntil, WaitUntil: waitUntil, SpendFrom: claimFrom, SpendUntil: spendUntil},
	Tiers:     []campaign.Tier{{Name: "all", Amount: 200_00, Count: 750, Funding: []campaign.Share{{Source: "city", Count: 500}, {Source: "sponsor", Count: 250}}}},
	Operators: []campaign.Operator{{Name: "icbc", Apps: []string{"jd", "didi"}}, {Name: "abc", Apps: []string{"jd"}}},
	Apps:      []campaign.App{{Name: "jd"}, {Name: "didi"}, {Name: "bilibili"}},
}

// newWorld has n winners, whose money comes from city and sponsor by turns and whose wallets are at icbc and abc by turns.
func newWorld(t *testing.T, db *database.DB, n int) *world {
	t.Helper()
	w := &world{t: t, clock: testkit.NewClock(claimFrom), banks: map[string]*bank{}}
	w.staff = &staff.Service{DB: db, Now: w.clock.Now, Random: rand.Reader, Cost: bcrypt.MinCost}
	w.Service = &Service{DB: db, Campaigns: w, Lottery: w, Staff: w.staff, Operators: map[string]Operator{}, Now: w.clock.Now, Random: rand.Reader,
		Log: slog.New(slog.DiscardHandler)}
	for _, name := range []string{"icbc", "abc"} {
		w.banks[name] = newBank(name, w.clock.Now)
		w.Operators[name] = w.banks[name]
	}
	w.HandleApprovals()
	for i := range n {
		w.winners = append(w.winners, lottery.Winner{ID: int64(i + 1), RegistrationID: int64(100 + i), Entry: entryOf(int64(100 + i)), Tier: "all",
			Source: []string{"city", "sponsor"}[i%2], AmountFen: 200_00})
	}
	return w
}

func entryOf(registration int64) (entry [32]byte) {
	copy(entry[:], fmt.Sprintf("entry of %d", registration))
	return entry
}

func (w *world) Get(context.Context, int64) (campaign.Campaign, error) {
	return campaign.Campaign{ID: campaignID, Slug: testBook.ID, City: "suzhou", NameZH: "测试", NameEN: "Test"}, nil
}
func (w *world) BySlug(ctx context.Context, slug string) (campaign.Campaign, error) {
	if slug != testBook.ID {
		return campaign.Campaign{}, fault.New(fault.NotFound, "no-campaign", "没有", "none")
	}
	return w.Get(ctx, campaignID)
}
func (w *world) RuleBook(context.Context, int64) (*campaign.RuleBook, error) { return testBook, nil }
func (w *world) Registrants(_ context.Context, ids []int64) (list []campaign.Registrant, err error) {
	for _, id := range ids {
		list = append(list, campaign.Registrant{ID: id, CampaignID: campaignID, Entry: entryOf(id), Operator: []string{"icbc", "abc"}[id/2%2]})
	}
	return list, nil
}
func (w *world) Contacts(_ context.Context, _ string, ids []int64) (list []campaign.Contact, err error) {
	for _, id := range ids {
		list = append(list, campaign.Contact{RegistrationID: id, Phone: fmt.Sprintf("139%08d", id)})
	}
	return list, nil
}
func (w *world) Acquirers(context.Context, int64) (map[string]string, error) {
	return map[string]string{"M2": "lakala"}, nil
}
func (w *world) Admit(context.Context, campaign.Purchase) (money.Fen, error) {
	return w.merchantCap, w.refusal
}
func (w *world) Notify(_ *gorm.DB, _ int64, stage string, _ time.Time, registrations ...int64) error {
	for _, id := range registrations {
		w.notes = append(w.notes, fmt.Sprintf("%d %s", id, stage))
	}
	return nil
}
func (w *world) ByDocument(_ context.Context, _ string, _ int64, document string) (campaign.Masked, error) {
	id, ok := w.documents[document]
	if !ok {
		return campaign.Masked{}, fault.New(fault.NotFound, "no-registration", "没有", "none")
	}
	return campaign.Masked{ID: id}, nil
}
func (w *world) HandOutCode(_ context.Context, _, registration int64) (string, error) {
	return fmt.Sprintf("APPL-%d", registration), nil
}
func (w *world) CodeOf(context.Context, int64, int64) (string, error) { return "", nil }
func (w *world) CodeCounts(context.Context, int64) (campaign.CodeCounts, error) {
	return campaign.CodeCounts{Imported: 1, Free: 1}, nil
}
func (w *world) MerchantNames(context.Context, int64, []string) (map[string]string, error) {
	return map[string]string{"M1": "第一家店"}, nil
}
func (w *world) MarkSettled(*gorm.DB, int64) error { w.settled = true; return nil }
func (w *world) Published(context.Context) ([]lottery.Draw, error) {
	return []lottery.Draw{{ID: 3, CampaignID: campaignID, Slug: testBook.ID}}, nil
}
func (w *world) Winners(_ context.Context, _, after int64, limit int) (page []lottery.Winner, err error) {
	for _, winner := range w.winners {
		if winner.ID > after && len(page) < limit {
			page = append(page, winner)
		}
	}
	return page, nil
}
func (w *world) Promote(context.Context, *gorm.DB, int64, [32]byte, string) (int64, bool, error) {
	if len(w.waiting) == 0 {
		return 0, false, nil
	}
	next := w.waiting[0]
	w.waiting = w.waiting[1:]
	return next, true, nil
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// approve lets a second person decide every pending approval.
func (w *world) approve(ok bool) {
	w.t.Helper()
	pending, err := w.staff.List(context.Background(), staff.ApprovalFilter{Status: staff.Pending})
	w.must(err)
	for _, a := range pending {
		w.must(w.staff.Decide(context.Background(), a.ID, checker, ok, "seen"))
	}
}

var checker = staff.Account{Username: "checker", City: "suzhou", Role: staff.Approver}

// fund pays all that the sources owe into the float.
func (w *world) fund() {
	w.t.Helper()
	for _, source := range testBook.Funding {
		_, err := w.ReceiveFunding(context.Background(), "maker", campaignID, source.Name, source.Amount, "bank slip 1")
		w.must(err)
	}
	w.approve(true)
}

// claimAll makes the envelopes, claims them and finds the wallets.
func (w *world) claimAll() {
	w.t.Helper()
	_, err := w.AwardDue(context.Background())
	w.must(err)
	for _, winner := range w.winners {
		_, err := w.Claim(context.Background(), winner.RegistrationID)
		w.must(err)
	}
	_, err = w.FindWallets(context.Background())
	w.must(err)
}

// settleAll dispatches and asks until nothing is open, with the clock going on.
func (w *world) settleAll() {
	w.t.Helper()
	for range 40 {
		_, err := w.Dispatch(context.Background())
		w.must(err)
		_, err = w.Resolve(context.Background())
		w.must(err)
		open, _, err := countOpen(w.DB.Read(context.Background()), campaignID)
		w.must(err)
		if open == 0 {
			return
		}
		w.clock.Advance(time.Minute)
	}
	w.t.Fatal("orders are still open")
}

// approveCredits has a batch of all that is claimed prepared and approved; nothing of it is sent.
func (w *world) approveCredits() {
	w.t.Helper()
	_, err := w.Prepare(context.Background(), "maker", campaignID, Credit)
	w.must(err)
	w.approve(true)
}

// creditAll lets everybody have the money.
func (w *world) creditAll() {
	w.t.Helper()
	w.fund()
	w.claimAll()
	w.approveCredits()
	w.settleAll()
}

// receive books events of which none may be refused.
func (w *world) receive(operator string, events ...Event) {
	w.t.Helper()
	refused, err := w.Receive(context.Background(), operator, events)
	w.must(err)
	if len(refused) > 0 {
		w.t.Fatalf("refused: %v", refused)
	}
}

func (w *world) envelopes() (found []Envelope) {
	w.t.Helper()
	w.must(w.DB.Read(context.Background()).Raw("SELECT * FROM envelopes ORDER BY id").Scan(&found).Error)
	return found
}

func (w *world) orders(kind string) []Order {
	w.t.Helper()
	found, err := ordersOf(w.DB.Read(context.Background()), "kind = ? ORDER BY id", kind)
	w.must(err)
	return found
}

// balanced recomputes what holds at every moment, from the rows.
func (w *world) balanced() {
	w.t.Helper()
	w.none(
		"SELECT CONCAT('transaction ', transaction_id, ' sums to ', SUM(amount_fen)) FROM ledger_postings GROUP BY transaction_id HAVING SUM(amount_fen) <> 0",
		`SELECT CONCAT('account ', a.kind, ' ', a.source, ' ', a.operator, ' has ', a.balance_fen) FROM ledger_accounts a LEFT JOIN ledger_postings p ON p.account_id = a.id
			GROUP BY a.id, a.kind, a.source, a.operator, a.balance_fen HAVING a.balance_fen <> COALESCE(SUM(p.amount_fen), 0)`,
		`SELECT CONCAT('overdrawn ', kind) FROM ledger_accounts WHERE balance_fen < 0 AND kind NOT IN ('source', 'issued', 'spent')`,
		`SELECT CONCAT('envelope ', e.id, ' holds ', e.credited_fen - e.spent_fen - e.recalled_fen) FROM envelopes e LEFT JOIN ledger_postings p ON p.envelope_id = e.id
			GROUP BY e.id, e.credited_fen, e.spent_fen, e.recalled_fen HAVING e.credited_fen - e.spent_fen - e.recalled_fen <> COALESCE(SUM(p.amount_fen), 0)`,
		`SELECT CONCAT('envelope ', id, ' credited ', credited_fen) FROM envelopes WHERE credited_fen NOT IN (0, amount_fen) OR recalled_fen < 0`,
		`SELECT CONCAT('envelope ', envelope_id, ' credited ', COUNT(*), ' times') FROM disbursement_orders WHERE kind = 'credit' AND status = 'succeeded' GROUP BY envelope_id HAVING COUNT(*) > 1`,
		`SELECT CONCAT('envelope ', e.id, ' credited ', e.credited_fen, ', its order says ', COALESCE(SUM(o.settled_fen), 0)) FROM envelopes e
			LEFT JOIN disbursement_orders o ON o.envelope_id = e.id AND o.kind = 'credit' AND o.status = 'succeeded' GROUP BY e.id, e.credited_fen HAVING e.credited_fen <> COALESCE(SUM(o.settled_fen), 0)`,
		`SELECT CONCAT('envelope ', e.id, ' recalled ', e.recalled_fen, ', its orders say ', COALESCE(SUM(o.settled_fen), 0)) FROM envelopes e
			LEFT JOIN disbursement_orders o ON o.envelope_id = e.id AND o.kind = 'recall' AND o.status = 'succeeded' GROUP BY e.id, e.recalled_fen HAVING e.recalled_fen <> COALESCE(SUM(o.settled_fen), 0)`,
		`SELECT CONCAT('envelope ', e.id, ' spent ', e.spent_fen, ', its events say ', COALESCE(SUM(CASE s.kind WHEN 'payment' THEN s.envelope_fen ELSE -s.envelope_fen END), 0)) FROM envelopes e
			LEFT JOIN spending_events s ON s.envelope_id = e.id GROUP BY e.id, e.spent_fen HAVING e.spent_fen <> COALESCE(SUM(CASE s.kind WHEN 'payment' THEN s.envelope_fen ELSE -s.envelope_fen END), 0)`,
		`SELECT CONCAT('envelope ', envelope_id, ' has ', COUNT(*), ' credits under way') FROM disbursement_orders
			WHERE kind = 'credit' AND status NOT IN ('rejected', 'failed', 'returned') GROUP BY envelope_id HAVING COUNT(*) > 1`,
		`SELECT CONCAT(a.source, ' at ', a.operator, ' has ', a.balance_fen, ' in flight, its orders ', COALESCE(SUM(o.amount_fen), 0)) FROM ledger_accounts a
			LEFT JOIN disbursement_orders o ON o.campaign_id = a.campaign_id AND o.source = a.source AND o.operator = a.operator AND o.kind = 'credit'
				AND o.status IN ('sending', 'accepted', 'processing', 'unknown')
			WHERE a.kind = 'in_flight' GROUP BY a.id, a.source, a.operator, a.balance_fen HAVING a.balance_fen <> COALESCE(SUM(o.amount_fen), 0)`,
	)
	w.proved()
}

// check recomputes everything that holds once all is heard of, from the rows.
func (w *world) check() {
	w.t.Helper()
	w.balanced()
	w.none(
		`SELECT CONCAT('overdrawn ', kind) FROM ledger_accounts WHERE balance_fen < 0 AND kind <> 'source'`,
		`SELECT CONCAT('envelope ', id, ' spent ', spent_fen, ', recalled ', recalled_fen) FROM envelopes WHERE spent_fen < 0 OR spent_fen + recalled_fen > credited_fen`,
	)
}

// none fails for every row that a query finds.
func (w *world) none(queries ...string) {
	w.t.Helper()
	var broken []string
	for _, query := range queries {
		var rows []string
		w.must(w.DB.Read(context.Background()).Raw(query).Scan(&rows).Error)
		broken = append(broken, rows...)
	}
	if len(broken) > 0 {
		w.t.Fatalf("broken: %s", strings.Join(broken, "; "))
	}
}

// proved holds the budget proof of every source.
func (w *world) proved() {
	w.t.Helper()
	proofs, err := w.Prove(context.Background(), campaignID, w.clock.Now())
	w.must(err)
	for _, p := range proofs {
		if !p.Holds {
			w.t.Fatalf("the budget proof fails: %+v", p)
		}
	}
}

// bankCheck holds what the banks have against what we have.
func (w *world) bankCheck() {
	w.t.Helper()
	for _, e := range w.envelopes() {
		at := w.banks[e.Operator].coupons[e.CouponID]
		if at == nil {
			at = &coupon{}
		}
		if at.credits > 1 {
			w.t.Fatalf("the bank credited envelope %d %d times", e.ID, at.credits)
		}
		if at.credited != e.CreditedFen || at.spent != e.SpentFen || at.recalled != e.RecalledFen {
			w.t.Fatalf("envelope %d: bank has credited %s, spent %s, recalled %s; we have %s, %s, %s", e.ID, at.credited, at.spent, at.recalled,
				e.CreditedFen, e.SpentFen, e.RecalledFen)
		}
	}
}

type coupon struct {
	credited, spent, recalled money.Fen
	credits                   int
	orderNo                   string // that credited it
}

func (c coupon) left() money.Fen { return c.credited - c.spent - c.recalled }

// bank is an operator in memory. Trouble is asked at each call and says whether the call takes effect, and with which
// error it ends.
type bank struct {
	mu           sync.Mutex
	name         string
	now          func() time.Time
	trouble      func(call string) (applied bool, err error)
	outcome      func(o Outcome) Outcome // what the bank says of an order it knows
	refuse       func(orderNo string) string
	refuseRecall func(orderNo string) string
	nowallet     bool
	content      map[string]any // of each number ever seen
	states       map[string]Outcome
	coupons      map[string]*coupon
	lines        []StatementLine
	twist        func([]StatementLine) []StatementLine // what the statement really says
	calls        map[string]int
	subs         map[string]SubWallet
	edition      int
	told         func(Event) // what the bank tells by itself, where anybody listens
}

func newBank(name string, now func() time.Time) *bank {
	return &bank{name: name, now: now, content: map[string]any{}, states: map[string]Outcome{}, coupons: map[string]*coupon{}, calls: map[string]int{},
		subs: map[string]SubWallet{}}
}

func (b *bank) begin(call string) (bool, error) {
	b.calls[call]++
	if b.trouble == nil {
		return true, nil
	}
	return b.trouble(call)
}

func (b *bank) FindWallet(_ context.Context, r WalletRequest) (Wallet, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.nowallet && r.Card == "" {
		return Wallet{}, ErrWalletMissing
	}
	return Wallet{Token: b.name + "-" + r.Phone + r.Card, Tier: 4, Hard: r.Card != ""}, nil
}

// known answers a number that came before: with its outcome, or with a refusal if the content differs.
func (b *bank) known(number string, content any) (Outcome, bool) {
	before, seen := b.content[number]
	switch {
	case !seen:
		b.content[number] = content
		return Outcome{}, false
	case before != content:
		return Outcome{OrderNo: number, State: StateFailed, Reason: ReasonContentDiffers}, true
	}
	return b.states[number], true
}

func (b *bank) keep(o Outcome) Outcome {
	o.At = b.now()
	b.states[o.OrderNo] = o
	return b.says(o)
}

func (b *bank) says(o Outcome) Outcome {
	if b.outcome != nil {
		return b.outcome(o)
	}
	return o
}

func (b *bank) Credit(_ context.Context, orders []CreditOrder) (outcomes []Outcome, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	applied, err := b.begin("credit")
	if applied {
		outcomes = b.credits(orders)
	}
	return outcomes, err
}

func (b *bank) credits(orders []CreditOrder) (outcomes []Outcome) {
	for _, o := range orders {
		outcome, seen := b.known(o.OrderNo, o)
		if !seen {
			outcome = b.keep(b.credit(o))
			b.tell(EventCredit, o.CouponID, b.states[o.OrderNo])
		}
		outcomes = append(outcomes, b.says(outcome))
	}
	return outcomes
}

func (b *bank) credit(o CreditOrder) Outcome {
	if b.refuse != nil {
		if reason := b.refuse(o.OrderNo); reason != "" {
			return Outcome{OrderNo: o.OrderNo, State: StateFailed, Reason: reason}
		}
	}
	if !b.now().Before(o.ExpiresAt) {
		return Outcome{OrderNo: o.OrderNo, State: StateFailed, Reason: ReasonMalformed}
	}
	c := b.coupons[o.CouponID]
	if c == nil {
		c = &coupon{}
		b.coupons[o.CouponID] = c
	}
	c.credits++
	c.credited += o.AmountFen
	c.orderNo = o.OrderNo
	b.lines = append(b.lines, StatementLine{Kind: LineCredit, EventNo: "E" + o.OrderNo[1:], Number: o.OrderNo, CouponID: o.CouponID, AmountFen: o.AmountFen, OccurredAt: b.now()})
	return Outcome{OrderNo: o.OrderNo, State: StateSucceeded, AmountFen: o.AmountFen, OperatorRef: "R" + o.OrderNo[:8]}
}

func (b *bank) Recall(_ context.Context, orders []RecallOrder) (outcomes []Outcome, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	applied, err := b.begin("recall")
	if applied {
		outcomes = b.recalls(orders)
	}
	return outcomes, err
}

func (b *bank) recalls(orders []RecallOrder) (outcomes []Outcome) {
	for _, o := range orders {
		outcome, seen := b.known(o.OrderNo, o)
		if !seen {
			outcome = b.keep(b.recall(o))
			b.tell(EventRecall, o.CouponID, b.states[o.OrderNo])
		}
		outcomes = append(outcomes, b.says(outcome))
	}
	return outcomes
}

func (b *bank) recall(o RecallOrder) Outcome {
	c := b.coupons[o.CouponID]
	if c == nil || c.credits == 0 {
		return Outcome{OrderNo: o.OrderNo, State: StateFailed, Reason: ReasonCouponUnknown}
	}
	if b.refuseRecall != nil {
		if reason := b.refuseRecall(o.OrderNo); reason != "" {
			return Outcome{OrderNo: o.OrderNo, State: StateFailed, Reason: reason}
		}
	}
	left := c.left()
	c.recalled += left
	b.lines = append(b.lines, StatementLine{Kind: LineRecall, EventNo: "E" + o.OrderNo[1:], Number: o.OrderNo, CouponID: o.CouponID, AmountFen: left, OccurredAt: b.now()})
	return Outcome{OrderNo: o.OrderNo, State: StateSucceeded, AmountFen: left}
}

// tell announces what became of an order.
func (b *bank) tell(kind EventKind, couponID string, o Outcome) {
	if b.told != nil {
		b.told(Event{EventNo: string(o.State[:1]) + o.OrderNo[1:], Kind: kind, OccurredAt: o.At, OrderNo: o.OrderNo, CouponID: couponID, State: o.State,
			Reason: o.Reason, AmountFen: o.AmountFen})
	}
}

// giveBack returns a credit after success, if nothing has moved since.
func (b *bank) giveBack(couponID string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.coupons[couponID]
	if c == nil || c.credits == 0 || c.spent != 0 || c.recalled != 0 {
		return
	}
	o := b.states[c.orderNo]
	o.State, o.Reason, o.At = StateReturned, ReasonNotDelivered, b.now()
	b.states[c.orderNo] = o
	c.credits, c.credited = 0, 0
	b.lines = append(b.lines, StatementLine{Kind: LineCreditReturned, EventNo: "B" + o.OrderNo[1:], Number: o.OrderNo, CouponID: couponID, AmountFen: o.AmountFen, OccurredAt: o.At})
	b.tell(EventCredit, couponID, o)
}

func (b *bank) Return(_ context.Context, orders []ReturnOrder) (outcomes []Outcome, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	applied, err := b.begin("return")
	for _, o := range orders {
		if !applied {
			break
		}
		outcome, seen := b.known(o.OrderNo, o)
		if !seen {
			outcome = b.keep(Outcome{OrderNo: o.OrderNo, State: StateSucceeded, AmountFen: o.AmountFen})
			b.lines = append(b.lines, StatementLine{Kind: LineReturn, EventNo: "E" + o.OrderNo[1:], Number: o.OrderNo, AmountFen: o.AmountFen, OccurredAt: b.now()})
		}
		outcomes = append(outcomes, b.says(outcome))
	}
	return outcomes, err
}

func (b *bank) Query(_ context.Context, numbers []string) (outcomes []Outcome, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := b.begin("query"); err != nil {
		return nil, err
	}
	for _, number := range numbers {
		outcome, ok := b.states[number]
		if !ok {
			outcome = Outcome{OrderNo: number, State: StateNeverReceived}
		} else {
			outcome = b.says(outcome)
		}
		outcomes = append(outcomes, outcome)
	}
	return outcomes, nil
}

func (b *bank) Statement(_ context.Context, day time.Time) (io.ReadCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := b.begin("statement"); err != nil {
		return nil, err
	}
	var lines []StatementLine
	for _, line := range b.lines {
		if dayOf(line.OccurredAt) == dayOf(day) {
			lines = append(lines, line)
		}
	}
	if b.twist != nil {
		lines = b.twist(slices.Clone(lines))
	}
	b.edition++
	var file bytes.Buffer
	if err := WriteStatement(&file, StatementHead{b.name, dayOf(day), b.edition}, lines); err != nil {
		return nil, err
	}
	return io.NopCloser(&file), nil
}

func (b *bank) PushSubWallet(_ context.Context, r SubWalletRequest) (SubWallet, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	token := "sub-" + r.App + "-" + r.WalletToken
	if sub, ok := b.subs[token]; ok {
		return sub, nil
	}
	b.subs[token] = SubWallet{Token: token, App: r.App, Status: SubWalletActive, PerPaymentFen: r.PerPaymentFen, PerDayFen: r.PerDayFen}
	return b.subs[token], nil
}

func (b *bank) SetSubWallet(_ context.Context, c SubWalletChange) (SubWallet, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	sub, ok := b.subs[c.Token]
	if !ok {
		return SubWallet{}, ErrSubWalletMissing
	}
	sub.Status, sub.PerPaymentFen, sub.PerDayFen = c.Status, c.PerPaymentFen, c.PerDayFen
	b.subs[c.Token] = sub
	return sub, nil
}

func (b *bank) CloseSubWallet(_ context.Context, token string) (SubWallet, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	sub := b.subs[token]
	sub.Status = SubWalletClosed
	b.subs[token] = sub
	return sub, nil
}

// pay is a purchase at a till: the envelope first, then the citizen's wallet. It gives the event and does not send it.
func (b *bank) pay(e Envelope, number string, amount money.Fen) Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.coupons[e.CouponID]
	envelope := min(amount, c.left())
	c.spent += envelope
	event := Event{EventNo: "P" + number, Kind: EventPayment, OccurredAt: b.now(), PaymentNo: number, CouponID: e.CouponID, MerchantNo: "M1",
		PayMode: "tap", Scenario: "in-store", AmountFen: amount, EnvelopeFen: envelope, WalletFen: amount - envelope}
	b.lines = append(b.lines, lineOf(event))
	return event
}

// refund gives own money back first.
func (b *bank) refund(e Envelope, payment Event, number string, own, envelope money.Fen) Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.coupons[e.CouponID].spent -= envelope
	event := Event{EventNo: "R" + number, Kind: EventRefund, OccurredAt: b.now(), PaymentNo: payment.PaymentNo, RefundNo: number, CouponID: e.CouponID,
		MerchantNo: "M1", AmountFen: own + envelope, OwnFen: own, EnvelopeFen: envelope}
	b.lines = append(b.lines, lineOf(event))
	return event
}

func lineOf(e Event) StatementLine {
	line := StatementLine{Kind: LinePayment, EventNo: e.EventNo, Number: e.PaymentNo, CouponID: e.CouponID, AmountFen: e.EnvelopeFen, OccurredAt: e.OccurredAt,
		OwnFen: e.WalletFen + e.CardFen, CardFen: e.CardFen, MerchantNo: e.MerchantNo, PayMode: e.PayMode, Scenario: e.Scenario, App: e.App}
	if e.Kind == EventRefund {
		line.Kind, line.Number, line.PaymentNo, line.OwnFen = LineRefund, e.RefundNo, e.PaymentNo, e.OwnFen
	}
	return line
}

var errNetwork = errors.New("connection reset")
