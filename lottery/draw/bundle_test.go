package draw

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/mod/sumdb/note"
)

var update = flag.Bool("update", false, "write testdata/bundle anew")

// round1000 is a real signature of quicknet, from quicknet_rounds.json.
const round1000 = "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"

// knownRound stands in for the BLS check, which lottery/beacon tests: it knows
// the one signature.
func knownRound(_ Chain, round uint64, sig []byte) error {
	if round != 1000 || hex.EncodeToString(sig) != round1000 {
		return errors.New("the signature is wrong")
	}
	return nil
}

// testKey makes a signer key and its plain vkey from a name.
func testKey(t testing.TB, name string) (skey, vkey string) {
	t.Helper()
	seed := SHA256.Sum([]byte("key " + name))
	vkey, err := note.NewEd25519VerifierKey(name, ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	hash := strings.Split(vkey, "+")[1]
	return fmt.Sprintf("PRIVATE+KEY+%s+%s+%s", name, hash, base64.StdEncoding.EncodeToString(append([]byte{1}, seed[:]...))), vkey
}

// stage is a draw being run in a test: it signs, logs and cosigns as a platform
// and its witnesses would.
type stage struct {
	t         testing.TB
	files     fstest.MapFS
	hash      Hash
	now       time.Time
	log       note.Signer
	witnesses []note.Signer
	lines     []LogLine
	notice    *Notice
	plan      *Plan
	openings  []Receipt
}

const (
	testID    = "example-2026.1"
	testOpen  = 1692800000
	testClose = 1692802763
)

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// newStage writes the terms of a draw with a tier that cannot be filled, two
// helpers of whom one will stay silent, and two witnesses.
func newStage(t testing.TB, h Hash) *stage {
	s := &stage{t: t, files: fstest.MapFS{}, hash: h}
	logKey, logVKey := testKey(t, "city.example/log")
	signer, err := note.NewSigner(logKey)
	s.must(err)
	s.log = signer
	s.notice = &Notice{ID: testID, Log: logVKey, Quorum: 2, Open: testOpen}
	for _, name := range []string{"bank-a.example", "notary.example"} {
		skey, vkey := testKey(t, name)
		w, err := NewCosigner(skey, func() time.Time { return s.now })
		s.must(err)
		s.witnesses = append(s.witnesses, w)
		vkey, err = WitnessKey(vkey)
		s.must(err)
		s.notice.Witnesses = append(s.notice.Witnesses, vkey)
	}
	s.notice.Terms = Terms{
		Hash: h, Close: testClose, Delay: 3600, Chain: quicknet(t).Hash, Round: 1000,
		Helpers: []Helper{{"bank-a", Commit(h, testID, "bank-a", secretOf("bank-a"))}, {"notary", Commit(h, testID, "notary", secretOf("notary"))}},
		Tiers:   []Tier{{"grand", "*", 1, 88800}, {"south-1", "south", 3, 20000}},
		Spills:  []Spill{{"south-1", "*"}},
		Waits:   []Wait{{"*", 1}, {"north", 1}},
	}
	return s
}

func secretOf(name string) Digest { return SHA256.Sum([]byte("secret " + name)) }

func (s *stage) write(name string, b []byte) { s.files[name] = &fstest.MapFile{Data: b, Mode: 0o644} }

func (s *stage) read(kind Kind) []byte { return s.files[kind.File()].Data }

// publish writes a document, logs it and has the checkpoint cosigned at a time.
func (s *stage) publish(kind Kind, b []byte, at int64) {
	s.t.Helper()
	s.write(kind.File(), b)
	s.logLine(LogLine{kind, testID, s.hash.Sum(b)}, at)
}

func (s *stage) logLine(l LogLine, at int64) {
	s.t.Helper()
	s.lines = append(s.lines, l)
	s.write(logFile, FormatLog(s.lines))
	keys, err := s.notice.Keys()
	s.must(err)
	size := int64(len(s.lines))
	note, err := SignCheckpoint(Checkpoint{s.log.Name(), size, LogRoot(s.lines)}, s.log)
	s.must(err)
	for i, w := range s.witnesses {
		s.now = time.Unix(at+int64(i), 0)
		line, err := Cosign(note, w)
		s.must(err)
		note, err = AddCosignature(note, line, keys)
		s.must(err)
	}
	s.write(CheckpointFile(size), note)
}

func (s *stage) publishNotice() {
	b, err := s.notice.Bytes("# 数字人民币红包公告\n\nEvery resident may register once.\n")
	s.must(err)
	s.publish(KindNotice, b, testOpen-200)
}

// publishPlan freezes five registrations in the north and two in the south.
func (s *stage) publishPlan() {
	pools := map[string][]Digest{}
	for i := range 7 {
		pool := "north"
		if i%3 == 2 {
			pool = "south"
		}
		person, err := PersonTag(s.hash, bytes.Repeat([]byte{7}, 32), testID, "resident", fmt.Sprintf("11010119900307%04d", i))
		s.must(err)
		r := Receipt{ID: testID, Pool: pool, Salt: SHA256.Sum(fmt.Appendf(nil, "salt %d", i)), Person: person}
		s.openings = append(s.openings, r)
		pools[pool] = append(pools[pool], r.Entry(s.hash))
	}
	s.plan = &Plan{ID: testID, Notice: s.hash.Sum(s.read(KindNotice)), Terms: s.notice.Terms}
	for _, name := range slices.Sorted(maps.Keys(pools)) {
		slices.SortFunc(pools[name], Digest.Compare)
		e := pack(pools[name])
		s.write(PoolFile(name), e)
		s.plan.Pools = append(s.plan.Pools, Pool{name, int64(e.Len()), NewTree(s.hash, e).Root()})
	}
	s.must(s.plan.Validate())
	excluded, err := FormatExcluded([]Excluded{{"withdrawn", 3}, {"not-eligible", 2}})
	s.must(err)
	s.publish(KindChain, quicknet(s.t).JSON(), testClose+10)
	s.publish(KindExcluded, excluded, testClose+20)
	s.publish(KindPlan, s.plan.Bytes(), testClose+30)
}

func (s *stage) publishReveals() {
	reveals, err := NewReveals(s.plan, map[string]Digest{"notary": secretOf("notary")})
	s.must(err)
	s.publish(KindReveals, FormatReveals(reveals), testClose+100)
}

func (s *stage) publishResult() {
	sig, _ := hex.DecodeString(round1000)
	s.publish(KindBeacon, BeaconRound{Round: 1000, Signature: sig, CarriedBy: "test"}.JSON(), testClose+3700)
	var result bytes.Buffer
	s.must(Run(FS(s.files), knownRound, &result))
	s.publish(KindResult, result.Bytes(), testClose+3800)
	s.write(KindBackfill.File(), nil)
}

// publishBackfill lets a prize fall free again and again, each time in a batch of
// its own: the waitlist of all pools has one place, so the second finds none.
func (s *stage) publishBackfill(reasons ...string) {
	r, err := ParseResult(s.read(KindResult))
	s.must(err)
	b, done, old := NewBackfill(r), []Promotion{}, r.Awards[0].Winners[0].Entry
	for i, reason := range reasons {
		p, err := b.Promote(old, reason)
		s.must(err)
		old, done = p.New, append(done, p)
		s.publish(KindBackfill, FormatBackfill(done), testClose+10000*int64(i+1))
	}
}

func fullBundle(t testing.TB, h Hash) *stage {
	s := newStage(t, h)
	s.logLine(LogLine{KindNotice, "another-draw", Digest{1}}, testOpen-300)
	s.publishNotice()
	s.publishPlan()
	s.publishReveals()
	s.publishResult()
	s.publishBackfill("unclaimed", "given-up")
	return s
}

// receipt signs the receipt of opening i.
func (s *stage) receipt(i int) []byte {
	b, err := s.openings[i].Sign(s.log)
	s.must(err)
	return b
}

// TestGoldenBundle keeps testdata/bundle, which other implementations read, the
// same: run with -update after a change that is meant.
func TestGoldenBundle(t *testing.T) {
	s := fullBundle(t, SHA256)
	s.write("receipt.txt", s.receipt(0)) // beside the bundle's files, for the tests of other programs
	root := filepath.Join("testdata", "bundle")
	if *update {
		for name, f := range s.files {
			path := filepath.Join(root, filepath.FromSlash(name))
			s.must(os.MkdirAll(filepath.Dir(path), 0o755))
			s.must(os.WriteFile(path, f.Data, 0o644))
		}
	}
	for name, f := range s.files {
		b, err := fs.ReadFile(os.DirFS(root), name)
		if err != nil || !bytes.Equal(b, f.Data) {
			t.Errorf("%s differs from the one this code writes (%v)", name, err)
		}
	}
	report := Verifier{Beacon: knownRound, Receipt: s.files["receipt.txt"].Data}.Verify(FS(os.DirFS(root)))
	if !report.OK() {
		t.Fatal(report.Err())
	}
}
