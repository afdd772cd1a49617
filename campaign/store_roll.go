package campaign

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"hongbao/internal/identity"
)

const (
	rollPage    = 50
	rollPageMax = 200
)

// rollRows reads one page of a campaign's registrations. A number that is not well formed finds nothing.
func (s *Service) rollRows(ctx context.Context, campaignID int64, vault *identity.Vault, filter RollFilter) (rows []*registrationRow, err error) {
	query := s.DB.Read(ctx).Table("registrations").Where("campaign_id = ?", campaignID)
	for column, value := range map[string]string{"status": filter.Status, "operator": filter.Operator, "district": filter.District,
		"pool": filter.Pool, "source": filter.Source} {
		if value != "" {
			query = query.Where(column+" = ?", value)
		}
	}
	query, known := byNumber(query, vault, filter)
	if !known {
		return nil, nil
	}
	if filter.Before > 0 {
		query = query.Where("id < ?", filter.Before)
	}
	limit := filter.Limit
	if limit < 1 {
		limit = rollPage
	}
	if err := query.Order("id DESC").Limit(min(limit, rollPageMax)).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading registrations: %w", err)
	}
	return rows, nil
}

// byNumber narrows a query to the person with this phone or document; known is false when there can be none.
func byNumber(query *gorm.DB, vault *identity.Vault, filter RollFilter) (narrowed *gorm.DB, known bool) {
	if filter.Phone == "" && filter.Document == "" {
		return query, true
	}
	if vault == nil {
		return query, false
	}
	if filter.Phone != "" {
		phone, err := identity.ParsePhone(filter.Phone)
		if err != nil {
			return query, false
		}
		query = query.Where("phone_index = ?", nullable(index(vault, "phone", phone)))
	}
	if filter.Document != "" {
		document, err := identity.ParseDocument("", filter.Document)
		if err != nil {
			return query, false
		}
		query = query.Where("document_index = ?", nullable(documentIndex(vault, document.Kind, document.Number)))
	}
	return query, true
}
