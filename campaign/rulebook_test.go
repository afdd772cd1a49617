package campaign

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"hongbao/internal/fault"
	"hongbao/internal/money"
)

var exampleFiles = []string{"suzhou-2020", "luohu-2020", "chengdu-2021"}

func exampleBook(t testing.TB, name string) *RuleBook {
	t.Helper()
	data, err := os.ReadFile("../examples/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	book, err := ParseRuleBook(data)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return book
}

func TestExamplesHoldTheFactsOfThePilots(t *testing.T) {
	cases := []struct {
		name      string
		envelopes int64
		budget    money.Fen
		spendFrom string
	}{
		{"suzhou-2020", 100_000, 20_000_000 * money.Yuan, "2020-12-11T20:00:00+08:00"},
		{"luohu-2020", 50_000, 10_000_000 * money.Yuan, "2020-10-12T18:00:00+08:00"},
		{"chengdu-2021", 200_000, 39_999_980 * money.Yuan, "2021-03-03T12:00:00+08:00"},
	}
	for _, c := range cases {
		book := exampleBook(t, c.name)
		if book.ID != c.name || book.Envelopes() != c.envelopes || book.Budget() != c.budget {
			t.Errorf("%s: %s, %d envelopes, %s yuan", c.name, book.ID, book.Envelopes(), book.Budget())
		}
		if got := book.Windows.SpendFrom.Format(time.RFC3339); got != c.spendFrom {
			t.Errorf("%s: spending begins %s", c.name, got)
		}
	}
	suzhou := exampleBook(t, "suzhou-2020")
	if got := suzhou.Windows.SpendUntil; !got.Equal(time.Date(2020, 12, 28, 0, 0, 0, 0, Shanghai)) {
		t.Errorf("24:00 on 27 December is %s", got)
	}
}

// A rehearsal must be able to pass through every cell: each pay mode of each scenario and each app of the matrix has a
// merchant.
func TestExamplesHaveAMerchantForEveryCell(t *testing.T) {
	for _, name := range exampleFiles {
		book := exampleBook(t, name)
		has := func(fits func(m Merchant) bool) bool { return slices.ContainsFunc(book.Merchants, fits) }
		for _, scenario := range book.Scenarios {
			for _, mode := range scenario.PayModes {
				if !has(func(m Merchant) bool {
					return slices.Contains(m.Scenarios, scenario.Name) && slices.Contains(m.PayModes, mode)
				}) {
					t.Errorf("%s: no merchant for %s by %s", name, scenario.Name, mode)
				}
			}
		}
		cells := 0
		for _, operator := range book.Operators {
			for _, app := range operator.Apps {
				cells++
				if !has(func(m Merchant) bool { return m.App == app && slices.Contains(m.PayModes, "sub-wallet") }) {
					t.Errorf("%s: no merchant in app %s", name, app)
				}
			}
		}
		if len(book.Operators) != 6 || cells != 10 {
			t.Errorf("%s: %d operators and %d cells", name, len(book.Operators), cells)
		}
	}
}

func TestRuleBookRefusals(t *testing.T) {
	suzhou, err := os.ReadFile("../examples/suzhou-2020.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name, old, new, field, reason string
		elsewhere                     bool // the line at fault is not the one that was changed
	}{
		{"kept for ever", "sms_code: true", "sms_code: true\nretention: {winners_days: 3651}", "retention.winners_days", "at most 3650", false},
		{"winners before the others", "sms_code: true", "sms_code: true\nretention: {unselected_days: 60, winners_days: 59}", "retention.winners_days", "the 60 days", false},
		{"unknown key", "sms_code: true", "sms_code: true\nsmscode: true", "smscode", "is not a field", false},
		{"weighted chances", "    count: 100000\n", "    count: 100000\n    weight: 3\n", "tiers[0].weight", "weighted chances", false},
		{"missing key", "hash: sha256\n", "", "hash", "is missing", true},
		{"key twice", "hash: sha256\n", "hash: sha256\nhash: sm3\n", "file", "already defined", false},
		{"not YAML", "hash: sha256\n", "hash: [sha256\n", "file", "not valid YAML", true},
		{"a fen too much", "amount: 20000000", "amount: 20000000.01", "funding[0].amount", "does not equal", false},
		{"three decimals", "amount: 20000000", "amount: 20000000.001", "funding[0].amount", "two decimals", false},
		{"an amount in words", "    amount: 200\n", "    amount: two hundred\n", "tiers[0].amount", "two decimals", false},
		{"a count that sources do not pay", "    count: 100000\n", "    count: 99999\n", "tiers[0].count", "sources pay", false},
		{"a fraction of an envelope", "    count: 100000\n", "    count: 100000.5\n", "tiers[0].count", "whole number", false},
		{"unknown source", "{source: city, count: 100000}", "{source: jd, count: 100000}", "tiers[0].funding[0].source", "no funding source", false},
		{"close before open", "close: 2020-12-06 24:00", "close: 2020-12-04 24:00", "windows.close", "out of order", false},
		{"spending before claiming", "spend_from: 2020-12-11 20:00", "spend_from: 2020-12-11 07:00", "windows.spend_from", "out of order", false},
		{"a draw after the claim", "draw_delay: 96h", "draw_delay: 200h", "windows.claim_from", "out of order", true},
		{"no such day", "notice: 2020-12-04 12:00", "notice: 2020-13-04 12:00", "windows.notice", "moment", false},
		{"unknown operator", "{name: icbc,", "{name: cmb,", "operators[0].name", "unknown operator", false},
		{"access point", "{name: icbc,", "{name: suzhou-bank, via: City Clearing,", "operators[0].via", "lower-case", false},
		{"operator twice", "{name: abc,", "{name: icbc,", "operators[1].name", "twice", false},
		{"app outside the list", "apps: [jd, bilibili]", "apps: [jd, alipay]", "operators[2].apps[1]", "no app", false},
		{"unknown pay mode", "pay_modes: [sub-wallet]\n", "pay_modes: [barter]\n", "scenarios[1].pay_modes[0]", "not one of", false},
		{"unknown district", "delivery_districts: [xiangcheng]", "delivery_districts: [pudong]", "scenarios[2].admission.delivery_districts[0]", "no district", false},
		{"unknown pool", "    pool: suzhou\n", "    pool: wuxi\n", "tiers[0].pool", "no pool", false},
		{"unknown evidence", "{evidence: hukou}", "{evidence: rumour}", "eligibility.any[0].evidence", "not one of", false},
		{"two conditions in one", "{evidence: hukou}", "{evidence: hukou, min_age: 3}", "eligibility.any[0]", "exactly one", false},
		{"unknown document", "documents: [resident,", "documents: [passport,", "documents[0]", "not one of", false},
		{"two-step without a limit", "confirmation: one-step", "confirmation: two-step", "confirm_within", "two-step", true},
		{"merchant with a foreign pay mode", "pay_modes: [stand-qr, tap], address: 平江路", "pay_modes: [cash-on-delivery], address: 平江路", "merchants[11].pay_modes", "not a pay mode", false},
		{"an alias", "hash: sha256\n", "hash: *x\n", "hash", "single value", false},
		{"an unknown risk rule", "kind: same-device", "kind: bad-feeling", "risk.rules[0].kind", "not one of", false},
		{"a risk rule that names everybody", "kind: same-device, over: 5", "kind: same-device, over: 0", "risk.rules[0].over", "between 1", false},
		{"a range that is no phone", `ranges: ["162",`, `ranges: ["962",`, "risk.rules[2].ranges[0]", "first 3 to 7 digits", false},
		{"ranges where none belong", "kind: same-device, over: 5", `kind: same-device, ranges: ["162"], over: 5`, "risk.rules[0].ranges", "phone-range", false},
		{"risk rules without a review", "  review: 48h", "  # none: 48h", "risk", "needs windows.review", true},
		{"a review up to the draw", "review: 48h", "review: 96h", "windows.review", "an hour shorter", false},
		{"appeals that outlive the review", "decide: 24h}", "decide: 49h}", "appeals.decide", "no longer than windows.review", false},
		{"a challenge without end", "sms_code: true", "sms_code: true\nchallenge: {bits: 9, most: 30, wait: 5s}", "challenge.bits", "bits <= most", false},
		{"a challenge that waits for ever", "sms_code: true", "sms_code: true\nchallenge: {bits: 9, most: 20, wait: 5h}", "challenge.wait", "ten minutes", false},
		{"a name check at no known time", "name_check: before-freeze", "name_check: sometimes", "name_check", "not one of", false},
		{"an SMS with a link", "sms_code: true", "sms_code: true\nsms_texts: [{stage: won, text: 中签请点 hongbao.suzhou.cn 领取}]", "sms_texts[0].text", "holds a link", false},
		{"an SMS at no stage", "sms_code: true", "sms_code: true\nsms_texts: [{stage: birthday, text: 生日快乐}]", "sms_texts[0].stage", "not a stage", false},
		{"a confirmation without its code", "sms_code: true", "sms_code: true\nsms_texts: [{stage: confirm, text: 请确认}]", "sms_texts[0].text", "{code}", false},
		{"a campaign whose name is a link", "name: {zh: 苏州“双十二”数字人民币红包,", "name: {zh: 红包 https://x.cn,", "name.zh", "never hold a link", false},
		{"appeals without a clock", "appeals: {file: 48h, decide: 24h}", "appeals: {decide: 24h}", "appeals.file", "is missing", false},
		{"id not a token", "id: suzhou-2020", "id: Suzhou 2020", "id", "lower-case", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(string(suzhou), c.old, c.new, 1)
			if text == string(suzhou) {
				t.Fatal("the example has changed: nothing was replaced")
			}
			_, err := ParseRuleBook([]byte(text))
			found, ok := fault.As(err)
			if !ok || found.Kind != fault.Invalid {
				t.Fatalf("not refused: %v", err)
			}
			if !strings.Contains(found.EN, c.reason) || !strings.Contains(found.EN, ": "+c.field+": ") || found.ZH == "" {
				t.Errorf("field or reason missing in %q", found.EN)
			}
			if wanted := lineOfChange(string(suzhou), text); !strings.Contains(found.EN, wanted) && !c.elsewhere {
				t.Errorf("%q does not name %s", found.EN, wanted)
			}
		})
	}
}

// lineOfChange is "line N" of the first line in which the texts differ.
func lineOfChange(before, after string) string {
	a, b := strings.Split(before, "\n"), strings.Split(after, "\n")
	for i := range b {
		if i >= len(a) || a[i] != b[i] {
			return fmt.Sprintf("line %d: ", i+1)
		}
	}
	return "line 1: "
}

func TestRuleBookReportsAllMistakesAtOnce(t *testing.T) {
	data := exampleBook(t, "suzhou-2020").YAML()
	for _, change := range [][2]string{{"{name: icbc,", "{name: cmb,"}, {"amount: 20000000", "amount: 20000001"}, {"hash: sha256", "hash: md5"}} {
		data = bytes.Replace(data, []byte(change[0]), []byte(change[1]), 1)
	}
	_, err := ParseRuleBook(data)
	found, _ := fault.As(err)
	if found == nil || strings.Count(found.EN, "\n") != 2 || strings.Count(found.ZH, "\n") != 2 {
		t.Errorf("three mistakes are reported as %v", err)
	}
}

// Scaling keeps every tier of every source alive and the budget exact, and its file parses to the same book.
func TestScaleAlwaysAddsUp(t *testing.T) {
	for _, name := range exampleFiles {
		book := exampleBook(t, name)
		for registrations := 1; registrations < 10_000_000; registrations = registrations*7/5 + 1 {
			scaled := book.Scale(registrations)
			again, err := ParseRuleBook(scaled.YAML())
			if err != nil {
				t.Fatalf("%s for %d: %v", name, registrations, err)
			}
			wanted := min(book.Envelopes(), max(int64(registrations/20), int64(len(book.shares()))))
			if again.Envelopes() != wanted || again.Budget() != scaled.Budget() {
				t.Fatalf("%s for %d: %d envelopes, want %d", name, registrations, again.Envelopes(), wanted)
			}
			for i := range book.Tiers {
				if scaled.Tiers[i].Count > book.Tiers[i].Count {
					t.Fatalf("%s for %d: tier %d grew", name, registrations, i)
				}
			}
		}
		if book.Scale(50_000_000) != book {
			t.Errorf("%s: scaled although there are enough people", name)
		}
	}
}

func TestMovedKeepsTheOrderOfWindows(t *testing.T) {
	book := exampleBook(t, "chengdu-2021")
	moved, err := ParseRuleBook(book.Moved("chengdu-demo", 777*time.Hour+time.Second).YAML())
	if err != nil {
		t.Fatal(err)
	}
	if moved.ID != "chengdu-demo" || moved.Windows.SpendUntil.Sub(book.Windows.SpendUntil) != 777*time.Hour+time.Second {
		t.Errorf("moved to %s %s", moved.ID, moved.Windows.SpendUntil)
	}
	if book.ID != "chengdu-2021" || moved.Hash() == book.Hash() {
		t.Error("the original changed, or the hash did not")
	}
}

// FuzzParseRuleBook: what is accepted has a budget that its tiers hand out, and is the same book when it is written and read again.
func FuzzParseRuleBook(f *testing.F) {
	for _, name := range exampleFiles {
		f.Add(mustRead("../examples/" + name + ".yaml"))
	}
	f.Add([]byte("id: a\ntiers: [{name: b}]\n"))
	f.Add([]byte("- 1\n- {a: &x 1, b: *x}\n"))
	f.Add([]byte("? [1]\n: 2\n<<: {a: 1}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		book, err := ParseRuleBook(data)
		if err != nil {
			return
		}
		var given money.Fen
		for _, tier := range book.Tiers {
			given += tier.Amount * money.Fen(tier.Count)
		}
		if book.Budget() <= 0 || book.Budget() != given {
			t.Errorf("a budget of %s, tiers of %s", book.Budget(), given)
		}
		if again, err := ParseRuleBook(book.YAML()); err != nil || again.Hash() != book.Hash() {
			t.Errorf("written and read again it is another: %v\n%s", err, book.YAML())
		}
	})
}

func mustRead(path string) []byte {
	data, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return data
}

func TestReviewTellsLinesAndSums(t *testing.T) {
	text := string(exampleBook(t, "suzhou-2020").YAML())
	good := ReviewRuleBook([]byte(text))
	if len(good.Mistakes) != 0 || good.Book == nil || len(good.Sources) != 1 || good.Sources[0].Amount != good.Sources[0].HandedOut {
		t.Errorf("the example: %+v", good)
	}
	short := ReviewRuleBook([]byte(strings.Replace(text, "amount: 20000000", "amount: 20000001", 1)))
	if short.Book != nil || len(short.Mistakes) != 1 || short.Mistakes[0].Field != "funding[0].amount" || short.Sources[0].Amount-short.Sources[0].HandedOut != money.Yuan {
		t.Errorf("one yuan too many: %+v", short)
	}
	if line := short.Mistakes[0].Line; !strings.Contains(strings.Split(text, "\n")[line-1], "amount: 20000000") {
		t.Errorf("line %d", line)
	}
	if broken := ReviewRuleBook([]byte("id: [")); broken.Book != nil || len(broken.Mistakes) != 1 || broken.Sources != nil {
		t.Errorf("broken: %+v", broken)
	}
}

func TestNextCampaignOfASeries(t *testing.T) {
	book := exampleBook(t, "suzhou-2020")
	from := time.Date(2027, 1, 10, 9, 0, 0, 0, Shanghai)
	next := book.Next([]string{"suzhou-2020", "suzhou-2020-2"}, from)
	if next.ID != "suzhou-2020-3" || next.Windows.Open.Before(from) || next.Windows.Open.After(from.Add(24*time.Hour)) ||
		next.Windows.SpendUntil.Sub(next.Windows.Open) != book.Windows.SpendUntil.Sub(book.Windows.Open) {
		t.Errorf("%s opens %v", next.ID, next.Windows.Open)
	}
	if again := next.Next([]string{"suzhou-2020-3"}, time.Time{}); again.ID != "suzhou-2020-2" || !again.Windows.Open.Equal(next.Windows.Open) {
		t.Errorf("%s opens %v", again.ID, again.Windows.Open)
	}
	if review := ReviewRuleBook(next.YAML()); len(review.Mistakes) > 0 {
		t.Errorf("%+v", review.Mistakes)
	}
}
