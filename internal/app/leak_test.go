package app

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"github.com/pquerna/otp/totp"
	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/campaign/office"
	"hongbao/internal/rehearsal"
	"hongbao/internal/web"
)

// ear hears all that a service takes in and gives out: it learns from the registrations who the people are, and keeps what is
// answered and logged.
type ear struct {
	mu       sync.Mutex
	said     bytes.Buffer
	known    identities
	requests map[request]float64
}

// request is one that was asked, with how it was answered.
type request struct {
	method, path string
	status       int
}

// identities are the numbers and names of known people. Names of two characters are left out: such two stand in other words.
type identities map[string]bool

func (e *ear) Write(b []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.said.Write(b)
}

// before stands before the engine. What a person downloads about themselves is theirs, and a workbook is searched as a file.
func (e *ear) before(w *web.Web) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			http.Error(out, err.Error(), http.StatusBadRequest)
			return
		}
		if strings.HasSuffix(request.URL.Path, "/registrations") {
			e.learn(body)
		}
		request.Body = io.NopCloser(bytes.NewReader(body))
		answer := httptest.NewRecorder()
		w.Engine.ServeHTTP(answer, request)
		for name, values := range answer.Header() {
			out.Header()[name] = values
		}
		out.WriteHeader(answer.Code)
		_, _ = out.Write(answer.Body.Bytes())
		e.count(request, answer.Code)
		fmt.Fprintln(e, request.Method, request.URL, answer.Code, answer.Header())
		if !strings.HasSuffix(request.URL.Path, "/me/data") && !strings.HasSuffix(request.URL.Path, "/file") {
			_, _ = e.Write(answer.Body.Bytes())
		}
	})
}

func (e *ear) count(asked *http.Request, status int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.requests[request{asked.Method, asked.URL.Path, status}]++
}

// asked is how often each request was made and answered so.
func (e *ear) asked() map[request]float64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.requests)
}

func (e *ear) learn(body []byte) {
	var person struct{ Name, Document, Phone string }
	if json.Unmarshal(body, &person) != nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.known[person.Document], e.known[person.Phone] = true, true
	if len([]rune(person.Name)) > 2 {
		e.known[person.Name] = true
	}
}

// knows says whether somebody known stands in a text.
func (e *ear) knows(text []byte) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.known.in(text) != ""
}

// text is what was said so far.
func (e *ear) text() []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	return bytes.Clone(e.said.Bytes())
}

// in gives the first known number or name that a text holds, or "".
func (known identities) in(text []byte) string {
	for _, run := range bytes.FieldsFunc(text, func(r rune) bool { return !(r >= '0' && r <= '9' || r == 'X' || r == 'x') }) {
		for _, length := range []int{11, 18} {
			for at := 0; at+length <= len(run); at++ {
				if number := strings.ToUpper(string(run[at : at+length])); known[number] {
					return number
				}
			}
		}
	}
	for _, run := range bytes.FieldsFunc(text, func(r rune) bool { return !unicode.Is(unicode.Han, r) }) {
		for word := []rune(string(run)); len(word) > 2; word = word[1:] {
			if name := string(word[:3]); known[name] {
				return name
			}
		}
	}
	return ""
}

// inFile searches a file, and what is packed in it.
func (known identities) inFile(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if found := known.in(text); found != "" || filepath.Ext(path) != ".xlsx" {
		return found, nil
	}
	archive, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return "", err
	}
	for _, part := range archive.File {
		reader, err := part.Open()
		if err != nil {
			return "", err
		}
		text, err := io.ReadAll(reader)
		reader.Close()
		if err != nil {
			return "", err
		}
		if found := known.in(text); found != "" {
			return found, nil
		}
	}
	return "", nil
}

// search fails for each output in which somebody stands: what was answered and logged, the metrics, and every file that the
// rehearsal has written, the database's own among them.
func (e *ear) search(t *testing.T, dir string, metrics scrape) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.known) < 500 || e.said.Len() < 1<<20 {
		t.Fatalf("%d numbers and names, %d bytes of output: nothing to search", len(e.known), e.said.Len())
	}
	if found := e.known.in(e.said.Bytes()); found != "" {
		at := bytes.Index(e.said.Bytes(), []byte(found))
		t.Errorf("%s stands in what was answered or logged: %s", found, e.said.Bytes()[max(0, at-200):min(e.said.Len(), at+100)])
	}
	if found := e.known.in([]byte(metrics)); found != "" {
		t.Errorf("%s stands in the metrics", found)
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		found, err := e.known.inFile(path)
		if found != "" {
			t.Errorf("%s stands in %s", found, strings.TrimPrefix(path, dir))
		}
		return err
	})
	if err != nil || files < 40 {
		t.Errorf("%d files, %v", files, err)
	}
}

// overhear makes an ear and gives it the log, down to its last detail, as long as the test goes on.
func overhear(t *testing.T) *ear {
	t.Helper()
	e, before := &ear{known: identities{}, requests: map[request]float64{}}, slog.Default()
	setLog(e, "debug")
	t.Cleanup(func() { slog.SetDefault(before) })
	return e
}

// What the city's offices and the SMS gateway fail at is in the service's log, without the people they were asked about: not even
// where an office's answer quotes them.
func TestFailingOfficesAreLoggedWithoutPeople(t *testing.T) {
	ctx := t.Context()
	book := exampleBook(t, suzhou)
	book.NameCheck = campaign.NamesAtRegistration
	heard := overhear(t)
	stage := stagedFor(t, book, rehearsalOptions{registrations: 40, faults: "none", seed: 3, before: heard.before})
	defer stage.close()
	p := stage.platform
	var quoted atomic.Int64
	rude := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil && heard.knows(body) {
			quoted.Add(1)
		}
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write(body)
	}))
	defer rude.Close()
	closed := func(name string) *office.Office { return office.New(name, rude.URL, "", p.instruments.office) }
	p.campaigns.Names, p.campaigns.Evidence = office.Names{Office: closed("names")}, office.Evidence{Office: closed("evidence")}
	stage.until(rehearsal.Open)
	p.campaigns.SMS = office.SMS{Office: closed("sms")}
	stage.clock.Set(stage.clock.Now().In(campaign.Shanghai).Truncate(24 * time.Hour).Add(28 * time.Hour)) // noon: no quiet hour
	found, err := p.campaigns.BySlug(ctx, book.ID)
	if err != nil {
		t.Fatal(err)
	}
	err = p.db.InTx(ctx, func(tx *gorm.DB) error {
		return p.campaigns.Notify(tx, found.ID, campaign.StageReminder, stage.clock.Now().Add(-time.Hour), 1, 2, 3)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, job := range []string{"messages-send", "outside-check"} {
		if _, err := p.scheduler.RunNow(ctx, job, "test"); err != nil {
			t.Fatal(err)
		}
	}
	said := heard.text()
	for _, line := range []string{"sms not sent", "the real-name check does not answer", "the evidence register does not answer"} {
		if !bytes.Contains(said, []byte(line)) {
			t.Errorf("%q is not in the log", line)
		}
	}
	if who := heard.known.in(said); who != "" || quoted.Load() == 0 {
		t.Errorf("%q stands in what was logged; %d answers quoted somebody", who, quoted.Load())
	}
}

// looks asks for each page of the console and each of some citizens, so that they are heard too.
func looks(t *testing.T, s *stage, slug string) {
	t.Helper()
	get := func(path, token string) {
		request, err := http.NewRequest(http.MethodGet, s.address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if response.StatusCode >= 500 {
			t.Errorf("%s: %d", path, response.StatusCode)
		}
	}
	for _, account := range s.staff {
		token := staffToken(t, s, account)
		for _, path := range []string{"", "/campaigns", "/campaigns/" + slug, "/campaigns/" + slug + "/deletions", "/registrations", "/review", "/draws/" + slug, "/disbursement", "/wallets", "/messages",
			"/merchants", "/settlements", "/alerts", "/reconciliation", "/reports", "/approvals", "/approvals/1", "/audit", "/system"} {
			get("/console"+path, token)
		}
		get("/api/v1/admin/audit", token)
	}
	var ids []int64
	if err := s.platform.db.Read(t.Context()).Raw("SELECT registration_id FROM envelopes ORDER BY id LIMIT 4").Scan(&ids).Error; err != nil {
		t.Fatal(err)
	}
	found, err := s.platform.campaigns.BySlug(t.Context(), slug)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range append(ids, 1, 2, 3) {
		token := s.platform.web.IssueCitizen(web.Citizen{RegistrationID: id, CampaignID: found.ID})
		for _, path := range []string{"/c/" + slug + "/me", "/c/" + slug + "/me/receipt", "/c/" + slug + "/outcome", "/c/" + slug + "/envelope", "/c/" + slug + "/result", "/api/v1/me/registration",
			"/api/v1/me/result", "/api/v1/me/envelope", "/api/v1/me/payments", "/api/v1/me/data"} {
			get(path, token)
		}
	}
}

func staffToken(t *testing.T, s *stage, account rehearsal.Account) string {
	t.Helper()
	s.clock.Set(s.clock.Now().Add(time.Minute)) // a one-time code is good once
	code, err := totp.GenerateCode(account.TOTPSecret, s.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := s.platform.staff.SignIn(context.Background(), account.Username, account.Password, code, "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// The search finds what is planted, wherever it hides.
func TestLeaksAreFound(t *testing.T) {
	known := identities{"11010519491231002X": true, "13812345678": true, "欧阳测": true}
	for text, want := range map[string]string{"phone=13812345678": "13812345678", "id=86138123456780": "13812345678", "x11010519491231002x": "11010519491231002X", "市民欧阳测先生": "欧阳测",
		"138****5678 110*************2X 欧阳*": "", "1381234567": ""} {
		if got := known.in([]byte(text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	var book bytes.Buffer
	archive := zip.NewWriter(&book)
	part, err := archive.Create("xl/worksheets/sheet1.xml")
	if err == nil {
		_, err = io.WriteString(part, "<c><v>13812345678</v></c>")
	}
	if err == nil {
		err = archive.Close()
	}
	path := filepath.Join(t.TempDir(), "a.xlsx")
	if err == nil {
		err = os.WriteFile(path, book.Bytes(), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if found, err := known.inFile(path); found != "13812345678" || err != nil {
		t.Errorf("in a workbook: %q, %v", found, err)
	}
	e := overhear(t)
	slog.Debug("planted", "phone", "13812345678")
	if known.in(e.said.Bytes()) == "" {
		t.Error("what is logged is not heard")
	}
}
