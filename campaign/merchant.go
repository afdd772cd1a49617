package campaign

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"gorm.io/gorm"

	"hongbao/internal/audit"
	"hongbao/internal/fault"
	"hongbao/internal/money"
)

// Merchant is a shop, or an app's own shop, at which envelopes may be spent.
type Merchant struct {
	No        string    `yaml:"no" json:"no"`
	Name      string    `yaml:"name" json:"name"`
	District  string    `yaml:"district" json:"district"`
	Class     string    `yaml:"class" json:"class"` // trade, as the figures group it
	PayModes  []string  `yaml:"pay_modes" json:"pay_modes"`
	Scenarios []string  `yaml:"scenarios" json:"scenarios"`
	App       string    `yaml:"app,omitempty" json:"app,omitempty"` // the app through which it sells, if any
	Address   string    `yaml:"address,omitempty" json:"address,omitempty"`
	Lat       float64   `yaml:"lat,omitempty" json:"lat,omitempty"` // degrees, GCJ-02 as Chinese maps use it
	Lng       float64   `yaml:"lng,omitempty" json:"lng,omitempty"`
	Cap       money.Fen `yaml:"cap,omitempty" json:"cap_fen,omitempty"` // most envelope money it may take in all; 0 is no cap
	Acquirer  string    `yaml:"acquirer,omitempty" json:"-"`            // who pays it out, as Lakala; its own wallet if empty
}

// Merchant statuses. A suspended merchant takes no envelope.
const (
	MerchantActive    = "active"
	MerchantSuspended = "suspended"
)

// merchantMistakes checks one merchant against the rule book; the Field of each mistake is the merchant's own.
func (rb *RuleBook) merchantMistakes(m Merchant) []*fault.Error {
	var found []*fault.Error
	demand := func(ok bool, field, zh, en string) {
		if !ok {
			found = append(found, fault.Field(field, "merchant", zh, en))
		}
	}
	_, district := rb.District(m.District)
	_, app := rb.App(m.App)
	demand(isMerchantNo(m.No), "no", "商户号只能用字母、数字和连字符，最多 32 个", "must be letters, digits and hyphens, at most 32")
	demand(shortText(m.Name, 1, 60), "name", "名称应为 1 到 60 个字", "must have 1 to 60 characters")
	demand(shortText(m.Class, 1, 30), "class", "类别应为 1 到 30 个字", "must have 1 to 30 characters")
	demand(shortText(m.Address, 0, 100), "address", "地址最多 100 个字", "must have at most 100 characters")
	demand(district, "district", "没有这个区县", "is not a district of the city")
	_, acquirer := rb.Acquirer(m.Acquirer)
	demand(m.Acquirer == "" || acquirer, "acquirer", "没有这个收单机构", "is not an acquirer of the rule book")
	demand(m.App == "" || app, "app", "没有这个应用", "is not an app of the rule book")
	demand(m.Lat >= -90 && m.Lat <= 90, "lat", "纬度应在 -90 到 90 之间", "must be between -90 and 90")
	demand(m.Lng >= -180 && m.Lng <= 180, "lng", "经度应在 -180 到 180 之间", "must be between -180 and 180")
	demand(m.Cap >= 0, "cap", "上限不能为负", "must not be negative")
	demand(len(m.Scenarios) > 0, "scenarios", "至少一个场景", "must have at least one item")
	demand(len(m.PayModes) > 0, "pay_modes", "至少一种支付方式", "must have at least one item")
	modes := []string{}
	for _, name := range m.Scenarios {
		scenario, ok := rb.Scenario(name)
		demand(ok, "scenarios", "没有这个场景："+printable(name), "is not a scenario of the rule book: "+printable(name))
		modes = append(modes, scenario.PayModes...)
	}
	for _, mode := range m.PayModes {
		demand(slices.Contains(modes, mode), "pay_modes", "所列场景不支持这种支付方式："+printable(mode),
			"is not a pay mode of its scenarios: "+printable(mode))
	}
	return found
}

func (rb *RuleBook) checkMerchants(r *reading) {
	seen := map[string]bool{}
	for i, merchant := range rb.Merchants {
		path := fmt.Sprintf("merchants[%d]", i)
		for _, f := range rb.merchantMistakes(merchant) {
			r.note(path+"."+f.Field, f.ZH, f.EN)
		}
		if seen[merchant.No] {
			r.add(path+".no", "商户号重复", "is the number of another merchant")
		}
		seen[merchant.No] = true
	}
}

func isMerchantNo(no string) bool {
	return no != "" && len(no) <= 32 && strings.Trim(no, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

func shortText(text string, least, most int) bool {
	n := utf8.RuneCountInString(text)
	return n >= least && n <= most && utf8.ValidString(text) && !strings.ContainsFunc(text, isControl)
}

func isControl(r rune) bool {
	return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029
}

// printable quotes foreign text for a sentence: short, and without characters that change how the rest reads.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if isControl(r) || r == '%' {
			return -1
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > 20 {
		text = string(runes[:20]) + "…"
	}
	return text
}

// merchantFromCells reads a line of an imported list. Lists inside a cell are separated by a comma or a blank, the cap
// is in yuan.
func merchantFromCells(cells map[string]string) (Merchant, error) {
	m := Merchant{
		No: cells["no"], Name: cells["name"], District: cells["district"], Class: cells["class"], App: cells["app"],
		Address: cells["address"], Acquirer: cells["acquirer"], PayModes: listCell(cells["pay_modes"]), Scenarios: listCell(cells["scenarios"]),
	}
	if text := cells["cap"]; text != "" {
		amount, err := money.Parse(text)
		if err != nil {
			return m, fault.Field("cap", "merchant", "应为以元为单位的金额", "must be an amount in yuan")
		}
		m.Cap = amount
	}
	for name, into := range map[string]*float64{"lat": &m.Lat, "lng": &m.Lng} {
		if text := cells[name]; text != "" {
			if _, err := fmt.Sscanf(text, "%g", into); err != nil {
				return m, fault.Field(name, "merchant", "应为数字", "must be a number")
			}
		}
	}
	return m, nil
}

func listCell(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",，、; \t", r) })
}

var (
	errNoMerchant     = fault.New(fault.NotFound, "no-merchant", "没有这个商户。", "There is no such merchant.")
	errMerchantStatus = fault.Field("status", "merchant-status", "商户状态应为 active 或 suspended。", "The status must be active or suspended.")
)

// SetMerchantStatus suspends a merchant or lets it take part again; the reason is on the record.
func (s *Service) SetMerchantStatus(ctx context.Context, actor, slug, no, status, reason string) error {
	if !slices.Contains([]string{MerchantActive, MerchantSuspended}, status) {
		return errMerchantStatus
	}
	if !shortText(reason, 1, 200) {
		return errReason
	}
	c, err := s.BySlug(ctx, slug)
	if err != nil {
		return err
	}
	row, ok, err := s.merchantRow(ctx, c.ID, no)
	if err != nil || !ok {
		return cmp.Or(err, error(errNoMerchant))
	}
	defer s.shops.forget()
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if err := moveMerchant(tx, row, status); err != nil {
			return err
		}
		return audit.Record(tx, audit.Entry{At: s.Now(), Actor: actor, Action: "merchant." + status, Campaign: slug,
			Subject: "merchant " + no, Detail: map[string]any{"from": row.Status, "reason": reason}})
	})
}
