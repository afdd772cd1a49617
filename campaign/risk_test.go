package campaign

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"hongbao/internal/allowance"
	"hongbao/internal/database"
	"hongbao/internal/testkit"
)

// The rules name exactly who they describe, and the same whatever the order of the list.
func TestRulesNameTheRightGroups(t *testing.T) {
	at := func(minute int) database.Millis {
		return database.At(time.Date(2020, 12, 5, 0, minute, 0, 0, time.UTC))
	}
	traces := []trace{
		{id: 1, device: 7, network: 1, phone: "16200000001", document: 32050519800101001, at: at(0)},
		{id: 2, device: 7, network: 1, phone: "17000000002", document: 32050519800101003, at: at(1)},
		{id: 3, device: 7, network: 1, phone: "13900000003", document: 32050519800101005, at: at(2)},
		{id: 4, device: 8, network: 1, phone: "16500000004", document: 32050519800101008, at: at(30)},
		{id: 5, network: 2, phone: "17100000005", document: 32050519800101999, at: at(31)},
		{id: 6, network: 0, phone: "17100000006", document: 32050519800102000, at: at(32)},
		{id: 7, device: 9, network: 2, phone: "13900000007", at: at(33)},
		{id: 8, device: 9, network: 2, phone: "13900000008", at: at(90)},
	}
	ranges := []string{"162", "165", "170", "171"}
	cases := []struct {
		rule RiskRule
		want [][]int64
	}{
		{RiskRule{Kind: SameDevice, Over: 1}, [][]int64{{1, 2, 3}, {7, 8}}},
		{RiskRule{Kind: SameDevice, Over: 2}, [][]int64{{1, 2, 3}}},
		{RiskRule{Kind: SameDevice, Over: 3}, nil},
		{RiskRule{Kind: SameDevice, Over: 1, Within: time.Minute}, [][]int64{{1, 2, 3}}}, // each of them in some minute with two
		{RiskRule{Kind: SameNetwork, Over: 3}, [][]int64{{1, 2, 3, 4}}},
		{RiskRule{Kind: SameNetwork, Over: 2, Within: 10 * time.Minute}, [][]int64{{1, 2, 3}}},
		{RiskRule{Kind: SameNetwork, Over: 1, Within: 10 * time.Minute}, [][]int64{{1, 2, 3}, {5, 7}}},
		{RiskRule{Kind: PhoneRange, Over: 2, Ranges: ranges}, [][]int64{{1, 2, 4}}},
		{RiskRule{Kind: PhoneRange, Over: 1, Ranges: []string{"171"}}, nil}, // one of the two has no network
		{RiskRule{Kind: SequentialDocuments, Over: 2}, [][]int64{{1, 2, 3}}},
		{RiskRule{Kind: SequentialDocuments, Over: 1}, [][]int64{{1, 2, 3}}}, // 999 and 000 are of two days
	}
	for _, tc := range cases {
		for range len(traces) {
			traces = append(traces[1:], traces[0])
			var got [][]int64
			for _, g := range assess([]RiskRule{tc.rule}, traces) {
				got = append(got, g.members)
			}
			slices.SortFunc(got, slices.Compare)
			if !reflect.DeepEqual(got, tc.want) {
				t.Errorf("%+v names %v, want %v", tc.rule, got, tc.want)
			}
		}
	}
}

func TestAFindingSaysWhatItIs(t *testing.T) {
	book := &RuleBook{Risk: Risk{Version: "2", Rules: []RiskRule{{Name: "farm", Title: Text{"手机农场", "Phone farm"}, Kind: SameDevice, Over: 3, Within: time.Hour}}}}
	for rule, want := range map[string]Text{
		"farm": {"规则“手机农场”（第 2 版）：同一设备登记了 5 份，超过 3 份（1 小时内）。",
			`Rule "Phone farm" (version 2): 5 registrations came from one device, more than 3 (within 1 hours).`},
		"gone": {"规则“gone”（第 2 版，已不在规则书中）：共 5 份登记。", `Rule "gone" (version 2, no longer in the rule book): 5 registrations.`},
	} {
		if got := book.Sentence(Finding{Rule: rule, Version: "2", Members: 5}); got != want {
			t.Errorf("%+v", got)
		}
	}
}

// A browser that submits again and again has to pause; another is not held up by it.
func TestADeviceHasSoManyTries(t *testing.T) {
	w, ctx := newWorld(t, testkit.DB(t)), context.Background()
	index := func(bucket, caller string) [32]byte { return sha256.Sum256([]byte(bucket + caller)) }
	w.Limit = (&allowance.Limiter{Now: w.clock.Now, Rules: map[string]allowance.Rule{PerDevice: DeviceRule}, Index: index}).Take
	c := w.open(suzhou(t, anyone...))
	w.ring(c, DeviceRule.Burst)
	sub := person(c.Slug, 1)
	sub.Device = "phone-farm"
	if _, err := w.Register(ctx, sub); !errors.Is(err, errTooManyCodes) {
		t.Errorf("one more from the device: %v", err)
	}
	private := person(c.Slug, 2)
	private.Consents, private.Device = private.Consents[:2], "phone-farm"
	if _, err := w.Register(ctx, private); err != nil {
		t.Errorf("whose device may not be known: %v", err)
	}
	w.clock.Advance(DeviceRule.Every)
	if _, err := w.Register(ctx, sub); err != nil {
		t.Errorf("after the pause: %v", err)
	}
}

func TestNetworkBlock(t *testing.T) {
	for address, want := range map[string]string{"10.1.2.3": "10.1.2.0/24", "::ffff:10.1.2.3": "10.1.2.0/24", "2001:db8:1:2::5": "2001:db8:1::/48",
		"fe80::1%eth0": "fe80::/48", "": "", "x": ""} {
		if got := networkBlock(address); got != want {
			t.Errorf("%q is in %q, want %q", address, got, want)
		}
	}
}

func TestEveryPairOfReviewStatuses(t *testing.T) {
	legal := map[string]bool{"found proposed": true, "found cleared": true, "proposed excluded": true, "proposed found": true, "open upheld": true, "open reversed": true}
	findings := []string{FindingFound, FindingProposed, FindingExcluded, FindingCleared}
	appeals := []string{AppealOpen, AppealUpheld, AppealReversed}
	for _, machine := range []struct {
		states []string
		may    func(from, to string) bool
	}{{findings, findingMay}, {appeals, appealMay}} {
		for _, from := range machine.states {
			for _, to := range machine.states {
				if machine.may(from, to) != legal[fmt.Sprint(from, " ", to)] {
					t.Errorf("%s to %s: %v", from, to, machine.may(from, to))
				}
			}
		}
	}
}
