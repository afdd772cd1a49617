package draw

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

// Scheme is the only drand scheme of draw/v1: unchained, signatures on G1.
const Scheme = "bls-unchained-g1-rfc9380"

// QuicknetHash is the chain hash of drand's public quicknet, in hex.
const QuicknetHash = "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971"

// RehearsalLabel stands beside every draw whose chain is not quicknet.
const RehearsalLabel = "rehearsal, not public randomness"

// SignatureSize is the one accepted length of a beacon signature: the
// compressed form. The 96-byte form of the same point would hash to another
// value, so the length is what keeps one round one seed (section Bytes, 1).
const SignatureSize = 48

// Chain describes a drand chain, as in chain.json.
type Chain struct {
	PublicKey   []byte // 96 bytes, compressed point on G2
	Period      uint32 // seconds between rounds
	Genesis     int64  // unix seconds of round 1
	GenesisSeed Digest // drand's groupHash
	Hash        Digest // the chain hash, see ComputeHash
	Scheme      string
	BeaconID    string // a token, never "default"
}

// ComputeHash authenticates a chain by its own data: SHA-256(uint32be(period) ‖
// int64be(genesis) ‖ public key ‖ genesis seed ‖ beacon id), whatever hash the
// plan names (section Bytes, 1).
func (c Chain) ComputeHash() Digest {
	b := binary.BigEndian.AppendUint32(nil, c.Period)
	b = binary.BigEndian.AppendUint64(b, uint64(c.Genesis))
	b = append(b, c.PublicKey...)
	b = append(b, c.GenesisSeed[:]...)
	b = append(b, c.BeaconID...)
	return sha256.Sum256(b)
}

// Validate checks every field; an error says which is wrong.
func (c Chain) Validate() error {
	switch {
	case len(c.PublicKey) != 2*SignatureSize:
		return errors.New("public_key is not 96 bytes")
	case c.Period == 0:
		return errors.New("period is 0")
	case c.Genesis < 0 || c.Genesis >= 1e15:
		return errors.New("genesis_time is out of range")
	case c.Scheme != Scheme:
		return fmt.Errorf("scheme is not %s", Scheme)
	case !IsToken(c.BeaconID) || c.BeaconID == "default":
		return errors.New("beacon_id is not a token, or is default")
	case c.Hash != c.ComputeHash():
		return errors.New("the chain hash does not follow from the other fields")
	}
	return nil
}

// RoundAfter returns the round of a draw whose close and delay end at t: the
// first round produced at t or later, ceil((t - genesis) / period) + 1. A time
// before genesis is refused.
func (c Chain) RoundAfter(t int64) (uint64, error) {
	if t < c.Genesis {
		return 0, errors.New("close and delay end before the chain's genesis")
	}
	period := int64(c.Period)
	return uint64((t-c.Genesis+period-1)/period) + 1, nil
}

// RoundTime returns the unix second at which a round (from 1) is produced.
func (c Chain) RoundTime(round uint64) int64 {
	return c.Genesis + (int64(round)-1)*int64(c.Period)
}

// Label is empty for quicknet and RehearsalLabel for every other chain.
func (c Chain) Label() string {
	if c.Hash.String() == QuicknetHash {
		return ""
	}
	return RehearsalLabel
}

// CheckPlan checks that the plan names this chain and the round that follows
// from its close and delay.
func (c Chain) CheckPlan(p *Plan) error {
	if p.Chain != c.Hash {
		return errors.New("the plan names another chain")
	}
	round, err := c.RoundAfter(p.Close + p.Delay)
	if err != nil {
		return err
	}
	if p.Round != round {
		return fmt.Errorf("close and delay give round %d, the plan says %d", round, p.Round)
	}
	return nil
}

// ParseChain reads chain.json: one object with exactly the seven fields, and
// every rule of Validate.
func ParseChain(b []byte) (Chain, error) {
	o, err := parseObject(b)
	if err != nil {
		return Chain{}, err
	}
	c := Chain{
		PublicKey:   o.hex("public_key", 2*SignatureSize),
		Period:      uint32(o.number("period", 1<<32-1)),
		Genesis:     o.number("genesis_time", 1e15-1),
		GenesisSeed: o.digest("genesis_seed"),
		Hash:        o.digest("hash"),
		Scheme:      o.text("scheme"),
		BeaconID:    o.text("beacon_id"),
	}
	if err := o.end(); err != nil {
		return Chain{}, err
	}
	return c, c.Validate()
}

// JSON returns the file chain.json.
func (c Chain) JSON() []byte {
	return formatObject(
		"public_key", hex.EncodeToString(c.PublicKey), "period", c.Period, "genesis_time", c.Genesis,
		"genesis_seed", c.GenesisSeed, "hash", c.Hash, "scheme", c.Scheme, "beacon_id", c.BeaconID)
}

// BeaconRound is one round of a chain, as in beacon.json.
type BeaconRound struct {
	Round     uint64
	Signature []byte // SignatureSize bytes
	CarriedBy string // who brought it in, for people
}

// Value is the beacon value that enters the seed: SHA-256(signature), whatever
// hash the plan names.
func (r BeaconRound) Value() Digest { return sha256.Sum256(r.Signature) }

// ParseBeaconRound reads beacon.json: round, signature, and any further fields
// as long as they are strings, since the specification leaves open how "who
// carried it" is spelt. It does not verify the signature.
func ParseBeaconRound(b []byte) (BeaconRound, error) {
	o, err := parseObject(b)
	if err != nil {
		return BeaconRound{}, err
	}
	r := BeaconRound{Round: uint64(o.number("round", 1e15-1)), Signature: o.hex("signature", SignatureSize)}
	if _, ok := o.members["carried_by"]; ok {
		r.CarriedBy = o.text("carried_by")
	}
	for name := range o.members {
		o.text(name)
	}
	return r, o.end()
}

// JSON returns the file beacon.json.
func (r BeaconRound) JSON() []byte {
	return formatObject("round", r.Round, "signature", hex.EncodeToString(r.Signature), "carried_by", r.CarriedBy)
}
