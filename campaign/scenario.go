package campaign

import (
	"fmt"
	"slices"
)

// Scenario is a way of spending an envelope: in a shop, online, at the door. What it demands of a purchase is its
// admission; admission.go evaluates it.
type Scenario struct {
	Name      string    `yaml:"name" json:"name"`
	Title     Text      `yaml:"title" json:"title"`
	PayModes  []string  `yaml:"pay_modes" json:"pay_modes"`
	Online    bool      `yaml:"online" json:"online"` // counts as online in the figures
	Admission Admission `yaml:"admission" json:"admission"`
}

// Admission lists what a scenario demands. What is not set is not demanded.
type Admission struct {
	MerchantListed    bool     `yaml:"merchant_listed,omitempty" json:"merchant_listed,omitempty"`
	SelfOperated      bool     `yaml:"self_operated,omitempty" json:"self_operated,omitempty"`           // goods sold by the platform itself (自营)
	DeliveryDistricts []string `yaml:"delivery_districts,omitempty" json:"delivery_districts,omitempty"` // where the goods are delivered
	Districts         []string `yaml:"districts,omitempty" json:"districts,omitempty"`                   // where the merchant stands
	SubWalletApp      bool     `yaml:"sub_wallet_app,omitempty" json:"sub_wallet_app,omitempty"`         // paid from a sub-wallet in an app of the operator
	Demands           []Demand `yaml:"demands,omitempty" json:"demands,omitempty"`
}

// PayModes are the ways in which a wallet meets a till.
var PayModes = []string{"pos-shows-code", "pos-scans-payer", "stand-qr", "tap", "sub-wallet", "cash-on-delivery", "bill"}

func (rb *RuleBook) checkOperators(r *reading) {
	atLeastOne(r, "operators", len(rb.Operators))
	for i, operator := range rb.Operators {
		if !slices.Contains(OperatorNames, operator.Name) && operator.Via == "" {
			r.add(fmt.Sprintf("operators[%d].name", i), "未知的运营机构 %s", "unknown operator %s", operator.Name)
		}
		if operator.Via != "" {
			checkToken(r, fmt.Sprintf("operators[%d].via", i), operator.Via)
		}
		for j, app := range operator.Apps {
			path := fmt.Sprintf("operators[%d].apps[%d]", i, j)
			if _, ok := rb.App(app); !ok {
				r.add(path, "没有应用 %s", "there is no app %s", app)
			}
			if slices.Index(operator.Apps, app) < j {
				r.add(path, "应用重复", "stands here twice")
			}
		}
	}
}

func (rb *RuleBook) checkScenarios(r *reading) {
	atLeastOne(r, "scenarios", len(rb.Scenarios))
	for i, scenario := range rb.Scenarios {
		path := fmt.Sprintf("scenarios[%d]", i)
		atLeastOne(r, path+".pay_modes", len(scenario.PayModes))
		for j, mode := range scenario.PayModes {
			oneOf(r, fmt.Sprintf("%s.pay_modes[%d]", path, j), mode, PayModes...)
		}
		for j, demand := range scenario.Admission.Demands {
			checkDemand(r, fmt.Sprintf("%s.admission.demands[%d]", path, j), demand)
		}
		for j, name := range scenario.Admission.Districts {
			rb.checkDistrict(r, fmt.Sprintf("%s.admission.districts[%d]", path, j), name)
		}
		for j, name := range scenario.Admission.DeliveryDistricts {
			rb.checkDistrict(r, fmt.Sprintf("%s.admission.delivery_districts[%d]", path, j), name)
		}
	}
}
