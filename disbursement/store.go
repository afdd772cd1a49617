package disbursement

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

// within is the condition that a row is one of these: a range where each id follows the one before, which costs the engine
// half of what a list costs.
func within(ids []int64) (condition string, values []any) {
	for i, id := range ids {
		if id != ids[0]+int64(i) {
			return "id IN ?", []any{ids}
		}
	}
	if len(ids) == 0 {
		return "id IN ?", []any{ids}
	}
	return "id BETWEEN ? AND ?", []any{ids[0], ids[len(ids)-1]}
}

// onePage keeps the rows whose columns have these values, where an empty one does not choose, and of those one page: the first
// is page 1, or none asked for, and has 100 rows unless a size is.
func onePage(query *gorm.DB, values map[string]string, page, size int) *gorm.DB {
	for _, column := range slices.Sorted(maps.Keys(values)) {
		if values[column] != "" {
			query = query.Where(column+" = ?", values[column])
		}
	}
	size = cmp.Or(size, 100)
	return query.Limit(size).Offset(max(page-1, 0) * size)
}

// advance moves a row to a status that may follow the one it has, and notes when.
func advance[S interface {
	~string
	May(to S) bool
}](tx *gorm.DB, table string, id int64, from, to S, now database.Millis, set map[string]any) error {
	if !from.May(to) {
		return database.ErrAdvanced.With(fmt.Errorf("%s %d goes not from %s to %s", table, id, from, to))
	}
	columns := map[string]any{"changed_at": now}
	maps.Copy(columns, set)
	return database.Advance(tx, table, id, string(from), string(to), columns)
}

// exactly checks that a guarded update of several rows has met them all.
func exactly(result *gorm.DB, n int, what string) error {
	if result.Error != nil {
		return fmt.Errorf("%s: %w", what, result.Error)
	}
	if result.RowsAffected != int64(n) {
		return database.ErrAdvanced.With(fmt.Errorf("%s: %d of %d rows", what, result.RowsAffected, n))
	}
	return nil
}

func lastAward(tx *gorm.DB, campaignID int64) (id int64, err error) {
	err = tx.Raw("SELECT COALESCE(MAX(award_id), 0) FROM envelopes WHERE campaign_id = ?", campaignID).Scan(&id).Error
	return id, err
}

// insertEnvelopes skips registrations that have one and says how many rows are new.
func insertEnvelopes(tx *gorm.DB, envelopes []Envelope) (int64, error) {
	rows := make([][]any, len(envelopes))
	for i, e := range envelopes {
		rows[i] = []any{e.CampaignID, e.RegistrationID, e.AwardID, e.Entry, e.Tier, e.Source, int64(e.AmountFen), e.Operator, e.CouponID, "",
			string(Awarded), int64(e.ClaimUntilAt), int64(e.ExpiresAt), int64(e.AwardedAt), int64(e.AwardedAt)}
	}
	return database.InsertNew(tx, "envelopes", []string{"campaign_id", "registration_id", "award_id", "entry", "tier", "source", "amount_fen",
		"operator", "coupon_id", "wallet_token", "status", "claim_until_at", "expires_at", "awarded_at", "changed_at"}, rows)
}

func envelopeOf(tx *gorm.DB, registrationID int64) (Envelope, error) {
	return oneEnvelope(tx.Raw("SELECT * FROM envelopes WHERE registration_id = ?", registrationID))
}

func envelopeByCoupon(tx *gorm.DB, coupon string) (Envelope, error) {
	return oneEnvelope(tx.Raw("SELECT * FROM envelopes WHERE coupon_id = ?", coupon))
}

func oneEnvelope(query *gorm.DB) (Envelope, error) {
	var found []Envelope
	if err := query.Scan(&found).Error; err != nil {
		return Envelope{}, fmt.Errorf("finding an envelope: %w", err)
	}
	if len(found) == 0 {
		return Envelope{}, ErrNoEnvelope
	}
	return found[0], nil
}

// dueCampaigns lists the campaigns of which the first envelope's deadline, claim_until_at or expires_at, has come.
func dueCampaigns(tx *gorm.DB, deadline string, now database.Millis) (ids []int64, err error) {
	err = tx.Raw("SELECT campaign_id FROM envelopes GROUP BY campaign_id HAVING MIN("+deadline+") <= ? ORDER BY campaign_id", now).Scan(&ids).Error
	return ids, err
}

func overdueEnvelopes(tx *gorm.DB, campaignID int64, now database.Millis, limit int) (found []Envelope, err error) {
	err = tx.Raw(`SELECT * FROM envelopes WHERE campaign_id = ? AND (status = ? OR status = ? AND wallet_token = '') AND claim_until_at <= ? ORDER BY id LIMIT ?`,
		campaignID, Awarded, Claimed, now, limit).Scan(&found).Error
	return found, err
}
