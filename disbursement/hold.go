package disbursement

import (
	"context"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/fault"
)

// HoldStatus is where a hold on a merchant's settlement is.
type HoldStatus string

// A hold begins as held, by a person or by a rule that has seen something. One person asks for its release and another
// decides: released it is over, otherwise it is held again.
const (
	HoldHeld      HoldStatus = "held"
	HoldReleasing HoldStatus = "releasing"
	HoldReleased  HoldStatus = "released"
)

// HoldStatuses are all of them.
var HoldStatuses = []HoldStatus{HoldHeld, HoldReleasing, HoldReleased}

// May says whether a hold may go from one status to another.
func (from HoldStatus) May(to HoldStatus) bool {
	switch from {
	case HoldHeld:
		return to == HoldReleasing
	case HoldReleasing:
		return to == HoldReleased || to == HoldHeld
	}
	return false
}

// Hold keeps what a merchant is owed from being paid out. The merchant goes on taking envelopes: suspending it is
// campaign's. A merchant has at most one hold that is not released.
type Hold struct {
	ID         int64           `json:"id"`
	CampaignID int64           `json:"-"`
	MerchantNo string          `json:"merchant_no"`
	Status     HoldStatus      `json:"status"`
	Reason     string          `json:"reason"`
	Evidence   string          `json:"evidence"` // what it rests on, as the number of an alert; may be empty
	ApprovalID int64           `json:"approval_id"`
	HeldBy     string          `json:"held_by"` // username, or system:JOB
	HeldAt     database.Millis `json:"held_at"`
	ReleasedAt database.Millis `json:"released_at"`
	ChangedAt  database.Millis `json:"-"`
}

// Why a hold or its release is refused.
var (
	ErrNoHold      = fault.New(fault.NotFound, "hold-missing", "没有这条暂缓结算记录。", "There is no such hold.")
	errHoldReason  = fault.Field("reason", "hold-reason", "请说明暂缓或解除的理由（不超过200字）。", "Please give the reason, in at most 200 characters.")
	errHoldWhom    = fault.Field("merchant_no", "hold-merchant", "请填写商户号。", "A merchant number is required.")
	errHoldSettled = fault.New(fault.Conflict, "hold-released", "该暂缓已解除或正在等待复核。", "This hold is released, or its release waits for a second person.")
)

// HoldMerchant holds a merchant's settlement in the caller's transaction: what is due waits, and so does what will be.
// When the merchant is on hold already, that hold is given and nothing changes. Evidence is what the hold rests on.
func (s *Service) HoldMerchant(tx *gorm.DB, actor string, campaignID int64, merchantNo, reason, evidence string) (Hold, error) {
	switch {
	case merchantNo == "" || !isToken(merchantNo):
		return Hold{}, errHoldWhom
	case reason == "" || len([]rune(reason)) > 200:
		return Hold{}, errHoldReason
	}
	if known, ok, err := holdOn(tx, campaignID, merchantNo); err != nil || ok {
		return known, err
	}
	c, err := s.Campaigns.Get(tx.Statement.Context, campaignID)
	if err != nil {
		return Hold{}, err
	}
	hold := Hold{CampaignID: campaignID, MerchantNo: merchantNo, Status: HoldHeld, Reason: reason, Evidence: clip(evidence, 200), HeldBy: actor, HeldAt: s.now()}
	if err := insertHold(tx, &hold); err != nil {
		return Hold{}, err
	}
	if err := holdDue(tx, campaignID, merchantNo, s.now()); err != nil {
		return Hold{}, err
	}
	return hold, s.audited(tx, actor, "settlement.hold", c.Slug, "merchant "+merchantNo, map[string]any{"hold": hold.ID, "reason": reason, "evidence": hold.Evidence})
}

// PlaceHold is HoldMerchant for a member of staff.
func (s *Service) PlaceHold(ctx context.Context, actor string, campaignID int64, merchantNo, reason string) (hold Hold, err error) {
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		hold, err = s.HoldMerchant(tx, actor, campaignID, merchantNo, reason, "")
		return err
	})
	return hold, err
}

// RequestRelease asks a second person to lift a hold.
func (s *Service) RequestRelease(ctx context.Context, maker string, campaignID, holdID int64, reason string) (approvalID int64, err error) {
	if reason == "" || len([]rune(reason)) > 200 {
		return 0, errHoldReason
	}
	book, err := s.Campaigns.RuleBook(ctx, campaignID)
	if err != nil {
		return 0, err
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		hold, err := holdByID(tx, holdID)
		switch {
		case err != nil:
			return err
		case hold.CampaignID != campaignID:
			return ErrNoHold
		case !hold.Status.May(HoldReleasing):
			return errHoldSettled
		}
		sums, err := sumsOf(tx, campaignID, hold.MerchantNo)
		if err != nil {
			return err
		}
		summary := map[string]any{"merchant": hold.MerchantNo, "held_fen": sums.Held, "held_for": hold.Reason, "reason": reason}
		if approvalID, err = s.ask(tx, maker, campaignID, book.City.Code, approvalRelease, holdID, summary); err != nil {
			return err
		}
		if err := s.advanceHold(tx, hold, HoldReleasing, map[string]any{"approval_id": approvalID}); err != nil {
			return err
		}
		return s.audited(tx, maker, "settlement.release", book.ID, "merchant "+hold.MerchantNo, summary)
	})
	return approvalID, err
}

// decideRelease lifts the hold, or holds again. What was held becomes due again with the release.
func (s *Service) decideRelease(tx *gorm.DB, id int64, approved bool) error {
	hold, err := holdByID(tx, id)
	if err != nil {
		return err
	}
	if !approved {
		return s.advanceHold(tx, hold, HoldHeld, nil)
	}
	if err := s.advanceHold(tx, hold, HoldReleased, map[string]any{"released_at": s.now()}); err != nil {
		return err
	}
	return dueFromHeld(tx, hold.CampaignID, hold.MerchantNo, s.now())
}

func (s *Service) advanceHold(tx *gorm.DB, hold Hold, to HoldStatus, set map[string]any) error {
	return advance(tx, "settlement_holds", hold.ID, hold.Status, to, s.now(), set)
}

// Holds lists a campaign's holds, those not released first, then the newest, at most 200.
func (s *Service) Holds(ctx context.Context, campaignID int64) ([]Hold, error) {
	return holdsOf(s.DB.Read(ctx), campaignID)
}
