package draw

import (
	"bytes"
	"errors"
	"fmt"
	"hash"
	"slices"
)

// checkLog checks the public log, its checkpoints, and order and time by them
// (section The public log).
func (x *verification) checkLog() {
	b, err := readText(x.bundle, logFile)
	var lines []LogLine
	if err == nil {
		lines, err = ParseLog(b)
	}
	if err == nil {
		err = CheckLog(lines)
	}
	if !x.check("log", err, fmt.Sprint(len(lines)), "lines") {
		return
	}
	own := x.ownLines(lines)
	x.checkLogged(lines, own)
	times := x.checkCheckpoints(lines, own)
	x.check("order and time", x.checkTimes(lines, own, times))
}

// ownLines returns the places, from 0, of this draw's lines.
func (x *verification) ownLines(lines []LogLine) []int {
	id := ""
	switch {
	case x.plan != nil:
		id = x.plan.ID
	case x.notice != nil:
		id = x.notice.ID
	}
	var own []int
	for i, l := range lines {
		if l.ID == id {
			own = append(own, i)
		}
	}
	return own
}

// checkLogged demands that each document of the bundle is in the log once with
// its hash, and each one in the log is in the bundle.
func (x *verification) checkLogged(lines []LogLine, own []int) {
	for _, kind := range kinds {
		var logged []Digest
		for _, i := range own {
			if lines[i].Kind == kind {
				logged = append(logged, lines[i].Hash)
			}
		}
		sum, have := x.sum(kind)
		if !have && len(logged) == 0 && (x.void || kind == KindVoid) {
			continue
		}
		x.check("log line "+string(kind), x.matchLogged(kind, sum, have, logged))
	}
}

func (x *verification) matchLogged(kind Kind, sum Digest, have bool, logged []Digest) error {
	switch {
	case !have:
		return fmt.Errorf("the log has %d lines for a file that cannot be read", len(logged))
	case kind == KindBackfill:
		return matchPrefixes(linePrefixSums(x.hash.New(), x.files[kind]), logged)
	case len(logged) != 1:
		return fmt.Errorf("the log has %d lines for it", len(logged))
	case logged[0] != sum:
		return errors.New("the file's hash is not the one in the log")
	}
	return nil
}

// matchPrefixes demands that the logged hashes are of growing prefixes of whole
// lines, the last of the whole file. A file without lines need not be logged.
func matchPrefixes(sums []Digest, logged []Digest) error {
	at := 0
	for n, want := range logged {
		i := slices.Index(sums[at:], want)
		if i < 0 {
			return fmt.Errorf("hash %d in the log is not of a prefix of whole lines", n+1)
		}
		at += i
	}
	if at != len(sums)-1 {
		return errors.New("the last hash in the log is not of the whole file")
	}
	return nil
}

// linePrefixSums returns H of the first 0, 1, 2, ... lines of a file.
func linePrefixSums(state hash.Hash, b []byte) []Digest {
	sums := []Digest{Digest(state.Sum(nil))}
	for line := range bytes.Lines(b) {
		state.Write(line)
		sums = append(sums, Digest(state.Sum(nil)))
	}
	return sums
}

// checkCheckpoints opens the checkpoint of each line of this draw, and of the
// log's last line, since what no checkpoint covers anyone could have changed.
// It returns the times of the lines that have one.
func (x *verification) checkCheckpoints(lines []LogLine, own []int) map[int]int64 {
	times := map[int]int64{}
	if x.notice == nil {
		x.check("checkpoints", errSkipped)
		return times
	}
	keys, err := x.notice.Keys()
	if err != nil {
		x.check("checkpoints", err)
		return times
	}
	if last := len(lines) - 1; last >= 0 && !slices.Contains(own, last) {
		own = append(slices.Clip(own), last)
	}
	roots := NewAccumulator(SHA256)
	for i, line := range lines {
		roots.Add([]byte(line.String()))
		if !slices.Contains(own, i) {
			continue
		}
		at, err := x.openCheckpoint(keys, Checkpoint{Origin: keys.Log.Name(), Size: int64(i + 1), Root: roots.Root()})
		if x.check(fmt.Sprintf("checkpoint %d (%s)", i+1, line.Kind), err) {
			times[i] = at
		}
	}
	return times
}

func (x *verification) openCheckpoint(keys Keys, want Checkpoint) (int64, error) {
	b, err := readText(x.bundle, CheckpointFile(want.Size))
	if err != nil {
		return 0, err
	}
	c, err := keys.Open(b)
	if err != nil {
		return 0, err
	}
	if c.Checkpoint != want {
		return 0, errors.New("it is not of these lines of the log")
	}
	return c.Time(keys.Quorum)
}

// checkTimes demands notice < open <= close <= plan <= reveals < the round's
// time, and that the lines stand in that order.
func (x *verification) checkTimes(lines []LogLine, own []int, times map[int]int64) error {
	if x.notice == nil {
		return errSkipped
	}
	place := map[Kind]int{}
	for _, i := range slices.Backward(own) {
		place[lines[i].Kind] = i // the first of its kind
	}
	if len(own) == 0 || lines[own[0]].Kind != KindNotice {
		return errors.New("the draw's first line in the log is not its notice")
	}
	var errs []error
	for _, pair := range [][2]Kind{{KindPlan, KindReveals}, {KindReveals, KindBeacon}, {KindReveals, KindResult}, {KindResult, KindBackfill}} {
		first, ok1 := place[pair[0]]
		second, ok2 := place[pair[1]]
		if ok1 && ok2 && second < first {
			errs = append(errs, fmt.Errorf("%s is in the log before %s", pair[1], pair[0]))
		}
	}
	at := func(kind Kind) (int64, bool) {
		i, ok := place[kind]
		t, signed := times[i]
		return t, ok && signed
	}
	demand := func(holds bool, rule string) {
		if !holds {
			errs = append(errs, errors.New(rule))
		}
	}
	notice, ok := at(KindNotice)
	demand(ok && notice < x.notice.Open, "the notice was not cosigned before registration opened")
	plan, planned := at(KindPlan)
	demand(!planned || x.notice.Close <= plan, "the plan was cosigned before registration closed")
	reveals, revealed := at(KindReveals)
	demand(!revealed || plan <= reveals, "the reveals were cosigned before the plan")
	if x.chain != nil && revealed {
		demand(reveals < x.chain.RoundTime(x.notice.Round), "the reveals were not cosigned before the beacon round")
	}
	demand(x.void || planned && revealed && x.chain != nil, "plan, reveals or chain have no time")
	return errors.Join(errs...)
}
