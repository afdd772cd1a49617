package beacon

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cloudflare/circl/ecc/bls12381"

	"hongbao/lottery/draw"
)

// dst separates the domain of the hash to the curve: drand's scheme
// bls-unchained-g1-rfc9380.
const dst = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"

// Verify checks a round's signature (draw-spec, section Bytes, 1): exactly 48
// bytes, the canonical encoding of a point of the subgroup that is not
// infinity, and valid for SHA-256(uint64be(round)) under the chain's key. It
// needs no network and is a draw.VerifyBeacon.
func Verify(c draw.Chain, round uint64, signature []byte) error {
	if err := c.Validate(); err != nil {
		return fmt.Errorf("chain: %w", err)
	}
	if round == 0 {
		return errors.New("rounds begin at 1")
	}
	sig, err := parseSignature(signature)
	if err != nil {
		return err
	}
	key := new(bls12381.G2)
	if err := key.SetBytes(c.PublicKey); err != nil || key.IsIdentity() {
		return errors.New("the chain's public key is not a point of the subgroup")
	}
	product := bls12381.ProdPairFrac(
		[]*bls12381.G1{sig, message(round)},
		[]*bls12381.G2{bls12381.G2Generator(), key},
		[]int{1, -1})
	if !product.IsIdentity() {
		return fmt.Errorf("the signature is not the chain's for round %d", round)
	}
	return nil
}

// parseSignature accepts one encoding of a point and no other: the longer form
// of a genuine signature verifies too, and would give another seed.
func parseSignature(b []byte) (*bls12381.G1, error) {
	if len(b) != draw.SignatureSize {
		return nil, fmt.Errorf("the signature has %d bytes and not %d", len(b), draw.SignatureSize)
	}
	p := new(bls12381.G1)
	if err := p.SetBytes(b); err != nil {
		return nil, errors.New("the signature is not a point of the subgroup")
	}
	if p.IsIdentity() || !bytes.Equal(p.BytesCompressed(), b) {
		return nil, errors.New("the signature is infinity or not in canonical form")
	}
	return p, nil
}

// message is the point that is signed for a round.
func message(round uint64) *bls12381.G1 {
	digest := sha256.Sum256(binary.BigEndian.AppendUint64(nil, round))
	p := new(bls12381.G1)
	p.Hash(digest[:], []byte(dst))
	return p
}
