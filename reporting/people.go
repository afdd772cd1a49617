package reporting

import (
	"context"
	"errors"

	"hongbao/campaign"
	"hongbao/internal/identity"
)

// people opens the identities that a batch of rows asks for, by the registrations' ids in one of its columns.
func (s Scope) people(ctx context.Context, batch [][]any, column int) (map[int64]campaign.Contact, error) {
	if s.People == nil {
		return nil, nil
	}
	var ids []int64
	for _, row := range batch {
		if id, ok := row[column].(int64); ok {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return s.People(ctx, ids)
}

// people opens identities on behalf of who the report is made for; each opening is on the audit trail. After a campaign's key
// is destroyed nobody is known any more.
func (s *Service) people(by string) func(context.Context, []int64) (map[int64]campaign.Contact, error) {
	if s.Campaigns.Keys == nil {
		return nil
	}
	return func(ctx context.Context, ids []int64) (map[int64]campaign.Contact, error) {
		list, err := s.Campaigns.Contacts(ctx, by, ids)
		if errors.Is(err, identity.ErrDestroyed) {
			return nil, nil
		}
		found := make(map[int64]campaign.Contact, len(list))
		for _, c := range list {
			found[c.RegistrationID] = c
		}
		return found, err
	}
}
