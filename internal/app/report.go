package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/reporting"
)

func reportCommand() *cobra.Command {
	var slug, out string
	cmd := &cobra.Command{
		Use: "report NAME --campaign ID --out FILE", Short: "Write one report of a campaign to a file",
		Long: "Write one report of a campaign to a file: a workbook, CSV or JSON lines, as the file's name ends. Without a name it lists the catalogue.\n" +
			"Identity stays hidden: names and phones are for reports that the service makes.",
		Example: "  hongbao report ledger --campaign suzhou-2020 --out ledger.xlsx\n  hongbao report spending --campaign suzhou-2020 --out spending.csv\n  hongbao report",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			if len(arguments) == 0 {
				for _, r := range reporting.Catalogue() {
					fmt.Fprintf(cmd.OutOrStdout(), "%-28s %s  %s\n", r.Name, r.ZH, r.EN)
				}
				return nil
			}
			if slug == "" || out == "" {
				return errors.New("--campaign and --out are needed")
			}
			return withDatabase(cmd, func(ctx context.Context, db *database.DB) error {
				return writeReport(ctx, db, arguments[0], slug, out)
			})
		},
	}
	cmd.Flags().StringVar(&slug, "campaign", "", "id of the campaign")
	cmd.Flags().StringVar(&out, "out", "", "file to write, ending in .xlsx, .csv or .jsonl")
	bindFlags(cmd.Flags(), databaseOnly...)
	cmd.AddCommand(verifyReportCommand())
	return cmd
}

func writeReport(ctx context.Context, db *database.DB, name, slug, out string) (err error) {
	campaigns := &campaign.Service{DB: db, Now: time.Now}
	c, err := campaigns.BySlug(ctx, slug)
	if err != nil {
		return err
	}
	file, err := os.Create(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	service := &reporting.Service{DB: db, Campaigns: campaigns, Version: Version(), Now: time.Now}
	_, err = service.Make(ctx, name, c.ID, strings.TrimPrefix(filepath.Ext(out), "."), "—", "command line", file)
	return err
}

func verifyReportCommand() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use: "verify FILE --key VKEY", Short: "Check the signature of a workbook or a case file, and the content against it",
		Long: "Check a signed workbook (.xlsx) or case file (.zip): the signature is the city's, and cells or files are those that were signed. The key is the\n" +
			"city's public log key, as the draw's notice shows it.",
		Example: "  hongbao report verify ledger-20201227-1f3a9c00.xlsx --key 'hongbao.example/suzhou+5d2a1c88+AUb...'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			file, err := os.Open(arguments[0])
			if err != nil {
				return err
			}
			defer file.Close()
			statement, err := verifySigned(file, key)
			if err == nil {
				fmt.Fprint(cmd.OutOrStdout(), statement, "signature and content are good\n")
			}
			return err
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "public key of the city's log")
	_ = cmd.MarkFlagRequired("key")
	return cmd
}

// verifySigned checks a workbook or, by the end of its name, a case file.
func verifySigned(file *os.File, key string) (statement string, err error) {
	if filepath.Ext(file.Name()) != ".zip" {
		return reporting.Verify(file, key)
	}
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	return reporting.VerifyCase(file, info.Size(), key)
}
