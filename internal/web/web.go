// Package web is what every page and every API of the platform share: the Gin engine with its middleware, sign-in of
// staff and citizens, strict JSON in, one shape of error out, and the pages with their layouts, components and style.
//
// It knows no room: what a role may do and who a token belongs to come in as functions, and each room adds its own
// templates. House rules for a handler: decode, make one call, render; return the error.
package web

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

// Options are the settings of the web. The zero value is not usable: Secret, Authenticate and May are required.
type Options struct {
	Environment string   // "rehearsal" or "live": the badge that nobody can miss
	Secure      bool     // the site is served over HTTPS: cookies are Secure and HSTS is sent
	Origins     []string // other origins whose forms may post here, as "https://host"; normally none
	Proxies     []string // addresses of reverse proxies whose X-Forwarded-For is believed
	Body        int64    // greatest request body in bytes; 0 means 1 MiB. See Web.Upload
	Secret      []byte   // at least 32 bytes: authenticates citizens' tokens
	CitizenTTL  time.Duration
	Limiter     Limiter   // nil: no rate limits
	Measures    *Measures // nil: nothing is counted
	Log         *slog.Logger
	Now         func() time.Time

	// Authenticate finds the member of staff a session token belongs to; a fault of kind Unauthenticated otherwise.
	Authenticate func(ctx context.Context, token string) (Actor, error)
	// May says whether a role holds a permission.
	May func(role, permission string) bool
}

// Web is given to every room's Routes: it wraps handlers, guards routes and renders pages.
type Web struct {
	Engine *gin.Engine
	Pages  *Pages
	// SignIn, when set, answers a console page that was asked for without a session. Its status must be 401.
	SignIn func(c *gin.Context)
	// CityName, when set, gives the name of a city by its code in the language of the request, or "".
	CityName func(c *gin.Context, code string) string
	Options

	routes       []Route // documented, see API
	document     sync.Once
	documentJSON []byte
	documentErr  error
}

// New builds the engine with its middleware and the routes that belong to no room: static files.
// It panics on settings that would leave the site open: that is a mistake in the program, not an outcome.
func New(options Options) *Web {
	if len(options.Secret) < 32 || options.Authenticate == nil || options.May == nil {
		panic("web: Secret of 32 bytes, Authenticate and May are required")
	}
	w := &Web{Options: options.withDefaults(), Pages: NewPages()}
	gin.SetMode(gin.ReleaseMode)
	w.Engine = gin.New()
	w.Engine.HandleMethodNotAllowed = true
	w.Engine.ContextWithFallback = true
	w.Engine.MaxMultipartMemory = 1 << 20
	if err := w.Engine.SetTrustedProxies(w.Proxies); err != nil {
		panic(fmt.Sprintf("web: trusted proxies: %v", err))
	}
	if w.Measures != nil {
		w.Engine.Use(w.Measures.measure)
	}
	w.Engine.Use(w.identify, w.log, w.recover, w.secure, w.prefer, w.cap, w.sameOrigin())
	w.Engine.NoRoute(w.Handle(func(*gin.Context) error { return errNoRoute }))
	w.Engine.NoMethod(w.Handle(func(*gin.Context) error { return errNoMethod }))
	w.Engine.GET("/static/:name", w.Pages.serveAsset)
	w.API("/api/v1").GET("/openapi.json", Operation{ZH: "这份文档。", EN: "This document.", Answer: json.RawMessage{}}, w.openAPI)
	w.Engine.GET("/favicon.ico", func(c *gin.Context) { c.Redirect(http.StatusFound, w.Pages.AssetURL("favicon.svg")) })
	return w
}

func (o Options) withDefaults() Options {
	if o.Body == 0 {
		o.Body = 1 << 20
	}
	if o.CitizenTTL == 0 {
		o.CitizenTTL = 60 * 24 * time.Hour
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Handle makes a Gin handler of a function that returns its error. The error is rendered in one place.
func (w *Web) Handle(handler func(c *gin.Context) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := handler(c); err != nil {
			w.Fail(c, err)
		}
	}
}
