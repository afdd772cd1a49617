package campaign

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"hongbao/internal/identity"
	"hongbao/internal/testkit"
)

// challenged is the Suzhou book, open to anyone, with a challenge.
func challenged(t testing.TB) []byte {
	return append(suzhou(t, anyone...), "\nchallenge: {bits: 8, most: 12, wait: 20s}\n"...)
}

func found(text string, wanted int) string {
	for n := 0; ; n++ {
		if solves(text, strconv.Itoa(n), wanted) {
			return strconv.Itoa(n)
		}
	}
}

// A registration takes a challenge of its own phone that is solved, or waited for; without consent to risk control it takes more.
func TestChallengeIsSolvedOrWaitedFor(t *testing.T) {
	w, ctx := newWorld(t, testkit.DB(t)), context.Background()
	c := w.open(challenged(t))
	posed, err := w.PoseChallenge(ctx, c.Slug, phoneOf(1))
	if err != nil || posed.Bits != 8 || posed.WaitSeconds != 20 || posed.BitsUnconsented != 10 || posed.WaitUnconsented != 40 {
		t.Fatalf("%+v, %v", posed, err)
	}
	solution := found(posed.Text, posed.Bits)
	forged := "A" + posed.Text[1:]
	if forged == posed.Text {
		forged = "B" + posed.Text[1:]
	}
	weak := "0"
	for solves(posed.Text, weak, posed.Bits) {
		weak += "0"
	}
	for name, change := range map[string]func(s *Submission){
		"none":              func(s *Submission) {},
		"no solution":       func(s *Submission) { s.Challenge = posed.Text },
		"a wrong solution":  func(s *Submission) { s.Challenge, s.Solution = posed.Text, weak },
		"a solution of air": func(s *Submission) { s.Challenge, s.Solution = posed.Text, "-1" },
		"another's":         func(s *Submission) { *s = person(c.Slug, 2); s.Challenge, s.Solution = posed.Text, solution },
		"a forged one":      func(s *Submission) { s.Challenge, s.Solution = forged, solution },
		"a huge one":        func(s *Submission) { s.Challenge = strings.Repeat("A", 1<<20) },
	} {
		sub := person(c.Slug, 1)
		change(&sub)
		if _, err := w.Register(ctx, sub); !errors.Is(err, errChallenge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := w.count("SELECT COUNT(*) FROM registrations"); n != 0 {
		t.Fatalf("%d got in without", n)
	}
	sub := person(c.Slug, 1)
	sub.Challenge, sub.Solution = posed.Text, solution
	first, err := w.Register(ctx, sub)
	if err != nil {
		t.Fatal(err)
	}
	again := person(c.Slug, 1) // the answer was lost; the key finds it, whatever the challenge
	if stored, err := w.Register(ctx, again); err != nil || stored.Entry != first.Entry {
		t.Errorf("a repetition: %v", err)
	}
	other := person(c.Slug, 3)
	other.Phone, other.IdempotencyKey = sub.Phone, "another-key"
	other.Challenge, other.Solution = posed.Text, solution
	if _, err := w.Register(ctx, other); !errors.Is(err, errAlready) {
		t.Errorf("a challenge used twice: %v", err)
	}
	w.waitForIt(c)
}

func (w *world) waitForIt(c Campaign) {
	t, ctx := w.t, context.Background()
	t.Helper()
	posed, err := w.PoseChallenge(ctx, c.Slug, phoneOf(5))
	if err != nil {
		t.Fatal(err)
	}
	private := person(c.Slug, 5)
	private.Consents, private.Challenge = private.Consents[:2], posed.Text
	w.clock.Advance(39 * time.Second)
	if _, err := w.Register(ctx, private); !errors.Is(err, errChallenge) {
		t.Errorf("without consent, before its wait: %v", err)
	}
	w.clock.Advance(time.Second)
	if _, err := w.Register(ctx, private); err != nil {
		t.Errorf("after the wait: %v", err)
	}
	posed, _ = w.PoseChallenge(ctx, c.Slug, phoneOf(6))
	late := person(c.Slug, 6)
	late.Challenge, late.Solution = posed.Text, found(posed.Text, posed.Bits)
	w.clock.Advance(challengeLife + time.Second)
	if _, err := w.Register(ctx, late); !errors.Is(err, errChallengeOver) {
		t.Errorf("an old challenge: %v", err)
	}
	late.Challenge, late.Solution, late.Desk = "", "", "teller"
	if _, err := w.Register(ctx, late); err != nil {
		t.Errorf("at a desk: %v", err)
	}
}

// The challenge grows with the number of people, up to its bound, and is calm again afterwards.
func TestChallengeRisesWithLoad(t *testing.T) {
	w, ctx := newWorld(t, testkit.DB(t)), context.Background()
	c := w.open(challenged(t))
	var posed PosedChallenge
	var err error
	seen := map[int]bool{}
	for i := range 3000 {
		if posed, err = w.PoseChallenge(ctx, c.Slug, phoneOf(i)); err != nil {
			t.Fatal(err)
		}
		seen[posed.Bits] = true
	}
	if len(seen) != 5 || posed.Bits != 12 || posed.WaitSeconds != 20*32 && posed.WaitSeconds != int(maxWait/time.Second) {
		t.Errorf("after a surge: %+v, seen %v", posed, seen)
	}
	w.clock.Advance(2 * time.Second)
	if posed, err = w.PoseChallenge(ctx, c.Slug, phoneOf(1)); err != nil || posed.Bits != 8 {
		t.Errorf("in calm times: %+v, %v", posed, err)
	}
}

// The pages carry the challenge from the particulars on: a browser without scripts waits, one with scripts adds the solution.
func TestChallengeOnThePages(t *testing.T) {
	s := newSite(t)
	c := s.open(challenged(t))
	for i, scripts := range []bool{false, true} {
		path, sub := "/c/"+c.Slug+"/register", person(c.Slug, i)
		_, page := s.send("GET", path, "", "", "")
		_, page = s.step(path, page, url.Values{"consents": {"registration@1", "operator@1", "risk@3"}})
		_, page = s.step(path, page, url.Values{"phone": {sub.Phone}})
		_, page = s.step(path, page, url.Values{"name": {sub.Name}, "document": {sub.Document}, "operator": {"boc"}, "district": {"gusu"}})
		if !strings.Contains(page, `data-bits="8"`) || !strings.Contains(page, "请等待 21 秒") || !strings.Contains(page, "challenge.") {
			t.Fatalf("the last look: %s", page)
		}
		solution := url.Values{}
		if scripts {
			text := strings.Split(strings.Split(page, `data-challenge="`)[1], `"`)[0]
			solution.Set("solution", found(text, 8))
		} else {
			status, again := s.step(path, page, url.Values{})
			if status != 403 || !strings.Contains(again, errChallenge.ZH) {
				t.Fatalf("at once: %d", status)
			}
			s.clock.Advance(20 * time.Second)
		}
		if status, page := s.step(path, page, solution); status != 200 || !strings.Contains(page, "登记成功") {
			t.Fatalf("scripts %v: %d %s", scripts, status, page)
		}
	}
	if n := s.count("SELECT COUNT(*) FROM registrations WHERE device_hash IS NOT NULL"); n != 2 {
		t.Error(fmt.Sprint(n, " of two who agreed have a mark of their browser"))
	}
}

// FuzzReadPosed: nobody but the campaign's own key makes a challenge.
func FuzzReadPosed(f *testing.F) {
	vault, err := identity.NewVault(identity.Intl, make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	genuine := posed{phone: 1 << 63, at: 1_607_000_000, bits: 12, wait: 20 * time.Second}
	text := genuine.text(vault)
	f.Add(text)
	f.Add(text[:len(text)-1] + "\n")
	f.Add(strings.Repeat("A", 200))
	f.Fuzz(func(t *testing.T, text string) {
		if c, ok := readPosed(vault, text); ok && c != genuine {
			t.Errorf("%q is taken for %+v", text, c)
		}
	})
}
