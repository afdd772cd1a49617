package app

import (
	"archive/zip"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	downloads "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"hongbao/internal/rehearsal"
	"hongbao/internal/staff"
)

// run runs a job of the demo until it moves nothing more.
func (d *demo) run(t *testing.T, job string) {
	t.Helper()
	for range 20 {
		if n, err := d.platform.scheduler.RunNow(t.Context(), job, "test"); err != nil || n == 0 {
			if err != nil {
				t.Fatalf("%s: %v", job, err)
			}
			return
		}
	}
}

// newcomer is somebody who is on the list of evidence and has not registered.
func (d *demo) newcomer(t *testing.T, slug string) rehearsal.Person {
	t.Helper()
	live, err := d.platform.campaigns.Live(t.Context(), slug)
	if err != nil {
		t.Fatal(err)
	}
	people := rehearsal.NewCrowd(99, d.clock.Now(), []string{live.Book.Operators[1].Name}, []string{live.Book.City.Districts[1].Name}).People(40)
	one := people[slices.IndexFunc(people, func(p rehearsal.Person) bool { return p.Case == rehearsal.Ordinary && p.Kind == "resident" })]
	list := strings.NewReader("document\n" + one.Document + "\n")
	if _, err := d.platform.campaigns.ImportEvidence(t.Context(), "test", slug, "hukou", "test", list); err != nil {
		t.Fatal(err)
	}
	return one
}

var sixDigits = regexp.MustCompile(`\b\d{6}\b`)

// smsCode is the code in the newest message to a phone.
func (d *demo) smsCode(t *testing.T, phone string) string {
	t.Helper()
	response, err := http.Get(d.world.street.SMSURL() + "/sms/v1/inbox/" + phone)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var inbox struct{ Messages []struct{ Body string } }
	if err := json.NewDecoder(response.Body).Decode(&inbox); err != nil || len(inbox.Messages) == 0 {
		t.Fatalf("no message: %v", err)
	}
	return sixDigits.FindString(inbox.Messages[len(inbox.Messages)-1].Body)
}

// tabTo presses Tab until the focus is on what the selector names.
func (b *browser) tabTo(t *testing.T, selector string) {
	t.Helper()
	for range 60 {
		b.do(t, chromedp.KeyEvent(kb.Tab))
		if ask[bool](t, b, fmt.Sprintf("document.activeElement.matches(%q)", selector)) {
			return
		}
	}
	t.Fatalf("Tab does not reach %s", selector)
}

func (b *browser) press(t *testing.T, keys string) {
	t.Helper()
	b.do(t, chromedp.KeyEvent(keys))
}

func registerByKeyboard(t *testing.T, d *demo, b *browser) {
	slug := d.slug("suzhou")
	person := d.newcomer(t, slug)
	d.signIn(t, b.ctx, "", "")
	b.see(t, 390, "light")
	b.open(t, "/c/"+slug)
	b.press(t, kb.Tab)
	if !ask[bool](t, b, "document.activeElement.matches('.skip')") {
		t.Error("the first stop is not the way to the content")
	}
	b.tabTo(t, `a[href$="/register"]`)
	b.press(t, kb.Enter)
	b.expect(t, "逐项同意")
	for i := range ask[int](t, b, "document.querySelectorAll('[name=consents]').length") {
		b.tabTo(t, fmt.Sprintf("#f-consents-%d", i+1))
		b.press(t, " ")
	}
	b.next(t)
	b.settle(t, "document.activeElement.id === 'f-phone' && document.readyState === 'complete'")
	b.press(t, person.Phone)
	if typed := ask[string](t, b, "document.activeElement.value"); strings.ReplaceAll(typed, " ", "") != person.Phone || strings.Count(typed, " ") != 2 {
		t.Errorf("the phone is shown as %q", typed)
	}
	b.press(t, kb.Enter)
	b.expect(t, "验证码已发到")
	b.fillDetails(t, person, d.smsCode(t, person.Phone), "X")
	b.expect(t, "证件号码有误")
	if wrong := ask[string](t, b, "document.querySelector('[aria-invalid=true]').name"); wrong != "document" {
		t.Errorf("the mistake stands at %s", wrong)
	}
	ask[bool](t, b, "(document.querySelector('#f-document').value = '') === ''")
	b.tabTo(t, "#f-document")
	b.press(t, person.Document)
	b.next(t)
	b.expect(t, "每人只能登记一次")
	b.next(t)
	b.expect(t, "登记成功")
	if text := b.text(t); strings.Contains(text, person.Document) || !strings.Contains(text, "确认码") {
		t.Errorf("the receipt: %s", text)
	}
	b.calm(t, "registering")
}

// next goes to the button that sends the form, and presses it.
func (b *browser) next(t *testing.T) {
	t.Helper()
	b.tabTo(t, "main button[type=submit]")
	b.press(t, kb.Enter)
}

// fillDetails types what the third step asks for; wrong is put in the place of the document's last character.
func (b *browser) fillDetails(t *testing.T, person rehearsal.Person, code, wrong string) {
	t.Helper()
	document := person.Document[:17] + wrong
	if document == person.Document {
		document = person.Document[:17] + "0"
	}
	for _, field := range [][2]string{{"#f-sms_code", code}, {"#f-name", "Zhang San"}, {"#f-document", document}, {"[name=operator]", " "}, {"#f-district", kb.ArrowDown}} {
		b.tabTo(t, field[0])
		b.press(t, field[1])
	}
	b.next(t)
}

func checkTheProof(t *testing.T, d *demo, b *browser) {
	slug := d.slug("chengdu")
	d.signIn(t, b.ctx, "citizen", slug)
	b.see(t, 390, "light")
	b.open(t, "/c/"+slug+"/outcome")
	b.expect(t, "您中签了")
	b.expect(t, "分数从小到大排")
	receipt := ask[string](t, b, fmt.Sprintf(`fetch("/c/%s/me/receipt").then((answer) => answer.text())`, slug))
	b.do(t, chromedp.Click(chromedp.CSS(`a[href$="#check"]`)))
	b.expect(t, "在这台设备上核对")
	text, err := json.Marshal(receipt)
	if err != nil {
		t.Fatal(err)
	}
	ask[bool](t, b, fmt.Sprintf(`(document.querySelector("#f-receipt").value = %s) !== ""`, text))
	b.do(t, chromedp.Click(chromedp.CSS("#check button[type=submit]")))
	b.expect(t, "中签 ")
	if tone := ask[string](t, b, `document.querySelector("[data-part=verdict] .alert").className`); !strings.Contains(tone, "success") {
		t.Errorf("the proof is %s: %s", tone, b.text(t))
	}
	b.calm(t, "checking")
}

func downloadWorkbook(t *testing.T, d *demo, b *browser) {
	slug, dir := d.slug("chengdu"), t.TempDir()
	d.signIn(t, b.ctx, "regulator", "")
	b.see(t, 1440, "light")
	b.do(t, command(downloads.SetDownloadBehavior, downloads.SetDownloadBehaviorParams{Behavior: downloads.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir}))
	b.open(t, "/console/reports?campaign="+slug)
	b.submit(t, "/console/reports/"+slug, map[string]string{"name": "overview", "format": "xlsx"})
	b.expect(t, "xlsx · ")
	b.do(t, chromedp.Click(chromedp.CSS(`a[href$="/file"]`)))
	var files []string
	if !b.until(func() bool { files, _ = filepath.Glob(filepath.Join(dir, "*.xlsx")); return len(files) == 1 }) {
		t.Fatal("no workbook came")
	}
	book, err := zip.OpenReader(files[0])
	if err == nil {
		err = book.Close()
	}
	if err != nil {
		t.Errorf("the workbook: %v", err)
	}
	b.calm(t, "downloading")
}

// decideNewest lets the approver decide the newest request from the inbox.
func (b *browser) decideNewest(t *testing.T, d *demo, confirm string) {
	t.Helper()
	d.signIn(t, b.ctx, "approver", "")
	b.open(t, "/console/approvals")
	address := ask[string](t, b, `document.querySelector(".row-link").getAttribute("href")`)
	b.open(t, address)
	b.expect(t, "将要发生什么")
	fields := map[string]string{"reason": "金额与凭证相符"}
	if confirm != "" {
		fields["confirm"] = confirm
	}
	b.submit(t, address, fields)
	b.expect(t, "已批准，立即生效")
}

func beginACampaign(t *testing.T, d *demo, b *browser) {
	b.see(t, 1440, "light")
	d.signIn(t, b.ctx, "city-admin", "")
	b.open(t, "/console/campaigns/new?from="+d.slug("suzhou"))
	b.expect(t, "没有发现错误")
	b.edit(t, `text.replace("20000000.00", "20000000.01")`)
	b.expect(t, "发现 1 处错误")
	b.expect(t, "0.01")
	b.edit(t, `text.replace("20000000.01", "20000000.00")`)
	b.expect(t, "没有发现错误")
	b.submit(t, "/console/campaigns/new", nil)
	b.expect(t, "已建立")
	slug := strings.TrimPrefix(ask[string](t, b, "location.pathname"), "/console/campaigns/")
	b.submit(t, "/console/campaigns/"+slug+"/publish", nil)
	b.expect(t, "等待另一位同事复核")
	b.decideNewest(t, d, "")
	d.signIn(t, b.ctx, "operations", "")
	b.open(t, "/console/campaigns/"+slug)
	b.submit(t, "/console/campaigns/"+slug+"/funding", map[string]string{"source": "city", "amount": "20,000,000.00", "evidence": "回单 2026-1"})
	b.expect(t, "等待另一位同事复核")
	b.decideNewest(t, d, "")
	b.open(t, "/console/campaigns/"+slug)
	b.expect(t, "已批准")
	if text := b.text(t); strings.Count(text, "20,000,000") < 3 {
		t.Errorf("the money is not there: %s", text)
	}
	b.calm(t, "beginning a campaign")
}

// edit changes the rule book as somebody who types does; text is what stands there.
func (b *browser) edit(t *testing.T, change string) {
	t.Helper()
	ask[bool](t, b, fmt.Sprintf(`(() => {
		const field = document.querySelector("[data-check]"), text = field.value;
		field.value = %s;
		return field.value !== text && field.dispatchEvent(new Event("input", { bubbles: true }));
	})()`, change))
}

func closeACampaign(t *testing.T, d *demo, b *browser) {
	ctx, slug := context.Background(), d.slug("chengdu")
	live, err := d.platform.campaigns.Live(ctx, slug)
	if err != nil {
		t.Fatal(err)
	}
	d.clock.Set(live.Book.Windows.SpendUntil.Add(2 * time.Minute))
	clear(signedIn) // sessions do not last so long
	for range 3 {   // what comes back to an envelope that has been emptied is recalled in its turn
		d.run(t, "claim-deadline")
		d.run(t, "envelopes-expire")
		for d.waiting(t) > 0 {
			b.decideNewest(t, d, "")
		}
		d.pay(t)
	}
	d.signIn(t, b.ctx, "operations", "")
	b.open(t, "/console/campaigns/"+slug)
	b.submit(t, "/console/campaigns/"+slug+"/return", map[string]string{"confirm": "wrong"})
	b.expect(t, "未执行任何操作")
	b.submit(t, "/console/campaigns/"+slug+"/return", map[string]string{"confirm": slug})
	b.expect(t, "等待另一位同事复核")
	b.decideNewest(t, d, live.Name("zh"))
	d.pay(t)
	b.open(t, "/console/campaigns/"+slug)
	proofs, err := d.platform.disbursement.Prove(ctx, live.ID, d.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range proofs {
		if !p.Holds || p.Float+p.InTransit+p.InWallets+p.Recalled != 0 {
			t.Errorf("what is left of %s: %+v", p.Source, p)
		}
	}
	b.calm(t, "closing a campaign")
}

// waiting is how many requests wait for a second person.
func (d *demo) waiting(t *testing.T) int {
	t.Helper()
	list, err := d.platform.staff.List(t.Context(), staff.ApprovalFilter{Status: staff.Pending, City: staff.AllCities, Limit: 50})
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// pay sends approved orders until the banks have settled them all.
func (d *demo) pay(t *testing.T) {
	t.Helper()
	for range 10 {
		d.run(t, "orders-dispatch")
		d.clock.Set(d.clock.Now().Add(10 * time.Minute))
		d.run(t, "orders-resolve")
	}
}
