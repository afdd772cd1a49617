package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"hongbao/campaign"
	"hongbao/internal/database"
)

func pairsCommand() *cobra.Command {
	parent := &cobra.Command{Use: "pairs", Short: "Let auditors see that every entry is another person, without identities", Example: "  hongbao pairs check --file pairs --bundle var/r/bundle"}
	parent.AddCommand(pairsExportCommand(), pairsCheckCommand())
	return parent
}

func pairsExportCommand() *cobra.Command {
	var slug string
	cmd := &cobra.Command{
		Use: "export", Short: "Write salt and person tag of every entry of a campaign",
		Long:    "Write one line for every entry of a campaign: pool, salt and person tag. No identity is in it, and no key is needed.",
		Example: "  hongbao pairs export --campaign suzhou-2020 > pairs", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withDatabase(cmd, func(ctx context.Context, db *database.DB) error {
				service := &campaign.Service{DB: db}
				found, err := service.BySlug(ctx, slug)
				if err != nil {
					return err
				}
				out := bufio.NewWriter(cmd.OutOrStdout())
				return errors.Join(service.WritePairs(ctx, found.ID, out), out.Flush())
			})
		},
	}
	bindFlags(cmd.Flags(), databaseOnly...)
	cmd.Flags().StringVar(&slug, "campaign", "", "id of the campaign")
	_ = cmd.MarkFlagRequired("campaign")
	return cmd
}

func pairsCheckCommand() *cobra.Command {
	var file, bundle string
	cmd := &cobra.Command{
		Use: "check", Short: "Check pairs against the public list of a draw",
		Long:    "Recompute every entry from the pairs, compare them with the public list one by one, and see that all persons differ.",
		Example: "  hongbao pairs check --file pairs --bundle https://hongbao.city.example/api/v1/draws/suzhou-2020/bundle", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			pairs, err := os.Open(file)
			if err != nil {
				return err
			}
			defer pairs.Close()
			public, err := openBundle(bundle)
			if err != nil {
				return err
			}
			n, err := campaign.CheckPairs(pairs, public)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d pairs give the %d published entries, and all persons differ\n", n, n)
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "file that `hongbao pairs export` wrote")
	cmd.Flags().StringVar(&bundle, "bundle", "", "directory or URL of the draw's bundle")
	_ = cmd.MarkFlagRequired("file")
	_ = cmd.MarkFlagRequired("bundle")
	return cmd
}
