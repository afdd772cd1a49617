package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hongbao/disbursement"
	"hongbao/internal/signing"
)

func winnersCommand() *cobra.Command {
	parent := &cobra.Command{Use: "winners", Short: "Fetch and open an operator's files of its own winners, at the bank",
		Example: "  hongbao winners fetch --platform https://hongbao.city.example --operator icbc --key bank.key --platform-key BOUd...=="}
	parent.AddCommand(winnersFetchCommand(), winnersOpenCommand())
	return parent
}

func winnersOpenCommand() *cobra.Command {
	var key, platform, out string
	cmd := &cobra.Command{
		Use: "open FILE", Short: "Verify a winners' file and write its list as CSV",
		Long: "Verify the platform's signature of a winners' file, open its envelope with the operator's key, compare the digest, and write the\n" +
			"list as CSV. The list holds phone numbers: keep it as the bank keeps its customers' data.",
		Example: "  hongbao winners open winners.json --key bank.key --platform-key BOUd...== --out winners.csv",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			file, err := os.ReadFile(arguments[0])
			if err != nil {
				return err
			}
			private, public, err := bankKeys(key, platform)
			if err != nil {
				return err
			}
			d, list, err := disbursement.OpenWinners(file, public.Key, private.Key)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%s, %s: %d winners, %s yuan, made %s, digest %s\n", d.Campaign, d.Operator, d.Winners, d.TotalFen, d.MadeAt.Format(time.RFC3339), d.Digest)
			if out == "" {
				_, err = cmd.OutOrStdout().Write(list)
				return err
			}
			return os.WriteFile(out, list, 0o600)
		},
	}
	bindBankKeys(cmd, &key, &platform)
	cmd.Flags().StringVar(&out, "out", "", "file for the list (default: standard output)")
	return cmd
}

func bindBankKeys(cmd *cobra.Command, key, platform *string) {
	cmd.Flags().StringVar(key, "key", "", "file with the operator's SM2 private key, 64 hex digits or PEM")
	cmd.Flags().StringVar(platform, "platform-key", "", "the platform's SM2 public key, or a PEM file with it")
	_ = cmd.MarkFlagRequired("key")
	_ = cmd.MarkFlagRequired("platform-key")
}

func bankKeys(key, platform string) (private signing.Signer, public signing.PublicKey, err error) {
	text, err := os.ReadFile(key)
	if err != nil {
		return private, public, fmt.Errorf("--key: %w", err)
	}
	if private.Key, err = signing.ParsePrivateKey(string(text)); err != nil {
		return private, public, fmt.Errorf("--key: %w", err)
	}
	if pem, err := os.ReadFile(platform); err == nil {
		platform = string(pem)
	}
	if public, err = signing.ParsePublicKey(platform); err != nil {
		err = fmt.Errorf("--platform-key: %w", err)
	}
	return private, public, err
}

func winnersFetchCommand() *cobra.Command {
	var address, operator, party, key, platform, out string
	cmd := &cobra.Command{
		Use: "fetch [NUMBER]", Short: "List an operator's winners' files at the platform, or fetch one",
		Long: "List the winners' files that the platform has for this operator; with the number of one, fetch it as it is, sealed. The call is\n" +
			"signed with the operator's key, and no other operator's files can be had.",
		Example: "  hongbao winners fetch --platform https://hongbao.city.example --operator icbc --key bank.key --platform-key BOUd...==\n" +
			"  hongbao winners fetch 5K3Q... --platform https://hongbao.city.example --operator icbc --key bank.key --platform-key BOUd...== --out winners.json",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			private, public, err := bankKeys(key, platform)
			if err != nil {
				return err
			}
			if party == "" {
				party = operator
			}
			private.Party, private.Now = party, time.Now
			path := "/operator/v1/winners"
			if len(arguments) == 1 {
				path += "/" + url.PathEscape(arguments[0])
			}
			body, err := askPlatform(cmd, private, public, strings.TrimSuffix(address, "/")+path+"?"+url.Values{"operator": {operator}}.Encode())
			if err != nil {
				return err
			}
			if len(arguments) == 0 {
				return listWinnerFiles(cmd.OutOrStdout(), body)
			}
			if out == "" {
				_, err = cmd.OutOrStdout().Write(body)
				return err
			}
			return os.WriteFile(out, body, 0o600)
		},
	}
	bindBankKeys(cmd, &key, &platform)
	cmd.Flags().StringVar(&address, "platform", "", "address of the platform")
	cmd.Flags().StringVar(&operator, "operator", "", "name of the operator")
	cmd.Flags().StringVar(&party, "party", "", "name of the access point that signs for it (default: the operator)")
	cmd.Flags().StringVar(&out, "out", "", "file to write (default: standard output)")
	_ = cmd.MarkFlagRequired("platform")
	_ = cmd.MarkFlagRequired("operator")
	return cmd
}

// winnersLimit bounds a winners' file in bytes.
const winnersLimit = 512 << 20

// askPlatform asks a signed question and believes only a signed answer.
func askPlatform(cmd *cobra.Command, signer signing.Signer, platform signing.PublicKey, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	if err := signer.SignRequest(request, disbursement.PlatformParty, nil); err != nil {
		return nil, err
	}
	answer, err := (&http.Client{Timeout: 10 * time.Minute}).Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, winnersLimit))
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		var problem struct{ Code, Detail string }
		_ = json.Unmarshal(body, &problem)
		return nil, fmt.Errorf("the platform answers %s %s", answer.Status, problem.Code)
	}
	keys := &signing.Directory{}
	if err := keys.Add(disbursement.PlatformParty, platform); err != nil {
		return nil, err
	}
	verifier := signing.Verifier{Party: signer.Party, Keys: keys, Now: time.Now}
	return body, verifier.VerifyResponse(disbursement.PlatformParty, request.Header.Get(signing.HeaderNonce), answer, body)
}

func listWinnerFiles(w io.Writer, body []byte) error {
	var list struct{ Files []disbursement.WinnerFile }
	if err := json.Unmarshal(body, &list); err != nil {
		return err
	}
	var err error
	for _, f := range list.Files {
		_, e := fmt.Fprintf(w, "%s  %s  %d winners  %s yuan  %s\n", f.Number, f.Operator, f.Winners, f.TotalFen, f.Digest)
		err = errors.Join(err, e)
	}
	return err
}
