package campaign

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/identity"
	"hongbao/internal/staff"
	"hongbao/internal/testkit"
)

// inbox is the SMS of all phones.
type inbox struct {
	mu   sync.Mutex
	sent map[string][]string
	fail bool
}

func (in *inbox) Send(_ context.Context, phone, body string) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.fail {
		return fmt.Errorf("no network")
	}
	in.sent[phone] = append(in.sent[phone], body)
	return nil
}

func (in *inbox) last(phone string) string {
	in.mu.Lock()
	defer in.mu.Unlock()
	if list := in.sent[phone]; len(list) > 0 {
		return list[len(list)-1]
	}
	return ""
}

// world is a service on a database, with its clock, inbox and the city's log key.
type world struct {
	*Service
	t        testing.TB
	clock    *testkit.Clock
	inbox    *inbox
	verifier note.Verifier
}

func newWorld(t testing.TB, db *database.DB) *world {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, "suzhou.test/log")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	clock := testkit.NewClock(time.Date(2020, 12, 1, 9, 0, 0, 0, Shanghai))
	in := &inbox{sent: map[string][]string{}}
	key := bytes.Repeat([]byte{7}, 32)
	s := &Service{DB: db, Keys: &identity.KeyRing{Master: key, DB: db}, Keeper: &identity.FileKeeper{Secret: key},
		Receipts: func(string) (note.Signer, error) { return signer, nil }, SMS: in, Now: clock.Now, Random: rand.Reader,
		Staff: &staff.Service{DB: db, Now: clock.Now, Random: rand.Reader}, Log: slog.New(slog.DiscardHandler)}
	s.Handlers()
	return &world{Service: s, t: t, clock: clock, inbox: in, verifier: verifier}
}

// suzhou gives the Suzhou book with changes to its text: old, new, old, new ...
func suzhou(t testing.TB, changes ...string) []byte {
	t.Helper()
	text := string(exampleBook(t, "suzhou-2020").YAML())
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(text, changes[i]) {
			t.Fatalf("the example has no %q", changes[i])
		}
		text = strings.Replace(text, changes[i], changes[i+1], 1)
	}
	return []byte(text)
}

// anyone admits everybody, without SMS codes.
var anyone = []string{"  any:\n    - {evidence: hukou}\n    - {evidence: residence-permit}\n    - {evidence: social-insurance}\n", "  {min_age: 1}\n", "sms_code: true", "sms_code: false"}

// open creates a campaign and takes it to registration.
func (w *world) open(yaml []byte) Campaign {
	w.t.Helper()
	ctx := context.Background()
	c, err := w.Create(ctx, "maker", yaml)
	if err != nil {
		w.t.Fatal(err)
	}
	w.announce(c)
	w.clock.Set(c.OpenAt.Time().Add(time.Minute))
	if n, err := w.OpenDue(ctx); err != nil || n != 1 {
		w.t.Fatalf("opening: %d, %v", n, err)
	}
	c, err = w.Get(ctx, c.ID)
	if err != nil || c.Status != Open {
		w.t.Fatalf("status %s, %v", c.Status, err)
	}
	return c
}

// people registers the first n persons and gives their receipts.
func (w *world) people(c Campaign, n int) (receipts []Receipt) {
	w.t.Helper()
	for i := range n {
		receipt, err := w.Register(context.Background(), person(c.Slug, i))
		if err != nil {
			w.t.Fatal(err)
		}
		receipts = append(receipts, receipt)
	}
	return receipts
}

// endRegistration closes a campaign's registration, and does nothing else that is then due.
func (w *world) endRegistration(c Campaign) {
	w.t.Helper()
	w.clock.Set(c.CloseAt.Time())
	if _, err := w.CloseDue(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) announce(c Campaign) {
	w.t.Helper()
	ctx := context.Background()
	approval, err := w.RequestPublish(ctx, "maker", c.Slug)
	if err != nil {
		w.t.Fatal(err)
	}
	checker := staff.Account{Username: "checker", City: "*", Role: staff.Approver}
	if err := w.Staff.Decide(ctx, approval, checker, true, ""); err != nil {
		w.t.Fatal(err)
	}
	if err := w.DB.InTx(ctx, func(tx *gorm.DB) error { return w.MarkAnnounced(tx, c.ID) }); err != nil {
		w.t.Fatal(err)
	}
}

// resident is a valid document number, different for each i below ten million, of a person born in the 1980s.
func resident(i int) string {
	day := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i/1000%3650)
	number := fmt.Sprintf("32050%d%s%03d", 5+i/3_650_000, day.Format("20060102"), i%1000)
	weights, sum := []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}, 0
	for j, w := range weights {
		sum += int(number[j]-'0') * w
	}
	return number + string("10X98765432"[sum%11])
}

func phoneOf(i int) string { return fmt.Sprintf("139%08d", i) }

// person is the submission of the i-th person.
func person(slug string, i int) Submission {
	return Submission{Campaign: slug, Name: "张三", Document: resident(i), Phone: phoneOf(i), Operator: "icbc", District: "gusu",
		Consents: []string{"registration@1", "operator@1", "risk"}, IdempotencyKey: fmt.Sprintf("key-%08d", i)}
}

// code asks for the SMS code of a phone and reads it.
func (w *world) code(slug, phone string) string {
	w.t.Helper()
	if err := w.SendCode(context.Background(), slug, phone); err != nil {
		w.t.Fatal(err)
	}
	return regexp.MustCompile(`[0-9]{6}`).FindString(w.inbox.last(phone))
}

func (w *world) count(query string, args ...any) (n int64) {
	w.t.Helper()
	if err := w.DB.Read(context.Background()).Raw(query, args...).Scan(&n).Error; err != nil {
		w.t.Fatal(err)
	}
	return n
}
