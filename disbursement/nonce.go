package disbursement

import (
	"context"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/signing"
)

// Nonces is the memory of the nonces of operators' messages, shared by all replicas; it implements signing.Nonces.
type Nonces struct {
	DB  *database.DB
	Now func() time.Time
}

// Remember keeps a nonce until its message is too old to be believed anyway, and says whether it was new.
func (n *Nonces) Remember(ctx context.Context, party, nonce string, at time.Time) (fresh bool, err error) {
	err = n.DB.InTx(ctx, func(tx *gorm.DB) error {
		if err := forgetNonces(tx, database.At(n.Now())); err != nil {
			return err
		}
		fresh, err = keepNonce(tx, party, nonce, database.At(at.Add(signing.Retention)))
		return err
	})
	return fresh, err
}
