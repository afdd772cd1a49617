package web

import (
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

// Operation documents one route of the JSON API. It is given where the route is mounted, so that a route and what
// /api/v1/openapi.json says of it stand together. A test holds both against each other, and the document against answers.
type Operation struct {
	ZH, EN   string            // what it does, in one sentence each
	Query    map[string]string // parameter of the address -> what it asks for
	Body     any               // a value of the type that Bind reads; Files for another body; nil for none
	Status   int               // of success; 0 means 200, or 204 without an Answer
	OrStatus int               // another status of success with the same answer
	Answer   any               // a value of the type that is answered; see Object, List and Files; nil for none
	Also     []int             // statuses beside those that follow from guards, parameters and body
	Upload   int64             // greatest body in bytes, where the general bound is too small
	Optional bool              // the body may be left out
}

// Object is a JSON object by its names: each value is of the type that stands there.
type Object map[string]any

// Files are the media types of a body or an answer that is not JSON.
type Files []string

// Route is an operation with its place: what it takes to reach it.
type Route struct {
	Operation
	Method, Path string // as Gin writes them: /draws/:slug
	Permission   string // that the member of staff, or the scope that the token, needs; "" for all staff
	by           caller
	limited      bool
}

// caller is who may call a route.
type caller int

const (
	byAnybody caller = iota
	byCitizen
	byStaff
)

// API mounts documented routes under a common path and guard. Its methods give a narrower API and leave it as it is.
type API struct {
	web     *Web
	group   *gin.RouterGroup
	context Route
}

// API begins at a path, with no guard.
func (w *Web) API(prefix string) *API {
	return &API{w, w.Engine.Group(prefix), Route{}}
}

func (a *API) with(guard gin.HandlerFunc, change func(*Route)) *API {
	narrower := &API{a.web, a.group.Group("", guard), a.context}
	change(&narrower.context)
	return narrower
}

// Group goes on below a path; each step may refuse by giving an error.
func (a *API) Group(prefix string, steps ...func(*gin.Context) error) *API {
	return &API{a.web, a.group.Group(prefix, a.web.each(steps)...), a.context}
}

// Staff lets in the staff whose role holds the permission, or all staff when it is "".
func (a *API) Staff(permission string) *API {
	return a.with(a.web.Staff(permission), func(r *Route) { r.by, r.Permission = byStaff, permission })
}

// Citizen lets in whoever carries a citizen's token.
func (a *API) Citizen() *API {
	return a.with(a.web.Citizen(), func(r *Route) { r.by = byCitizen })
}

// Limited counts requests in the named bucket of their network address.
func (a *API) Limited(bucket string) *API {
	return a.with(a.web.Limited(bucket), func(r *Route) { r.limited = true })
}

// GET mounts a route that reads.
func (a *API) GET(path string, o Operation, handler func(*gin.Context) error) {
	a.mount(http.MethodGet, path, o, handler)
}

// POST mounts a route that does something.
func (a *API) POST(path string, o Operation, handler func(*gin.Context) error) {
	a.mount(http.MethodPost, path, o, handler)
}

// PUT mounts a route that replaces something.
func (a *API) PUT(path string, o Operation, handler func(*gin.Context) error) {
	a.mount(http.MethodPut, path, o, handler)
}

// PATCH mounts a route that changes part of something.
func (a *API) PATCH(path string, o Operation, handler func(*gin.Context) error) {
	a.mount(http.MethodPatch, path, o, handler)
}

// DELETE mounts a route that ends something.
func (a *API) DELETE(path string, o Operation, handler func(*gin.Context) error) {
	a.mount(http.MethodDelete, path, o, handler)
}

func (a *API) mount(method, below string, o Operation, handler func(*gin.Context) error) {
	route := a.context
	route.Operation, route.Method, route.Path = o, method, path.Join(a.group.BasePath(), below)
	a.web.routes = append(a.web.routes, route)
	var steps []gin.HandlerFunc
	if o.Upload > 0 {
		steps = append(steps, a.web.Upload(o.Upload))
	}
	a.group.Handle(method, below, append(steps, a.web.Handle(handler))...)
}

// each makes middleware of steps that may refuse.
func (w *Web) each(steps []func(*gin.Context) error) (list []gin.HandlerFunc) {
	for _, step := range steps {
		list = append(list, w.Handle(step))
	}
	return list
}

// Routes are the documented routes, in the order in which they were mounted.
func (w *Web) Routes() []Route { return slices.Clone(w.routes) }

// success is the status of an answer that is no error.
func (r Route) success() int {
	switch {
	case r.Status != 0:
		return r.Status
	case r.Answer == nil:
		return http.StatusNoContent
	}
	return http.StatusOK
}

// refusals are the statuses of the problems that a route may answer, beside those of a failing server.
func (r Route) refusals() []int {
	statuses := slices.Clone(r.Also)
	_, paged := r.Answer.(Listed)
	if r.Body != nil || len(r.Query) > 0 || paged || strings.ContainsAny(r.Path, ":*") {
		statuses = append(statuses, http.StatusBadRequest)
	}
	if _, other := r.Body.(Files); r.Body != nil {
		statuses = append(statuses, http.StatusRequestEntityTooLarge)
		if !other {
			statuses = append(statuses, http.StatusUnsupportedMediaType)
		}
	}
	if strings.ContainsAny(r.Path, ":*") {
		statuses = append(statuses, http.StatusNotFound)
	}
	switch r.by {
	case byCitizen:
		statuses = append(statuses, http.StatusUnauthorized)
	case byStaff:
		statuses = append(statuses, http.StatusUnauthorized, http.StatusForbidden)
	}
	if r.limited {
		statuses = append(statuses, http.StatusTooManyRequests)
	}
	slices.Sort(statuses)
	return slices.DeleteFunc(slices.Compact(statuses), func(status int) bool { return status == r.success() })
}
