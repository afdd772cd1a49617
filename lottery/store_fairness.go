package lottery

import (
	"errors"
	"fmt"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/database"
)

// drawnEntry is one entry of a draw with what fairness is asked about. Line is that of the prize it was drawn for, -1 for none.
type drawnEntry struct {
	registration   int64
	pool, operator string
	registeredAt   database.Millis
	entry          database.Bytes32
	line           int64
}

func (e *drawnEntry) won() bool { return e.line >= 0 }

// eachDrawn streams the entries of a draw in the order of registration. Prizes count as drawn, before any promotion.
func eachDrawn(tx *gorm.DB, d *Draw, fn func(e *drawnEntry)) (err error) {
	rows, err := tx.Raw(`SELECT r.id, r.pool, r.operator, r.registered_at, r.entry, COALESCE(a.line, -1) FROM registrations r
		LEFT JOIN awards a ON a.draw_id = ? AND a.entry = r.entry AND a.kind <> 'wait'
		WHERE r.campaign_id = ? AND r.status = ? ORDER BY r.id`, d.ID, d.CampaignID, campaign.Confirmed).Rows()
	if err != nil {
		return fmt.Errorf("streaming drawn entries: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var e drawnEntry
	for rows.Next() {
		if err := rows.Scan(&e.registration, &e.pool, &e.operator, &e.registeredAt, &e.entry, &e.line); err != nil {
			return fmt.Errorf("streaming drawn entries: %w", err)
		}
		fn(&e)
	}
	return rows.Err()
}
