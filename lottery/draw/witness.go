package draw

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"
)

// WitnessCheck is what a witness does before it cosigns a checkpoint of the log
// (section The public log): consistency with the last one it cosigned, the
// log's rules, and every document that the new lines fix - a plan only after
// recomputing order, counts and roots. Signing is then Cosign.
type WitnessCheck struct {
	Log     note.Verifier                       // the platform's key, as the witness knows it
	Earlier []note.Verifier                     // keys that the log had before, which the notices of earlier draws declare
	Last    *Checkpoint                         // the last checkpoint this witness cosigned, nil before the first
	Bundle  func(drawID string) (Bundle, error) // where a draw's files are published
	Beacon  VerifyBeacon
}

// Check checks a checkpoint that the log has signed and the log's lines, of
// which the first Size must be the checkpoint's. It returns the checkpoint to
// remember as Last; only a report that is OK allows to cosign.
func (w WitnessCheck) Check(checkpoint, log []byte) (Checkpoint, *Report) {
	report := &Report{}
	c, err := w.open(checkpoint)
	if !report.add("checkpoint", err) {
		return c, report
	}
	lines, err := ParseLog(log)
	if err == nil && int64(len(lines)) < c.Size {
		err = fmt.Errorf("the log has %d lines, the checkpoint is of %d", len(lines), c.Size)
	}
	if !report.add("log", err) {
		return c, report
	}
	lines = lines[:c.Size]
	report.add("log root", rootIs(lines, c.Root))
	report.add("log rules", CheckLog(lines))
	if report.add("consistency", w.consistent(c, lines)) {
		w.checkNew(report, lines)
	}
	return c, report
}

// open accepts cosignatures of others unseen: they are theirs to answer for.
func (w WitnessCheck) open(msg []byte) (Checkpoint, error) {
	n, err := note.Open(msg, note.VerifierList(w.Log))
	if err != nil {
		return Checkpoint{}, err
	}
	c, err := parseCheckpoint(n.Text)
	if err == nil && c.Origin != w.Log.Name() {
		err = errors.New("the origin is not the log key's name")
	}
	return c, err
}

func rootIs(lines []LogLine, root Digest) error {
	if LogRoot(lines) != root {
		return errors.New("the lines give another root")
	}
	return nil
}

// consistent demands that the last cosigned state is a prefix of this one.
func (w WitnessCheck) consistent(c Checkpoint, lines []LogLine) error {
	switch {
	case w.Last == nil:
		return nil
	case w.Last.Origin != c.Origin:
		return errors.New("it is another log")
	case w.Last.Size > c.Size:
		return errors.New("the log has become shorter")
	}
	return rootIs(lines[:w.Last.Size], w.Last.Root)
}

// checkNew checks the documents of the lines after Last, draw by draw.
func (w WitnessCheck) checkNew(report *Report, lines []LogLine) {
	if w.Last != nil {
		lines = lines[w.Last.Size:]
	}
	byDraw, ids := map[string][]LogLine{}, []string{}
	for _, l := range lines {
		if byDraw[l.ID] == nil {
			ids = append(ids, l.ID)
		}
		byDraw[l.ID] = append(byDraw[l.ID], l)
	}
	for _, id := range ids {
		b, err := w.Bundle(id)
		if err != nil {
			report.add(id, err)
			continue
		}
		x := newVerification(Verifier{Beacon: w.Beacon}, b)
		x.checkDocuments(byDraw[id])
		if x.notice != nil && !w.declared(x.notice) {
			x.check("log key", errors.New("the notice declares another log key"))
		}
		for _, c := range x.report.Checks {
			c.Name = id + ": " + c.Name
			report.Checks = append(report.Checks, c)
		}
	}
}

func (w WitnessCheck) declared(n *Notice) bool {
	keys, err := n.Keys()
	return err == nil && slices.ContainsFunc(append([]note.Verifier{w.Log}, w.Earlier...), func(known note.Verifier) bool {
		return keys.Log.Name() == known.Name() && keys.Log.KeyHash() == known.KeyHash()
	})
}
