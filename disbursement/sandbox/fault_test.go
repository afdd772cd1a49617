package sandbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"hongbao/disbursement"
	"hongbao/disbursement/operatortest"
	"hongbao/disbursement/sandbox"
	"hongbao/internal/fault"
)

// history sends the same 120 orders one by one, in an order of its own, each until it is settled, and gives what became of
// each, the bank's final statements, and which events were heard.
func history(t *testing.T, seed int64, shuffle *rand.Rand) (states map[string]disbursement.State, statements string, counts map[string]int64) {
	t.Helper()
	v := newTown(t, sandbox.FaultsHarsh, seed)
	if code := v.app("bocom", "wallets", object{"phone": phone, "tier": 1}, nil); code != "" {
		t.Fatal(code)
	}
	g, ctx := v.gateway("bocom"), context.Background()
	states = make(map[string]disbursement.State)
	numbers := shuffle.Perm(120)
	for _, n := range numbers {
		o := v.creditOrder("bocom", n, 200_00)
		o.ExpiresAt = start.Add(240 * time.Hour)
		settle(t, g, o)
	}
	v.pass(time.Hour)
	v.street.Flush(ctx)
	for _, n := range numbers {
		no := fmt.Sprintf("%032d", n)
		for states[no] == "" {
			if outcomes, err := g.Query(ctx, []string{no}); err == nil {
				states[no] = outcomes[0].State
			}
		}
	}
	for d := range 3 {
		statements += v.lastEdition("bocom", start.AddDate(0, 0, d))
	}
	v.heard()
	return states, statements, v.street.Counters()["bocom"]
}

// settle is the port's protocol for one order.
func settle(t *testing.T, op disbursement.Operator, o disbursement.CreditOrder) disbursement.Outcome {
	t.Helper()
	ctx := context.Background()
	outcomes, err := op.Credit(ctx, []disbursement.CreditOrder{o})
	for range 50 {
		switch {
		case err == nil && outcomes[0].State.Settled():
			return outcomes[0]
		case err == nil && outcomes[0].State == disbursement.StateNeverReceived:
			outcomes, err = op.Credit(ctx, []disbursement.CreditOrder{o})
		default:
			outcomes, err = op.Query(ctx, []string{o.OrderNo})
		}
	}
	t.Fatalf("order %s does not settle: %+v %v", o.OrderNo, outcomes, err)
	return disbursement.Outcome{}
}

func (v *town) lastEdition(bank string, day time.Time) string {
	response, err := http.Get(v.street.Banks()[bank] + "/control/statement?day=" + day.Format(time.DateOnly))
	if err != nil {
		v.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return string(text)
}

func TestFaultsFollowFromTheSeed(t *testing.T) {
	states, statements, counts := history(t, 3, rand.New(rand.NewSource(1)))
	again, statementsAgain, countsAgain := history(t, 3, rand.New(rand.NewSource(2)))
	if !maps.Equal(states, again) || statements != statementsAgain || !maps.Equal(counts, countsAgain) {
		t.Errorf("the same seed in another order gives another history:\n%v\n%v", counts, countsAgain)
	}
	if other, _, _ := history(t, 4, rand.New(rand.NewSource(1))); maps.Equal(states, other) {
		t.Error("another seed gives the same history")
	}
	for _, kind := range []string{"slow", "timeout-before", "timeout-after", "error-before", "error-after", "processing", "returned", "wallet-limit", "event-duplicated", "event-delayed", "event-lost"} {
		if counts["fault:"+kind] == 0 {
			t.Errorf("no fault %q among 120 orders", kind)
		}
	}
	if !slices.Contains(slices.Collect(maps.Values(states)), disbursement.StateReturned) {
		t.Error("no credit came back")
	}
}

// Every fault is survived by the protocol: each order is credited once, and what was returned or refused not at all.
func TestEachOrderIsCreditedOnce(t *testing.T) {
	v := newTown(t, sandbox.FaultsHarsh, 5)
	if code := v.app("icbc", "wallets", object{"phone": phone, "tier": 1}, nil); code != "" {
		t.Fatal(code)
	}
	g := v.gateway("icbc")
	credited := make(map[string]bool)
	for n := range 60 {
		o := v.creditOrder("icbc", n, 100)
		credited[o.CouponID] = settle(t, g, o).State == disbursement.StateSucceeded
		settle(t, g, o) // a resend of the same changes nothing
	}
	held := make(map[string]int)
	for _, c := range v.wallet("icbc", phone).Coupons {
		held[c.CouponID]++
	}
	for id, want := range credited {
		if (held[id] == 1) != want || held[id] > 1 {
			t.Errorf("envelope %s: held %d times, credited %v", id, held[id], want)
		}
	}
}

func TestEventsWaitForThePlatform(t *testing.T) {
	v := newTown(t, sandbox.FaultsNone, 1)
	v.mu.Lock()
	v.down = true
	v.mu.Unlock()
	v.envelope("icbc")
	if pending := v.street.Flush(context.Background()); pending != 1 {
		t.Fatalf("%d events wait", pending)
	}
	v.mu.Lock()
	v.down = false
	v.mu.Unlock()
	events := v.heard()
	if len(events) != 1 || events[0].Kind != disbursement.EventCredit || events[0].AmountFen != 200_00 || v.mistake != 0 {
		t.Errorf("%+v, %d badly signed", events, v.mistake)
	}
}

// What is wrong with a day's statement is seen and comes right: whoever reads each day until two days later has every line
// once, with the right amount.
func TestStatementsComeRight(t *testing.T) {
	seen, compared := make(map[string]int), 0
	for seed := range int64(12) {
		v := newTown(t, sandbox.FaultsNone, seed)
		o := v.envelope("icbc")
		v.pay("icbc", shop(30_00))
		v.pass(24 * time.Hour)
		v.pay("icbc", shop(50_00))
		truth := v.trueLines("icbc", 2)

		w := newTown(t, sandbox.FaultsHarsh, seed)
		if code := w.app("icbc", "wallets", object{"phone": phone}, nil); code != "" {
			t.Fatal(code)
		}
		if settle(t, w.gateway("icbc"), o).State != disbursement.StateSucceeded {
			continue // the number is fated to fail
		}
		w.pay("icbc", shop(30_00))
		w.pass(24 * time.Hour)
		w.pay("icbc", shop(50_00))
		last := make(map[string][]disbursement.StatementLine)
		for range 5 {
			w.pass(24 * time.Hour)
			for d := range 4 {
				day := start.AddDate(0, 0, d)
				lines, head, err := w.statement("icbc", day)
				switch f, _ := fault.As(err); {
				case err == nil:
					last[head.Day] = lines
					seen[fmt.Sprint("edition ", head.Edition)]++
				case f != nil:
					seen[f.Code]++
				}
			}
		}
		var lines []disbursement.StatementLine
		for _, day := range last {
			lines = append(lines, day...)
		}
		byNumber := func(a, b disbursement.StatementLine) int { return strings.Compare(a.EventNo, b.EventNo) }
		slices.SortFunc(lines, byNumber)
		slices.SortFunc(truth, byNumber)
		if w.left("icbc", phone) != 120_00 {
			continue // the credit came back
		}
		compared++
		if !slices.Equal(lines, truth) {
			t.Errorf("seed %d:\n%v\nwant\n%v", seed, lines, truth)
		}
	}
	if compared < 8 {
		t.Errorf("only %d streets could be compared", compared)
	}
	for _, want := range []string{"edition 1", "edition 2", "statement-damaged", disbursement.ErrStatementNotReady.Code} {
		if seen[want] == 0 {
			t.Errorf("never seen: %s in %v", want, seen)
		}
	}
}

func (v *town) trueLines(bank string, days int) (lines []disbursement.StatementLine) {
	for d := range days {
		_, _, err := disbursement.ReadStatement(strings.NewReader(v.lastEdition(bank, start.AddDate(0, 0, d))),
			func(_ disbursement.StatementHead, l disbursement.StatementLine) error {
				lines = append(lines, l)
				return nil
			})
		v.must(err)
	}
	return lines
}

func TestBankBelievesOnlyThePlatform(t *testing.T) {
	v := newTown(t, sandbox.FaultsNone, 1)
	body := `{"order_nos":["00000000000000000000000000000001"]}`
	response, err := http.Post(v.street.Banks()["icbc"]+"/bank/v1/orders/query", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var problem struct{ Code string }
	if err := json.NewDecoder(response.Body).Decode(&problem); err != nil || response.StatusCode != http.StatusUnauthorized || problem.Code != "signature-refused" {
		t.Errorf("%d %q %v", response.StatusCode, problem.Code, err)
	}
	report := operatortest.Run(context.Background(), v.gateway("icbc"), operatortest.Fixtures{Now: v.clock(), Phone: phone, NoPhone: phone, Patience: time.Millisecond})
	if report.OK() {
		t.Error("a bank without wallets conforms")
	}
}
