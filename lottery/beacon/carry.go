package beacon

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"hongbao/lottery/draw"
)

// answer is a round in drand's HTTP API.
type answer struct {
	Round      uint64 `json:"round"`
	Randomness string `json:"randomness,omitempty"`
	Signature  string `json:"signature"`
}

// parseAnswer reads a round; a randomness beside it must be SHA-256(signature).
// It does not verify the signature.
func parseAnswer(b []byte) (draw.BeaconRound, error) {
	var a answer
	if err := json.Unmarshal(b, &a); err != nil {
		return draw.BeaconRound{}, fmt.Errorf("not a round in JSON: %w", err)
	}
	sig, err := decodeHex(a.Signature)
	if err != nil {
		return draw.BeaconRound{}, err
	}
	r := draw.BeaconRound{Round: a.Round, Signature: sig}
	if a.Randomness != "" && a.Randomness != r.Value().String() {
		return draw.BeaconRound{}, errors.New("the randomness is not the hash of the signature")
	}
	return r, nil
}

func decodeHex(s string) ([]byte, error) {
	b, err := hex.DecodeString(s)
	if err != nil {
		return nil, errors.New("not hex")
	}
	return b, nil
}

// Import takes a round that a person carried in, from a file or pasted: the
// JSON of drand's API or of beacon.json, or the signature alone in hex. It is
// verified like any other, so a blocked network is no outage. carriedBy is
// published.
func Import(c draw.Chain, round uint64, text []byte, carriedBy string) (draw.BeaconRound, error) {
	r := draw.BeaconRound{Round: round}
	text = bytes.TrimSpace(text)
	if bytes.HasPrefix(text, []byte("{")) {
		var err error
		if r, err = parseAnswer(text); err != nil {
			return draw.BeaconRound{}, err
		}
	} else {
		sig, err := decodeHex(strings.Join(strings.Fields(string(text)), ""))
		if err != nil {
			return draw.BeaconRound{}, err
		}
		r.Signature = sig
	}
	if r.Round != round {
		return draw.BeaconRound{}, fmt.Errorf("this is round %d, the draw needs %d", r.Round, round)
	}
	if err := Verify(c, round, r.Signature); err != nil {
		return draw.BeaconRound{}, err
	}
	r.CarriedBy = carriedBy
	return r, nil
}
