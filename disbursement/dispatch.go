package disbursement

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/money"
)

// Batched is implemented by an operator whose profile limits the orders of one call.
type Batched interface{ Batch() int }

// Paced is implemented by an operator whose profile limits the calls of a second; 0 is no limit.
type Paced interface{ Pace() float64 }

const (
	defaultBatch   = 100
	callsAtOnce    = 64   // of one round, where the operator sets no pace
	roundTime      = 0.5  // seconds of calls at the operator's pace that make a round
	ordersAtOnce   = 1000 // of one round, unless a single call takes more
	roundsAtOnce   = 3    // for one operator: while one waits for answers, another is booked
	roundsPerRun   = 1000 // of one operator's in one run of a job
	callLease      = 5 * time.Minute
	leaseSpare     = 30 * time.Second // of the lease, to book the answers in
	firstRetry     = 5 * time.Second
	longestRetry   = 30 * time.Minute
	longestDoubles = 16
)

// Dispatch sends approved orders: to all operators at once, batch by batch. Any number of processes may do so together.
func (s *Service) Dispatch(ctx context.Context) (int, error) {
	n, err := s.eachOperator(ctx, roundsAtOnce, s.dispatchRound)
	return n, errors.Join(err, s.finishBatches(ctx))
}

// Resolve asks for the outcome of orders that are not settled, of calls that broke off as well.
func (s *Service) Resolve(ctx context.Context) (int, error) {
	n, err := s.eachOperator(ctx, roundsAtOnce, s.resolveRound)
	return n, errors.Join(err, s.finishBatches(ctx))
}

// eachOperator works on all operators in parallel until none of them has anything left to do, with several rounds under way
// at each where step claims what it works on. One that fails does not hold up the others. Rounds side by side may each pass
// over what another is just looking at, so a last one looks alone.
func (s *Service) eachOperator(ctx context.Context, rounds int, step func(context.Context, string, Operator) (int, error)) (int, error) {
	var group sync.WaitGroup
	var mutex sync.Mutex
	var total int
	var problems error
	for name, operator := range s.Operators {
		work := func() {
			n, err := repeat(ctx, func() (int, error) { return step(ctx, name, operator) })
			mutex.Lock()
			defer mutex.Unlock()
			total += n
			if err != nil {
				problems = errors.Join(problems, fmt.Errorf("operator %s: %w", name, err))
			}
		}
		group.Go(func() {
			var beside sync.WaitGroup
			for range rounds {
				beside.Go(work)
			}
			beside.Wait()
			if rounds > 1 && ctx.Err() == nil {
				work()
			}
		})
	}
	group.Wait()
	return total, problems
}

func repeat(ctx context.Context, step func() (int, error)) (total int, err error) {
	for range roundsPerRun {
		n, err := step()
		total += n
		if err != nil || n == 0 || ctx.Err() != nil {
			return total, errors.Join(err, ctx.Err())
		}
	}
	return total, nil
}

func batchSize(operator Operator) int {
	if limited, ok := operator.(Batched); ok && limited.Batch() > 0 {
		return limited.Batch()
	}
	return defaultBatch
}

// roundSize is how many orders one round takes: as many calls as the operator's pace lets through in a moment, so that a
// slow one does not hold leases for what it cannot take, within what one update and the memory bear.
func roundSize(operator Operator) int {
	size, calls := batchSize(operator), callsAtOnce
	if paced, ok := operator.(Paced); ok && paced.Pace() > 0 {
		calls = int(min(paced.Pace()*roundTime, ordersAtOnce))
	}
	return max(size, min(size*calls, ordersAtOnce))
}

// dispatchRound sends one round of calls: the orders are claimed in one transaction, the operator is called in none, and
// what it says is settled in a second. A process that dies in between leaves the orders sending, for Resolve to ask about.
func (s *Service) dispatchRound(ctx context.Context, name string, operator Operator) (int, error) {
	orders, err := s.claim(ctx, name, roundSize(operator))
	if err != nil || len(orders) == 0 {
		return 0, err
	}
	return len(orders), s.settle(ctx, orders, s.inCalls(ctx, name, operator, orders, s.send))
}

var errLeaseOver = errors.New("disbursement: the lease of the call is over")

// inCalls gives the outcomes of orders that go to the operator in several calls at once, each of its batch size. The
// orders of a call without a reliable answer are unknown. A call that had to wait until the lease is nearly over, for the
// operator's rate or since this machine stood still, is not made: somebody else may have the orders by then.
func (s *Service) inCalls(ctx context.Context, name string, operator Operator, orders []Order,
	call func(context.Context, Operator, []Order) ([]Outcome, error)) []Outcome {
	ctx, cancel := context.WithTimeout(ctx, callLease-leaseSpare)
	defer cancel()
	outcomes := make([]Outcome, len(orders))
	var group sync.WaitGroup
	rest := outcomes
	for batch := range slices.Chunk(orders, batchSize(operator)) {
		answers := rest[:len(batch)]
		rest = rest[len(batch):]
		group.Go(func() {
			said, err := []Outcome(nil), errLeaseOver
			if s.now() < batch[0].NextAt {
				said, err = call(ctx, operator, batch)
			}
			if err != nil {
				s.Log.Warn("an operator's answer is outstanding", "operator", name, "orders", len(batch), "error", err)
				said = unknown(batch)
			}
			copy(answers, said)
		})
	}
	group.Wait()
	return outcomes
}

// claim takes approved orders of one kind for a round of calls under a lease of its own, and puts the money of credits in flight.
func (s *Service) claim(ctx context.Context, operator string, limit int) (orders []Order, err error) {
	token := s.token()
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		now := s.now()
		found, err := sendable(tx, operator, now, limit)
		if err != nil || len(found) == 0 {
			orders = nil
			return err
		}
		if err := batchesDispatching(tx, found, now); err != nil {
			return err
		}
		ids := each(found, func(p place) int64 { return p.ID })
		if err := leaseApproved(tx, ids, token, s.later(callLease), now); err != nil {
			return err
		}
		if orders, err = leased(tx, token); err != nil {
			return err
		}
		return s.postAll(tx, orders, "dispatch:"+token, "dispatch", func(o Order) []move {
			return o.moved(inFloat, inFlight, o.AmountFen)
		})
	})
	return orders, err
}

// moved is a credit's money going from one account at its operator to another. A recall and a return have nothing in
// flight: their money stays where it is until the operator confirms.
func (o Order) moved(from, to string, amount money.Fen) []move {
	if o.Kind != Credit {
		return nil
	}
	return []move{{From: account{o.Source, o.Operator, from}, To: account{o.Source, o.Operator, to}, Envelope: o.EnvelopeID, Amount: amount}}
}

// postAll posts what a group of orders moves, one entry for each campaign among them.
func (s *Service) postAll(tx *gorm.DB, orders []Order, ref, kind string, moves func(Order) []move) error {
	byCampaign, sequence := map[int64][]move{}, []int64{}
	for _, o := range orders {
		if _, ok := byCampaign[o.CampaignID]; !ok {
			sequence = append(sequence, o.CampaignID)
		}
		byCampaign[o.CampaignID] = append(byCampaign[o.CampaignID], moves(o)...)
	}
	for _, id := range sequence {
		e := entry{Campaign: id, Ref: fmt.Sprintf("%s:%d", ref, id), Kind: kind, At: s.now(), Moves: byCampaign[id]}
		if err := post(tx, e); err != nil {
			return err
		}
	}
	return nil
}

// send makes the call. All orders are of one kind. Credits that have expired are not sent any more but asked about.
func (s *Service) send(ctx context.Context, operator Operator, orders []Order) ([]Outcome, error) {
	if slices.ContainsFunc(orders, func(o Order) bool { return o.Kind == Credit && o.ExpiresAt <= s.now() }) {
		return query(ctx, operator, orders)
	}
	promotions := map[int64]*campaign.RuleBook{}
	for _, o := range orders {
		if promotions[o.CampaignID] == nil {
			book, err := s.Campaigns.RuleBook(ctx, o.CampaignID)
			if err != nil {
				return nil, err
			}
			promotions[o.CampaignID] = book
		}
	}
	outcomes, err := call(ctx, operator, orders, promotions)
	if err != nil {
		return nil, err
	}
	return matching(orders, outcomes)
}

func call(ctx context.Context, operator Operator, orders []Order, promotions map[int64]*campaign.RuleBook) ([]Outcome, error) {
	switch orders[0].Kind {
	case Credit:
		return operator.Credit(ctx, each(orders, func(o Order) CreditOrder {
			return CreditOrder{OrderNo: o.OrderNo, PromotionID: promotions[o.CampaignID].ID, CouponID: o.CouponID, WalletToken: o.WalletToken,
				AmountFen: o.AmountFen, ExpiresAt: o.ExpiresAt.Time(), RefundProperty: RefundKeepsExpiry, Description: promotions[o.CampaignID].Name.ZH}
		}))
	case Recall:
		return operator.Recall(ctx, each(orders, func(o Order) RecallOrder {
			return RecallOrder{OrderNo: o.OrderNo, PromotionID: promotions[o.CampaignID].ID, CouponID: o.CouponID}
		}))
	}
	return operator.Return(ctx, each(orders, func(o Order) ReturnOrder {
		return ReturnOrder{OrderNo: o.OrderNo, PromotionID: promotions[o.CampaignID].ID, Source: o.Source, AmountFen: o.AmountFen}
	}))
}

func each[T, U any](list []T, turn func(T) U) []U {
	made := make([]U, len(list))
	for i, item := range list {
		made[i] = turn(item)
	}
	return made
}

// matching checks that an answer is about the orders that were asked about. One that is not leaves them all unknown.
func matching(orders []Order, outcomes []Outcome) ([]Outcome, error) {
	if len(outcomes) != len(orders) {
		return nil, fmt.Errorf("disbursement: %d outcomes for %d orders", len(outcomes), len(orders))
	}
	for i, o := range orders {
		if outcomes[i].OrderNo != o.OrderNo {
			return nil, fmt.Errorf("disbursement: outcome %d is of another order", i)
		}
	}
	return outcomes, nil
}

func unknown(orders []Order) []Outcome {
	return each(orders, func(o Order) Outcome { return Outcome{OrderNo: o.OrderNo, State: StateUnknown} })
}

// resolveRound asks about one round of unsettled orders.
func (s *Service) resolveRound(ctx context.Context, name string, operator Operator) (int, error) {
	orders, err := s.reclaim(ctx, name, roundSize(operator))
	if err != nil || len(orders) == 0 {
		return 0, err
	}
	return len(orders), s.settle(ctx, orders, s.inCalls(ctx, name, operator, orders, query))
}

func query(ctx context.Context, operator Operator, orders []Order) ([]Outcome, error) {
	outcomes, err := operator.Query(ctx, each(orders, func(o Order) string { return o.OrderNo }))
	if err != nil {
		return nil, err
	}
	return matching(orders, outcomes)
}

// reclaim leases orders that are due to be asked about, among them those whose sender's lease has run out: a sender that
// still lives finds its token gone and settles nothing.
func (s *Service) reclaim(ctx context.Context, operator string, limit int) (orders []Order, err error) {
	token := s.token()
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		now := s.now()
		ids, err := askable(tx, operator, now, limit)
		if err != nil || len(ids) == 0 {
			orders = nil
			return err
		}
		if err := leaseUnsettled(tx, ids, token, s.later(callLease), now); err != nil {
			return err
		}
		orders, err = leased(tx, token)
		return err
	})
	return orders, err
}

func (s *Service) later(d time.Duration) database.Millis { return database.At(s.Now().Add(d)) }

// token is a fencing token: nobody else ever has the same.
func (s *Service) token() string { return s.number() }

// retryAt doubles the wait with each attempt, up to half an hour, and takes off up to half of it by chance, so that the
// orders of a call that broke off do not all come back at once.
func (s *Service) retryAt(attempts int) database.Millis {
	wait := min(firstRetry<<min(attempts, longestDoubles), longestRetry)
	var random [2]byte
	if _, err := io.ReadFull(s.random(), random[:]); err != nil {
		panic("disbursement: no randomness: " + err.Error())
	}
	chance := time.Duration(random[0])<<8 | time.Duration(random[1])
	return s.later(wait - wait/2*chance/0xffff)
}

// finishBatches closes batches of which no order is open any more, and then the books of campaigns whose last fen is
// home. The books wait until every operator's answers are booked: two that are booked side by side do not see each other.
func (s *Service) finishBatches(ctx context.Context) error {
	err := s.DB.InTx(ctx, func(tx *gorm.DB) error { return doneBatches(tx, s.now()) })
	return errors.Join(err, s.closeOuts(ctx))
}
