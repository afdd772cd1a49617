package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/pquerna/otp/totp"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/mod/sumdb/note"
	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/audit"
	"hongbao/internal/database"
	"hongbao/internal/rehearsal"
	"hongbao/internal/staff"
	"hongbao/internal/testkit"
)

// drill is a campaign in its registration, and people who take part, on a database that several starts of the program use.
type drill struct {
	t      *testing.T
	db     *database.DB
	clock  *testkit.Clock
	book   *campaign.RuleBook
	people []rehearsal.Person
}

// started is the service as one start of the program makes it, with certain keys.
func (d *drill) started(keys map[string]string) *platform {
	d.t.Helper()
	fallback := rehearsalKeys()
	for name, value := range keys {
		fallback[name] = value
	}
	config, err := Load(Source{Fallback: fallback})
	if err != nil {
		d.t.Fatal(err)
	}
	p, err := wire(d.db, config, surroundings{now: d.clock.Now, sms: noSMS{}, badge: "rehearsal", cost: bcrypt.MinCost, instruments: newInstruments()})
	if err != nil {
		d.t.Fatal(err)
	}
	return p
}

// newDrill is the drill before its campaign: p makes that.
func newDrill(t *testing.T, url string, people int) *drill {
	t.Helper()
	yaml, err := os.ReadFile("../../examples/luohu-2020.yaml")
	if err != nil {
		t.Fatal(err)
	}
	book, err := campaign.ParseRuleBook([]byte(strings.Replace(string(yaml), "sms_code: true", "sms_code: false", 1)))
	if err != nil {
		t.Fatal(err)
	}
	db, err := openMigrated(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	d := &drill{t: t, db: db, clock: testkit.NewClock(book.Windows.Notice.AddDate(0, 0, -1)), book: book}
	for _, person := range rehearsal.NewCrowd(1, book.Windows.Open, []string{"icbc"}, []string{"luohu"}).People(2 * people) {
		if person.Case == rehearsal.Ordinary && len(d.people) < people {
			d.people = append(d.people, person)
		}
	}
	return d
}

func (d *drill) open(p *platform) {
	d.t.Helper()
	ctx := context.Background()
	made, err := p.campaigns.Create(ctx, "maker", d.book.YAML())
	if err != nil {
		d.t.Fatal(err)
	}
	approval, err := p.campaigns.RequestPublish(ctx, "maker", made.Slug)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := p.staff.Decide(ctx, approval, staff.Account{Username: "checker", City: staff.AllCities, Role: staff.Approver}, true, ""); err != nil {
		d.t.Fatal(err)
	}
	if err := d.db.InTx(ctx, func(tx *gorm.DB) error { return p.campaigns.MarkAnnounced(tx, made.ID) }); err != nil {
		d.t.Fatal(err)
	}
	d.clock.Set(d.book.Windows.Open)
	if n, err := p.campaigns.OpenDue(ctx); err != nil || n != 1 {
		d.t.Fatal(n, err)
	}
}

func (d *drill) register(p *platform, i int) (campaign.Receipt, error) {
	inside, person := true, d.people[i]
	return p.campaigns.Register(context.Background(), campaign.Submission{Campaign: d.book.ID, Name: person.Name, Document: person.Document, Phone: person.Phone,
		Operator: person.Operator, District: person.District, Location: &inside, Consents: []string{"registration", "operator", "risk", "location"}})
}

// A service runs under a master key and people register. Replicas are started with the new key and the old one, the command
// wraps everything anew while they take registrations, and then the new key alone is enough and the old one opens nothing.
func TestMasterKeyDrill(t *testing.T) {
	for dialect, url := range map[string]func(testing.TB) string{database.SQLite: testkit.SQLite, database.MySQL: testkit.MySQL} {
		t.Run(dialect, func(t *testing.T) { rotationDrill(t, url(t)) })
	}
}

func rotationDrill(t *testing.T, url string) {
	ctx, old, fresh := context.Background(), strings.Repeat("07", 32), strings.Repeat("08", 32)
	d := newDrill(t, url, 101)
	first := d.started(map[string]string{"master-key": old})
	account := staff.NewAccount{Username: "li.na", Name: "李娜", City: staff.AllCities, Role: staff.Auditor, Password: newPassword()}
	if _, err := addAccount(ctx, first.staff, &account); err != nil {
		t.Fatal(err)
	}
	d.open(first)
	receipt, err := d.register(first, 0)
	if err != nil {
		t.Fatal(err)
	}
	var crowd sync.WaitGroup
	for replica := range 2 {
		p := d.started(map[string]string{"master-key": fresh, "previous-master-key": old})
		crowd.Go(func() {
			for i := range 50 {
				if _, err := d.register(p, 1+2*i+replica); err != nil {
					t.Errorf("during the rotation: %v", err)
				}
			}
		})
	}
	t.Setenv("HONGBAO_DATABASE", url)
	t.Setenv("HONGBAO_MASTER_KEY", fresh)
	if status, out := run("keys", "rotate"); status == 0 || !strings.Contains(out, "HONGBAO_PREVIOUS_MASTER_KEY") {
		t.Errorf("without the key to rotate away from: %d %s", status, out)
	}
	t.Setenv("HONGBAO_PREVIOUS_MASTER_KEY", old)
	status, out := run("keys", "rotate")
	if status != 0 || !strings.Contains(out, "1 campaign key(s) wrapped anew") || !strings.Contains(out, "1 one-time code secret(s)") || strings.Contains(out, old) || strings.Contains(out, fresh) {
		t.Errorf("%d %s", status, out)
	}
	crowd.Wait()
	d.onlyWith(t, fresh, account, receipt)
	lost := d.started(map[string]string{"master-key": old})
	if _, err := lost.campaigns.Lookup(ctx, d.book.ID, d.people[0].Phone, receipt.ConfirmationCode); err == nil {
		t.Error("the old key still opens")
	}
	if status, out := run("keys", "rotate"); status != 0 || !strings.Contains(out, "0 campaign key(s) wrapped anew, 1 were already") {
		t.Errorf("again: %d %s", status, out)
	}
}

// onlyWith shows that one master key alone is enough: for who registered before, and for staff who sign in with a code.
func (d *drill) onlyWith(t *testing.T, key string, account staff.NewAccount, receipt campaign.Receipt) {
	t.Helper()
	ctx, p := context.Background(), d.started(map[string]string{"master-key": key})
	if again, err := p.campaigns.Lookup(ctx, d.book.ID, d.people[0].Phone, receipt.ConfirmationCode); err != nil || again != receipt {
		t.Errorf("with the new key alone: %v", err)
	}
	code, err := totp.GenerateCode(account.TOTPSecret, d.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.staff.SignIn(ctx, account.Username, account.Password, code, "127.0.0.1"); err != nil {
		t.Errorf("signing in: %v", err)
	}
	var people int64
	if err := d.db.Read(ctx).Raw("SELECT COUNT(*) FROM registrations").Scan(&people).Error; err != nil || people != 101 {
		t.Errorf("%d people are registered, %v", people, err)
	}
}

// Anchors that were signed before the log key was changed verify after it, each under the key that stands beside it, and who kept
// anchors and keys holds all of them against the chain.
func TestAnchorsOutliveTheirKey(t *testing.T) {
	for dialect, url := range map[string]func(testing.TB) string{database.SQLite: testkit.SQLite, database.MySQL: testkit.MySQL} {
		t.Run(dialect, func(t *testing.T) { anchorDrill(t, url(t)) })
	}
}

func anchorDrill(t *testing.T, url string) {
	ctx, d := context.Background(), newDrill(t, url, 1)
	publish := func(p *platform, username string) anchorList {
		account := staff.NewAccount{Username: username, Name: "某人", City: staff.AllCities, Role: staff.Regulator, Password: newPassword()}
		if _, err := addAccount(ctx, p.staff, &account); err != nil { // something to anchor
			t.Fatal(err)
		}
		if n, err := p.anchorJob().Run(ctx); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		return anchorsOf(t, p)
	}
	before := d.started(map[string]string{"log-key": strings.Repeat("07", 32)})
	publish(before, "first")
	for _, statement := range []string{"DROP TRIGGER audit_anchors_no_update", "UPDATE audit_anchors SET vkey = ''"} { // as the version before left it
		if _, err := d.db.SQL().Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	old := publish(before, "second")
	if len(old.Anchors) != 2 || old.Anchors[0].VKey != old.Key || old.Anchors[1].VKey != old.Key {
		t.Errorf("before the change: %+v", old)
	}
	now := publish(d.started(map[string]string{"log-key": strings.Repeat("08", 32)}), "third")
	if len(now.Anchors) != 3 || now.Key == old.Key || now.Anchors[0].VKey != now.Key || now.Anchors[1] != old.Anchors[0] || now.Anchors[2].VKey != "" {
		t.Errorf("after the change: %+v", now)
	}
	for _, a := range now.Anchors[:2] {
		key, err := note.NewVerifier(a.VKey)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := audit.OpenAnchor([]byte(a.Note), key); err != nil {
			t.Errorf("%s does not verify: %v", a.Note, err)
		}
	}
	if n, err := audit.VerifyAnchors(ctx, d.db); n != 3 || err != nil {
		t.Errorf("%d anchors, %v", n, err)
	}
	arguments := []string{"check", "--database", url, "--anchor-key", now.Key}
	for i, a := range now.Anchors {
		kept := filepath.Join(t.TempDir(), fmt.Sprint("anchor-", i))
		if err := os.WriteFile(kept, []byte(a.Note), 0o600); err != nil {
			t.Fatal(err)
		}
		arguments = append(arguments, "--anchor", kept)
	}
	if status, out := run(arguments...); status == 0 || strings.Count(out, "FAIL") != 2 {
		t.Errorf("with the new key alone: %d %s", status, out)
	}
	if status, out := run(append(arguments, "--anchor-key", old.Key)...); status != 0 || strings.Count(out, "audit-anchor-kept") != 3 {
		t.Errorf("with both keys: %d %s", status, out)
	}
}

// anchorList is what /api/v1/audit/anchors answers.
type anchorList struct {
	Key     string
	Anchors []audit.PublishedAnchor
}

func anchorsOf(t *testing.T, p *platform) (list anchorList) {
	t.Helper()
	answer := httptest.NewRecorder()
	p.web.Engine.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/api/v1/audit/anchors", nil))
	if err := json.Unmarshal(answer.Body.Bytes(), &list); err != nil {
		t.Fatalf("%s %v", answer.Body, err)
	}
	return list
}
