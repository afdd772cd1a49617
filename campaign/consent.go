package campaign

import (
	"slices"
	"strings"
)

// Consent is a statement that a person agrees to before anything is kept, one for each purpose. A new text is a new
// version; what is stored with a registration is "purpose@version", by which the text that the person read is found again.
type Consent struct {
	Purpose  string `json:"purpose"`
	Version  string `json:"version"`
	Text     Text   `json:"text"`
	Required bool   `json:"required"`
}

// ID is "purpose@version".
func (c Consent) ID() string { return c.Purpose + "@" + c.Version }

// consents are all texts that were ever in force, of each purpose the oldest first; the last is in force. A text that somebody
// may have read never changes and is never left out: a test holds each against its digest.
var consents = []Consent{
	{"registration", "1", Text{"同意为登记、资格核对和抽签处理我的姓名、证件号码和手机号。信息加密保存，活动结束后按期销毁。",
		"I agree that my name, document number and phone are processed for registration, the eligibility check and the draw. They are kept sealed and destroyed on schedule after the campaign."}, true},
	{"operator", "1", Text{"同意中签后将我的手机号提供给我选择的运营机构，用于发放红包；未中签不提供。",
		"I agree that, if I win, my phone is given to the operator I choose in order to credit the envelope; otherwise it is not given."}, true},
	{"risk", "1", Text{"同意用设备标识和网络地址的摘要识别批量登记。任何排除都说明理由，并可申诉。",
		"I agree that digests of the device id and network address are used to find mass registration. Every exclusion gives a reason and may be appealed."}, true},
	{"risk", "2", Text{"（可选）同意用设备标识和网段的加密摘要识别批量登记。任何排除都由两人核定、说明理由，并可申诉。不同意不影响中签机会，只是网上提交时的防脚本验证会久一些；也可到网点登记。",
		"(Optional) I agree that keyed digests of the device id and network block are used to find mass registration. Every exclusion is decided by two people, gives a reason and may be appealed. Without it your chance is the same; the check against scripts takes longer, or you register at a branch."}, false},
	{"risk", "3", Text{"（可选）同意用设备标识和网段的加密摘要识别批量登记。由此排除的，都由两人核定、说明理由，并可申诉。不同意不影响中签机会，只是网上提交时的防脚本验证会久一些；也可到网点登记。",
		"(Optional) I agree that keyed digests of the device id and network block are used to find mass registration. Every exclusion that follows from it is decided by two people, gives a reason and may be appealed. Without it your chance is the same; the check against scripts takes longer, or you register at a branch."}, false},
	{"location", "1", Text{"同意核对我此刻是否在本市。平台只记录“是”或“否”，不保存位置。",
		"I agree to the check whether I am in the city now. Only yes or no is kept, never the place."}, false},
}

// inForce are the texts that people are asked to agree to now.
var inForce = lastOfEach(consents)

func lastOfEach(all []Consent) (list []Consent) {
	for i, c := range all {
		if !slices.ContainsFunc(all[i+1:], func(later Consent) bool { return later.Purpose == c.Purpose }) {
			list = append(list, c)
		}
	}
	return list
}

// Consents are the statements of a campaign: that on location only where its rules ask for it, that on risk only where it has
// risk rules.
func (l *Live) Consents() []Consent {
	var list []Consent
	for _, consent := range inForce {
		if consent.Purpose == "location" && !l.Book.Eligibility.NeedsLocation() || consent.Purpose == "risk" && !l.Book.Risk.Set() {
			continue
		}
		list = append(list, l.here(consent))
	}
	return list
}

// here is a statement as this campaign asks for it: that on location is required where the rules need it.
func (l *Live) here(c Consent) Consent {
	c.Required = c.Required || c.Purpose == "location" && l.Book.Eligibility.NeedsLocation()
	return c
}

// consented gives what a person agreed to, in the words of the version that was stored.
func (l *Live) consented(stored string) []Consent {
	list := []Consent{}
	for _, id := range strings.Fields(stored) {
		if i := slices.IndexFunc(consents, func(c Consent) bool { return c.ID() == id }); i >= 0 {
			list = append(list, l.here(consents[i]))
		}
	}
	return list
}

// agreed gives what is stored of the statements that a person agreed to: those that this campaign asks for, with their
// version. A purpose without a version means the present one. It is an error if a required statement is missing, or one
// is named that no campaign has.
func (l *Live) agreed(given []string) ([]string, error) {
	if len(given) > 2*len(inForce) {
		return nil, errConsents
	}
	for _, one := range given {
		if !slices.ContainsFunc(inForce, func(c Consent) bool { return c.is(one) }) {
			return nil, errConsents
		}
	}
	var stored []string
	for _, consent := range l.Consents() {
		switch {
		case slices.ContainsFunc(given, consent.is):
			stored = append(stored, consent.ID())
		case consent.Required:
			return nil, errConsents
		}
	}
	return stored, nil
}

// isRisk reports whether a stored consent is that to risk control.
func isRisk(consent string) bool { return strings.HasPrefix(consent, "risk@") }

func (c Consent) is(given string) bool { return given == c.Purpose || given == c.ID() }
