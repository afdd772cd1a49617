package app

import (
	"bytes"
	"context"
	"crypto/rand"
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

	"hongbao/lottery/draw"
)

// helperSecret is what a helper keeps between its commitment and its reveal.
type helperSecret struct {
	Draw   string      `json:"draw"`
	Name   string      `json:"name"`
	Hash   draw.Hash   `json:"hash"`
	Secret draw.Digest `json:"secret"`
}

func helperCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "helper", Short: "Commit to a secret of a draw, and reveal it in time",
		Long: "For a helper of a draw (a bank, the notary) on a computer of its own: a secret is made and kept, its commitment goes into the notice,\n" +
			"and once the lists are cosigned the secret is revealed, over HTTP or as a line that is carried to the city.",
		Example: "  hongbao helper commit --draw suzhou-2020 --name icbc --secret icbc.secret\n" +
			"  hongbao helper reveal --secret icbc.secret --platform https://city.example"}
	cmd.AddCommand(helperCommitCommand(), helperRevealCommand())
	return cmd
}

func helperCommitCommand() *cobra.Command {
	var s helperSecret
	var hash, path string
	cmd := &cobra.Command{Use: "commit", Short: "Make a secret, keep it in a file, print its commitment", Args: cobra.NoArgs,
		Long:    "Write a new secret to a file that must not exist yet, and print the commitment that belongs into the notice of this draw only.",
		Example: "  hongbao helper commit --draw suzhou-2020 --name icbc --secret icbc.secret",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if s.Hash = draw.Hash(hash); s.Hash != draw.SHA256 && s.Hash != draw.SM3 {
				return errors.New("--hash is sha256 or sm3, as the rule book says")
			}
			if !draw.IsToken(s.Draw) || !draw.IsToken(s.Name) {
				return errors.New("--draw and --name are tokens: lower-case letters, digits, dots and hyphens")
			}
			_, _ = rand.Read(s.Secret[:])
			if err := writeSecret(path, s); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), draw.Commit(s.Hash, s.Draw, s.Name, s.Secret))
			return nil
		}}
	cmd.Flags().StringVar(&s.Draw, "draw", "", "id of the draw, which is the campaign's")
	cmd.Flags().StringVar(&s.Name, "name", "", "name of the helper in the notice")
	cmd.Flags().StringVar(&hash, "hash", string(draw.SHA256), "hash of the draw: sha256 or sm3")
	cmd.Flags().StringVar(&path, "secret", "", "file to write; keep it as safe as a key")
	for _, name := range []string{"draw", "name", "secret"} {
		_ = cmd.MarkFlagRequired(name)
	}
	return cmd
}

func writeSecret(path string, s helperSecret) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(text, '\n'))
	return errors.Join(err, file.Close())
}

func helperRevealCommand() *cobra.Command {
	var path, platform string
	cmd := &cobra.Command{Use: "reveal", Short: "Reveal the secret, or print the line to carry", Args: cobra.NoArgs,
		Long: "With --platform send the secret to the platform, which takes it between the cosigned plan and the time in the notice. Without it\n" +
			"print the line that staff of the city can bring in from a file. A secret that is known before the lists are sealed is worth nothing.",
		Example: "  hongbao helper reveal --secret icbc.secret --platform https://city.example\n  hongbao helper reveal --secret icbc.secret > reveal.txt",
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			var s helperSecret
			if err := json.Unmarshal(text, &s); err != nil {
				return fmt.Errorf("%s is no file of `hongbao helper commit`: %w", path, err)
			}
			if platform == "" {
				fmt.Fprintln(cmd.OutOrStdout(), s.Name, s.Secret)
				return nil
			}
			return s.reveal(cmd.Context(), strings.TrimSuffix(platform, "/"))
		}}
	cmd.Flags().StringVar(&path, "secret", "", "file of `hongbao helper commit`")
	cmd.Flags().StringVar(&platform, "platform", "", "address of the platform; without it the line is printed")
	_ = cmd.MarkFlagRequired("secret")
	return cmd
}

func (s helperSecret) reveal(ctx context.Context, platform string) error {
	body, err := json.Marshal(map[string]string{"name": s.Name, "reveal": s.Secret.String()})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, platform+"/api/v1/draws/"+url.PathEscape(s.Draw)+"/reveals", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNoContent {
		return nil
	}
	said, _ := io.ReadAll(io.LimitReader(response.Body, 4096))
	return fmt.Errorf("the platform answers %s: %s", response.Status, said)
}
