package web

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
)

//go:embed all:templates static
var own embed.FS

const (
	localeKey = "web.locale"
	largeKey  = "web.large"
)

var locales = []string{"zh", "en"}

// Pages holds every page in each language. A page is a file of its room's templates folder, known as
// "<room>/<file>"; it begins by calling its layout and defines the blocks title and main.
type Pages struct {
	mu     sync.RWMutex
	bases  map[string]*template.Template // by locale: layouts and components
	pages  map[string]*template.Template // by locale and page name
	assets map[string]asset              // by served name
	urls   map[string]string             // by file name
	nav    []NavItem
}

// NavItem is an entry of the console's side navigation, shown to those who hold Permission ("" for all staff). Icon is an
// SVG path in a box of 20 by 20, drawn as a line; Group heads the entries that begin here.
type NavItem struct {
	Path, ZH, EN, Permission string
	Icon                     string
	Group                    [2]string // 中文, English
}

// NewPages holds the shared layouts, components and style, and no room's pages yet.
func NewPages() *Pages {
	p := &Pages{bases: map[string]*template.Template{}, pages: map[string]*template.Template{},
		assets: map[string]asset{}, urls: map[string]string{}}
	p.addAssets(own)
	for _, locale := range locales {
		base := template.New("base").Funcs(functions(locale, p))
		p.bases[locale] = template.Must(base.ParseFS(own, "templates/layout/*.html", "templates/components/*.html"))
	}
	p.Add("web", own)
	return p
}

// Add takes a room's pages (templates/*.html) and its static files (static/*), where it has any. Files whose name
// begins with "_" are parts: every page of the room may call the blocks they define. Add panics on a template that
// does not parse: it is called while the program starts.
func (p *Pages) Add(room string, files fs.FS) {
	if room != "web" {
		p.addAssets(files)
	}
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil || len(names) == 0 {
		panic(fmt.Sprintf("web: room %s has no templates/*.html", room))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, locale := range locales {
		shared := template.Must(p.bases[locale].Clone())
		if parts, _ := fs.Glob(files, "templates/_*.html"); len(parts) > 0 {
			template.Must(shared.ParseFS(files, parts...))
		}
		for _, name := range names {
			if base := path.Base(name); !strings.HasPrefix(base, "_") {
				page := template.Must(template.Must(shared.Clone()).ParseFS(files, name))
				p.pages[locale+":"+room+"/"+base] = page.Lookup(base)
			}
		}
	}
}

// Navigate sets the console's side navigation.
func (p *Pages) Navigate(items ...NavItem) { p.nav = items }

// View is what a layout sees; a page's own blocks see Data only.
type View struct {
	Data        any
	Locale      string
	Large       bool
	Environment string
	Actor       *Actor
	CityName    string // of the one city that the actor serves
	Path        string
	Query       template.URL // of the page, encoded, without language and text size
	Nav         []NavLink
}

// NavLink is a navigation entry as shown to one person on one page.
type NavLink struct {
	Path, Label, Icon, Group string
	Current                  bool
}

// Render answers with a page, in the language of the request, compressed where the browser takes it.
func (w *Web) Render(c *gin.Context, status int, name string, data any) error {
	var page bytes.Buffer
	if err := w.Pages.execute(&page, Locale(c), name, w.view(c, data)); err != nil {
		return err
	}
	header := c.Writer.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Language", map[string]string{"zh": "zh-CN", "en": "en"}[Locale(c)])
	header.Add("Vary", "Cookie, Accept-Encoding")
	c.Status(status)
	if !takesGzip(c) {
		_, err := c.Writer.Write(page.Bytes())
		return err
	}
	header.Set("Content-Encoding", "gzip")
	compressor := gzip.NewWriter(c.Writer)
	if _, err := compressor.Write(page.Bytes()); err != nil {
		return err
	}
	return compressor.Close()
}

// RenderBlock answers with one block of a page alone, for a script that puts it in its place.
func (w *Web) RenderBlock(c *gin.Context, name, block string, data any) error {
	var out bytes.Buffer
	if err := w.Pages.executeBlock(&out, Locale(c), name, block, data); err != nil {
		return err
	}
	c.Data(http.StatusOK, "text/html; charset=utf-8", out.Bytes())
	return nil
}

// execute writes one page in one language.
func (p *Pages) execute(out *bytes.Buffer, locale, name string, view View) error {
	return p.executeBlock(out, locale, name, "", view)
}

// executeBlock writes one block of a page, or all of it where block is "".
func (p *Pages) executeBlock(out *bytes.Buffer, locale, name, block string, data any) error {
	p.mu.RLock()
	page := p.pages[locale+":"+name]
	p.mu.RUnlock()
	if page == nil {
		return fmt.Errorf("web: no page %q", name)
	}
	if block == "" {
		block = page.Name()
	}
	if err := page.ExecuteTemplate(out, block, data); err != nil {
		return fmt.Errorf("web: page %s: %w", name, err)
	}
	return nil
}

func (w *Web) view(c *gin.Context, data any) View {
	query := c.Request.URL.Query()
	query.Del("lang")
	query.Del("text")
	view := View{Data: data, Locale: Locale(c), Large: c.GetBool(largeKey), Environment: w.Environment,
		Path: c.Request.URL.Path, Query: template.URL(query.Encode())}
	if value, ok := c.Get(actorKey); ok {
		actor := value.(Actor)
		view.Actor = &actor
		view.Nav = w.navLinks(actor, view)
		if w.CityName != nil && actor.City != "*" {
			view.CityName = w.CityName(c, actor.City)
		}
	}
	return view
}

// navLinks are the entries that the actor may follow; a group's heading stands at the first of them.
func (w *Web) navLinks(actor Actor, view View) []NavLink {
	var links []NavLink
	in := map[bool]int{false: 0, true: 1}[view.Locale == "en"]
	group, place := "", w.Pages.place(view.Path)
	for _, item := range w.Pages.nav {
		if item.Group != [2]string{} {
			group = item.Group[in]
		}
		if item.Permission != "" && !w.May(actor.Role, item.Permission) {
			continue
		}
		links = append(links, NavLink{item.Path, [2]string{item.ZH, item.EN}[in], item.Icon, group, item.Path == place})
		group = ""
	}
	return links
}

// place is the entry that an address belongs to: the deepest of those above it, so that of two entries under one another only one is marked.
func (p *Pages) place(path string) string {
	deepest := ""
	for _, item := range p.nav {
		above := path == item.Path || item.Path != "/console" && hasPath(path, item.Path)
		if above && len(item.Path) > len(deepest) {
			deepest = item.Path
		}
	}
	return deepest
}

// Locale is the language of the answer: "zh" or "en".
func Locale(c *gin.Context) string {
	if locale := c.GetString(localeKey); locale != "" {
		return locale
	}
	return "zh"
}

// Tr picks the text in the language of the request.
func Tr(c *gin.Context, zh, en string) string {
	if Locale(c) == "en" {
		return en
	}
	return zh
}

func takesGzip(c *gin.Context) bool {
	return strings.Contains(c.GetHeader("Accept-Encoding"), "gzip") && c.Request.Method != http.MethodHead
}

func hasPath(address, prefix string) bool {
	return address == prefix || strings.HasPrefix(address, prefix+"/")
}
