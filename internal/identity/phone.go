package identity

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/width"

	"hongbao/internal/fault"
)

// ErrPhone says that a text is not a mobile number of the mainland.
var ErrPhone = fault.Field("phone", "phone-number",
	"手机号码有误，请填写11位中国内地手机号。", "Please give a mainland China mobile number of 11 digits.")

var separators = strings.NewReplacer("-", "", " ", "")

var mobile = regexp.MustCompile(`^1[3-9][0-9]{9}$`)

// ParsePhone reads a mainland mobile number as people type it (+86, spaces, hyphens, full-width digits) and gives its 11
// digits. The error is ErrPhone.
func ParsePhone(text string) (string, error) {
	digits := separators.Replace(width.Narrow.String(strings.TrimSpace(text)))
	if rest, ok := strings.CutPrefix(digits, "+86"); ok {
		digits = rest
	} else if rest, ok := strings.CutPrefix(digits, "0086"); ok {
		digits = rest
	}
	if !mobile.MatchString(digits) {
		return "", ErrPhone
	}
	return digits, nil
}

// VirtualOperator reports whether an 11-digit number was issued by a virtual operator (162, 165, 167, 170, 171), which
// screening weighs. A number keeps its prefix when its holder changes operator, so this is a hint.
func VirtualOperator(phone string) bool {
	return len(phone) == 11 && slices.Contains([]string{"162", "165", "167", "170", "171"}, phone[:3])
}
