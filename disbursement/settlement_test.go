package disbursement

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/fault"
	"hongbao/internal/money"
	"hongbao/internal/staff"
	"hongbao/internal/testkit"
)

// pay lets an envelope pay at a merchant, beside one yuan of own money.
func (w *world) pay(e Envelope, number, merchant string, fen money.Fen) Event {
	return Event{EventNo: "EV" + number, Kind: EventPayment, PaymentNo: "P" + number, CouponID: e.CouponID, MerchantNo: merchant, OccurredAt: w.clock.Now(),
		AmountFen: fen + 100, EnvelopeFen: fen, WalletFen: 100}
}

func (w *world) refundOf(paid Event, number string, fen money.Fen) Event {
	return Event{EventNo: "EV" + number, Kind: EventRefund, PaymentNo: paid.PaymentNo, RefundNo: "R" + number, CouponID: paid.CouponID, MerchantNo: paid.MerchantNo,
		OccurredAt: w.clock.Now(), AmountFen: fen + 100, EnvelopeFen: fen, OwnFen: 100}
}

// nextMorning goes on to 02:15 of the next day and makes the statements.
func (w *world) nextMorning() int {
	w.t.Helper()
	now := w.clock.Now().In(campaign.Shanghai)
	w.clock.Set(time.Date(now.Year(), now.Month(), now.Day()+1, 2, 15, 0, 0, campaign.Shanghai))
	n, err := w.MakeSettlements(context.Background())
	w.must(err)
	return n
}

// sums demands that settled, held and due of each merchant are what was spent there, and gives a merchant's.
func (w *world) sums(merchant string) SettlementSums {
	w.t.Helper()
	all, total, err := w.SettlementSums(context.Background(), campaignID)
	w.must(err)
	var ledger, of money.Fen
	found, err := w.Balances(context.Background(), campaignID)
	w.must(err)
	for _, b := range found {
		if b.Kind == inSpent {
			ledger += b.AmountFen
		}
	}
	if total.Settled+total.Held+total.Due != ledger {
		w.t.Fatalf("settled %s, held %s and due %s are not what the ledger says: %s", total.Settled, total.Held, total.Due, ledger)
	}
	for _, m := range all {
		if of += m.Spent; m.MerchantNo == merchant {
			return m
		}
	}
	return SettlementSums{}
}

func TestEveryFenSpentIsInOneStatement(t *testing.T) {
	w := newWorld(t, testkit.DB(t), 4)
	w.creditAll()
	es := w.envelopes()
	first := w.pay(es[0], "1", "M1", 120_00)
	w.receive(es[0].Operator, first)
	w.receive(es[1].Operator, w.pay(es[1], "2", "M2", 50_00))
	if n := w.nextMorning(); n != 2 {
		t.Fatalf("%d statements", n)
	}
	again, err := w.MakeSettlements(context.Background())
	w.must(err)
	late := w.pay(es[2], "3", "M1", 30_00)
	late.OccurredAt = claimFrom.Add(time.Hour) // of the day before, heard of after its statement
	w.receive(es[2].Operator, late)
	w.receive(es[0].Operator, w.refundOf(first, "4", 20_00))
	soon, err := w.MakeSettlements(context.Background())
	w.must(err)
	if again != 0 || soon != 0 {
		t.Errorf("%d and %d statements of a day that has them", again, soon)
	}
	if m := w.sums("M1"); m.Due != 130_00 || m.Unstated != 10_00 {
		t.Errorf("M1: %+v", m)
	}
	w.nextMorning()
	list, err := w.Settlements(context.Background(), campaignID, SettlementFilter{MerchantNo: "M1"})
	w.must(err)
	if len(list) != 2 || list[0].PaidFen != 30_00 || list[0].RefundedFen != 20_00 || list[0].NetFen != 10_00 || list[1].NetFen != 120_00 || list[0].Payee != ToWallet {
		t.Fatalf("%+v", list)
	}
	if m := w.sums("M1"); m.Due != 130_00 || m.Unstated != 0 {
		t.Errorf("M1: %+v", m)
	}
	if m := w.sums("M2"); m.Payee != "lakala" || m.Due != 50_00 {
		t.Errorf("M2: %+v", m)
	}
}

// What a bank's statement said first and its own event corrected later is in a later statement as the difference.
func TestCorrectedEventIsStatedAsTheDifference(t *testing.T) {
	w := newWorld(t, testkit.DB(t), 2)
	w.creditAll()
	e := w.envelopes()[0]
	known := w.pay(e, "1", "M1", 40_00)
	w.must(w.DB.InTx(context.Background(), func(tx *gorm.DB) error {
		_, err := w.book(tx, e.Operator, known, ByStatement, "2020-12-11")
		return err
	}))
	w.nextMorning()
	right := known
	right.EnvelopeFen, right.AmountFen = 45_00, 46_00
	w.receive(e.Operator, right)
	w.nextMorning()
	list, err := w.Settlements(context.Background(), campaignID, SettlementFilter{})
	w.must(err)
	if len(list) != 2 || list[0].NetFen != 5_00 {
		t.Fatalf("%+v", list)
	}
	w.must(w.SettlementLines(context.Background(), list[0].ID, func(l SettlementLine) error {
		if l.Kind != SettledCorrection || l.AmountFen != 5_00 {
			t.Errorf("%+v", l)
		}
		return nil
	}))
	if m := w.sums("M1"); m.Spent != 45_00 || m.Due != 45_00 {
		t.Errorf("%+v", m)
	}
}

func TestHeldMerchantIsPaidAfterTwoPeopleReleaseIt(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, testkit.DB(t), 4)
	w.creditAll()
	es := w.envelopes()
	w.receive(es[0].Operator, w.pay(es[0], "1", "M1", 10_00))
	w.receive(es[1].Operator, w.pay(es[1], "2", "M3", 20_00))
	w.nextMorning()
	payout, err := w.RequestPayout(ctx, "maker", campaignID, ToWallet, "advice 1")
	w.must(err)
	if payout.Settlements != 2 || payout.TotalFen != 30_00 {
		t.Fatalf("%+v", payout)
	}
	hold, err := w.PlaceHold(ctx, "maker", campaignID, "M1", "round sums")
	w.must(err)
	twice, err := w.PlaceHold(ctx, "system:misuse", campaignID, "M1", "again")
	w.must(err)
	if twice.ID != hold.ID {
		t.Error("a merchant is held twice")
	}
	// What the second person saw is no longer so.
	pending, err := w.staff.List(ctx, staff.ApprovalFilter{Status: staff.Pending})
	w.must(err)
	if err := w.staff.Decide(ctx, pending[0].ID, checker, true, "seen"); !errors.Is(err, errPayoutChanged) {
		t.Fatalf("%v", err)
	}
	w.must(w.staff.Decide(ctx, pending[0].ID, checker, false, "changed"))
	w.receive(es[2].Operator, w.pay(es[2], "3", "M1", 5_00))
	w.nextMorning()
	if m := w.sums("M1"); m.Held != 15_00 || m.Due != 0 {
		t.Fatalf("%+v", m)
	}
	if _, err := w.RequestPayout(ctx, "maker", campaignID, ToWallet, "advice 2"); err != nil {
		t.Fatal(err)
	}
	w.approve(true)
	if m := w.sums("M3"); m.Settled != 20_00 {
		t.Errorf("%+v", m)
	}
	if _, err := w.RequestPayout(ctx, "maker", campaignID, ToWallet, "advice 3"); !errors.Is(err, errNothingDue) {
		t.Errorf("held money is paid out: %v", err)
	}
	for _, ok := range []bool{false, true} {
		if _, err := w.RequestRelease(ctx, "maker", campaignID, hold.ID, "explained"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.RequestRelease(ctx, "maker", campaignID, hold.ID, "explained"); fault.KindOf(err) != fault.Conflict {
			t.Errorf("asked twice: %v", err)
		}
		w.approve(ok)
		if m := w.sums("M1"); (m.Held == 0) != ok {
			t.Errorf("released %v: %+v", ok, m)
		}
	}
	if _, err := w.RequestPayout(ctx, "maker", campaignID, ToWallet, "advice 4"); err != nil {
		t.Fatal(err)
	}
	w.approve(true)
	if m := w.sums("M1"); m.Settled != 15_00 || m.Due != 0 {
		t.Errorf("%+v", m)
	}
	if next, err := w.PlaceHold(ctx, "maker", campaignID, "M1", "another time"); err != nil || next.ID == hold.ID {
		t.Errorf("held again after a release: %v %+v", err, next)
	}
	w.check()
}

func TestSettlementFileSaysWhatItsDigestCovers(t *testing.T) {
	w := newWorld(t, testkit.DB(t), 2)
	w.creditAll()
	e := w.envelopes()[0]
	paid := w.pay(e, "1", "M2", 12_34)
	w.receive(e.Operator, paid)
	w.nextMorning()
	list, err := w.Settlements(context.Background(), campaignID, SettlementFilter{})
	w.must(err)
	c, err := w.Get(context.Background(), campaignID)
	w.must(err)
	var file bytes.Buffer
	w.must(w.WriteSettlement(context.Background(), "maker", c, list[0].ID, &file))
	want := fmt.Sprintf("hongbao-settlement,1,M2,lakala,2020-12-11\nkind,operator,event_no,number,payment_no,occurred_at,amount_fen\n"+
		"payment,%s,EV1,P1,,%s,1234\nend,1,1234,%s\n", e.Operator, paid.OccurredAt.UTC().Format(time.RFC3339), list[0].Digest)
	if file.String() != want {
		t.Errorf("%s\nwant\n%s", file.String(), want)
	}
	if _, err := w.DB.SQL().Exec("DELETE FROM settlement_lines"); err == nil {
		t.Error("lines can be deleted")
	}
	if err := w.WriteSettlement(context.Background(), "maker", campaign.Campaign{ID: 99}, list[0].ID, &file); !errors.Is(err, ErrNoSettlement) {
		t.Errorf("another campaign's: %v", err)
	}
}

func TestSettlementAndHoldStatuses(t *testing.T) {
	legal := map[string]bool{"due held": true, "due settled": true, "held due": true}
	for _, from := range SettlementStatuses {
		for _, to := range SettlementStatuses {
			if from.May(to) != legal[string(from)+" "+string(to)] {
				t.Errorf("%s to %s: %v", from, to, from.May(to))
			}
		}
	}
	legal = map[string]bool{"held releasing": true, "releasing released": true, "releasing held": true}
	for _, from := range HoldStatuses {
		for _, to := range HoldStatuses {
			if from.May(to) != legal[string(from)+" "+string(to)] {
				t.Errorf("%s to %s: %v", from, to, from.May(to))
			}
		}
	}
}
