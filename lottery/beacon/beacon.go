// Package beacon brings public randomness to the draw: it knows drand's
// quicknet, verifies a round's signature offline, fetches rounds from several
// relays, reads a round that someone carried in by hand, and offers a sandbox
// chain for rehearsals that is always labelled as such.
//
// The value of a round is the same whoever brings it, and a wrong one does not
// verify; so nothing here has to be trusted, relays least of all.
package beacon

import (
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"hongbao/lottery/draw"
)

var (
	// ErrNotYet says that a round has not been produced yet.
	ErrNotYet = errors.New("the beacon round is not there yet")
	// ErrDisagreement says that a relay gave a value that cannot be the round's.
	ErrDisagreement = errors.New("a relay disagrees with the chain")
)

// PublicRelays are base URLs of drand's public relays.
var PublicRelays = []string{
	"https://api.drand.sh",
	"https://api2.drand.sh",
	"https://api3.drand.sh",
	"https://drand.cloudflare.com",
}

// Quicknet is drand's public chain with a round every 3 seconds.
func Quicknet() draw.Chain {
	return draw.Chain{
		PublicKey: unhex("83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c" +
			"8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb" +
			"5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a"),
		Period:      3,
		Genesis:     1692803367,
		GenesisSeed: draw.Digest(unhex("f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e")),
		Hash:        draw.Digest(unhex(draw.QuicknetHash)),
		Scheme:      draw.Scheme,
		BeaconID:    "quicknet",
	}
}

// unhex decodes constants only.
func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// Describe names a chain in one line for people; every chain but quicknet
// carries the label of a rehearsal.
func Describe(c draw.Chain) string {
	line := fmt.Sprintf("drand %s, a round every %d s, chain %s", c.BeaconID, c.Period, c.Hash)
	if label := c.Label(); label != "" {
		line += " (" + label + ")"
	}
	return line
}

// CheckAhead refuses, at publication of a plan or notice, a round that is past
// or nearer than margin: someone could know its value. A verifier never asks
// this, since every round is past by then.
func CheckAhead(c draw.Chain, round uint64, now time.Time, margin time.Duration) error {
	at := time.Unix(c.RoundTime(round), 0)
	if at.Before(now.Add(margin)) {
		return fmt.Errorf("round %d is due at %s, less than %s from now", round, at.UTC().Format(time.RFC3339), margin)
	}
	return nil
}
