package disbursement

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/testkit"
)

func TestOperatorChangesUntilTheWalletIsFound(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := newWorld(t, db, 2), context.Background()
		w.fund()
		_, err := w.AwardDue(ctx)
		w.must(err)
		e, err := w.Of(ctx, 100)
		w.must(err)
		if e.Operator != "icbc" {
			t.Fatal(e.Operator)
		}
		for range 2 {
			if e, err = w.ChangeOperator(ctx, 100, "abc"); err != nil || e.Operator != "abc" {
				t.Errorf("%s, %v", e.Operator, err)
			}
		}
		if _, err := w.ChangeOperator(ctx, 100, "ccb"); !errors.Is(err, errOperatorChoice) {
			t.Errorf("an operator outside the rule book: %v", err)
		}
		w.claimAll()
		if e, err = w.Of(ctx, 100); err != nil || e.WalletToken != "abc-13900000100" || e.WalletTier != 4 {
			t.Errorf("%+v, %v", e, err)
		}
		if _, err := w.ChangeOperator(ctx, 100, "icbc"); !errors.Is(err, errOperatorLate) {
			t.Errorf("changed after the wallet was found: %v", err)
		}
		w.approveCredits()
		w.settleAll()
		w.check()
		w.bankCheck()
		if w.banks["abc"].coupons[e.CouponID] == nil || w.banks["icbc"].coupons[e.CouponID] != nil {
			t.Error("the money went to the operator that was left")
		}
	})
}

// A branch claims for who comes in person or by proxy, with a hard wallet where there is no phone to hold one; the record
// shows who stood at the desk, masked.
func TestClaimAtTheDesk(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := newWorld(t, db, 2), context.Background()
		w.documents = map[string]int64{"11010519491231002X": 100, "440524188001010014": 101}
		w.fund()
		_, err := w.AwardDue(ctx)
		w.must(err)
		for _, b := range w.banks {
			b.nowallet = true
		}
		good := DeskClaim{Document: "11010519491231002X", Checked: true, ProxyName: "王小明", ProxyDocument: "440524188001010014", Card: "6222020000000000019"}
		for want, spoil := range map[*fault.Error]func(*DeskClaim){
			errDeskChecked: func(d *DeskClaim) { d.Checked = false }, errDeskCard: func(d *DeskClaim) { d.Card = "12" },
			errDeskProxy: func(d *DeskClaim) { d.ProxyDocument = "440524188001010015" },
		} {
			wrong := good
			spoil(&wrong)
			if _, err := w.ClaimAtDesk(ctx, "branch", campaignID, wrong); !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
		}
		if e, _ := w.Of(ctx, 100); e.Status != Awarded {
			t.Errorf("a refused desk has claimed: %s", e.Status)
		}
		if _, err := w.ClaimAtDesk(ctx, "branch", campaignID, DeskClaim{Document: "11010519491231002x", Checked: true}); fault.KindOf(err) != fault.NotFound {
			t.Errorf("a stranger: %v", err)
		}
		e, err := w.ClaimAtDesk(ctx, "branch", campaignID, good)
		if err != nil || e.Status != Claimed || !e.WalletHard || e.WalletToken != "icbc-6222020000000000019" {
			t.Fatalf("%+v, %v", e, err)
		}
		if e, err = w.ClaimAtDesk(ctx, "branch", campaignID, DeskClaim{Document: "440524188001010014", Checked: true}); err != nil || e.Status != Claimed || e.WalletToken != "" {
			t.Errorf("in person: %+v, %v", e, err)
		}
		var details []string
		w.must(w.DB.Read(ctx).Raw("SELECT detail FROM audit_entries WHERE action = 'envelope.desk-claim' AND actor = 'branch' ORDER BY seq").Scan(&details).Error)
		all := strings.Join(details, "\n")
		if len(details) != 2 || strings.Contains(all, "王小明") || strings.Contains(all, "440524188001010014") || !strings.Contains(all, "…0019") || !strings.Contains(details[1], `"winner"`) {
			t.Errorf("the record: %s", all)
		}
		w.approveCredits()
		w.settleAll()
		if e, _ := w.Of(ctx, 100); e.Status != Credited {
			t.Errorf("the hard wallet was not credited: %s", e.Status)
		}
	})
}

func TestCodeIsForWhoHasClaimed(t *testing.T) {
	w, ctx := newWorld(t, testkit.DB(t), 1), context.Background()
	_, err := w.AwardDue(ctx)
	w.must(err)
	if _, err := w.Code(ctx, 100); !errors.Is(err, errCodeEarly) {
		t.Errorf("before the claim: %v", err)
	}
	_, err = w.Claim(ctx, 100)
	w.must(err)
	if code, err := w.Code(ctx, 100); err != nil || code != "APPL-100" {
		t.Errorf("%q, %v", code, err)
	}
	if _, err := w.Code(ctx, 999); !errors.Is(err, ErrNoEnvelope) {
		t.Errorf("a stranger: %v", err)
	}
}

// Every reason that an operator may give is said in words that tell what to do; a limit is named by the table of the day.
func TestRefusalsAreSaidInPlainWords(t *testing.T) {
	then, now := time.Date(2020, 12, 12, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		tier int
		at   time.Time
		want string
	}{{4, then, "1,000"}, {4, now, "10,000"}, {2, then, "10,000"}, {3, now, "20,000"}} {
		text := RefusalText(ReasonBalanceLimit, c.tier, c.at)
		if !strings.Contains(text.ZH, "最多存 "+c.want+" 元") || !strings.Contains(text.ZH, "升级钱包") || !strings.Contains(text.EN, "at most "+c.want+" yuan") {
			t.Errorf("tier %d in %d: %s / %s", c.tier, c.at.Year(), text.ZH, text.EN)
		}
	}
	if text := RefusalText(ReasonBalanceLimit, 1, now); strings.Contains(text.ZH, "最多存") {
		t.Errorf("a wallet without a limit: %s", text.ZH)
	}
	for _, reason := range []string{ReasonWalletMissing, ReasonNotDelivered, ReasonContentDiffers, ReasonCouponUsed, ReasonMalformed, "expired"} {
		if text := RefusalText(reason, 0, now); strings.Contains(text.ZH, reason) || text.EN == "" {
			t.Errorf("%s: %+v", reason, text)
		}
	}
	if !slices.IsSortedFunc(WalletTiers, func(a, b struct {
		From  time.Time
		Tiers [4]WalletLimits
	}) int {
		return a.From.Compare(b.From)
	}) {
		t.Error("the table is not in the order of time")
	}
}
