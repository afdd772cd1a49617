package reporting

// Catalogue is every report that a regulator can download, in the order of a campaign's life.
func Catalogue() []Report {
	return []Report{
		overview, registrations, registrationList, drawCertificate, winners, fairness,
		orders, envelopes, ledger, statements,
		spending, refunds, settlements, expiry, surplus,
		subWallets, misuse, press, auditTrail, accessLog,
	}
}

// Find looks a report up by its name.
func Find(name string) (Report, bool) {
	for _, r := range Catalogue() {
		if r.Name == name {
			return r, true
		}
	}
	return Report{}, false
}

// column is a column that shows what is stored.
func column(kind Kind, zh, en, note string) Column {
	return Column{ZH: zh, EN: en, Kind: kind, Note: note}
}

// coded is a column of codes of a vocabulary.
func coded(vocabulary, zh, en, note string) Column {
	return Column{ZH: zh, EN: en, Code: vocabulary, Note: note}
}

// summed is a column of counts or money that adds up on the cover.
func summed(kind Kind, zh, en, note string) Column {
	return Column{ZH: zh, EN: en, Kind: kind, Note: note, Total: true}
}

// wide is a column of longer text.
func wide(characters float64, zh, en, note string) Column {
	return Column{ZH: zh, EN: en, Note: note, wide: characters}
}

// Local days and hours begin eight hours before UTC ones; both dialects know this arithmetic.
const (
	dayOfEvent = "(e.occurred_at - (e.occurred_at + 28800000) % 86400000)"
	dayOfEntry = "(r.registered_at - (r.registered_at + 28800000) % 86400000)"
	hourOf     = "(r.registered_at - r.registered_at % 3600000)"
)

// posted is what the ledger's postings to accounts of a kind add up to, in fen, under a further condition on account a, posting p
// and transaction t. Controls hold totals of other tables against it.
func posted(kind, condition string) string {
	return "SELECT COALESCE(SUM(p.amount_fen), 0) FROM ledger_postings p JOIN ledger_accounts a ON a.id = p.account_id JOIN ledger_transactions t ON t.id = p.transaction_id" +
		" WHERE a.campaign_id = @campaign AND a.kind = '" + kind + "'" + condition
}

var (
	postedSpent    = posted("spent", "")
	postedCredited = posted("issued", " AND t.kind = 'settle'")
	postedRecalled = posted("recalled", " AND p.amount_fen > 0")
	postedReturned = posted("returned", "")
)

// balance is a sum over ledger_accounts of one kind.
func balance(kind string) string {
	return "SUM(CASE WHEN kind = '" + kind + "' THEN balance_fen ELSE 0 END)"
}
