package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"hongbao/internal/identity"
)

// keeper is the pseudonym keeper that the settings name: a process of its own, or, with demo keys, this one.
func (c *Config) keeper() (identity.Keeper, error) {
	if c.KeeperURL == "" {
		return &identity.FileKeeper{Secret: c.Keys.Keeper}, nil
	}
	channel, err := identity.NewKeeperChannel(c.Keys.KeeperToken)
	if err != nil {
		return nil, err
	}
	return identity.NewRemoteKeeper(c.KeeperURL, channel), nil
}

func keeperCommand() *cobra.Command {
	var address, keyFile string
	cmd := &cobra.Command{
		Use: "keeper", Short: "Run the pseudonym keeper, whose key the platform never sees",
		Long: "Run the pseudonym keeper: it turns documents into the person tags of a draw, under a key that only it has. A notary or a bank\n" +
			"runs it, on a machine of its own or at least under a user of its own. The key file is made at the first start, readable by its\n" +
			"owner alone; keep a copy as you keep a seal. Calls are sealed under HONGBAO_KEEPER_TOKEN, which the platform has too.",
		Example: "  HONGBAO_KEEPER_TOKEN_FILE=/etc/keeper/token hongbao keeper --listen 127.0.0.1:8090 --key-file /var/lib/keeper/key",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runKeeper(cmd, address, keyFile) },
	}
	cmd.Flags().StringVar(&address, "listen", "127.0.0.1:8090", "address to serve on, host:port")
	cmd.Flags().StringVar(&keyFile, "key-file", "", "file with the keeper's key, 32 bytes; made when missing")
	_ = cmd.MarkFlagRequired("key-file")
	return cmd
}

func runKeeper(cmd *cobra.Command, address, keyFile string) error {
	config, err := load(cmd, "log-level", "keeper-token")
	if err != nil {
		return err
	}
	if config.Keys.KeeperToken == nil {
		return fmt.Errorf("HONGBAO_KEEPER_TOKEN or HONGBAO_KEEPER_TOKEN_FILE is required")
	}
	keeper, err := identity.OpenKeeper(keyFile)
	if err != nil {
		return err
	}
	channel, err := identity.NewKeeperChannel(config.Keys.KeeperToken)
	if err != nil {
		return err
	}
	l, err := listen(address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: &identity.KeeperServer{Keeper: keeper, Channel: channel, Log: slog.Default()},
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 20 * time.Second, IdleTimeout: 2 * time.Minute}
	fmt.Fprintf(cmd.OutOrStdout(), "keeper on http://%s\n", l.Addr())
	go func() {
		<-cmd.Context().Done()
		_ = server.Close() // a call cut off is asked again
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
