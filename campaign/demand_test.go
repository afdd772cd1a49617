package campaign

import (
	"context"
	"strings"
	"testing"
	"time"

	"hongbao/internal/fault"
	"hongbao/internal/testkit"
)

// laterScenarios are public transport and electricity bills, as a city would add them: entries of the rule book alone.
var laterScenarios = []string{"  - name: cash-on-delivery # JD", `  - name: transport
    title: {zh: 公共交通, en: Public transport}
    pay_modes: [tap, pos-scans-payer]
    online: false
    admission: {merchant_listed: true, demands: [{rule: merchant-class, values: [公交, 地铁]}, {rule: most, values: ["20"]}, {rule: hours, values: ["05:30", "23:30"]}]}
  - name: electricity-bill
    title: {zh: 电费缴纳, en: Electricity bills}
    pay_modes: [bill]
    online: true
    admission: {merchant_listed: true, demands: [{rule: merchant-class, values: [电力]}]}
  - name: cash-on-delivery # JD`,
	"merchants: # the chains", `merchants: # later
  - {no: SZ-BUS1, name: 苏州公交, district: gusu, class: 公交, scenarios: [transport], pay_modes: [tap, pos-scans-payer]}
  - {no: SZ-TAXI, name: 苏州出租, district: gusu, class: 出租, scenarios: [transport], pay_modes: [tap]}
  - {no: SZ-GRID, name: 国网苏州供电, district: gusu, class: 电力, scenarios: [electricity-bill], pay_modes: [bill]}
  # the chains`}

func TestLaterScenariosAreEntriesOfTheRuleBook(t *testing.T) {
	w, ctx := newWorld(t, testkit.DB(t)), context.Background()
	c := w.open(suzhou(t, append(laterScenarios, anyone...)...))
	noon := c.SpendFromAt.Time().AddDate(0, 0, 1).Truncate(24 * time.Hour).Add(4 * time.Hour)
	bus := Purchase{Campaign: c.ID, MerchantNo: "SZ-BUS1", Scenario: "transport", PayMode: "tap", Amount: 4_00, At: noon}
	bill := Purchase{Campaign: c.ID, MerchantNo: "SZ-GRID", Scenario: "electricity-bill", PayMode: "bill", Amount: 186_40, At: noon}
	change := func(p Purchase, do func(p *Purchase)) Purchase { do(&p); return p }
	for _, tc := range []struct {
		p    Purchase
		want string
	}{
		{bus, ""}, {bill, ""}, {change(bus, func(p *Purchase) { p.Amount = 20_00 }), ""},
		{change(bus, func(p *Purchase) { p.Amount = 20_01 }), "amount-over-scenario"},
		{change(bus, func(p *Purchase) { p.At = noon.Add(12 * time.Hour) }), "outside-hours"},
		{change(bus, func(p *Purchase) { p.MerchantNo = "SZ-TAXI" }), "merchant-class"},
		{change(bill, func(p *Purchase) { p.PayMode = "tap" }), "pay-mode"},
		{change(bill, func(p *Purchase) { p.MerchantNo = "SZ-0001" }), "merchant-unlisted"},
	} {
		_, err := w.Admit(ctx, tc.p)
		got, _ := fault.As(err)
		if tc.want == "" && err != nil || tc.want != "" && (got == nil || got.Code != tc.want || got.Kind != fault.Forbidden) {
			t.Errorf("%+v: %v, want %q", tc.p, err, tc.want)
		}
	}
}

func TestDemandsAreChecked(t *testing.T) {
	for _, tc := range [][2]string{
		{"rule: merchant-class", "rule: moon-phase"}, {`values: ["20"]`, `values: ["many"]`}, {`["05:30", "23:30"]`, `["23:30", "05:30"]`}, {"values: [电力]", "values: []"},
	} {
		later := append([]string{}, laterScenarios...)
		later[1] = strings.Replace(later[1], tc[0], tc[1], 1)
		_, err := ParseRuleBook(suzhou(t, later...))
		if found, ok := fault.As(err); !ok || found.Kind != fault.Invalid || !strings.Contains(found.EN, "admission.demands[") {
			t.Errorf("%s: %v", tc[1], err)
		}
	}
}
