package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"hongbao/disbursement"
	"hongbao/disbursement/sandbox"
	"hongbao/internal/money"
)

// The official example: a price of 300 is paid with 200 of the envelope and 100 of own money; a refund returns the 100 first.
func TestOfficialRefundExample(t *testing.T) {
	v := newTown(t, sandbox.FaultsNone, 1)
	v.envelope("icbc")
	if code := v.app("icbc", "top-ups", object{"phone": phone, "amount_fen": 60_00}, nil); code != "" {
		t.Fatal(code)
	}
	p := v.pay("icbc", shop(300_00))
	if p.EnvelopeFen != 200_00 || p.WalletFen != 60_00 || p.CardFen != 40_00 {
		t.Fatalf("paid by %+v", p)
	}
	refund := func(fen money.Fen) (r refunded) {
		if code := v.app("icbc", "refunds", object{"payment_no": p.PaymentNo, "amount_fen": fen}, &r); code != "" {
			t.Fatal(code)
		}
		return r
	}
	if r := refund(100_00); r.OwnFen != 100_00 || r.EnvelopeFen != 0 {
		t.Errorf("first refund %+v", r)
	}
	if w := v.wallet("icbc", phone); w.OwnFen != 60_00 || w.Coupons[0].LeftFen != 0 {
		t.Errorf("own money goes back where it came from: %+v", w)
	}
	if r := refund(200_00); r.OwnFen != 0 || r.EnvelopeFen != 200_00 {
		t.Errorf("second refund %+v", r)
	}
	if left := v.left("icbc", phone); left != 200_00 {
		t.Errorf("envelope holds %d", left)
	}
	if code := v.app("icbc", "refunds", object{"payment_no": p.PaymentNo, "amount_fen": 1}, nil); code != "refund-exceeds" {
		t.Errorf("refund of more than was paid: %q", code)
	}
}

// After expiry envelope money pays nothing, and a refund passes through: it stays in the wallet until it is recalled.
func TestRefundAfterExpiryIsRecallable(t *testing.T) {
	v := newTown(t, sandbox.FaultsNone, 1)
	credited := v.envelope("boc")
	p := v.pay("boc", shop(150_00))
	v.pass(17 * 24 * time.Hour)
	recall := func(n int) money.Fen {
		o := disbursement.RecallOrder{OrderNo: fmt.Sprintf("RECALL%026d", n), PromotionID: "suzhou-2020", CouponID: credited.CouponID}
		outcomes, err := v.gateway("boc").Recall(context.Background(), []disbursement.RecallOrder{o})
		if err != nil || outcomes[0].State != disbursement.StateSucceeded {
			t.Fatalf("%+v %v", outcomes, err)
		}
		return outcomes[0].AmountFen
	}
	if got := recall(1); got != 50_00 {
		t.Errorf("recalled %d", got)
	}
	if code := v.app("boc", "refunds", object{"payment_no": p.PaymentNo, "amount_fen": 150_00}, nil); code != "" {
		t.Fatal(code)
	}
	if late := v.pay("boc", shop(10_00)); late.EnvelopeFen != 0 {
		t.Errorf("an expired envelope paid %d", late.EnvelopeFen)
	}
	if code := v.app("boc", "payments", shop(10_00, "coupon_id", credited.CouponID), nil); code != "envelope-expired" {
		t.Errorf("payment with the expired envelope: %q", code)
	}
	if first, again, second := recall(1), recall(1), recall(2); first != 50_00 || again != 50_00 || second != 150_00 {
		t.Errorf("repeated %d, %d, second %d", first, again, second)
	}
}

// books is the envelope balance that events lead to, whatever their order and however often they come.
func books(events []disbursement.Event) (balance money.Fen) {
	seen := make(map[string]bool)
	for _, e := range events {
		if seen[e.EventNo] {
			continue
		}
		seen[e.EventNo] = true
		switch {
		case e.Kind == disbursement.EventCredit && e.State == disbursement.StateSucceeded:
			balance += e.AmountFen
		case e.Kind == disbursement.EventRecall || e.Kind == disbursement.EventCredit && e.State == disbursement.StateReturned:
			balance -= e.AmountFen
		case e.Kind == disbursement.EventPayment:
			balance -= e.EnvelopeFen
		case e.Kind == disbursement.EventRefund:
			balance += e.EnvelopeFen
		}
	}
	return balance
}

// asEvents reads statement lines as the events that told of them.
func asEvents(t *testing.T, lines []disbursement.StatementLine) (events []disbursement.Event) {
	for _, line := range lines {
		if e, ok := line.Event(); ok {
			events = append(events, e)
			continue
		}
		e := disbursement.Event{EventNo: line.EventNo, AmountFen: line.AmountFen, State: disbursement.StateSucceeded}
		switch line.Kind {
		case disbursement.LineCredit:
			e.Kind = disbursement.EventCredit
		case disbursement.LineCreditReturned:
			e.Kind, e.State = disbursement.EventCredit, disbursement.StateReturned
		case disbursement.LineRecall:
			e.Kind = disbursement.EventRecall
		default:
			t.Errorf("line %+v", line)
		}
		events = append(events, e)
	}
	return events
}

// Payments and refunds with repetitions, told by callback or by statement under harsh faults, lead to the balance that the
// wallet shows.
func TestEveryWayLeadsToTheSameBalance(t *testing.T) {
	for seed := range int64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			v := newTown(t, sandbox.FaultsNone, seed)
			credited := v.envelope("ccb")
			random := rand.New(rand.NewSource(seed))
			var payments []paid
			for i := range 40 {
				switch {
				case random.Intn(3) > 0 || len(payments) == 0:
					in := shop(money.Fen(1+random.Intn(40_00)), "reference", fmt.Sprint("till ", random.Intn(12)))
					in["amount_fen"] = 1000 + 37*int64(len(fmt.Sprint(in["reference"])))
					payments = append(payments, v.pay("ccb", in))
				default:
					p := payments[random.Intn(len(payments))]
					v.app("ccb", "refunds", object{"payment_no": p.PaymentNo, "reference": fmt.Sprint(random.Intn(2)), "amount_fen": 1 + random.Intn(5_00)}, nil)
				}
				if i == 25 {
					v.pass(12 * time.Hour)
				}
			}
			o := disbursement.RecallOrder{OrderNo: fmt.Sprintf("%032d", 2), PromotionID: "suzhou-2020", CouponID: credited.CouponID}
			if seed%2 == 0 {
				if _, err := v.gateway("ccb").Recall(context.Background(), []disbursement.RecallOrder{o}); err != nil {
					t.Fatal(err)
				}
			}
			events, shown := v.heard(), v.left("ccb", phone)
			random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
			if got := books(append(events, events[:len(events)/2]...)); got != shown {
				t.Errorf("events lead to %d, the wallet shows %d", got, shown)
			}
			v.pass(72 * time.Hour)
			var lines []disbursement.StatementLine
			for d := range 3 {
				day, _, err := v.statement("ccb", start.AddDate(0, 0, d))
				if err != nil {
					t.Fatal(err)
				}
				lines = append(lines, day...)
			}
			if got := books(asEvents(t, lines)); got != shown {
				t.Errorf("statements lead to %d, the wallet shows %d", got, shown)
			}
			if got := books(append(asEvents(t, lines), events...)); got != shown {
				t.Errorf("both ways together lead to %d, the wallet shows %d", got, shown)
			}
		})
	}
}

func TestPaymentNeedsAdmission(t *testing.T) {
	v := newTown(t, sandbox.FaultsNone, 1)
	v.envelope("abc")
	v.admit = func(q disbursement.AdmissionRequest) disbursement.AdmissionAnswer {
		return disbursement.AdmissionAnswer{Admitted: q.MerchantNo == "SZ-0001", Reason: "merchant-unlisted"}
	}
	if code := v.app("abc", "payments", shop(20_00, "merchant_no", "NOBODY"), nil); code != "merchant-unlisted" {
		t.Errorf("unlisted merchant: %q", code)
	}
	v.down = true
	if code := v.app("abc", "payments", shop(20_00), nil); code != "admission-unavailable" {
		t.Errorf("nobody to ask: %q", code)
	}
	v.down = false
	if left := v.left("abc", phone); left != 200_00 {
		t.Errorf("refused payments cost %d", 200_00-left)
	}
	in := shop(20_00, "reference", "till 1")
	first, again := v.pay("abc", in), v.pay("abc", in)
	if first != again || v.left("abc", phone) != 180_00 {
		t.Errorf("the same payment twice: %+v %+v", first, again)
	}
	if code := v.app("abc", "payments", shop(30_00, "reference", "till 1"), nil); code != "payment-content-differs" {
		t.Errorf("the reference with another amount: %q", code)
	}
}

// The limits of wallets changed between 2020 and 2021.
func TestWalletLimitsAreDated(t *testing.T) {
	v := newTown(t, sandbox.FaultsNone, 1)
	v.envelope("psbc")
	if code := v.app("psbc", "payments", shop(500_01), nil); code != "wallet-payment-limit" {
		t.Errorf("500.01 in 2020: %q", code)
	}
	v.pay("psbc", shop(500_00))
	v.pay("psbc", shop(500_00))
	if code := v.app("psbc", "payments", shop(1), nil); code != "wallet-payment-limit" {
		t.Errorf("more than 1,000 a day in 2020: %q", code)
	}
	if code := v.app("psbc", "top-ups", object{"phone": phone, "amount_fen": 1000_01}, nil); code != disbursement.ReasonBalanceLimit {
		t.Errorf("balance over 1,000 in 2020: %q", code)
	}
	v.pass(365 * 24 * time.Hour)
	v.pay("psbc", shop(2000_00))
	if code := v.app("psbc", "payments", shop(2000_01), nil); code != "wallet-payment-limit" {
		t.Errorf("2,000.01 in 2021: %q", code)
	}
	if code := v.app("psbc", "top-ups", object{"phone": phone, "amount_fen": 9_000_00}, nil); code != "" {
		t.Errorf("balance of 9,000 in 2021: %q", code)
	}
	o := v.creditOrder("psbc", 9, 2_000_00)
	outcomes, err := v.gateway("psbc").Credit(context.Background(), []disbursement.CreditOrder{o})
	if err != nil || outcomes[0].State != disbursement.StateFailed || outcomes[0].Reason != disbursement.ReasonBalanceLimit {
		t.Errorf("credit over the balance: %+v %v", outcomes, err)
	}
}

func (v *town) creditOrder(bank string, n int, fen money.Fen) disbursement.CreditOrder {
	return disbursement.CreditOrder{OrderNo: fmt.Sprintf("%032d", n), PromotionID: "suzhou-2020", CouponID: fmt.Sprintf("ENVELOPE%d", n),
		WalletToken: v.wallet(bank, phone).Token, AmountFen: fen, ExpiresAt: v.clock().Add(240 * time.Hour), RefundProperty: disbursement.RefundKeepsExpiry}
}

// All that a merchant or an app receives is inspected: tokens and amounts, never the citizen.
func TestMerchantsReceiveNoIdentity(t *testing.T) {
	v := newTown(t, sandbox.FaultsNone, 1)
	o, ctx, g := v.envelope("icbc"), context.Background(), v.gateway("icbc")
	push := disbursement.SubWalletRequest{WalletToken: o.WalletToken, App: "bilibili", PerPaymentFen: 50_00, PerDayFen: 80_00}
	if _, err := g.PushSubWallet(ctx, push); !errors.Is(err, disbursement.ErrAppNotServed) {
		t.Errorf("an app outside the matrix: %v", err)
	}
	push.App = "jd"
	sub, err := g.PushSubWallet(ctx, push)
	if err != nil {
		t.Fatal(err)
	}
	online := func(fen money.Fen, more ...any) object {
		in := shop(fen, append([]any{"pay_mode", "sub-wallet", "scenario", "online-self-operated", "self_operated", true, "sub_wallet", sub.Token}, more...)...)
		delete(in, "phone")
		return in
	}
	p := v.pay("icbc", online(50_00))
	for want, in := range map[string]object{
		"sub-wallet-limit":   online(50_01),
		"sub-wallet-app":     online(10_00, "app", "didi"),
		"sub-wallet-missing": online(10_00, "sub_wallet", "NOSUCHTOKEN"),
	} {
		if code := v.app("icbc", "payments", in, nil); code != want {
			t.Errorf("%v: %q, want %s", in, code, want)
		}
	}
	if code := v.app("icbc", "payments", online(40_00), nil); code != "sub-wallet-limit" {
		t.Errorf("over the day's limit: %q", code)
	}
	v.pay("icbc", shop(10_00))
	if code := v.app("icbc", "refunds", object{"payment_no": p.PaymentNo, "amount_fen": 10_00}, nil); code != "" {
		t.Fatal(code)
	}
	if code := v.app("icbc", "sub-wallets", object{"token": sub.Token, "status": "paused", "per_payment_fen": 50_00, "per_day_fen": 80_00}, nil); code != "" {
		t.Fatal(code)
	}
	if code := v.app("icbc", "payments", online(10_00), nil); code != "sub-wallet-paused" {
		t.Errorf("paused: %q", code)
	}
	var inbox map[string][]map[string]any
	if code := v.call(http.MethodGet, v.street.Banks()["icbc"]+"/app/merchant-inbox", nil, &inbox); code != "" {
		t.Fatal(code)
	}
	if len(inbox["jd"]) != 4 || len(inbox["SZ-0001"]) != 1 { // pushed, paid, refunded, paused; paid
		t.Errorf("inboxes %v", inbox)
	}
	allowed := strings.Fields("operator token status payment_no merchant_no payer pay_mode amount_fen paid_at promotions refund_no refunded_at")
	for receiver, documents := range inbox {
		for _, document := range documents {
			for field := range document {
				if !strings.Contains(" "+strings.Join(allowed, " ")+" ", " "+field+" ") {
					t.Errorf("%s receives %q", receiver, field)
				}
			}
			if text := fmt.Sprint(document); strings.Contains(text, phone) || strings.Contains(text, "张三") || strings.Contains(text, o.WalletToken) {
				t.Errorf("%s receives %s", receiver, text)
			}
		}
	}
	paused := func(e disbursement.Event) bool {
		return e.SubWallet != nil && e.SubWallet.Status == disbursement.SubWalletPaused
	}
	if !slices.ContainsFunc(v.heard(), paused) {
		t.Error("the platform does not hear that the sub-wallet is paused")
	}
}
