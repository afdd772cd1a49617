package lottery

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/testkit"
	"hongbao/lottery/draw"
)

// sample measures 4,000 entries in two pools, of whom those win that the rule names.
func sample(related campaign.Related, wins func(i int, e *drawnEntry) bool) *Fairness {
	m := newMeasure(&draw.Plan{Terms: draw.Terms{Tiers: []draw.Tier{{Scope: "east"}, {Scope: "*"}}}}, related)
	for i := range 4000 {
		e := &drawnEntry{registration: int64(i), pool: []string{"east", "west"}[min(1, i%4)], operator: []string{"icbc", "abc", "boc"}[i%3],
			registeredAt: database.Millis(1607650000000 + i*60000), entry: sha256.Sum256(fmt.Append(nil, i)), line: -1}
		if wins(i, e) {
			e.line = 0
		}
		m.add(e)
	}
	return m.fairness()
}

func (f *Fairness) uneven() (found []string) {
	for _, t := range f.Tests {
		if !t.Even {
			found = append(found, string(t.By)+" "+string(t.Method))
		}
	}
	return found
}

func TestFairnessFindsWhatWasRigged(t *testing.T) {
	dice := rand.New(rand.NewPCG(3, 4))
	rigged := map[string]func(i int, e *drawnEntry) bool{
		"": func(_ int, e *drawnEntry) bool { return dice.IntN(map[string]int{"east": 5, "west": 20}[e.pool]) == 0 },
		"operator": func(_ int, e *drawnEntry) bool {
			return dice.IntN(map[string]int{"icbc": 8, "abc": 20, "boc": 20}[e.operator]) == 0
		},
		"hour":              func(i int, _ *drawnEntry) bool { return dice.IntN(10+i/100) == 0 },
		"position":          func(_ int, e *drawnEntry) bool { return dice.IntN(10+int(e.entry[0]/4)) == 0 },
		"registration runs": func(i int, _ *drawnEntry) bool { return i%20 < 2 },
	}
	for what, wins := range rigged {
		f := sample(campaign.Related{}, wins)
		if len(f.Tests) != 5 || f.Entries != 4000 || f.Winners == 0 {
			t.Errorf("%s: %d tests of %d entries", what, len(f.Tests), f.Entries)
		}
		if found := strings.Join(f.uneven(), ", "); (what == "") != (found == "") || !strings.Contains(found, what) {
			t.Errorf("rigged by %q, found %q", what, found)
		}
	}
}

// A list of eight people, three of whom won where one in ten does, is nothing; six are.
func TestFairnessFindsRelatedWinners(t *testing.T) {
	related := campaign.Related{RelatedCount: campaign.RelatedCount{Filed: 9}, Registrations: map[int64]bool{}}
	for i := range int64(8) {
		related.Registrations[i*400+1] = true
	}
	for winners, even := range map[int]bool{0: true, 3: true, 6: false} {
		left := winners
		f := sample(related, func(i int, e *drawnEntry) bool {
			if related.Registrations[e.registration] {
				left--
				return left >= 0
			}
			return i%10 == 3
		})
		last := f.Tests[len(f.Tests)-1]
		if last.By != ByRelation || last.Method != Exact || last.Statistic != float64(winners) || last.Even != even {
			t.Errorf("%d winners: %+v", winners, last)
		}
		if r := f.Related; r.Filed != 9 || r.Registered != 8 || r.Entries != 8 || r.Winners != int64(winners) || r.Expected < 0.5 || r.Expected > 1.2 {
			t.Errorf("%d winners: %+v", winners, r)
		}
	}
}

func TestFairnessOfADraw(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		s := newStreet(t, db)
		s.toRevealed(300)
		if _, err := s.service.Fairness(ctx, slug); !isFault(err, errStatus) {
			t.Errorf("before the result: %v", err)
		}
		s.clock.Set(s.book.Windows.Draw())
		s.advance(Drawn, forWitnesses)
		s.work(2)
		s.advance(Published, "")
		f, err := s.service.Fairness(ctx, slug)
		s.must(err)
		var view View
		s.want(200, "", "GET", "/api/v1/draws/"+slug, "", &view)
		if f.Entries != view.Figures.Entries || f.Winners != view.Figures.Winners {
			t.Errorf("%d of %d, the draw has %d of %d", f.Winners, f.Entries, view.Figures.Winners, view.Figures.Entries)
		}
		sums := map[Question][2]int64{}
		for _, g := range f.Groups {
			sums[g.By] = [2]int64{sums[g.By][0] + g.Entries, sums[g.By][1] + g.Winners}
		}
		for by, sum := range sums {
			if sum != [2]int64{f.Entries, f.Winners} {
				t.Errorf("%s sums up to %v", by, sum)
			}
		}
		if len(sums) != 4 {
			t.Errorf("%d questions", len(sums))
		}
		says := func(want string) {
			t.Helper()
			if page := s.want(200, "", "GET", "/draws/"+slug, "", nil); !strings.Contains(page, "中签是否均匀") || !strings.Contains(page, want) {
				t.Errorf("the public page has no word of %q", want)
			}
		}
		says("没有提交与其有关联人员的名单")
		_, err = s.service.Campaigns.FileRelated(ctx, "city-admin.li", slug, "市商务局", strings.NewReader("document\n11010519491231002X\n440524188001010014\n"))
		s.must(err)
		says("没有提交与其有关联人员的名单") // looked up once a minute
		s.clock.Advance(time.Minute)
		says("主办方申报了 2 名与其有关联的人员，其中 0 人登记")
		says("其中 2 人是名单锁定之后才申报的")
		same, err := FairnessOf(s.db.Read(ctx), s.id)
		if err != nil || same.Related.Filed != 2 || same.Winners != f.Winners {
			t.Errorf("in a snapshot: %+v, %v", same, err)
		}
	})
}
