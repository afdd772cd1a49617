package campaign

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"hongbao/internal/database"
	"hongbao/internal/money"
)

// merchantRow is a merchant as stored; its lists are joined by commas.
type merchantRow struct {
	ID         int64
	CampaignID int64
	MerchantNo string
	Name       string
	District   string
	Class      string
	Status     string
	PayModes   string
	Scenarios  string
	App        string
	Address    string
	Lat, Lng   float64
	CapFen     money.Fen
	Acquirer   string
}

func (r merchantRow) merchant() Merchant {
	return Merchant{No: r.MerchantNo, Name: r.Name, District: r.District, Class: r.Class, PayModes: strings.Split(r.PayModes, ","),
		Scenarios: strings.Split(r.Scenarios, ","), App: r.App, Address: r.Address, Lat: r.Lat, Lng: r.Lng, Cap: r.CapFen, Acquirer: r.Acquirer}
}

// upsertMerchants adds merchants; one that is listed already gets the new particulars and keeps its status.
func upsertMerchants(tx *gorm.DB, campaignID int64, merchants []Merchant) error {
	rows := make([]merchantRow, 0, len(merchants))
	for _, m := range merchants {
		rows = append(rows, merchantRow{CampaignID: campaignID, MerchantNo: m.No, Name: m.Name, District: m.District, Class: m.Class,
			Status: MerchantActive, PayModes: strings.Join(m.PayModes, ","), Scenarios: strings.Join(m.Scenarios, ","), App: m.App,
			Address: m.Address, Lat: m.Lat, Lng: m.Lng, CapFen: m.Cap, Acquirer: m.Acquirer})
	}
	if len(rows) == 0 {
		return nil
	}
	err := tx.Table("merchants").Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "campaign_id"}, {Name: "merchant_no"}},
		DoUpdates: clause.AssignmentColumns([]string{"name", "district", "class", "pay_modes", "scenarios", "app", "address", "lat", "lng", "cap_fen", "acquirer"}),
	}).CreateInBatches(rows, 500).Error
	if err != nil {
		return fmt.Errorf("storing merchants: %w", err)
	}
	return nil
}

func (s *Service) merchantRow(ctx context.Context, campaignID int64, no string) (row merchantRow, ok bool, err error) {
	err = s.DB.Read(ctx).Table("merchants").Where("campaign_id = ? AND merchant_no = ?", campaignID, no).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return row, false, nil
	}
	return row, err == nil, err
}

// MerchantFilter narrows a list of merchants; an empty field does not.
type MerchantFilter struct {
	PayMode, Scenario, District, App, Status string
	Words                                    string // in the name, the address or the number
	After                                    string // merchant number after which the page begins
	Limit                                    int    // 100 if 0, 1000 at most, or everyMerchant
}

// everyMerchant as a limit gives the whole list, which has some ten thousand lines in the largest campaign so far.
const everyMerchant = -1

// ListedMerchant is a merchant with its status.
type ListedMerchant struct {
	Merchant
	Status string `json:"status"`
}

// Merchants lists a campaign's merchants in order of their numbers.
func (s *Service) Merchants(ctx context.Context, campaignID int64, f MerchantFilter) (list []ListedMerchant, err error) {
	query := s.DB.Read(ctx).Table("merchants").Where("campaign_id = ? AND merchant_no > ?", campaignID, f.After)
	for column, value := range map[string]string{"district": f.District, "app": f.App, "status": f.Status} {
		if value != "" {
			query = query.Where(column+" = ?", value)
		}
	}
	for column, value := range map[string]string{"pay_modes": f.PayMode, "scenarios": f.Scenario} {
		if value != "" {
			query = query.Where(listHolds(query.Name(), column), "%,"+escapeLike(value)+",%")
		}
	}
	if f.Words != "" {
		holds := "%" + escapeLike(f.Words) + "%"
		query = query.Where("(name LIKE ? ESCAPE '!' OR address LIKE ? ESCAPE '!' OR merchant_no LIKE ? ESCAPE '!')", holds, holds, holds)
	}
	limit := min(f.Limit, 1000)
	if limit == 0 {
		limit = 100
	}
	var rows []merchantRow
	if err := query.Order("merchant_no").Limit(limit).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("listing merchants: %w", err)
	}
	for _, row := range rows {
		list = append(list, ListedMerchant{row.merchant(), row.Status})
	}
	return list, nil
}

// Acquirers gives the acquirer of each merchant of a campaign that has one, by the merchant's number.
func (s *Service) Acquirers(ctx context.Context, campaignID int64) (map[string]string, error) {
	var rows []merchantRow
	err := s.DB.Read(ctx).Raw("SELECT merchant_no, acquirer FROM merchants WHERE campaign_id = ? AND acquirer <> ''", campaignID).Scan(&rows).Error
	acquirers := make(map[string]string, len(rows))
	for _, row := range rows {
		acquirers[row.MerchantNo] = row.Acquirer
	}
	return acquirers, err
}

// MerchantNames gives the names of the listed ones among these merchants, by number.
func (s *Service) MerchantNames(ctx context.Context, campaignID int64, numbers []string) (map[string]string, error) {
	var rows []merchantRow
	err := s.DB.Read(ctx).Raw("SELECT merchant_no, name FROM merchants WHERE campaign_id = ? AND merchant_no IN ?", campaignID, append(numbers, "")).Scan(&rows).Error
	names := make(map[string]string, len(rows))
	for _, row := range rows {
		names[row.MerchantNo] = row.Name
	}
	return names, err
}

type shopQuery struct {
	campaignID int64
	filter     MerchantFilter
}

// publicMerchants is Merchants for a crowd that asks the same: what another process changed shows within two seconds.
func (s *Service) publicMerchants(ctx context.Context, campaignID int64, f MerchantFilter) ([]ListedMerchant, error) {
	return s.shops.get(shopQuery{campaignID, f}, s.Now(), func() ([]ListedMerchant, error) { return s.Merchants(ctx, campaignID, f) })
}

// listHolds is the condition that a column of names joined by commas holds one of them.
func listHolds(dialect, column string) string {
	if dialect == database.MySQL {
		return "CONCAT(',', " + column + ", ',') LIKE ? ESCAPE '!'"
	}
	return "',' || " + column + " || ',' LIKE ? ESCAPE '!'"
}

func escapeLike(text string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text)
}

func moveMerchant(tx *gorm.DB, row merchantRow, to string) error {
	return database.Advance(tx, "merchants", row.ID, row.Status, to, nil)
}

// insertEvidence stores a batch and says how many lines of it were new.
func insertEvidence(tx *gorm.DB, batch evidenceBatch) (int64, error) {
	rows := make([][]any, len(batch.proofs))
	for i, p := range batch.proofs {
		rows[i] = []any{batch.campaignID, p.document[:], p.kind, batch.source, int64(database.At(batch.at))}
	}
	return database.InsertNew(tx, "evidence", []string{"campaign_id", "document_index", "kind", "source", "imported_at"}, rows)
}

// evidenceKinds gives the lists on which each document stands.
func evidenceKinds(tx *gorm.DB, campaignID int64, documents []database.Bytes32) (map[database.Bytes32][]string, error) {
	var rows []struct {
		DocumentIndex database.Bytes32
		Kind          string
	}
	err := tx.Raw("SELECT document_index, kind FROM evidence WHERE campaign_id = ? AND document_index IN ?", campaignID, documents).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("reading evidence: %w", err)
	}
	kinds := map[database.Bytes32][]string{}
	for _, row := range rows {
		kinds[row.DocumentIndex] = append(kinds[row.DocumentIndex], row.Kind)
	}
	return kinds, nil
}
