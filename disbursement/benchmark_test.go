package disbursement

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/money"
	"hongbao/internal/staff"
	"hongbao/internal/testkit"
)

// bench is a service on MariaDB with n claimed envelopes, whose wallets are spread over the operators.
type bench struct {
	*world
	b     *testing.B
	names []string // of the operators
	token func(envelope int64) string
}

func sixBanks() []string { return []string{"icbc", "abc", "boc", "ccb", "bocom", "psbc"} }

func anyToken(envelope int64) string { return fmt.Sprintf("W%d", envelope) }

func newBench(b *testing.B, names []string, envelopes int, token func(envelope int64) string) *bench {
	b.Helper()
	db, err := database.Open(context.Background(), testkit.MySQL(b))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	if _, err := database.Migrate(context.Background(), db); err != nil {
		b.Fatal(err)
	}
	w := &world{clock: testkit.NewClock(claimFrom)}
	w.staff = &staff.Service{DB: db, Now: w.clock.Now, Random: rand.Reader}
	w.Service = &Service{DB: db, Campaigns: w, Lottery: w, Staff: w.staff, Operators: map[string]Operator{}, Now: w.clock.Now, Random: rand.Reader,
		Log: slog.New(slog.DiscardHandler)}
	w.HandleApprovals()
	s := &bench{world: w, b: b, names: names, token: token}
	s.claimed(envelopes)
	s.tx(func(tx *gorm.DB) error {
		in := move{From: account{"city", "", inSource}, To: account{"city", "", inFloat}, Amount: money.Fen(envelopes+1) * 200_00}
		return post(tx, entry{Campaign: campaignID, Ref: "fund:1", Kind: "fund", At: w.now(), Moves: []move{in}})
	})
	return s
}

func (s *bench) tx(work func(tx *gorm.DB) error) {
	s.b.Helper()
	if err := s.DB.InTx(context.Background(), work); err != nil {
		s.b.Fatal(err)
	}
}

// claimed puts envelopes in place that are ready to be paid.
func (s *bench) claimed(n int) {
	s.b.Helper()
	for start := 0; start < n; start += 10_000 {
		rows := make([][]any, min(10_000, n-start))
		for i := range rows {
			id := int64(start + i + 1)
			entry := entryOf(id)
			rows[i] = []any{campaignID, id, id, entry[:], "all", "city", 200_00, s.names[int(id)%len(s.names)], s.number(), s.token(id),
				string(Claimed), int64(database.At(claimUntil)), int64(database.At(spendUntil)), int64(s.now()), int64(s.now())}
		}
		s.tx(func(tx *gorm.DB) error {
			return database.InsertMany(tx, "envelopes", []string{"campaign_id", "registration_id", "award_id", "entry", "tier", "source", "amount_fen",
				"operator", "coupon_id", "wallet_token", "status", "claim_until_at", "expires_at", "awarded_at", "changed_at"}, rows)
		})
	}
}

// prepared makes the orders of all envelopes and gives their money to the operators' floats, as the approval does.
func (s *bench) prepared() Batch {
	s.b.Helper()
	made, err := s.Prepare(context.Background(), "maker", campaignID, Credit)
	if err != nil {
		s.b.Fatal(err)
	}
	s.tx(func(tx *gorm.DB) error { return s.decideBatch(tx, made[0].ID, true) })
	return made[0]
}

// perSecond is how many of n a second.
func perSecond(n int, took time.Duration) float64 { return float64(n) / took.Seconds() }

// BenchmarkPrepare compares preparing 200,000 orders, with their postings, to inserting the same rows one by one.
func BenchmarkPrepare(b *testing.B) {
	const orders, singles = 200_000, 4_000
	for b.Loop() {
		b.StopTimer()
		s := newBench(b, sixBanks(), orders, anyToken)
		b.StartTimer()
		began := time.Now()
		s.prepared()
		ours := perSecond(orders, time.Since(began))
		b.StopTimer()
		var same []Order
		if err := s.DB.Read(context.Background()).Raw("SELECT * FROM disbursement_orders ORDER BY id LIMIT ?", singles).Scan(&same).Error; err != nil {
			b.Fatal(err)
		}
		began = time.Now()
		for _, o := range same {
			o.OrderNo = s.number()
			s.tx(func(tx *gorm.DB) error { return insertOrders(tx, []Order{o}, s.now()) })
		}
		row := perSecond(singles, time.Since(began))
		b.ReportMetric(ours, "orders/s")
		b.ReportMetric(row, "row-orders/s")
		b.ReportMetric(ours/row, "x-row")
		b.StartTimer()
	}
}

// BenchmarkPostings pays from one pool account to many wallets, and beside it inserts the same postings and nothing else.
func BenchmarkPostings(b *testing.B) {
	const entries, wallets = 100, 500
	for b.Loop() {
		b.StopTimer()
		s := newBench(b, []string{"icbc"}, entries*wallets, anyToken)
		from, to := account{"city", "", inFloat}, account{"city", "icbc", inIssued}
		b.StartTimer()
		began := time.Now()
		for e := range entries {
			moves := make([]move, wallets)
			for i := range moves {
				moves[i] = move{From: from, To: to, Envelope: int64(e*wallets + i + 1), Amount: 200_00}
			}
			s.tx(func(tx *gorm.DB) error {
				return post(tx, entry{Campaign: campaignID, Ref: fmt.Sprintf("pay:%d", e), Kind: "settle", At: s.now(), Moves: moves})
			})
		}
		ours := perSecond(entries*wallets, time.Since(began))
		b.StopTimer()
		bare := s.barePostings(entries, wallets)
		b.ReportMetric(ours, "postings/s")
		b.ReportMetric(ours/bare, "of-ceiling")
		b.StartTimer()
	}
}

func (s *bench) barePostings(entries, wallets int) float64 {
	var any1 struct{ TransactionID, AccountID int64 }
	if err := s.DB.Read(context.Background()).Raw("SELECT transaction_id, account_id FROM ledger_postings LIMIT 1").Scan(&any1).Error; err != nil {
		s.b.Fatal(err)
	}
	began := time.Now()
	for e := range entries {
		rows := make([][]any, wallets)
		for i := range rows {
			rows[i] = []any{any1.TransactionID, any1.AccountID, int64(e*wallets + i + 1), 200_00}
		}
		s.tx(func(tx *gorm.DB) error {
			return database.InsertMany(tx, "ledger_postings", []string{"transaction_id", "account_id", "envelope_id", "amount_fen"}, rows)
		})
	}
	return perSecond(entries*wallets, time.Since(began))
}

// DispatchBench is what BenchmarkDispatch, which needs the gateway and the sandbox and so stands outside, has of all this:
// a service with prepared and approved orders of every envelope.
func DispatchBench(b *testing.B, envelopes int, now func() time.Time, token func(envelope int64) string) *Service {
	s := newBench(b, sixBanks(), envelopes, token)
	s.Now = now
	s.prepared()
	return s.Service
}

// BenchmarkAdvance moves envelopes from status to status in guarded batches, and one by one through GORM from 16 goroutines.
func BenchmarkAdvance(b *testing.B) {
	const envelopes, singles = 50_000, 8_000
	for b.Loop() {
		b.StopTimer()
		s := newBench(b, sixBanks(), envelopes+singles, anyToken)
		b.StartTimer()
		began := time.Now()
		var next atomic.Int64
		err := side(fillers, func() error {
			for first := next.Add(prepareChunk) - prepareChunk; first < envelopes; first = next.Add(prepareChunk) - prepareChunk {
				group := make([]Envelope, prepareChunk)
				for i := range group {
					group[i].ID = first + int64(i) + 1
				}
				err := s.DB.InTx(context.Background(), func(tx *gorm.DB) error { return advanceEnvelopes(tx, group, Claimed, Ordered, s.now()) })
				if err != nil {
					return err
				}
			}
			return errNoMore
		})
		if !errors.Is(err, errNoMore) {
			b.Fatal(err)
		}
		ours := perSecond(envelopes, time.Since(began))
		b.StopTimer()
		row := s.advanceSingly(envelopes+1, singles)
		b.ReportMetric(ours, "rows/s")
		b.ReportMetric(row, "row-rows/s")
		b.ReportMetric(ours/row, "x-row")
		b.StartTimer()
	}
}

func (s *bench) advanceSingly(first, n int) float64 {
	const goroutines = 16
	var group sync.WaitGroup
	began := time.Now()
	for g := range goroutines {
		group.Go(func() {
			for id := first + g; id < first+n; id += goroutines {
				err := s.DB.InTx(context.Background(), func(tx *gorm.DB) error {
					return s.advanceEnvelope(tx, Envelope{ID: int64(id), Status: Claimed}, Ordered, map[string]any{})
				})
				if err != nil {
					s.b.Error(err)
				}
			}
		})
	}
	group.Wait()
	return perSecond(n, time.Since(began))
}
