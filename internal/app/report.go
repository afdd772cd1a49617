package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/reporting"
)

func reportCommand() *cobra.Command {
	var slug, out, format string
	cmd := &cobra.Command{
		Use: "report NAME --campaign ID --out FILE", Short: "Write one report of a campaign to a file",
		Long:    "Write one report of a campaign to a file, as workbook, CSV or JSON lines. Without a name it lists the catalogue.",
		Example: "  hongbao report ledger --campaign suzhou-2020 --out ledger.xlsx\n  hongbao report",
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
				return writeReport(ctx, db, arguments[0], slug, format, out)
			})
		},
	}
	cmd.Flags().StringVar(&slug, "campaign", "", "id of the campaign")
	cmd.Flags().StringVar(&out, "out", "", "file to write")
	cmd.Flags().StringVar(&format, "format", reporting.XLSX, "xlsx, csv or jsonl")
	bindFlags(cmd.Flags(), databaseOnly...)
	return cmd
}

func writeReport(ctx context.Context, db *database.DB, name, slug, format, out string) (err error) {
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
	_, err = service.Make(ctx, name, c.ID, format, "command line", "command line", file)
	return err
}
