package lottery

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/gin-gonic/gin"

	"hongbao/internal/testkit"
	"hongbao/internal/testkit/chromium"
	"hongbao/internal/web"
	"hongbao/lottery/beacon"
	"hongbao/lottery/draw"
)

// page is a tab of a headless browser; the test is skipped where there is none.
type page struct {
	*testing.T
	ctx context.Context
	url string
	web *web.Web
}

func newPage(t *testing.T, url string, w *web.Web) *page {
	t.Helper()
	return &page{T: t, ctx: chromium.Tab(t, time.Minute), url: url, web: w}
}

func (p *page) do(steps ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.Fatal(err)
	}
}

// call imports the page's modules and testdata/vectors.js and gives the outcome of an expression over them.
func (p *page) call(v any, expression string, arguments ...any) error {
	p.Helper()
	modules := map[string]string{"V": "/vectors.js"}
	for name, file := range map[string]string{"text": "draw-text.js", "hash": "draw-hash.js", "plan": "draw-plan.js", "selection": "draw-selection.js",
		"verify": "verify.js", "beacon": "draw-beacon.js"} {
		modules[name] = p.web.Pages.AssetURL(file)
	}
	addresses, _ := json.Marshal(modules)
	given, err := json.Marshal(arguments)
	if err != nil {
		p.Fatal(err)
	}
	script := fmt.Sprintf(`(async (addresses, given) => {
		const modules = Object.fromEntries(await Promise.all(Object.entries(addresses).map(async ([name, address]) => [name, await import(address)])));
		try { return { value: await (%s)(modules, ...given) }; } catch (error) { return { error: String(error) }; }
	})(%s, %s)`, expression, addresses, given)
	type outcome struct {
		Value json.RawMessage
		Error string
	}
	answer, err := chromedp.Run(p.ctx, chromedp.Evaluate[outcome](script, chromedp.EvalAsValue, chromedp.EvalAwaitPromise))
	if err != nil {
		p.Fatal(err)
	}
	if answer.Error != "" {
		return fmt.Errorf("in the browser: %s", answer.Error)
	}
	return json.Unmarshal(answer.Value, v)
}

// workbench serves the room's modules, the vectors' driver, and the wasm files that the test has built.
func workbench(t *testing.T, wasm fstest.MapFS) *page {
	t.Helper()
	s := newStreet(t, testkit.DB(t))
	s.web.Engine.GET("/vectors.js", func(c *gin.Context) { c.File("testdata/vectors.js") })
	s.web.Engine.GET("/workbench", s.web.Handle(func(c *gin.Context) error {
		web.AllowWasm(c)
		return s.web.Render(c, http.StatusOK, "lottery/draws.html", &recordList{})
	}))
	s.web.Engine.GET("/wasm/*name", func(c *gin.Context) { c.FileFromFS(c.Param("name"), http.FS(wasm)) })
	p := newPage(t, s.url, s.web)
	p.do(chromedp.Navigate(s.url + "/workbench"))
	return p
}

func readVector(t *testing.T, name string) map[string]any {
	t.Helper()
	var v map[string]any
	data, err := os.ReadFile("draw/testdata/" + name)
	if err == nil {
		err = json.Unmarshal(data, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVectorsInABrowser(t *testing.T) {
	p := workbench(t, nil)
	chain, err := os.ReadFile("draw/testdata/bundle/chain.json")
	if err != nil {
		t.Fatal(err)
	}
	const run = "({ V, ...modules }, v, chain) => V.vector(modules, v, chain)"
	for _, name := range []string{"1_small_sha256", "2_pools_sha256", "3_large_sm3", "4_zero_counts_sm3"} {
		v := readVector(t, "draw_"+name+".json")
		var found map[string]any
		if err := p.call(&found, run, v, string(chain)); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		expect := v["expect"].(map[string]any)
		expect["score"] = expect["inclusion"].(map[string]any)["score"]
		for key, value := range found {
			if value != expect[key] {
				t.Errorf("%s: %s is %v, want %v", name, key, value, expect[key])
			}
		}
	}
	cases := readVector(t, "draw_reject.json")["cases"].([]any)
	if len(cases) < 20 {
		t.Fatal("the vectors are gone")
	}
	for _, c := range cases {
		v, change := readVector(t, "draw_2_pools_sha256.json"), c.(map[string]any)
		for _, key := range []string{"plan", "pools", "reveals"} {
			if change[key] != nil {
				v[key] = change[key]
			}
		}
		var found map[string]any
		if err := p.call(&found, run, v, string(chain)); err == nil {
			t.Errorf("%s: accepted", change["why"])
		}
	}
}

// checked is what the browser's verifier says.
type checked struct {
	Checks []struct{ Name, State, Detail string }
	Own    *struct {
		Kind, Scope string
		Place       int
	}
}

func (c checked) in(state string) (names []string) {
	for _, check := range c.Checks {
		if check.State == state {
			names = append(names, check.Name)
		}
	}
	return names
}

func readBundle(t *testing.T) (files map[string][]byte, receipt []byte) {
	t.Helper()
	files = readFiles(t, "draw/testdata/bundle")
	receipt = files["receipt.txt"]
	delete(files, "receipt.txt")
	return files, receipt
}

func readFiles(t *testing.T, root string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(root, path)
		files[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func (p *page) verify(files map[string][]byte, receipt []byte) checked {
	p.Helper()
	var found checked
	const run = "({ V, ...modules }, files, receipt) => V.check(modules, files, receipt)"
	if err := p.call(&found, run, files, base64.StdEncoding.EncodeToString(receipt)); err != nil {
		p.Fatal(err)
	}
	return found
}

// The browser makes the checks that the program makes, by the same names, and one more: the beacon's signature is a check of its own.
func TestBundleInABrowser(t *testing.T) {
	p := workbench(t, nil)
	files, receipt := readBundle(t)
	found := p.verify(files, receipt)
	fsys := fstest.MapFS{}
	for name, data := range files {
		fsys[name] = &fstest.MapFile{Data: data}
	}
	report := draw.Verifier{Beacon: beacon.Verify, Receipt: receipt}.Verify(draw.FS(fsys))
	var want []string
	for _, check := range report.Checks {
		want = append(want, check.Name)
	}
	if got := found.in("pass"); !slices.Equal(got, want) {
		t.Errorf("passed\n%q\nthe program's\n%q\nfailed %q", got, want, found.in("fail"))
	}
	if left := found.in("left"); !slices.Equal(left, []string{"beacon signature"}) {
		t.Errorf("left: %q", left)
	}
	if found.Own == nil || found.Own.Kind != string(report.Own.Kind) || found.Own.Scope != report.Own.Scope || found.Own.Place != report.Own.Rank {
		t.Errorf("the browser finds the entry at %+v, the program at %+v", found.Own, report.Own)
	}
	forged := bytes.Replace(receipt, []byte("pool north"), []byte("pool south"), 1)
	if failed := p.verify(files, forged).in("fail"); !slices.Contains(failed, "receipt") {
		t.Errorf("a forged receipt: %q", failed)
	}
}

// TestTamperedBundlesInABrowser changes each file at its start, its end and places between, adds to it, and takes it away.
func TestTamperedBundlesInABrowser(t *testing.T) {
	p := workbench(t, nil)
	files, _ := readBundle(t)
	try := func(what, name string, data []byte) {
		changed := maps.Clone(files)
		if changed[name] = data; data == nil {
			delete(changed, name)
		}
		if failed := p.verify(changed, nil).in("fail"); len(failed) == 0 {
			t.Errorf("%s: %s, and all checks pass", name, what)
		}
	}
	places := 6
	if testing.Short() {
		places = 1
	}
	delete(files, "checkpoints/1") // of another draw's line, which nobody opens
	for name, data := range files {
		for i := range places {
			at := (len(data) - 1) * (i + 1) / places
			changed := bytes.Clone(data)
			changed[at] ^= 1
			try(fmt.Sprintf("byte %d changed", at), name, changed)
		}
		try("a newline more", name, append(bytes.Clone(data), '\n'))
		try("missing", name, nil)
	}
	second := append(bytes.Clone(files["log"]), "plan example-2026.1 "+strings.Repeat("0", 64)+"\n"...)
	try("a second plan", "log", second)
}

// A voided draw ends where it was voided; its reason cannot be changed, and it has no result.
func TestVoidedDrawInABrowser(t *testing.T) {
	s := newStreet(t, testkit.DB(t))
	s.toPlanned(30)
	s.work(2)
	s.want(202, "city-admin.li", "POST", admin+"/void", `{"reason":"信标停机超过七十二小时，按公告作废。"}`, nil)
	s.decide(s.lastApproval())
	s.work(2)
	s.advance(Voided, "")
	dir := t.TempDir()
	s.must(s.service.ExportBundle(ctx, slug, dir))
	files := readFiles(t, dir)
	p := newPage(t, s.url, s.web)
	s.web.Engine.GET("/vectors.js", func(c *gin.Context) { c.File("testdata/vectors.js") })
	p.do(chromedp.Navigate(s.url + "/draws"))
	found := p.verify(files, nil)
	if failed := found.in("fail"); len(failed) > 0 || !slices.Contains(found.in("pass"), "void") {
		t.Errorf("failed %q, passed %q", failed, found.in("pass"))
	}
	for name, data := range map[string]string{"void": "another reason\n", "result": "draw/v1 result\n", "beacon.json": `{"round": 1}`} {
		changed := maps.Clone(files)
		changed[name] = []byte(data)
		if failed := p.verify(changed, nil).in("fail"); len(failed) == 0 {
			t.Errorf("%s can be changed", name)
		}
	}
}

// buildWasm builds what `make wasm` builds.
func buildWasm(t *testing.T) fstest.MapFS {
	t.Helper()
	if testing.Short() {
		t.Skip("building for WebAssembly is left out of short runs")
	}
	program := filepath.Join(t.TempDir(), "beacon.wasm")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "./wasm")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for name, path := range map[string]string{"beacon.wasm": program, "wasm_exec.js": filepath.Join(strings.TrimSpace(string(root)), "lib/wasm/wasm_exec.js")} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: data}
	}
	return files
}

func TestQuicknetInABrowser(t *testing.T) {
	p := workbench(t, buildWasm(t))
	chain := string(beacon.Quicknet().JSON())
	check := func(round any, signature any) error {
		var ok bool
		return p.call(&ok, `async ({ beacon }, chain, round, signature) => {
			globalThis.checkBeacon ??= await beacon.loadBeacon("/wasm/wasm_exec.js", "/wasm/beacon.wasm");
			globalThis.checkBeacon({ chain, round, signature });
			return true;
		}`, chain, round, signature)
	}
	rounds := readVector(t, "../../beacon/testdata/quicknet_rounds.json")["rounds"].([]any)
	for _, r := range rounds {
		round := r.(map[string]any)
		if err := check(round["round"], round["signature"]); err != nil {
			t.Errorf("round %v: %v", round["round"], err)
		}
	}
	reject := readVector(t, "../../beacon/testdata/quicknet_reject.json")
	cases := reject["cases"].([]any)
	if len(rounds) < 6 || len(cases) < 8 {
		t.Fatal("the vectors are gone")
	}
	for _, c := range cases {
		signature := c.(map[string]any)["signature"]
		if err := check(reject["round"], signature); err == nil || !strings.Contains(err.Error(), "signature") {
			t.Errorf("%v: %v", c.(map[string]any)["why"], err)
		}
	}
}

// awaitVerdict waits until a check on the page has ended and gives what the page says.
func (p *page) awaitVerdict() string {
	p.Helper()
	type alert struct{ Tone, Text string }
	verdict, err := chromedp.Run(p.ctx, chromedp.Evaluate[alert](`new Promise((resolve) => {
		const card = document.querySelector("#check"), look = () => {
			const alert = card.querySelector("[data-part=verdict] .alert");
			if (card.ariaBusy || !alert) return setTimeout(look, 20);
			resolve({ Tone: alert.className, Text: alert.innerText });
		};
		look();
	})`, chromedp.EvalAsValue, chromedp.EvalAwaitPromise))
	if err != nil {
		p.Fatal(err)
	}
	return verdict.Tone + ": " + verdict.Text
}

func (p *page) count(selector string) int {
	p.Helper()
	n, err := chromedp.Run(p.ctx, chromedp.Evaluate[int](fmt.Sprintf("document.querySelectorAll(%q).length", selector)))
	if err != nil {
		p.Fatal(err)
	}
	return n
}

// paste puts a receipt into its field and asks for its check.
func (p *page) paste(receipt []byte) string {
	p.Helper()
	text, _ := json.Marshal(string(receipt))
	if err := chromedp.Do(p.ctx, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := chromedp.Evaluate[string](fmt.Sprintf(`document.querySelector("#f-receipt").value = %s`, text))(ctx, t)
		return err
	}), chromedp.Click(chromedp.CSS("#check button[type=submit]"))); err != nil {
		p.Fatal(err)
	}
	return p.awaitVerdict()
}

// TestDrawPageInABrowser walks the public page of a published draw on a phone, as a citizen with a receipt does.
func TestDrawPageInABrowser(t *testing.T) {
	s := newStreet(t, testkit.DB(t))
	s.toPublished(200)
	winners, err := s.service.Winners(ctx, s.draw().ID, 0, 1)
	s.must(err)
	_, _, err = s.promote(winners[0].Entry, "given-up")
	s.must(err)
	s.advance(Published, forWitnesses)
	s.work(2)
	s.advance(Published, "")
	signer, err := s.service.Campaigns.Receipts("lakeside")
	s.must(err)
	p := newPage(t, s.url, s.web)
	p.do(chromedp.EmulateViewport(390, 844), chromedp.Navigate(s.url+"/draws/"+slug))

	p.do(chromedp.Click(chromedp.CSS("#check [data-part=whole]")))
	if verdict := p.awaitVerdict(); !strings.Contains(verdict, "success") || !strings.Contains(verdict, "全部通过") || !strings.Contains(verdict, "彩排") {
		t.Errorf("the whole draw: %s", verdict)
	}
	if failed, passed := p.count("#check .fail"), p.count("#check .pass"); failed > 0 || passed < 30 {
		t.Errorf("%d checks pass, %d fail", passed, failed)
	}
	if left := p.count("#check .left"); (left == 0) != hasWasm {
		t.Errorf("%d checks are left", left)
	}
	if ticks := p.count(".told .checked"); ticks != 8 {
		t.Errorf("%d of the record's 8 files are ticked", ticks)
	}
	p.fitsThePhone()
	p.screenshot("draw-checked-390.png")

	// Every tenth registration is excluded; the others are told what the platform knows of them.
	for _, i := range []int{0, 9, 12, 55, 120} {
		person := s.people[i]
		receipt, err := person.receipt.Sign(signer)
		s.must(err)
		verdict := p.paste(receipt)
		if i == 9 {
			if !strings.Contains(verdict, "danger") || p.count(`[data-check="receipt's entry"].fail`) != 1 {
				t.Errorf("an excluded entry: %s", verdict)
			}
			continue
		}
		if want := s.told(person); !strings.Contains(verdict, "success") || !strings.Contains(verdict, want) {
			t.Errorf("want %q: %s", want, verdict)
		}
	}
	promoted := p.promoted(s)
	receipt, err := promoted.receipt.Sign(signer)
	s.must(err)
	if verdict := p.paste(receipt); !strings.Contains(verdict, "递补") {
		t.Errorf("promoted: %s", verdict)
	}
	forged := bytes.Replace(receipt, []byte("salt "), []byte("salt 0"), 1)
	if verdict := p.paste(forged); !strings.Contains(verdict, "danger") {
		t.Errorf("a forged receipt: %s", verdict)
	}
	p.screenshot("receipt-refused-390.png")
}

// told is part of what the page must say of a person, from what the API says.
func (s *street) told(person person) string {
	s.Helper()
	result, err := s.service.ResultOf(ctx, s.id, person.id)
	s.must(err)
	switch result.Outcome {
	case Won:
		return fmt.Sprintf("中签 %d 元", result.AmountFen/100)
	case Waits:
		return fmt.Sprintf("候补第 %d 位", result.Place)
	case Promoted:
		return "递补"
	case GaveUp:
		return "已递补给他人"
	}
	return "没有中签"
}

func (p *page) promoted(s *street) person {
	p.Helper()
	for _, person := range s.people {
		if result, err := s.service.ResultOf(ctx, s.id, person.id); err == nil && result.Outcome == Promoted {
			return person
		}
	}
	p.Fatal("nobody was promoted")
	return person{}
}

// fitsThePhone demands that nothing stands out at the side.
func (p *page) fitsThePhone() {
	p.Helper()
	wide, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool]("document.documentElement.scrollWidth > innerWidth"))
	if err != nil || wide {
		p.Errorf("the page is wider than the phone (%v)", err)
	}
}

// screenshot writes the whole page into the folder that HONGBAO_SCREENSHOTS names, if it names one.
func (p *page) screenshot(name string) {
	p.Helper()
	dir := os.Getenv("HONGBAO_SCREENSHOTS")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name), picture, 0o644)
	}
	if err != nil {
		p.Fatal(err)
	}
}
