package disbursement

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/money"
)

// What an order, and a batch of them, does with the money.
const (
	Credit = "credit" // into a wallet
	Recall = "recall" // back out of a wallet, as much as is unspent
	Return = "return" // back to its source, when the campaign is over
)

// What a batch is prepared for. A batch for reissue holds new numbers for orders that failed for good.
const (
	ForAward   = "award"
	ForRecall  = "recall"
	ForReissue = "reissue"
	ForReturn  = "return"
)

// Batch is what one person prepares and another approves.
type Batch struct {
	ID         int64           `json:"id"`
	CampaignID int64           `json:"-"`
	Kind       string          `json:"kind"`
	Purpose    string          `json:"purpose"`
	Status     BatchStatus     `json:"status"`
	Orders     int64           `json:"orders"`
	TotalFen   money.Fen       `json:"total_fen"`
	ApprovalID int64           `json:"approval_id"` // 0 while it is still being filled
	PreparedBy string          `json:"prepared_by"`
	PreparedAt database.Millis `json:"prepared_at"`
}

// Order is one instruction to an operator. What is sent is made of this row alone, so that a resend is byte for byte the same.
type Order struct {
	ID          int64
	BatchID     int64
	CampaignID  int64
	EnvelopeID  int64 // 0 for a return
	Kind        string
	OrderNo     string // 32 characters [0-9A-Z], made before the first call, never used twice
	Operator    string
	Source      string
	WalletToken string
	CouponID    string
	AmountFen   money.Fen
	SettledFen  money.Fen // what the operator has confirmed
	ExpiresAt   database.Millis
	Status      OrderStatus
	Attempts    int
	NextAt      database.Millis // when it is sent, or asked about, at the earliest; while a call is under way, when its lease ends
	LeaseToken  string          // the fencing token of the call under way
	OperatorRef string
	Reason      string
	ReplacedBy  string // the number that was issued in its place
}

// prepareChunk orders are made in one transaction.
const prepareChunk = 1000

// Why a batch cannot be prepared or approved.
var (
	ErrNothingReady = fault.New(fault.Conflict, "nothing-ready", "目前没有可以准备的指令。", "There is nothing to prepare now.")
	errBatchKind    = fault.Field("kind", "batch-kind", "批次类型应为 credit、recall 或 reissue。", "The kind of batch must be credit, recall or reissue.")
	errBatchExpired = fault.New(fault.Conflict, "batch-expired", "红包已到期，不能再发放，请驳回该批次。", "The envelopes have expired and can no longer be paid; reject the batch.")
)

// errNoMore ends the filling of a batch.
var errNoMore = errors.New("disbursement: nothing more to prepare")

// Prepare gathers all that is ready into batches and asks for their approval: "credit" pays claimed envelopes whose
// wallet is known, "recall" takes back what is unspent of expired ones, "reissue" gives new numbers to orders that
// failed for good or were returned. Broken off, it goes on with the same batch when called again.
func (s *Service) Prepare(ctx context.Context, maker string, campaignID int64, kind string) ([]Batch, error) {
	plans := map[string][]plan{
		Credit:     {{Credit, ForAward, s.pickClaimed}},
		Recall:     {{Recall, ForRecall, s.pickUnspent}},
		ForReissue: {{Credit, ForReissue, s.pickFailed}, {Recall, ForReissue, s.pickFailed}},
	}[kind]
	if plans == nil {
		return nil, errBatchKind
	}
	var made []Batch
	for _, p := range plans {
		batch, err := s.prepare(ctx, maker, campaignID, p)
		if errors.Is(err, ErrNothingReady) {
			continue
		}
		if err != nil {
			return made, err
		}
		made = append(made, batch)
	}
	if len(made) == 0 {
		return nil, ErrNothingReady
	}
	return made, nil
}

// Batches lists a campaign's batches, newest first, at most 200.
func (s *Service) Batches(ctx context.Context, campaignID int64) ([]Batch, error) {
	return batchesOf(s.DB.Read(ctx), campaignID)
}

// waitingBatches are those that Prepare would have made for this kind and that nobody has decided yet.
func (s *Service) waitingBatches(ctx context.Context, campaignID int64, kind string) ([]Batch, error) {
	all, err := s.Batches(ctx, campaignID)
	var waiting []Batch
	for _, b := range all {
		if b.Status == BatchPrepared && b.ApprovalID > 0 && (kind == b.Purpose || kind == b.Kind && b.Purpose != ForReissue) {
			waiting = append(waiting, b)
		}
	}
	return waiting, err
}

// plan says what a batch is filled with. Pick takes up to prepareChunk things out of their status, with envelopes after
// the one that it is given, and makes their orders.
type plan struct {
	kind, purpose string
	pick          func(tx *gorm.DB, campaignID, after int64, kind string) ([]Order, error)
}

// fillers fill one batch side by side: what the engine does for one of them leaves it time for another.
const fillers = 2

// prepare fills a batch, its first chunk before all others since the batch begins with it, and seals it.
func (s *Service) prepare(ctx context.Context, maker string, campaignID int64, p plan) (Batch, error) {
	fill := func(after int64) (last int64, err error) {
		err = s.DB.InTx(ctx, func(tx *gorm.DB) (err error) {
			last, err = s.fillBatch(tx, maker, campaignID, after, p)
			return err
		})
		return last, err
	}
	first, err := fill(0)
	if err == nil {
		err = side(fillers, func() (err error) {
			for last := first; err == nil; {
				last, err = fill(last)
			}
			return err
		})
	}
	if err != nil && !errors.Is(err, errNoMore) {
		return Batch{}, fmt.Errorf("preparing a batch: %w", err)
	}
	return s.seal(ctx, maker, campaignID, p)
}

// side runs work n times side by side and gives the first error that is not errNoMore, or else errNoMore.
func side(n int, work func() error) error {
	problems := make([]error, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { problems[i] = work() })
	}
	group.Wait()
	for _, err := range problems {
		if !errors.Is(err, errNoMore) {
			return err
		}
	}
	return errNoMore
}

// fillBatch puts one chunk into the batch and gives the last envelope of it.
func (s *Service) fillBatch(tx *gorm.DB, maker string, campaignID, after int64, p plan) (last int64, err error) {
	orders, err := p.pick(tx, campaignID, after, p.kind)
	if err != nil {
		return 0, err
	}
	if len(orders) == 0 {
		return 0, errNoMore
	}
	batch, err := s.openBatch(tx, maker, campaignID, p.kind, p.purpose)
	if err != nil {
		return 0, err
	}
	for i := range orders {
		orders[i].BatchID = batch.ID
	}
	return orders[len(orders)-1].EnvelopeID, insertOrders(tx, orders, s.now())
}

// openBatch finds the batch of this maker that is still being filled, or begins one.
func (s *Service) openBatch(tx *gorm.DB, maker string, campaignID int64, kind, purpose string) (Batch, error) {
	batch, ok, err := unsealedBatch(tx, campaignID, kind, purpose, maker, database.Shared(tx))
	if err != nil || ok {
		return batch, err
	}
	batch = Batch{CampaignID: campaignID, Kind: kind, Purpose: purpose, Status: BatchPrepared, PreparedBy: maker, PreparedAt: s.now()}
	return batch, insertBatch(tx, &batch)
}

// seal ends the filling and asks a second person.
func (s *Service) seal(ctx context.Context, maker string, campaignID int64, p plan) (batch Batch, err error) {
	book, err := s.Campaigns.RuleBook(ctx, campaignID)
	if err != nil {
		return Batch{}, err
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		var ok bool
		if batch, ok, err = unsealedBatch(tx, campaignID, p.kind, p.purpose, maker, database.Locked(tx)); err != nil {
			return err
		}
		if !ok {
			return ErrNothingReady
		}
		return s.askApproval(tx, maker, book, &batch)
	})
	return batch, err
}

// askApproval puts the batch, with its sums, before a second person.
func (s *Service) askApproval(tx *gorm.DB, maker string, book *campaign.RuleBook, batch *Batch) error {
	sums, err := batchSums(tx, batch.ID)
	if err != nil {
		return err
	}
	batch.Orders, batch.TotalFen = 0, 0
	for _, sum := range sums {
		batch.Orders, batch.TotalFen = batch.Orders+sum.Orders, batch.TotalFen+sum.AmountFen
	}
	summary := map[string]any{"batch": batch.ID, "kind": batch.Kind, "purpose": batch.Purpose, "orders": batch.Orders, "total_fen": batch.TotalFen, "sums": sums}
	batch.ApprovalID, err = s.ask(tx, maker, batch.CampaignID, book.City.Code, approvalKind(batch.Purpose), batch.ID, summary)
	if err != nil {
		return err
	}
	if err := sealBatch(tx, *batch, s.now()); err != nil {
		return err
	}
	return s.audited(tx, maker, "batch.prepare", book.ID, fmt.Sprintf("batch:%d", batch.ID), summary)
}

func approvalKind(purpose string) string {
	switch purpose {
	case ForReissue:
		return approvalReissue
	case ForReturn:
		return approvalReturn
	}
	return approvalBatch
}

// decideBatch carries out the second person's decision in its transaction.
func (s *Service) decideBatch(tx *gorm.DB, batchID int64, approved bool) error {
	batch, err := batchByID(tx, batchID)
	if err != nil {
		return err
	}
	if !approved {
		return s.rejectBatch(tx, batch)
	}
	if err := s.advanceBatch(tx, batch, BatchApproved); err != nil {
		return err
	}
	if err := s.approveOrders(tx, batch); err != nil {
		return err
	}
	switch batch.Purpose {
	case ForAward:
		return s.place(tx, batch)
	case ForReturn:
		return s.carryOutReturn(tx, batch)
	}
	return nil
}

func (s *Service) approveOrders(tx *gorm.DB, batch Batch) error {
	if batch.Kind == Credit {
		expired, err := batchExpired(tx, batch.ID, s.now())
		if err != nil {
			return err
		}
		if expired {
			return errBatchExpired
		}
	}
	return advanceBatchOrders(tx, batch, OrderPrepared, OrderApproved, s.now())
}

// place moves the money of an approved batch from the pool of each source to its float at each operator. A source that
// has not paid in enough makes the approval fail, so that nothing is ever dispatched that has not been received.
func (s *Service) place(tx *gorm.DB, batch Batch) error {
	sums, err := batchSums(tx, batch.ID)
	if err != nil {
		return err
	}
	moves := make([]move, len(sums))
	for i, sum := range sums {
		moves[i] = move{From: account{sum.Source, "", inFloat}, To: account{sum.Source, sum.Operator, inFloat}, Amount: sum.AmountFen}
	}
	return post(tx, entry{Campaign: batch.CampaignID, Ref: fmt.Sprintf("place:%d", batch.ID), Kind: "place", At: s.now(), Moves: moves})
}

// rejectBatch ends the orders and puts what they were made of back as it was.
func (s *Service) rejectBatch(tx *gorm.DB, batch Batch) error {
	if err := s.advanceBatch(tx, batch, BatchRejected); err != nil {
		return err
	}
	if err := advanceBatchOrders(tx, batch, OrderPrepared, OrderRejected, s.now()); err != nil {
		return err
	}
	switch batch.Purpose {
	case ForAward:
		return releaseEnvelopes(tx, batch.ID, s.now())
	case ForRecall:
		return dueAgain(tx, batch.ID, s.now())
	case ForReissue:
		return unreplaced(tx, batch.ID, s.now())
	}
	return nil
}

func (s *Service) advanceBatch(tx *gorm.DB, batch Batch, to BatchStatus) error {
	return advance(tx, "disbursement_batches", batch.ID, batch.Status, to, s.now(), nil)
}

// pickClaimed takes claimed envelopes whose wallet is known.
func (s *Service) pickClaimed(tx *gorm.DB, campaignID, after int64, _ string) ([]Order, error) {
	envelopes, err := payableEnvelopes(tx, campaignID, after, s.now(), prepareChunk)
	if err != nil || len(envelopes) == 0 {
		return nil, err
	}
	if err := advanceEnvelopes(tx, envelopes, Claimed, Ordered, s.now()); err != nil {
		return nil, err
	}
	orders := make([]Order, len(envelopes))
	for i, e := range envelopes {
		orders[i] = s.orderFor(e, Credit, e.AmountFen)
	}
	return orders, nil
}

// pickUnspent takes expired envelopes of which something is to be taken back.
func (s *Service) pickUnspent(tx *gorm.DB, campaignID, after int64, _ string) ([]Order, error) {
	envelopes, err := recallableEnvelopes(tx, campaignID, after, prepareChunk)
	if err != nil || len(envelopes) == 0 {
		return nil, err
	}
	if err := recallOrdered(tx, envelopes, s.now()); err != nil {
		return nil, err
	}
	orders := make([]Order, len(envelopes))
	for i, e := range envelopes {
		orders[i] = s.orderFor(e, Recall, e.Balance())
	}
	return orders, nil
}

func (s *Service) orderFor(e Envelope, kind string, amount money.Fen) Order {
	return Order{CampaignID: e.CampaignID, EnvelopeID: e.ID, Kind: kind, OrderNo: s.number(), Operator: e.Operator, Source: e.Source,
		WalletToken: e.WalletToken, CouponID: e.CouponID, AmountFen: amount, ExpiresAt: e.ExpiresAt, Status: OrderPrepared}
}

// pickFailed takes orders that have failed for good, or were returned, and gives each a successor with a new number.
func (s *Service) pickFailed(tx *gorm.DB, campaignID, _ int64, kind string) ([]Order, error) {
	failed, err := repairable(tx, campaignID, kind, s.now(), prepareChunk)
	if err != nil {
		return nil, err
	}
	orders := make([]Order, len(failed))
	for i, old := range failed {
		next := old
		next.OrderNo, next.Status, next.Attempts, next.NextAt = s.number(), OrderPrepared, 0, 0
		next.SettledFen, next.OperatorRef, next.Reason, next.LeaseToken = 0, "", "", ""
		if err := replaced(tx, old, next.OrderNo, s.now()); err != nil {
			return nil, err
		}
		orders[i] = next
	}
	return orders, nil
}
