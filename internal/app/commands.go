// Package app is the program: its commands, its configuration, the wiring of the rooms into one service, and the table of jobs.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"hongbao/internal/database"
)

// version is set by `make build`; a plain `go build` takes the version that the module system knows.
var version = ""

// errFailed ends a command with status 1 after it has itself said what failed.
var errFailed = errors.New("failed")

// Main runs the command that the arguments name and returns the exit status: 0 only when all went well.
func Main(arguments []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := rootCommand()
	root.SetArgs(arguments)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case !errors.Is(err, errFailed):
		fmt.Fprintln(stderr, "hongbao:", err)
	}
	return 1
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "hongbao",
		Short:         "Run a city's digital-yuan red-envelope campaign",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(serveCommand(), rehearseCommand(), loadCommand(), verifyCommand(), drawCommand(), checkCommand(), reportCommand(), migrateCommand(), backupCommand(), restoreCommand(),
		sandboxCommand(), conformanceCommand(), winnersCommand(), helperCommand(), witnessCommand(), keeperCommand(), pairsCommand(), userCommand(), keysCommand(), versionCommand())
	return root
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the program's version", Example: "  hongbao version", Args: cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) { fmt.Fprintln(cmd.OutOrStdout(), "hongbao", Version()) },
	}
}

// Version names the build.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// load reads the settings that a command needs.
func load(cmd *cobra.Command, names ...string) (*Config, error) {
	config, err := Load(Source{Flags: cmd.Flags(), Environment: os.Environ()}, names...)
	if err != nil {
		return nil, err
	}
	setLog(cmd.ErrOrStderr(), config.LogLevel)
	return config, nil
}

func setLog(w io.Writer, level string) {
	var l slog.Level
	if l.UnmarshalText([]byte(level)) != nil {
		l = slog.LevelInfo
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l})))
}

// withDatabase opens the database of the settings for one command.
func withDatabase(cmd *cobra.Command, do func(ctx context.Context, db *database.DB) error) error {
	config, err := load(cmd, databaseOnly...)
	if err != nil {
		return err
	}
	db, err := database.Open(cmd.Context(), config.Database)
	if err != nil {
		return err
	}
	defer db.Close()
	return do(cmd.Context(), db)
}
