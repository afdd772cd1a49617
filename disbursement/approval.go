package disbursement

import (
	"context"
	"fmt"
	"strconv"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/money"
	"hongbao/internal/staff"
)

// The kinds of approval that this room asks for.
const (
	approvalBatch    = "disbursement.batch"
	approvalReissue  = "disbursement.reissue"
	approvalReturn   = "return.surplus"
	approvalFunding  = "funding.receive"
	approvalRelease  = "settlement.release"
	approvalPayout   = "settlement.payout"
	approvalWinners  = "winners.files"
	approvalCloseOut = "closeout.issue"
)

// HandleApprovals registers what a second person's decision does. Call it once, when the services are wired.
func (s *Service) HandleApprovals() {
	for _, kind := range []string{approvalBatch, approvalReissue, approvalReturn} {
		s.Staff.Handle(kind, s.decided(s.decideBatch, true))
		s.Staff.HandleRejected(kind, s.decided(s.decideBatch, false))
	}
	for kind, decide := range map[string]func(*gorm.DB, int64, bool) error{
		approvalFunding: s.decideFunding, approvalRelease: s.decideRelease, approvalPayout: s.decidePayout, approvalWinners: s.decideWinners, approvalCloseOut: s.decideCloseOut} {
		s.Staff.Handle(kind, s.decided(decide, true))
		s.Staff.HandleRejected(kind, s.decided(decide, false))
	}
}

func (s *Service) decided(decide func(tx *gorm.DB, id int64, approved bool) error, approved bool) staff.Handler {
	return func(_ context.Context, tx *gorm.DB, a staff.Approval) error {
		id, err := strconv.ParseInt(a.Subject, 10, 64)
		if err != nil {
			return fmt.Errorf("disbursement: approval %d is about %q: %w", a.ID, a.Subject, err)
		}
		return decide(tx, id, approved)
	}
}

// ask puts something before a second person of the campaign's city.
func (s *Service) ask(tx *gorm.DB, maker string, campaignID int64, city, kind string, id int64, summary any) (int64, error) {
	return s.Staff.Request(tx, staff.Approval{CampaignID: campaignID, City: city, Kind: kind, Subject: strconv.FormatInt(id, 10),
		Summary: summary, Maker: maker})
}

// Why money received from a source is refused.
var (
	errSource   = fault.Field("source", "funding-source", "规则书中没有这个资金来源。", "The rule book has no such funding source.")
	errAmount   = fault.Field("amount_fen", "funding-amount", "金额应大于零，且不超过该来源尚未到位的预算。", "The amount must be positive and within the source's budget not yet received.")
	errEvidence = fault.Field("evidence", "funding-evidence", "请填写到账凭证（不超过200字）。", "Please name the evidence of receipt, in at most 200 characters.")
)

// Receipt is money that has come in from a source.
type Receipt struct {
	ID         int64           `json:"id"`
	CampaignID int64           `json:"-"`
	Source     string          `json:"source"`
	AmountFen  money.Fen       `json:"amount_fen"`
	Evidence   string          `json:"evidence"`
	Status     string          `json:"status"` // prepared, approved or rejected
	ApprovalID int64           `json:"approval_id"`
	MadeBy     string          `json:"made_by"`
	MadeAt     database.Millis `json:"made_at"`
}

// ReceiveFunding notes money that has come in from a source; it counts once a second person has approved it.
func (s *Service) ReceiveFunding(ctx context.Context, maker string, campaignID int64, source string, amount money.Fen, evidence string) (Receipt, error) {
	book, err := s.Campaigns.RuleBook(ctx, campaignID)
	if err != nil {
		return Receipt{}, err
	}
	budget, ok := budgetOf(book, source)
	switch {
	case !ok:
		return Receipt{}, errSource
	case amount <= 0 || amount > budget:
		return Receipt{}, errAmount
	case evidence == "" || len([]rune(evidence)) > 200:
		return Receipt{}, errEvidence
	}
	receipt := Receipt{CampaignID: campaignID, Source: source, AmountFen: amount, Evidence: evidence, Status: "prepared", MadeBy: maker, MadeAt: s.now()}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if err := insertReceipt(tx, &receipt); err != nil {
			return err
		}
		summary := map[string]any{"source": source, "amount_fen": amount, "evidence": evidence}
		if receipt.ApprovalID, err = s.ask(tx, maker, campaignID, book.City.Code, approvalFunding, receipt.ID, summary); err != nil {
			return err
		}
		if err := receiptAsked(tx, receipt.ID, receipt.ApprovalID); err != nil {
			return err
		}
		return s.audited(tx, maker, "funding.receive", book.ID, fmt.Sprintf("receipt:%d", receipt.ID), summary)
	})
	return receipt, err
}

// decideFunding posts approved money to the source's float. More than the source's budget is refused here again, where
// the account is locked.
func (s *Service) decideFunding(tx *gorm.DB, id int64, approved bool) error {
	receipt, err := receiptByID(tx, id)
	if err != nil {
		return err
	}
	set := map[string]any{"changed_at": s.now()}
	if !approved {
		return database.Advance(tx, "funding_receipts", id, "prepared", "rejected", set)
	}
	if err := database.Advance(tx, "funding_receipts", id, "prepared", "approved", set); err != nil {
		return err
	}
	in := move{From: account{receipt.Source, "", inSource}, To: account{receipt.Source, "", inFloat}, Amount: receipt.AmountFen}
	e := entry{Campaign: receipt.CampaignID, Ref: fmt.Sprintf("fund:%d", id), Kind: "fund", At: s.now(), Moves: []move{in}}
	if err := post(tx, e); err != nil {
		return err
	}
	book, err := s.Campaigns.RuleBook(tx.Statement.Context, receipt.CampaignID)
	if err != nil {
		return err
	}
	budget, _ := budgetOf(book, receipt.Source)
	received, err := receivedFrom(tx, receipt.CampaignID, receipt.Source)
	if err == nil && received > budget {
		err = errAmount
	}
	return err
}
