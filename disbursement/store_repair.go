package disbursement

import (
	"fmt"

	"gorm.io/gorm"
)

// repairableStatuses are the statuses of orders that another may take the place of.
var repairableStatuses = []OrderStatus{OrderFailed, OrderReturned}

func repairSums(tx *gorm.DB, campaignID int64) ([]RepairSum, error) {
	found := []RepairSum{}
	err := tx.Raw(`SELECT reason, status, COUNT(*) AS orders, SUM(amount_fen) AS total_fen, MIN(changed_at) AS oldest_at FROM disbursement_orders
		WHERE campaign_id = ? AND replaced_by = '' AND status IN ? GROUP BY reason, status ORDER BY MIN(changed_at), reason`, campaignID, repairableStatuses).Scan(&found).Error
	return found, err
}

func seenOrders(tx *gorm.DB, f OrderFilter, order, condition string, values ...any) ([]OrderSeen, error) {
	query := tx.Table("disbursement_orders").Where(condition, values...)
	query = onePage(query, map[string]string{"status": string(f.Status), "operator": f.Operator, "reason": f.Reason}, f.Page, f.Size)
	found := []OrderSeen{}
	if err := query.Order(order).Scan(&found).Error; err != nil {
		return nil, fmt.Errorf("listing orders: %w", err)
	}
	return found, nil
}

func batchCounts(tx *gorm.DB, batchID int64) (map[OrderStatus]int64, error) {
	return countBy[OrderStatus](tx, "SELECT status AS name, COUNT(*) AS n FROM disbursement_orders WHERE batch_id = ? GROUP BY status", batchID)
}
