package campaign

import (
	"slices"
	"time"

	"hongbao/internal/fault"
	"hongbao/internal/money"
)

// Demand is what a scenario asks of a purchase beyond the fields of Admission, by the name of a rule and its values. A
// later scenario (public transport, electricity bills) is an entry of the rule book with its demands; a rule that does not
// exist yet is one more line of demandRules, and nothing else changes.
type Demand struct {
	Rule   string   `yaml:"rule" json:"rule"`
	Values []string `yaml:"values" json:"values"`
}

// demandRule is a rule that a rule book can name. Form says what is wrong with the values, or "" twice; met decides.
type demandRule struct {
	form    func(values []string) (zh, en string)
	met     func(m matter, values []string) bool
	refusal error
}

var demandRules = map[string]demandRule{
	"merchant-class": {someValues, func(m matter, classes []string) bool { return m.listed && slices.Contains(classes, m.merchant.Class) },
		fault.New(fault.Forbidden, "merchant-class", "该类商户不在本场景范围内。", "Merchants of this class are outside this scenario.")},
	"most": {oneAmount, func(m matter, values []string) bool { most, _ := money.Parse(values[0]); return m.Amount <= most },
		fault.New(fault.Forbidden, "amount-over-scenario", "超过本场景单笔可付的金额。", "More than this scenario lets one payment be.")},
	"hours": {twoHours, withinHours,
		fault.New(fault.Forbidden, "outside-hours", "不在本场景的使用时段内。", "Outside the hours of this scenario.")},
}

func (m matter) meetsDemands() error {
	for _, demand := range m.scenario.Admission.Demands {
		rule := demandRules[demand.Rule]
		if !rule.met(m, demand.Values) {
			return rule.refusal
		}
	}
	return nil
}

func checkDemand(r *reading, path string, demand Demand) {
	rule, ok := demandRules[demand.Rule]
	if !ok {
		r.add(path+".rule", "没有准入规则 %s", "there is no admission rule %s", demand.Rule)
		return
	}
	if zh, en := rule.form(demand.Values); en != "" {
		r.note(path+".values", zh, en)
	}
}

func someValues(values []string) (zh, en string) {
	return refuse(len(values) > 0, "至少要有一项", "must have at least one item")
}

func oneAmount(values []string) (zh, en string) {
	ok := len(values) == 1
	if ok {
		amount, err := money.Parse(values[0])
		ok = err == nil && amount > 0
	}
	return refuse(ok, "应为一个大于 0 的金额（元）", "must be one amount in yuan, more than 0")
}

// twoHours: from and until, times of day in Asia/Shanghai on the same day.
func twoHours(values []string) (zh, en string) {
	ok := len(values) == 2
	if ok {
		from, ok1 := minuteOf(values[0])
		until, ok2 := minuteOf(values[1])
		ok = ok1 && ok2 && from < until
	}
	return refuse(ok, "应为起止两个时刻，如 [\"05:30\", \"23:30\"]", "must be two times of day such as [\"05:30\", \"23:30\"]")
}

func withinHours(m matter, values []string) bool {
	from, _ := minuteOf(values[0])
	until, _ := minuteOf(values[1])
	at := m.At.In(Shanghai)
	now := at.Hour()*int(time.Hour/time.Minute) + at.Minute()
	return now >= from && now < until
}
