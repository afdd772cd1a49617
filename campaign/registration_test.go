package campaign

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/testkit"
)

func TestSubmissionFields(t *testing.T) {
	w := newWorld(t, testkit.DB(t))
	c := w.open(suzhou(t, anyone...))
	cases := []struct {
		name   string
		change func(s *Submission)
		field  string
	}{
		{"no name", func(s *Submission) { s.Name = "" }, "name"},
		{"a name of digits", func(s *Submission) { s.Name = "12345" }, "name"},
		{"a name with a control character", func(s *Submission) { s.Name = "张\x00三" }, "name"},
		{"a name that is a novel", func(s *Submission) { s.Name = strings.Repeat("张", 61) }, "name"},
		{"a wrong check digit", func(s *Submission) { s.Document = resident(1)[:17] + "Z" }, "document"},
		{"a document of a megabyte", func(s *Submission) { s.Document = strings.Repeat("1", 1<<20) }, "document"},
		{"a landline", func(s *Submission) { s.Phone = "051265221111" }, "phone"},
		{"an unknown operator", func(s *Submission) { s.Operator = "cmb" }, "operator"},
		{"an unknown district", func(s *Submission) { s.District = "pudong" }, "district"},
		{"a tier where there is no choice", func(s *Submission) { s.Tier = "envelope-200" }, "tier"},
		{"a consent left out", func(s *Submission) { s.Consents = s.Consents[1:] }, "consents"},
		{"an old consent", func(s *Submission) { s.Consents[0] = "registration@0" }, "consents"},
		{"an unknown consent", func(s *Submission) { s.Consents = append(s.Consents, "marketing@1") }, "consents"},
		{"a short key", func(s *Submission) { s.IdempotencyKey = "k" }, "Idempotency-Key"},
		{"a key with a line break", func(s *Submission) { s.IdempotencyKey = "key\r\nSet-Cookie: a" }, "Idempotency-Key"},
		{"a long device", func(s *Submission) { s.Device = strings.Repeat("d", 65) }, "device"},
	}
	for i, tc := range cases {
		sub := person(c.Slug, i)
		tc.change(&sub)
		_, err := w.Register(context.Background(), sub)
		found, ok := fault.As(err)
		if !ok || found.Kind != fault.Invalid || found.Field != tc.field || found.ZH == "" || found.EN == "" {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	if n := w.count("SELECT COUNT(*) FROM registrations"); n != 0 {
		t.Errorf("%d rows of refused submissions", n)
	}
	all := Submission{Campaign: c.Slug}
	if _, err := w.Register(context.Background(), all); len(faults(err)) < 5 {
		t.Errorf("an empty form names %d fields", len(faults(err)))
	}
}

func TestEligibility(t *testing.T) {
	any3 := Rule{Any: []Rule{{Evidence: "hukou"}, {Evidence: "social-insurance"}}}
	cases := []struct {
		name string
		rule Rule
		a    Applicant
		want error
	}{
		{"no rule", Rule{}, Applicant{}, nil},
		{"one of two lists", any3, Applicant{Evidence: []string{"social-insurance"}}, nil},
		{"another list", any3, Applicant{Evidence: []string{"employer-list"}}, errEvidence},
		{"both", Rule{All: []Rule{{Location: true}, any3}}, Applicant{Location: true, Evidence: []string{"hukou"}}, nil},
		{"both, elsewhere", Rule{All: []Rule{{Location: true}, any3}}, Applicant{Evidence: []string{"hukou"}}, errLocation},
		{"both, no list", Rule{All: []Rule{{Location: true}, any3}}, Applicant{Location: true}, errEvidence},
		{"on the birthday", Rule{MinAge: 18}, Applicant{Age: 18}, nil},
		{"the day before", Rule{MinAge: 18}, Applicant{Age: 17}, errTooYoung},
		{"no known birth", Rule{MinAge: 18}, Applicant{Age: -1}, nil},
		{"as old as can be", Rule{MaxAge: 60}, Applicant{Age: 60}, nil},
		{"too old", Rule{MaxAge: 60}, Applicant{Age: 61}, errTooOld},
		{"the district", Rule{Districts: []string{"gusu", "sip"}}, Applicant{District: "sip"}, nil},
		{"another district", Rule{Districts: []string{"gusu"}}, Applicant{District: "sip"}, errDistrict},
		{"no district given", Rule{Districts: []string{"gusu"}}, Applicant{}, errDistrict},
	}
	for _, c := range cases {
		if err := c.rule.Check(c.a); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestEvidenceDecidesAndRefusalsAreCounted(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := newWorld(t, db), context.Background()
		c := w.open(suzhou(t, "sms_code: true", "sms_code: false"))
		list := "document,kind\n" + resident(1) + ",hukou\n" + resident(1) + ",hukou\n" + resident(2) + ",social-insurance\n" +
			resident(3) + ",employer-list\n" + resident(4) + ",rumour\n" + resident(5)[:17] + ",hukou\n"
		result, err := w.ImportEvidence(ctx, "maker", c.Slug, "", "公安局 2020-12", strings.NewReader(list))
		if err != nil || result.Imported != 3 || result.Lines != 6 || len(result.Rejected) != 2 || result.Rejected[1].Line != 7 || result.Rejected[1].Field != "document" {
			t.Fatalf("%+v, %v", result, err)
		}
		for i, want := range map[int]error{1: nil, 2: nil, 3: errEvidence, 4: errEvidence} {
			if _, err := w.Register(ctx, person(c.Slug, i)); !errors.Is(err, want) {
				t.Errorf("person %d: %v", i, err)
			}
		}
		if _, err := w.FlushRefusals(ctx); err != nil {
			t.Fatal(err)
		}
		w.Register(ctx, person(c.Slug, 3))
		if _, err := w.FlushRefusals(ctx); err != nil {
			t.Fatal(err)
		}
		counts, err := w.Refused(ctx, c.ID)
		if err != nil || !slices.Equal(counts, []ReasonCount{{"no-evidence", 3}}) {
			t.Errorf("counted %v, %v", counts, err)
		}
	})
}

func TestForeignCardsMeet(t *testing.T) {
	w, ctx := newWorld(t, testkit.DB(t)), context.Background()
	c := w.open(suzhou(t, anyone...))
	foreign := func(i int, document string) Submission {
		s := person(c.Slug, i)
		s.Document = document
		return s
	}
	const newCard, oldCard = "911124198108030024", "CHN110000000012"
	if _, err := w.Register(ctx, foreign(1, newCard+"/"+oldCard)); err != nil {
		t.Fatal(err)
	}
	for i, document := range []string{oldCard, newCard} {
		if _, err := w.Register(ctx, foreign(10+i, document)); !errors.Is(err, errAlready) {
			t.Errorf("%s: %v", document, err)
		}
	}
}

func TestSMSCode(t *testing.T) {
	w, ctx := newWorld(t, testkit.DB(t)), context.Background()
	c := w.open(suzhou(t, anyone[0], anyone[1]))
	sub := person(c.Slug, 1)
	code := w.code(c.Slug, sub.Phone)
	if strings.Contains(w.inbox.last(sub.Phone), "http") {
		t.Error("a link in an SMS")
	}
	if err := w.SendCode(ctx, c.Slug, sub.Phone); fault.KindOf(err) != fault.TooMany {
		t.Errorf("a second code within a minute: %v", err)
	}
	sub.SMSCode = "000000"
	if code == sub.SMSCode {
		sub.SMSCode = "111111"
	}
	for range 4 {
		if _, err := w.Register(ctx, sub); !errors.Is(err, errSMSCode) {
			t.Errorf("a wrong code: %v", err)
		}
	}
	other := person(c.Slug, 2)
	other.SMSCode = code
	if _, err := w.Register(ctx, other); !errors.Is(err, errSMSCode) {
		t.Errorf("the code of another phone: %v", err)
	}
	w.clock.Advance(smsWindow)
	sub.SMSCode = code
	if _, err := w.Register(ctx, sub); err != nil {
		t.Errorf("the right code, in the next window: %v", err)
	}
	late := person(c.Slug, 3)
	late.SMSCode = w.code(c.Slug, late.Phone)
	w.clock.Advance(2 * smsWindow)
	for range 5 {
		if _, err := w.Register(ctx, late); !errors.Is(err, errSMSCode) {
			t.Errorf("an expired code: %v", err)
		}
	}
	if _, err := w.Register(ctx, late); fault.KindOf(err) != fault.TooMany {
		t.Errorf("the sixth attempt: %v", err)
	}
	desk := person(c.Slug, 4)
	desk.Desk = "branch"
	if _, err := w.Register(ctx, desk); err != nil {
		t.Errorf("at the desk: %v", err)
	}
	if n := w.count("SELECT COUNT(*) FROM audit_entries WHERE action = 'registration.desk' AND actor = 'branch'"); n != 1 {
		t.Error("the desk is not on the record")
	}
}

func TestLookupWithdrawAndExclude(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := newWorld(t, db), context.Background()
		c := w.open(suzhou(t, anyone...))
		receipts := w.people(c, 4)
		found, err := w.Lookup(ctx, c.Slug, "+86 "+phoneOf(1), strings.ToLower(strings.ReplaceAll(receipts[1].ConfirmationCode, "-", " ")))
		if err != nil || found != receipts[1] {
			t.Errorf("looked up %+v, %v", found, err)
		}
		if _, err := w.Lookup(ctx, c.Slug, phoneOf(1), receipts[2].ConfirmationCode); !errors.Is(err, errNoRegistration) {
			t.Errorf("another's code: %v", err)
		}
		if err := w.Withdraw(ctx, receipts[0].ID); err != nil {
			t.Fatal(err)
		}
		if n := w.count("SELECT COUNT(*) FROM registrations WHERE id = ? AND (LENGTH(sealed) > 0 OR person IS NOT NULL OR document_index IS NOT NULL OR phone_index IS NOT NULL)", receipts[0].ID); n != 0 {
			t.Error("a withdrawn registration still leads to the person")
		}
		if again, err := w.Register(ctx, person(c.Slug, 0)); err != nil || again.Entry == receipts[0].Entry {
			t.Errorf("registering again after a withdrawal: %v", err)
		}
		w.exclude(c, receipts[2], "false-document")
		w.endRegistration(c)
		w.clock.Set(mustBook(t, w, c.ID).Windows.Freeze())
		if err := w.Freeze(ctx, c.ID); err != nil {
			t.Fatal(err)
		}
		for name, err := range map[string]error{"withdrawn": w.Withdraw(ctx, receipts[1].ID), "excluded": second(w.RequestExclusion(ctx, "maker", c.Slug, receipts[1].Entry, "ineligible"))} {
			if !errors.Is(err, errFrozen) {
				t.Errorf("%s after the freeze: %v", name, err)
			}
		}
		counts, err := w.ExcludedCounts(ctx, c.ID)
		if err != nil || !slices.Equal(counts, []ReasonCount{{"false-document", 1}, {"withdrawn", 1}}) {
			t.Errorf("excluded %v, %v", counts, err)
		}
		registered, _ := w.Registered(ctx, c.ID)
		entries, pairs := int64(0), int64(0)
		w.EachEntry(ctx, c.ID, "suzhou", func([32]byte, int64) error { entries++; return nil })
		w.eachPair(ctx, c.ID, func(string, database.Bytes32, database.Bytes32) error { pairs++; return nil })
		if registered != 5 || entries+2 != registered || pairs != entries {
			t.Errorf("%d registered, %d entries, %d pairs", registered, entries, pairs)
		}
	})
}

func TestTwoSteps(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := newWorld(t, db), context.Background()
		c := w.open(suzhou(t, append([]string{"confirmation: one-step", "confirmation: two-step\nconfirm_within: 6h"}, anyone...)...))
		for i := range 3 {
			receipt, err := w.Register(ctx, person(c.Slug, i))
			if err != nil || receipt.Status != Registered || receipt.ConfirmationCode != "" {
				t.Fatalf("%+v, %v", receipt, err)
			}
		}
		if n, err := w.SendMessages(ctx); n != 3 || err != nil {
			t.Fatalf("sent %d, %v", n, err)
		}
		if n, err := w.SendMessages(ctx); n != 0 || err != nil {
			t.Errorf("sent again: %d, %v", n, err)
		}
		code := func(i int) string {
			return regexp.MustCompile(`[A-Z2-9]{4}-[A-Z2-9]{4}`).FindString(w.inbox.last(phoneOf(i)))
		}
		if n := w.count("SELECT COUNT(*) FROM messages WHERE body LIKE ?", "%"+code(0)+"%"); n != 0 {
			t.Error("the code stands in the outbox in clear")
		}
		for range 2 {
			if receipt, err := w.Confirm(ctx, c.Slug, phoneOf(0), code(0)); err != nil || receipt.Status != Confirmed || receipt.ConfirmationCode != code(0) {
				t.Errorf("confirming: %+v, %v", receipt, err)
			}
		}
		w.clock.Advance(6*time.Hour + time.Minute)
		if _, err := w.Confirm(ctx, c.Slug, phoneOf(1), code(1)); !errors.Is(err, errConfirmLate) {
			t.Errorf("confirmed too late: %v", err)
		}
		w.endRegistration(c)
		counts, err := w.ExcludedCounts(ctx, c.ID)
		if err != nil || !slices.Equal(counts, []ReasonCount{{ReasonUnconfirmed, 2}}) {
			t.Errorf("%v, %v", counts, err)
		}
	})
}

func TestMessagesThatCannotBeSentWaitAndThenFail(t *testing.T) {
	w, ctx := newWorld(t, testkit.DB(t)), context.Background()
	c := w.open(suzhou(t, anyone...))
	receipt, err := w.Register(ctx, person(c.Slug, 1))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second is no second message
		if err := w.DB.InTx(ctx, func(tx *gorm.DB) error { return w.Notify(tx, c.ID, StageWon, w.clock.Now(), receipt.ID) }); err != nil {
			t.Fatal(err)
		}
	}
	w.inbox.fail = true
	w.clock.Advance(10 * time.Hour) // it was opened at midnight
	for range messageTries + 2 {
		if _, err := w.SendMessages(ctx); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(messageTries * time.Minute)
	}
	if n := w.count("SELECT COUNT(*) FROM messages WHERE status = 'failed' AND attempts = ?", messageTries); n != 1 {
		t.Errorf("%d failed messages", n)
	}
}

// Nothing that identifies a person stands in the database in clear.
func TestIdentityIsSealed(t *testing.T) {
	w, ctx := newWorld(t, testkit.DB(t)), context.Background()
	c := w.open(suzhou(t, anyone...))
	sub := person(c.Slug, 7)
	sub.Name = "欧阳测试"
	receipt, err := w.Register(ctx, sub)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := w.DB.SQL().Query("SELECT * FROM registrations")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, _ := rows.Columns()
	cells := make([]any, len(columns))
	for i := range cells {
		cells[i] = new([]byte)
	}
	for rows.Next() {
		if err := rows.Scan(cells...); err != nil {
			t.Fatal(err)
		}
		for i, cell := range cells {
			for _, secret := range []string{sub.Name, sub.Document, sub.Phone, receipt.ConfirmationCode} {
				if bytes.Contains(*cell.(*[]byte), []byte(secret)) {
					t.Errorf("%s holds %q", columns[i], secret)
				}
			}
		}
	}
	contact, err := w.Contact(ctx, "system:wallets-find", receipt.ID)
	if err != nil || contact.Name != sub.Name || contact.Phone != sub.Phone || contact.Document.Number != sub.Document {
		t.Errorf("%+v, %v", contact, err)
	}
	if n := w.count("SELECT COUNT(*) FROM audit_entries WHERE action = 'registration.contact' AND actor = 'system:wallets-find'"); n != 1 {
		t.Error("who looked is not on the record")
	}
	w.showed("registration.contact", receipt.ID)
	data, err := w.MyData(ctx, receipt.ID)
	if err != nil || data.Phone != sub.Phone || data.Entry != receipt.Entry.String() {
		t.Errorf("%+v, %v", data, err)
	}
}

func TestPoolsByDistrictAndTier(t *testing.T) {
	book := exampleBook(t, "chengdu-2021")
	book.Pools = Pools{ByDistrict, []Pool{{Name: "centre", Districts: []string{"jinjiang", "wuhou"}}, {Name: "gaoxin"}}}
	if book.PoolOf("wuhou", "") != "centre" || book.PoolOf("gaoxin", "") != "gaoxin" || book.PoolOf("xindu", "") != "" {
		t.Error("pools by district")
	}
	book.Pools.By = ByTier
	book.Tiers[0].Pool = "centre"
	if book.PoolOf("gaoxin", "envelope-238") != "centre" {
		t.Error("pools by tier")
	}
	r := &reading{lines: map[string]int{}}
	book.Pools.By = ByDistrict
	book.checkDistrictPools(r)
	if len(r.mistakes) != len(book.City.Districts)-3 {
		t.Errorf("%d districts without a pool", len(r.mistakes))
	}
}

func ExampleRuleBook_Conditions() {
	book, err := ParseRuleBook(mustRead("../examples/luohu-2020.yaml"))
	fmt.Println(book.Conditions("zh"), err)
	// Output: [持居民身份证登记 年满 16 周岁 登记时人在本市（只记录“是”或“否”）] <nil>
}
