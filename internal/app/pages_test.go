package app

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hongbao/internal/staff"
)

// TestPages looks at the pages of one filled demo, with one browser: all tests that need both are its subtests.
func TestPages(t *testing.T) {
	if testing.Short() {
		t.Skip("walks through every page in a browser")
	}
	d := filledDemo(t)
	t.Run("the demo has three stages", func(t *testing.T) { demoHasThreeStages(t, d) })
	t.Run("another city sees nothing", func(t *testing.T) { othersSeeNothing(t, d) })
	t.Run("first load", func(t *testing.T) { firstLoads(t, d) })
	b := newBrowser(t, d.address)
	t.Run("every page is accessible", func(t *testing.T) { everyPage(t, d, b) })
	t.Run("a citizen registers by keyboard alone", func(t *testing.T) { registerByKeyboard(t, d, b) })
	t.Run("a citizen checks the proof", func(t *testing.T) { checkTheProof(t, d, b) })
	t.Run("a regulator downloads a workbook", func(t *testing.T) { downloadWorkbook(t, d, b) })
	t.Run("two staff bring a campaign from draft to money received", func(t *testing.T) { beginACampaign(t, d, b) })
	t.Run("two staff close a campaign out", func(t *testing.T) { closeACampaign(t, d, b) })
}

// maxLoad is what the first load of a main page may weigh over the wire, in bytes.
const maxLoad = 60 << 10

var (
	fileOfPage   = regexp.MustCompile(`(?:src|href)="(/static/[^"]+)"`)
	fileOfScript = regexp.MustCompile(`"\./([^"]+\.js)"`)
)

// firstLoads weighs the main pages with all that they ask for at first, as they go over the wire.
func firstLoads(t *testing.T, d *demo) {
	open, paying := d.slug("suzhou"), d.slug("chengdu")
	for _, path := range []string{"/", "/c/" + open, "/c/" + open + "/register", "/c/" + open + "/result", "/c/" + open + "/merchants", "/c/" + open + "/guide",
		"/c/" + paying + "/me", "/c/" + paying + "/outcome", "/c/" + paying + "/envelope", "/draws", "/draws/" + paying} {
		wire, page := d.weigh(t, path, "hb_citizen="+d.citizen(t, paying))
		files := map[string]bool{}
		for _, found := range fileOfPage.FindAllSubmatch(page, -1) {
			wire += d.weighFile(t, string(found[1]), files)
		}
		if wire > maxLoad {
			t.Errorf("%s weighs %d bytes with its %d files, more than %d", path, wire, len(files), maxLoad)
		}
		t.Logf("%s: %d bytes, %d files", path, wire, len(files))
	}
}

// weighFile weighs a static file with the files that it imports, each once.
func (d *demo) weighFile(t *testing.T, address string, known map[string]bool) int {
	t.Helper()
	if known[address] {
		return 0
	}
	known[address] = true
	wire, content := d.weigh(t, address, "")
	for _, found := range fileOfScript.FindAllSubmatch(content, -1) {
		wire += d.weighFile(t, "/static/"+string(found[1]), known)
	}
	return wire
}

// weigh gives the bytes of an answer's body as sent to a browser, and its content.
func (d *demo) weigh(t *testing.T, path, cookie string) (wire int, content []byte) {
	t.Helper()
	response := d.fetch(t, path, cookie, "gzip")
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || response.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("%s: %s %q %v", path, response.Status, response.Header.Get("Content-Encoding"), err)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if content, err = io.ReadAll(unpacked); err != nil {
		t.Fatal(err)
	}
	return len(body), content
}

// fetch asks for a page without following where it leads. The caller closes the body.
func (d *demo) fetch(t *testing.T, path, cookie, encoding string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Cookie", cookie)
	request.Header.Set("Accept-Encoding", encoding)
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// citizen is the token of the sample citizen of a campaign.
func (d *demo) citizen(t *testing.T, slug string) string {
	t.Helper()
	lookup := d.lookups[slug]
	return d.token(t, "/api/v1/campaigns/"+slug+"/lookups", map[string]string{"phone": lookup.Phone, "code": lookup.Code})
}

// session is the token of a demo account.
func (d *demo) session(t *testing.T, role string) string {
	t.Helper()
	return d.token(t, "/api/v1/sessions", map[string]string{"username": "demo-" + role, "password": demoPassword, "totp": ""})
}

// walk visits pages as somebody, following links, one page of each route.
type walk struct {
	*demo
	*browser
	visited map[string]bool // routes, with the visitor where the page depends on who asks
	files   map[string]bool // routes that answered with something other than a page
}

// everyPage follows the links from every role's start and from the public pages, and audits one page of each route on a phone in
// light colours and on a desk in dark ones. No page complains, asks another host, or is out of reach.
func everyPage(t *testing.T, d *demo, b *browser) {
	for _, job := range []string{"settlements-make", "statements-reconcile"} {
		d.run(t, job)
	}
	d.signIn(t, b.ctx, "city-admin", "")
	b.open(t, "/console/webhooks")
	b.submit(t, "/console/webhooks", map[string]string{"city": "suzhou", "url": "https://hooks.example.org/in"})
	b.expect(t, "已保存")
	w := &walk{d, b, map[string]bool{}, map[string]bool{}}
	open, paying, over := d.slug("suzhou"), d.slug("chengdu"), d.slug("shenzhen")
	for _, path := range []string{"/", "/c/" + open, "/c/" + paying, "/c/" + over, "/c/" + open + "/register", "/draws/" + open, "/draws/" + paying, "/console/sign-in", "/nowhere"} {
		w.start(t, "", "", path, path)
	}
	w.start(t, "citizen", paying, "/c/"+paying+"/me", "")
	w.start(t, "citizen", open, "/c/"+open+"/me", "drawn later")
	w.start(t, "citizen", open, "/c/"+open+"/outcome", "drawn later")
	for _, role := range staff.Roles {
		w.start(t, string(role), "", "/console", string(role))
	}
	w.start(t, string(staff.Approver), "", "/console/approvals?status=approved", "decided")
	w.start(t, string(staff.Operations), "", "/console/campaigns/"+paying, "paying")
	w.start(t, string(staff.Operations), "", "/console/settlements?campaign="+paying, "paying")
	w.start(t, string(staff.Operations), "", "/console/disbursement?campaign="+paying, "paying")
	for _, route := range d.platform.web.Engine.Routes() {
		if route.Method != http.MethodGet || w.visited[route.Path] || w.files[route.Path] || !isPage(route.Path) {
			continue
		}
		t.Errorf("no link leads to %s", route.Path)
	}
	if len(w.visited) < 40 {
		t.Errorf("only %d pages were looked at", len(w.visited))
	}
}

// apart are routes that no link leads to: what scripts ask for, redirects, and pages that need what the demo has none of.
var apart = []string{"/admin", "/favicon.ico", "/healthz", "/readyz", "/console/reconciliation/:slug/differences/:id",
	"/console/findings/:id", "/c/:slug/close-out", "/console/appeals/:id", "/console/alerts/:slug/:id"}

func isPage(route string) bool {
	for _, prefix := range []string{"/api/", "/operator/", "/static/"} {
		if strings.HasPrefix(route, prefix) {
			return false
		}
	}
	return !strings.HasSuffix(route, "/live") && !slices.Contains(apart, route)
}

// start visits a page and all that it leads to. mark tells pages of one route apart.
func (w *walk) start(t *testing.T, role, slug, path, mark string) {
	t.Helper()
	cookie := ""
	switch role {
	case "":
	case "citizen":
		cookie = "hb_citizen=" + w.citizen(t, slug)
	default:
		cookie = "hb_session=" + w.session(t, role)
	}
	w.signIn(t, w.browser.ctx, role, slug)
	for queue := []string{path}; len(queue) > 0; queue = queue[1:] {
		queue = append(queue, w.visit(t, queue[0], cookie, mark)...)
		mark = ""
	}
}

var linkOfPage = regexp.MustCompile(`href="(/[^"#]*)`)

// visit audits one page and gives the links on it.
func (w *walk) visit(t *testing.T, path, cookie, mark string) (links []string) {
	t.Helper()
	route := w.route(path)
	if w.visited[route+mark] || w.files[route] || route != "" && !isPage(route) {
		return nil
	}
	response := w.fetch(t, path, cookie, "identity")
	defer response.Body.Close()
	if location := response.Header.Get("Location"); location != "" {
		return []string{strings.TrimPrefix(location, w.address)}
	}
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
		w.files[route] = true
		return nil
	}
	if response.StatusCode == http.StatusForbidden {
		t.Errorf("a link leads to what is not allowed: %s", path)
		return nil
	}
	w.visited[route+mark], w.visited[route] = true, true
	w.judge(t, path)
	page, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range linkOfPage.FindAllSubmatch(page, -1) {
		links = append(links, strings.ReplaceAll(string(found[1]), "&amp;", "&"))
	}
	return links
}

// judge audits a page on a phone in light colours and on a desk in dark ones.
func (w *walk) judge(t *testing.T, path string) {
	t.Helper()
	w.see(t, 390, "light")
	w.browser.open(t, path)
	for _, what := range w.audit(t) {
		t.Errorf("%s on a phone: %s", path, what)
	}
	w.see(t, 1440, "dark")
	for _, what := range w.audit(t) {
		t.Errorf("%s on a desk: %s", path, what)
	}
	w.calm(t, path)
}

// route is the engine's route of a path, "" for none.
func (w *walk) route(path string) string {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	for _, route := range w.platform.web.Engine.Routes() {
		pattern := strings.Split(route.Path, "/")
		if route.Method != http.MethodGet || len(pattern) != len(parts) {
			continue
		}
		fits := !slices.ContainsFunc(pattern, func(p string) bool { return strings.HasPrefix(p, "*") })
		for i := range pattern {
			fits = fits && (pattern[i] == parts[i] || strings.HasPrefix(pattern[i], ":") && !slices.Contains(fixedParts, parts[i]))
		}
		if fits {
			return route.Path
		}
	}
	return ""
}

// fixedParts are parts of addresses that stand where others have a parameter.
var fixedParts = []string{"new", "check"}

// othersSeeNothing asks, as staff of another city and of every role, for everything that the service can be asked for about a city's
// campaign: what names it is not found, and no list tells of it.
func othersSeeNothing(t *testing.T, d *demo) {
	slug := d.slug("suzhou")
	tokens := map[staff.Role]string{}
	for _, role := range staff.Roles {
		account := staff.NewAccount{Username: "elsewhere-" + string(role), Name: "外市", City: "elsewhere", Role: role, Password: demoPassword}
		if _, err := d.platform.staff.AddAccount(context.Background(), "test", account); err != nil {
			t.Fatal(err)
		}
		tokens[role] = d.token(t, "/api/v1/sessions", map[string]string{"username": account.Username, "password": demoPassword, "totp": ""})
	}
	asked := 0
	for _, route := range d.platform.web.Engine.Routes() {
		if !strings.HasPrefix(route.Path, "/console") && !strings.HasPrefix(route.Path, "/api/v1/admin") || strings.HasSuffix(route.Path, "/sign-out") {
			continue
		}
		path := strings.NewReplacer(":slug", slug, ":id", "1", ":name", "nothing", ":no", "SZ-0001", ":entry", strings.Repeat("0", 64)).Replace(route.Path)
		for role, token := range tokens {
			status, body := d.send(t, route.Method, path, token)
			if status == http.StatusForbidden {
				continue
			}
			asked++
			if strings.Contains(route.Path, ":slug") && status != http.StatusNotFound {
				t.Errorf("%s may %s %s: %d %.200s", role, route.Method, path, status, body)
			}
			if status < 400 && (strings.Contains(body, slug) || strings.Contains(body, "苏州")) {
				t.Errorf("%s is told by %s %s of another city", role, route.Method, path)
			}
		}
	}
	if asked < 60 {
		t.Errorf("only %d questions were asked", asked)
	}
}

// send sends an empty request of a program.
func (d *demo) send(t *testing.T, method, path, token string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, d.address+path, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(content)
}
