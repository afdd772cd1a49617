package reporting

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/money"
)

// CityRow is what was spent of one district, class, scenario, operator or hour. Amounts are net of refunds, in fen.
type CityRow struct {
	Code        string    `json:"code"`
	Payments    int64     `json:"payments"`
	EnvelopeFen money.Fen `json:"envelope_fen"`
	OwnFen      money.Fen `json:"own_fen"` // of wallets and cards, on top
}

// CityCut is all spending cut by one thing: its rows add up to the whole.
type CityCut struct {
	By   string    `json:"by"` // district, class, scenario, operator or hour (of the day in Asia/Shanghai)
	Rows []CityRow `json:"rows"`
}

// CityFigures are what a city tells about a campaign. SpentFen is the ledger's; AddsUp says that every cut comes to it.
type CityFigures struct {
	Awarded     int64     `json:"awarded"` // envelopes that somebody holds or has held to the end
	Claimed     int64     `json:"claimed"`
	AwardedFen  money.Fen `json:"awarded_fen"`
	CreditedFen money.Fen `json:"credited_fen"`
	SpentFen    money.Fen `json:"spent_fen"`
	OnlineFen   money.Fen `json:"online_fen"` // of SpentFen, in scenarios that the rule book calls online
	OfflineFen  money.Fen `json:"offline_fen"`
	OwnFen      money.Fen `json:"own_fen"` // spent on top; over SpentFen it is the leverage
	Payments    int64     `json:"payments"`
	Cuts        []CityCut `json:"cuts"`
	AddsUp      bool      `json:"adds_up"`
}

// cityCuts are the things by which spending is cut, with their expression over an event e and its merchant m.
var cityCuts = []struct{ by, expression string }{
	{"district", "COALESCE(m.district, '')"}, {"class", "COALESCE(m.class, '')"}, {"scenario", "e.scenario"}, {"operator", "e.operator"},
	{"hour", "FLOOR(((e.occurred_at + 28800000) % 86400000) / 3600000)"},
}

const (
	netEnvelope = "SUM(CASE WHEN e.kind = 'refund' THEN -e.envelope_fen ELSE e.envelope_fen END)"
	netOwn      = "SUM(CASE WHEN e.kind = 'refund' THEN -(e.wallet_fen + e.card_fen) ELSE e.wallet_fen + e.card_fen END)"
)

// CityFigures counts a campaign's spending from one snapshot and holds every cut against the ledger.
func (s *Service) CityFigures(ctx context.Context, campaignID int64) (CityFigures, error) {
	book, err := s.Campaigns.RuleBook(ctx, campaignID)
	if err != nil {
		return CityFigures{}, err
	}
	var f CityFigures
	err = s.DB.Snapshot(ctx, func(tx *gorm.DB) error {
		f = CityFigures{}
		return f.read(tx, campaignID, book)
	})
	return f, err
}

func (f *CityFigures) read(tx *gorm.DB, campaignID int64, book *campaign.RuleBook) error {
	arguments := map[string]any{"campaign": campaignID}
	var held struct {
		Awarded, Claimed int64
		AwardedFen       money.Fen
	}
	err := tx.Raw(`SELECT COUNT(*) AS awarded, COALESCE(SUM(CASE WHEN claimed_at > 0 THEN 1 ELSE 0 END), 0) AS claimed, COALESCE(SUM(amount_fen), 0) AS awarded_fen
		FROM envelopes WHERE campaign_id = @campaign AND status <> 'forfeited'`, arguments).Scan(&held).Error
	if err != nil {
		return fmt.Errorf("counting envelopes: %w", err)
	}
	f.Awarded, f.Claimed, f.AwardedFen = held.Awarded, held.Claimed, held.AwardedFen
	for query, into := range map[string]*money.Fen{postedCredited: &f.CreditedFen, postedSpent: &f.SpentFen} {
		if err := tx.Raw(query, arguments).Scan(into).Error; err != nil {
			return fmt.Errorf("reading the ledger: %w", err)
		}
	}
	f.AddsUp = true
	for _, cut := range cityCuts {
		rows := []CityRow{}
		err := tx.Raw("SELECT "+cut.expression+" AS code, "+sumOf("payment", "1")+" AS payments, "+netEnvelope+" AS envelope_fen, "+netOwn+" AS own_fen"+merchantOf+
			"GROUP BY 1 ORDER BY 1", arguments).Scan(&rows).Error
		if err != nil {
			return fmt.Errorf("cutting spending by %s: %w", cut.by, err)
		}
		f.add(cut.by, rows, book)
	}
	return nil
}

// add takes a cut in, and holds what it comes to against the ledger. The scenarios say what was online.
func (f *CityFigures) add(by string, rows []CityRow, book *campaign.RuleBook) {
	var total CityRow
	for _, row := range rows {
		total.Payments, total.EnvelopeFen, total.OwnFen = total.Payments+row.Payments, total.EnvelopeFen+row.EnvelopeFen, total.OwnFen+row.OwnFen
		if by != "scenario" {
			continue
		}
		if scenario, _ := book.Scenario(row.Code); scenario.Online {
			f.OnlineFen += row.EnvelopeFen
		} else {
			f.OfflineFen += row.EnvelopeFen
		}
	}
	f.AddsUp = f.AddsUp && total.EnvelopeFen == f.SpentFen
	f.Payments, f.OwnFen = total.Payments, total.OwnFen
	f.Cuts = append(f.Cuts, CityCut{by, rows})
}
