package campaign

import (
	"context"
	"slices"
	"time"

	"hongbao/internal/fault"
	"hongbao/internal/money"
)

// Purchase is what an operator tells about a payment before envelope money may flow: where, how and for what, never who.
type Purchase struct {
	Campaign         int64
	MerchantNo       string
	PayMode          string
	Scenario         string
	Operator         string // the bank that asks; "" when it is not known
	App              string // the app whose sub-wallet pays, or ""
	SelfOperated     bool   // the goods are sold by the platform of the app itself
	DeliveryDistrict string // where the goods go, or ""
	Amount           money.Fen
	At               time.Time
}

// Why envelope money is not admitted to a purchase.
var (
	errOutsideWindow = fault.New(fault.Forbidden, "outside-window", "不在红包使用时间内。", "Outside the time in which envelopes may be spent.")
	errScenario      = fault.New(fault.Forbidden, "scenario", "本次活动没有这个消费场景。", "This campaign has no such scenario.")
	errPayMode       = fault.New(fault.Forbidden, "pay-mode", "这个场景或商户不支持这种支付方式。", "This scenario or merchant does not take this pay mode.")
	errUnlisted      = fault.New(fault.Forbidden, "merchant-unlisted", "商户不在本次活动名单内。", "The merchant is not on the campaign's list.")
	errSuspended     = fault.New(fault.Forbidden, "merchant-suspended", "商户已被暂停参加活动。", "The merchant is suspended.")
	errSelfOperated  = fault.New(fault.Forbidden, "goods-not-self-operated", "仅限自营商品。", "Only self-operated goods are admitted.")
	errWrongDistrict = fault.New(fault.Forbidden, "district", "不在本场景限定的区县内。", "Outside the districts of this scenario.")
	errApp           = fault.New(fault.Forbidden, "app-not-served", "所选运营机构不支持向该应用推送子钱包。", "The operator does not push sub-wallets to this app.")
)

// matter is a purchase with all that the rules look at. Listed is false when the merchant is not on the list.
type matter struct {
	Purchase
	book     *RuleBook
	scenario Scenario
	merchant Merchant
	status   string
	listed   bool
}

// admissionRule is one rule: nil, or the reason for refusing. Rules stand in the order in which they are asked. What is
// particular to a kind of scenario stands in demand.go.
type admissionRule struct {
	name  string
	check func(m matter) error
}

var admissionRules = []admissionRule{
	{"window", func(m matter) error {
		return unless(!m.At.Before(m.book.Windows.SpendFrom) && m.At.Before(m.book.Windows.SpendUntil), errOutsideWindow)
	}},
	{"scenario", func(m matter) error { return unless(m.scenario.Name != "", errScenario) }},
	{"merchant_listed", func(m matter) error {
		return unless(!m.scenario.Admission.MerchantListed || m.listed && slices.Contains(m.merchant.Scenarios, m.Scenario), errUnlisted)
	}},
	{"merchant_status", func(m matter) error { return unless(m.status != MerchantSuspended, errSuspended) }},
	{"pay_mode", func(m matter) error {
		return unless(slices.Contains(m.scenario.PayModes, m.PayMode) && (!m.listed || slices.Contains(m.merchant.PayModes, m.PayMode)), errPayMode)
	}},
	{"sub_wallet_app", func(m matter) error { return unless(!m.scenario.Admission.SubWalletApp || m.appServed(), errApp) }},
	{"self_operated", func(m matter) error {
		return unless(!m.scenario.Admission.SelfOperated || m.SelfOperated, errSelfOperated)
	}},
	{"delivery_districts", func(m matter) error {
		return unless(within(m.scenario.Admission.DeliveryDistricts, m.DeliveryDistrict), errWrongDistrict)
	}},
	{"districts", func(m matter) error {
		return unless(within(m.scenario.Admission.Districts, m.merchant.District), errWrongDistrict)
	}},
	{"demands", matter.meetsDemands},
}

func unless(ok bool, refusal error) error {
	if ok {
		return nil
	}
	return refusal
}

func within(districts []string, name string) bool {
	return len(districts) == 0 || slices.Contains(districts, name)
}

// appServed: the app is one of the paying operator's (of any operator, if it is not known), and the merchant sells
// through it.
func (m matter) appServed() bool {
	served := slices.ContainsFunc(m.book.Operators, func(o Operator) bool {
		return (m.Operator == "" || o.Name == m.Operator) && slices.Contains(o.Apps, m.App)
	})
	return served && (m.merchant.App == "" || m.merchant.App == m.App)
}

func (m matter) admit() error {
	for _, rule := range admissionRules {
		if err := rule.check(m); err != nil {
			return err
		}
	}
	return nil
}

// Admit says whether envelope money may pay for a purchase: nil, or a Forbidden fault whose code is the reason. Limit is
// the most envelope money that the merchant may take in all, in fen; 0 is no limit. Who books the payments holds it.
func (s *Service) Admit(ctx context.Context, p Purchase) (limit money.Fen, err error) {
	live, err := s.live(ctx, p.Campaign)
	if err != nil {
		return 0, err
	}
	m := matter{Purchase: p, book: live.Book}
	m.scenario, _ = live.Book.Scenario(p.Scenario)
	row, ok, err := s.merchantRow(ctx, p.Campaign, p.MerchantNo)
	if err != nil {
		return 0, err
	}
	if ok {
		m.merchant, m.status, m.listed = row.merchant(), row.Status, true
	}
	return m.merchant.Cap, m.admit()
}
