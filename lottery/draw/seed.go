package draw

import (
	"errors"
	"fmt"
	"strings"
)

// Commit is a helper's commitment: H(tag("helper") ‖ secret ‖ id ‖ " " ‖ name)
// (section Bytes, 3). The secret is 32 random bytes, not all zero.
func Commit(h Hash, drawID, helper string, secret Digest) Digest {
	return h.Sum(tag("helper"), secret[:], []byte(drawID+" "+helper))
}

// Reveal is one line of the file reveals: a helper's secret, or its absence.
type Reveal struct {
	Name    string
	Secret  Digest // zero when Missing
	Missing bool
}

// NewReveals puts the secrets that came in into the plan's order, by helper's
// name. A name that the plan does not know, a zero secret, and one that does
// not open its commitment are refused; a helper without one is Missing.
func NewReveals(p *Plan, secrets map[string]Digest) ([]Reveal, error) {
	reveals := make([]Reveal, 0, len(p.Helpers))
	known := 0
	for _, helper := range p.Helpers {
		secret, ok := secrets[helper.Name]
		if !ok {
			reveals = append(reveals, Reveal{Name: helper.Name, Missing: true})
			continue
		}
		if err := p.checkSecret(helper, secret); err != nil {
			return nil, err
		}
		known++
		reveals = append(reveals, Reveal{Name: helper.Name, Secret: secret})
	}
	if known != len(secrets) {
		return nil, errors.New("a secret is from no helper of the plan")
	}
	return reveals, nil
}

func (p *Plan) checkSecret(helper Helper, secret Digest) error {
	if secret.IsZero() {
		return fmt.Errorf("the secret of %s is all zero", helper.Name)
	}
	if Commit(p.Hash, p.ID, helper.Name, secret) != helper.Commitment {
		return fmt.Errorf("the secret of %s does not open its commitment", helper.Name)
	}
	return nil
}

// ParseReveals reads the file reveals: a line for each helper in plan order,
// "<name> <secret hex>" or "<name> -", and checks every commitment.
func ParseReveals(p *Plan, b []byte) ([]Reveal, error) {
	r := newLineReader(b)
	reveals := make([]Reveal, 0, len(p.Helpers))
	for _, helper := range p.Helpers {
		secret := r.fields(helper.Name, 1)[0]
		if secret == "-" {
			reveals = append(reveals, Reveal{Name: helper.Name, Missing: true})
			continue
		}
		d := r.digest(secret)
		if err := p.checkSecret(helper, d); err != nil {
			r.fail("%v", err)
		}
		reveals = append(reveals, Reveal{Name: helper.Name, Secret: d})
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return reveals, nil
}

// FormatReveals returns the file reveals.
func FormatReveals(reveals []Reveal) []byte {
	var b strings.Builder
	for _, r := range reveals {
		secret := "-"
		if !r.Missing {
			secret = r.Secret.String()
		}
		b.WriteString(r.Name + " " + secret + "\n")
	}
	return []byte(b.String())
}

// Mix is H(tag("mix") ‖ the helpers' secrets in plan order), 32 zero bytes for
// a helper without a reveal (section Bytes, 3).
func Mix(h Hash, reveals []Reveal) Digest {
	parts := [][]byte{tag("mix")}
	for _, r := range reveals {
		parts = append(parts, r.Secret[:])
	}
	return h.Sum(parts...)
}

// Seed is H(tag("seed") ‖ H(plan) ‖ mix ‖ beacon value) (section Bytes, 4).
func Seed(p *Plan, reveals []Reveal, beacon Digest) Digest {
	plan, mix := p.Digest(), Mix(p.Hash, reveals)
	return p.Hash.Sum(tag("seed"), plan[:], mix[:], beacon[:])
}

// Score places an entry: H(seed[0..15] ‖ entry), lower is better, equal scores
// by entry (section Bytes, 5).
func Score(h Hash, seed, entry Digest) Digest {
	return h.scorer(seed)(entry[:])
}

// scorer returns Score for one seed and one goroutine, without allocation.
func (h Hash) scorer(seed Digest) func(entry []byte) Digest {
	sum, buf := h.summer(), make([]byte, 16+entrySize)
	copy(buf, seed[:16])
	return func(entry []byte) Digest {
		copy(buf[16:], entry)
		return sum(buf)
	}
}
