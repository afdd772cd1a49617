package reporting

import (
	"context"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/audit"
	"hongbao/internal/database"
	"hongbao/internal/money"
)

// Result is the outcome of one invariant over all campaigns.
type Result struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"` // what was counted, or the first things that do not hold
}

// Check recomputes every invariant from the rows of one snapshot. It needs no keys. The error says that the rows
// could not be read; an invariant that does not hold is a Result.
func Check(ctx context.Context, db *database.DB) ([]Result, error) {
	var results []Result
	err := db.Snapshot(ctx, func(tx *gorm.DB) error {
		results = results[:0]
		for _, i := range invariants {
			found, err := i.find(tx)
			if err != nil {
				return fmt.Errorf("check %s: %w", i.name, err)
			}
			results = append(results, found.result(i.name))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, check := range []func(context.Context, *database.DB) (Result, error){checkProofs, checkWinners, checkAudit, checkAnchors} {
		r, err := check(ctx, db)
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	return results, nil
}

// findings are the rows on which an invariant was tried, and those on which it does not hold.
type findings struct {
	tried  int
	unit   string
	broken []string
}

func (f findings) result(name string) Result {
	if len(f.broken) == 0 {
		return Result{Name: name, OK: true, Detail: fmt.Sprintf("%d %s", f.tried, f.unit)}
	}
	shown := f.broken[:min(3, len(f.broken))]
	return Result{Name: name, Detail: fmt.Sprintf("%d of %d %s: %s", len(f.broken), f.tried, f.unit, strings.Join(shown, "; "))}
}

// invariant is one thing that always holds, and the search for rows on which it does not.
type invariant struct {
	name string
	find func(tx *gorm.DB) (findings, error)
}

// none is an invariant that holds when its query finds no row. The query gives one text column that names the
// offender; count is how many rows of what were tried.
func none(name, unit, count, query string) invariant {
	return invariant{name, func(tx *gorm.DB) (findings, error) {
		f := findings{unit: unit}
		if err := tx.Raw(count).Scan(&f.tried).Error; err != nil {
			return f, err
		}
		return f, tx.Raw(query).Scan(&f.broken).Error
	}}
}

var invariants = []invariant{
	{"budget-adds-up", budgetAddsUp},
	{"budget-is-unissued-plus-issued", perSource(budgetIsWhole)},
	{"issued-is-spent-recalled-in-flight", perSource(issuedIsWhole)},
	{"sources-never-overdrawn", perSource(neverOverdrawn)},
	none("ledger-sums-to-zero", "ledger transactions", "SELECT COUNT(*) FROM ledger_transactions",
		`SELECT CONCAT('transaction ', t.id, ' (', t.kind, ') sums to ', SUM(p.amount_fen)) FROM ledger_transactions t JOIN ledger_postings p ON p.transaction_id = t.id
		GROUP BY t.id, t.kind HAVING SUM(p.amount_fen) <> 0`),
	none("ledger-balances", "ledger accounts", "SELECT COUNT(*) FROM ledger_accounts",
		`SELECT CONCAT('account ', a.id, ' (', a.source, ' ', a.kind, ' ', a.operator, ') holds ', a.balance_fen, ', postings say ', COALESCE(SUM(p.amount_fen), 0))
		FROM ledger_accounts a LEFT JOIN ledger_postings p ON p.account_id = a.id GROUP BY a.id, a.source, a.kind, a.operator, a.balance_fen HAVING COALESCE(SUM(p.amount_fen), 0) <> a.balance_fen`),
	none("envelope-amounts", "envelopes", "SELECT COUNT(*) FROM envelopes",
		`SELECT CONCAT('envelope ', id, ': credited ', credited_fen, ', spent ', spent_fen, ', recalled ', recalled_fen, ' of ', amount_fen) FROM envelopes
		WHERE credited_fen NOT IN (0, amount_fen) OR spent_fen < 0 OR recalled_fen < 0 OR spent_fen + recalled_fen > credited_fen`),
	none("credited-exactly-once", "credit orders", "SELECT COUNT(*) FROM disbursement_orders WHERE kind = 'credit'",
		`SELECT CONCAT('envelope ', e.id, ': credited ', e.credited_fen, ', orders settled ', COALESCE(SUM(o.settled_fen), 0), ' in ', COUNT(o.id)) FROM envelopes e
		LEFT JOIN disbursement_orders o ON o.envelope_id = e.id AND o.kind = 'credit' AND o.status = 'succeeded'
		GROUP BY e.id, e.credited_fen HAVING COALESCE(SUM(o.settled_fen), 0) <> e.credited_fen OR COUNT(o.id) > 1`),
	none("recalls-match", "recall orders", "SELECT COUNT(*) FROM disbursement_orders WHERE kind = 'recall'",
		`SELECT CONCAT('envelope ', e.id, ': recalled ', e.recalled_fen, ', orders settled ', COALESCE(SUM(o.settled_fen), 0)) FROM envelopes e
		LEFT JOIN disbursement_orders o ON o.envelope_id = e.id AND o.kind = 'recall' AND o.status = 'succeeded'
		GROUP BY e.id, e.recalled_fen HAVING COALESCE(SUM(o.settled_fen), 0) <> e.recalled_fen`),
	none("spending-matches-events", "spending events", "SELECT COUNT(*) FROM spending_events",
		`SELECT CONCAT('envelope ', e.id, ': spent ', e.spent_fen, ', events say ', COALESCE(SUM(CASE WHEN s.kind = 'payment' THEN s.envelope_fen WHEN s.kind = 'refund' THEN -s.envelope_fen ELSE 0 END), 0))
		FROM envelopes e LEFT JOIN spending_events s ON s.envelope_id = e.id GROUP BY e.id, e.spent_fen
		HAVING COALESCE(SUM(CASE WHEN s.kind = 'payment' THEN s.envelope_fen WHEN s.kind = 'refund' THEN -s.envelope_fen ELSE 0 END), 0) <> e.spent_fen`),
	none("payments-split-exactly", "payments", "SELECT COUNT(*) FROM spending_events WHERE kind = 'payment'",
		`SELECT CONCAT('event ', event_no, ': ', amount_fen, ' <> ', envelope_fen, ' + ', wallet_fen, ' + ', card_fen) FROM spending_events
		WHERE kind IN ('payment', 'refund') AND amount_fen <> envelope_fen + wallet_fen + card_fen`),
	none("one-win-per-person", "envelopes held", "SELECT COUNT(*) FROM envelopes WHERE status <> 'forfeited'",
		`SELECT CONCAT('campaign ', e.campaign_id, ': one person holds ', COUNT(*), ' envelopes') FROM envelopes e JOIN registrations r ON r.id = e.registration_id
		WHERE e.status <> 'forfeited' GROUP BY e.campaign_id, r.person HAVING COUNT(*) > 1`),
	none("envelopes-have-awards", "envelopes", "SELECT COUNT(*) FROM envelopes",
		`SELECT CONCAT('envelope ', e.id, ' of campaign ', e.campaign_id, ' has no award') FROM envelopes e
		WHERE NOT EXISTS (SELECT 1 FROM awards a JOIN draws d ON d.id = a.draw_id WHERE d.campaign_id = e.campaign_id AND a.entry = e.entry AND a.registration_id = e.registration_id)`),
	none("registered-is-entries-plus-excluded", "draws frozen", "SELECT COUNT(*) FROM draws WHERE plan_hash IS NOT NULL",
		`SELECT CONCAT(d.slug, ': ', d.entries, ' entries, pools hold ', COALESCE(SUM(p.n), 0)) FROM draws d LEFT JOIN draw_pools p ON p.draw_id = d.id
		WHERE d.plan_hash IS NOT NULL GROUP BY d.id, d.slug, d.entries HAVING COALESCE(SUM(p.n), 0) <> d.entries`),
	none("settlements-are-their-lines", "settlements", "SELECT COUNT(*) FROM merchant_settlements",
		`SELECT CONCAT('settlement ', m.id, ' of ', m.merchant_no, ' says ', m.net_fen, ', its lines ', COALESCE(SUM(l.amount_fen), 0)) FROM merchant_settlements m
		LEFT JOIN settlement_lines l ON l.settlement_id = m.id GROUP BY m.id, m.merchant_no, m.net_fen, m.line_count
		HAVING COALESCE(SUM(l.amount_fen), 0) <> m.net_fen OR COUNT(l.id) <> m.line_count`),
	none("spending-is-settled-once", "events in settlements", "SELECT COUNT(*) FROM spending_events WHERE settlement_id <> 0",
		`SELECT CONCAT('event ', e.event_no, ' of ', e.merchant_no, ' spent ', `+netOf+`, ', settlements say ', COALESCE(SUM(l.amount_fen), 0)) FROM spending_events e
		LEFT JOIN settlement_lines l ON l.event_id = e.id LEFT JOIN merchant_settlements m ON m.id = l.settlement_id
		WHERE e.settlement_id <> 0 GROUP BY e.id, e.event_no, e.merchant_no, e.kind, e.envelope_fen
		HAVING COALESCE(SUM(l.amount_fen), 0) <> `+netOf+` OR COUNT(CASE WHEN m.merchant_no = e.merchant_no THEN 1 END) <> COUNT(l.id)`),
	{"settled-held-due-is-spent", settledIsWhole},
	none("maker-is-not-checker", "approvals", "SELECT COUNT(*) FROM approvals",
		`SELECT CONCAT('approval ', id, ' (', kind, ') was made and decided by the same person') FROM approvals WHERE status = 'approved' AND (checker = maker OR checker = '')`),
	none("orders-were-approved", "orders sent", "SELECT COUNT(*) FROM disbursement_orders WHERE status <> 'prepared'",
		`SELECT CONCAT('order ', o.order_no, ' is ', o.status, ' without an approved batch') FROM disbursement_orders o JOIN disbursement_batches b ON b.id = o.batch_id
		LEFT JOIN approvals a ON a.id = b.approval_id WHERE o.status NOT IN ('prepared', 'rejected') AND (a.status IS NULL OR a.status <> 'approved')`),
}

// budgetAddsUp parses each campaign's rule book again: tiers times amounts are the budget to the fen, source by source,
// and the campaign's row says the same sum.
func budgetAddsUp(tx *gorm.DB) (findings, error) {
	f := findings{unit: "campaigns"}
	var rows []struct {
		Slug      string
		RuleBook  string
		BudgetFen money.Fen
	}
	if err := tx.Raw("SELECT slug, rule_book, budget_fen FROM campaigns ORDER BY id").Scan(&rows).Error; err != nil {
		return f, err
	}
	f.tried = len(rows)
	for _, row := range rows {
		book, err := campaign.ParseRuleBook([]byte(row.RuleBook))
		if err != nil {
			f.broken = append(f.broken, fmt.Sprintf("%s: %v", row.Slug, err))
			continue
		}
		if sum := book.Budget(); sum != row.BudgetFen {
			f.broken = append(f.broken, fmt.Sprintf("%s: rule book says %s, campaign says %s", row.Slug, sum, row.BudgetFen))
		}
	}
	return f, nil
}

// checkAudit recomputes the hash chain from its first entry.
func checkAudit(ctx context.Context, db *database.DB) (Result, error) {
	n, err := audit.Verify(ctx, db)
	if err != nil {
		return Result{Name: "audit-chain-intact", Detail: err.Error()}, nil
	}
	return Result{Name: "audit-chain-intact", OK: true, Detail: fmt.Sprintf("%d entries", n)}, nil
}

// checkAnchors holds the published heads of the chain against it.
func checkAnchors(ctx context.Context, db *database.DB) (Result, error) {
	n, err := audit.VerifyAnchors(ctx, db)
	if err != nil {
		return Result{Name: "audit-anchors-hold", Detail: err.Error()}, nil
	}
	return Result{Name: "audit-anchors-hold", OK: true, Detail: fmt.Sprintf("%d anchors", n)}, nil
}
