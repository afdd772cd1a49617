package app

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hongbao/internal/database"
	"hongbao/internal/staff"
)

func userCommand() *cobra.Command {
	var account staff.NewAccount
	var role, passwordFile string
	add := &cobra.Command{
		Use: "add USERNAME", Short: "Add a member of staff", Args: cobra.ExactArgs(1),
		Long: "Add a member of staff. The password is read from the file given, or made and printed once; so is the secret of the one-time\n" +
			"codes, as an otpauth address for an authenticator.\n\nRoles: city-admin, operations, approver, auditor, regulator, branch, system-admin, security-admin.",
		Example: "  hongbao user add li.na --name 李娜 --role approver --city suzhou",
		RunE: func(cmd *cobra.Command, arguments []string) error {
			account.Username, account.Role = arguments[0], staff.Role(role)
			return addUser(cmd, account, passwordFile)
		},
	}
	add.Flags().StringVar(&account.Name, "name", "", "the person's name")
	add.Flags().StringVar(&account.City, "city", staff.AllCities, "code of the one city that the account serves")
	add.Flags().StringVar(&role, "role", "", "what the account may do")
	add.Flags().StringVar(&passwordFile, "password-file", "", "file with the password (default: make one and print it)")
	_ = add.MarkFlagRequired("role")
	_ = add.MarkFlagRequired("name")
	bindFlags(add.Flags(), databaseOnly...)
	user := &cobra.Command{Use: "user", Short: "Manage staff accounts", Example: "  hongbao user add li.na --name 李娜 --role approver"}
	user.AddCommand(add)
	return user
}

func addUser(cmd *cobra.Command, account staff.NewAccount, passwordFile string) error {
	config, err := load(cmd, append([]string{"master-key"}, databaseOnly...)...)
	if err != nil {
		return err
	}
	db, err := openMigrated(cmd.Context(), config.Database)
	if err != nil {
		return err
	}
	defer db.Close()
	vault, _, err := config.Keys.StaffVaults()
	if err != nil {
		return err
	}
	service := &staff.Service{DB: db, Vault: vault, Now: time.Now, Random: rand.Reader}
	if account.Password, err = password(passwordFile); err != nil {
		return err
	}
	address, err := addAccount(cmd.Context(), service, &account)
	if err != nil {
		return err
	}
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "added %s, %s\n", account.Username, account.Role)
	if passwordFile == "" {
		fmt.Fprintf(w, "password (shown once): %s\n", account.Password)
	}
	fmt.Fprintf(w, "one-time codes: %s\n", address)
	return nil
}

// addAccount makes an account with one-time codes and gives the address from which an authenticator takes their secret.
func addAccount(ctx context.Context, service *staff.Service, account *staff.NewAccount) (address string, err error) {
	if account.TOTPSecret, address, err = service.NewSecret(account.Username); err != nil {
		return "", err
	}
	_, err = service.AddAccount(ctx, "command", *account)
	return address, err
}

func password(path string) (string, error) {
	if path != "" {
		b, err := os.ReadFile(path)
		return strings.TrimSpace(string(b)), err
	}
	return newPassword(), nil
}

// newPassword has 100 random bits.
func newPassword() string {
	b := make([]byte, 13)
	_, _ = io.ReadFull(rand.Reader, b) // never fails
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))[:20]
}

// openMigrated opens a database and brings its schema up to date. One that is a generation ahead it leaves as it is: so a replica
// that ends while newer ones take over can come back.
func openMigrated(ctx context.Context, url string) (*database.DB, error) {
	db, err := database.Open(ctx, url)
	if err != nil {
		return nil, err
	}
	_, err = database.Migrate(ctx, db)
	if errors.Is(err, database.ErrAhead) {
		slog.Warn("working beside a newer program", "schema", err)
		return db, nil
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}
