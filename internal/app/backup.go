package app

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"hongbao/internal/database"
	"hongbao/reporting"
)

func backupCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "backup", Short: "Copy the database, as it stands at one moment, into a file",
		Long: "Copy the database, as it stands at one moment and while it is in use, into a file that only its owner can read: an SQLite database,\n" +
			"or a dump by mariadb-dump (mysqldump), which must be installed. Identity in it is sealed under keys that are not in it: keep the\n" +
			"master key apart, since whoever has both can read everything, and without it nobody can.",
		Example: "  hongbao backup --database mysql://hongbao@127.0.0.1/hongbao --out /backup/hongbao-2020-12-05", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := load(cmd, databaseOnly...)
			if err != nil {
				return err
			}
			digest, err := backup(cmd.Context(), config.Database, out)
			if err == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "%x  %s\n", digest, out)
			}
			return err
		},
	}
	bindFlags(cmd.Flags(), databaseOnly...)
	cmd.Flags().StringVar(&out, "out", "", "file to write; it must not be there yet")
	_ = cmd.MarkFlagRequired("out")
	return cmd
}

func restoreCommand() *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use: "restore", Short: "Bring a backup into an empty database, and check every invariant there",
		Long: "Bring a backup into a database that holds nothing yet, of the kind that it was taken from, and recompute every invariant there. The\n" +
			"exit status is 0 only if all hold. A restored service must not run beside the one it was copied from.",
		Example: "  hongbao restore --database sqlite:var/restored.db --from /backup/hongbao-2020-12-05", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := load(cmd, databaseOnly...)
			if err != nil {
				return err
			}
			if err := restore(cmd.Context(), config.Database, from); err != nil {
				return err
			}
			return checkRestored(cmd, config.Database)
		},
	}
	bindFlags(cmd.Flags(), databaseOnly...)
	cmd.Flags().StringVar(&from, "from", "", "file that `hongbao backup` wrote")
	_ = cmd.MarkFlagRequired("from")
	return cmd
}

func checkRestored(cmd *cobra.Command, address string) error {
	db, err := database.Open(cmd.Context(), address)
	if err != nil {
		return err
	}
	defer db.Close()
	results, err := reporting.Check(cmd.Context(), db)
	if err != nil {
		return err
	}
	return printResults(cmd.OutOrStdout(), results)
}

// backup writes beside the file first, so that what bears its name is whole, and gives its SHA-256.
func backup(ctx context.Context, address, out string) (digest [sha256.Size]byte, err error) {
	if _, err := os.Lstat(out); !errors.Is(err, os.ErrNotExist) {
		return digest, errors.Join(fmt.Errorf("%s is there already", out), err)
	}
	part := out + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return digest, err
	}
	defer f.Close()
	defer os.Remove(part)
	if strings.HasPrefix(address, "sqlite:") {
		err = copySQLite(ctx, address, part)
	} else {
		err = dump(ctx, address, f)
	}
	if err != nil {
		return digest, err
	}
	if digest, err = digestOf(part); err != nil {
		return digest, err
	}
	return digest, errors.Join(f.Sync(), os.Rename(part, out))
}

func digestOf(path string) (digest [sha256.Size]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return digest, err
	}
	defer f.Close()
	hash := sha256.New()
	_, err = io.Copy(hash, f)
	return [sha256.Size]byte(hash.Sum(nil)), err
}

// copySQLite fills an empty file with the database as one transaction sees it.
func copySQLite(ctx context.Context, address, path string) error {
	if _, err := os.Stat(strings.TrimPrefix(address, "sqlite:")); err != nil {
		return err // opening would make an empty one
	}
	db, err := database.Open(ctx, address)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.SQL().ExecContext(ctx, "VACUUM INTO ?", path)
	return err
}

// dump lets the server's own program read all tables in one snapshot, with the triggers that keep them append-only.
func dump(ctx context.Context, address string, out io.Writer) error {
	triggers, err := count(ctx, address, "triggers WHERE trigger_schema = DATABASE()")
	if err != nil {
		return err
	}
	if triggers == 0 {
		return errors.New("this account sees no triggers, and the backup would be without those that keep rows from being changed: grant it TRIGGER")
	}
	cmd, name, err := serverProgram(ctx, address, "mariadb-dump", "mysqldump")
	if err != nil {
		return err
	}
	cmd.Args = append(cmd.Args, "--single-transaction", "--skip-lock-tables", "--triggers", "--hex-blob", "--default-character-set=utf8mb4", name)
	cmd.Stdout = out
	return execute(cmd)
}

// restore refuses a database that holds anything.
func restore(ctx context.Context, address, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		return restoreSQLite(path, f)
	}
	if err := empty(ctx, address); err != nil {
		return err
	}
	cmd, name, err := serverProgram(ctx, address, "mariadb", "mysql")
	if err != nil {
		return err
	}
	cmd.Args = append(cmd.Args, "--default-character-set=utf8mb4", name)
	cmd.Stdin = f
	return execute(cmd)
}

func restoreSQLite(path string, from io.Reader) error {
	to, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s is there already: a backup is restored into a new file", path)
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Sync(), to.Close())
}

func empty(ctx context.Context, address string) error {
	tables, err := count(ctx, address, "tables WHERE table_schema = DATABASE()")
	if err == nil && tables > 0 {
		err = fmt.Errorf("the database holds %d tables: a backup is restored into an empty one", tables)
	}
	return err
}

// count is how many of something the account sees in the server's information_schema.
func count(ctx context.Context, address, what string) (n int, err error) {
	db, err := database.Open(ctx, address)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	err = db.SQL().QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema."+what).Scan(&n)
	return n, err
}

// serverProgram prepares a client program of the database server. The password goes by its environment: arguments are
// shown to every user of the machine.
func serverProgram(ctx context.Context, address string, names ...string) (cmd *exec.Cmd, name string, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, "", err
	}
	var program string
	for _, n := range names {
		if program, err = exec.LookPath(n); err == nil {
			break
		}
	}
	if err != nil {
		return nil, "", fmt.Errorf("neither of %s is installed", strings.Join(names, ", "))
	}
	arguments := []string{"--no-defaults", "--user=" + u.User.Username()}
	if socket := u.Query().Get("socket"); socket != "" {
		arguments = append(arguments, "--socket="+socket)
	} else {
		host, port := u.Hostname(), u.Port()
		if port == "" {
			port = "3306"
		}
		arguments = append(arguments, "--protocol=tcp", "--host="+host, "--port="+port)
		if u.Query().Get("tls") != "" {
			arguments = append(arguments, "--ssl")
		}
	}
	cmd = exec.CommandContext(ctx, program, arguments...)
	password, _ := u.User.Password()
	cmd.Env = append(os.Environ(), "MYSQL_PWD="+password)
	return cmd, strings.Trim(u.Path, "/"), nil
}

func execute(cmd *exec.Cmd) error {
	var problem strings.Builder
	cmd.Stderr = &problem
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", cmd.Path, err, strings.TrimSpace(problem.String()))
	}
	return nil
}
