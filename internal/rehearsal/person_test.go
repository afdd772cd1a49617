package rehearsal

import (
	"reflect"
	"testing"
	"time"
)

func TestCheckCharacter(t *testing.T) { // the two numbers of the standard's annex
	for _, number := range []string{"11010519491231002X", "440524188001010014"} {
		if got := checkCharacter(number[:17]); got != number[17:] {
			t.Errorf("%s: %s", number, got)
		}
	}
}

func TestCrowdFollowsItsSeed(t *testing.T) {
	today := time.Date(2020, 12, 5, 0, 0, 0, 0, time.UTC)
	crowd := func(seed uint64) []Person {
		return NewCrowd(seed, today, []string{"icbc", "abc"}, []string{"gusu", "xiangcheng"}).People(3000)
	}
	first := crowd(1)
	if !reflect.DeepEqual(first, crowd(1)) {
		t.Error("the same seed gives other people")
	}
	if reflect.DeepEqual(first, crowd(2)) {
		t.Error("another seed gives the same people")
	}
	documents, cases := make(map[string]int), make(map[Case]int)
	for _, p := range first {
		documents[p.Document]++
		cases[p.Case]++
		if good := checkCharacter(p.Document[:17]) == p.Document[17:]; good == (p.Case == BadDocument) {
			t.Errorf("%s: check character of a %s", p.Document, p.Case)
		}
	}
	if repeated := len(first) - len(documents); repeated == 0 || repeated > cases[DuplicateDocument] {
		t.Errorf("%d repeated documents, %d duplicates", repeated, cases[DuplicateDocument])
	}
	for _, s := range shares {
		if cases[s.kind] == 0 {
			t.Errorf("nobody is %s", s.kind)
		}
	}
}
