package disbursement

import (
	"context"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/money"
)

// reservedFor is how long admitted money counts against a merchant's cap before the payment is heard of. A payment takes
// seconds; one that was admitted and never made frees the cap again after this.
const reservedFor = 10 * time.Minute

var errMerchantCap = fault.New(fault.Forbidden, "merchant-cap", "商户可收的红包已达上限，请用自有资金支付或换一家。", "The merchant may take no more envelope money; pay with your own or go elsewhere.")

// reserve keeps what a purchase may take of the envelope against the merchant's cap, and refuses what would exceed it. What
// counts is net of refunds. Admissions at one merchant stand in line for its row, so that the sum is right to the fen
// however many ask at once.
func (s *Service) reserve(ctx context.Context, e Envelope, merchantNo string, amount, limit money.Fen) error {
	amount = min(amount, e.Balance())
	if limit == 0 || amount <= 0 {
		return nil
	}
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if err := lineUp(tx, e.CampaignID, merchantNo); err != nil {
			return err
		}
		taken, err := takenBy(tx, e.CampaignID, merchantNo, s.now())
		if err != nil {
			return err
		}
		if taken > limit-amount {
			return errMerchantCap
		}
		return insertReservation(tx, e, merchantNo, amount, s.now(), database.At(s.Now().Add(reservedFor)))
	})
}
