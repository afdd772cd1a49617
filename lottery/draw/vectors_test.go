package draw

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// vector is a file of testdata on which independent programs agree.
type vector struct {
	Name    string
	Plan    string
	Reveals map[string]Digest
	Beacon  struct {
		Round     uint64
		Signature string
		Value     Digest
	}
	Pools    map[string][]Digest
	Generate map[string]struct {
		Label string
		N     int
	}
	Expect struct {
		PlanHash   Digest `json:"plan_hash"`
		Mix, Seed  Digest
		ResultHash Digest `json:"result_hash"`
		ResultLen  int    `json:"result_len"`
		Awards     []struct {
			Head   string
			Got    int
			Cutoff *Digest
			First  []Digest
		}
		Inclusion struct {
			Pool         string
			Index        int
			Entry, Score Digest
			Path         []Digest
		}
		Result string
	}
}

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

func readVector(t testing.TB, name string) vector {
	var v vector
	readJSON(t, "draw_"+name+".json", &v)
	return v
}

// pack joins entries in the order given.
func pack(entries []Digest) Entries {
	out := Entries{}
	for _, e := range entries {
		out = append(out, e[:]...)
	}
	return out
}

func (v vector) entries(h Hash, pool string) Entries {
	if g, ok := v.Generate[pool]; ok {
		list := make([]Digest, g.N)
		for i := range list {
			list[i] = h.Sum(fmt.Appendf(nil, "test entry %s %d", g.Label, i))
		}
		slices.SortFunc(list, Digest.Compare)
		return pack(list)
	}
	return pack(v.Pools[pool])
}

// draw runs the whole computation as a stranger would.
func (v vector) draw(c Chain) (*Plan, []Entries, Digest, *Selection, error) {
	p, err := ParsePlan([]byte(v.Plan))
	if err != nil {
		return nil, nil, Digest{}, nil, err
	}
	if err := c.CheckPlan(p); err != nil {
		return nil, nil, Digest{}, nil, err
	}
	pools := make([]Entries, len(p.Pools))
	for i, pool := range p.Pools {
		pools[i] = v.entries(p.Hash, pool.Name)
	}
	if err := CheckPools(p, pools); err != nil {
		return nil, nil, Digest{}, nil, err
	}
	reveals, err := NewReveals(p, v.Reveals)
	if err != nil {
		return nil, nil, Digest{}, nil, err
	}
	seed := Seed(p, reveals, v.Beacon.Value)
	s, err := Select(p, seed, pools)
	return p, pools, Mix(p.Hash, reveals), s, err
}

func quicknet(t testing.TB) Chain {
	var f struct {
		Chain struct {
			BeaconID    string `json:"beacon_id"`
			Scheme      string
			ChainHash   Digest `json:"chain_hash"`
			PublicKey   string `json:"public_key"`
			Period      uint32
			GenesisTime int64  `json:"genesis_time"`
			GenesisSeed Digest `json:"genesis_seed"`
		}
	}
	readJSON(t, "quicknet_rounds.json", &f)
	key, err := hex.DecodeString(f.Chain.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	c := Chain{PublicKey: key, Period: f.Chain.Period, Genesis: f.Chain.GenesisTime, GenesisSeed: f.Chain.GenesisSeed,
		Hash: f.Chain.ChainHash, Scheme: f.Chain.Scheme, BeaconID: f.Chain.BeaconID}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	return c
}

var vectorNames = []string{"1_small_sha256", "2_pools_sha256", "3_large_sm3", "4_zero_counts_sm3"}

func TestVectors(t *testing.T) {
	c := quicknet(t)
	for _, name := range vectorNames {
		t.Run(name, func(t *testing.T) {
			v := readVector(t, name)
			p, pools, mix, s, err := v.draw(c)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Digest(); got != v.Expect.PlanHash {
				t.Errorf("plan hash %s, want %s", got, v.Expect.PlanHash)
			}
			if mix != v.Expect.Mix || s.seed != v.Expect.Seed {
				t.Errorf("mix %s seed %s, want %s %s", mix, s.seed, v.Expect.Mix, v.Expect.Seed)
			}
			sig, _ := hex.DecodeString(v.Beacon.Signature)
			if got := (BeaconRound{Signature: sig}).Value(); got != v.Beacon.Value {
				t.Errorf("beacon value %s, want %s", got, v.Beacon.Value)
			}
			checkResultFile(t, v, p.Hash, s)
			checkInclusion(t, v, p, pools, s)
		})
	}
}

func checkResultFile(t *testing.T, v vector, h Hash, s *Selection) {
	t.Helper()
	var file bytes.Buffer
	n, err := s.WriteTo(&file)
	if err != nil || n != int64(file.Len()) {
		t.Fatalf("wrote %d, %v", n, err)
	}
	if file.Len() != v.Expect.ResultLen || h.Sum(file.Bytes()) != v.Expect.ResultHash {
		t.Errorf("result of %d bytes, hash %s; want %d, %s", file.Len(), h.Sum(file.Bytes()), v.Expect.ResultLen, v.Expect.ResultHash)
	}
	if v.Expect.Result != "" && file.String() != v.Expect.Result {
		t.Errorf("result is\n%s\nwant\n%s", file.String(), v.Expect.Result)
	}
	r, err := ParseResult(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(r.Bytes(), file.Bytes()) || !bytes.Equal(s.Result().Bytes(), file.Bytes()) {
		t.Error("the parsed result does not write the same file")
	}
	for i, a := range v.Expect.Awards {
		head := strings.TrimSpace(string(awardHead(r.Awards[i].Kind, r.Awards[i].Name, r.Awards[i].Scope, r.Awards[i].Count, a.Got)))
		if head != fmt.Sprintf("%s %d", a.Head, a.Got) || len(r.Awards[i].Winners) != a.Got {
			t.Errorf("award %q with %d, want %q with %d", head, len(r.Awards[i].Winners), a.Head, a.Got)
		}
		if a.Cutoff != nil && r.Awards[i].Winners[a.Got-1].Score != *a.Cutoff {
			t.Errorf("%s: cut-off %s, want %s", head, r.Awards[i].Winners[a.Got-1].Score, a.Cutoff)
		}
		for j, e := range a.First {
			if r.Awards[i].Winners[j].Entry != e {
				t.Errorf("%s: winner %d is %s, want %s", head, j, r.Awards[i].Winners[j].Entry, e)
			}
		}
	}
}

func checkInclusion(t *testing.T, v vector, p *Plan, pools []Entries, s *Selection) {
	t.Helper()
	want := v.Expect.Inclusion
	i := p.poolIndex(want.Pool)
	proof := NewTree(p.Hash, pools[i]).Inclusion(want.Index)
	if pools[i].At(want.Index) != want.Entry || !slices.Equal(proof.Path, want.Path) {
		t.Errorf("path %v, want %v", proof.Path, want.Path)
	}
	if err := proof.Verify(p.Hash, want.Entry, p.Pools[i].Root); err != nil {
		t.Error(err)
	}
	if got := Score(p.Hash, s.seed, want.Entry); got != want.Score {
		t.Errorf("score %s, want %s", got, want.Score)
	}
}

func TestRejectVectors(t *testing.T) {
	var file struct {
		Base  string
		Cases []struct {
			Why     string
			Plan    *string
			Pools   map[string][]Digest
			Reveals map[string]Digest
		}
	}
	readJSON(t, "draw_reject.json", &file)
	c := quicknet(t)
	for _, x := range file.Cases {
		v := readVector(t, "2_pools_sha256")
		if x.Plan != nil {
			v.Plan = latin1(*x.Plan)
		}
		if x.Pools != nil {
			v.Pools = x.Pools
		}
		if x.Reveals != nil {
			v.Reveals = x.Reveals
		}
		if _, _, _, _, err := v.draw(c); err == nil {
			t.Errorf("%s: accepted", x.Why)
		} else {
			t.Logf("%s: %v", x.Why, err)
		}
	}
	if len(file.Cases) < 20 {
		t.Fatal("the vectors are gone")
	}
}

// latin1 turns code points back into the bytes they stand for.
func latin1(s string) string {
	var b []byte
	for _, r := range s {
		b = append(b, byte(r))
	}
	return string(b)
}
