package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"hongbao/lottery/beacon"
	"hongbao/lottery/draw"
)

// witness checks and cosigns the checkpoints of a city's public log, on a computer of its own. What it cosigned last stands in a
// file, written before a signature leaves, so that it never signs two logs.
type witness struct {
	Platform, City, State string
	Log                   note.Verifier   // the platform's key, as the witness was given it
	Earlier               []note.Verifier // the log's keys before
	Signer                note.Signer
	Out                   io.Writer
	client                *http.Client
}

// maxAnswer bounds what the platform may answer to one request, in bytes.
const maxAnswer = 64 << 20

func witnessCommand() *cobra.Command {
	var keyFile, logKey string
	var earlier []string
	var watch bool
	var every time.Duration
	w := &witness{client: &http.Client{Timeout: time.Minute}}
	cmd := &cobra.Command{
		Use:   "witness",
		Short: "Check what a city's public log fixes, and cosign it",
		Long: "Ask a platform for the checkpoints that wait for this witness; for each, download what its lines fix, recompute lists, counts and\n" +
			"roots, and only then cosign it. The exit status is 0 only if nothing had to be refused. With --watch it goes on until it is\n" +
			"stopped, or until something has to be refused. The state file holds what was cosigned last: keep it as safe as the key.",
		Example: "  hongbao witness keygen --name press.example --key press.key\n" +
			"  hongbao witness --platform https://city.example --city suzhou --log 'log.suzhou.example+57870ace+AeEY...' \\\n" +
			"    --key press.key --state press.json --watch",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if w.Log, err = note.NewVerifier(logKey); err != nil {
				return fmt.Errorf("--log: %w", err)
			}
			for _, vkey := range earlier {
				key, err := note.NewVerifier(vkey)
				if err != nil {
					return fmt.Errorf("--earlier-log: %w", err)
				}
				w.Earlier = append(w.Earlier, key)
			}
			if w.Signer, err = readCosigner(keyFile); err != nil {
				return fmt.Errorf("--key: %w", err)
			}
			w.Platform, w.Out = strings.TrimSuffix(w.Platform, "/"), cmd.OutOrStdout()
			if watch {
				return w.watch(cmd.Context(), every)
			}
			return w.work(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&w.Platform, "platform", "", "address of the platform")
	flags.StringVar(&w.City, "city", "", "code of the city whose log it is")
	flags.StringVar(&logKey, "log", "", "the log's verifier key, from the notice, as compared with the city in person")
	flags.StringArrayVar(&earlier, "earlier-log", nil, "a verifier key that the log had before, where its key was changed; may be given several times")
	flags.StringVar(&keyFile, "key", "", "file of this witness's key, from `hongbao witness keygen`")
	flags.StringVar(&w.State, "state", "", "file in which the last cosigned checkpoint is kept")
	flags.BoolVar(&watch, "watch", false, "go on until stopped")
	flags.DurationVar(&every, "every", time.Minute, "with --watch, how often to ask")
	for _, name := range []string{"platform", "city", "log", "key", "state"} {
		_ = cmd.MarkFlagRequired(name)
	}
	cmd.AddCommand(keygenCommand())
	return cmd
}

func keygenCommand() *cobra.Command {
	var name, path string
	cmd := &cobra.Command{
		Use: "keygen", Short: "Make a witness's key; the half to publish is printed",
		Long:    "Write a new private key to a file that must not exist yet, and print the verifier key that belongs into the notice.",
		Example: "  hongbao witness keygen --name press.example --key press.key", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			skey, vkey, err := note.GenerateKey(rand.Reader, name)
			if err == nil {
				vkey, err = draw.WitnessKey(vkey)
			}
			if err != nil {
				return err
			}
			file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return err
			}
			_, err = file.WriteString(skey + "\n")
			if err = errors.Join(err, file.Close()); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), vkey)
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "the witness's name, for example its domain")
	cmd.Flags().StringVar(&path, "key", "", "file to write")
	_ = cmd.MarkFlagRequired("name")
	_ = cmd.MarkFlagRequired("key")
	return cmd
}

func readCosigner(path string) (note.Signer, error) {
	skey, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return draw.NewCosigner(strings.TrimSpace(string(skey)), time.Now)
}

// watch works again and again. A platform that cannot be reached is asked again; something refused ends it.
func (w *witness) watch(ctx context.Context, every time.Duration) error {
	for {
		if err := w.work(ctx); errors.Is(err, errFailed) {
			return err
		} else if err != nil && ctx.Err() == nil {
			fmt.Fprintln(w.Out, "asked again later:", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
		}
	}
}

// work checks and cosigns all that waits for this witness now, the smallest size first, and stops at the first that it refuses.
func (w *witness) work(ctx context.Context) error {
	var todo struct {
		Log    string
		Wanted []wantedCheckpoint
	}
	answer, err := w.ask(ctx, http.MethodGet, "/wanted?witness="+url.QueryEscape(w.Signer.Name()), "")
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, &todo); err != nil {
		return fmt.Errorf("the platform's answer: %w", err)
	}
	for _, wanted := range todo.Wanted {
		if err := w.cosign(ctx, wanted, []byte(todo.Log)); err != nil {
			return err
		}
	}
	return nil
}

// wantedCheckpoint is a checkpoint, signed by the log, that waits for this witness.
type wantedCheckpoint struct {
	Size       int64
	Draw, Kind string
	Checkpoint string
}

func (w *witness) cosign(ctx context.Context, wanted wantedCheckpoint, log []byte) error {
	last, err := w.last()
	if err != nil {
		return err
	}
	check := draw.WitnessCheck{Log: w.Log, Earlier: w.Earlier, Last: last, Beacon: beacon.Verify, Bundle: w.bundle}
	if last != nil && wanted.Size <= last.Size {
		// Its signature did not arrive. What was cosigned since must still be there; the size itself is checked from the start.
		if err := stillThere(log, last); err != nil {
			return w.refuse(wanted, err)
		}
		check.Last = nil
	}
	checkpoint, report := check.Check([]byte(wanted.Checkpoint), log)
	if err := report.Err(); err != nil {
		return w.refuse(wanted, err)
	}
	if checkpoint.Size != wanted.Size {
		return w.refuse(wanted, fmt.Errorf("the checkpoint is of size %d", checkpoint.Size))
	}
	line, err := draw.Cosign([]byte(wanted.Checkpoint), w.Signer)
	if err != nil {
		return err
	}
	if last == nil || checkpoint.Size > last.Size {
		if err := w.remember(checkpoint); err != nil {
			return err
		}
	}
	if _, err := w.ask(ctx, http.MethodPost, fmt.Sprintf("/checkpoints/%d/cosignatures", wanted.Size), line); err != nil {
		return err
	}
	fmt.Fprintf(w.Out, "cosigned %d: %s of %s, %d checks\n", wanted.Size, wanted.Kind, wanted.Draw, len(report.Checks))
	return nil
}

func (w *witness) refuse(wanted wantedCheckpoint, err error) error {
	fmt.Fprintf(w.Out, "REFUSED %d: %s of %s: %v\n", wanted.Size, wanted.Kind, wanted.Draw, err)
	return errFailed
}

// stillThere demands that the log begins with what was cosigned last.
func stillThere(log []byte, last *draw.Checkpoint) error {
	lines, err := draw.ParseLog(log)
	if err != nil {
		return err
	}
	if int64(len(lines)) < last.Size || draw.LogRoot(lines[:last.Size]) != last.Root {
		return fmt.Errorf("the log no longer begins with the %d lines that were cosigned", last.Size)
	}
	return nil
}

func (w *witness) bundle(id string) (draw.Bundle, error) {
	if !draw.IsToken(id) {
		return nil, fmt.Errorf("%q is no draw id", id)
	}
	return openBundle(w.Platform + "/api/v1/draws/" + id + "/bundle")
}

// ask sends one request about the city's log. Any answer but 200 is an error.
func (w *witness) ask(ctx context.Context, method, path, body string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, w.Platform+"/api/v1/log/"+url.PathEscape(w.City)+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := w.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", path, response.Status, bytes.TrimSpace(answer[:min(len(answer), 500)]))
	}
	return answer, err
}

// last reads what was cosigned last; nil before the first time.
func (w *witness) last() (*draw.Checkpoint, error) {
	data, err := os.ReadFile(w.State)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var c struct {
		Origin string
		Size   int64
		Root   string
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("%s: %w", w.State, err)
	}
	root, err := draw.ParseDigest(c.Root)
	if err != nil || c.Size < 1 {
		return nil, fmt.Errorf("%s is no witness's state", w.State)
	}
	return &draw.Checkpoint{Origin: c.Origin, Size: c.Size, Root: root}, nil
}

// remember writes the state whole or not at all, and onto the disk before it returns.
func (w *witness) remember(c draw.Checkpoint) (err error) {
	data, err := json.Marshal(map[string]any{"origin": c.Origin, "size": c.Size, "root": c.Root.String()})
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(w.State), "witness-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(append(data, '\n'))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), w.State)
}
