package beacon

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"hongbao/lottery/draw"
)

func readJSON(t testing.TB, name string, v any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

type vectorRound struct {
	Round      uint64
	Randomness *draw.Digest
	Signature  string
}

func realRounds(t testing.TB) []vectorRound {
	var f struct{ Rounds []vectorRound }
	readJSON(t, "quicknet_rounds.json", &f)
	return f.Rounds
}

func TestQuicknetIsAuthentic(t *testing.T) {
	c := Quicknet()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if c.Label() != "" || strings.Contains(Describe(c), "rehearsal") {
		t.Error("quicknet is called a rehearsal")
	}
	if c.ComputeHash().String() != draw.QuicknetHash {
		t.Error("the chain hash is wrong")
	}
}

func TestRealRounds(t *testing.T) {
	rounds := realRounds(t)
	if len(rounds) < 6 {
		t.Fatal("the vectors are gone")
	}
	for _, r := range rounds {
		sig := unhex(r.Signature)
		if err := Verify(Quicknet(), r.Round, sig); err != nil {
			t.Errorf("round %d: %v", r.Round, err)
		}
		if Verify(Quicknet(), r.Round+1, sig) == nil {
			t.Errorf("the signature of round %d passes for the next", r.Round)
		}
		if value := (draw.BeaconRound{Signature: sig}).Value(); r.Randomness != nil && value != *r.Randomness {
			t.Errorf("round %d: value %s, want %s", r.Round, value, r.Randomness)
		}
		for i := range sig {
			changed := bytes.Clone(sig)
			changed[i] ^= 1
			if i%8 == 0 && Verify(Quicknet(), r.Round, changed) == nil {
				t.Errorf("round %d passes with byte %d changed", r.Round, i)
			}
		}
	}
}

func TestHostileEncodings(t *testing.T) {
	var f struct {
		Round uint64
		Cases []struct{ Why, Signature string }
	}
	readJSON(t, "quicknet_reject.json", &f)
	if len(f.Cases) < 11 {
		t.Fatal("the vectors are gone")
	}
	for _, c := range f.Cases {
		if Verify(Quicknet(), f.Round, unhex(c.Signature)) == nil {
			t.Errorf("%s: accepted", c.Why)
		}
		if _, err := Import(Quicknet(), f.Round, []byte(c.Signature), "test"); err == nil {
			t.Errorf("%s: imported", c.Why)
		}
	}
}

func TestAnotherKeyIsRefused(t *testing.T) {
	r := realRounds(t)[1]
	c := Quicknet()
	c.PublicKey = bytes.Clone(c.PublicKey)
	c.PublicKey[95] ^= 1
	if Verify(c, r.Round, unhex(r.Signature)) == nil {
		t.Error("a chain whose hash does not hold is accepted")
	}
	c.Hash = c.ComputeHash()
	if Verify(c, r.Round, unhex(r.Signature)) == nil {
		t.Error("a key that is no point is accepted")
	}
	if Verify(sandbox(t, 100).Chain(), r.Round, unhex(r.Signature)) == nil {
		t.Error("a signature of quicknet passes for another chain")
	}
}

func TestImport(t *testing.T) {
	real := realRounds(t)[1]
	for name, text := range map[string]string{
		"hex":         real.Signature,
		"upper hex":   strings.ToUpper(real.Signature),
		"wrapped hex": "  " + real.Signature[:40] + "\r\n" + real.Signature[40:] + "\n",
		"drand":       `{"round":1000,"randomness":"` + real.Randomness.String() + `","signature":"` + real.Signature + `"}`,
		"beacon.json": string(draw.BeaconRound{Round: 1000, Signature: unhex(real.Signature)}.JSON()),
	} {
		r, err := Import(Quicknet(), 1000, []byte(text), "notary, on paper")
		if err != nil || hex.EncodeToString(r.Signature) != real.Signature || r.CarriedBy != "notary, on paper" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"other round":     `{"round":1001,"signature":"` + realRounds(t)[2].Signature + `"}`,
		"wrong value":     `{"round":1000,"randomness":"00","signature":"` + real.Signature + `"}`,
		"wrong signature": realRounds(t)[2].Signature,
		"no hex":          "hello",
		"empty":           "",
		"broken JSON":     `{"round":1000`,
	} {
		if _, err := Import(Quicknet(), 1000, []byte(text), "x"); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestCheckAhead(t *testing.T) {
	c := Quicknet()
	now := time.Unix(c.RoundTime(1000), 0)
	for round, ok := range map[uint64]bool{1: false, 1000: false, 1019: false, 1020: true, 5000: true} {
		if err := CheckAhead(c, round, now, time.Minute); (err == nil) != ok {
			t.Errorf("round %d: %v", round, err)
		}
	}
}

// TestGoldenBundle verifies the draw package's own bundle with the real check.
func TestGoldenBundle(t *testing.T) {
	report := draw.Verifier{Beacon: Verify}.Verify(draw.FS(os.DirFS("../draw/testdata/bundle")))
	if !report.OK() || report.Label != "" {
		t.Fatal(report.Err(), report.Label)
	}
}

func FuzzImport(f *testing.F) {
	f.Add([]byte(realRounds(f)[1].Signature))
	f.Add([]byte(`{"round":1000,"signature":"` + realRounds(f)[1].Signature + `"}`))
	want := realRounds(f)[1].Signature
	f.Fuzz(func(t *testing.T, text []byte) {
		if r, err := Import(Quicknet(), 1000, text, ""); err == nil && hex.EncodeToString(r.Signature) != want {
			t.Errorf("%q is accepted as round 1000", text)
		}
	})
}

// told answers every call with one body, as a relay does that may say anything.
type told []byte

func (b told) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(b))}, nil
}

// FuzzRelay: whatever a relay answers, a round is the one that was asked for with its one signature, and a chain has the hash that was
// asked for.
func FuzzRelay(f *testing.F) {
	real := realRounds(f)[1]
	f.Add([]byte(fmt.Sprintf(`{"round":%d,"randomness":"","signature":%q}`, real.Round, real.Signature)))
	f.Add([]byte(fmt.Sprintf(`{"round":%d,"signature":%q}`, real.Round+1, real.Signature)))
	f.Add([]byte(`{"public_key":"00","period":3,"genesis_time":1,"hash":"` + draw.QuicknetHash + `","schemeID":"x","metadata":{"beaconID":"quicknet"}}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		c := &Client{Chain: Quicknet(), Relays: []string{"http://127.0.0.1"}, HTTP: &http.Client{Transport: told(answer)}}
		if r, err := c.Round(t.Context(), real.Round); err == nil && (r.Round != real.Round || hex.EncodeToString(r.Signature) != strings.ToLower(real.Signature)) {
			t.Errorf("%q is taken for round %d", answer, r.Round)
		}
		if chain, err := FetchChain(t.Context(), c.HTTP, "http://127.0.0.1", c.Chain.Hash); err == nil && chain.ComputeHash() != c.Chain.Hash {
			t.Errorf("%q is taken for the chain", answer)
		}
	})
}
