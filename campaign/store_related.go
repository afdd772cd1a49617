package campaign

import (
	"fmt"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

// insertRelated stores related people and says how many were new.
func insertRelated(tx *gorm.DB, campaignID int64, source string, at time.Time, people []proof) (int64, error) {
	rows := make([][]any, len(people))
	for i, p := range people {
		rows[i] = []any{campaignID, p.document[:], p.linked, source, int64(database.At(at))}
	}
	return database.InsertNew(tx, "related_people", []string{"campaign_id", "document_index", "linked_index", "source", "filed_at"}, rows)
}

// CountRelated counts the people on a campaign's list of those related to the organisers.
func CountRelated(tx *gorm.DB, campaignID int64) (count RelatedCount, err error) {
	err = tx.Raw(`SELECT COUNT(*), COALESCE(SUM(CASE WHEN c.frozen_at > 0 AND p.filed_at >= c.frozen_at THEN 1 ELSE 0 END), 0)
		FROM related_people p JOIN campaigns c ON c.id = p.campaign_id WHERE p.campaign_id = ?`, campaignID).Row().Scan(&count.Filed, &count.Late)
	if err != nil {
		return count, fmt.Errorf("counting related people: %w", err)
	}
	return count, nil
}

// relatedRegistrations are those made with a related person's document, or with the other of a foreigner's two cards.
func relatedRegistrations(tx *gorm.DB, campaignID int64) (ids []int64, err error) {
	err = tx.Raw(`SELECT r.id FROM related_people p JOIN registrations r ON r.campaign_id = p.campaign_id AND r.document_index = p.document_index
		WHERE p.campaign_id = ? UNION SELECT r.id FROM related_people p JOIN registrations r ON r.campaign_id = p.campaign_id
		AND r.linked_index = p.linked_index WHERE p.campaign_id = ?`, campaignID, campaignID).Scan(&ids).Error
	if err != nil {
		return nil, fmt.Errorf("reading related registrations: %w", err)
	}
	return ids, nil
}
