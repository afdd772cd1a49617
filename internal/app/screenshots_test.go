package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// TestScreenshots writes pictures of the main pages of a filled demo, on a phone and on a desk, into the directory that HONGBAO_SCREENSHOTS
// names. They are for the eye; what must hold of pages is tested where the pages are.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("HONGBAO_SCREENSHOTS")
	if dir == "" {
		t.Skip("make screenshots runs this")
	}
	d := filledDemo(t)
	d.clock.Release()
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox)...)
	defer stop()
	browser, stop := chromedp.NewContext(allocator)
	defer stop()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	open, paying := d.slug("suzhou"), d.slug("chengdu")
	pages := []struct{ name, path, role string }{
		{"home", "/", ""}, {"campaign", "/c/" + open, ""}, {"register", "/c/" + open + "/register", ""}, {"result", "/c/" + paying + "/result", ""}, {"guide", "/c/" + paying + "/guide", ""},
		{"merchants", "/c/" + paying + "/merchants", ""}, {"draws", "/draws", ""}, {"draw", "/draws/" + paying, ""}, {"draw-open", "/draws/" + open, ""}, {"names", "/draws/" + paying + "/names", ""}, {"check", "/check", ""}, {"winners", "/draws/" + paying + "/winners", ""}, {"sign-in", "/console/sign-in", ""},
		{"me", "/c/" + paying + "/me", "citizen"}, {"outcome", "/c/" + paying + "/outcome", "citizen"}, {"envelope", "/c/" + paying + "/envelope", "citizen"},
		{"console", "/console", "city-admin"}, {"console-campaigns", "/console/campaigns", "city-admin"}, {"console-editor", "/console/campaigns/new?from=" + open, "city-admin"},
		{"console-campaign", "/console/campaigns/" + paying, "operations"}, {"console-preview", "/console/campaigns/" + paying + "/preview?stage=pending", "city-admin"},
		{"console-registrations", "/console/registrations", "operations"}, {"console-review", "/console/review", "city-admin"}, {"console-draw", "/console/draws/" + paying, "city-admin"},
		{"console-disbursement", "/console/disbursement?campaign=" + paying, "operations"}, {"console-wallets", "/console/wallets?campaign=" + paying, "operations"},
		{"console-settlements", "/console/settlements?campaign=" + paying, "operations"}, {"console-messages", "/console/messages?campaign=" + paying, "operations"},
		{"console-reconciliation", "/console/reconciliation?campaign=" + paying, "operations"}, {"console-reports", "/console/reports?campaign=" + paying, "regulator"},
		{"console-results", "/console/results?campaign=" + paying, "city-admin"}, {"console-alerts", "/console/alerts?campaign=" + paying, "city-admin"},
		{"console-codes", "/console/codes?campaign=" + paying, "city-admin"}, {"console-desk", "/console/desk", "branch"}, {"console-claims", "/console/desk/claims", "branch"},
		{"console-repairs", "/console/repairs?campaign=" + paying, "operations"}, {"console-close-out", "/console/campaigns/" + paying + "/close-out", "city-admin"},
		{"console-ceremony", "/console/draws/" + paying + "/ceremony", "city-admin"}, {"console-access", "/console/access", "city-admin"}, {"console-webhooks", "/console/webhooks", "city-admin"},
		{"console-approvals", "/console/approvals?status=approved", "approver"}, {"console-audit", "/console/audit", "auditor"}, {"console-jobs", "/console/system/jobs", "system-admin"},
	}
	for _, p := range pages {
		d.signIn(t, browser, p.role, paying)
		for _, width := range []int64{390, 1440} {
			if err := chromedp.Do(browser, chromedp.EmulateViewport(width, 900), chromedp.Navigate(d.address+p.path)); err != nil {
				t.Fatalf("%s: %v", p.path, err)
			}
			picture, err := chromedp.Run(browser, chromedp.FullScreenshot(100))
			if err != nil {
				t.Fatalf("%s: %v", p.path, err)
			}
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%d.png", p.name, width)), picture, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// slug finds the demo's campaign of a city.
func (d *demo) slug(city string) string {
	for slug := range d.lookups {
		if strings.HasPrefix(slug, city+"-") {
			return slug
		}
	}
	return ""
}

// signIn gives the browser the cookie of a member of staff, of the sample citizen of a campaign, or none.
func (d *demo) signIn(t *testing.T, browser context.Context, role, slug string) {
	t.Helper()
	forget := func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, network.ClearBrowserCookies, cdp.Empty{})
		return chromedp.Void{}, err
	}
	if err := chromedp.Do(browser, forget); err != nil {
		t.Fatal(err)
	}
	if role == "" {
		return
	}
	name, path, body := "hb_session", "/api/v1/sessions", map[string]string{"username": "demo-" + role, "password": demoPassword, "totp": ""}
	if role == "citizen" {
		lookup := d.lookups[slug]
		name, path, body = "hb_citizen", "/api/v1/campaigns/"+slug+"/lookups", map[string]string{"phone": lookup.Phone, "code": lookup.Code}
	}
	cookie := network.SetCookieParams{Name: name, Value: d.token(t, path, body), URL: d.address}
	enter := func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, network.SetCookie, cookie)
		return chromedp.Void{}, err
	}
	if err := chromedp.Do(browser, enter); err != nil {
		t.Fatal(err)
	}
}

// signedIn are tokens by what they were asked for with: who looks at page after page signs in once.
var signedIn = map[string]string{}

// token signs in over the API.
func (d *demo) token(t *testing.T, path string, body map[string]string) string {
	t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	key := d.address + path + string(encoded)
	if known, ok := signedIn[key]; ok {
		return known
	}
	response, err := http.Post(d.address+path, "application/json", bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct{ Token string }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Token == "" {
		t.Fatalf("%s: %d %v", path, response.StatusCode, err)
	}
	signedIn[key] = answer.Token
	return answer.Token
}
