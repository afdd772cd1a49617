package disbursement

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/money"
)

// Payout is what was paid to one payee: the statements that were due, with the evidence that the money went. It counts
// once a second person has confirmed it. Its statuses are prepared, approved and rejected.
type Payout struct {
	ID          int64           `json:"id"`
	CampaignID  int64           `json:"-"`
	Payee       string          `json:"payee"`
	Status      string          `json:"status"`
	Settlements int64           `json:"settlements"`
	TotalFen    money.Fen       `json:"total_fen"`
	Evidence    string          `json:"evidence"` // as the number of the bank's advice
	ApprovalID  int64           `json:"approval_id"`
	MadeBy      string          `json:"made_by"`
	MadeAt      database.Millis `json:"made_at"`
}

// Why a payout is refused.
var (
	errNothingDue     = fault.New(fault.Conflict, "nothing-due", "该收款方目前没有应结算的结算单。", "Nothing is due to this payee now.")
	errPayoutEvidence = fault.Field("evidence", "payout-evidence", "请填写结算凭证（不超过200字）。", "Please name the evidence, in at most 200 characters.")
	errPayoutChanged  = fault.New(fault.Conflict, "payout-changed", "提交之后其中有商户被暂缓结算，请驳回后重新提交。", "A merchant in it has been put on hold since; reject it and ask again.")
)

// RequestPayout says that everything due to a payee, an acquirer or ToWallet, has been paid out, and asks a second person
// to confirm it. Statements of merchants on hold are left out.
func (s *Service) RequestPayout(ctx context.Context, maker string, campaignID int64, payee, evidence string) (p Payout, err error) {
	if evidence == "" || len([]rune(evidence)) > 200 {
		return p, errPayoutEvidence
	}
	book, err := s.Campaigns.RuleBook(ctx, campaignID)
	if err != nil {
		return p, err
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		p = Payout{CampaignID: campaignID, Payee: payee, Status: "prepared", Evidence: evidence, MadeBy: maker, MadeAt: s.now()}
		if err := insertPayout(tx, &p); err != nil {
			return err
		}
		if p.Settlements, p.TotalFen, err = fillPayout(tx, p, s.now()); err != nil {
			return err
		}
		if p.Settlements == 0 {
			return errNothingDue
		}
		summary := map[string]any{"payee": payee, "settlements": p.Settlements, "total_fen": p.TotalFen, "evidence": evidence}
		if p.ApprovalID, err = s.ask(tx, maker, campaignID, book.City.Code, approvalPayout, p.ID, summary); err != nil {
			return err
		}
		if err := payoutAsked(tx, p); err != nil {
			return err
		}
		return s.audited(tx, maker, "settlement.payout", book.ID, fmt.Sprintf("payout:%d", p.ID), summary)
	})
	return p, err
}

// decidePayout settles the statements, all of those that were counted or none.
func (s *Service) decidePayout(tx *gorm.DB, id int64, approved bool) error {
	p, err := payoutByID(tx, id)
	if err != nil {
		return err
	}
	set := map[string]any{"changed_at": s.now()}
	if !approved {
		if err := unfillPayout(tx, id, s.now()); err != nil {
			return err
		}
		return database.Advance(tx, "settlement_payouts", id, "prepared", "rejected", set)
	}
	settled, err := settlePayout(tx, id, s.now())
	switch {
	case err != nil:
		return err
	case settled != p.Settlements:
		return errPayoutChanged
	}
	return database.Advance(tx, "settlement_payouts", id, "prepared", "approved", set)
}

// PayeeSum is what is due to one payee, beside what waits for a second person already.
type PayeeSum struct {
	Payee       string    `json:"payee"`
	Settlements int64     `json:"settlements"`
	DueFen      money.Fen `json:"due_fen"`
}

// PayeesDue lists what may be paid out now, by payee.
func (s *Service) PayeesDue(ctx context.Context, campaignID int64) ([]PayeeSum, error) {
	return payeeSums(s.DB.Read(ctx), campaignID)
}

// Payouts lists a campaign's payouts, newest first, at most 200.
func (s *Service) Payouts(ctx context.Context, campaignID int64) ([]Payout, error) {
	return payoutsOf(s.DB.Read(ctx), campaignID)
}
