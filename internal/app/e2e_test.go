package app

import (
	"bytes"
	"context"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hongbao/campaign"
	"hongbao/internal/fault"
	"hongbao/internal/rehearsal"
	"hongbao/internal/testkit"
	"hongbao/internal/web"
	"hongbao/lottery/beacon"
	"hongbao/lottery/draw"
)

const suzhou = "../../examples/suzhou-2020.yaml"

// smallRehearsal runs a whole campaign and fails on any check that does not hold.
func smallRehearsal(t *testing.T, o rehearsalOptions) *rehearsal.Summary {
	t.Helper()
	o.out = t.TempDir()
	var api *testkit.Conformance
	o.before = func(w *web.Web) http.Handler {
		api = testkit.NewConformance(t, w.OpenAPI())
		return api.Watch(w.Engine)
	}
	summary, err := rehearse(context.Background(), o, rehearsal.Progress{Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	api.Report(t)
	if seen := len(api.Seen()); seen < 25 {
		t.Errorf("only %d operations were held against the document: %v", seen, api.Seen())
	}
	for _, c := range summary.Checks {
		if !c.OK {
			t.Errorf("%s: %s", c.Name, c.Detail)
		}
	}
	if summary.Registrations == 0 || summary.Refused == 0 || summary.Winners == 0 || summary.Spent == 0 || summary.Recalled == 0 || summary.Returned == 0 {
		t.Errorf("nothing happened somewhere: %+v", summary)
	}
	for _, name := range []string{"summary.json", "bundle/plan", "bundle/result"} {
		if _, err := os.Stat(filepath.Join(o.out, name)); err != nil {
			t.Error(err)
		}
	}
	if o.faults == "harsh" {
		t.Run("workbooks", func(t *testing.T) { holdWorkbooks(t, o.out) })
	}
	t.Run("every byte counts", func(t *testing.T) { tamper(t, filepath.Join(o.out, "bundle")) })
	return summary
}

func TestRehearsal(t *testing.T) {
	smallRehearsal(t, rehearsalOptions{campaign: suzhou, registrations: 600, faults: "normal", seed: 1})
}

func TestRehearsalOnMySQL(t *testing.T) {
	smallRehearsal(t, rehearsalOptions{campaign: suzhou, registrations: 600, faults: "normal", seed: 2, database: testkit.MySQL(t)})
}

// TestRehearsalsCoverTheMatrix counts what the other examples' rehearsals settle, against the rule books themselves. A cell needs a
// winner who chose its operator, so the cells are counted over both.
func TestRehearsalsCoverTheMatrix(t *testing.T) {
	if testing.Short() {
		t.Skip("two more rehearsals")
	}
	cells, settled := map[[2]string]bool{}, map[[2]string]bool{}
	for i, example := range []string{"chengdu-2021", "luohu-2020"} {
		path := "../../examples/" + example + ".yaml"
		summary := smallRehearsal(t, rehearsalOptions{campaign: path, registrations: 500, faults: []string{"harsh", "none"}[i], seed: 3})
		book, err := readRuleBook(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range book.Operators {
			for _, app := range o.Apps {
				cells[[2]string{o.Name, app}] = true
			}
		}
		for _, cell := range summary.Coverage.SubWallets {
			settled[cell] = true
		}
		for _, s := range book.Scenarios {
			if !slices.Contains(summary.Coverage.Scenarios, s.Name) {
				t.Errorf("%s: nothing settled in the scenario %s", example, s.Name)
			}
			for _, mode := range s.PayModes {
				if !slices.Contains(summary.Coverage.PayModes, mode) {
					t.Errorf("%s: nothing settled by %s", example, mode)
				}
			}
		}
	}
	if len(cells) != 10 || !maps.Equal(cells, settled) {
		t.Errorf("the matrix has %d cells %v, settled are %v", len(cells), cells, settled)
	}
}

// tamper changes a byte at the beginning, in the middle and at the end of each file of a bundle: no change may verify.
func tamper(t *testing.T, dir string) {
	verify := func() bool {
		return draw.Verifier{Beacon: beacon.Verify}.Verify(draw.FS(os.DirFS(dir))).OK()
	}
	if !verify() {
		t.Fatal("the bundle itself does not verify")
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		original, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, at := range []int{0, len(original) / 2, len(original) - 1} {
			if len(original) == 0 {
				break
			}
			changed := bytes.Clone(original)
			changed[at] ^= 1
			if err := os.WriteFile(path, changed, 0o644); err != nil {
				return err
			}
			if verify() {
				t.Errorf("%s: byte %d of %d may be changed", strings.TrimPrefix(path, dir), at, len(original))
			}
		}
		return os.WriteFile(path, original, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestBadRuleBooksAreRefused(t *testing.T) {
	good, err := os.ReadFile(suzhou)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	stage, err := openStage(ctx, rehearsalOptions{out: t.TempDir(), faults: "none", seed: 1}, NewClock(time.Date(2020, 12, 1, 0, 0, 0, 0, campaign.Shanghai)))
	if err != nil {
		t.Fatal(err)
	}
	defer stage.close()
	for name, change := range map[string][2]string{
		"budget one yuan off":  {"amount: 20000000}", "amount: 20000001}"},
		"windows out of order": {"open: 2020-12-05 00:00", "open: 2020-12-08 00:00"},
		"unknown operator":     {"name: icbc,", "name: cmb,"},
		"weighted chances":     {"min_age: 16", "min_age: 16\nweights: {gusu: 2}"},
		"unknown key":          {"sms_code: true", "sms_code: true\nsurprise: 1"},
	} {
		bad := strings.Replace(string(good), change[0], change[1], 1)
		if bad == string(good) {
			t.Fatalf("%s: the example has no %q", name, change[0])
		}
		err := rehearsal.Propose(ctx, stage.address, stage.clock, stage.staff, []byte(bad))
		if err == nil || !strings.Contains(err.Error(), "400") || !strings.Contains(err.Error(), "第 ") && !strings.Contains(err.Error(), "line ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	list, err := stage.platform.campaigns.List(ctx, "*")
	if err != nil || len(list) != 0 {
		t.Errorf("%d campaigns are stored (%v)", len(list), err)
	}
	if _, err := stage.platform.campaigns.BySlug(ctx, "suzhou-2020"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("suzhou-2020: %v", err)
	}
}
