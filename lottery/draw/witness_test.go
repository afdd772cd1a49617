package draw

import (
	"strings"
	"testing"
	"time"

	cosign "github.com/transparency-dev/formats/note"
)

// witnessOf checks the latest checkpoint of a stage for a witness that last
// cosigned size n (0: never).
func witnessOf(s *stage, n int64) *Report {
	keys, err := s.notice.Keys()
	s.must(err)
	w := WitnessCheck{Log: keys.Log, Beacon: knownRound, Bundle: func(id string) (Bundle, error) { return FS(s.files), nil }}
	if n > 0 {
		c, err := keys.Open(s.files[CheckpointFile(n)].Data)
		s.must(err)
		w.Last = &c.Checkpoint
	}
	_, report := w.Check(s.files[CheckpointFile(int64(len(s.lines)))].Data, s.files[logFile].Data)
	return report
}

func TestWitnessFollowsTheDraw(t *testing.T) {
	s := newStage(t, SM3)
	seen := int64(0)
	backfill := func() { s.publishBackfill("unclaimed", "given-up") }
	for _, publish := range []func(){s.publishNotice, s.publishPlan, s.publishReveals, s.publishResult, backfill} {
		publish()
		report := witnessOf(s, seen)
		if !report.OK() {
			t.Fatalf("after %d: %v", seen, report.Err())
		}
		seen = int64(len(s.lines))
	}
	s.publish(KindVoid, []byte("late\n"), testClose+99999)
	if !witnessOf(s, seen).OK() {
		t.Error("a void with a reason is not cosigned, so nobody would see it")
	}
}

func TestWitnessRefuses(t *testing.T) {
	planned := func() *stage {
		s := newStage(t, SHA256)
		s.publishNotice()
		s.publishPlan()
		return s
	}
	for want, change := range map[string]func(*stage){
		"has the root":           func(s *stage) { s.files[PoolFile("north")].Data[31]++ },
		"longer than the plan's": func(s *stage) { s.write(PoolFile("north"), append(s.files[PoolFile("north")].Data, 0)) },
		"hash is not the one in": func(s *stage) { s.write(KindExcluded.File(), []byte("a 1\n")) },
		"file does not exist":    func(s *stage) { delete(s.files, PoolFile("south")) },
		"notice and plan":        func(s *stage) { s.replan(func(p *Plan) { p.Tiers[0].Amount++ }) },
		"close and delay give":   func(s *stage) { s.replan(func(p *Plan) { p.Round++ }) },
		"not in ascending order": func(s *stage) { s.replan(func(p *Plan) { p.Pools[0], p.Pools[1] = p.Pools[1], p.Pools[0] }) },
		"the lines give another": func(s *stage) {
			s.write(logFile, FormatLog(append(s.lines[:1:1], append(s.lines[3:], s.lines[1:3]...)...)))
		},
		"the checkpoint is of":    func(s *stage) { s.write(logFile, FormatLog(s.lines[:1])) },
		"for the second time":     func(s *stage) { s.logLine(LogLine{KindPlan, testID, Digest{8}}, testClose+40) },
		"the file cannot be read": func(s *stage) { s.logLine(LogLine{KindReveals, testID, Digest{8}}, testClose+40) },
	} {
		s := planned()
		change(s)
		if err := witnessOf(s, 1).Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// replan publishes a changed plan in place of the last.
func (s *stage) replan(change func(*Plan)) {
	p := *s.plan
	p.Tiers = append([]Tier(nil), p.Tiers...)
	p.Pools = append([]Pool(nil), p.Pools...)
	change(&p)
	s.lines = s.lines[:len(s.lines)-1]
	s.publish(KindPlan, p.Bytes(), testClose+30)
}

// TestWitnessSeesAForkedLog shows a witness a log that has dropped what it
// cosigned before.
func TestWitnessSeesAForkedLog(t *testing.T) {
	s := newStage(t, SHA256)
	s.publishNotice()
	s.publishPlan()
	other := newStage(t, SHA256)
	other.logLine(LogLine{KindNotice, "third-draw", Digest{4}}, testOpen-500)
	other.publishNotice()
	other.publishPlan()
	keys, err := s.notice.Keys()
	s.must(err)
	last, err := keys.Open(s.files[CheckpointFile(1)].Data)
	s.must(err)
	w := WitnessCheck{Log: keys.Log, Last: &last.Checkpoint, Bundle: func(string) (Bundle, error) { return FS(other.files), nil }}
	_, report := w.Check(other.files[CheckpointFile(5)].Data, other.files[logFile].Data)
	if err := report.Err(); err == nil || !strings.Contains(err.Error(), "consistency") {
		t.Errorf("got %v", err)
	}
	w.Last = &Checkpoint{Origin: last.Origin, Size: 7, Root: last.Root}
	_, report = w.Check(other.files[CheckpointFile(5)].Data, other.files[logFile].Data)
	if err := report.Err(); err == nil || !strings.Contains(err.Error(), "shorter") {
		t.Errorf("got %v", err)
	}
}

// TestCosignerAgreesWithTheLibrary has each side verify the other's signature.
func TestCosignerAgreesWithTheLibrary(t *testing.T) {
	s := newStage(t, SHA256)
	skey, vkey := testKey(t, "bank-a.example")
	ours, err := NewCosigner(skey, func() time.Time { return time.Unix(1700000000, 0) })
	s.must(err)
	theirs, err := cosign.NewSignerForCosignatureV1(skey)
	s.must(err)
	verifier, err := cosign.NewVerifierForCosignatureV1(vkey)
	s.must(err)
	text := []byte(Checkpoint{"city.example/log", 3, Digest{1}}.text())
	sig, err := ours.Sign(text)
	s.must(err)
	if !verifier.Verify(text, sig) || ours.KeyHash() != theirs.KeyHash() || ours.Name() != theirs.Name() {
		t.Error("the library does not accept our cosignature")
	}
	signed, err := SignCheckpoint(Checkpoint{"city.example/log", 3, Digest{1}}, s.log)
	s.must(err)
	line, err := Cosign(signed, theirs)
	s.must(err)
	keys, err := s.notice.Keys()
	s.must(err)
	if _, err := AddCosignature(signed, line, keys); err != nil {
		t.Error(err)
	}
}

func TestCheckpointSignatures(t *testing.T) {
	s := fullBundle(t, SHA256)
	keys, err := s.notice.Keys()
	s.must(err)
	good := string(s.files[CheckpointFile(4)].Data)
	lines := strings.SplitAfter(good, "\n") // text 0-2, empty 3, log 4, witnesses 5 and 6
	skey, _ := testKey(t, "stranger.example")
	stranger, err := NewCosigner(skey, func() time.Time { return time.Unix(1700000000, 0) })
	s.must(err)
	strange, err := Cosign([]byte(good), stranger)
	s.must(err)
	for name, bad := range map[string]string{
		"undeclared key":   good + strange,
		"witness twice":    good + lines[5],
		"no log signature": strings.Replace(good, lines[4], "", 1),
		"extension line":   strings.Replace(good, lines[2], lines[2]+"more\n", 1),
		"other size":       strings.Replace(good, "\n4\n", "\n5\n", 1),
		"no signature":     strings.Join(lines[:4], ""),
	} {
		if _, err := keys.Open([]byte(bad)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	c, err := keys.Open([]byte(good))
	s.must(err)
	if at, err := c.Time(2); err != nil || at != c.Times[1] || c.Times[0] >= c.Times[1] {
		t.Errorf("time %d of %v (%v)", at, c.Times, err)
	}
	if _, err := c.Time(3); err == nil {
		t.Error("two witnesses are a quorum of three")
	}
	if _, err := AddCosignature([]byte(good), lines[5], keys); err == nil {
		t.Error("a witness can be added twice")
	}
	if _, err := SignCheckpoint(Checkpoint{"another/log", 1, Digest{}}, s.log); err == nil {
		t.Error("a checkpoint of another origin is signed")
	}
}
