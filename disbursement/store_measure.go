package disbursement

import (
	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/money"
)

type unsettled struct {
	Operator string
	Status   OrderStatus
	N        int64
	Since    database.Millis // when the oldest batch among them began to be sent
}

// unsettledOrders counts orders under way. They are in batches that are not done, and of those the index on batch and
// status keeps it to them, however many are settled.
func unsettledOrders(db *gorm.DB) (rows []unsettled, err error) {
	err = db.Raw(`SELECT o.operator, o.status, COUNT(*) AS n, MIN(b.changed_at) AS since FROM disbursement_batches b JOIN disbursement_orders o ON o.batch_id = b.id
		WHERE b.status IN (?, ?) AND o.status IN (?, ?, ?, ?, ?) GROUP BY o.operator, o.status ORDER BY 1, 2`,
		BatchApproved, BatchDispatching, OrderApproved, OrderSending, OrderAccepted, OrderProcessing, OrderUnknown).Scan(&rows).Error
	return rows, err
}

type balanceSum struct {
	Slug string
	Fen  money.Fen
}

// balanceSums adds the accounts of each campaign, of which there are a few dozen.
func balanceSums(db *gorm.DB) (rows []balanceSum, err error) {
	err = db.Raw(`SELECT c.slug, SUM(a.balance_fen) AS fen FROM ledger_accounts a JOIN campaigns c ON c.id = a.campaign_id GROUP BY c.slug ORDER BY 1`).Scan(&rows).Error
	return rows, err
}

func unbalancedOfLast(db *gorm.DB, transactions int) (n int64, err error) {
	err = db.Raw(`SELECT COUNT(*) FROM (SELECT transaction_id FROM ledger_postings
		WHERE transaction_id > (SELECT COALESCE(MAX(id), 0) - ? FROM ledger_transactions) GROUP BY transaction_id HAVING SUM(amount_fen) <> 0) AS unbalanced`,
		transactions).Scan(&n).Error
	return n, err
}

type differenceCount struct {
	Operator string
	N        int64
}

func differenceCounts(db *gorm.DB) (rows []differenceCount, err error) {
	err = db.Raw("SELECT operator, COUNT(*) AS n FROM differences WHERE status = 'open' GROUP BY operator ORDER BY 1").Scan(&rows).Error
	return rows, err
}
