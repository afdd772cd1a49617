// Package draw is the verifiable draw draw/v1: bytes in, bytes out. It parses
// and writes every public document of a draw, computes the result from the
// plan, the entries, the reveals and the beacon value, and verifies a whole
// public bundle. It knows no database, no network and no clock; docs/draw.md
// holds the specification.
//
// Unless a comment says otherwise: times are unix seconds UTC, amounts are
// fen, hex is lower case, and every text line ends in one \n.
package draw

import (
	"bytes"
	"encoding/hex"
	"errors"
)

// Digest is any 32-byte value of the draw: a hash, an entry, a score, a salt,
// a person tag, a helper's secret. Its text form is 64 lower-case hex digits.
type Digest [32]byte

// String returns the 64 lower-case hex digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Compare orders by byte: -1, 0 or 1.
func (d Digest) Compare(o Digest) int { return bytes.Compare(d[:], o[:]) }

// IsZero reports whether all 32 bytes are zero.
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText writes the hex digits, so that JSON shows them as a string.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText accepts what ParseDigest accepts.
func (d *Digest) UnmarshalText(b []byte) (err error) {
	*d, err = ParseDigest(string(b))
	return err
}

// ParseDigest reads exactly 64 lower-case hex digits.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	b, err := parseHex(s, len(d))
	if err != nil {
		return d, err
	}
	return Digest(b), nil
}

// parseHex reads exactly size bytes of lower-case hex.
func parseHex(s string, size int) ([]byte, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != size || hex.EncodeToString(b) != s {
		return nil, errors.New("not lower-case hex of the right length")
	}
	return b, nil
}
