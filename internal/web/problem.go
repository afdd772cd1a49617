package web

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/url"
	"strconv"

	"hongbao/internal/fault"

	"github.com/gin-gonic/gin"
)

// Problem is the JSON of an error (RFC 9457). Type is a URN that ends in the stable code; Detail speaks the caller's
// language, DetailZH and DetailEN both; Field names the input at fault, Reference is a number under which the refusal can be appealed.
type Problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Code      string `json:"code"`
	Field     string `json:"field,omitempty"`
	Reference string `json:"reference,omitempty"`
	DetailZH  string `json:"detail_zh"`
	DetailEN  string `json:"detail_en"`
	RequestID string `json:"request_id"`
}

// Fail ends a request with an error: a problem under /api and /operator, a page elsewhere. What is not a fault is
// answered as Internal; the cause goes to the log only.
func (w *Web) Fail(c *gin.Context, err error) {
	shown := shownFault(err)
	_ = c.Error(err)
	c.Abort()
	if c.Writer.Written() {
		return
	}
	if shown.RetryAfter > 0 {
		c.Header("Retry-After", strconv.Itoa(int(math.Ceil(shown.RetryAfter.Seconds()))))
	}
	c.Header("Cache-Control", "no-store")
	switch {
	case isAPI(c):
		w.writeProblem(c, shown)
	case shown.Kind == fault.Unauthenticated && w.SignIn != nil && isConsole(c):
		w.SignIn(c)
	default:
		w.errorPage(c, shown)
	}
}

func shownFault(err error) *fault.Error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return errTooLarge
	}
	if found, ok := fault.As(err); ok {
		return found
	}
	return errPanic
}

func (w *Web) writeProblem(c *gin.Context, shown *fault.Error) {
	if shown.Kind == fault.Unauthenticated {
		c.Header("WWW-Authenticate", `Bearer realm="hongbao"`)
	}
	body, err := json.Marshal(problemOf(c, shown))
	if err != nil {
		body = []byte(`{"type":"about:blank","status":500}`)
	}
	c.Data(int(shown.Kind), "application/problem+json", body)
}

func problemOf(c *gin.Context, shown *fault.Error) Problem {
	return Problem{Type: "urn:hongbao:problem:" + shown.Code, Title: http.StatusText(int(shown.Kind)),
		Status: int(shown.Kind), Detail: Sentence(c, shown), Code: shown.Code, Field: shown.Field, Reference: shown.Reference,
		DetailZH: shown.ZH, DetailEN: shown.EN, RequestID: RequestID(c)}
}

// Sentence is the sentence of an error that may be shown, in the language of the request.
func Sentence(c *gin.Context, err error) string {
	shown := shownFault(err)
	if Locale(c) == "en" {
		return shown.EN
	}
	return shown.ZH
}

// FieldError gives a form's inline error: the field and the sentence, when err is a fault about one field.
func FieldError(c *gin.Context, err error) (field, sentence string, ok bool) {
	found, ok := fault.As(err)
	if !ok || found.Field == "" {
		return "", "", false
	}
	return found.Field, Sentence(c, found), true
}

type errorView struct {
	Status    int
	Sentence  string
	RequestID string
	SignIn    string
	Console   bool // staff are told in the console, with its navigation at hand
}

func (w *Web) errorPage(c *gin.Context, shown *fault.Error) {
	view := errorView{Status: int(shown.Kind), Sentence: Sentence(c, shown), RequestID: RequestID(c)}
	if shown.Kind == fault.Unauthenticated && isConsole(c) {
		view.SignIn = "/console/sign-in?next=" + url.QueryEscape(c.Request.URL.Path)
	}
	page := "web/error.html"
	if _, view.Console = c.Get(actorKey); view.Console && isConsole(c) {
		page = "web/error-console.html"
	}
	if err := w.Render(c, view.Status, page, view); err != nil {
		c.String(view.Status, view.Sentence)
	}
}

func isConsole(c *gin.Context) bool { return hasPath(c.Request.URL.Path, "/console") }
