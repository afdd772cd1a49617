package lottery

import (
	"context"
	"strings"
	"unicode/utf8"

	"gorm.io/gorm"

	"hongbao/internal/fault"
	"hongbao/internal/staff"
	"hongbao/lottery/draw"
)

var errVoidReason = fault.Field("reason", "reason", "请写明作废原因（十字以上，一千字以内），该原因将公开。", "Give the reason, ten to a thousand characters; it will be public.")

// RequestVoid asks a second person to void a draw between its notice and its publication. The reason becomes a public file.
func (s *Service) RequestVoid(ctx context.Context, actor, slug, reason string) (approval int64, err error) {
	reason = strings.TrimSpace(strings.ReplaceAll(reason, "\r\n", "\n"))
	if n := utf8.RuneCountInString(reason); n < 10 || n > 1000 || !utf8.ValidString(reason) {
		return 0, errVoidReason
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		d, err := drawBySlug(tx, slug)
		if err != nil {
			return err
		}
		if !Voided.follows(d.Status) {
			return errStatus
		}
		approval, err = s.Staff.Request(tx, staff.Approval{CampaignID: d.CampaignID, City: d.City, Kind: approvalVoid, Subject: slug, Maker: actor,
			Summary: map[string]any{"reason": reason, "status": d.Status}})
		return err
	})
	return approval, err
}

// void is what the approval does: the reason is logged, and the draw ends. Nothing is deleted.
func (s *Service) void(_ context.Context, tx *gorm.DB, a staff.Approval) error {
	d, err := lockDraw(tx, a.Subject)
	if err != nil {
		return err
	}
	var asked struct {
		Reason string `json:"reason"`
	}
	if err := summaryOf(a, &asked); err != nil {
		return err
	}
	if err := s.advance(tx, d, Voided, a.Checker, nil); err != nil {
		return err
	}
	return s.publishFile(tx, d, draw.KindVoid, []byte(asked.Reason+"\n"))
}
