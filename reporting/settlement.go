package reporting

import (
	"fmt"

	"gorm.io/gorm"

	"hongbao/internal/money"
)

// netOf is what an event adds to what its merchant has taken in envelopes.
const netOf = "(CASE WHEN e.kind = 'refund' THEN -e.envelope_fen ELSE e.envelope_fen END)"

// settledIsWhole: what is settled, held and due to a campaign's merchants, with what no statement has yet, is what the ledger
// has as spent. What no statement has is counted from the events that are marked so, less what was stated before a correction.
func settledIsWhole(tx *gorm.DB) (findings, error) {
	f := findings{unit: "campaigns with spending"}
	var rows []struct {
		CampaignID                          int64
		Settled, Held, Due, Unstated, Spent money.Fen
	}
	err := tx.Raw(`SELECT a.campaign_id, SUM(a.balance_fen) AS spent,
		(SELECT COALESCE(SUM(m.net_fen), 0) FROM merchant_settlements m WHERE m.campaign_id = a.campaign_id AND m.status = 'settled') AS settled,
		(SELECT COALESCE(SUM(m.net_fen), 0) FROM merchant_settlements m WHERE m.campaign_id = a.campaign_id AND m.status = 'held') AS held,
		(SELECT COALESCE(SUM(m.net_fen), 0) FROM merchant_settlements m WHERE m.campaign_id = a.campaign_id AND m.status = 'due') AS due,
		(SELECT COALESCE(SUM(` + netOf + ` - COALESCE((SELECT SUM(l.amount_fen) FROM settlement_lines l WHERE l.event_id = e.id), 0)), 0)
			FROM spending_events e WHERE e.settlement_id = 0 AND e.campaign_id = a.campaign_id) AS unstated
		FROM ledger_accounts a WHERE a.kind = 'spent' GROUP BY a.campaign_id`).Scan(&rows).Error
	f.tried = len(rows)
	for _, r := range rows {
		if r.Settled+r.Held+r.Due+r.Unstated != r.Spent {
			f.broken = append(f.broken, fmt.Sprintf("campaign %d: settled %s, held %s, due %s, not stated %s, spent %s", r.CampaignID, r.Settled, r.Held, r.Due, r.Unstated, r.Spent))
		}
	}
	return f, err
}
