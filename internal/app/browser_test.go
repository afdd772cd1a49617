package app

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"hongbao/internal/testkit/chromium"
)

//go:embed testdata/audit.js
var auditScript string

// browser is one tab that several tests use in turn. What it complains of, and what it asks of other hosts, is kept.
type browser struct {
	ctx  context.Context
	home string // address of the service

	mu      sync.Mutex
	trouble []string
}

// newBrowser starts Chromium; without one it skips the test.
func newBrowser(t *testing.T, home string) *browser {
	t.Helper()
	b := &browser{ctx: chromium.Tab(t, 5*time.Minute), home: home}
	if err := chromedp.Listen(b.ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	b.do(t, command(log.Enable, cdp.Empty{}), command(network.Enable, network.EnableParams{}), command(runtime.Enable, cdp.Empty{}))
	return b
}

func command[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	})
}

// hear keeps errors and requests to other hosts. That the page asked for is an error page is no trouble of the page.
func (b *browser) hear(event any) {
	switch event := event.(type) {
	case *runtime.EventExceptionThrown:
		b.note("exception: " + event.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		if level := string(event.Entry.Level); level == "error" && !strings.Contains(event.Entry.Text, "the server responded with a status of 4") {
			b.note("console: " + event.Entry.Text + " " + event.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		if url := event.Request.URL; !strings.HasPrefix(url, b.home+"/") && strings.Contains(url, "://") && !strings.HasPrefix(url, "chrome") {
			b.note("a request to " + url)
		}
	}
}

func (b *browser) note(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trouble = append(b.trouble, what)
}

// calm fails the test on what the browser complained of since it was asked last.
func (b *browser) calm(t *testing.T, where string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, what := range b.trouble {
		t.Errorf("%s: %s", where, what)
	}
	b.trouble = nil
}

func (b *browser) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// open goes to a page of the service.
func (b *browser) open(t *testing.T, path string) {
	t.Helper()
	b.do(t, chromedp.Navigate(b.home+path))
}

// see sets the window and the colour scheme.
func (b *browser) see(t *testing.T, width int64, scheme string) {
	t.Helper()
	b.do(t, chromedp.EmulateViewport(width, 900), command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}}))
}

// ask evaluates an expression, awaiting it if it is a promise.
func ask[T any](t *testing.T, b *browser, expression string) T {
	t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAsValue, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// text is what the page says.
func (b *browser) text(t *testing.T) string {
	t.Helper()
	return ask[string](t, b, "document.querySelector('main').innerText")
}

// expect waits until the page says this.
func (b *browser) expect(t *testing.T, want string) {
	t.Helper()
	said := ""
	if !b.until(func() bool {
		text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.querySelector('main')?.innerText ?? ''"))
		said = text
		return err == nil && strings.Contains(text, want)
	}) {
		t.Fatalf("the page does not say %q: %s", want, said)
	}
}

// settle waits until an expression is true of the page.
func (b *browser) settle(t *testing.T, expression string) {
	t.Helper()
	if !b.until(func() bool {
		is, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](expression))
		return err == nil && is
	}) {
		t.Fatalf("it does not become true: %s", expression)
	}
}

// until asks again and again for up to twenty seconds; a page that is being left has no answer.
func (b *browser) until(holds func() bool) bool {
	for deadline := time.Now().Add(20 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(30 * time.Millisecond)
	}
	return true
}

// submit fills the fields of the form that posts to an address and presses its button.
func (b *browser) submit(t *testing.T, action string, fields map[string]string) {
	t.Helper()
	given, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	ask[bool](t, b, fmt.Sprintf(`(() => {
		const form = [...document.forms].find((form) => form.getAttribute("action") === %q);
		for (const part of document.querySelectorAll("details")) part.open = true;
		for (const [name, value] of Object.entries(%s ?? {})) form.elements[name].value = value;
		return setTimeout(() => form.querySelector("button[type=submit]").click()) > 0;
	})()`, action, given))
}

// audit is the accessibility pass over the open page: testdata/audit.js, and names in the browser's accessibility tree.
func (b *browser) audit(t *testing.T) (found []string) {
	t.Helper()
	found = ask[[]string](t, b, auditScript)
	tree, err := chromedp.Run(b.ctx, chromedp.Action[accessibility.GetFullAXTreeResult](func(ctx context.Context, target *chromedp.Target) (accessibility.GetFullAXTreeResult, error) {
		return cdp.Call(ctx, target, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range tree.Nodes {
		if role := textOf(node.Role); !node.Ignored && slices.Contains(named, role) && strings.TrimSpace(textOf(node.Name)) == "" {
			found = append(found, "a "+role+" without a name")
		}
	}
	if len(tree.Nodes) < 10 {
		found = append(found, "the accessibility tree is empty")
	}
	return found
}

// named are the roles that say nothing without a name.
var named = []string{"button", "link", "textbox", "searchbox", "combobox", "checkbox", "radio", "spinbutton", "image", "progressbar", "table", "region", "navigation", "heading", "RootWebArea", "DisclosureTriangle"}

func textOf(value *accessibility.Value) (text string) {
	if value != nil {
		_ = json.Unmarshal([]byte(value.Value), &text) // what is no text has none
	}
	return text
}
