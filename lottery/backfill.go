package lottery

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/lottery/draw"
)

var errReason = fault.Field("reason", "reason", "递补原因应为规定的代码。", "The reason must be a token.")

// Promote gives the prize of an entry that gave it up, or did not claim it, to the next of the waitlist in the committed order (spec,
// section Bytes, 8), in the caller's transaction. Reason is a token and is published. Ok is false when the list is used up: the prize
// then goes to nobody. An entry that holds no prize at this moment is a conflict.
// The draw's row is locked first, so promotions of one draw follow one another.
func (s *Service) Promote(_ context.Context, tx *gorm.DB, campaignID int64, old [32]byte, reason string) (registrationID int64, ok bool, err error) {
	if !draw.IsToken(reason) {
		return 0, false, errReason
	}
	position, d, err := nextPromotion(tx, campaignID)
	if err != nil {
		return 0, false, err
	}
	freed, err := awardByEntry(tx, d.ID, old)
	if notExist(err) || err == nil && freed.Status != Held {
		return 0, false, errNotHeld
	}
	if err != nil {
		return 0, false, err
	}
	if err := s.setAward(tx, freed, Released, nil); err != nil {
		return 0, false, err
	}
	next, err := nextWaiting(tx, d.ID, freed.PrizeScope)
	if err != nil {
		return 0, false, err
	}
	row := backfillRow{DrawID: d.ID, Position: position, OldEntry: old, Reason: reason, At: s.now()}
	if next == nil {
		return 0, false, tx.Table("backfills").Create(&row).Error
	}
	row.NewEntry = &next.Entry
	if err := tx.Table("backfills").Create(&row).Error; err != nil {
		return 0, false, err
	}
	return next.RegistrationID, true, s.setAward(tx, *next, Held, map[string]any{
		"tier": freed.Tier, "source": freed.Source, "amount_fen": freed.AmountFen, "prize_scope": freed.PrizeScope})
}

func (s *Service) setAward(tx *gorm.DB, a awardRow, to AwardStatus, set map[string]any) error {
	if !to.follows(a.Status) {
		return errNotHeld
	}
	columns := map[string]any{"changed_at": s.now()}
	for name, value := range set {
		columns[name] = value
	}
	return database.Advance(tx, "awards", a.ID, string(a.Status), string(to), columns)
}

// followUp does what is left once a draw is published: log the promotions made since, verify the bundle whenever all its lines are
// cosigned anew, and at last make the winners' notice. A batch waits for the quorum of the one before.
func (s *Service) followUp(ctx context.Context, d *Draw) (bool, error) {
	lines, cosigned, err := drawLines(s.DB.Read(ctx), d)
	if err != nil || !cosigned {
		return false, err
	}
	if lines > d.VerifiedLines {
		return true, s.verify(ctx, d, lines)
	}
	if d.PromotionsLogged < d.Promotions {
		return true, s.logBackfill(ctx, d)
	}
	if d.NamesAt == 0 {
		return true, s.makeNames(ctx, d)
	}
	return false, nil
}

// logBackfill publishes the promotions made so far as one batch.
func (s *Service) logBackfill(ctx context.Context, d *Draw) error {
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if err := lockPromotions(tx, d); err != nil {
			return err
		}
		file, err := backfillFile(tx, d.ID, d.Promotions)
		if err != nil {
			return err
		}
		return s.appendLine(tx, d, draw.KindBackfill, d.Hash.Sum(file))
	})
}

// backfillFile is the public file of the first n promotions.
func backfillFile(db *gorm.DB, drawID, n int64) ([]byte, error) {
	rows, err := backfillRows(db, drawID, n)
	if err != nil {
		return nil, err
	}
	list := make([]draw.Promotion, len(rows))
	for i, row := range rows {
		if row.Position != int64(i+1) {
			return nil, fmt.Errorf("promotion %d of draw %d is missing", i+1, drawID)
		}
		list[i] = draw.Promotion{Old: draw.Digest(row.OldEntry), Reason: row.Reason, None: row.NewEntry == nil}
		if row.NewEntry != nil {
			list[i].New = draw.Digest(*row.NewEntry)
		}
	}
	return draw.FormatBackfill(list), nil
}
