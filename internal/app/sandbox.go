package app

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"hongbao/disbursement/sandbox"
	"hongbao/internal/signing"
)

func sandboxCommand() *cobra.Command {
	var platformURL, platformKey, faults string
	var members map[string]string
	var seed int64
	cmd := &cobra.Command{
		Use: "sandbox", Short: "Run the six simulated operators, the notary and the sandbox beacon alone",
		Long: "Run the six simulated operators, the notary, the telecom operator and the sandbox beacon alone, each as an HTTP server on the\n" +
			"loopback address. What a service needs to reach them is printed: an operators file, and the beacon's address.",
		Example: "  hongbao sandbox --platform http://127.0.0.1:8080 --platform-key BOUd...== --faults normal",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			setLog(cmd.ErrOrStderr(), "info")
			key, err := signing.ParsePublicKey(platformKey)
			if err != nil {
				return fmt.Errorf("--platform-key: %w", err)
			}
			options := sandbox.Options{Seed: seed, Faults: sandbox.Faults(faults), Now: time.Now, PlatformURL: platformURL, PlatformKey: key.Key, Members: members, Log: slog.Default()}
			w, err := startWorld(cmd.Context(), options)
			if err != nil {
				return err
			}
			if err := printWorld(cmd, w); err != nil {
				return errors.Join(err, w.close())
			}
			<-cmd.Context().Done()
			return w.close()
		},
	}
	cmd.Flags().StringVar(&platformURL, "platform", "http://127.0.0.1:8080", "the service, to which events are sent")
	cmd.Flags().StringVar(&platformKey, "platform-key", "", "the service's SM2 public key (it prints it when it starts)")
	cmd.Flags().StringVar(&faults, "faults", "none", "none, normal or harsh")
	cmd.Flags().StringToStringVar(&members, "members", nil, "city banks behind an access point, name=bank code, comma separated")
	cmd.Flags().Int64Var(&seed, "seed", 1, "seed of keys and faults")
	_ = cmd.MarkFlagRequired("platform-key")
	return cmd
}

// printWorld prints an operators file; the rest are comments in it.
func printWorld(cmd *cobra.Command, w *world) error {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "# notary  %s\n# sms     %s\n# beacon  %s (chain: %s/info)\noperators:\n", w.street.NotaryURL(), w.street.SMSURL(), w.relay, w.relay)
	list, err := yaml.Marshal(w.entries())
	if err != nil {
		return err
	}
	_, err = out.Write(list)
	return err
}
