package beacon

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/cloudflare/circl/ecc/bls12381"

	"hongbao/lottery/draw"
)

// Sandbox is a chain with one key of its own, for rehearsals and tests. Whoever
// knows the seed knows every round in advance, so its chain is never quicknet
// and always carries draw.RehearsalLabel.
type Sandbox struct {
	chain draw.Chain
	key   *bls12381.Scalar
	now   func() time.Time
}

// NewSandbox makes the chain of a seed (16 bytes or more): the same seed,
// genesis (unix seconds) and period (seconds) give the same chain.
func NewSandbox(seed []byte, genesis int64, period uint32, now func() time.Time) (*Sandbox, error) {
	if len(seed) < 16 {
		return nil, errors.New("the seed of a sandbox chain needs 16 bytes")
	}
	wide := append(hashOf("key 1", seed), hashOf("key 2", seed)...) // 512 bits, so that reducing leaves no bias
	key := new(bls12381.Scalar)
	key.SetBytes(wide)
	if key.IsZero() == 1 {
		return nil, errors.New("the seed gives no key")
	}
	public := new(bls12381.G2)
	public.ScalarMult(key, bls12381.G2Generator())
	c := draw.Chain{PublicKey: public.BytesCompressed(), Period: period, Genesis: genesis,
		GenesisSeed: draw.Digest(hashOf("genesis", seed)), Scheme: draw.Scheme, BeaconID: "rehearsal"}
	c.Hash = c.ComputeHash()
	return &Sandbox{chain: c, key: key, now: now}, c.Validate()
}

func hashOf(what string, seed []byte) []byte {
	sum := sha256.Sum256(append([]byte("hongbao sandbox beacon "+what+"\n"), seed...))
	return sum[:]
}

// Chain describes the sandbox.
func (s *Sandbox) Chain() draw.Chain { return s.chain }

// Round signs a round; before its time the error is ErrNotYet.
func (s *Sandbox) Round(round uint64) (draw.BeaconRound, error) {
	if round == 0 {
		return draw.BeaconRound{}, errors.New("rounds begin at 1")
	}
	if round > s.latest() {
		return draw.BeaconRound{}, ErrNotYet
	}
	sig := new(bls12381.G1)
	sig.ScalarMult(s.key, message(round))
	return draw.BeaconRound{Round: round, Signature: sig.BytesCompressed(), CarriedBy: s.chain.BeaconID}, nil
}

// latest is the newest round whose time has come, 0 before genesis.
func (s *Sandbox) latest() uint64 {
	since := s.now().Unix() - s.chain.Genesis
	if since < 0 {
		return 0
	}
	return uint64(since/int64(s.chain.Period)) + 1
}

// Handler speaks drand's HTTP API: /{chain hash}/info, /{chain hash}/public/latest
// and /{chain hash}/public/{round}, which is 425 before its time.
func (s *Sandbox) Handler() http.Handler {
	mux := http.NewServeMux()
	base := "GET /" + s.chain.Hash.String()
	mux.HandleFunc(base+"/info", func(w http.ResponseWriter, _ *http.Request) { s.serveInfo(w) })
	mux.HandleFunc(base+"/public/latest", func(w http.ResponseWriter, _ *http.Request) { s.serveRound(w, s.latest()) })
	mux.HandleFunc(base+"/public/{round}", func(w http.ResponseWriter, r *http.Request) {
		round, err := strconv.ParseUint(r.PathValue("round"), 10, 53)
		if err != nil || round == 0 {
			http.Error(w, "not a round", http.StatusBadRequest)
			return
		}
		s.serveRound(w, round)
	})
	return mux
}

func (s *Sandbox) serveInfo(w http.ResponseWriter) {
	in := info{PublicKey: hex.EncodeToString(s.chain.PublicKey), Period: s.chain.Period, Genesis: s.chain.Genesis,
		Hash: s.chain.Hash, GroupHash: s.chain.GenesisSeed, Scheme: s.chain.Scheme}
	in.Metadata.BeaconID = s.chain.BeaconID
	writeJSON(w, struct {
		info
		Label string `json:"label"`
	}{in, s.chain.Label()})
}

func (s *Sandbox) serveRound(w http.ResponseWriter, round uint64) {
	r, err := s.Round(round)
	if err != nil {
		http.Error(w, err.Error(), http.StatusTooEarly)
		return
	}
	writeJSON(w, struct {
		answer
		Label string `json:"label"`
	}{answer{r.Round, r.Value().String(), hex.EncodeToString(r.Signature)}, s.chain.Label()})
}

// writeJSON writes plain values, which always encode.
func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}
