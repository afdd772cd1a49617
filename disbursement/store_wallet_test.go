package disbursement

import (
	"context"
	"testing"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/testkit"
)

// One person who has won in two campaigns pushes the same sub-wallet for both: each registration has its row, and pushing
// again changes nothing.
func TestOneSubWalletOfTwoRegistrations(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		ids := map[int64]int64{}
		for _, registration := range []int64{1, 2, 1} {
			row := SubWalletRow{CampaignID: registration, RegistrationID: registration, Operator: "icbc", App: "jd", Token: "T", PerPaymentFen: 1, PerDayFen: 2, Status: SubWalletActive}
			err := db.InTx(context.Background(), func(tx *gorm.DB) (err error) {
				row, err = upsertSubWallet(tx, row)
				return err
			})
			if err != nil || row.RegistrationID != registration || ids[registration] != 0 && ids[registration] != row.ID {
				t.Fatalf("registration %d: %+v, %v", registration, row, err)
			}
			ids[registration] = row.ID
		}
		if len(ids) != 2 || ids[1] == ids[2] {
			t.Errorf("rows %v", ids)
		}
	})
}
