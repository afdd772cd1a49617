package app

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"hongbao/internal/database"
)

func migrateCommand() *cobra.Command {
	migrate := &cobra.Command{Use: "migrate", Short: "Bring the database's schema up to date, or show it", Example: "  hongbao migrate status"}
	up := &cobra.Command{
		Use: "up", Short: "Apply what is missing, under a lock", Args: cobra.NoArgs,
		Example: "  hongbao migrate up --database mysql://hongbao@127.0.0.1/hongbao",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withDatabase(cmd, func(ctx context.Context, db *database.DB) error {
				applied, err := database.Migrate(ctx, db)
				if err == nil {
					fmt.Fprintf(cmd.OutOrStdout(), "%d migration(s) applied\n", applied)
				}
				return err
			})
		},
	}
	status := &cobra.Command{
		Use: "status", Short: "List the migrations and when they were applied", Args: cobra.NoArgs,
		Example: "  hongbao migrate status --database sqlite:var/hongbao.db",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withDatabase(cmd, func(ctx context.Context, db *database.DB) error { return printStatus(ctx, cmd, db) })
		},
	}
	bindFlags(up.Flags(), databaseOnly...)
	bindFlags(status.Flags(), databaseOnly...)
	migrate.AddCommand(up, status)
	return migrate
}

func printStatus(ctx context.Context, cmd *cobra.Command, db *database.DB) error {
	list, err := database.Status(ctx, db)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, m := range list {
		when := "not applied"
		switch {
		case m.Applied == m.Steps:
			when = m.AppliedAt.In(shanghai).Format("2006-01-02 15:04:05 MST")
		case m.Applied > 0:
			when = fmt.Sprintf("%d of %d steps", m.Applied, m.Steps)
		}
		fmt.Fprintf(table, "%04d\t%s\t%s\n", m.Version, m.Name, when)
	}
	return table.Flush()
}
