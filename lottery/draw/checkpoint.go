package draw

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/transparency-dev/formats/log"
	cosign "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

// Checkpoint is the state of a log: a C2SP tlog-checkpoint without extension
// lines. Origin is the name of the log's key.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   Digest
}

func (c Checkpoint) text() string {
	return string(log.Checkpoint{Origin: c.Origin, Size: uint64(c.Size), Hash: c.Root[:]}.Marshal())
}

// parseCheckpoint accepts only the text that Checkpoint writes.
func parseCheckpoint(text string) (Checkpoint, error) {
	var l log.Checkpoint
	if _, err := l.Unmarshal([]byte(text)); err != nil {
		return Checkpoint{}, err
	}
	if len(l.Hash) != len(Digest{}) || l.Size >= 1e15 {
		return Checkpoint{}, errors.New("the checkpoint's root or size is out of range")
	}
	c := Checkpoint{Origin: l.Origin, Size: int64(l.Size), Root: Digest(l.Hash)}
	if c.text() != text {
		return Checkpoint{}, errors.New("the checkpoint is not in canonical form, or has further lines")
	}
	return c, nil
}

// SignCheckpoint returns the signed note of a checkpoint; Origin must be the
// signer's name.
func SignCheckpoint(c Checkpoint, logKey note.Signer) ([]byte, error) {
	if c.Origin != logKey.Name() {
		return nil, fmt.Errorf("the origin %q is not the log key's name %q", c.Origin, logKey.Name())
	}
	return note.Sign(&note.Note{Text: c.text()}, logKey)
}

// Cosign returns a witness's signature line, "— name base64\n", for a
// checkpoint. It checks nothing: see WitnessCheck.
func Cosign(checkpoint []byte, witness note.Signer) (string, error) {
	text, _, ok := strings.Cut(string(checkpoint), "\n\n")
	if !ok {
		return "", errors.New("not a signed note")
	}
	signed, err := note.Sign(&note.Note{Text: text + "\n"}, witness)
	if err != nil {
		return "", err
	}
	return string(signed[len(text)+2:]), nil
}

// AddCosignature appends a witness's line to a checkpoint after checking that
// the whole stays one that Keys.Open accepts.
func AddCosignature(checkpoint []byte, line string, keys Keys) ([]byte, error) {
	if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
		return nil, errors.New("not one signature line")
	}
	out := append(slices.Clip(checkpoint), line...)
	if _, err := keys.Open(out); err != nil {
		return nil, err
	}
	return out, nil
}

// Keys are the declared keys of a draw's checkpoints.
type Keys struct {
	Log       note.Verifier
	Witnesses []note.Verifier // cosignature/v1
	Quorum    int
}

// Cosigned is a checkpoint whose every signature has been verified.
type Cosigned struct {
	Checkpoint
	Witnesses []string // names, in the order of Times
	Times     []int64  // unix seconds at which witnesses signed, ascending
}

// Open verifies a checkpoint: signed by the log, and every signature on it from
// a declared key, valid, there once and in canonical base64. A quorum is not
// demanded: see Cosigned.Time.
func (k Keys) Open(checkpoint []byte) (Cosigned, error) {
	n, err := openStrict(checkpoint, append([]note.Verifier{k.Log}, k.Witnesses...))
	if err != nil {
		return Cosigned{}, err
	}
	out := Cosigned{}
	if out.Checkpoint, err = parseCheckpoint(n.Text); err != nil {
		return Cosigned{}, err
	}
	if out.Origin != k.Log.Name() {
		return Cosigned{}, fmt.Errorf("the origin %q is not the log key's name", out.Origin)
	}
	type stamp struct {
		at   int64
		name string
	}
	var stamps []stamp
	for _, sig := range n.Sigs {
		if sig.Name == k.Log.Name() && sig.Hash == k.Log.KeyHash() {
			continue
		}
		at, err := cosign.CoSigV1Timestamp(sig)
		if err != nil || at.Unix() < 0 {
			return Cosigned{}, fmt.Errorf("the cosignature of %s has no time", sig.Name)
		}
		stamps = append(stamps, stamp{at.Unix(), sig.Name})
	}
	if len(stamps) == len(n.Sigs) {
		return Cosigned{}, errors.New("the log has not signed the checkpoint")
	}
	slices.SortStableFunc(stamps, func(a, b stamp) int { return int(min(1, max(-1, a.at-b.at))) })
	for _, s := range stamps {
		out.Times, out.Witnesses = append(out.Times, s.at), append(out.Witnesses, s.name)
	}
	return out, nil
}

// Time is the checkpoint's time: the quorum-th smallest cosignature time. Fewer
// cosignatures than the quorum are an error.
func (c Cosigned) Time(quorum int) (int64, error) {
	if quorum < 1 || len(c.Times) < quorum {
		return 0, fmt.Errorf("%d witnesses have cosigned, the quorum is %d", len(c.Times), quorum)
	}
	return c.Times[quorum-1], nil
}

// openStrict opens a signed note all of whose signatures must be known, valid,
// there once, and written the one way base64 writes them: otherwise a byte
// could be changed without anyone seeing it.
func openStrict(msg []byte, known []note.Verifier) (*note.Note, error) {
	n, err := note.Open(msg, note.VerifierList(known...))
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString(n.Text + "\n")
	for _, sig := range n.Sigs {
		raw, err := base64.StdEncoding.DecodeString(sig.Base64)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "— %s %s\n", sig.Name, base64.StdEncoding.EncodeToString(raw))
	}
	if b.String() != string(msg) {
		return nil, errors.New("a signature is from an undeclared key, there twice, or not canonical")
	}
	return n, nil
}
