package app

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"hongbao/internal/database"
)

func migrateCommand() *cobra.Command {
	migrate := &cobra.Command{Use: "migrate", Short: "Bring the database's schema up to date, or show it and the rights on it", Example: "  hongbao migrate status"}
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
	grants := &cobra.Command{
		Use: "grants ACCOUNT", Short: "Print the rights on each table that the service's account needs, and no more", Args: cobra.ExactArgs(1),
		Example: "  hongbao migrate grants hongbao --database mysql://admin@127.0.0.1/hongbao | mariadb -u admin",
		RunE: func(cmd *cobra.Command, args []string) error {
			return withDatabase(cmd, func(ctx context.Context, db *database.DB) error {
				statements, err := database.Grants(ctx, db, args[0])
				for _, statement := range statements {
					fmt.Fprintln(cmd.OutOrStdout(), statement+";")
				}
				return err
			})
		},
	}
	bindFlags(up.Flags(), databaseOnly...)
	bindFlags(status.Flags(), databaseOnly...)
	bindFlags(grants.Flags(), databaseOnly...)
	migrate.AddCommand(up, status, grants)
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
