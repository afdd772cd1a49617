package campaign

import (
	"context"
	"crypto/subtle"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/text/width"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/identity"
)

// What asking about a message comes to.
const (
	MessageGenuine = "genuine" // sent by the platform, word for word
	MessageNumber  = "number"  // a message with this number was sent; its words are to be compared
	MessageAltered = "altered" // the number is genuine, the words are not
	MessageUnknown = "unknown" // the platform has sent no such message
	MessageCode    = "code"    // has the form of a code that people ask for themselves, which is not kept
	MessageErased  = "erased"  // of a campaign whose key is destroyed: nothing is sent any more
)

// Checked says whether a message is genuine. Campaign, Body and SentAt are of the genuine message; codes and the code word
// are left out of its body.
type Checked struct {
	Outcome  string          `json:"outcome"`
	Campaign string          `json:"campaign,omitempty"` // slug
	Name     Text            `json:"name"`
	Body     string          `json:"body,omitempty"`
	SentAt   database.Millis `json:"sent_at,omitempty"`
}

var (
	errMessageText = fault.Field("text", "message-text", "请粘贴短信全文，或输入短信里的编号（最多 500 字）。", "Please paste the whole message, or type its number (at most 500 characters).")

	numberPattern = regexp.MustCompile(`([0-9]{1,18})-([A-Z0-9]{6})`)
	codeForm      = regexp.MustCompile(`登记验证码[0-9]{6}`)
)

// messageNumber is the number under which a message can be asked about: its id and six characters (30 bits) that only the
// campaign's key makes.
func messageNumber(vault *identity.Vault, id int64) string {
	digest := vault.Index("message", strconv.FormatInt(id, 10))
	var check [6]byte
	for i := range check {
		check[i] = codeAlphabet[digest[i]%32]
	}
	return fmt.Sprintf("%d-%s", id, check[:])
}

// CheckMessage tells whether a message was really sent by the platform, by its number, or by its whole text with the number
// in it. It says nothing about the person it was sent to.
func (s *Service) CheckMessage(ctx context.Context, text string) (Checked, error) {
	if text = squeezed(text); !shortText(text, 1, 500) {
		return Checked{}, errMessageText
	}
	found := numberPattern.FindStringSubmatch(strings.ToUpper(text))
	if found == nil {
		if codeForm.MatchString(text) {
			return Checked{Outcome: MessageCode}, nil
		}
		return Checked{Outcome: MessageUnknown}, nil
	}
	id, err := strconv.ParseInt(found[1], 10, 64)
	if err != nil {
		return Checked{Outcome: MessageUnknown}, nil
	}
	m, err := messageByID(s.DB.Read(ctx), id)
	if err != nil {
		return Checked{}, fmt.Errorf("reading a message: %w", err)
	}
	if m == nil || m.Status != messageSent && m.Attempts == 0 { // an attempt of unknown outcome may have arrived
		return Checked{Outcome: MessageUnknown}, nil
	}
	return s.compare(ctx, *m, found[0], text)
}

// compare holds what somebody has received against what was sent.
func (s *Service) compare(ctx context.Context, m messageRow, number, text string) (Checked, error) {
	live, vault, row, err := s.opened(ctx, m.RegistrationID)
	if err != nil {
		return Checked{}, err
	}
	if vault == nil {
		return Checked{Outcome: MessageErased, Campaign: live.Slug, Name: live.Book.Name}, nil
	}
	if subtle.ConstantTimeCompare([]byte(messageNumber(vault, m.ID)), []byte(number)) == 0 {
		return Checked{Outcome: MessageUnknown}, nil
	}
	checked := Checked{Outcome: MessageAltered, Campaign: live.Slug, Name: live.Book.Name, Body: m.Body, SentAt: m.SentAt}
	if rest := strings.TrimPrefix(strings.TrimRight(text, "。."), "编号"); strings.EqualFold(rest, number) {
		checked.Outcome = MessageNumber
		return checked, nil
	}
	codeWord := ""
	if contact, err := unseal(vault, row); err == nil { // of who is gone nobody knows the code word
		codeWord = contact.CodeWord
	}
	if text == squeezed(live.official(m, vault, row.Entry, codeWord)) {
		checked.Outcome = MessageGenuine
	}
	return checked, nil
}

// squeezed drops what copying a message adds or changes: blanks, line ends, full-width digits and letters.
func squeezed(text string) string {
	return strings.Join(strings.Fields(width.Fold.String(text)), "")
}
