package reporting

import (
	"fmt"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/money"
)

// purse is all that the stored rows say about one funding source of one campaign. Everything is computed twice: budget
// from the rule book, credited, spent and recalled from the envelopes, the rest from the ledger.
type purse struct {
	Campaign, Source string
	Budget           money.Fen

	Credited, Spent, Recalled money.Fen // envelopes

	Received, Float, InFlight, Issued, LedgerSpent, Held, Returned money.Fen // balances; Held is recalled and not yet returned
	ReturnedUnissued                                               money.Fen // of what was returned, the part that was never issued
}

func (p purse) name() string { return p.Campaign + "/" + p.Source }

// budgetIsWhole: the budget is what was never issued (not received, waiting, in transit, or returned as it came) plus
// what was issued.
func budgetIsWhole(p purse) string {
	unissued := p.Budget - p.Received + p.Float + p.InFlight + p.ReturnedUnissued
	if p.Budget == unissued+p.Credited {
		return ""
	}
	return fmt.Sprintf("%s: budget %s, unissued %s, issued %s", p.name(), p.Budget, unissued, p.Credited)
}

// issuedIsWhole: what was issued is spent, recalled, or still in the wallets.
func issuedIsWhole(p purse) string {
	switch {
	case p.Spent != p.LedgerSpent:
		return fmt.Sprintf("%s: envelopes spent %s, ledger %s", p.name(), p.Spent, p.LedgerSpent)
	case p.Recalled != p.Held+p.Returned-p.ReturnedUnissued:
		return fmt.Sprintf("%s: envelopes recalled %s, ledger %s", p.name(), p.Recalled, p.Held+p.Returned-p.ReturnedUnissued)
	case p.Credited != p.Spent+p.Recalled+p.Issued:
		return fmt.Sprintf("%s: issued %s, spent %s, recalled %s, in flight %s", p.name(), p.Credited, p.Spent, p.Recalled, p.Issued)
	}
	return ""
}

// neverOverdrawn: no account holds less than nothing, and no source gave more than its budget.
func neverOverdrawn(p purse) string {
	if p.Received > p.Budget || min(p.Received, p.Float, p.InFlight, p.Issued, p.LedgerSpent, p.Held, p.Returned) < 0 {
		return fmt.Sprintf("%s: budget %s, received %s, float %s, in flight %s, issued %s, spent %s, recalled %s, returned %s",
			p.name(), p.Budget, p.Received, p.Float, p.InFlight, p.Issued, p.LedgerSpent, p.Held, p.Returned)
	}
	return ""
}

// perSource tries a rule on every funding source of every campaign that has a ledger.
func perSource(rule func(purse) string) func(tx *gorm.DB) (findings, error) {
	return func(tx *gorm.DB) (findings, error) {
		f := findings{unit: "funding sources"}
		purses, err := readPurses(tx)
		if err != nil {
			return f, err
		}
		f.tried = len(purses)
		for _, p := range purses {
			if broken := rule(p); broken != "" {
				f.broken = append(f.broken, broken)
			}
		}
		return f, nil
	}
}

// readPurses joins the rule books' sources with the ledger's and the envelopes'. A source that only the ledger or only
// an envelope knows has no budget, and fails the rules.
func readPurses(tx *gorm.DB) ([]purse, error) {
	var purses []purse
	err := tx.Raw(`SELECT c.slug AS campaign, k.source,
		COALESCE(e.credited, 0) AS credited, COALESCE(e.spent, 0) AS spent, COALESCE(e.recalled, 0) AS recalled,
		-COALESCE(l.source_fen, 0) AS received, COALESCE(l.float_fen, 0) AS ` + "`float`" + `, COALESCE(l.in_flight_fen, 0) AS in_flight, COALESCE(l.issued_fen, 0) AS issued,
		COALESCE(l.spent_fen, 0) AS ledger_spent, COALESCE(l.recalled_fen, 0) AS held, COALESCE(l.returned_fen, 0) AS returned, COALESCE(u.fen, 0) AS returned_unissued
		FROM (SELECT campaign_id, source FROM ledger_accounts UNION SELECT campaign_id, source FROM envelopes WHERE credited_fen > 0) AS k
		JOIN campaigns c ON c.id = k.campaign_id
		LEFT JOIN (SELECT campaign_id, source, SUM(credited_fen) AS credited, SUM(spent_fen) AS spent, SUM(recalled_fen) AS recalled FROM envelopes GROUP BY campaign_id, source) AS e
			ON e.campaign_id = k.campaign_id AND e.source = k.source
		LEFT JOIN (SELECT campaign_id, source, ` + balance("source") + ` AS source_fen, ` + balance("float") + ` AS float_fen, ` + balance("in_flight") + ` AS in_flight_fen, ` +
		balance("issued") + ` AS issued_fen, ` + balance("spent") + ` AS spent_fen, ` + balance("recalled") + ` AS recalled_fen, ` + balance("returned") + ` AS returned_fen
			FROM ledger_accounts GROUP BY campaign_id, source) AS l ON l.campaign_id = k.campaign_id AND l.source = k.source
		LEFT JOIN (SELECT a.campaign_id, a.source, -SUM(p.amount_fen) AS fen FROM ledger_postings p JOIN ledger_accounts a ON a.id = p.account_id
			JOIN ledger_transactions t ON t.id = p.transaction_id WHERE a.kind = 'float' AND t.kind = 'return' GROUP BY a.campaign_id, a.source) AS u
			ON u.campaign_id = k.campaign_id AND u.source = k.source
		ORDER BY c.slug, k.source`).Scan(&purses).Error
	if err != nil {
		return nil, err
	}
	budgets, err := readBudgets(tx)
	for i, p := range purses {
		purses[i].Budget = budgets[p.name()]
	}
	return purses, err
}

// readBudgets gives what each source gives by the rule book, by "slug/source". Rule books that cannot be read are the
// finding of another invariant.
func readBudgets(tx *gorm.DB) (map[string]money.Fen, error) {
	var books []struct{ Slug, RuleBook string }
	if err := tx.Raw("SELECT slug, rule_book FROM campaigns").Scan(&books).Error; err != nil {
		return nil, err
	}
	budgets := map[string]money.Fen{}
	for _, row := range books {
		book, err := campaign.ParseRuleBook([]byte(row.RuleBook))
		if err != nil {
			continue
		}
		for _, s := range book.Funding {
			budgets[row.Slug+"/"+s.Name] = s.Amount
		}
	}
	return budgets, nil
}
