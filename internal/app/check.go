package app

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"hongbao/internal/database"
	"hongbao/reporting"
)

func checkCommand() *cobra.Command {
	var anchors, anchorKeys []string
	cmd := &cobra.Command{
		Use: "check", Short: "Recompute every invariant from the stored rows",
		Long: "Recompute every invariant from the stored rows: budgets, ledger, winners, proofs, audit chain. It needs the database alone, no\n" +
			"keys, and changes nothing. The exit status is 0 only if all hold.\n\n" +
			"Someone who has kept an anchor (/api/v1/audit/anchor) and the key that signs it holds the audit chain against that copy as well.\n" +
			"Both may be given several times: the key is another one after each change of the log key.",
		Example: "  hongbao check --database mysql://auditor@127.0.0.1/hongbao", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withDatabase(cmd, func(ctx context.Context, db *database.DB) error {
				results, err := reporting.Check(ctx, db)
				if err != nil {
					return err
				}
				for _, anchor := range anchors {
					kept := reporting.Result{Name: "audit-anchor-kept", OK: true, Detail: anchor}
					if err := checkKept(ctx, db, anchor, anchorKeys); err != nil {
						kept.OK, kept.Detail = false, err.Error()
					}
					results = append(results, kept)
				}
				return printResults(cmd.OutOrStdout(), results)
			})
		},
	}
	bindFlags(cmd.Flags(), databaseOnly...)
	cmd.Flags().StringArrayVar(&anchors, "anchor", nil, "file with an anchor that was kept outside")
	cmd.Flags().StringArrayVar(&anchorKeys, "anchor-key", nil, "a key that signs anchors, as /api/v1/audit/anchors gave it then")
	cmd.MarkFlagsRequiredTogether("anchor", "anchor-key")
	return cmd
}

func printResults(w io.Writer, results []reporting.Result) error {
	failed := 0
	for _, r := range results {
		mark := "ok  "
		if !r.OK {
			mark = "FAIL"
			failed++
		}
		fmt.Fprintf(w, "%s  %-28s %s\n", mark, r.Name, r.Detail)
	}
	fmt.Fprintf(w, "%d checks, %d failed\n", len(results), failed)
	if failed > 0 {
		return errFailed
	}
	return nil
}
