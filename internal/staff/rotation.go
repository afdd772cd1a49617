package staff

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

// RotateSecrets seals the secrets of the one-time codes anew under Vault that are still sealed under Previous, one account a
// transaction, and says how many. People sign in meanwhile.
func (s *Service) RotateSecrets(ctx context.Context) (n int, err error) {
	accounts, err := listAccounts(s.DB.Read(ctx))
	if err != nil {
		return 0, err
	}
	for _, account := range accounts {
		var changed bool
		err := s.DB.InTx(ctx, func(tx *gorm.DB) (err error) {
			changed, err = s.reseal(tx, account.Username)
			return err
		})
		if err != nil {
			return n, err
		}
		if changed {
			n++
		}
	}
	return n, nil
}

func (s *Service) reseal(tx *gorm.DB, username string) (changed bool, err error) {
	account, err := readSecrets(tx, username)
	if err != nil || len(account.TOTPSecret) == 0 {
		return false, err
	}
	plain, current, err := s.openSecret(account)
	if err != nil || current {
		return false, err
	}
	result := tx.Exec("UPDATE accounts SET totp_secret = ? WHERE id = ? AND totp_secret = ?",
		s.Vault.Seal(plain, secretBinding(username)), account.ID, account.TOTPSecret)
	if result.Error == nil && result.RowsAffected != 1 {
		return false, database.ErrAdvanced.With(fmt.Errorf("the account %s was changed meanwhile", username))
	}
	return true, wrap("sealing a one-time code secret anew", result.Error)
}

// openSecret opens the secret of an account's one-time codes; current says that it is sealed under Vault.
func (s *Service) openSecret(account secrets) (plain []byte, current bool, err error) {
	plain, err = s.Vault.Open(account.TOTPSecret, secretBinding(account.Username))
	if err == nil {
		return plain, true, nil
	}
	if s.Previous != nil {
		if plain, err := s.Previous.Open(account.TOTPSecret, secretBinding(account.Username)); err == nil {
			return plain, false, nil
		}
	}
	return nil, false, fmt.Errorf("opening the one-time code secret of %s: %w", account.Username, err)
}
