package campaign

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"hongbao/internal/database"
)

// Risk are the rules by which mass registration is found, under one version. They name groups and never a score: what a
// rule says can be told to everyone it names, in one sentence.
type Risk struct {
	Version string     `yaml:"version" json:"version"` // quoted with every finding
	Rules   []RiskRule `yaml:"rules" json:"rules"`
}

// RiskRule names registrations of which more than Over have one thing in common, within a span of time if one is set.
type RiskRule struct {
	Name   string        `yaml:"name" json:"name"`
	Kind   string        `yaml:"kind" json:"kind"`
	Title  Text          `yaml:"title" json:"title"`
	Over   int64         `yaml:"over" json:"over"`
	Within time.Duration `yaml:"within,omitempty" json:"-"`
	Ranges []string      `yaml:"ranges,omitempty" json:"ranges,omitempty"` // of phone-range: the first digits of a phone
}

// Kinds of risk rules. A network is a block of addresses (/24, or /48 of IPv6); device and network are known as keyed hashes
// only, of those who have agreed to it.
const (
	SameDevice          = "same-device"
	SameNetwork         = "same-network"
	PhoneRange          = "phone-range"          // phones of such ranges, from one network
	SequentialDocuments = "sequential-documents" // one area and birth date, order codes one after another
)

// reasonRisk begins the reason of whoever was excluded by a rule; its kind follows.
const reasonRisk = "risk-"

var riskKinds = []string{SameDevice, SameNetwork, PhoneRange, SequentialDocuments}

// Set reports whether there are any rules.
func (r Risk) Set() bool { return len(r.Rules) > 0 }

// Rule finds a rule by name.
func (r Risk) Rule(name string) (RiskRule, bool) {
	return find(r.Rules, name, func(rule RiskRule) string { return rule.Name })
}

// Sentence says what the rule found, for the people whom it names: n registrations.
func (rule RiskRule) Sentence(n int64) Text {
	say := map[string]Text{
		SameDevice:          {"同一设备登记了 %d 份，超过 %d 份", "%d registrations came from one device, more than %d"},
		SameNetwork:         {"同一网段登记了 %d 份，超过 %d 份", "%d registrations came from one network block, more than %d"},
		PhoneRange:          {"同一网段用%[3]s号段登记了 %[1]d 份，超过 %[2]d 份", "%[1]d registrations with phones of %[3]s came from one network block, more than %[2]d"},
		SequentialDocuments: {"证件顺序码连续的登记有 %d 份，超过 %d 份", "%d registrations have documents with consecutive order codes, more than %d"},
	}[rule.Kind]
	arguments := []any{n, rule.Over}
	if rule.Kind == PhoneRange {
		arguments = append(arguments, strings.Join(rule.Ranges, "/"))
	}
	return rule.within(Text{fmt.Sprintf(say.ZH, arguments...), fmt.Sprintf(say.EN, arguments...)})
}

// Describe says what the rule looks for.
func (rule RiskRule) Describe() Text {
	text := map[string]Text{
		SameDevice:          {"同一设备登记超过 %d 份", "More than %d registrations from one device"},
		SameNetwork:         {"同一网段登记超过 %d 份", "More than %d registrations from one network block"},
		PhoneRange:          {"同一网段用%[2]s号段登记超过 %[1]d 份", "More than %d registrations with phones of %s from one network block"},
		SequentialDocuments: {"证件顺序码连续的登记超过 %d 份", "More than %d registrations whose documents have consecutive order codes"},
	}[rule.Kind]
	arguments := []any{rule.Over}
	if rule.Kind == PhoneRange {
		arguments = append(arguments, strings.Join(rule.Ranges, "/"))
	}
	return rule.within(Text{fmt.Sprintf(text.ZH, arguments...), fmt.Sprintf(text.EN, arguments...)})
}

// within adds the rule's span of time to a text about it.
func (rule RiskRule) within(text Text) Text {
	if hours := rule.Within / time.Hour; hours > 0 && rule.Within%time.Hour == 0 {
		text.ZH += fmt.Sprintf("（%d 小时内）", hours)
		text.EN += fmt.Sprintf(" (within %d hours)", hours)
	} else if minutes := int64(rule.Within / time.Minute); minutes > 0 {
		text.ZH += fmt.Sprintf("（%d 分钟内）", minutes)
		text.EN += fmt.Sprintf(" (within %d minutes)", minutes)
	}
	return text
}

var phoneRange = regexp.MustCompile(`^1[3-9][0-9]{1,5}$`)

func (rb *RuleBook) checkRisk(r *reading) {
	if rb.Risk.Version == "" && !rb.Risk.Set() {
		return
	}
	checkToken(r, "risk.version", rb.Risk.Version)
	atLeastOne(r, "risk.rules", len(rb.Risk.Rules))
	names(r, "risk.rules", rb.Risk.Rules, func(rule RiskRule) string { return rule.Name })
	for i, rule := range rb.Risk.Rules {
		path := fmt.Sprintf("risk.rules[%d]", i)
		oneOf(r, path+".kind", rule.Kind, riskKinds...)
		if rule.Over < 1 || rule.Over > 1_000_000 {
			r.add(path+".over", "应在 1 到 1000000 之间", "must be between 1 and 1000000")
		}
		if (rule.Kind == PhoneRange) != (len(rule.Ranges) > 0) {
			r.add(path+".ranges", "只有 phone-range 规则要列出号段", "belongs to rules of the kind phone-range, which need it")
		}
		for j, digits := range rule.Ranges {
			if !phoneRange.MatchString(digits) {
				r.add(fmt.Sprintf("%s.ranges[%d]", path, j), "应为手机号的前 3 到 7 位", "must be the first 3 to 7 digits of a mobile number")
			}
		}
	}
	if rb.Windows.Review == 0 {
		r.add("risk", "有风险规则时，windows.review 须留出核查和申诉的时间", "needs windows.review: time to look at what the rules find, and to appeal")
	}
}

// trace is what the rules look at of one registration. Device, network and document are 0 where they are not known.
type trace struct {
	id              int64
	device, network uint64 // the beginning of the keyed hash
	phone           string // 11 digits
	document        uint64 // the first 17 digits of a resident ID
	at              database.Millis
}

// group is a set of registrations that one rule names, in order of their ids.
type group struct {
	rule    RiskRule
	members []int64
}

// assess applies the rules. It is a function of its arguments, so that the same list gives the same groups to whoever asks.
func assess(rules []RiskRule, traces []trace) (found []group) {
	for _, rule := range rules {
		for _, members := range rule.crowds(traces) {
			slices.Sort(members)
			found = append(found, group{rule, members})
		}
	}
	return found
}

// crowds gives the ids of each group that a rule names.
func (rule RiskRule) crowds(traces []trace) (groups [][]int64) {
	keyed := make([]trace, 0, len(traces))
	for _, t := range traces {
		if rule.key(t) != 0 {
			keyed = append(keyed, t)
		}
	}
	slices.SortFunc(keyed, func(a, b trace) int {
		return cmp.Or(cmp.Compare(rule.key(a), rule.key(b)), cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id))
	})
	for start := 0; start < len(keyed); {
		end := start + 1
		for end < len(keyed) && rule.joins(keyed[end-1], keyed[end]) {
			end++
		}
		if members := rule.tooMany(keyed[start:end]); len(members) > 0 {
			groups = append(groups, members)
		}
		start = end
	}
	return groups
}

// key is what the rule sorts by; 0 leaves a registration out.
func (rule RiskRule) key(t trace) uint64 {
	switch rule.Kind {
	case SameDevice:
		return t.device
	case SequentialDocuments:
		return t.document
	case PhoneRange:
		if !slices.ContainsFunc(rule.Ranges, func(digits string) bool { return strings.HasPrefix(t.phone, digits) }) {
			return 0
		}
	}
	return t.network
}

// joins reports whether b, which follows a in order of the key, belongs to its group. Order codes of one sex go up by two.
func (rule RiskRule) joins(a, b trace) bool {
	if rule.Kind == SequentialDocuments {
		return a.document/1000 == b.document/1000 && b.document-a.document <= 2
	}
	return rule.key(a) == rule.key(b)
}

// tooMany gives the members of a group that stand in a span of time with more than Over of it; all of them if there is no span.
func (rule RiskRule) tooMany(members []trace) (ids []int64) {
	if int64(len(members)) <= rule.Over {
		return nil
	}
	members = slices.Clone(members)
	slices.SortFunc(members, func(a, b trace) int { return cmp.Compare(a.at, b.at) })
	taken := 0 // members before it are in ids, or stand in no such span
	for first, last := 0, 0; first < len(members); first++ {
		for last < len(members) && (rule.Within == 0 || members[last].at.Time().Sub(members[first].at.Time()) <= rule.Within) {
			last++
		}
		if int64(last-first) <= rule.Over {
			continue
		}
		for _, t := range members[max(first, taken):last] {
			ids = append(ids, t.id)
		}
		taken = last
	}
	return ids
}

// networkBlock is the network that an address belongs to: /24, or /48 of IPv6. "" gives "".
func networkBlock(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	bits := 24
	if ip = ip.Unmap(); ip.Is6() {
		bits = 48
	}
	block, _ := ip.WithZone("").Prefix(bits) // no address has fewer bits
	return block.String()
}
