package lottery

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"hongbao/internal/database"
	"hongbao/internal/testkit"
)

func TestNamesAreShownWhereEnoughAreAlike(t *testing.T) {
	list := blurred(map[maskedNames]int64{
		{Name: "王**", Tail: "1X"}: 5, {Name: "王**", Tail: "22"}: 4, {Name: "王**", Tail: "23"}: 1,
		{Name: "李**", Tail: "1X"}: 2, {Name: "欧**", Tail: "07"}: 1,
	}, 2)
	want := []maskedNames{{People: 5}, {Name: "王**", People: 5}, {Name: "王**", Tail: "1X", People: 5}}
	if !slices.Equal(list, want) {
		t.Errorf("%+v, want %+v", list, want)
	}
	if list := blurred(nil, 0); len(list) != 0 {
		t.Errorf("of nobody: %+v", list)
	}
}

func TestWinnersArePublicWithoutAName(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		s := newStreet(t, db)
		path := "/draws/" + slug
		s.toRevealed(300)
		s.want(404, "", "GET", path+"/winners", "", nil)
		s.want(404, "", "GET", path+"/names", "", nil)
		s.clock.Set(s.book.Windows.Draw())
		s.advance(Drawn, forWitnesses)
		s.work(2)
		s.advance(Published, "")
		winners, err := s.service.Winners(ctx, s.draw().ID, 0, 1000)
		s.must(err)
		entries := s.want(200, "", "GET", path+"/winners", "", nil)
		names := s.want(200, "", "GET", path+"/names", "", nil)
		for _, w := range winners {
			entry := fmt.Sprintf("%x", w.Entry)
			if !strings.Contains(entries, entry) {
				t.Errorf("winner %s is not on the page", entry)
			}
			if strings.Contains(names, entry[:8]) {
				t.Errorf("the notice shows entry %s", entry)
			}
		}
		if strings.Contains(entries, "**") || !strings.Contains(names, "王**") || strings.Contains(names, "小明") {
			t.Error("names stand beside entries, or are not masked")
		}
		checkSearch(s, path+"/winners?entry=", fmt.Sprintf("%x", winners[0].Entry))
		s.want(400, "", "GET", path+"/winners?after=x", "", nil)
		s.want(400, "", "GET", path+"/names?from=-1", "", nil)
	})
}

// checkSearch looks a winner up by a part of the entry, and those that are not there.
func checkSearch(s *street, address, entry string) {
	s.Helper()
	if page := s.want(200, "", "GET", address+entry[:12], "", nil); !strings.Contains(page, "查找结果") || strings.Count(page, entry) < 2 {
		s.Error("the winner is not found by the begin of the entry")
	}
	if page := s.want(200, "", "GET", address+strings.Repeat("0", 64), "", nil); !strings.Contains(page, "这个编号不在本场抽签中") {
		s.Error("an entry that is not in the draw is not said to be missing")
	}
	for _, bad := range []string{entry[:7], entry[:10] + "G", strings.ToUpper(entry), entry + "0"} {
		if page := s.want(400, "", "GET", address+bad, "", nil); !strings.Contains(page, "至少前 8 位") {
			s.Errorf("%s is refused without a reason", bad)
		}
	}
}

func TestNamesAreMadeOnceAndEachOpeningIsOnTheTrail(t *testing.T) {
	s := newStreet(t, testkit.DB(t))
	s.toPublished(40)
	if err := s.service.makeNames(ctx, s.draw()); !isFault(err, database.ErrAdvanced) {
		t.Errorf("made a second time: %v", err)
	}
	var people, looks int64
	s.must(s.db.Read(ctx).Raw("SELECT SUM(people) FROM winner_names").Row().Scan(&people))
	s.must(s.db.Read(ctx).Raw("SELECT COUNT(*) FROM audit_entries WHERE action = 'registration.contact' AND actor = ?", advancing).Row().Scan(&looks))
	if people != 12 || looks != 2 {
		t.Errorf("%d winners in the notice, %d openings on the trail", people, looks)
	}
}
