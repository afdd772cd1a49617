package lottery

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/mod/sumdb/note"
	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/identity"
	"hongbao/internal/staff"
	"hongbao/internal/testkit"
	"hongbao/internal/web"
	"hongbao/lottery/beacon"
	"hongbao/lottery/draw"
)

const slug = "lakeside-2026"

var ctx = context.Background()

// street is a city with its platform, staff, helpers and witnesses, who act over HTTP only.
type street struct {
	*testing.T
	db        *database.DB
	clock     *testkit.Clock
	service   *Service
	web       *web.Web
	url       string
	book      *campaign.RuleBook
	id        int64 // of the campaign
	log       note.Verifier
	helpers   map[string]draw.Digest
	witnesses []*witness
	people    []person
}

type person struct {
	id      int64
	entry   draw.Digest
	pool    string
	receipt draw.Receipt
}

// witness is what hongbao witness is: it knows the log's key, remembers what it cosigned, checks, then signs.
type witness struct {
	name   string
	vkey   string
	signer note.Signer
	last   *draw.Checkpoint
}

func newStreet(t *testing.T, db *database.DB) *street {
	t.Helper()
	yaml, err := os.ReadFile("testdata/book.yaml")
	if err != nil {
		t.Fatal(err)
	}
	book, err := campaign.ParseRuleBook(yaml)
	if err != nil {
		t.Fatal(err)
	}
	s := &street{T: t, db: db, clock: testkit.NewClock(book.Windows.Notice), book: book, helpers: map[string]draw.Digest{}}
	chain, relay := s.sandboxBeacon()
	people := &staff.Service{DB: db, Now: s.clock.Now, Random: rand.Reader, Cost: bcrypt.MinCost}
	skey, vkey, err := note.GenerateKey(rand.Reader, "log.lakeside.example")
	s.must(err)
	signer, err := note.NewSigner(skey)
	s.must(err)
	s.log, err = note.NewVerifier(vkey)
	s.must(err)
	campaigns := &campaign.Service{DB: db, Keys: &identity.KeyRing{Master: bytes.Repeat([]byte{7}, 32), DB: db}, Staff: people, Now: s.clock.Now, Random: rand.Reader,
		Receipts: func(string) (note.Signer, error) { return signer, nil }, Log: slog.New(slog.DiscardHandler)}
	campaigns.Handlers()
	s.service = &Service{DB: db, Campaigns: campaigns, Staff: people, Now: s.clock.Now, Chain: chain, VerifyBeacon: beacon.Verify,
		LogKey: func(string) (LogKey, error) { return LogKey{Signer: signer, VKey: vkey}, nil },
		Beacon: &beacon.Client{Chain: chain, Relays: []string{relay}}}
	s.service.HandleApprovals()
	s.serve()
	c, err := campaigns.Create(ctx, "maker", yaml)
	s.must(err)
	s.id = c.ID
	approval, err := campaigns.RequestPublish(ctx, "maker", slug)
	s.must(err)
	s.decide(approval)
	return s
}

func (s *street) sandboxBeacon() (draw.Chain, string) {
	sandbox, err := beacon.NewSandbox([]byte("seed of the sandbox beacon, 32 b"), s.clock.Now().Add(-time.Hour).Unix(), 30, s.clock.Now)
	s.must(err)
	server := httptest.NewServer(sandbox.Handler())
	s.Cleanup(server.Close)
	return sandbox.Chain(), server.URL
}

// serve lets a token that is the username of a member of staff sign in; the role stands before the dot.
func (s *street) serve() {
	s.web = web.New(web.Options{Environment: "rehearsal", Log: slog.New(slog.NewTextHandler(s.Output(), &slog.HandlerOptions{Level: slog.LevelError})), Secret: bytes.Repeat([]byte{9}, 32), Now: s.clock.Now,
		Authenticate: func(_ context.Context, token string) (web.Actor, error) {
			role, _, _ := strings.Cut(token, ".")
			return web.Actor{Username: token, Role: role, City: "lakeside"}, nil
		},
		May: func(role, permission string) bool { return staff.Role(role).May(permission) }})
	s.service.Routes(s.web.Engine, s.web)
	server := httptest.NewServer(testkit.Conform(s, s.web.OpenAPI(), s.web.Engine))
	s.Cleanup(server.Close)
	s.url = server.URL
}

func (s *street) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *street) decide(approval int64) {
	s.Helper()
	s.must(s.service.Staff.Decide(ctx, approval, staff.Account{Username: "approver.chen", Role: staff.Approver, City: staff.AllCities}, true, ""))
}

// call sends one request as actor ("" for the public) and gives the status and the body.
func (s *street) call(actor, method, path, body string) (int, string) {
	s.Helper()
	request, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	s.must(err)
	if strings.HasPrefix(body, "{") {
		request.Header.Set("Content-Type", "application/json")
	}
	if actor != "" {
		request.Header.Set("Authorization", "Bearer "+actor)
	}
	response, err := http.DefaultClient.Do(request)
	s.must(err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	s.must(err)
	return response.StatusCode, string(answer)
}

// want is call that fails the test on another status, and decodes the answer into v unless v is nil.
func (s *street) want(status int, actor, method, path, body string, v any) string {
	s.Helper()
	got, answer := s.call(actor, method, path, body)
	if got != status {
		s.Fatalf("%s %s: %d, want %d: %s", method, path, got, status, answer)
	}
	if v != nil {
		s.must(json.Unmarshal([]byte(answer), v))
	}
	return answer
}

// refused demands a problem with this status and code.
func (s *street) refused(status int, code, actor, method, path, body string) {
	s.Helper()
	if answer := s.want(status, actor, method, path, body, nil); !strings.Contains(answer, `"`+code+`"`) {
		s.Fatalf("%s %s: want the code %s: %s", method, path, code, answer)
	}
}

const admin = "/api/v1/admin/draws/" + slug

func (s *street) enrol(helpers, witnesses []string, quorum int) {
	s.Helper()
	parties := Parties{Quorum: quorum}
	for _, name := range helpers {
		var secret draw.Digest
		_, _ = rand.Read(secret[:])
		s.helpers[name] = secret
		parties.Parties = append(parties.Parties, Party{Name: name, Commitment: draw.Commit(draw.Hash(s.book.HashName), slug, name, secret).String()})
	}
	for _, name := range witnesses {
		skey, vkey, err := note.GenerateKey(rand.Reader, name)
		s.must(err)
		signer, err := draw.NewCosigner(skey, s.clock.Now)
		s.must(err)
		s.witnesses = append(s.witnesses, &witness{name: name, vkey: vkey, signer: signer})
		parties.Parties = append(parties.Parties, Party{Name: name + "-witness", VKey: vkey})
	}
	body, err := json.Marshal(parties)
	s.must(err)
	s.want(200, "city-admin.li", "PUT", admin+"/parties", string(body), nil)
}

func (s *street) publishNotice() {
	s.Helper()
	var asked struct {
		ID int64 `json:"approval_id"`
	}
	s.want(202, "city-admin.li", "POST", admin+"/notice", "", &asked)
	s.decide(asked.ID)
}

var surnames = []string{"王", "王", "王", "李"}

// register puts n registrations into the campaign, one in five in the west, so few that its tier spills, and one in ten excluded.
func (s *street) register(n int) {
	s.Helper()
	vault, err := s.service.Campaigns.Keys.VaultFor(ctx, s.id)
	s.must(err)
	s.must(s.db.InTx(ctx, func(tx *gorm.DB) error {
		s.people = nil
		for i := range n {
			pool, status, reason := "east", "confirmed", ""
			if i%5 == 0 {
				pool = "west"
			}
			if i%10 == 9 {
				status, reason = "excluded", "no-evidence"
			}
			receipt := draw.Receipt{ID: slug, Pool: pool}
			_, _ = rand.Read(receipt.Salt[:])
			_, _ = rand.Read(receipt.Person[:])
			entry, salt := receipt.Entry(draw.Hash(s.book.HashName)), receipt.Salt
			sealed := vault.Seal(fmt.Appendf(nil, `{"name":%q,"kind":"resident","document":"11010519491231%03dX","phone":"13800000000"}`, surnames[i%len(surnames)]+"小明", i), salt[:])
			err := tx.Exec(`INSERT INTO registrations (campaign_id, entry, salt, sealed, pool, district, operator, tier_choice, consents, status, reason, source,
				body_hash, registered_at, changed_at) VALUES (?, ?, ?, ?, ?, ?, 'icbc', '', '', ?, ?, 'online', ?, 1, 1)`,
				s.id, entry[:], salt[:], sealed, pool, pool, status, reason, salt[:]).Error
			if err != nil {
				return err
			}
			var id int64
			if err := tx.Raw("SELECT MAX(id) FROM registrations").Scan(&id).Error; err != nil {
				return err
			}
			s.people = append(s.people, person{id: id, entry: entry, pool: pool, receipt: receipt})
		}
		return nil
	}))
}

// bundleOverHTTP reads the public bundle as a stranger does.
type bundleOverHTTP struct {
	s    *street
	slug string
}

func (b bundleOverHTTP) Open(name string) (io.ReadCloser, error) {
	status, body := b.s.call("", "GET", "/api/v1/draws/"+b.slug+"/bundle/"+name, "")
	if status == http.StatusNotFound {
		return nil, fs.ErrNotExist
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("%s: %d", name, status)
	}
	return io.NopCloser(strings.NewReader(body)), nil
}

// work lets the first n witnesses check and cosign all that is wanted of them.
func (s *street) work(n int) {
	s.Helper()
	for _, w := range s.witnesses[:n] {
		var work Work
		s.want(200, "", "GET", "/api/v1/log/lakeside/wanted?witness="+w.name, "", &work)
		for _, wanted := range work.Wanted {
			check := draw.WitnessCheck{Log: s.log, Last: w.last, Beacon: beacon.Verify,
				Bundle: func(id string) (draw.Bundle, error) { return bundleOverHTTP{s, id}, nil }}
			checkpoint, report := check.Check([]byte(wanted.Checkpoint), []byte(work.Log))
			s.must(report.Err())
			line, err := draw.Cosign([]byte(wanted.Checkpoint), w.signer)
			s.must(err)
			s.want(200, "", "POST", fmt.Sprintf("/api/v1/log/lakeside/checkpoints/%d/cosignatures", wanted.Size), line, nil)
			w.last = &checkpoint
		}
	}
}

// advance runs the job and demands the status and whom the draw then waits for.
func (s *street) advance(status Status, waiting string) View {
	s.Helper()
	_, err := s.service.AdvanceDue(ctx)
	s.must(err)
	again, err := s.service.AdvanceDue(ctx)
	s.must(err)
	if again != 0 {
		s.Errorf("a second run took %d steps", again)
	}
	var v View
	s.want(200, "", "GET", "/api/v1/draws/"+slug, "", &v)
	if v.Status != status || v.WaitingFor != waiting {
		s.Fatalf("the draw is %s and waits for %q, want %s and %q", v.Status, v.WaitingFor, status, waiting)
	}
	return v
}

func (s *street) reveal(name string) (int, string) {
	s.Helper()
	return s.call("", "POST", "/api/v1/draws/"+slug+"/reveals", fmt.Sprintf(`{"name":%q,"reveal":%q}`, name, s.helpers[name]))
}

// toAnnounced runs the street up to an announced campaign with n registrations.
func (s *street) toAnnounced(n int) {
	s.Helper()
	s.enrol([]string{"bank-a", "bank-b", "notary"}, []string{"press", "university", "notary"}, 2)
	s.publishNotice()
	s.work(2)
	s.advance(Announced, forClose)
	s.clock.Set(s.book.Windows.Open)
	s.job(s.service.Campaigns.OpenDue)
	s.register(n)
}

// toPlanned goes on to the plan, which waits for witnesses.
func (s *street) toPlanned(n int) {
	s.Helper()
	s.toAnnounced(n)
	s.clock.Set(s.book.Windows.Close)
	s.job(s.service.Campaigns.CloseDue)
	s.advance(Planned, forWitnesses)
}

// toSealed goes on until helpers may reveal.
func (s *street) toSealed(n int) {
	s.Helper()
	s.toPlanned(n)
	s.clock.Advance(time.Minute)
	s.work(2)
	s.advance(Sealed, forReveals)
}

// toRevealed goes on to cosigned reveals, before the round.
func (s *street) toRevealed(n int) {
	s.Helper()
	s.toSealed(n)
	for name := range s.helpers {
		if status, answer := s.reveal(name); status != 204 {
			s.Fatalf("reveal of %s: %d %s", name, status, answer)
		}
	}
	s.advance(Revealed, forWitnesses)
	s.work(2)
	s.advance(Revealed, forBeacon)
}

// toPublished goes on to the end.
func (s *street) toPublished(n int) {
	s.Helper()
	s.toRevealed(n)
	s.clock.Set(s.book.Windows.Draw().Add(time.Minute))
	s.advance(Drawn, forWitnesses)
	s.work(2)
	s.advance(Published, "")
}

func (s *street) job(run func(context.Context) (int, error)) {
	s.Helper()
	if n, err := run(ctx); err != nil || n != 1 {
		s.Fatalf("a campaign's job moved %d: %v", n, err)
	}
}

func (s *street) draw() *Draw {
	s.Helper()
	d, err := drawBySlug(s.db.Read(ctx), slug)
	s.must(err)
	return d
}

// promote gives an award up, as disbursement does.
func (s *street) promote(entry [32]byte, reason string) (registration int64, ok bool, err error) {
	err = s.db.InTx(ctx, func(tx *gorm.DB) error {
		var err error
		registration, ok, err = s.service.Promote(ctx, tx, s.id, entry, reason)
		return err
	})
	return registration, ok, err
}

func (s *street) verify() *draw.Report {
	return draw.Verifier{Beacon: beacon.Verify}.Verify(bundleOverHTTP{s, slug})
}

func isFault(err, want error) bool { return errors.Is(err, want) }

func (s *street) tryDecide(approval int64) error {
	return s.service.Staff.Decide(ctx, approval, staff.Account{Username: "approver.chen", Role: staff.Approver, City: staff.AllCities}, true, "")
}

func (s *street) lastApproval() (id int64) {
	s.Helper()
	s.must(s.db.Read(ctx).Raw("SELECT MAX(id) FROM approvals").Scan(&id).Error)
	return id
}
