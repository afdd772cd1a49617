package campaign

import (
	"context"
	"encoding/json"
	"fmt"

	"gorm.io/gorm"

	"hongbao/internal/audit"
	"hongbao/internal/identity"
)

// Contact is who a registration belongs to. It leaves the service only towards the operator that the person chose.
type Contact struct {
	RegistrationID int64
	Operator       string
	Name           string
	Phone          string
	Document       identity.Document
	CodeWord       string // "" where none was chosen
}

// Contact opens one registration's identity; see Contacts.
func (s *Service) Contact(ctx context.Context, actor string, registrationID int64) (Contact, error) {
	list, err := s.Contacts(ctx, actor, []int64{registrationID})
	if err != nil {
		return Contact{}, err
	}
	if len(list) == 0 {
		return Contact{}, errNoRegistration
	}
	return list[0], nil
}

// Contacts opens the identities of registrations of one campaign, in order of id; those whose identity was deleted are left
// out. Who asked, and for whom, is on the record before anything is given.
func (s *Service) Contacts(ctx context.Context, actor string, ids []int64) ([]Contact, error) {
	var rows []*registrationRow
	if err := s.DB.Read(ctx).Table("registrations").Where("id IN ? AND LENGTH(sealed) > 0", ids).Order("id").Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading registrations: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	c, err := s.Get(ctx, rows[0].CampaignID)
	if err != nil {
		return nil, err
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		return audit.Record(tx, audit.Entry{At: s.Now(), Actor: actor, Action: "registration.contact", Campaign: c.Slug,
			Subject: fmt.Sprintf("%d registrations from %d", len(rows), rows[0].ID), Detail: shown(rows)})
	})
	if err != nil {
		return nil, err
	}
	return s.openAll(ctx, c.ID, rows)
}

func (s *Service) openAll(ctx context.Context, campaignID int64, rows []*registrationRow) ([]Contact, error) {
	vault, err := s.Keys.VaultFor(ctx, campaignID)
	if err != nil {
		return nil, err
	}
	list := make([]Contact, 0, len(rows))
	for _, row := range rows {
		contact, err := unseal(vault, row)
		if err != nil {
			return nil, fmt.Errorf("opening registration %d: %w", row.ID, err)
		}
		list = append(list, contact)
	}
	return list, nil
}

// unseal opens a registration's identity. A vault of nil is that of a campaign whose key was destroyed.
func unseal(vault *identity.Vault, row *registrationRow) (Contact, error) {
	switch {
	case len(row.Sealed) == 0:
		return Contact{}, errForgotten
	case vault == nil:
		return Contact{}, identity.ErrDestroyed
	}
	plain, err := vault.Open(row.Sealed, row.Salt[:])
	if err != nil {
		return Contact{}, err
	}
	var p particulars
	if err := json.Unmarshal(plain, &p); err != nil {
		return Contact{}, err
	}
	return Contact{row.ID, row.Operator, p.Name, p.Phone, identity.Document{Kind: p.Kind, Number: p.Document}, p.CodeWord}, nil
}
