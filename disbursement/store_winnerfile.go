package disbursement

import (
	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/money"
)

// WinnerSum is how many winners an operator has, and what they are to get.
type WinnerSum struct {
	Operator string    `json:"operator"`
	Winners  int64     `json:"winners"`
	TotalFen money.Fen `json:"total_fen"`
}

func winnerSums(tx *gorm.DB, campaignID int64) (sums []WinnerSum, err error) {
	err = tx.Raw("SELECT operator, COUNT(*) AS winners, SUM(amount_fen) AS total_fen FROM envelopes WHERE campaign_id = ? AND status <> ? GROUP BY operator ORDER BY operator",
		campaignID, Forfeited).Scan(&sums).Error
	return sums, err
}

func winnersOf(tx *gorm.DB, campaignID int64, operator string, after int64, limit int) (found []Envelope, err error) {
	err = tx.Raw("SELECT * FROM envelopes WHERE campaign_id = ? AND operator = ? AND status <> ? AND id > ? ORDER BY id LIMIT ?",
		campaignID, operator, Forfeited, after, limit).Scan(&found).Error
	return found, err
}

func insertWinnerFile(tx *gorm.DB, file *WinnerFile) error {
	return tx.Table("winner_files").Create(file).Error
}

func winnersAsked(tx *gorm.DB, id, approvalID int64) error {
	return exactly(tx.Exec("UPDATE winner_files SET approval_id = ? WHERE id = ?", approvalID, id), 1, "asking for winners' files")
}

// winnerFilesTogether gives the files that were asked for together with one of them.
func winnerFilesTogether(tx *gorm.DB, id int64) ([]WinnerFile, error) {
	return winnerFilesWhere(tx, "approval_id = (SELECT f.approval_id FROM winner_files f WHERE f.id = ?) AND approval_id > 0 ORDER BY id", id)
}

func winnerFilesWhere(tx *gorm.DB, condition string, values ...any) ([]WinnerFile, error) {
	found := []WinnerFile{}
	err := tx.Raw("SELECT * FROM winner_files WHERE "+condition, values...).Scan(&found).Error
	return found, err
}

// winnerPart is how much of a file one row holds, in bytes: well below what a server takes in one packet.
const winnerPart = 1 << 20

func insertWinnerParts(tx *gorm.DB, fileID int64, document []byte) error {
	for part := 0; len(document) > 0; part++ {
		chunk := document[:min(winnerPart, len(document))]
		if err := tx.Exec("INSERT INTO winner_file_parts (file_id, part, data) VALUES (?, ?, ?)", fileID, part, chunk).Error; err != nil {
			return err
		}
		document = document[len(chunk):]
	}
	return nil
}

func winnerParts(tx *gorm.DB, fileID int64) (document []byte, err error) {
	var parts []struct{ Data []byte }
	err = tx.Raw("SELECT data FROM winner_file_parts WHERE file_id = ? ORDER BY part", fileID).Scan(&parts).Error
	for _, part := range parts {
		document = append(document, part.Data...)
	}
	return document, err
}

func winnersFetched(tx *gorm.DB, id int64, now database.Millis) error {
	return tx.Exec("UPDATE winner_files SET fetched_at = ? WHERE id = ? AND fetched_at = 0", now, id).Error
}
