package campaign

import (
	"fmt"
	"strings"
)

// The rules in plain words, as the pages say them.

var documentWords = map[string]Text{
	"resident": {"居民身份证", "resident ID card"},
	"hmt":      {"港澳台居民居住证", "residence permit of Hong Kong, Macau or Taiwan residents"},
	"foreign":  {"外国人永久居留身份证", "foreign permanent resident ID card"},
}

var evidenceWords = map[string]Text{
	"hukou":            {"本市户籍", "registered as a household of the city"},
	"residence-permit": {"持本市居住证", "holding the city's residence permit"},
	"social-insurance": {"在本市缴纳过社会保险", "having paid social insurance in the city"},
	"employer-list":    {"在本市用人单位工作", "working for an employer of the city"},
}

var payModeWords = map[string]Text{
	"pos-shows-code":   {"扫收银机上的码", "Scan the code on the POS"},
	"pos-scans-payer":  {"出示付款码给收银机扫", "Show your code to the POS"},
	"stand-qr":         {"扫小立牌上的码", "Scan the code on the stand"},
	"tap":              {"碰一碰", "Tap"},
	"sub-wallet":       {"推送子钱包，在 App 里付", "Pay in the app from a pushed sub-wallet"},
	"cash-on-delivery": {"货到付款，扫快递员的码", "At the door, scan the courier's code"},
	"bill":             {"生活缴费", "Pay a bill"},
}

func words(of map[string]Text, name, locale string) string {
	if text, ok := of[name]; ok {
		return text.In(locale)
	}
	return name
}

// EvidenceTitle says in words what a kind of evidence shows.
func EvidenceTitle(kind, locale string) string { return words(evidenceWords, kind, locale) }

// Conditions says who may register, one sentence a condition.
func (rb *RuleBook) Conditions(locale string) []string {
	say := Text{"持%s登记", "Register with your %s"}
	var cards []string
	for _, kind := range rb.Documents {
		cards = append(cards, words(documentWords, kind, locale))
	}
	list := []string{fmt.Sprintf(say.In(locale), strings.Join(cards, Text{"、", " or "}.In(locale)))}
	if rb.MinAge > 0 {
		list = append(list, fmt.Sprintf(Text{"年满 %d 周岁", "At least %d years old"}.In(locale), rb.MinAge))
	}
	if rule := rb.sentence(rb.Eligibility, locale); rule != "" {
		list = append(list, rule)
	}
	return list
}

func (rb *RuleBook) sentence(rule Rule, locale string) string {
	switch {
	case len(rule.All) > 0:
		return rb.sentences(rule.All, Text{"，并且", ", and "}, locale)
	case len(rule.Any) > 0:
		return rb.sentences(rule.Any, Text{"，或者", ", or "}, locale)
	case rule.Evidence != "":
		return words(evidenceWords, rule.Evidence, locale)
	case rule.MinAge > 0:
		return fmt.Sprintf(Text{"年满 %d 周岁", "at least %d years old"}.In(locale), rule.MinAge)
	case rule.MaxAge > 0:
		return fmt.Sprintf(Text{"不超过 %d 周岁", "at most %d years old"}.In(locale), rule.MaxAge)
	case rule.Location:
		return Text{"登记时人在本市（只记录“是”或“否”）", "in the city when registering (only yes or no is kept)"}.In(locale)
	}
	var names []string
	for _, name := range rule.Districts {
		district, _ := rb.District(name)
		names = append(names, district.Title.In(locale))
	}
	return strings.Join(names, Text{"、", ", "}.In(locale))
}

func (rb *RuleBook) sentences(rules []Rule, between Text, locale string) string {
	var parts []string
	for _, rule := range rules {
		parts = append(parts, rb.sentence(rule, locale))
	}
	return strings.Join(parts, between.In(locale))
}
