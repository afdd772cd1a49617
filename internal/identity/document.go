// Package identity knows what a person's documents, phone and name look like, how they are shown masked, and how they are
// kept: sealed under a key of their campaign, and found again by a keyed index that tells nothing without that key.
package identity

import (
	"regexp"
	"strings"
	"time"

	"golang.org/x/text/width"

	"hongbao/internal/fault"
)

// Kind is a kind of identity document, as it stands in the person tag of draw/v1.
type Kind string

// The kinds.
const (
	Resident Kind = "resident" // 居民身份证 (GB 11643-1999)
	HMT      Kind = "hmt"      // 港澳台居民居住证, the same 18 characters with area 810000, 820000 or 830000
	Foreign  Kind = "foreign"  // 外国人永久居留身份证: 18 characters that begin with 9 since 1 December 2023, 15 before
)

// Document is a valid identity document. Its zero value is none.
type Document struct {
	Kind   Kind
	Number string // upper case
	// Linked is the 15-character number that belongs to a foreign card: the one that a new card prints, or an old card's
	// own. Two documents with the same Linked are one person's.
	Linked string
}

// The reasons why a document is refused.
var (
	ErrDocument = fault.Field("document", "document-number",
		"证件号码有误，请对照证件核对。", "The document number is not valid; please compare it with the document.")
	ErrDocumentKind = fault.Field("document_kind", "document-kind",
		"证件类型与号码不符。", "The number is not one of this kind of document.")
	ErrLinked = fault.Field("document", "document-linked",
		"新版外国人永久居留身份证才可填写旧证号码（3位字母加12位数字）。",
		"Only a new foreign permanent resident card can name an old number (3 letters and 12 digits).")
)

var oldForeignCard = regexp.MustCompile(`^[A-Z]{3}[0-9]{12}$`)

// ParseDocument reads a document number as people type it (full-width digits, spaces, lower-case x). An empty kind is told
// from the number; any other must agree with it. A new foreign card may be followed by a slash and the old number that it
// prints. Errors are ErrDocument, ErrDocumentKind and ErrLinked.
func ParseDocument(kind Kind, number string) (Document, error) {
	number, linked, both := strings.Cut(normal(number), "/")
	found, err := read(number)
	if err != nil {
		return Document{}, err
	}
	if kind != "" && kind != found.Kind {
		return Document{}, ErrDocumentKind
	}
	if both {
		return found.Link(linked)
	}
	return found, nil
}

func normal(number string) string {
	return strings.ToUpper(strings.Join(strings.Fields(width.Narrow.String(number)), ""))
}

func read(number string) (Document, error) {
	if oldForeignCard.MatchString(number) {
		return Document{Kind: Foreign, Number: number, Linked: number}, nil
	}
	if len(number) != 18 || !checked(number) {
		return Document{}, ErrDocument
	}
	found := Document{Kind: kindOf(number), Number: number}
	if found.Kind == "" || found.Birth().IsZero() {
		return Document{}, ErrDocument
	}
	return found, nil
}

// Link gives a new foreign card with the old number that it prints.
func (d Document) Link(old string) (Document, error) {
	old = normal(old)
	if d.Kind != Foreign || len(d.Number) != 18 || !oldForeignCard.MatchString(old) {
		return Document{}, ErrLinked
	}
	d.Linked = old
	return d, nil
}

// Birth is the date of birth at 00:00 UTC. It is zero for a 15-character foreign card, which prints no century.
func (d Document) Birth() time.Time {
	if len(d.Number) != 18 {
		return time.Time{}
	}
	birth, err := time.Parse("20060102", d.Number[6:14])
	if err != nil || birth.Year() < 1800 {
		return time.Time{}
	}
	return birth
}

// Age is the number of birthdays up to the calendar day of at, in at's own location; -1 where Birth is unknown.
func (d Document) Age(at time.Time) int {
	birth := d.Birth()
	if birth.IsZero() {
		return -1
	}
	years := at.Year() - birth.Year()
	if at.Month() < birth.Month() || at.Month() == birth.Month() && at.Day() < birth.Day() {
		years--
	}
	return years
}

// kindOf tells the kind of an 18-character number by its area code (GB/T 2260) or "" when there is no such area.
func kindOf(number string) Kind {
	switch area := number[:6]; {
	case area == "810000" || area == "820000" || area == "830000":
		return HMT
	case number[0] == '9':
		return Foreign
	case strings.Contains(" 11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 ",
		" "+number[:2]+" "):
		return Resident
	}
	return ""
}

var weights = [17]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}

// checked verifies the check character of an 18-character number: MOD 11-2 of GB 11643 and ISO 7064.
func checked(number string) bool {
	sum := 0
	for i, weight := range weights {
		if number[i] < '0' || number[i] > '9' {
			return false
		}
		sum += int(number[i]-'0') * weight
	}
	return number[17] == "10X98765432"[sum%11]
}
