package web

import (
	"hash/maphash"
	"sync"
	"time"

	"hongbao/internal/fault"

	"github.com/gin-gonic/gin"
	"golang.org/x/time/rate"
)

var errTooMany = fault.New(fault.TooMany, "too-many-requests", "请求太频繁，请稍等片刻再试。登记不分先后，不必着急。", "Too many requests; please wait a moment. Registration is not first come, first served.")

// Limiter says how long a caller must wait before one more request in the named bucket, or 0 when it may pass now.
type Limiter func(bucket, caller string) time.Duration

// Rule is the rate of one bucket for one caller. Behind one address may stand thousands of phones of a mobile network,
// so rules by address are generous; finer rules belong to the room that knows the phone number.
type Rule struct {
	PerMinute, Burst int
}

// maxCallers bounds the memory of a limiter. When it is full it starts anew, which forgives everybody once.
const maxCallers = 100_000

// NewLimiter makes a limiter in memory from rules by bucket. Buckets without a rule are not limited. Callers are kept
// as keyed hashes of their address, never the address.
func NewLimiter(now func() time.Time, rules map[string]Rule) Limiter {
	var mu sync.Mutex
	seed, callers := maphash.MakeSeed(), map[uint64]*rate.Limiter{}
	return func(bucket, caller string) time.Duration {
		rule, ok := rules[bucket]
		if !ok {
			return 0
		}
		key := maphash.String(seed, bucket+"\x00"+caller)
		mu.Lock()
		defer mu.Unlock()
		one := callers[key]
		if one == nil {
			if len(callers) >= maxCallers {
				clear(callers)
			}
			one = rate.NewLimiter(rate.Limit(float64(rule.PerMinute)/60), rule.Burst)
			callers[key] = one
		}
		reservation := one.ReserveN(now(), 1)
		wait := reservation.DelayFrom(now())
		if wait > 0 {
			reservation.CancelAt(now())
		}
		return wait
	}
}

// Limited is middleware that counts the request in the named bucket of its network address.
func (w *Web) Limited(bucket string) gin.HandlerFunc {
	return func(c *gin.Context) {
		if w.Limiter != nil {
			if wait := w.Limiter(bucket, c.ClientIP()); wait > 0 {
				if w.Measures != nil {
					w.Measures.limited.WithLabelValues(bucket).Inc()
				}
				w.Fail(c, errTooMany.After(wait))
				return
			}
		}
		c.Next()
	}
}
