package lottery

import (
	"database/sql"
	"errors"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

type (
	awardRow struct {
		ID             int64
		DrawID         int64
		Kind           string // tier, spill or wait: the line of the result that the entry stands in
		Line           int    // which award line of the result, from 0
		Tier           string // of the prize held; empty while waiting
		Scope          string // of the award line
		Place          int    // in the award line, from 1
		Entry          database.Bytes32
		Score          database.Bytes32
		RegistrationID int64
		AmountFen      int64
		Source         string
		PrizeScope     string // scope of the award line that the prize came from: whose waitlist follows
		Status         AwardStatus
		ChangedAt      database.Millis
	}
	backfillRow struct {
		ID       int64
		DrawID   int64
		Position int64 // 1-based line of the backfill file
		OldEntry database.Bytes32
		Reason   string
		NewEntry *database.Bytes32 // NULL when the list was used up
		At       database.Millis
	}
)

var awardColumns = []string{"draw_id", "kind", "line", "tier", "scope", "place", "entry", "score", "registration_id", "amount_fen", "source",
	"prize_scope", "status", "changed_at"}

func insertAwards(tx *gorm.DB, rows []awardRow) error {
	values := make([][]any, len(rows))
	for i, r := range rows {
		values[i] = []any{r.DrawID, r.Kind, r.Line, r.Tier, r.Scope, r.Place, r.Entry, r.Score, r.RegistrationID, r.AmountFen, r.Source,
			r.PrizeScope, string(r.Status), int64(r.ChangedAt)}
	}
	return database.InsertMany(tx, "awards", awardColumns, values)
}

func heldAwards(db *gorm.DB, drawID, after int64, limit int) ([]Winner, error) {
	var rows []awardRow
	err := db.Table("awards").Where("draw_id = ? AND id > ? AND status = ?", drawID, after, Held).Order("id").Limit(limit).Find(&rows).Error
	winners := make([]Winner, len(rows))
	for i, r := range rows {
		winners[i] = Winner{ID: r.ID, RegistrationID: r.RegistrationID, Entry: r.Entry, Tier: r.Tier, Source: r.Source, AmountFen: r.AmountFen}
	}
	return winners, err
}

// awarded are those of the registrations whose award in a campaign's draw has one of the statuses.
func awarded(db *gorm.DB, campaignID int64, registrationIDs []int64, statuses []AwardStatus) (ids []int64, err error) {
	err = db.Raw(`SELECT a.registration_id FROM awards a JOIN draws d ON d.id = a.draw_id
		WHERE d.campaign_id = ? AND a.registration_id IN ? AND a.status IN ?`, campaignID, registrationIDs, statuses).Scan(&ids).Error
	return ids, err
}

func awardByEntry(db *gorm.DB, drawID int64, entry [32]byte) (awardRow, error) {
	var row awardRow
	return row, db.Table("awards").Where("draw_id = ? AND entry = ?", drawID, database.Bytes32(entry)).Take(&row).Error
}

// nextWaiting is the next unused of the scope's waitlist, then of the waitlist of all; nil when both are used up.
func nextWaiting(tx *gorm.DB, drawID int64, scope string) (*awardRow, error) {
	for _, s := range []string{scope, "*"} {
		var row awardRow
		err := tx.Table("awards").Where("draw_id = ? AND status = ? AND scope = ?", drawID, Waiting, s).Order("line, place").Take(&row).Error
		if err == nil {
			return &row, nil
		}
		if !notExist(err) {
			return nil, err
		}
	}
	return nil, nil
}

// nextPromotion counts one more promotion of a published draw, which locks its row, and gives its line in the backfill file.
func nextPromotion(tx *gorm.DB, campaignID int64) (int64, *Draw, error) {
	counted := tx.Exec("UPDATE draws SET promotions = promotions + 1 WHERE campaign_id = ? AND status = ?", campaignID, Published)
	if counted.Error != nil {
		return 0, nil, counted.Error
	}
	if counted.RowsAffected != 1 {
		return 0, nil, errStatus
	}
	d, err := drawByCampaign(tx, campaignID)
	if err != nil {
		return 0, nil, err
	}
	return d.Promotions, d, nil
}

// lockPromotions marks all promotions as logged, and reads how many they are. Nothing to log is a conflict: somebody else was first.
func lockPromotions(tx *gorm.DB, d *Draw) error {
	marked := tx.Exec("UPDATE draws SET promotions_logged = promotions WHERE id = ? AND promotions_logged = ? AND promotions > promotions_logged",
		d.ID, d.PromotionsLogged)
	if marked.Error != nil {
		return marked.Error
	}
	if marked.RowsAffected != 1 {
		return database.ErrAdvanced
	}
	fresh, err := drawByID(tx, d.ID)
	if err != nil {
		return err
	}
	*d = *fresh
	return nil
}

func backfillRows(db *gorm.DB, drawID, n int64) (rows []backfillRow, err error) {
	err = db.Table("backfills").Where("draw_id = ? AND position <= ?", drawID, n).Order("position").Find(&rows).Error
	return rows, err
}

// awardCounts counts prizes and waiting places as drawn, before any promotion.
func awardCounts(db *gorm.DB, drawID int64) (prizes, waiting int64, err error) {
	var rows []struct {
		Kind string
		N    int64
	}
	err = db.Raw("SELECT kind, COUNT(*) AS n FROM awards WHERE draw_id = ? GROUP BY kind", drawID).Scan(&rows).Error
	for _, r := range rows {
		if r.Kind == "wait" {
			waiting += r.N
		} else {
			prizes += r.N
		}
	}
	return prizes, waiting, err
}

func isNoRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }
