package campaign

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"time"

	"hongbao/internal/fault"
	"hongbao/internal/identity"
)

// Challenge is the small calculation that a browser does before it submits. It costs one person nothing to speak of, and
// whoever registers thousands, thousands of times that.
type Challenge struct {
	Bits int64         `yaml:"bits" json:"bits"` // leading zero bits of SHA-256 that are asked for in calm times
	Most int64         `yaml:"most" json:"most"` // and at most
	Wait time.Duration `yaml:"wait" json:"-"`    // what a browser without scripts waits instead, in calm times
}

// Set reports whether a challenge is asked for.
func (ch Challenge) Set() bool { return ch.Bits > 0 }

const (
	challengeLife  = 30 * time.Minute
	challengeCalm  = 100              // challenges a second up to which times are calm
	maxWait        = 10 * time.Minute // without scripts, however many register
	unconsented    = 2                // bits more for who does not agree to risk control
	challengeBody  = 8 + 8 + 1 + 4 + 8
	challengeProof = 16
)

var (
	errChallenge = fault.New(fault.Forbidden, "challenge", "防脚本验证还没有完成，请稍候几秒再提交。登记不分先后，不必着急。",
		"The check against scripts is not complete; please wait a few seconds and submit again. It is not first come, first served.")
	errChallengeOver = fault.New(fault.Forbidden, "challenge-expired", "防脚本验证已过期，请重新提交。", "The check against scripts has expired; please submit again.")
)

func (rb *RuleBook) checkChallenge(r *reading) {
	ch := rb.Challenge
	if ch == (Challenge{}) {
		return
	}
	if ch.Bits < 1 || ch.Most > 24 || ch.Most < ch.Bits {
		r.add("challenge.bits", "应满足 1 ≤ bits ≤ most ≤ 24", "must be 1 <= bits <= most <= 24")
	}
	if ch.Wait < time.Second || ch.Wait > maxWait {
		r.add("challenge.wait", "应在一秒到十分钟之间", "must be between one second and ten minutes")
	}
}

// PosedChallenge is a challenge for one phone. It is solved by a decimal number n of at most 20 digits so that
// SHA-256(Text ":" n) begins with Bits zero bits, or by waiting.
type PosedChallenge struct {
	Text        string `json:"challenge"`
	Bits        int    `json:"bits"`
	WaitSeconds int    `json:"wait_seconds"` // after which no number is needed
	// The same for who does not agree to risk control.
	BitsUnconsented int `json:"bits_without_risk_consent"`
	WaitUnconsented int `json:"wait_seconds_without_risk_consent"`
}

// heat counts the challenges of this second and the last. Each replica counts its own: a balancer gives each its share of a
// surge, so each sees the heat.
type heat struct {
	mu     sync.Mutex
	second int64
	n, was int
}

func (h *heat) add(now time.Time) (rate int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if second := now.Unix(); second != h.second {
		h.was = 0
		if second == h.second+1 {
			h.was = h.n
		}
		h.second, h.n = second, 0
	}
	h.n++
	return max(h.n, h.was)
}

// PoseChallenge gives the challenge for a phone. Nothing is stored: the text is signed under the campaign's key and names the
// phone. A phone has one registration, so each is used once.
func (s *Service) PoseChallenge(ctx context.Context, slug, phone string) (PosedChallenge, error) {
	live, err := s.Live(ctx, slug)
	if err != nil {
		return PosedChallenge{}, err
	}
	if err := live.accepts(s.Now()); err != nil || !live.Book.Challenge.Set() {
		return PosedChallenge{}, err
	}
	number, err := identity.ParsePhone(numeral(phone))
	if err != nil {
		return PosedChallenge{}, err
	}
	vault, err := s.Keys.VaultFor(ctx, live.ID)
	if err != nil {
		return PosedChallenge{}, err
	}
	return s.pose(live, vault, number), nil
}

func (s *Service) pose(live *Live, vault *identity.Vault, phone string) PosedChallenge {
	now := s.Now()
	steps := bits.Len(uint(s.heat.add(now) / challengeCalm)) // 0 in calm times, then one for each doubling
	if waiting := s.intake.length(); waiting > intakeLimit/8 {
		steps += 2
	}
	ch := live.Book.Challenge
	c := posed{phone: mark(index(vault, "phone", phone)), at: now.Unix(), bits: min(int(ch.Bits)+steps, int(ch.Most)), wait: min(ch.Wait<<steps, maxWait)}
	more := c.to(live, nil)
	return PosedChallenge{c.text(vault), c.bits, seconds(c.wait), more.bits, seconds(more.wait)}
}

func seconds(d time.Duration) int { return int(d / time.Second) }

// posed is what the text of a challenge says.
type posed struct {
	phone uint64 // the beginning of its keyed index
	at    int64  // unix seconds
	bits  int
	wait  time.Duration
}

// to is the challenge for who agreed to these statements: without risk control, where there are risk rules, it takes longer.
func (c posed) to(live *Live, agreed []string) posed {
	if live.Book.Risk.Set() && !slices.ContainsFunc(agreed, isRisk) {
		c.bits, c.wait = c.bits+unconsented, c.wait*2
	}
	return c
}

func (c posed) text(vault *identity.Vault) string {
	body := make([]byte, 0, challengeBody+challengeProof)
	body = binary.BigEndian.AppendUint64(body, c.phone)
	body = binary.BigEndian.AppendUint64(body, uint64(c.at))
	body = append(body, byte(c.bits))
	body = binary.BigEndian.AppendUint32(body, uint32(seconds(c.wait)))
	body = append(body, make([]byte, 8)...)
	_, _ = rand.Read(body[challengeBody-8:]) // never fails
	proof := vault.Index("challenge", string(body))
	return base64.RawURLEncoding.EncodeToString(append(body, proof[:challengeProof]...))
}

func readPosed(vault *identity.Vault, text string) (c posed, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(text[:min(len(text), 100)])
	if err != nil || len(raw) != challengeBody+challengeProof {
		return c, false
	}
	body := raw[:challengeBody]
	proof := vault.Index("challenge", string(body))
	if subtle.ConstantTimeCompare(proof[:challengeProof], raw[challengeBody:]) == 0 {
		return c, false
	}
	return posed{binary.BigEndian.Uint64(body), int64(binary.BigEndian.Uint64(body[8:])), int(body[16]), time.Duration(binary.BigEndian.Uint32(body[17:])) * time.Second}, true
}

// checkChallenge gives nil for a submission whose challenge is solved or waited for. At a branch desk somebody stands there,
// and none is asked for.
func (s *Service) checkChallenge(live *Live, vault *identity.Vault, a *application, sub Submission) error {
	if !live.Book.Challenge.Set() || sub.Desk != "" {
		return nil
	}
	c, ok := readPosed(vault, sub.Challenge)
	if !ok || c.phone != mark(a.row.PhoneIndex) {
		return errChallenge
	}
	c = c.to(live, strings.Fields(a.row.Consents))
	age := s.Now().Sub(time.Unix(c.at, 0))
	switch {
	case age < 0 || age > challengeLife:
		return errChallengeOver
	case age >= c.wait || solves(sub.Challenge, sub.Solution, c.bits):
		return nil
	}
	return errChallenge.After(c.wait - age)
}

func solves(text, solution string, wanted int) bool {
	if solution == "" || len(solution) > 20 || strings.Trim(solution, "0123456789") != "" {
		return false
	}
	digest := sha256.Sum256([]byte(text + ":" + solution))
	return bits.LeadingZeros64(binary.BigEndian.Uint64(digest[:])) >= wanted
}
