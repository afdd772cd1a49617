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
	cmd := &cobra.Command{
		Use: "check", Short: "Recompute every invariant from the stored rows",
		Long: "Recompute every invariant from the stored rows: budgets, ledger, winners, proofs, audit chain. It needs the database alone, no\n" +
			"keys, and changes nothing. The exit status is 0 only if all hold.",
		Example: "  hongbao check --database mysql://auditor@127.0.0.1/hongbao", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withDatabase(cmd, func(ctx context.Context, db *database.DB) error {
				results, err := reporting.Check(ctx, db)
				if err != nil {
					return err
				}
				return printResults(cmd.OutOrStdout(), results)
			})
		},
	}
	bindFlags(cmd.Flags(), databaseOnly...)
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
