package disbursement

import (
	"context"

	"hongbao/internal/database"
	"hongbao/internal/money"
)

// OrderSeen is an order as staff look at it.
type OrderSeen struct {
	Order
	CreatedAt database.Millis
	ChangedAt database.Millis
}

// RepairSum is what waits for repair for one reason: orders that failed for good, or whose money came back, and that no
// other order has taken the place of.
type RepairSum struct {
	Reason   string
	Status   OrderStatus
	Orders   int64
	TotalFen money.Fen
	OldestAt database.Millis // when the oldest of them came to this
}

// OrderFilter chooses orders; an empty field does not.
type OrderFilter struct {
	Status           OrderStatus
	Operator, Reason string
	Page, Size       int // from 1; 100 unless given
}

// RepairSums lists the reasons of what waits for repair, the oldest first.
func (s *Service) RepairSums(ctx context.Context, campaignID int64) ([]RepairSum, error) {
	return repairSums(s.DB.Read(ctx), campaignID)
}

// Repairs lists what waits for repair, the oldest first. A new number takes a second person's approval: see Prepare.
func (s *Service) Repairs(ctx context.Context, campaignID int64, f OrderFilter) ([]OrderSeen, error) {
	return seenOrders(s.DB.Read(ctx), f, "changed_at, id", "campaign_id = ? AND replaced_by = '' AND status IN ?", campaignID, repairableStatuses)
}

// Batch gives one batch of a campaign; the error is ErrNoBatch when there is none.
func (s *Service) Batch(ctx context.Context, campaignID, id int64) (Batch, error) {
	batch, err := batchByID(s.DB.Read(ctx), id)
	if err == nil && batch.CampaignID != campaignID {
		err = ErrNoBatch
	}
	return batch, err
}

// BatchOrders lists the orders of a batch.
func (s *Service) BatchOrders(ctx context.Context, batchID int64, f OrderFilter) ([]OrderSeen, error) {
	return seenOrders(s.DB.Read(ctx), f, "id", "batch_id = ?", batchID)
}

// BatchCounts counts a batch's orders by status.
func (s *Service) BatchCounts(ctx context.Context, batchID int64) (map[OrderStatus]int64, error) {
	return batchCounts(s.DB.Read(ctx), batchID)
}
