package disbursement

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/money"
)

// SettlementStatus is where a merchant's statement of one day is.
type SettlementStatus string

// What a merchant is owed for a day is due, unless it is on hold; it is settled when a second person has confirmed that it
// was paid out. Held and due change places while the merchant is put on hold and released.
const (
	SettlementDue  SettlementStatus = "due"
	SettlementHeld SettlementStatus = "held"
	Settled        SettlementStatus = "settled"
)

// SettlementStatuses are all of them.
var SettlementStatuses = []SettlementStatus{SettlementDue, SettlementHeld, Settled}

// May says whether a settlement may go from one status to another.
func (from SettlementStatus) May(to SettlementStatus) bool {
	switch from {
	case SettlementDue:
		return to == SettlementHeld || to == Settled
	case SettlementHeld:
		return to == SettlementDue
	}
	return false
}

// ToWallet is the payee of merchants that have no acquirer: each gets its money in its own wallet.
const ToWallet = "wallet"

// Settlement is the statement of one merchant for one day (of Asia/Shanghai): the envelope money that was paid there, less
// what was refunded. Own money is no part of it. What was heard of too late for its day is in the statement of a later one,
// and what was corrected since is in a later one as the difference; a statement itself never changes.
type Settlement struct {
	ID          int64            `json:"id"`
	CampaignID  int64            `json:"-"`
	MerchantNo  string           `json:"merchant_no"`
	Payee       string           `json:"payee"` // an acquirer of the rule book, or ToWallet
	Day         string           `json:"day"`
	Status      SettlementStatus `json:"status"`
	LineCount   int64            `json:"line_count"`
	PaidFen     money.Fen        `json:"paid_fen"`
	RefundedFen money.Fen        `json:"refunded_fen"`
	NetFen      money.Fen        `json:"net_fen"` // paid less refunded; negative when more came back than was paid
	Digest      string           `json:"digest"`  // SM3 of the file before its last line, hex
	PayoutID    int64            `json:"payout_id"`
	MadeAt      database.Millis  `json:"made_at"`
	SettledAt   database.Millis  `json:"settled_at"`
}

// The kinds of settlement lines.
const (
	SettledPayment    = "payment"
	SettledRefund     = "refund"
	SettledCorrection = "correction" // the difference to what an earlier statement said of the same event
)

// SettlementLine is one payment, refund or correction in a statement, as it was known when the statement was made.
type SettlementLine struct {
	ID           int64
	SettlementID int64
	EventID      int64
	Kind         string
	Operator     string
	EventNo      string
	Number       string // of the payment or refund
	PaymentNo    string // of a refund: the payment
	OccurredAt   database.Millis
	AmountFen    money.Fen // envelope money; negative for a refund
}

// ErrNoSettlement says that there is no such statement in this campaign.
var ErrNoSettlement = fault.New(fault.NotFound, "settlement-missing", "没有这份结算单。", "There is no such settlement.")

// merchantsAtOnce bounds the statements of one run.
const merchantsAtOnce = 20_000

// MakeSettlements makes the statement of every merchant for the day that has ended, from the events that no statement has
// yet. It may be run again: a merchant has one statement a day, and what comes later goes into the next day's.
func (s *Service) MakeSettlements(ctx context.Context) (int, error) {
	now := s.Now().In(campaign.Shanghai)
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, campaign.Shanghai)
	day := dayOf(midnight.Add(-time.Hour))
	waiting, err := unsettledMerchants(s.DB.Read(ctx), database.At(midnight), day, merchantsAtOnce)
	if err != nil {
		return 0, err
	}
	payees := map[int64]map[string]string{}
	for i, m := range waiting {
		if payees[m.CampaignID] == nil {
			if payees[m.CampaignID], err = s.Campaigns.Acquirers(ctx, m.CampaignID); err != nil {
				return i, err
			}
		}
		row := Settlement{CampaignID: m.CampaignID, MerchantNo: m.MerchantNo, Payee: cmp.Or(payees[m.CampaignID][m.MerchantNo], ToWallet), Day: day}
		if err := s.DB.InTx(ctx, func(tx *gorm.DB) error { return s.makeSettlement(tx, row, midnight) }); err != nil {
			return i, fmt.Errorf("settlement of %s: %w", m.MerchantNo, err)
		}
	}
	return len(waiting), nil
}

func (s *Service) makeSettlement(tx *gorm.DB, row Settlement, before time.Time) error {
	lines, events, err := unsettledLines(tx, row.CampaignID, row.MerchantNo, database.At(before))
	if err != nil {
		return err
	}
	if _, held, err := holdOn(tx, row.CampaignID, row.MerchantNo); err != nil {
		return err
	} else if row.Status = SettlementDue; held {
		row.Status = SettlementHeld
	}
	for _, line := range lines {
		row.add(line)
	}
	if row.Digest, err = settlementDigest(row, lines); err != nil {
		return err
	}
	row.MadeAt = s.now()
	if err := insertSettlement(tx, &row, lines); err != nil {
		if database.IsDuplicate(err) {
			return nil // another run has made it
		}
		return err
	}
	return markSettled(tx, row.ID, events)
}

func (r *Settlement) add(line SettlementLine) {
	r.LineCount++
	r.NetFen += line.AmountFen
	if line.AmountFen < 0 {
		r.RefundedFen -= line.AmountFen
	} else {
		r.PaidFen += line.AmountFen
	}
}

// SettlementFilter chooses statements; an empty field does not.
type SettlementFilter struct {
	MerchantNo, Payee string
	Status            SettlementStatus
	Page, Size        int // from 1; 100 unless given
}

// Settlements lists a campaign's statements, the newest day first.
func (s *Service) Settlements(ctx context.Context, campaignID int64, f SettlementFilter) ([]Settlement, error) {
	return settlementsOf(s.DB.Read(ctx), campaignID, f)
}

// Settlement gives one statement of a campaign.
func (s *Service) Settlement(ctx context.Context, campaignID, id int64) (Settlement, error) {
	found, err := settlementByID(s.DB.Read(ctx), id)
	if err == nil && found.CampaignID != campaignID {
		err = ErrNoSettlement
	}
	return found, err
}

// SettlementLines hands the lines of a statement to fn, in the order of the file.
func (s *Service) SettlementLines(ctx context.Context, settlementID int64, fn func(SettlementLine) error) error {
	return eachSettlementLine(s.DB.Read(ctx), settlementID, fn)
}

// SettlementPage gives one page of a statement's lines, from 1.
func (s *Service) SettlementPage(ctx context.Context, settlementID int64, page, size int) ([]SettlementLine, error) {
	return settlementLines(s.DB.Read(ctx), settlementID, page, size)
}

// SettlementSums is what a merchant, or all of them, has taken in envelopes and where that stands:
// Settled + Held + Due = Spent. Due includes what no statement has yet. All amounts in fen.
type SettlementSums struct {
	MerchantNo string
	Payee      string
	Spent      money.Fen
	Settled    money.Fen
	Held       money.Fen
	Due        money.Fen
	Unstated   money.Fen // the part of Due that no statement has yet
}

// SettlementSums gives the sums of each merchant with spending, by number, and of all together.
func (s *Service) SettlementSums(ctx context.Context, campaignID int64) (merchants []SettlementSums, total SettlementSums, err error) {
	merchants, err = merchantSums(s.DB.Read(ctx), campaignID, "")
	for _, m := range merchants {
		total.Spent += m.Spent
		total.Settled += m.Settled
		total.Held += m.Held
		total.Due += m.Due
		total.Unstated += m.Unstated
	}
	return merchants, total, err
}

func sumsOf(tx *gorm.DB, campaignID int64, merchantNo string) (SettlementSums, error) {
	found, err := merchantSums(tx, campaignID, merchantNo)
	if err != nil || len(found) == 0 {
		return SettlementSums{MerchantNo: merchantNo}, err
	}
	return found[0], nil
}

// WriteSettlement writes a statement as its file, and checks it against the digest that was kept when it was made.
func (s *Service) WriteSettlement(ctx context.Context, actor string, c campaign.Campaign, id int64, w io.Writer) error {
	row, err := s.Settlement(ctx, c.ID, id)
	if err != nil {
		return err
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		return s.audited(tx, actor, "settlement.download", c.Slug, fmt.Sprintf("settlement:%d", id), map[string]any{"merchant": row.MerchantNo, "day": row.Day, "digest": row.Digest})
	})
	if err != nil {
		return err
	}
	file := newSettlementWriter(w, row)
	if err := s.SettlementLines(ctx, id, file.line); err != nil {
		return err
	}
	digest, err := file.end()
	if err == nil && digest != row.Digest {
		err = errors.New("disbursement: the lines of a settlement are no longer those it was made of")
	}
	return err
}
