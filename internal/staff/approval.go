package staff

import (
	"context"
	"encoding/json"
	"fmt"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/fault"
)

// The statuses of an approval.
const (
	Pending   = "pending"   // asked for, waits for a second person
	Approved  = "approved"  // decided, and what was asked for has happened in the same transaction
	Rejected  = "rejected"  // decided, and nothing has happened
	Withdrawn = "withdrawn" // taken back by its maker
)

// Approval is a step that one person has prepared and another must let happen.
type Approval struct {
	ID         int64           `json:"id"`
	CampaignID int64           `json:"campaign_id"` // 0 for a step that belongs to no campaign
	City       string          `json:"city"`        // code of the campaign's city: only its staff may decide; "" for any
	Kind       string          `json:"kind"`
	Subject    string          `json:"subject"` // what it is about, as its room names it; at most 200 characters
	Summary    any             `json:"summary"` // what will happen, in figures; read back as json.RawMessage
	Status     string          `json:"status"`
	Maker      string          `json:"maker"` // username
	MadeAt     database.Millis `json:"made_at"`
	Checker    string          `json:"checker"` // username, "" while pending
	DecidedAt  database.Millis `json:"decided_at"`
	Reason     string          `json:"reason"` // the checker's, at most 500 characters
}

// Handler does what a decided approval asks for, within the transaction of the decision. Its error undoes the decision.
type Handler func(ctx context.Context, tx *gorm.DB, a Approval) error

// checks says which permission decides a kind of approval.
var checks = map[string]Permission{
	"campaign.publish":     CampaignApprove,
	"identity.destroy":     CampaignApprove,
	"risk.exclude":         CampaignApprove,
	"registration.exclude": CampaignApprove,
	"draw.notice":          DrawConfirm,
	"draw.void":            DrawConfirm,
	"draw.ceremony":        DrawConfirm,
	"disbursement.batch":   MoneyApprove,
	"disbursement.reissue": MoneyApprove,
	"return.surplus":       MoneyApprove,
	"funding.receive":      MoneyApprove,
	"settlement.release":   MoneyApprove,
	"settlement.payout":    MoneyApprove,
	"winners.files":        MoneyApprove,
	"closeout.issue":       MoneyApprove,
	"report.release":       ReportsRelease,
}

// The reasons why a request or a decision is refused.
var (
	ErrNoApproval  = fault.New(fault.NotFound, "approval-missing", "没有这项审批。", "There is no such approval.")
	ErrDecided     = fault.New(fault.Conflict, "approval-decided", "这项审批已处理。", "This approval has been decided already.")
	ErrOwnRequest  = fault.New(fault.Forbidden, "approval-own", "不能审批自己提交的事项。", "Nobody approves what they asked for themselves.")
	ErrNotMaker    = fault.New(fault.Forbidden, "approval-not-maker", "只有提交人可以撤回。", "Only its maker can take a request back.")
	ErrNotChecker  = fault.New(fault.Forbidden, "approval-role", "您的岗位不能审批这类事项。", "Your role does not decide this kind of approval.")
	ErrReason      = fault.Field("reason", "reason", "请说明驳回理由（不超过500字）。", "Please say why it is rejected, in at most 500 characters.")
	errUnknownKind = fault.New(fault.Internal, "approval-kind", "系统错误。", "Internal error.")
)

// Handle registers what happens when an approval of this kind is approved. Each kind has one handler, registered while the
// service is wired; a second one panics.
func (s *Service) Handle(kind string, h Handler) { register(&s.approved, kind, h) }

// HandleRejected registers what happens when an approval of this kind is rejected or withdrawn. Most kinds need none.
func (s *Service) HandleRejected(kind string, h Handler) { register(&s.rejected, kind, h) }

func register(handlers *map[string]Handler, kind string, h Handler) {
	if *handlers == nil {
		*handlers = map[string]Handler{}
	}
	if _, taken := (*handlers)[kind]; taken || checks[kind] == "" {
		panic("staff: a handler for the unknown or already handled approval " + kind)
	}
	(*handlers)[kind] = h
}

// Request asks for an approval within tx, with CampaignID, City, Kind, Subject, Summary and Maker of a. What is about a
// campaign names its city.
func (s *Service) Request(tx *gorm.DB, a Approval) (id int64, err error) {
	if checks[a.Kind] == "" || a.Maker == "" {
		return 0, errUnknownKind.With(fmt.Errorf("an approval of kind %q by %q", a.Kind, a.Maker))
	}
	if a.CampaignID != 0 && a.City == "" {
		return 0, fmt.Errorf("an approval of kind %q about campaign %d names no city: anybody's approver could decide it", a.Kind, a.CampaignID)
	}
	summary, err := json.Marshal(a.Summary)
	if err != nil {
		return 0, fmt.Errorf("the summary of %s: %w", a.Kind, err)
	}
	a.Summary, a.Status, a.MadeAt = json.RawMessage(summary), Pending, database.At(s.Now())
	if a.ID, err = insertApproval(tx, a); err != nil {
		return 0, err
	}
	return a.ID, s.recordApproval(tx, a.Maker, a)
}

// Decide approves or rejects a pending approval. The checker is another person than the maker, holds the permission and
// serves the city. What the approval asks for happens in the same transaction, or the decision does not stand.
// Rejecting takes a reason. Errors are ErrNoApproval, ErrDecided, ErrOwnRequest, ErrNotChecker, ErrReason and the handler's.
func (s *Service) Decide(ctx context.Context, id int64, checker Account, approve bool, reason string) error {
	to, handlers := Approved, s.approved
	if !approve {
		to, handlers = Rejected, s.rejected
	}
	return s.finish(ctx, id, to, handlers, checker.Username, reason, func(a Approval) error {
		switch {
		case !checker.Sees(a.City):
			return ErrNoApproval
		case checker.Username == a.Maker:
			return ErrOwnRequest
		case !checker.Role.May(checks[a.Kind]):
			return ErrNotChecker
		case !approve && reason == "" || len([]rune(reason)) > 500:
			return ErrReason
		}
		return nil
	})
}

// Withdraw takes a pending approval back; only its maker may.
func (s *Service) Withdraw(ctx context.Context, id int64, maker Account) error {
	return s.finish(ctx, id, Withdrawn, s.rejected, maker.Username, "", func(a Approval) error {
		if a.Maker != maker.Username {
			return ErrNotMaker
		}
		return nil
	})
}

// legal is the one place that says how an approval's status may change.
func legal(from, to string) bool {
	switch to {
	case Approved, Rejected, Withdrawn:
		return from == Pending
	}
	return false
}

func (s *Service) finish(ctx context.Context, id int64, to string, handlers map[string]Handler, by, reason string, check func(Approval) error) error {
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		a, err := readApproval(tx, id)
		if err != nil {
			return err
		}
		if err := check(a); err != nil {
			return err
		}
		if !legal(a.Status, to) {
			return ErrDecided
		}
		from := a.Status
		a.Status, a.Checker, a.DecidedAt, a.Reason = to, by, database.At(s.Now()), reason
		if err := advanceApproval(tx, a, from); err != nil {
			return err
		}
		if handler := handlers[a.Kind]; handler != nil {
			if err := handler(ctx, tx, a); err != nil {
				return err
			}
		} else if to == Approved {
			return errUnknownKind.With(fmt.Errorf("nothing handles an approved %s", a.Kind))
		}
		return s.recordApproval(tx, by, a)
	})
}

func (s *Service) recordApproval(tx *gorm.DB, actor string, a Approval) error {
	return s.record(tx, actor, "approval."+a.Status, fmt.Sprintf("approval:%d", a.ID), map[string]any{
		"kind": a.Kind, "subject": a.Subject, "campaign_id": a.CampaignID, "maker": a.Maker, "summary": a.Summary, "reason": a.Reason})
}

// ApprovalFilter chooses approvals; an empty field does not restrict.
type ApprovalFilter struct {
	CampaignID   int64
	City         string // its approvals and those of no city; "" or AllCities for all
	Kind, Status string
	Subject      string
	Before       int64 // approvals with a smaller ID, for the next page
	Limit        int   // 100 unless given, at most 1,000
}

// List gives the approvals that match, newest first.
func (s *Service) List(ctx context.Context, filter ApprovalFilter) ([]Approval, error) {
	return listApprovals(s.DB.Read(ctx), filter)
}

// Approval gives one approval; the error is ErrNoApproval when there is none.
func (s *Service) Approval(ctx context.Context, id int64) (Approval, error) {
	return readApproval(s.DB.Read(ctx), id)
}
