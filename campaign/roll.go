package campaign

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"hongbao/internal/audit"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/identity"
)

// RollFilter narrows a campaign's list of registrations; an empty field does not. Phone and Document are whole numbers:
// they are looked up by their keyed index, so that nobody can search by a part.
type RollFilter struct {
	Status, Operator, District, Pool, Source string
	Phone, Document                          string
	Before                                   int64 // id before which the page begins; 0 begins with the newest
	Limit                                    int   // 50 if 0, 200 at most
}

// Masked is a registration as staff see it. Name, document and phone are masked, and "" once the person has withdrawn or the
// campaign's key was destroyed.
type Masked struct {
	ID                                               int64
	Entry                                            database.Bytes32
	Name, Document, Phone                            string
	Pool, District, Operator, Status, Reason, Source string
	RegisteredAt                                     database.Millis
}

// Roll lists a campaign's registrations, newest first. Who looked, and at whom, is on the record before anything is given.
func (s *Service) Roll(ctx context.Context, actor string, campaignID int64, filter RollFilter) ([]Masked, error) {
	c, err := s.Get(ctx, campaignID)
	if err != nil {
		return nil, err
	}
	vault, err := s.Keys.VaultFor(ctx, c.ID)
	if err != nil && fault.KindOf(err) != fault.Gone {
		return nil, err
	}
	rows, err := s.rollRows(ctx, c.ID, vault, filter)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return s.maskedRows(ctx, c, audit.Entry{Actor: actor, Action: "registration.roll", Subject: fmt.Sprintf("%d registrations from %d", len(rows), rows[0].ID)}, rows)
}

// shown is what the record keeps of a look: which registrations somebody saw, so that they can be told if it was a misuse.
func shown(rows []*registrationRow) map[string]any {
	ids := make([]int64, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	return map[string]any{"count": len(ids), "shown": audit.Ranges(ids)}
}

// maskedRows opens rows of a campaign for staff. The look, with who is shown, is on the record before anything is given.
func (s *Service) maskedRows(ctx context.Context, c Campaign, look audit.Entry, rows []*registrationRow) ([]Masked, error) {
	vault, err := s.Keys.VaultFor(ctx, c.ID)
	if err != nil && fault.KindOf(err) != fault.Gone {
		return nil, err
	}
	look.At, look.Campaign, look.Detail = s.Now(), c.Slug, shown(rows)
	if err := s.DB.InTx(ctx, func(tx *gorm.DB) error { return audit.Record(tx, look) }); err != nil {
		return nil, err
	}
	list := make([]Masked, len(rows))
	for i, row := range rows {
		if list[i], err = masked(vault, row); err != nil {
			return nil, fmt.Errorf("opening registration %d: %w", row.ID, err)
		}
	}
	return list, nil
}

// masked opens a row just far enough for a page. Without a vault, the campaign's key being destroyed, nothing is opened.
func masked(vault *identity.Vault, row *registrationRow) (Masked, error) {
	m := Masked{ID: row.ID, Entry: row.Entry, Pool: row.Pool, District: row.District, Operator: row.Operator, Status: row.Status,
		Reason: row.Reason, Source: row.Source, RegisteredAt: row.RegisteredAt}
	if vault == nil || len(row.Sealed) == 0 {
		return m, nil
	}
	contact, err := unseal(vault, row)
	if err != nil {
		return m, err
	}
	m.Name, m.Document, m.Phone = identity.MaskName(contact.Name), identity.MaskID(contact.Document.Number), identity.MaskPhone(contact.Phone)
	return m, nil
}
