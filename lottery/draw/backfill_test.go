package draw

import "testing"

func named(n byte) Digest { return Digest{n} }

// backfillResult has a pool prize and a prize of all pools, with waitlists of
// two pools and of all.
func backfillResult() *Result {
	list := func(entries ...byte) (out []Winner) {
		for _, e := range entries {
			out = append(out, Winner{Entry: named(e)})
		}
		return out
	}
	return &Result{Awards: []Award{
		{Kind: TierAward, Name: "grand", Scope: AllPools, Count: 1, Winners: list(1)},
		{Kind: TierAward, Name: "east-1", Scope: "east", Count: 3, Winners: list(2, 3)},
		{Kind: SpillAward, Name: "east-1", Scope: "west", Count: 1, Winners: list(4)},
		{Kind: WaitAward, Scope: AllPools, Count: 2, Winners: list(10, 11)},
		{Kind: WaitAward, Scope: "east", Count: 1, Winners: list(20)},
		{Kind: WaitAward, Scope: "north", Count: 1, Winners: list(30)},
	}}
}

func TestBackfillRule(t *testing.T) {
	b := NewBackfill(backfillResult())
	for _, step := range []struct {
		old, next byte // next 0: nobody is left
		prize     string
	}{
		{2, 20, "east-1"}, // east has a list of its own
		{3, 10, "east-1"}, // which is used up now
		{20, 11, "east-1"},
		{1, 0, ""}, // a prize of all pools never goes to a pool's list
		{4, 0, ""},
	} {
		p, err := b.Promote(named(step.old), "unclaimed")
		if err != nil || p.None != (step.next == 0) || !p.None && p.New != named(step.next) {
			t.Fatalf("%d goes to %v (%v), want %d", step.old, p, err, step.next)
		}
		if a, ok := b.Holds(p.New); !p.None && (!ok || a.Name != step.prize) {
			t.Errorf("%d holds %v", step.next, a)
		}
		if _, ok := b.Holds(named(step.old)); ok {
			t.Errorf("%d still holds its prize", step.old)
		}
	}
	for _, old := range []byte{2, 30, 99} {
		if _, err := b.Promote(named(old), "unclaimed"); err == nil {
			t.Errorf("%d holds no prize and gives one away", old)
		}
	}
	if _, err := NewBackfill(backfillResult()).Promote(named(1), "No Token"); err == nil {
		t.Error("any reason is accepted")
	}
}

func TestReplayRefusesAnotherHeir(t *testing.T) {
	good := []Promotion{{Old: named(2), Reason: "unclaimed", New: named(20)}, {Old: named(20), Reason: "given-up", New: named(10)}}
	if err := NewBackfill(backfillResult()).Replay(good); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]Promotion{
		"friend":    {{Old: named(2), Reason: "unclaimed", New: named(10)}},
		"stranger":  {{Old: named(2), Reason: "unclaimed", New: named(77)}},
		"nobody":    {{Old: named(2), Reason: "unclaimed", None: true}},
		"twice":     {good[0], good[0]},
		"no holder": {{Old: named(20), Reason: "unclaimed", New: named(10)}},
	} {
		if NewBackfill(backfillResult()).Replay(bad) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
