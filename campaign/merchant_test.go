package campaign

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"hongbao/internal/database"
	"hongbao/internal/testkit"
)

func TestAdmission(t *testing.T) {
	w, ctx := newWorld(t, testkit.DB(t)), context.Background()
	c := w.open(suzhou(t, anyone...))
	if err := w.SetMerchantStatus(ctx, "maker", c.Slug, "SZ-0002", MerchantSuspended, "查实虚假交易"); err != nil {
		t.Fatal(err)
	}
	at := c.SpendFromAt.Time()
	shop := Purchase{Campaign: c.ID, MerchantNo: "SZ-0001", Scenario: "in-store", PayMode: "tap", At: at}
	online := Purchase{Campaign: c.ID, MerchantNo: "SZ-ON04", Scenario: "online-self-operated", PayMode: "sub-wallet", Operator: "boc", App: "bilibili", SelfOperated: true, At: at}
	door := Purchase{Campaign: c.ID, MerchantNo: "SZ-CD01", Scenario: "cash-on-delivery", PayMode: "cash-on-delivery", SelfOperated: true, DeliveryDistrict: "xiangcheng", At: at}
	change := func(p Purchase, do func(p *Purchase)) Purchase { do(&p); return p }
	cases := []struct {
		name string
		p    Purchase
		want error
	}{
		{"in the shop", shop, nil}, {"online", online, nil}, {"at the door", door, nil},
		{"before the window", change(shop, func(p *Purchase) { p.At = at.Add(-time.Millisecond) }), errOutsideWindow},
		{"at the last moment", change(shop, func(p *Purchase) { p.At = c.SpendUntilAt.Time().Add(-time.Millisecond) }), nil},
		{"after the window", change(shop, func(p *Purchase) { p.At = c.SpendUntilAt.Time() }), errOutsideWindow},
		{"an unlisted merchant", change(shop, func(p *Purchase) { p.MerchantNo = "SZ-9999" }), errUnlisted},
		{"a shop that is not online", change(online, func(p *Purchase) { p.MerchantNo = "SZ-0001" }), errUnlisted},
		{"a suspended merchant", change(shop, func(p *Purchase) { p.MerchantNo = "SZ-0002" }), errSuspended},
		{"a pay mode the shop lacks", change(shop, func(p *Purchase) { p.MerchantNo, p.PayMode = "SZ-0020", "pos-shows-code" }), errPayMode},
		{"a pay mode of another scenario", change(shop, func(p *Purchase) { p.PayMode = "sub-wallet" }), errPayMode},
		{"no such scenario", change(shop, func(p *Purchase) { p.Scenario = "abroad" }), errScenario},
		{"goods of a third party", change(online, func(p *Purchase) { p.SelfOperated = false }), errSelfOperated},
		{"an app the operator does not serve", change(online, func(p *Purchase) { p.Operator = "abc" }), errApp},
		{"an app other than the merchant's", change(online, func(p *Purchase) { p.App = "jd" }), errApp},
		{"no app", change(online, func(p *Purchase) { p.App = "" }), errApp},
		{"delivered elsewhere", change(door, func(p *Purchase) { p.DeliveryDistrict = "gusu" }), errWrongDistrict},
	}
	for _, tc := range cases {
		if _, err := w.Admit(ctx, tc.p); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

func TestMerchantImport(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := newWorld(t, db), context.Background()
		c, err := w.Create(ctx, "maker", suzhou(t))
		if err != nil {
			t.Fatal(err)
		}
		list := "no,name,district,class,pay_modes,scenarios,app,cap,lat\n" +
			"SZ-0001,五星电器新店,sip,家电,tap,in-store,,100.50,31.3\n" + // known: new particulars
			"N-1,新店,gusu,餐饮,\"tap, stand-qr\",in-store,,,\n" +
			"N-2,新店,pudong,餐饮,tap,in-store,,,\n" + "N-3,新店,gusu,餐饮,cash-on-delivery,in-store,,,\n" +
			"N-1,又一家,gusu,餐饮,tap,in-store,,,\n" + "N-4,新店,gusu,餐饮,tap,in-store,,many,\n"
		result, err := w.ImportMerchants(ctx, "maker", c.Slug, strings.NewReader(list))
		if err != nil || result.Imported != 2 || len(result.Rejected) != 4 {
			t.Fatalf("%+v, %v", result, err)
		}
		for i, field := range []string{"district", "pay_modes", "no", "cap"} {
			if result.Rejected[i].Field != field || result.Rejected[i].Line != 4+i {
				t.Errorf("rejected %+v", result.Rejected[i])
			}
		}
		found, err := w.Merchants(ctx, c.ID, MerchantFilter{PayMode: "stand-qr", District: "gusu"})
		if err != nil || !slices.ContainsFunc(found, func(m ListedMerchant) bool { return m.No == "N-1" && m.Status == MerchantActive }) {
			t.Errorf("%v, %v", found, err)
		}
		if found, _ := w.Merchants(ctx, c.ID, MerchantFilter{PayMode: "t%p"}); len(found) != 0 {
			t.Error("a wildcard got through")
		}
		row, _, err := w.merchantRow(ctx, c.ID, "SZ-0001")
		if err != nil || row.Name != "五星电器新店" || row.CapFen != 10050 {
			t.Errorf("%+v, %v", row, err)
		}
	})
}
