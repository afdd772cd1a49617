package rehearsal

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/http"
)

// solve does the calculation that a citizen's browser does.
func (s *script) solve(ctx context.Context, c *citizen, from http.Header, form map[string]any) error {
	var posed struct {
		Challenge string
		Bits      int
	}
	if err := s.api.do(ctx, http.MethodPost, "/api/v1/campaigns/"+s.book.ID+"/challenges", from, map[string]string{"phone": c.Phone}, &posed); err != nil {
		return err
	}
	form["challenge"], form["solution"] = posed.Challenge, solution(posed.Challenge, posed.Bits)
	return ctx.Err()
}

// solution finds the number that makes a hash begin with so many zero bits.
func solution(text string, wanted int) string {
	for n := 0; ; n++ {
		digest := sha256.Sum256(fmt.Appendf(nil, "%s:%d", text, n))
		if bits.LeadingZeros64(binary.BigEndian.Uint64(digest[:])) >= wanted {
			return fmt.Sprint(n)
		}
	}
}
