package campaign

import (
	"bytes"
	"crypto/sha256"
	"time"

	"github.com/goccy/go-yaml"

	"hongbao/internal/money"
)

// RuleBook is everything a city decides about one campaign before it is announced. It is written in YAML; a key without
// omitempty must be there, a key that is not in this type is refused. Amounts are in yuan in the file and in fen here,
// moments are Asia/Shanghai ("2020-12-11 20:00"; "24:00" is the midnight at the end of that day).
type RuleBook struct {
	ID            string        `yaml:"id"` // also the campaign's slug and the draw's id
	City          City          `yaml:"city"`
	Name          Text          `yaml:"name"`
	Suite         string        `yaml:"suite"` // how identity is sealed: intl or sm
	HashName      string        `yaml:"hash"`  // the draw's hash: sha256 or sm3
	Funding       []Source      `yaml:"funding"`
	Windows       Windows       `yaml:"windows"`
	Pools         Pools         `yaml:"pools"`
	Tiers         []Tier        `yaml:"tiers"`
	Spill         []Spill       `yaml:"spill,omitempty"`
	Wait          []Wait        `yaml:"wait,omitempty"`
	Operators     []Operator    `yaml:"operators"`
	Apps          []App         `yaml:"apps,omitempty"`
	Scenarios     []Scenario    `yaml:"scenarios"`
	Acquirers     []Acquirer    `yaml:"acquirers,omitempty"`
	Merchants     []Merchant    `yaml:"merchants,omitempty"`
	Eligibility   Rule          `yaml:"eligibility,omitempty"`
	Documents     []string      `yaml:"documents"`                // document kinds that may register
	MinAge        int           `yaml:"min_age"`                  // full years on the day of registration
	Confirmation  string        `yaml:"confirmation"`             // one-step or two-step
	ConfirmWithin time.Duration `yaml:"confirm_within,omitempty"` // two-step: time to enter the code sent by SMS
	SMSCode       bool          `yaml:"sms_code"`                 // the phone is proved with a code before registering
	Messages      Messages      `yaml:"messages,omitempty"`
	Retention     Retention     `yaml:"retention,omitempty"`  // for how long personal data is kept
	SMSTexts      []SMSText     `yaml:"sms_texts,omitempty"`  // in place of the platform's own
	Risk          Risk          `yaml:"risk,omitempty"`       // how mass registration is found
	NameCheck     string        `yaml:"name_check,omitempty"` // at-registration or before-freeze
	Challenge     Challenge     `yaml:"challenge,omitempty"`  // the calculation against scripts
	Appeals       Appeals       `yaml:"appeals,omitempty"`    // the clocks of appeals

	source []byte
}

// Confirmations a rule book may ask for.
const (
	OneStep = "one-step"
	TwoStep = "two-step"
)

// Text is a text in both languages of the platform.
type Text struct {
	ZH string `yaml:"zh" json:"zh"`
	EN string `yaml:"en" json:"en"`
}

// In gives the text in locale "zh" or "en".
func (t Text) In(locale string) string {
	if locale == "en" {
		return t.EN
	}
	return t.ZH
}

// City is who runs the campaign.
type City struct {
	Code      string     `yaml:"code" json:"code"`
	Name      Text       `yaml:"name" json:"name"`
	Colour    string     `yaml:"colour" json:"colour"`   // #rrggbb, the accent of the city's pages
	Contact   string     `yaml:"contact" json:"contact"` // the hotline shown on every page
	Districts []District `yaml:"districts" json:"districts"`
}

// District is a part of the city in which people live and merchants stand.
type District struct {
	Name  string `yaml:"name" json:"name"`
	Title Text   `yaml:"title" json:"title"`
}

// Operator is one of the operator banks that hold the wallets, with the apps it pushes sub-wallets to.
type Operator struct {
	Name  string   `yaml:"name" json:"name"`
	Title Text     `yaml:"title" json:"title"`
	Apps  []string `yaml:"apps,omitempty" json:"apps"`
	Via   string   `yaml:"via,omitempty" json:"via,omitempty"` // the access point of a city bank, as City Bank Clearing (城银清算)
}

// App is a merchant app that takes sub-wallets.
type App struct {
	Name  string `yaml:"name" json:"name"`
	Title Text   `yaml:"title" json:"title"`
}

// Acquirer collects for many merchants and pays them out, as Lakala or UnionPay Merchant.
type Acquirer struct {
	Name  string `yaml:"name" json:"name"`
	Title Text   `yaml:"title" json:"title"`
}

// OperatorNames are the six operators that the platform reaches by themselves. A city bank is reached via an access point.
var OperatorNames = []string{"icbc", "abc", "boc", "ccb", "bocom", "psbc"}

// ParseRuleBook reads and checks a rule book. The error is an Invalid fault that lists every mistake with its line,
// its field and the reason, in both languages.
func ParseRuleBook(data []byte) (*RuleBook, error) {
	rb, r := readRuleBook(data)
	if err := r.err(); err != nil {
		return nil, err
	}
	return rb, nil
}

func readRuleBook(data []byte) (*RuleBook, *reading) {
	rb := &RuleBook{source: bytes.Clone(data)}
	r := &reading{lines: map[string]int{}}
	if r.formed = r.read(data, rb); r.formed {
		rb.check(r)
	}
	return rb, r
}

// YAML gives the rule book's file: the bytes it was parsed from, or its fields written out where it was derived.
func (rb *RuleBook) YAML() []byte {
	if rb.source == nil {
		rb.source = rb.encode()
	}
	return rb.source
}

// Hash is the SHA-256 of the rule book's file, as the notice and the audit trail quote it.
func (rb *RuleBook) Hash() [32]byte { return sha256.Sum256(rb.YAML()) }

func (rb *RuleBook) encode() []byte {
	out, err := yaml.MarshalWithOptions(rb,
		yaml.CustomMarshaler(func(f money.Fen) ([]byte, error) { return []byte(f.String()), nil }),
		yaml.CustomMarshaler(func(t time.Time) ([]byte, error) { return []byte(formatMoment(t)), nil }),
		yaml.CustomMarshaler(func(d time.Duration) ([]byte, error) { return []byte(d.String()), nil }))
	if err != nil {
		panic("campaign: a rule book that cannot be written: " + err.Error())
	}
	return out
}

// Operator finds an operator by name.
func (rb *RuleBook) Operator(name string) (Operator, bool) {
	return find(rb.Operators, name, func(o Operator) string { return o.Name })
}

// App finds a merchant app by name.
func (rb *RuleBook) App(name string) (App, bool) {
	return find(rb.Apps, name, func(a App) string { return a.Name })
}

// Acquirer finds an acquirer by name.
func (rb *RuleBook) Acquirer(name string) (Acquirer, bool) {
	return find(rb.Acquirers, name, func(a Acquirer) string { return a.Name })
}

// Scenario finds a scenario by name.
func (rb *RuleBook) Scenario(name string) (Scenario, bool) {
	return find(rb.Scenarios, name, func(s Scenario) string { return s.Name })
}

// Tier finds a tier by name.
func (rb *RuleBook) Tier(name string) (Tier, bool) {
	return find(rb.Tiers, name, func(t Tier) string { return t.Name })
}

// District finds a district of the city by name.
func (rb *RuleBook) District(name string) (District, bool) {
	return find(rb.City.Districts, name, func(d District) string { return d.Name })
}

func find[T any](list []T, name string, nameOf func(T) string) (T, bool) {
	for _, item := range list {
		if nameOf(item) == name {
			return item, true
		}
	}
	var none T
	return none, false
}
