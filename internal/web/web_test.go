package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"hongbao/internal/fault"

	"github.com/gin-gonic/gin"
)

type site struct {
	*Web
	t   *testing.T
	now time.Time
	log bytes.Buffer
}

var samplePages = fstest.MapFS{
	"templates/hello.html": {Data: []byte(`{{template "citizen" .}}{{define "title"}}t{{end}}{{define "main"}}<p>{{tr "你好" "Hello"}} {{.}}</p>{{end}}`)},
}

func newSite(t *testing.T) *site {
	s := &site{t: t, now: time.Date(2020, 12, 11, 12, 0, 0, 0, time.UTC)}
	s.Web = New(Options{Environment: "rehearsal", Secret: bytes.Repeat([]byte{7}, 32), Now: func() time.Time { return s.now },
		Log: slog.New(slog.NewTextHandler(&s.log, nil)),
		Authenticate: func(_ context.Context, token string) (Actor, error) {
			if token != "good" {
				return Actor{}, errSignIn
			}
			return Actor{1, "li", "李", "auditor", "suzhou", nil}, nil
		},
		May: func(role, permission string) bool { return role == "auditor" && permission == "audit.view" }})
	s.Pages.Add("sample", samplePages)
	s.Engine.GET("/hello", s.Handle(func(c *gin.Context) error { return s.Render(c, 200, "sample/hello.html", "<b>") }))
	s.Engine.GET("/panic", func(*gin.Context) { panic("secret 13812345678") })
	s.Engine.GET("/api/panic", func(*gin.Context) { panic("secret 13812345678") })
	s.Engine.GET("/api/fail", s.Handle(func(*gin.Context) error { return errors.New("SELECT secret") }))
	s.Engine.GET("/api/audit", s.Staff("audit.view"), func(c *gin.Context) { c.String(200, ActorOf(c).Username) })
	s.Engine.GET("/api/money", s.Staff("money.approve"), func(c *gin.Context) { c.String(200, "no") })
	s.Engine.GET("/api/me", s.Citizen(), func(c *gin.Context) { c.JSON(200, CitizenOf(c)) })
	s.Engine.POST("/api/form", func(c *gin.Context) { c.Status(204) })
	s.Engine.POST("/api/bind", s.Handle(bindSample))
	s.Engine.POST("/api/upload", s.Upload(2<<20), s.Handle(func(c *gin.Context) error {
		_, err := io.Copy(io.Discard, c.Request.Body)
		return err
	}))
	return s
}

func bindSample(c *gin.Context) error {
	var v struct {
		Name string
		Age  int
	}
	if err := Bind(c, &v); err != nil {
		return err
	}
	c.JSON(200, v)
	return nil
}

func (s *site) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	s.Engine.ServeHTTP(recorder, request)
	return recorder
}

func (s *site) problem(answer *httptest.ResponseRecorder, status int, code string) Problem {
	s.t.Helper()
	var problem Problem
	if err := json.Unmarshal(answer.Body.Bytes(), &problem); err != nil {
		s.t.Fatalf("not a problem: %v: %s", err, answer.Body)
	}
	if answer.Code != status || problem.Status != status || problem.Code != code || problem.Type != "urn:hongbao:problem:"+code {
		s.t.Errorf("want %d %s, got %d %+v", status, code, answer.Code, problem)
	}
	if kind := answer.Header().Get("Content-Type"); kind != "application/problem+json" {
		s.t.Errorf("content type %q", kind)
	}
	if problem.DetailZH == "" || problem.DetailEN == "" || problem.RequestID != answer.Header().Get("X-Request-Id") {
		s.t.Errorf("incomplete: %+v", problem)
	}
	return problem
}

func TestHeadersOnEveryAnswer(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/hello", "/nowhere", "/api/nowhere", "/panic", s.Pages.AssetURL("site.css")} {
		header := s.do("GET", path, "").Header()
		rules := header.Get("Content-Security-Policy")
		if !strings.HasPrefix(rules, "default-src 'none'; script-src 'self';") || strings.Contains(rules, "unsafe") {
			t.Errorf("%s: policy %q", path, rules)
		}
		if header.Get("X-Content-Type-Options") != "nosniff" || header.Get("X-Frame-Options") != "DENY" || header.Get("X-Request-Id") == "" {
			t.Errorf("%s: headers %v", path, header)
		}
	}
}

func TestProblems(t *testing.T) {
	s := newSite(t)
	s.problem(s.do("GET", "/api/nowhere", ""), 404, "no-such-page")
	s.problem(s.do("PUT", "/api/form", ""), 405, "method-not-allowed")
	for _, path := range []string{"/api/fail", "/api/panic"} {
		answer := s.do("GET", path+"?lang=en", "")
		if problem := s.problem(answer, 500, "internal"); problem.Detail != problem.DetailEN {
			t.Errorf("?lang=en was not heard: %+v", problem)
		}
		if strings.Contains(answer.Body.String(), "secret") {
			t.Errorf("%s tells internals: %s", path, answer.Body)
		}
	}
	page := s.do("GET", "/panic", "")
	if page.Code != 500 || strings.Contains(page.Body.String(), "secret") || !strings.Contains(page.Body.String(), "系统出了点问题") {
		t.Errorf("%d %s", page.Code, page.Body)
	}
}

func TestBindIsStrict(t *testing.T) {
	s := newSite(t)
	post := func(body string) *httptest.ResponseRecorder {
		return s.do("POST", "/api/bind", body, "Content-Type", "application/json")
	}
	if answer := post(`{"name":"a","age":3}`); answer.Code != 200 {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	if problem := s.problem(post(`{"name":"a","colour":1}`), 400, "unknown-field"); problem.Field != "colour" {
		t.Errorf("field %q", problem.Field)
	}
	if problem := s.problem(post(`{"name":"a","age":"3"}`), 400, "type"); problem.Field != "Age" && problem.Field != "age" {
		t.Errorf("field %q", problem.Field)
	}
	for _, body := range []string{"", "{", `{"name":"a"} {}`, "{\"name\":\"\xff\"}", `{"name":"a"}x`} {
		s.problem(post(body), 400, "json")
	}
	s.problem(s.do("POST", "/api/bind", "name=a", "Content-Type", "application/x-www-form-urlencoded"), 415, "media-type")
	s.problem(post(`{"name":"`+strings.Repeat("x", 1<<20)+`"}`), 413, "body-too-large")
}

func TestUploadLiftsTheCapToItsOwn(t *testing.T) {
	s := newSite(t)
	if answer := s.do("POST", "/api/upload", strings.Repeat("x", 2<<20)); answer.Code != 200 {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	s.problem(s.do("POST", "/api/upload", strings.Repeat("x", 2<<20+1)), 413, "body-too-large")
}

func TestStaffGuard(t *testing.T) {
	s := newSite(t)
	s.problem(s.do("GET", "/api/audit", ""), 401, "not-signed-in")
	s.problem(s.do("GET", "/api/audit", "", "Authorization", "Bearer bad"), 401, "not-signed-in")
	s.problem(s.do("GET", "/api/money", "", "Authorization", "Bearer good"), 403, "role")
	for _, credentials := range [][2]string{{"Authorization", "Bearer good"}, {"Cookie", SessionCookie + "=good"}} {
		if answer := s.do("GET", "/api/audit", "", credentials[0], credentials[1]); answer.Code != 200 || answer.Body.String() != "li" {
			t.Errorf("%v: %d %s", credentials, answer.Code, answer.Body)
		}
	}
	if (Actor{City: "suzhou"}).Sees("beijing") || !(Actor{City: "*"}).Sees("beijing") || (Actor{}).Sees("") {
		t.Error("city scope")
	}
}

func TestCitizenToken(t *testing.T) {
	s := newSite(t)
	token := s.IssueCitizen(Citizen{42, 7})
	if answer := s.do("GET", "/api/me", "", "Authorization", "Bearer "+token); answer.Body.String() != `{"RegistrationID":42,"CampaignID":7}` {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	for i := range token {
		changed := []byte(token)
		changed[i] ^= 1
		if answer := s.do("GET", "/api/me", "", "Authorization", "Bearer "+string(changed)); answer.Code != 401 && i < len(token)-1 {
			t.Fatalf("a token changed at %d passed", i)
		}
	}
	s.now = s.now.Add(s.CitizenTTL)
	s.problem(s.do("GET", "/api/me", "", "Authorization", "Bearer "+token), 401, "citizen-token")
}

func TestCrossOriginPostIsRefused(t *testing.T) {
	s := newSite(t)
	s.problem(s.do("POST", "/api/form", "", "Sec-Fetch-Site", "cross-site"), 403, "cross-origin")
	s.problem(s.do("POST", "/api/form", "", "Origin", "https://evil.example"), 403, "cross-origin")
	for _, headers := range [][]string{nil, {"Sec-Fetch-Site", "same-origin"}, {"Origin", "http://example.com"}} {
		if answer := s.do("POST", "/api/form", "", headers...); answer.Code != 204 {
			t.Errorf("%v: %d", headers, answer.Code)
		}
	}
}

func TestLimiter(t *testing.T) {
	s := newSite(t)
	passed := map[string]int{}
	s.Limiter = func(bucket, caller string) time.Duration {
		if passed[bucket+" "+caller]++; passed[bucket+" "+caller] > 2 {
			return 9500 * time.Millisecond
		}
		return 0
	}
	s.Engine.GET("/api/sms", s.Limited("sms"), func(c *gin.Context) { c.Status(204) })
	for range 2 {
		if answer := s.do("GET", "/api/sms", ""); answer.Code != 204 {
			t.Fatalf("%d", answer.Code)
		}
	}
	answer := s.do("GET", "/api/sms", "")
	s.problem(answer, 429, "too-many-requests")
	if answer.Header().Get("Retry-After") != "10" {
		t.Errorf("Retry-After %q", answer.Header().Get("Retry-After"))
	}
	if len(passed) != 1 {
		t.Errorf("callers: %v", passed)
	}
}

func TestLogHoldsNoIdentity(t *testing.T) {
	s := newSite(t)
	s.do("GET", "/app/13812345678?phone=13812345678", "")
	s.do("GET", "/api/audit?phone=13812345678", "", "Authorization", "Bearer good", "X-Request-Id", "caller-0001")
	if text := s.log.String(); strings.Contains(text, "138") || !strings.Contains(text, "route=/api/audit") ||
		!strings.Contains(text, "staff=li") || !strings.Contains(text, "id=caller-0001") {
		t.Errorf("log: %s", text)
	}
}

func TestChoicesOfLanguageAndSize(t *testing.T) {
	s := newSite(t)
	answer := s.do("GET", "/hello?lang=en&page=2&text=large", "")
	if answer.Code != 303 || answer.Header().Get("Location") != "/hello?page=2" || len(answer.Result().Cookies()) != 2 {
		t.Errorf("%d %v", answer.Code, answer.Header())
	}
	if location := s.do("GET", "//evil.example/?lang=en", "").Header().Get("Location"); strings.HasPrefix(location, "//") {
		t.Errorf("leads off the site: %q", location)
	}
	page := s.do("GET", "/hello", "", "Cookie", "lang=en; text=large").Body.String()
	if kept := s.do("GET", "/hello?status=a%26b&page=2", "").Body.String(); !strings.Contains(kept, `href="?page=2&amp;status=a%26b&amp;lang=en"`) {
		t.Errorf("the choice of a language drops the page's own choices: %s", kept)
	}
	for _, want := range []string{`lang="en" class="large"`, "Hello &lt;b&gt;", "Standard text", "REHEARSAL"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not in %s", want, page)
		}
	}
	if page := s.do("GET", "/hello", "").Body.String(); !strings.Contains(page, "你好") || !strings.Contains(page, `lang="zh-CN"`) {
		t.Error("中文 is not the first language")
	}
}

func TestAssetsAreForEverAndCompressed(t *testing.T) {
	s := newSite(t)
	address := s.Pages.AssetURL("site.css")
	answer := s.do("GET", address, "", "Accept-Encoding", "gzip")
	reader, err := gzip.NewReader(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	css, err := io.ReadAll(reader)
	if err != nil || !bytes.Contains(css, []byte("--ink")) {
		t.Errorf("%v, %d bytes", err, len(css))
	}
	if !strings.Contains(answer.Header().Get("Cache-Control"), "immutable") || answer.Header().Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("%v", answer.Header())
	}
	if bytes.Contains(css, []byte("url(")) || bytes.Contains(css, []byte("@import")) {
		t.Error("the style asks for something else")
	}
	if s.do("GET", "/static/site.css", "").Code != http.StatusNotFound {
		t.Error("served without its digest")
	}
}

func TestModulesImportEachOther(t *testing.T) {
	s := newSite(t)
	files := fstest.MapFS{"templates/a.html": {Data: []byte(`{{template "public" .}}{{define "title"}}{{end}}{{define "main"}}{{end}}`)},
		"static/a.js": {Data: []byte(`import { b } from "./b.js"; fetch("./none.bin");`)},
		"static/b.js": {Data: []byte("export const b = 1;")}}
	s.Pages.Add("modules", files)
	served := func() string { return s.do("GET", s.Pages.AssetURL("a.js"), "").Body.String() }
	before, name := served(), path.Base(s.Pages.AssetURL("b.js"))
	if !strings.Contains(before, `from "./`+name+`"`) || !strings.Contains(before, `"./none.bin"`) {
		t.Errorf("served as %s, the other file is %s", before, name)
	}
	address := s.Pages.AssetURL("a.js")
	files["static/b.js"].Data = []byte("export const b = 2;")
	if s.Pages.Add("modules", files); s.Pages.AssetURL("a.js") == address {
		t.Error("a change of an imported file does not change the address of the one that imports it")
	}
	defer func() {
		if recover() == nil {
			t.Error("two files that import each other are taken")
		}
	}()
	files["static/b.js"].Data = []byte(`import "./a.js";`)
	s.Pages.Add("modules", files)
}

func TestFailKeepsTheKind(t *testing.T) {
	s := newSite(t)
	s.Engine.GET("/api/gone", s.Handle(func(*gin.Context) error {
		return fault.New(fault.Gone, "window-closed", "报名已截止。", "Registration has closed.").With(io.EOF)
	}))
	if problem := s.problem(s.do("GET", "/api/gone", ""), 410, "window-closed"); problem.Title != "Gone" || problem.Detail != "报名已截止。" {
		t.Errorf("%+v", problem)
	}
}
