package web

import (
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"runtime/debug"
	"strings"

	"hongbao/internal/fault"

	"github.com/gin-gonic/gin"
)

const (
	requestKey = "web.request"
	bodyKey    = "web.body"
)

// policy allows this site's own files and nothing else: no inline script or style, no frame, no outside request.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

var (
	errNoRoute  = fault.New(fault.NotFound, "no-such-page", "地址写错了，或者页面已经移走。", "The address is wrong, or the page has moved.")
	errNoMethod = fault.New(405, "method-not-allowed", "这个地址不接受这种请求方式。", "This address does not accept this method.")
	errPanic    = fault.New(fault.Internal, "internal", "系统出了点问题，已经记录。请稍后再试。", "Something went wrong and has been recorded. Please try again later.")
	errOrigin   = fault.New(fault.Forbidden, "cross-origin", "请求来自其他网站，已拒绝。请从本站页面操作。", "The request came from another site and was refused. Please use this site's own page.")
	requestID   = regexp.MustCompile(`^[0-9A-Za-z-]{8,64}$`)
)

// identify gives every request an id: the caller's when it is well formed, else a new one.
func (w *Web) identify(c *gin.Context) {
	id := c.GetHeader("X-Request-Id")
	if !requestID.MatchString(id) {
		id = rand.Text()
	}
	c.Set(requestKey, id)
	c.Header("X-Request-Id", id)
	c.Next()
}

// RequestID is the id under which the request is logged.
func RequestID(c *gin.Context) string { return c.GetString(requestKey) }

// log writes one line a request. It names the route, not the address asked for, because addresses and query strings
// may hold a phone number; and no network address, because that is personal data.
func (w *Web) log(c *gin.Context) {
	start := w.Now()
	c.Next()
	attributes := []any{"id", RequestID(c), "method", c.Request.Method, "route", route(c), "status", c.Writer.Status(),
		"ms", w.Now().Sub(start).Milliseconds(), "bytes", max(c.Writer.Size(), 0)}
	if actor, ok := c.Get(actorKey); ok {
		attributes = append(attributes, "staff", actor.(Actor).Username)
	}
	level := slog.LevelInfo
	if len(c.Errors) > 0 {
		attributes = append(attributes, "error", strings.TrimSpace(c.Errors.String()))
	}
	if c.Writer.Status() >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	w.Log.Log(c.Request.Context(), level, "request", attributes...)
}

// recover turns a panic into an Internal fault; the stack goes to the log. An aborted stream stays aborted.
func (w *Web) recover(c *gin.Context) {
	defer func() {
		caught := recover()
		if caught == nil {
			return
		}
		if caught == http.ErrAbortHandler {
			panic(caught)
		}
		w.Log.Error("panic", "id", RequestID(c), "panic", fmt.Sprint(caught), "stack", string(debug.Stack()))
		w.Fail(c, errPanic)
	}()
	c.Next()
}

// AllowWasm lets the page that is being answered compile WebAssembly, which the policy otherwise forbids.
func AllowWasm(c *gin.Context) {
	c.Header("Content-Security-Policy", strings.Replace(policy, "script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'", 1))
}

// secure sets the headers that hold for every answer. A handler may relax Cache-Control for what is public.
func (w *Web) secure(c *gin.Context) {
	header := c.Writer.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Permissions-Policy", "camera=(), microphone=(), payment=(), usb=(), geolocation=(self)")
	header.Set("Cache-Control", "no-store")
	if w.Secure {
		header.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
	c.Next()
}

// cap bounds the request body; Upload lifts the bound for one route.
func (w *Web) cap(c *gin.Context) {
	if c.Request.Body != nil {
		c.Set(bodyKey, c.Request.Body)
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, w.Body)
	}
	c.Next()
}

// Upload is middleware for a route that takes a file of up to limit bytes.
func (w *Web) Upload(limit int64) gin.HandlerFunc {
	return func(c *gin.Context) {
		if body, ok := c.Get(bodyKey); ok {
			c.Request.Body = http.MaxBytesReader(c.Writer, body.(io.ReadCloser), limit)
		}
		c.Next()
	}
}

// sameOrigin refuses a state-changing request that a browser sent on behalf of another site. Requests of programs
// carry neither Sec-Fetch-Site nor Origin and pass: they authenticate with a token or a signature, not a cookie.
func (w *Web) sameOrigin() gin.HandlerFunc {
	protection := http.NewCrossOriginProtection()
	for _, origin := range w.Origins {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			panic(fmt.Sprintf("web: origin %q: %v", origin, err))
		}
	}
	return func(c *gin.Context) {
		if err := protection.Check(c.Request); err != nil {
			w.Fail(c, errOrigin.With(err))
			return
		}
		c.Next()
	}
}

// prefer reads the choices of language and text size. A page asked for with ?lang= or ?text= keeps the choice in a
// cookie and comes back at its clean address; the API honours ?lang= for one answer only.
func (w *Web) prefer(c *gin.Context) {
	locale, large := "zh", false
	if value, err := c.Cookie("lang"); err == nil && value == "en" {
		locale = "en"
	}
	if value, err := c.Cookie("text"); err == nil && value == "large" {
		large = true
	}
	query := c.Request.URL.Query()
	lang, text := query.Get("lang"), query.Get("text")
	if lang == "en" || lang == "zh" {
		locale = lang
	}
	c.Set(localeKey, locale)
	c.Set(largeKey, large)
	if (lang != "" || text != "") && c.Request.Method == http.MethodGet && !isAPI(c) {
		w.keepChoice(c, "lang", lang, "zh", "en")
		w.keepChoice(c, "text", text, "normal", "large")
		query.Del("lang")
		query.Del("text")
		clean := url.URL{Path: "/" + strings.TrimLeft(c.Request.URL.Path, "/"), RawQuery: query.Encode()}
		c.Redirect(http.StatusSeeOther, clean.String())
		c.Abort()
		return
	}
	c.Next()
}

func (w *Web) keepChoice(c *gin.Context, name, value string, allowed ...string) {
	for _, choice := range allowed {
		if value == choice {
			w.setCookie(c, name, value, 365*24*3600)
		}
	}
}

func isAPI(c *gin.Context) bool {
	path := c.Request.URL.Path
	return strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/operator/")
}
