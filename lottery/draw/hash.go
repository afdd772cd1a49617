package draw

import (
	"crypto/sha256"
	"hash"

	"github.com/emmansun/gmsm/sm3"
)

// Hash names the hash function H of a draw, as in the plan's line "hash".
type Hash string

// The two hash functions a plan may name: SHA-256 (FIPS 180-4) and SM3
// (GB/T 32905-2016). Both give 32 bytes.
const (
	SHA256 Hash = "sha256"
	SM3    Hash = "sm3"
)

// Valid reports whether h is one of the two names.
func (h Hash) Valid() bool { return h == SHA256 || h == SM3 }

// New returns a running hash; it panics for a name that is not Valid.
func (h Hash) New() hash.Hash {
	switch h {
	case SHA256:
		return sha256.New()
	case SM3:
		return sm3.New()
	}
	panic("draw: unknown hash " + string(h))
}

// Sum returns H of the parts joined.
func (h Hash) Sum(parts ...[]byte) Digest {
	state := h.New()
	for _, part := range parts {
		state.Write(part)
	}
	return Digest(state.Sum(nil))
}

// summer returns a function that hashes one message without allocating. Each
// goroutine needs its own.
func (h Hash) summer() func([]byte) Digest {
	if h == SHA256 {
		return func(b []byte) Digest { return sha256.Sum256(b) }
	}
	state, out := h.New(), make([]byte, 0, len(Digest{}))
	return func(b []byte) Digest {
		state.Reset()
		state.Write(b)
		out = state.Sum(out[:0])
		return Digest(out)
	}
}

// tag is "draw/v1 " and the name, filled with zero bytes to 32: it keeps the
// inputs of one hash apart from those of every other (section Bytes).
func tag(name string) []byte {
	t := make([]byte, len(Digest{}))
	copy(t, "draw/v1 "+name)
	return t
}
