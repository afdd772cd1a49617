package disbursement

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/fault"
	"hongbao/internal/money"
)

const (
	expireMaker = "system:envelopes-expire"
	expireChunk = 1000
	expireRuns  = 300 // chunks of one kind in one run
)

// Expire ends the life of envelopes whose time is over, and prepares the recall of what is unspent for a second person
// to approve. A refund that came after expiry is recalled in the same way.
func (s *Service) Expire(ctx context.Context) (int, error) {
	campaigns, err := dueCampaigns(s.DB.Read(ctx), "expires_at", s.now())
	if err != nil {
		return 0, err
	}
	steps := []func(*gorm.DB) (int, error){s.expireOrders}
	for _, id := range campaigns {
		steps = append(steps, func(tx *gorm.DB) (int, error) { return s.expireCredited(tx, id) }, func(tx *gorm.DB) (int, error) { return s.closeUnpaid(tx, id) })
	}
	total := 0
	for _, step := range steps {
		n, err := s.DB.InRuns(ctx, expireRuns, 1, step)
		if total += n; err != nil {
			return total, err
		}
	}
	n, err := s.prepareRecalls(ctx, campaigns)
	return total + n, errors.Join(err, s.closeOuts(ctx))
}

// closeOuts settles the campaigns whose last fen came in after their surplus was returned.
func (s *Service) closeOuts(ctx context.Context) error {
	campaigns, err := accountedCampaigns(s.DB.Read(ctx))
	for _, id := range campaigns {
		err = errors.Join(err, s.DB.InTx(ctx, func(tx *gorm.DB) error { return s.closeOut(tx, id) }))
	}
	return err
}

// expireOrders gives up credits that no call was made for and that would come too late. Their money is in the float. Of one
// that was sent and not received, the call may have arrived since: it is asked about once more, after its expiry.
func (s *Service) expireOrders(tx *gorm.DB) (int, error) {
	return failExpired(tx, s.now(), expireChunk)
}

func (s *Service) expireCredited(tx *gorm.DB, campaignID int64) (int, error) {
	envelopes, err := expiring(tx, campaignID, s.now(), expireChunk)
	if err != nil || len(envelopes) == 0 {
		return 0, err
	}
	if err := advanceEnvelopes(tx, envelopes, Credited, Expired, s.now()); err != nil {
		return 0, err
	}
	if err := s.tellExpired(tx, envelopes); err != nil {
		return 0, err
	}
	ids := envelopeIDs(envelopes)
	if err := markRecallDue(tx, ids, s.now()); err != nil {
		return 0, err
	}
	return len(ids), closeBalanced(tx, ids, s.now())
}

// closeUnpaid closes envelopes that never reached a wallet, once no order can bring them there any more.
func (s *Service) closeUnpaid(tx *gorm.DB, campaignID int64) (int, error) {
	for _, from := range []EnvelopeStatus{Claimed, Ordered} {
		envelopes, err := unpaidExpired(tx, campaignID, from, s.now(), expireChunk)
		if err != nil {
			return 0, err
		}
		if len(envelopes) > 0 {
			return len(envelopes), advanceEnvelopes(tx, envelopes, from, Closed, s.now())
		}
	}
	return 0, nil
}

func (s *Service) prepareRecalls(ctx context.Context, campaigns []int64) (int, error) {
	total := 0
	for _, id := range campaigns {
		due, err := recalling(s.DB.Read(ctx), id)
		if err != nil {
			return total, err
		}
		if !due {
			continue
		}
		batches, err := s.Prepare(ctx, expireMaker, id, Recall)
		if err != nil && !errors.Is(err, ErrNothingReady) {
			return total, fmt.Errorf("campaign %d: %w", id, err)
		}
		for _, b := range batches {
			total += int(b.Orders)
		}
	}
	return total, nil
}

// Why surplus cannot be returned yet.
var (
	errSpending     = fault.New(fault.Conflict, "still-spending", "红包使用期尚未结束，不能退回结余。", "Envelopes may still be spent; surplus cannot be returned yet.")
	errOrdersOpen   = fault.New(fault.Conflict, "orders-open", "还有未决的指令，结清后再退回结余。", "Orders are still open; surplus is returned when they are settled.")
	errRecallsOpen  = fault.New(fault.Conflict, "recalls-open", "还有红包未到期处理或未收回，收回后再退回结余。", "Envelopes have still to expire or to be recalled; surplus is returned after that.")
	errReturnLedger = errors.New("disbursement: less on the accounts than is to be returned")
)

// RequestReturn prepares the return of what was never issued, or was recalled, to each source: one order for each source
// and operator, approved by a second person. Money that no operator holds is returned on approval itself.
func (s *Service) RequestReturn(ctx context.Context, maker string, campaignID int64) (batch Batch, err error) {
	book, err := s.Campaigns.RuleBook(ctx, campaignID)
	if err != nil {
		return Batch{}, err
	}
	if s.Now().Before(book.Windows.SpendUntil) {
		return Batch{}, errSpending
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		batch, err = s.prepareReturn(tx, maker, campaignID, book)
		return err
	})
	if errors.Is(err, ErrNothingReady) {
		return Batch{}, errors.Join(err, s.DB.InTx(ctx, func(tx *gorm.DB) error { return s.closeOut(tx, campaignID) }))
	}
	return batch, err
}

func (s *Service) prepareReturn(tx *gorm.DB, maker string, campaignID int64, book *campaign.RuleBook) (Batch, error) {
	if err := nothingOpen(tx, campaignID); err != nil {
		return Batch{}, err
	}
	surpluses, err := surplusOf(tx, campaignID)
	if err != nil {
		return Batch{}, err
	}
	if len(surpluses) == 0 {
		return Batch{}, ErrNothingReady
	}
	batch := Batch{CampaignID: campaignID, Kind: Return, Purpose: ForReturn, Status: BatchPrepared, PreparedBy: maker, PreparedAt: s.now()}
	if err := insertBatch(tx, &batch); err != nil {
		return Batch{}, err
	}
	orders := each(surpluses, func(b Balance) Order {
		return Order{BatchID: batch.ID, CampaignID: campaignID, Kind: Return, OrderNo: s.number(), Operator: b.Operator, Source: b.Source, AmountFen: b.AmountFen}
	})
	if err := insertOrders(tx, orders, s.now()); err != nil {
		return Batch{}, err
	}
	return batch, s.askApproval(tx, maker, book, &batch)
}

// carryOutReturn books, on approval, the orders of a return that no operator has to carry out.
func (s *Service) carryOutReturn(tx *gorm.DB, batch Batch) error {
	ours, err := ordersOf(tx, "batch_id = ? AND operator = ''", batch.ID)
	if err != nil || len(ours) == 0 {
		return err
	}
	changes := each(ours, func(o Order) change { return change{order: o, to: OrderSucceeded, amount: o.AmountFen} })
	if err := s.apply(tx, fmt.Sprintf("return:%d", batch.ID), changes); err != nil {
		return err
	}
	if len(ours) < int(batch.Orders) {
		return nil
	}
	batch.Status = BatchApproved
	return s.advanceBatch(tx, batch, BatchDone)
}

// splitReturns says from which accounts the orders of a return take their money: first what was never issued.
func (s *Service) splitReturns(tx *gorm.DB, changes []change) (map[int64][]move, error) {
	split := map[int64][]move{}
	for _, c := range changes {
		o := c.order
		if o.Kind != Return || c.to != OrderSucceeded {
			continue
		}
		held, err := heldBy(tx, o)
		if err != nil {
			return nil, err
		}
		unissued := min(held[inFloat], o.AmountFen)
		if held[inRecalled] < o.AmountFen-unissued {
			return nil, errReturnLedger
		}
		to := account{o.Source, o.Operator, inReturned}
		split[o.ID] = []move{
			{From: account{o.Source, o.Operator, inFloat}, To: to, Amount: unissued},
			{From: account{o.Source, o.Operator, inRecalled}, To: to, Amount: o.AmountFen - unissued},
		}
	}
	return split, nil
}

// closeOut settles a campaign as soon as all its money is spent or back at its sources.
func (s *Service) closeOut(tx *gorm.DB, campaignID int64) error {
	settled, err := allAccounted(tx, campaignID)
	if err != nil || !settled {
		return err
	}
	if err := nothingOpen(tx, campaignID); err != nil {
		return nil // something has still to expire or to be answered
	}
	err = s.Campaigns.MarkSettled(tx, campaignID)
	if fault.KindOf(err) == fault.Conflict {
		return nil // not in a status from which books are closed: the money stands as it is
	}
	return err
}

func nothingOpen(tx *gorm.DB, campaignID int64) error {
	orders, envelopes, err := countOpen(tx, campaignID)
	switch {
	case err != nil:
		return err
	case orders > 0:
		return errOrdersOpen
	case envelopes > 0:
		return errRecallsOpen
	}
	return nil
}

// surplusOf is what each source has in float or recalled at each operator, without nothings.
func surplusOf(tx *gorm.DB, campaignID int64) ([]Balance, error) {
	found, err := balances(tx, campaignID)
	if err != nil {
		return nil, err
	}
	var surpluses []Balance
	sum := map[[2]string]money.Fen{}
	for _, b := range found {
		if b.Kind == inFloat || b.Kind == inRecalled {
			sum[[2]string{b.Source, b.Operator}] += b.AmountFen
		}
	}
	for _, b := range found {
		key := [2]string{b.Source, b.Operator}
		if sum[key] > 0 {
			surpluses = append(surpluses, Balance{Source: b.Source, Operator: b.Operator, AmountFen: sum[key]})
			delete(sum, key)
		}
	}
	return surpluses, nil
}
