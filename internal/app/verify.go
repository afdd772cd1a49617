package app

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hongbao/lottery/beacon"
	"hongbao/lottery/draw"
)

func verifyCommand() *cobra.Command {
	var receipt string
	var unsigned bool
	cmd := &cobra.Command{
		Use:   "verify DIR|URL",
		Short: "Check a draw's public bundle by the rules of draw/v1",
		Long: "Check a draw's public bundle, a directory or the same paths under a URL, by the rules of draw/v1. Every check is printed with\n" +
			"its outcome; the exit status is 0 only if all hold. A bundle without the log and its checkpoints fails unless --unsigned is\n" +
			"given, which leaves out order and time.",
		Example: "  hongbao verify var/r/bundle\n  hongbao verify https://city.example/api/v1/draws/suzhou-2020/bundle --receipt receipt.txt",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			verifier := draw.Verifier{Beacon: beacon.Verify, Unsigned: unsigned}
			if receipt != "" {
				b, err := os.ReadFile(receipt)
				if err != nil {
					return err
				}
				verifier.Receipt = b
			}
			bundle, err := openBundle(arguments[0])
			if err != nil {
				return err
			}
			return printReport(cmd.OutOrStdout(), verifier.Verify(bundle))
		},
	}
	cmd.Flags().StringVar(&receipt, "receipt", "", "check this receipt's place in the draw too")
	cmd.Flags().BoolVar(&unsigned, "unsigned", false, "accept a bundle without log and checkpoints")
	return cmd
}

func printReport(w io.Writer, report *draw.Report) error {
	if _, err := report.WriteTo(w); err != nil {
		return err
	}
	if !report.OK() {
		return errFailed
	}
	return nil
}

func drawCommand() *cobra.Command {
	var dir string
	run := &cobra.Command{
		Use: "run --bundle DIR", Short: "Compute the result file from the other files of a bundle",
		Long:    "Compute DIR/result from the other files of the bundle. It needs no network, no database and no log.",
		Example: "  hongbao draw run --bundle var/r/bundle", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDraw(cmd.OutOrStdout(), dir) },
	}
	run.Flags().StringVar(&dir, "bundle", "", "directory of the bundle")
	_ = run.MarkFlagRequired("bundle")
	parent := &cobra.Command{Use: "draw", Short: "Work on a draw's bundle away from the service", Example: "  hongbao draw run --bundle DIR"}
	parent.AddCommand(run, drawBeaconCommand())
	return parent
}

func drawBeaconCommand() *cobra.Command {
	var dir, path, by string
	cmd := &cobra.Command{
		Use: "beacon --bundle DIR", Short: "Take a beacon round that was carried in, and write it into a bundle",
		Long: "Read a beacon round from a file, or from what is pasted (end with Ctrl-D): the JSON of any drand relay, or the signature alone in hex.\n" +
			"It is verified against the bundle's chain and the plan's round, and written as DIR/beacon.json. It needs no network.",
		Example: "  hongbao draw beacon --bundle var/r/bundle --file round.json --by 'notary Wang'\n  hongbao draw beacon --bundle var/r/bundle < round.json", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			in := cmd.InOrStdin()
			if path != "" {
				file, err := os.Open(path)
				if err != nil {
					return err
				}
				defer file.Close()
				in = file
			}
			return carryBeacon(cmd.OutOrStdout(), in, dir, by)
		},
	}
	cmd.Flags().StringVar(&dir, "bundle", "", "directory of the bundle")
	cmd.Flags().StringVar(&path, "file", "", "file that holds the round; standard input when it is not given")
	cmd.Flags().StringVar(&by, "by", "by hand", "who carried it, which is published")
	_ = cmd.MarkFlagRequired("bundle")
	return cmd
}

// carryBeacon verifies a round and writes it beside the other files.
func carryBeacon(w io.Writer, in io.Reader, dir, by string) error {
	text, err := io.ReadAll(io.LimitReader(in, maxAnswer))
	if err != nil {
		return err
	}
	file, err := os.ReadFile(filepath.Join(dir, draw.KindChain.File()))
	if err != nil {
		return err
	}
	chain, err := draw.ParseChain(file)
	if err != nil {
		return err
	}
	if file, err = os.ReadFile(filepath.Join(dir, draw.KindPlan.File())); err != nil {
		return err
	}
	plan, err := draw.ParsePlan(file)
	if err != nil {
		return err
	}
	if err := chain.CheckPlan(plan); err != nil {
		return err
	}
	round, err := beacon.Import(chain, plan.Round, text, by)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, draw.KindBeacon.File())
	if err := os.WriteFile(path, round.JSON(), 0o644); err != nil {
		return err
	}
	fmt.Fprintln(w, path, beacon.Describe(chain))
	return nil
}

// runDraw writes the result beside the other files, whole or not at all.
func runDraw(w io.Writer, dir string) (err error) {
	file, err := os.CreateTemp(dir, "result-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	err = draw.Run(draw.FS(os.DirFS(dir)), beacon.Verify, file)
	if err = errors.Join(err, file.Chmod(0o644), file.Close()); err != nil {
		return err
	}
	path := filepath.Join(dir, "result")
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	fmt.Fprintln(w, path)
	return nil
}

// openBundle opens a bundle in a directory or under a URL.
func openBundle(place string) (draw.Bundle, error) {
	if strings.HasPrefix(place, "http://") || strings.HasPrefix(place, "https://") {
		return remoteBundle{base: strings.TrimSuffix(place, "/"), client: &http.Client{Timeout: 10 * time.Minute}}, nil
	}
	info, err := os.Stat(place)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is no directory", place)
	}
	return draw.FS(os.DirFS(place)), nil
}

// remoteBundle is a bundle whose paths stand under a URL.
type remoteBundle struct {
	base   string
	client *http.Client
}

// Open fetches one file; the error is fs.ErrNotExist where the server has none.
func (b remoteBundle) Open(name string) (io.ReadCloser, error) {
	response, err := b.client.Get(b.base + "/" + name)
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusOK {
		return response.Body, nil
	}
	response.Body.Close()
	if response.StatusCode == http.StatusNotFound {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return nil, fmt.Errorf("%s: %s", name, response.Status)
}
