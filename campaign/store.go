package campaign

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"hongbao/internal/database"
)

// Every statement on this room's tables stands in store.go, store_registration.go and store_list.go.

const campaignColumns = `c.id, c.slug, t.code AS city, c.name_zh, c.name_en, c.rule_hash, c.status, c.notice_at, c.open_at, c.close_at,
	c.claim_from_at, c.claim_until_at, c.spend_from_at, c.spend_until_at, c.budget_fen, c.frozen_at, c.created_at, c.created_by`

func campaignQuery(tx *gorm.DB) *gorm.DB {
	return tx.Table("campaigns AS c").Joins("JOIN cities AS t ON t.id = c.city_id").Select(campaignColumns)
}

func campaignRow(tx *gorm.DB, where string, arg any) (Campaign, error) {
	var c Campaign
	err := campaignQuery(tx).Where(where, arg).Take(&c).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return c, errNoCampaign
	}
	if err != nil {
		return c, fmt.Errorf("reading a campaign: %w", err)
	}
	return c, nil
}

func campaignRows(tx *gorm.DB, city string) (list []Campaign, err error) {
	query := campaignQuery(tx)
	if city != "" && city != "*" {
		query = query.Where("t.code = ?", city)
	}
	if err := query.Order("c.open_at DESC, c.id DESC").Limit(500).Scan(&list).Error; err != nil {
		return nil, fmt.Errorf("listing campaigns: %w", err)
	}
	return list, nil
}

// inStatus are the campaigns of a status.
func (s *Service) inStatus(ctx context.Context, status string) (list []Campaign, err error) {
	err = campaignQuery(s.DB.Read(ctx)).Where("c.status = ?", status).Order("c.id").Scan(&list).Error
	return list, err
}

// dueCampaigns are those in a status whose moment in the column has come.
func dueCampaigns(tx *gorm.DB, status, column string, now time.Time) (list []Campaign, err error) {
	err = campaignQuery(tx).Where("c.status = ? AND c."+column+" <= ?", status, database.At(now)).Order("c.id").Limit(100).Scan(&list).Error
	if err != nil {
		return nil, fmt.Errorf("looking for campaigns that are due: %w", err)
	}
	return list, nil
}

// lockCampaign reads the campaign so that it cannot change before tx ends. Whoever adds to a list holds it shared; what
// closes or freezes the list waits for them, and they see it afterwards.
func lockCampaign(tx *gorm.DB, id int64) (Campaign, error) {
	var c Campaign
	result := tx.Raw("SELECT id, status, open_at, close_at, frozen_at FROM campaigns WHERE id = ?"+database.Shared(tx), id).Scan(&c)
	if result.Error == nil && result.RowsAffected == 0 {
		return c, errNoCampaign
	}
	return c, result.Error
}

func setFrozen(tx *gorm.DB, id int64, now time.Time) error {
	result := tx.Exec("UPDATE campaigns SET frozen_at = ? WHERE id = ? AND status = ? AND frozen_at = 0", database.At(now), id, Closed)
	if result.Error == nil && result.RowsAffected != 1 {
		return errStatus
	}
	return result.Error
}

func storedBook(tx *gorm.DB, id int64) (*RuleBook, error) {
	var text string
	if err := tx.Table("campaigns").Select("rule_book").Where("id = ?", id).Take(&text).Error; err != nil {
		return nil, fmt.Errorf("reading the rule book of campaign %d: %w", id, err)
	}
	return ParseRuleBook([]byte(text))
}

func saveCity(tx *gorm.DB, city City, now time.Time) (id int64, err error) {
	row := map[string]any{"code": city.Code, "name_zh": city.Name.ZH, "name_en": city.Name.EN, "colour": city.Colour,
		"contact": city.Contact, "changed_at": database.At(now)}
	err = tx.Table("cities").Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "code"}},
		DoUpdates: clause.AssignmentColumns([]string{"name_zh", "name_en", "colour", "contact", "changed_at"})}).Create(row).Error
	if err != nil {
		return 0, fmt.Errorf("storing city %s: %w", city.Code, err)
	}
	err = tx.Table("cities").Select("id").Where("code = ?", city.Code).Take(&id).Error
	return id, err
}

// cityName is the name of a city, empty for one that has had no campaign.
func cityName(tx *gorm.DB, code string) (name Text, err error) {
	var row struct{ NameZH, NameEN string }
	err = tx.Raw("SELECT name_zh, name_en FROM cities WHERE code = ?", code).Scan(&row).Error
	return Text{row.NameZH, row.NameEN}, err
}

func insertCampaign(tx *gorm.DB, cityID int64, book *RuleBook, actor string, now time.Time) (id int64, err error) {
	w := book.Windows
	err = tx.Table("campaigns").Create(map[string]any{
		"slug": book.ID, "city_id": cityID, "name_zh": book.Name.ZH, "name_en": book.Name.EN, "rule_book": string(book.YAML()),
		"rule_hash": database.Bytes32(book.Hash()), "status": Draft, "budget_fen": book.Budget(), "created_at": database.At(now), "created_by": actor,
		"notice_at": database.At(w.Notice), "open_at": database.At(w.Open), "close_at": database.At(w.Close),
		"claim_from_at": database.At(w.ClaimFrom), "claim_until_at": database.At(w.ClaimUntil),
		"spend_from_at": database.At(w.SpendFrom), "spend_until_at": database.At(w.SpendUntil),
	}).Error
	if database.IsDuplicate(err) {
		return 0, errSlugTaken
	}
	if err != nil {
		return 0, fmt.Errorf("storing campaign %s: %w", book.ID, err)
	}
	err = tx.Table("campaigns").Select("id").Where("slug = ?", book.ID).Take(&id).Error
	return id, err
}

// addRefusals adds counts of refused submissions to their hours.
func addRefusals(tx *gorm.DB, counts map[refusal]int64) error {
	for key, n := range counts {
		row := map[string]any{"campaign_id": key.campaignID, "reason": key.reason, "hour_at": key.hour, "count": n}
		err := tx.Table("refusals").Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "campaign_id"}, {Name: "reason"}, {Name: "hour_at"}},
			DoUpdates: clause.Assignments(map[string]any{"count": gorm.Expr("refusals.count + ?", n)}),
		}).Create(row).Error
		if err != nil {
			return fmt.Errorf("counting refusals: %w", err)
		}
	}
	return nil
}

// ReasonCount is how many there are of one reason.
type ReasonCount struct {
	Reason string `json:"reason"`
	Count  int64  `json:"count"`
}

// Refused gives how many submissions were not accepted, by reason. What this process counted in the last minute may be
// missing; see FlushRefusals.
func (s *Service) Refused(ctx context.Context, id int64) (counts []ReasonCount, err error) {
	err = s.DB.Read(ctx).Table("refusals").Select("reason, SUM(count) AS count").Where("campaign_id = ?", id).
		Group("reason").Order("reason").Scan(&counts).Error
	return counts, err
}
