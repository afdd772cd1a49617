package reporting

import (
	"context"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

// Figures are what a campaign comes to, in fen, from settled rows: envelopes where the operators' outcomes stand, the ledger where money
// stands. Credited = Spent + Recalled + InFlight.
type Figures struct {
	Budget   int64
	Awarded  int64 // envelopes that somebody holds or held to the end; forfeited ones count with who got them next
	Credited int64
	Spent    int64 // from the ledger, as InFlight and Returned
	Recalled int64 // taken back from wallets, whether or not it has gone on to its source
	InFlight int64 // in wallets, neither spent nor recalled
	Returned int64 // back at the sources

	SubWallets [][2]string // operator and app of each pair with a settled payment
	PayModes   []string
	Scenarios  []string
}

// CampaignFigures reads the figures of a campaign from one snapshot.
func CampaignFigures(ctx context.Context, db *database.DB, campaignID int64) (f Figures, err error) {
	err = db.Snapshot(ctx, func(tx *gorm.DB) error {
		f = Figures{}
		if err := f.readEnvelopes(tx, campaignID); err != nil {
			return err
		}
		return f.readPayments(tx, campaignID)
	})
	return f, err
}

func (f *Figures) readEnvelopes(tx *gorm.DB, campaignID int64) error {
	if err := tx.Raw("SELECT budget_fen FROM campaigns WHERE id = ?", campaignID).Scan(&f.Budget).Error; err != nil {
		return err
	}
	err := tx.Raw(`SELECT COALESCE(SUM(CASE WHEN status <> 'forfeited' THEN amount_fen ELSE 0 END), 0) AS awarded,
		COALESCE(SUM(credited_fen), 0) AS credited, COALESCE(SUM(recalled_fen), 0) AS recalled FROM envelopes WHERE campaign_id = ?`, campaignID).Scan(f).Error
	if err != nil {
		return err
	}
	return tx.Raw(`SELECT COALESCE(SUM(CASE WHEN kind = 'spent' THEN balance_fen ELSE 0 END), 0) AS spent,
		COALESCE(SUM(CASE WHEN kind = 'issued' THEN balance_fen ELSE 0 END), 0) AS in_flight,
		COALESCE(SUM(CASE WHEN kind = 'returned' THEN balance_fen ELSE 0 END), 0) AS returned FROM ledger_accounts WHERE campaign_id = ?`, campaignID).Scan(f).Error
}

func (f *Figures) readPayments(tx *gorm.DB, campaignID int64) error {
	const settled = " FROM spending_events WHERE campaign_id = ? AND kind = 'payment' AND envelope_fen > 0 "
	var pairs []struct{ Operator, App string }
	if err := tx.Raw("SELECT DISTINCT operator, app"+settled+"AND app <> '' ORDER BY operator, app", campaignID).Scan(&pairs).Error; err != nil {
		return err
	}
	for _, p := range pairs {
		f.SubWallets = append(f.SubWallets, [2]string{p.Operator, p.App})
	}
	if err := tx.Raw("SELECT DISTINCT pay_mode"+settled+"ORDER BY pay_mode", campaignID).Scan(&f.PayModes).Error; err != nil {
		return err
	}
	return tx.Raw("SELECT DISTINCT scenario"+settled+"ORDER BY scenario", campaignID).Scan(&f.Scenarios).Error
}
