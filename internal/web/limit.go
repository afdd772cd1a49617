package web

import (
	"time"

	"hongbao/internal/fault"

	"github.com/gin-gonic/gin"
)

var errTooMany = fault.New(fault.TooMany, "too-many-requests", "请求太频繁，请稍等片刻再试。登记不分先后，不必着急。", "Too many requests; please wait a moment. Registration is not first come, first served.")

// Limiter says how long a caller must wait before one more request in the named bucket, or 0 when it may pass now. Behind one address
// may stand thousands of phones of a mobile network, so rules by address are generous; finer rules belong to the room that knows the phone.
type Limiter func(bucket, caller string) time.Duration

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
