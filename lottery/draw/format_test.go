package draw

import (
	"bytes"
	"strings"
	"testing"
)

func TestPlanLimits(t *testing.T) {
	p := fullBundle(t, SHA256).plan
	for name, change := range map[string]func(*Plan){
		"no pool":             func(p *Plan) { p.Pools = nil },
		"no tier":             func(p *Plan) { p.Tiers, p.Spills = nil, nil },
		"spill of no tier":    func(p *Plan) { p.Spills = []Spill{{"nothing", "*"}} },
		"spill to no pool":    func(p *Plan) { p.Spills = []Spill{{"grand", "west"}} },
		"two spills":          func(p *Plan) { p.Spills = []Spill{{"grand", "*"}, {"grand", "north"}} },
		"two waits":           func(p *Plan) { p.Waits = []Wait{{"*", 1}, {"*", 2}} },
		"helpers out of line": func(p *Plan) { p.Helpers = []Helper{{"b", Digest{}}, {"a", Digest{}}} },
		"negative amount":     func(p *Plan) { p.Tiers = []Tier{{"grand", "*", 1, -1}} },
		"sixteen digits":      func(p *Plan) { p.Tiers = []Tier{{"grand", "*", 1, 1e15}} },
		"upper case id":       func(p *Plan) { p.ID = "City" },
		"other hash":          func(p *Plan) { p.Hash = "md5" },
		"a hundred tiers": func(p *Plan) {
			p.Spills, p.Tiers = nil, nil
			for i := range 100 {
				p.Tiers = append(p.Tiers, Tier{strings.Repeat("x", 1+i%60) + string(rune('a'+i/60)), "*", 1, 1})
			}
		},
	} {
		changed := *p
		change(&changed)
		if changed.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestTokensAndNumbers(t *testing.T) {
	for s, want := range map[string]bool{"a": true, "0-._z": true, "": false, "-a": false, ".": false, "A": false, "a b": false, "é": false,
		strings.Repeat("a", 64): true, strings.Repeat("a", 65): false} {
		if IsToken(s) != want {
			t.Errorf("token %q: %v", s, !want)
		}
	}
	for s, want := range map[string]bool{"0": true, "10": true, "999999999999999": true, "": false, "01": false, "-1": false, "+1": false,
		"1000000000000000": false, "1e3": false, "１": false} {
		if _, ok := parseNumber(s); ok != want {
			t.Errorf("number %q: %v", s, !want)
		}
	}
}

func TestJSONIsReadStrictly(t *testing.T) {
	good := string(quicknet(t).JSON())
	if c, err := ParseChain([]byte(good)); err != nil || c.Label() != "" {
		t.Fatal(err, c.Label())
	}
	for name, bad := range map[string]string{
		"twice":     strings.Replace(good, "{", `{"period": 3,`, 1),
		"case":      strings.Replace(good, `"period"`, `"Period"`, 1),
		"unknown":   strings.Replace(good, "{", `{"more": 1,`, 1),
		"missing":   strings.Replace(good, `"period": 3,`, "", 1),
		"after":     good + "{}",
		"float":     strings.Replace(good, `"period": 3`, `"period": 3.0`, 1),
		"string":    strings.Replace(good, `"period": 3`, `"period": "3"`, 1),
		"nested":    strings.Replace(good, "{", `{"more": {},`, 1),
		"period":    strings.Replace(good, `"period": 3`, `"period": 30`, 1),
		"scheme":    strings.Replace(good, Scheme, "pedersen-bls-unchained", 1),
		"upper hex": strings.Replace(good, QuicknetHash, strings.ToUpper(QuicknetHash), 1),
		"comma":     strings.Replace(good, "\n}", ",\n}", 1),
		"list":      "[" + good + "]",
		"empty":     "",
	} {
		if _, err := ParseChain([]byte(bad)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	other := quicknet(t)
	other.BeaconID = "default"
	other.Hash = other.ComputeHash()
	if other.Validate() == nil {
		t.Error("the chain default is accepted")
	}
	other.BeaconID = "rehearsal"
	other.Hash = other.ComputeHash()
	if other.Validate() != nil || other.Label() != RehearsalLabel {
		t.Error("another chain is refused, or without its label")
	}
}

func TestBeaconFileNeeds48Bytes(t *testing.T) {
	for _, n := range []int{0, 47, 49, 96} {
		r := BeaconRound{Round: 5, Signature: make([]byte, n)}
		if _, err := ParseBeaconRound(r.JSON()); err == nil {
			t.Errorf("a signature of %d bytes is accepted", n)
		}
	}
	file := `{"round": 5, "signature": "` + round1000 + `", "carried_by": "notary", "source": "usb stick"}`
	if r, err := ParseBeaconRound([]byte(file)); err != nil || r.CarriedBy != "notary" {
		t.Error(err, r.CarriedBy)
	}
}

func TestRounds(t *testing.T) {
	c := Chain{Genesis: 1000, Period: 30}
	for at, want := range map[int64]uint64{1000: 1, 1001: 2, 1030: 2, 1031: 3} {
		round, err := c.RoundAfter(at)
		if err != nil || round != want || c.RoundTime(round) < at {
			t.Errorf("at %d: round %d (%v), want %d", at, round, err, want)
		}
	}
	if _, err := c.RoundAfter(999); err == nil {
		t.Error("before genesis is accepted")
	}
}

func TestPersonTag(t *testing.T) {
	key := bytes.Repeat([]byte{1}, 32)
	upper, err1 := PersonTag(SM3, key, "d", "resident", "11010119900307123X")
	lower, err2 := PersonTag(SM3, key, "d", "resident", "11010119900307123x")
	if err1 != nil || err2 != nil || upper != lower {
		t.Error("case makes two persons of one")
	}
	other, _ := PersonTag(SM3, key, "e", "resident", "11010119900307123X")
	kind, _ := PersonTag(SM3, key, "d", "hmt", "11010119900307123X")
	if other == upper || kind == upper {
		t.Error("draws or kinds can be linked")
	}
	for _, bad := range [][3]string{{"D", "resident", "1"}, {"d", "passport", "1"}, {"d", "hmt", ""}, {"d", "hmt", "1\n2"}, {"d", "hmt", "１"}} {
		if _, err := PersonTag(SM3, key, bad[0], bad[1], bad[2]); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	if _, err := PersonTag(SM3, key[:31], "d", "hmt", "1"); err == nil {
		t.Error("a short key is accepted")
	}
}

func TestNoticeRules(t *testing.T) {
	s := newStage(t, SHA256)
	for name, change := range map[string]func(*Notice){
		"no majority":     func(n *Notice) { n.Quorum = 1 },
		"too many":        func(n *Notice) { n.Quorum = 3 },
		"no witness":      func(n *Notice) { n.Witnesses, n.Quorum = nil, 0 },
		"witness twice":   func(n *Notice) { n.Witnesses = []string{n.Witnesses[0], n.Witnesses[0]} },
		"log as witness":  func(n *Notice) { n.Witnesses = []string{n.Witnesses[0], n.Log} },
		"broken key":      func(n *Notice) { n.Log = strings.Replace(n.Log, "+", "+0", 1) },
		"opens too late":  func(n *Notice) { n.Open = n.Close + 1 },
		"no tier":         func(n *Notice) { n.Tiers, n.Spills = nil, nil },
		"witness log key": func(n *Notice) { n.Log = n.Witnesses[0]; n.Witnesses, n.Quorum = n.Witnesses[1:], 1 },
	} {
		n := *s.notice
		change(&n)
		if _, err := n.Bytes("prose"); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := s.notice.Bytes("Prizes:\ntier grand is the best\n"); err == nil {
		t.Error("prose that looks like a machine line is accepted")
	}
	b, err := s.notice.Bytes("公告")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseNotice(append(b, "draw another\n"...)); err == nil {
		t.Error("two draw lines are accepted")
	}
	if _, err := ParseNotice(append(b, 0xff, '\n')); err == nil {
		t.Error("bytes that are not UTF-8 are accepted")
	}
}

// TestNoticeBindsThePlan changes each term of the plan after the notice.
func TestNoticeBindsThePlan(t *testing.T) {
	p := fullBundle(t, SHA256).plan
	n := newStage(t, SHA256).notice
	if err := n.Agrees(p); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Plan){
		"id":     func(p *Plan) { p.ID = "other" },
		"hash":   func(p *Plan) { p.Hash = SM3 },
		"close":  func(p *Plan) { p.Close++ },
		"delay":  func(p *Plan) { p.Delay++ },
		"chain":  func(p *Plan) { p.Chain[0]++ },
		"round":  func(p *Plan) { p.Round++ },
		"helper": func(p *Plan) { p.Helpers = p.Helpers[1:] },
		"tier":   func(p *Plan) { p.Tiers = []Tier{p.Tiers[1], p.Tiers[0]} },
		"spill":  func(p *Plan) { p.Spills = nil },
		"wait":   func(p *Plan) { p.Waits = append(p.Waits, Wait{"south", 1}) },
	} {
		changed := *p
		change(&changed)
		if n.Agrees(&changed) == nil {
			t.Errorf("another %s passes", name)
		}
	}
}

func TestExcluded(t *testing.T) {
	b, err := FormatExcluded([]Excluded{{"b", 2}, {"a", 1}})
	if err != nil || string(b) != "a 1\nb 2\n" {
		t.Errorf("%q %v", b, err)
	}
	for _, bad := range [][]Excluded{{{"a", 1}, {"a", 2}}, {{"A", 1}}, {{"a", -1}}} {
		if _, err := FormatExcluded(bad); err == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
}
