package web

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
)

// pathParameters says what each parameter in a path is. A new one needs its line here.
var pathParameters = map[string]string{
	"slug":     "Id of a campaign, as in its rule book",
	"id":       "Number of the thing",
	"name":     "Name of the thing",
	"city":     "Code of a city",
	"no":       "Number of a merchant",
	"pool":     "Name of a pool",
	"entry":    "An entry: 64 lower-case hex digits",
	"size":     "Size of a checkpoint",
	"delivery": "Number of a delivery",
	"session":  "Id of a session, as it is listed",
	"path":     "Path of a file in the bundle; may hold slashes",
}

var numbers = []string{"id", "size", "delivery"} // path parameters that are whole numbers

const apiDescription = `The JSON API of the platform. Amounts are whole fen (1/100 yuan). Errors are problem details (RFC 9457) with a stable code and a sentence in 中文 and English. ` +
	`Times are RFC 3339, or milliseconds since 1970-01-01T00:00:00Z where a field is a number. ` +
	`Citizens carry the token that their registration was answered with; staff the token of a session or an API token with scopes.`

var security = map[caller]string{byCitizen: "citizen", byStaff: "staff"}

// openAPI is GET /api/v1/openapi.json.
func (w *Web) openAPI(c *gin.Context) error {
	w.document.Do(func() { w.documentJSON, w.documentErr = json.Marshal(w.OpenAPI()) })
	if w.documentErr != nil {
		return w.documentErr
	}
	c.Header("Cache-Control", "public, max-age=300")
	c.Data(http.StatusOK, "application/json", w.documentJSON)
	return nil
}

// OpenAPI is the OpenAPI 3.1 document of all routes that were mounted by API.
func (w *Web) OpenAPI() map[string]any {
	known := &schemas{map[string]any{}, map[string]reflect.Type{}}
	paths := schema{}
	for _, r := range w.routes {
		place := documentPath(r.Path)
		if paths[place] == nil {
			paths[place] = schema{}
		}
		paths[place].(schema)[strings.ToLower(r.Method)] = known.operation(r)
	}
	known.typed(reflect.TypeFor[Problem]())
	bearer := func(text string) schema { return schema{"type": "http", "scheme": "bearer", "description": text} }
	return schema{
		"openapi": "3.1.0",
		"info":    schema{"title": "Hongbao 红包", "version": "1", "description": apiDescription, "license": schema{"name": "Apache-2.0", "identifier": "Apache-2.0"}},
		"servers": []any{schema{"url": "/"}},
		"paths":   paths,
		"components": schema{"schemas": known.components, "securitySchemes": schema{
			"citizen": bearer("The token of a registration"),
			"staff":   bearer("The token of a session, or an API token that holds the permission as a scope"),
		}},
	}
}

var parameter = regexp.MustCompile(`[:*]([a-z]+)`)

func documentPath(path string) string { return parameter.ReplaceAllString(path, "{$1}") }

func (s *schemas) operation(r Route) schema {
	o := schema{
		"operationId": operationID(r), "summary": r.EN, "description": r.ZH, "tags": []string{tag(r.Path)},
		"responses": s.responses(r),
	}
	if list := parametersOf(r); len(list) > 0 {
		o["parameters"] = list
	}
	if r.Body != nil {
		o["requestBody"] = schema{"required": !r.Optional, "content": s.content(r.Body)}
	}
	if scheme, ok := security[r.by]; ok {
		o["security"] = []any{schema{scheme: []string{}}}
	}
	if r.Permission != "" {
		o["x-permission"] = r.Permission
	}
	return o
}

// operationID is get_draws_slug_pools_pool_proofs_entry.
func operationID(r Route) string {
	below := strings.TrimPrefix(r.Path, "/api/v1")
	return strings.ToLower(r.Method) + strings.NewReplacer("/", "_", ":", "", "*", "", "-", "_", ".", "_").Replace(below)
}

// tag groups operations: the first word of the path, with "admin" before what is for staff.
func tag(path string) string {
	words := strings.Split(strings.TrimPrefix(path, "/api/v1/"), "/")
	if words[0] == "admin" && len(words) > 1 {
		return "admin/" + words[1]
	}
	return words[0]
}

func parametersOf(r Route) (list []any) {
	for _, found := range parameter.FindAllStringSubmatch(r.Path, -1) {
		kind := schema{"type": "string"}
		if slices.Contains(numbers, found[1]) {
			kind = schema{"type": "integer", "format": "int64"}
		}
		list = append(list, schema{"name": found[1], "in": "path", "required": true, "schema": kind, "description": pathParameters[found[1]]})
	}
	if _, paged := r.Answer.(Listed); paged {
		list = append(list, schema{"name": "cursor", "in": "query", "schema": schema{"type": "string"}, "description": "The next of the page before; the first page when left out"},
			schema{"name": "limit", "in": "query", "schema": schema{"type": "integer", "minimum": 1, "maximum": maxLimit, "default": listLimit}, "description": "Rows of a page"})
	}
	for _, name := range slices.Sorted(maps.Keys(r.Query)) {
		list = append(list, schema{"name": name, "in": "query", "schema": schema{"type": "string"}, "description": r.Query[name]})
	}
	return list
}

func (s *schemas) responses(r Route) schema {
	problem := schema{"application/problem+json": schema{"schema": schema{"$ref": "#/components/schemas/web.Problem"}}}
	success := schema{"description": "Success"}
	if r.Answer != nil {
		success["content"] = s.content(r.Answer)
	}
	answers := schema{"default": schema{"description": "The server failed, or is busy", "content": problem}}
	for _, status := range []int{r.success(), r.OrStatus} {
		if status != 0 {
			answers[strconv.Itoa(status)] = success
		}
	}
	for _, status := range r.refusals() {
		answers[strconv.Itoa(status)] = schema{"description": http.StatusText(status), "content": problem}
	}
	return answers
}

// content is a body or an answer by its media types.
func (s *schemas) content(value any) schema {
	files, ok := value.(Files)
	if !ok {
		return schema{"application/json": schema{"schema": s.of(value)}}
	}
	content := schema{}
	for _, kind := range files {
		content[kind] = schema{}
	}
	return content
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}
