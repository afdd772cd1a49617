package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"gorm.io/gorm"

	"hongbao/internal/audit"
	"hongbao/internal/database"
	"hongbao/internal/identity"
	"hongbao/internal/staff"
)

func keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "keys", Short: "Print a fresh set of keys, as environment variables",
		Long: "Print a fresh set of keys as environment variables. Keep each in a file of its own that only the service can read, and name the\n" +
			"files by HONGBAO_..._FILE. Nothing is stored here.",
		Example: "  hongbao keys > keys.env", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, s := range settings {
				if !s.Secret || s.Passing {
					continue
				}
				value, err := newKey(s.Name)
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s=%s\n", s.Variable(), value)
			}
			return nil
		},
	}
	cmd.AddCommand(rotateCommand())
	return cmd
}

func rotateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "rotate", Short: "Wrap every campaign's key anew under another master key, while the service runs",
		Long: "Wrap every campaign's key, and the secrets of the staff's one-time codes, anew under HONGBAO_MASTER_KEY, which are still under\n" +
			"HONGBAO_PREVIOUS_MASTER_KEY. First start every replica with both, then run this, then start them with the new key alone and destroy\n" +
			"the old one. It may be run again at any time.",
		Example: "  HONGBAO_MASTER_KEY_FILE=new.key HONGBAO_PREVIOUS_MASTER_KEY_FILE=old.key hongbao keys rotate --database mysql://...",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := load(cmd, append([]string{"master-key", "previous-master-key"}, databaseOnly...)...)
			if err != nil {
				return err
			}
			if config.Keys.Previous == nil {
				return errors.New("HONGBAO_PREVIOUS_MASTER_KEY or HONGBAO_PREVIOUS_MASTER_KEY_FILE is required: the key to rotate away from")
			}
			if bytes.Equal(config.Keys.Master, config.Keys.Previous) {
				return errors.New("the master key and the previous one are the same: make a new one with hongbao keys")
			}
			db, err := database.Open(cmd.Context(), config.Database)
			if err != nil {
				return err
			}
			defer db.Close()
			done, err := rotate(cmd.Context(), db, config.Keys)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d campaign key(s) wrapped anew, %d were already, %d destroyed; %d one-time code secret(s) sealed anew\n"+
				"nothing is left under the previous key\n", done.Rewrapped, done.Current, done.Destroyed, done.Accounts)
			return nil
		},
	}
	bindFlags(cmd.Flags(), databaseOnly...)
	return cmd
}

// rotation is what a rotation of the master key did.
type rotation struct {
	identity.Rotation
	Accounts int `json:"accounts"` // one-time code secrets sealed anew
}

// rotate moves everything that hangs on the master key from the previous one to the present, and puts it on the record.
func rotate(ctx context.Context, db *database.DB, keys Keys) (done rotation, err error) {
	if done.Rotation, err = keys.ring(db).Rotate(ctx); err != nil {
		return done, err
	}
	people := &staff.Service{DB: db, Now: time.Now, Random: rand.Reader}
	if people.Vault, people.Previous, err = keys.StaffVaults(); err != nil {
		return done, err
	}
	if done.Accounts, err = people.RotateSecrets(ctx); err != nil {
		return done, err
	}
	return done, db.InTx(ctx, func(tx *gorm.DB) error {
		return audit.Record(tx, audit.Entry{At: time.Now(), Actor: "system:keys-rotate", Action: "keys.rotate", Subject: "master key", Detail: done})
	})
}
