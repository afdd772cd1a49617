package disbursement

import (
	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/money"
)

// awardedBySource sums the envelopes that somebody holds or has held to the end.
func awardedBySource(tx *gorm.DB, campaignID int64) (map[string]money.Fen, error) {
	var rows []struct {
		Source string
		Fen    money.Fen
	}
	err := tx.Raw("SELECT source, SUM(amount_fen) AS fen FROM envelopes WHERE campaign_id = ? AND status <> ? GROUP BY source", campaignID, Forfeited).Scan(&rows).Error
	sums := map[string]money.Fen{}
	for _, row := range rows {
		sums[row.Source] = row.Fen
	}
	return sums, err
}

func coverageOf(tx *gorm.DB, campaignID int64) (Coverage, error) {
	c := Coverage{SubWallets: [][2]string{}, PayModes: []string{}, Scenarios: []string{}, Payments: map[string]int{}}
	var rows []struct {
		Operator, App, PayMode, Scenario string
		N                                int
	}
	err := tx.Raw(`SELECT operator, app, pay_mode, scenario, COUNT(*) AS n FROM spending_events WHERE campaign_id = ? AND kind = 'payment'
		GROUP BY operator, app, pay_mode, scenario ORDER BY operator, app, pay_mode, scenario`, campaignID).Scan(&rows).Error
	apps, modes := map[[2]string]bool{}, map[string]bool{}
	for _, row := range rows {
		if pair := [2]string{row.Operator, row.App}; row.App != "" && !apps[pair] {
			apps[pair] = true
			c.SubWallets = append(c.SubWallets, pair)
		}
		if !modes[row.PayMode] {
			modes[row.PayMode] = true
			c.PayModes = append(c.PayModes, row.PayMode)
		}
		if c.Payments[row.Scenario] == 0 {
			c.Scenarios = append(c.Scenarios, row.Scenario)
		}
		c.Payments[row.Scenario] += row.N
	}
	return c, err
}

// countBy counts rows by their name; the query gives name and n.
func countBy[K ~string](tx *gorm.DB, query string, args ...any) (map[K]int64, error) {
	var rows []struct {
		Name K
		N    int64
	}
	err := tx.Raw(query, args...).Scan(&rows).Error
	counts := make(map[K]int64, len(rows))
	for _, row := range rows {
		counts[row.Name] = row.N
	}
	return counts, err
}

func countsOf(tx *gorm.DB, campaignID int64) (Counts, error) {
	var c Counts
	var err error
	if c.Envelopes, err = countBy[EnvelopeStatus](tx, "SELECT status AS name, COUNT(*) AS n FROM envelopes WHERE campaign_id = ? GROUP BY status", campaignID); err != nil {
		return c, err
	}
	if c.Orders, err = countBy[OrderStatus](tx, `SELECT o.status AS name, COUNT(*) AS n FROM disbursement_batches b JOIN disbursement_orders o ON o.batch_id = b.id
		WHERE b.campaign_id = ? GROUP BY o.status`, campaignID); err != nil {
		return c, err
	}
	return c, tx.Raw("SELECT COUNT(*) FROM differences WHERE campaign_id = ? AND status = 'open'", campaignID).Scan(&c.Differences).Error
}

type operatorCount struct {
	Operator  string
	Status    OrderStatus
	N         int64
	ChangedAt database.Millis
}

func ordersByOperator(tx *gorm.DB, campaignID int64) (rows []operatorCount, err error) {
	err = tx.Raw(`SELECT operator, status, COUNT(*) AS n, MAX(changed_at) AS changed_at FROM disbursement_orders WHERE campaign_id = ?
		GROUP BY operator, status ORDER BY operator, status`, campaignID).Scan(&rows).Error
	return rows, err
}

// settledOf counts a batch's orders that are settled, and those settled since a moment.
func settledOf(tx *gorm.DB, batchID int64, since database.Millis) (done, lately int64, err error) {
	var sums struct{ Done, Lately int64 }
	err = tx.Raw(`SELECT COUNT(*) AS done, COALESCE(SUM(CASE WHEN settled_at >= ? THEN 1 ELSE 0 END), 0) AS lately FROM disbursement_orders
		WHERE batch_id = ? AND status NOT IN ?`, since, batchID, live).Scan(&sums).Error
	return sums.Done, sums.Lately, err
}
