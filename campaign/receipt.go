package campaign

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"hongbao/internal/database"
	"hongbao/internal/identity"
	"hongbao/lottery/draw"
)

// Receipt is what a person keeps: the signed note shows that the entry was taken in, and lets anyone recompute it.
type Receipt struct {
	ID               int64
	CampaignID       int64
	Entry            draw.Digest
	Pool             string
	Operator         string
	Status           string
	Reason           string
	RegisteredAt     time.Time
	ChangedAt        time.Time // of the status
	Note             string    // the signed note of draw/v1
	ConfirmationCode string    // "" while a two-step registration waits for the code that went out by SMS, and without the campaign's key
}

func (s *Service) receipt(live *Live, vault *identity.Vault, row *registrationRow) (Receipt, error) {
	r := Receipt{ID: row.ID, CampaignID: row.CampaignID, Entry: draw.Digest(row.Entry), Pool: row.Pool, Operator: row.Operator,
		Status: row.Status, Reason: row.Reason, RegisteredAt: row.RegisteredAt.Time(), ChangedAt: row.ChangedAt.Time()}
	if row.Person == nil {
		return r, nil
	}
	signer, err := s.Receipts(live.City)
	if err != nil {
		return r, fmt.Errorf("the key that signs receipts of %s: %w", live.City, err)
	}
	text, err := draw.Receipt{ID: live.Slug, Pool: row.Pool, Salt: draw.Digest(row.Salt), Person: draw.Digest(*row.Person)}.Sign(signer)
	if err != nil {
		return r, fmt.Errorf("signing a receipt: %w", err)
	}
	r.Note = string(text)
	if row.Status != Registered && vault != nil {
		r.ConfirmationCode = confirmationCode(vault, row.Entry)
	}
	return r, nil
}

// Mine gives the registration behind a citizen's token.
func (s *Service) Mine(ctx context.Context, registrationID int64) (Receipt, error) {
	live, vault, row, err := s.opened(ctx, registrationID)
	if err != nil {
		return Receipt{}, err
	}
	return s.receipt(live, vault, row)
}

// MyData is all that is kept about a person in a campaign, for the person.
type MyData struct {
	Campaign     string            `json:"campaign"`
	Deleted      bool              `json:"deleted,omitempty"` // name, document and phone are gone
	Name         string            `json:"name,omitempty"`
	DocumentKind string            `json:"document_kind,omitempty"`
	Document     string            `json:"document,omitempty"`
	Linked       bool              `json:"linked_document,omitempty"` // an older number of the same person is known by its keyed index
	Phone        string            `json:"phone,omitempty"`
	CodeWord     string            `json:"code_word,omitempty"`
	District     string            `json:"district,omitempty"`
	Pool         string            `json:"pool"`
	Operator     string            `json:"operator"`
	Tier         string            `json:"tier,omitempty"`
	Consents     []Consent         `json:"consents"` // in the words that the person read
	Status       string            `json:"status"`
	Reason       string            `json:"reason,omitempty"`
	Source       string            `json:"source"`
	Entry        string            `json:"entry"`
	Salt         string            `json:"salt"`
	Person       string            `json:"person,omitempty"`
	Device       string            `json:"device_digest,omitempty"`  // keyed, as is the next
	Network      string            `json:"network_digest,omitempty"` // of the address that the registration came from
	Evidence     []string          `json:"evidence"`                 // the imported lists on which the document stands
	Messages     []OfficialMessage `json:"messages"`
	Appeals      []MyStatement     `json:"appeals"`
	RegisteredAt time.Time         `json:"registered_at"`
	ChangedAt    time.Time         `json:"changed_at"`
	More         any               `json:"more,omitempty"` // result, envelope and payments
}

// MyStatement is an appeal with what the person wrote.
type MyStatement struct {
	MyAppeal
	Statement string `json:"statement,omitempty"`
}

// myStatements are a person's appeals in full.
func (s *Service) myStatements(ctx context.Context, live *Live, vault *identity.Vault, row *registrationRow) ([]MyStatement, error) {
	appeals, err := appealsOf(s.DB.Read(ctx), row.ID)
	if err != nil {
		return nil, fmt.Errorf("reading appeals: %w", err)
	}
	list := make([]MyStatement, len(appeals))
	for i, appeal := range appeals {
		list[i].MyAppeal = appeal.mine(live.FrozenAt != 0)
		if list[i].Statement, err = appeal.statement(vault, row); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// MyData gives the person's own data. What was deleted is not there, and it says so.
func (s *Service) MyData(ctx context.Context, registrationID int64) (MyData, error) {
	live, vault, row, err := s.opened(ctx, registrationID)
	if err != nil {
		return MyData{}, err
	}
	data := MyData{Campaign: live.Slug, District: row.District, Pool: row.Pool, Operator: row.Operator, Tier: row.TierChoice, Consents: live.consented(row.Consents),
		Status: row.Status, Reason: row.Reason, Source: row.Source, Entry: hex.EncodeToString(row.Entry[:]), Salt: hex.EncodeToString(row.Salt[:]), Person: hexOf(row.Person),
		Device: hexOf(row.DeviceHash), Network: hexOf(row.NetworkHash), Evidence: []string{}, Linked: row.LinkedIndex != nil, RegisteredAt: row.RegisteredAt.Time(), ChangedAt: row.ChangedAt.Time()}
	if err := s.addContact(&data, vault, row); err != nil {
		return MyData{}, err
	}
	if data.Messages, err = s.officialMessages(ctx, vault, row.ID); err != nil {
		return MyData{}, err
	}
	if data.Appeals, err = s.myStatements(ctx, live, vault, row); err != nil {
		return MyData{}, err
	}
	if row.DocumentIndex != nil {
		kinds, err := evidenceKinds(s.DB.Read(ctx), row.CampaignID, []database.Bytes32{*row.DocumentIndex})
		if err != nil {
			return MyData{}, err
		}
		data.Evidence = append(data.Evidence, kinds[*row.DocumentIndex]...)
	}
	if s.Dossier != nil {
		data.More, err = s.Dossier(ctx, row.CampaignID, row.ID)
	}
	return data, err
}

// addContact adds what is sealed, or says that it is gone.
func (s *Service) addContact(data *MyData, vault *identity.Vault, row *registrationRow) error {
	contact, err := unseal(vault, row)
	if errors.Is(err, errForgotten) || errors.Is(err, identity.ErrDestroyed) {
		data.Deleted = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("opening registration %d: %w", row.ID, err)
	}
	data.Name, data.Phone, data.CodeWord = contact.Name, contact.Phone, contact.CodeWord
	data.DocumentKind, data.Document = string(contact.Document.Kind), contact.Document.Number
	return nil
}

func hexOf(b *database.Bytes32) string {
	if b == nil {
		return ""
	}
	return hex.EncodeToString(b[:])
}

// registered gives a registration with its campaign.
func (s *Service) registered(ctx context.Context, registrationID int64) (*Live, *registrationRow, error) {
	row, err := registrationWhere(s.DB.Read(ctx), "id = ?", registrationID)
	if err != nil {
		return nil, nil, err
	}
	live, err := s.live(ctx, row.CampaignID)
	return live, row, err
}

// opened gives a registration with its campaign and vault, which is nil once the campaign's key was destroyed.
func (s *Service) opened(ctx context.Context, registrationID int64) (*Live, *identity.Vault, *registrationRow, error) {
	live, row, err := s.registered(ctx, registrationID)
	if err != nil {
		return nil, nil, nil, err
	}
	vault, err := s.Keys.VaultFor(ctx, row.CampaignID)
	if errors.Is(err, identity.ErrDestroyed) {
		return live, nil, row, nil
	}
	return live, vault, row, err
}

// codeAlphabet leaves out what is mistaken for something else: 0 and O, 1 and I.
const codeAlphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"

// confirmationCode belongs to one entry under the campaign's key, so it need not be stored: eight characters, 40 bits.
func confirmationCode(vault *identity.Vault, entry database.Bytes32) string {
	digest := vault.Index("confirmation", string(entry[:]))
	var code [9]byte
	for i := range code {
		code[i] = codeAlphabet[digest[i]%32]
	}
	code[4] = '-'
	return string(code[:])
}

var codeSeparators = strings.NewReplacer("-", "", " ", "")

// sameCode compares a code as people type it.
func sameCode(code, typed string) bool {
	typed = strings.ToUpper(codeSeparators.Replace(clip(typed)))
	return subtle.ConstantTimeCompare([]byte(strings.ReplaceAll(code, "-", "")), []byte(typed)) == 1
}
