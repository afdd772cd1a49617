package disbursement

import (
	"fmt"
	"slices"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/money"
)

// What the ledger refuses.
var (
	ErrPosted = fault.New(fault.Conflict, "already-posted", "这笔账已经记过。", "This is already posted.")
	ErrShort  = fault.New(fault.Conflict, "funds-short", "该资金来源到位的资金不足。", "The money received from this source does not suffice.")
)

// accountIDs finds the accounts of the postings and opens those that are new.
func accountIDs(tx *gorm.DB, campaignID int64, sums map[postingKey]money.Fen) (map[account]int64, error) {
	ids, err := findAccounts(tx, campaignID)
	if err != nil {
		return nil, err
	}
	var missing [][]any
	for _, key := range sortedKeys(sums) {
		if _, ok := ids[key.account]; !ok {
			ids[key.account] = 0
			missing = append(missing, []any{campaignID, key.account.Source, key.account.Operator, key.account.Kind})
		}
	}
	if len(missing) == 0 {
		return ids, nil
	}
	if _, err := database.InsertNew(tx, "ledger_accounts", []string{"campaign_id", "source", "operator", "kind"}, missing); err != nil {
		return nil, err
	}
	return findAccounts(tx, campaignID)
}

func findAccounts(tx *gorm.DB, campaignID int64) (map[account]int64, error) {
	var rows []struct {
		ID                     int64
		Source, Operator, Kind string
	}
	err := tx.Raw("SELECT id, source, operator, kind FROM ledger_accounts WHERE campaign_id = ?", campaignID).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("finding ledger accounts: %w", err)
	}
	ids := make(map[account]int64, len(rows))
	for _, row := range rows {
		ids[account{row.Source, row.Operator, row.Kind}] = row.ID
	}
	return ids, nil
}

type transactionRow struct {
	ID         int64
	CampaignID int64
	Ref        string
	Kind       string
	At         database.Millis
}

func insertEntry(tx *gorm.DB, e entry, sums map[postingKey]money.Fen, ids map[account]int64) error {
	row := transactionRow{CampaignID: e.Campaign, Ref: e.Ref, Kind: e.Kind, At: e.At}
	if err := tx.Table("ledger_transactions").Create(&row).Error; err != nil {
		if database.IsDuplicate(err) {
			return ErrPosted.With(fmt.Errorf("%s: %w", e.Ref, err))
		}
		return fmt.Errorf("posting %s: %w", e.Ref, err)
	}
	postings := make([][]any, 0, len(sums))
	for _, key := range sortedKeys(sums) {
		postings = append(postings, []any{row.ID, ids[key.account], key.envelope, int64(sums[key])})
	}
	return database.InsertMany(tx, "ledger_postings", []string{"transaction_id", "account_id", "envelope_id", "amount_fen"}, postings)
}

// changeBalances brings the accounts to the sums of their postings, each account once and in order of name.
func changeBalances(tx *gorm.DB, sums map[postingKey]money.Fen, ids map[account]int64) error {
	change := map[account]money.Fen{}
	for key, sum := range sums {
		change[key.account] += sum
	}
	accounts := make([]account, 0, len(change))
	for a := range change {
		accounts = append(accounts, a)
	}
	slices.SortFunc(accounts, compareAccounts)
	for _, a := range accounts {
		if err := changeBalance(tx, ids[a], a, change[a]); err != nil {
			return err
		}
	}
	return nil
}

func changeBalance(tx *gorm.DB, id int64, a account, by money.Fen) error {
	statement, values := "UPDATE ledger_accounts SET balance_fen = balance_fen + ? WHERE id = ?", []any{int64(by), id}
	if by < 0 && slices.Contains(neverNegative, a.Kind) {
		statement, values = statement+" AND balance_fen >= ?", append(values, int64(-by))
	}
	result := tx.Exec(statement, values...)
	if result.Error != nil {
		return fmt.Errorf("changing the balance of %v: %w", a, result.Error)
	}
	if result.RowsAffected != 1 {
		return ErrShort.With(fmt.Errorf("%v has less than %s", a, -by))
	}
	return nil
}

func balances(tx *gorm.DB, campaignID int64) ([]Balance, error) {
	var found []Balance
	err := tx.Raw("SELECT source, operator, kind, balance_fen AS amount_fen FROM ledger_accounts WHERE campaign_id = ? ORDER BY source, kind, operator",
		campaignID).Scan(&found).Error
	return found, err
}

func balancesAt(tx *gorm.DB, campaignID int64, at database.Millis) ([]Balance, error) {
	var found []Balance
	err := tx.Raw(`SELECT a.source, a.operator, a.kind, SUM(p.amount_fen) AS amount_fen
		FROM ledger_transactions t JOIN ledger_postings p ON p.transaction_id = t.id JOIN ledger_accounts a ON a.id = p.account_id
		WHERE t.campaign_id = ? AND t.at <= ? GROUP BY a.source, a.kind, a.operator ORDER BY a.source, a.kind, a.operator`,
		campaignID, at).Scan(&found).Error
	return found, err
}

// turnover is what the transactions of one kind have put on the accounts of one kind, net.
type turnover struct {
	Source, Account, Kind string
	AmountFen             money.Fen
}

func turnovers(tx *gorm.DB, campaignID int64) ([]turnover, error) {
	var found []turnover
	err := tx.Raw(`SELECT a.source, a.kind AS account, t.kind, SUM(p.amount_fen) AS amount_fen
		FROM ledger_transactions t JOIN ledger_postings p ON p.transaction_id = t.id JOIN ledger_accounts a ON a.id = p.account_id
		WHERE t.campaign_id = ? GROUP BY a.source, a.kind, t.kind`, campaignID).Scan(&found).Error
	return found, err
}
