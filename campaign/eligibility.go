package campaign

import (
	"fmt"
	"slices"

	"hongbao/internal/fault"
)

// Rule is a tree of conditions on an applicant. Exactly one of its fields is set; an empty root admits everyone.
type Rule struct {
	All       []Rule   `yaml:"all,omitempty" json:"all,omitempty"`
	Any       []Rule   `yaml:"any,omitempty" json:"any,omitempty"`
	Evidence  string   `yaml:"evidence,omitempty" json:"evidence,omitempty"`   // a list on which the document stands
	MinAge    int      `yaml:"min_age,omitempty" json:"min_age,omitempty"`     // full years
	MaxAge    int      `yaml:"max_age,omitempty" json:"max_age,omitempty"`     // full years
	Districts []string `yaml:"districts,omitempty" json:"districts,omitempty"` // the district given
	Location  bool     `yaml:"location,omitempty" json:"location,omitempty"`   // in the city now; only the yes or no is known
}

// EvidenceKinds are the lists against which a document can be compared (数据比对).
var EvidenceKinds = []string{"hukou", "residence-permit", "social-insurance", "employer-list"}

// Applicant is what the rules look at.
type Applicant struct {
	Age      int // full years, or -1: an old foreign card prints no century, and nobody is refused by a guess
	District string
	Location bool     // the browser said that it is inside the city
	Evidence []string // the lists on which the document stands
}

// Refusals of eligibility. Codes are counted and published, sentences are shown.
var (
	errTooYoung = fault.Field("document", "too-young", "未达到本次活动规定的年龄。", "You are below the age set for this campaign.")
	errTooOld   = fault.Field("document", "too-old", "超过了本次活动规定的年龄。", "You are above the age set for this campaign.")
	errDistrict = fault.Field("district", "district-not-covered", "本次活动不包括您所在的区县。", "This campaign does not cover your district.")
	errLocation = fault.Field("location", "not-in-city", "登记时须位于本市。请允许定位后再试，平台只记录“是”或“否”。",
		"You must be in the city when you register. Allow the location check and try again; only yes or no is kept.")
	errEvidence = fault.Field("document", "no-evidence", "没有查到您的户籍、居住证或社保记录。如记录有误，可凭材料申诉。",
		"No household, residence-permit or social-insurance record was found for you. If that is wrong you may appeal.")
)

// errNameMismatch is the real-name check's no.
var errNameMismatch = fault.Field("name", "name-mismatch", "姓名、证件号码和手机号实名核验不一致。如有误，可凭材料申诉。",
	"Name, document and phone could not be confirmed as one person's. If that is wrong you may appeal.")

// Check gives nil, or the reason why the applicant is not eligible. Of alternatives none of which holds, the last one's
// reason is given.
func (rule Rule) Check(a Applicant) error {
	switch {
	case len(rule.All) > 0:
		for _, part := range rule.All {
			if err := part.Check(a); err != nil {
				return err
			}
		}
		return nil
	case len(rule.Any) > 0:
		var err error
		for _, part := range rule.Any {
			if err = part.Check(a); err == nil {
				return nil
			}
		}
		return err
	}
	return rule.checkLeaf(a)
}

func (rule Rule) checkLeaf(a Applicant) error {
	switch {
	case rule.Evidence != "" && !slices.Contains(a.Evidence, rule.Evidence):
		return errEvidence
	case rule.MinAge > 0 && a.Age >= 0 && a.Age < rule.MinAge:
		return errTooYoung
	case rule.MaxAge > 0 && a.Age > rule.MaxAge:
		return errTooOld
	case len(rule.Districts) > 0 && !slices.Contains(rule.Districts, a.District):
		return errDistrict
	case rule.Location && !a.Location:
		return errLocation
	}
	return nil
}

// needs reports whether any condition of the tree satisfies is.
func (rule Rule) needs(is func(Rule) bool) bool {
	return is(rule) || slices.ContainsFunc(slices.Concat(rule.All, rule.Any), func(r Rule) bool { return r.needs(is) })
}

// NeedsEvidence reports whether the rules look at evidence lists.
func (rule Rule) NeedsEvidence() bool {
	return rule.needs(func(r Rule) bool { return r.Evidence != "" })
}

// NeedsLocation reports whether the rules ask where the applicant is.
func (rule Rule) NeedsLocation() bool { return rule.needs(func(r Rule) bool { return r.Location }) }

// NeedsDistrict reports whether the rules ask for the district.
func (rule Rule) NeedsDistrict() bool {
	return rule.needs(func(r Rule) bool { return len(r.Districts) > 0 })
}

// set counts the fields that are set.
func (rule Rule) set() int {
	n := 0
	for _, is := range []bool{rule.All != nil, rule.Any != nil, rule.Evidence != "", rule.MinAge > 0, rule.MaxAge > 0, rule.Districts != nil, rule.Location} {
		if is {
			n++
		}
	}
	return n
}

func (rb *RuleBook) checkRule(r *reading, path string, rule Rule, root bool) {
	if n := rule.set(); n != 1 && (n != 0 || !root) {
		r.add(path, "每个条件应正好含一项，现有 %d 项", "must hold exactly one condition, not %d", n)
	}
	if rule.All != nil && len(rule.All) == 0 || rule.Any != nil && len(rule.Any) == 0 {
		r.add(path, "条件列表不能为空", "must not be an empty list of conditions")
	}
	if rule.Evidence != "" {
		oneOf(r, path+".evidence", rule.Evidence, EvidenceKinds...)
	}
	for i, name := range rule.Districts {
		rb.checkDistrict(r, fmt.Sprintf("%s.districts[%d]", path, i), name)
	}
	for i, part := range rule.All {
		rb.checkRule(r, fmt.Sprintf("%s.all[%d]", path, i), part, false)
	}
	for i, part := range rule.Any {
		rb.checkRule(r, fmt.Sprintf("%s.any[%d]", path, i), part, false)
	}
}
