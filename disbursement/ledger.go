package disbursement

import (
	"cmp"
	"context"
	"slices"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/money"
)

// The kinds of account. Money enters from a source, waits in its float, is in flight while an operator's answer is
// outstanding, is issued once it is in a wallet, and ends spent, or recalled and returned to its source. The account of
// kind source runs negative: it is what the source has given.
const (
	inSource   = "source"
	inFloat    = "float"
	inFlight   = "in_flight"
	inIssued   = "issued"
	inSpent    = "spent"
	inRecalled = "recalled"
	inReturned = "returned"
)

// neverNegative are the kinds whose balance may not fall below zero. Issued and spent may for a while, since operators
// report in any order; the reconciliation finds what stays so.
var neverNegative = []string{inFloat, inFlight, inRecalled, inReturned}

// account names a ledger account within a campaign. Operator is "" for the pool of a source that no operator holds yet.
type account struct {
	Source, Operator, Kind string
}

// move is an amount that goes from one account to another. Envelope stands on the posting to an issued account, so that
// each envelope's balance can be proved from the postings; other postings of a transaction are added up by account.
type move struct {
	From, To account
	Envelope int64
	Amount   money.Fen
}

// entry is one transaction of the ledger. Ref is unique for ever: what it names is posted once.
type entry struct {
	Campaign int64
	Ref      string
	Kind     string // fund, place, dispatch, settle, payment, refund, recall, return
	At       database.Millis
	Moves    []move
}

type postingKey struct {
	account  account
	envelope int64
}

// post writes the entry in the caller's transaction, together with the status that it belongs to. A ref that is already
// posted is ErrPosted; money that is not there is ErrShort. Nothing is posted when there is nothing to move.
// The balances come first: a posting shares the lock of the account that it refers to, and two that share it could then
// both not change its balance.
func post(tx *gorm.DB, e entry) error {
	sums := e.sums()
	if len(sums) == 0 {
		return nil
	}
	ids, err := accountIDs(tx, e.Campaign, sums)
	if err != nil {
		return err
	}
	if err := changeBalances(tx, sums, ids); err != nil {
		return err
	}
	return insertEntry(tx, e, sums, ids)
}

// sums adds the moves up per posting. Both ends of a move carry the same amount, so the sum over all is zero.
func (e entry) sums() map[postingKey]money.Fen {
	sums := map[postingKey]money.Fen{}
	for _, m := range e.Moves {
		sums[m.key(m.From)] -= m.Amount
		sums[m.key(m.To)] += m.Amount
	}
	for key, sum := range sums {
		if sum == 0 {
			delete(sums, key)
		}
	}
	return sums
}

func (m move) key(a account) postingKey {
	if a.Kind == inIssued {
		return postingKey{a, m.Envelope}
	}
	return postingKey{a, 0}
}

func compareAccounts(a, b account) int {
	return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Operator, b.Operator), cmp.Compare(a.Kind, b.Kind))
}

// sortedKeys gives the postings in one order for all transactions, so that rivals never wait for each other in a circle.
func sortedKeys(sums map[postingKey]money.Fen) []postingKey {
	keys := make([]postingKey, 0, len(sums))
	for key := range sums {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b postingKey) int {
		return cmp.Or(compareAccounts(a.account, b.account), cmp.Compare(a.envelope, b.envelope))
	})
	return keys
}

// Balance is what stands on one account, in fen.
type Balance struct {
	Source    string    `json:"source"`
	Operator  string    `json:"operator"`
	Kind      string    `json:"kind"`
	AmountFen money.Fen `json:"amount_fen"`
}

// Balances gives a campaign's accounts as they stand now.
func (s *Service) Balances(ctx context.Context, campaignID int64) ([]Balance, error) {
	return balances(s.DB.Read(ctx), campaignID)
}

// BalancesAt gives a campaign's accounts as they stood at a moment, added up from the postings until then.
func (s *Service) BalancesAt(ctx context.Context, campaignID int64, at time.Time) ([]Balance, error) {
	return balancesAt(s.DB.Read(ctx), campaignID, database.At(at))
}

// Proof is the budget of one source at a moment: Budget = Received + NotReceived, and Received = Float + InTransit +
// InWallets + Spent + Recalled + Returned. Holds says that it is so. All amounts in fen.
type Proof struct {
	Source      string    `json:"source"`
	Budget      money.Fen `json:"budget_fen"`
	NotReceived money.Fen `json:"not_received_fen"`
	Received    money.Fen `json:"received_fen"`
	Float       money.Fen `json:"float_fen"`
	InTransit   money.Fen `json:"in_transit_fen"`
	InWallets   money.Fen `json:"in_wallets_fen"`
	Spent       money.Fen `json:"spent_fen"`
	Recalled    money.Fen `json:"recalled_fen"`
	Returned    money.Fen `json:"returned_fen"`
	Holds       bool      `json:"holds"`
}

// Prove gives the budget proof of every source at a moment, from the postings alone.
func (s *Service) Prove(ctx context.Context, campaignID int64, at time.Time) ([]Proof, error) {
	book, err := s.Campaigns.RuleBook(ctx, campaignID)
	if err != nil {
		return nil, err
	}
	found, err := s.BalancesAt(ctx, campaignID, at)
	if err != nil {
		return nil, err
	}
	proofs := make([]Proof, len(book.Funding))
	for i, source := range book.Funding {
		proofs[i] = prove(source.Name, source.Amount, found)
	}
	return proofs, nil
}

func prove(source string, budget money.Fen, found []Balance) Proof {
	sum := map[string]money.Fen{}
	for _, b := range found {
		if b.Source == source {
			sum[b.Kind] += b.AmountFen
		}
	}
	p := Proof{Source: source, Budget: budget, Received: -sum[inSource], Float: sum[inFloat], InTransit: sum[inFlight],
		InWallets: sum[inIssued], Spent: sum[inSpent], Recalled: sum[inRecalled], Returned: sum[inReturned]}
	p.NotReceived = budget - p.Received
	p.Holds = p.NotReceived >= 0 && p.Received == p.Float+p.InTransit+p.InWallets+p.Spent+p.Recalled+p.Returned
	return p
}
