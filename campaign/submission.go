package campaign

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/identity"
)

// Submission is what a person hands in. The tagged fields are the body of the API; the others come with it.
type Submission struct {
	Name         string   `json:"name"`
	DocumentKind string   `json:"document_kind" api:"optional"` // resident when empty
	Document     string   `json:"document"`                     // a new foreign card may be followed by / and its older number
	Phone        string   `json:"phone"`
	SMSCode      string   `json:"sms_code" api:"optional"`
	Operator     string   `json:"operator"`
	District     string   `json:"district" api:"optional"`
	Location     *bool    `json:"location" api:"optional"` // the browser's answer: inside the city or not
	Tier         string   `json:"tier" api:"optional"`     // where people choose one
	Consents     []string `json:"consents"`                // as in "registration@1", or "registration" for the present text
	CodeWord     string   `json:"code_word,omitempty"`     // every official message to the person repeats it
	Device       string   `json:"device" api:"optional"`   // a random id of the browser
	Challenge    string   `json:"challenge" api:"optional"`
	Solution     string   `json:"solution" api:"optional"`

	Campaign       string `json:"-"` // slug
	IdempotencyKey string `json:"-"` // "": the body is its own key
	Network        string `json:"-"` // the caller's address
	Desk           string `json:"-"` // the member of staff who registers the person at a branch, or ""
}

// DocumentKinds are the kinds of document that a rule book may admit.
var DocumentKinds = []string{string(identity.Resident), string(identity.HMT), string(identity.Foreign)}

// The reasons why a field is refused.
var (
	errName         = fault.Field("name", "name", "请填写证件上的姓名（1 到 60 个字）。", "Please give the name on your document (1 to 60 characters).")
	errKind         = fault.Field("document_kind", "document-kind-not-admitted", "本次活动不受理这种证件。", "This campaign does not take this kind of document.")
	errOperator     = fault.Field("operator", "operator", "请选择一家运营机构。", "Please choose one of the operators.")
	errNoDistrict   = fault.Field("district", "district", "请选择您所在的区县。", "Please choose your district.")
	errTier         = fault.Field("tier", "tier", "请选择一个档次。", "Please choose a tier.")
	errConsents     = fault.Field("consents", "consents", "需要您同意各项必需的说明后才能登记。", "You need to agree to each of the required statements.")
	errCodeWord     = fault.Field("code_word", "code-word", "暗语为 2 到 12 个汉字、字母或数字，至少含一个字。", "A code word has 2 to 12 letters or digits, at least one of them a letter.")
	errDevice       = fault.Field("device", "device", "设备标识应为不超过 64 个的可见字符。", "The device id has at most 64 visible characters.")
	errSMSCode      = fault.Field("sms_code", "sms-code", "短信验证码不正确或已过期，请重新获取。", "The SMS code is wrong or has expired; please ask for a new one.")
	errKey          = fault.Field("Idempotency-Key", "idempotency-key-form", "幂等键应为 8 到 64 个可见字符。", "The idempotency key must have 8 to 64 visible characters.")
	errOtherBody    = fault.New(fault.Conflict, "idempotency-key", "同一幂等键不能提交不同内容。", "The same idempotency key came with another body.")
	errAlready      = fault.New(fault.Conflict, "already-registered", "该证件或手机号已登记。每人只能登记一次，先后不影响中签机会。", "This document or phone is registered. One person registers once; being early gives no advantage.")
	errBusy         = fault.New(fault.Unavailable, "busy", "登记的人较多，请稍后重试。登记不分先后，不必着急。", "Many people are registering. Please try again shortly; it is not first come, first served.")
	errTooManyCodes = fault.New(fault.TooMany, "too-many-attempts", "尝试次数过多，请稍后再试。", "Too many attempts; please try again later.")

	errRegistrationNotOpen = fault.New(fault.Forbidden, "not-open", "登记尚未开始。", "Registration has not opened yet.")
	errRegistrationClosed  = fault.New(fault.Gone, "closed", "登记已经截止。", "Registration is closed.")
	errCampaignCancelled   = fault.New(fault.Gone, "cancelled", "活动已取消。", "The campaign was cancelled.")
)

// application is a submission that is well formed, on its way into the list.
type application struct {
	live     *Live
	document identity.Document
	facts    Applicant
	desk     string // the member of staff at whose desk it was made, or ""
	row      *registrationRow
	person   Person  // as it was typed
	name     Verdict // of the real-name check, "" while nobody has answered
	unasked  bool    // the evidence register did not answer
	tried    bool    // wrong SMS codes of its phone are counted
}

// particulars is the sealed part of a registration.
type particulars struct {
	Name     string        `json:"name"`
	Kind     identity.Kind `json:"kind"`
	Document string        `json:"document"`
	Phone    string        `json:"phone"`
	CodeWord string        `json:"code_word,omitempty"`
}

// apply checks every field and seals what identifies the person. The error joins the faults of all fields.
func (s *Service) apply(live *Live, vault *identity.Vault, sub Submission) (*application, error) {
	name := strings.Join(strings.Fields(sub.Name), " ")
	document, documentErr := identity.ParseDocument(identity.Kind(sub.DocumentKind), numeral(sub.Document))
	phone, phoneErr := identity.ParsePhone(numeral(sub.Phone))
	agreed, consentErr := live.agreed(sub.Consents)
	err := errors.Join(unless(isName(name), errName), documentErr, live.checkKind(document, documentErr), phoneErr,
		live.checkChoices(sub), consentErr, checkKeys(sub))
	if err != nil {
		return nil, err
	}
	a := &application{live: live, document: document, desk: sub.Desk, facts: Applicant{
		Age: document.Age(s.Now().In(Shanghai)), District: sub.District, Location: sub.Location != nil && *sub.Location}}
	if !slices.ContainsFunc(agreed, isRisk) {
		sub.Device, sub.Network = "", ""
	}
	if a.row, err = s.draft(live, vault, sub, particulars{name, document.Kind, document.Number, phone, sub.CodeWord}, document.Linked); err != nil {
		return nil, err
	}
	a.person = Person{name, document, phone}
	a.row.Consents = strings.Join(agreed, " ")
	return a, nil
}

// Check says what is wrong with a submission as far as can be told without its SMS code and without storing anything.
func (s *Service) Check(ctx context.Context, sub Submission) error {
	live, err := s.Live(ctx, sub.Campaign)
	if err != nil {
		return err
	}
	vault, err := s.Keys.VaultFor(ctx, live.ID)
	if err != nil {
		return err
	}
	_, err = s.apply(live, vault, sub)
	return errors.Join(live.accepts(s.Now()), err)
}

// draft is the row without what only the group knows: the person tag and the entry.
func (s *Service) draft(live *Live, vault *identity.Vault, sub Submission, p particulars, linked string) (*registrationRow, error) {
	plain, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	now := database.At(s.Now())
	row := &registrationRow{CampaignID: live.ID, Pool: live.Book.PoolOf(sub.District, sub.Tier), District: sub.District, Operator: sub.Operator,
		TierChoice: sub.Tier, Status: Confirmed, Source: "online", RegisteredAt: now, ChangedAt: now}
	if _, err := io.ReadFull(s.Random, row.Salt[:]); err != nil {
		return nil, fmt.Errorf("drawing a salt: %w", err)
	}
	row.Sealed = vault.Seal(plain, row.Salt[:])
	row.DocumentIndex = documentIndex(vault, p.Kind, p.Document)
	row.PhoneIndex = index(vault, "phone", p.Phone)
	row.LinkedIndex = optionalIndex(vault, "linked", linked)
	row.DeviceHash = optionalIndex(vault, "device", sub.Device)
	row.NetworkHash = optionalIndex(vault, "network", networkBlock(sub.Network))
	row.BodyHash, row.IdempotencyKey = bodyHash(vault, sub), idempotencyKey(vault, sub)
	if live.Book.Confirmation == TwoStep {
		row.Status = Registered
	}
	if sub.Desk != "" {
		row.Source = "desk"
	}
	return row, nil
}

func index(vault *identity.Vault, kind, value string) *database.Bytes32 {
	b := database.Bytes32(vault.Index(kind, value))
	return &b
}

func optionalIndex(vault *identity.Vault, kind, value string) *database.Bytes32 {
	if value == "" {
		return nil
	}
	return index(vault, kind, value)
}

func documentIndex(vault *identity.Vault, kind identity.Kind, number string) *database.Bytes32 {
	return index(vault, "document", string(kind)+" "+number)
}

// bodyHash is keyed, since a plain hash of a body would betray who is in it.
func bodyHash(vault *identity.Vault, sub Submission) database.Bytes32 {
	sub.Challenge, sub.Solution = "", "" // a repetition may bring another
	body, err := json.Marshal(sub)
	if err != nil {
		panic("campaign: a submission that cannot be written: " + err.Error())
	}
	digest := sha256.Sum256(body)
	return *index(vault, "body", string(digest[:]))
}

func idempotencyKey(vault *identity.Vault, sub Submission) *database.Bytes32 {
	if sub.IdempotencyKey == "" {
		body := bodyHash(vault, sub)
		return index(vault, "idempotency", string(body[:]))
	}
	return index(vault, "idempotency", "key "+sub.IdempotencyKey)
}

// numeral gives a document or phone as it was typed, or "", which is none, for a text that is too long to be one.
func numeral(text string) string {
	if len(text) > 200 {
		return ""
	}
	return text
}

// clip keeps a hostile text from costing more than a look: no document or phone is longer.
func clip(text string) string { return text[:min(len(text), 200)] }

// isName: letters of any script with the marks that names have.
func isName(name string) bool {
	return shortText(name, 1, 60) && !strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !strings.ContainsRune(" ·•.'’-", r)
	}) && strings.ContainsFunc(name, unicode.IsLetter) && utf8.ValidString(name)
}

func (l *Live) checkKind(document identity.Document, err error) error {
	return unless(err != nil || slices.Contains(l.Book.Documents, string(document.Kind)), errKind)
}

func (l *Live) checkChoices(sub Submission) error {
	_, operator := l.Book.Operator(sub.Operator)
	_, district := l.Book.District(sub.District)
	_, tier := l.Book.Tier(sub.Tier)
	byTier := l.Book.Pools.By == ByTier
	return errors.Join(unless(operator, errOperator),
		unless(district || sub.District == "" && !l.NeedsDistrict(), errNoDistrict),
		unless(byTier && tier || !byTier && sub.Tier == "", errTier))
}

// NeedsDistrict reports whether a district must be given.
func (l *Live) NeedsDistrict() bool {
	return l.Book.Pools.By == ByDistrict || l.Book.Eligibility.NeedsDistrict()
}

func checkKeys(sub Submission) error {
	return errors.Join(
		unless(sub.IdempotencyKey == "" || visible(sub.IdempotencyKey) && len(sub.IdempotencyKey) >= 8, errKey),
		unless(visible(sub.Device), errDevice),
		unless(sub.SMSCode == "" || smsCodeForm.MatchString(sub.SMSCode), errSMSCode),
		unless(sub.CodeWord == "" || isCodeWord(sub.CodeWord), errCodeWord))
}

var smsCodeForm = regexp.MustCompile(`^[0-9]{6}$`)

// visible: at most 64 characters of ASCII that can be seen.
func visible(text string) bool {
	return len(text) <= 64 && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// isCodeWord: without signs, so that no code word looks like a link.
func isCodeWord(word string) bool {
	return shortText(word, 2, 12) && utf8.ValidString(word) && strings.ContainsFunc(word, unicode.IsLetter) &&
		!strings.ContainsFunc(word, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}
