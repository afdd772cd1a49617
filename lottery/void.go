package lottery

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/staff"
	"hongbao/lottery/draw"
)

var errVoidReason = fault.Field("reason", "reason", "请写明作废原因（十字以上，一千字以内），该原因将公开。", "Give the reason, ten to a thousand characters; it will be public.")

// outage is how long a draw waits for a beacon round that does not come (spec, section Who does what).
const outage = 72 * time.Hour

var errMayKnow = fault.New(fault.Conflict, "void-too-late", "随机数已经产生，七十二小时内不能作废，请带入信标值。",
	"The randomness exists already: for 72 hours the draw cannot be voided; carry the beacon's value in.")

// voidable refuses to void a draw whose result anybody may know already: once the round is out only its outage is a reason, and only
// after the time that the notice gives. A draw that missed its quorum before the round has no result, and may be voided at any time.
func (s *Service) voidable(tx *gorm.DB, d *Draw) error {
	if !Voided.follows(d.Status) {
		return errStatus
	}
	if d.Status != Revealed || s.now() < d.RoundAt || s.now() >= database.At(d.RoundAt.Time().Add(outage)) {
		return nil
	}
	at, err := cosignedTime(tx, d, draw.KindReveals)
	if err == nil && at != 0 && at < d.RoundAt {
		err = errMayKnow
	}
	return err
}

// RequestVoid asks a second person to void a draw between its notice and its seed. The reason becomes a public file.
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
		if err := s.voidable(tx, d); err != nil {
			return err
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
	if err := s.voidable(tx, d); err != nil {
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
