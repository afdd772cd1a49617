package draw

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

func verify(files fstest.MapFS) *Report { return Verifier{Beacon: knownRound}.Verify(FS(files)) }

func TestVerifyFullBundle(t *testing.T) {
	for _, h := range []Hash{SHA256, SM3} {
		s := fullBundle(t, h)
		report := verify(s.files)
		if !report.OK() {
			t.Fatalf("%s: %v", h, report.Err())
		}
		if report.Label != "" || report.Void != "" || len(report.Checks) < 25 {
			t.Errorf("%s: label %q, void %q, %d checks", h, report.Label, report.Void, len(report.Checks))
		}
		var text bytes.Buffer
		if _, err := report.WriteTo(&text); err != nil || !strings.Contains(text.String(), "no reveal from bank-a") {
			t.Errorf("the silent helper is not named in\n%s", text.String())
		}
	}
}

func TestVerifyUnsigned(t *testing.T) {
	s := fullBundle(t, SHA256)
	maps.DeleteFunc(s.files, func(name string, _ *fstest.MapFile) bool {
		return name == logFile || strings.HasPrefix(name, "checkpoints/")
	})
	if verify(s.files).OK() {
		t.Fatal("a bundle without its log passes")
	}
	report := Verifier{Beacon: knownRound, Unsigned: true, Receipt: s.receipt(0)}.Verify(FS(s.files))
	if !report.OK() {
		t.Fatal(report.Err())
	}
	if last := report.Checks[len(report.Checks)-4].Name; last != "unsigned" {
		t.Errorf("the report does not say what was left out, but %q", last)
	}
}

// mutant is a change of one file that must be detected.
type mutant struct {
	name string
	what string
	data []byte
}

// mutants changes every byte of a file, and at some places adds and takes away.
func mutants(name string, data []byte) []mutant {
	var out []mutant
	add := func(what string, parts ...[]byte) { out = append(out, mutant{name, what, bytes.Join(parts, nil)}) }
	for i := range data {
		changed := bytes.Clone(data)
		changed[i] ^= 1
		add(fmt.Sprintf("byte %d changed", i), changed)
		if i%64 == 0 {
			add(fmt.Sprintf("byte %d missing", i), data[:i], data[i+1:])
			add(fmt.Sprintf("byte %d doubled", i), data[:i+1], data[i:])
		}
	}
	add("a byte more", data, []byte{' '})
	add("a newline more", data, []byte{'\n'})
	add("emptied")
	return out
}

// TestEveryByte changes every byte of every file of a signed bundle.
func TestEveryByte(t *testing.T) {
	s := newStage(t, SHA256)
	s.notice.Witnesses, s.notice.Quorum, s.witnesses = s.notice.Witnesses[:1], 1, s.witnesses[:1]
	s.publishNotice()
	s.publishPlan()
	s.publishReveals()
	s.publishResult()
	s.publishBackfill("unclaimed")
	var all []mutant
	for name, f := range s.files {
		all = append(all, mutants(name, f.Data)...)
	}
	if testing.Short() {
		all = all[:len(all)/10]
	}
	var wg sync.WaitGroup
	for part := range slices.Chunk(all, len(all)/runtime.GOMAXPROCS(0)+1) {
		wg.Go(func() {
			for _, m := range part {
				files := maps.Clone(s.files)
				files[m.name] = &fstest.MapFile{Data: m.data}
				if verify(files).OK() {
					t.Errorf("%s: %s, and all checks pass", m.name, m.what)
				}
			}
		})
	}
	wg.Wait()
	for name := range s.files {
		files := maps.Clone(s.files)
		delete(files, name)
		if verify(files).OK() {
			t.Errorf("%s is missing, and all checks pass", name)
		}
	}
}

// TestAllFailuresAreReported breaks three files that do not depend on another.
func TestAllFailuresAreReported(t *testing.T) {
	s := fullBundle(t, SHA256)
	s.write(KindExcluded.File(), []byte("b 1\na 1\n"))
	s.write(KindReveals.File(), []byte("bank-a -\nnotary "+Digest{1}.String()+"\n"))
	s.write(PoolFile("north"), bytes.Repeat([]byte{9}, 160))
	var names []string
	for _, c := range verify(s.files).Failures() {
		names = append(names, c.Name)
	}
	for _, want := range []string{"excluded", "reveals", "pool north", "result", "backfill", "log line excluded", "log line reveals"} {
		if !slices.Contains(names, want) {
			t.Errorf("no failure %q among %q", want, names)
		}
	}
}

func TestOrderAndTime(t *testing.T) {
	cases := []struct {
		want string
		run  func(*stage)
	}{
		{"before registration opened", func(s *stage) {
			s.notice.Open = testOpen - 200
			s.publishNotice()
			s.publishPlan()
			s.publishReveals()
			s.publishResult()
		}},
		{"before registration closed", func(s *stage) {
			s.notice.Close, s.notice.Delay = testClose+100, 3500
			s.publishNotice()
			s.publishPlan()
			s.publishReveals()
			s.publishResult()
		}},
		{"not cosigned before the beacon round", func(s *stage) {
			s.publishNotice()
			s.publishPlan()
			reveals, err := NewReveals(s.plan, nil)
			s.must(err)
			s.publish(KindReveals, FormatReveals(reveals), quicknet(s.t).RoundTime(1000)-1) // the second witness is too late
			s.publishResult()
		}},
		{"result is in the log before reveals", func(s *stage) {
			s.publishNotice()
			s.publishPlan()
			s.logLine(LogLine{KindResult, testID, Digest{5}}, testClose+50)
			s.publishReveals()
			s.publishResult()
		}},
	}
	for _, c := range cases {
		s := newStage(t, SHA256)
		c.run(s)
		if err := verify(s.files).Err(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want %q, got %v", c.want, err)
		}
	}
}

// TestSecondPlan shows two plans for one notice: the log gives it away.
func TestSecondPlan(t *testing.T) {
	s := fullBundle(t, SHA256)
	s.logLine(LogLine{KindPlan, testID, Digest{3}}, testClose+90000)
	if err := verify(s.files).Err(); err == nil || !strings.Contains(err.Error(), "second time") {
		t.Errorf("got %v", err)
	}
}

func TestQuorum(t *testing.T) {
	s := fullBundle(t, SHA256)
	name := CheckpointFile(5)
	lines := strings.SplitAfter(string(s.files[name].Data), "\n")
	s.write(name, []byte(strings.Join(lines[:len(lines)-2], "")))
	if err := verify(s.files).Err(); err == nil || !strings.Contains(err.Error(), "the quorum is 2") {
		t.Errorf("got %v", err)
	}
}

func TestVoid(t *testing.T) {
	stages := map[string]func(*stage){
		"after the notice":  func(s *stage) {},
		"after the plan":    func(s *stage) { s.publishPlan() },
		"after the reveals": func(s *stage) { s.publishPlan(); s.publishReveals() },
	}
	for name, run := range stages {
		s := newStage(t, SM3)
		s.publishNotice()
		run(s)
		s.publish(KindVoid, []byte("灯塔停机超过 72 小时\n"), testClose+300000)
		report := verify(s.files)
		if !report.OK() || report.Void != "灯塔停机超过 72 小时" {
			t.Errorf("%s: %q, %v", name, report.Void, report.Err())
		}
		if err := Run(FS(s.files), knownRound, &bytes.Buffer{}); err == nil {
			t.Errorf("%s: a voided draw can be run", name)
		}
		s.write(KindVoid.File(), []byte("another reason\n"))
		if verify(s.files).OK() {
			t.Errorf("%s: the reason can be changed", name)
		}
	}
	s := fullBundle(t, SHA256)
	s.publish(KindVoid, []byte("we do not like the winners\n"), testClose+300000)
	if err := verify(s.files).Err(); err == nil || !strings.Contains(err.Error(), "a voided draw has a result") {
		t.Errorf("a draw voided after its result: %v", err)
	}
}

func TestReceiptFollowsTheDraw(t *testing.T) {
	s := fullBundle(t, SM3)
	r, err := ParseResult(s.read(KindResult))
	s.must(err)
	for i, opening := range s.openings {
		report := Verifier{Beacon: knownRound, Receipt: s.receipt(i)}.Verify(FS(s.files))
		if !report.OK() {
			t.Fatal(report.Err())
		}
		entry := opening.Entry(SM3)
		own, err := r.Own(opening.Pool, entry, Score(SM3, r.Seed, entry))
		if err != nil || fmt.Sprint(own) != fmt.Sprint(report.Own) {
			t.Errorf("the citizen's rule gives %v (%v), the verifier %v", own, err, report.Own)
		}
	}
	stranger := s.openings[0]
	stranger.Salt = Digest{1}
	b, err := stranger.Sign(s.log)
	s.must(err)
	if err := (Verifier{Beacon: knownRound, Receipt: b}).Verify(FS(s.files)).Err(); err == nil || !strings.Contains(err.Error(), "is not in pool") {
		t.Errorf("a dropped registration is not noticed: %v", err)
	}
	forged := bytes.Replace(s.receipt(0), []byte("pool north"), []byte("pool south"), 1)
	if (Verifier{Beacon: knownRound, Receipt: forged}).Verify(FS(s.files)).OK() {
		t.Error("a forged receipt passes")
	}
}

func TestNoBeaconCheckIsAFailure(t *testing.T) {
	s := fullBundle(t, SHA256)
	if (Verifier{}).Verify(FS(s.files)).OK() {
		t.Error("a verifier that cannot check the beacon passes it")
	}
	wrong := func(Chain, uint64, []byte) error { return errors.New("no") }
	if (Verifier{Beacon: wrong}).Verify(FS(s.files)).OK() {
		t.Error("a wrong signature passes")
	}
}
