package campaign

import (
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"hongbao/internal/database"
)

// messageRow is an official SMS: waiting for DueAt, sent, or failed for good.
type messageRow struct {
	ID             int64
	CampaignID     int64
	RegistrationID int64
	Stage          string
	Body           string
	Status         string
	Attempts       int64
	QueuedAt       database.Millis
	SentAt         database.Millis
	DueAt          database.Millis
}

// queueMessages writes messages, once for each registration and stage.
func queueMessages(tx *gorm.DB, list []messageRow) error {
	if len(list) == 0 {
		return nil
	}
	return tx.Table("messages").Clauses(clause.OnConflict{DoNothing: true}).CreateInBatches(list, 500).Error
}

// lastWave gives the last moment for which messages of a stage are planned, at or after from, and how many are.
func lastWave(tx *gorm.DB, campaignID int64, stage string, from database.Millis) (due database.Millis, n int, err error) {
	var rows []struct {
		DueAt database.Millis
		N     int
	}
	err = tx.Raw(`SELECT due_at, COUNT(*) AS n FROM messages WHERE campaign_id = ? AND stage = ? AND due_at >= ?
		GROUP BY due_at ORDER BY due_at DESC LIMIT 1`, campaignID, stage, from).Scan(&rows).Error
	if err != nil || len(rows) == 0 {
		return 0, 0, err
	}
	return rows[0].DueAt, rows[0].N, nil
}

func dueMessages(tx *gorm.DB, now time.Time, limit int) (list []messageRow, err error) {
	err = tx.Table("messages").Where("status = ? AND due_at <= ?", messageWaiting, database.At(now)).Order("due_at, id").Limit(limit).Scan(&list).Error
	return list, err
}

// settleMessage notes what an attempt came to. One that could not be sent is tried again, each time a minute later.
func settleMessage(tx *gorm.DB, m messageRow, to string, now time.Time) error {
	set := map[string]any{"attempts": m.Attempts + 1, "due_at": database.At(now.Add(time.Duration(m.Attempts+1) * time.Minute))}
	if to == messageSent {
		set["sent_at"], set["due_at"] = database.At(now), m.DueAt
	}
	return database.Advance(tx, "messages", m.ID, messageWaiting, to, set)
}

// postponeMessages lets all that a campaign would send now wait until the morning.
func postponeMessages(tx *gorm.DB, campaignID int64, until time.Time) error {
	return tx.Exec("UPDATE messages SET due_at = ? WHERE campaign_id = ? AND status = ? AND stage <> ? AND due_at < ?",
		database.At(until), campaignID, messageWaiting, StageConfirm, database.At(until)).Error
}

func messageCounts(tx *gorm.DB, campaignID int64) (map[string]MessageCount, error) {
	var rows []struct {
		Stage, Status string
		N             int64
		First, Last   database.Millis
	}
	err := tx.Raw(`SELECT stage, status, COUNT(*) AS n, MIN(due_at) AS first, MAX(due_at) AS last FROM messages WHERE campaign_id = ?
		GROUP BY stage, status`, campaignID).Scan(&rows).Error
	counts := map[string]MessageCount{}
	for _, row := range rows {
		count := counts[row.Stage]
		count.Stage, count.Planned = row.Stage, count.Planned+row.N
		switch row.Status {
		case messageWaiting:
			count.Waiting, count.NextAt, count.LastAt = row.N, row.First, row.Last
		case messageSent:
			count.Sent = row.N
		case messageFailed:
			count.Failed = row.N
		}
		counts[row.Stage] = count
	}
	return counts, err
}

func retryMessages(tx *gorm.DB, campaignID int64, now time.Time) (int64, error) {
	result := tx.Exec("UPDATE messages SET status = ?, attempts = 0, due_at = ? WHERE campaign_id = ? AND status = ?",
		messageWaiting, database.At(now), campaignID, messageFailed)
	return result.RowsAffected, result.Error
}

func messagesTo(tx *gorm.DB, registrationID int64) ([]OfficialMessage, error) {
	found := []OfficialMessage{}
	err := tx.Raw("SELECT id, stage, body, status, due_at, sent_at FROM messages WHERE registration_id = ? ORDER BY id DESC", registrationID).Scan(&found).Error
	return found, err
}

// messageByID finds a message; nil is none.
func messageByID(tx *gorm.DB, id int64) (*messageRow, error) {
	var rows []messageRow
	err := tx.Table("messages").Where("id = ?", id).Scan(&rows).Error
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}
