package campaign

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

// deletionRow is a deletion as stored. One of many rows runs until it is done; the certificate is made then.
type deletionRow struct {
	ID            int64
	CampaignID    int64
	Kind          string
	Status        string
	RequestedBy   string
	DecidedBy     string
	ApprovalID    int64
	BeganAt       database.Millis
	DoneAt        database.Millis
	LastID        int64 // registrations up to here have been dealt with
	Registrations int64
	Evidence      int64
	Digest        database.Bytes32
	Note          string
}

const (
	deletionRunning = "running"
	deletionDone    = "done"
)

func insertDeletion(tx *gorm.DB, d *deletionRow) error {
	if err := tx.Table("deletions").Create(d).Error; err != nil {
		return fmt.Errorf("storing a deletion: %w", err)
	}
	return nil
}

// deletionOf finds a campaign's deletion of a kind; nil is none.
func deletionOf(tx *gorm.DB, campaignID int64, kind string) (*deletionRow, error) {
	var rows []deletionRow
	err := tx.Table("deletions").Where("campaign_id = ? AND kind = ?", campaignID, kind).Scan(&rows).Error
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}

func deletionRows(tx *gorm.DB, campaignID int64) (rows []deletionRow, err error) {
	err = tx.Table("deletions").Where("campaign_id = ? AND status = ?", campaignID, deletionDone).Order("done_at, id").Scan(&rows).Error
	return rows, err
}

// unerasedCampaigns are those that are over and still hold the data of people without a prize.
func unerasedCampaigns(tx *gorm.DB) (ids []int64, err error) {
	err = tx.Raw(`SELECT c.id FROM campaigns c WHERE c.status IN ? AND NOT EXISTS
		(SELECT 1 FROM deletions d WHERE d.campaign_id = c.id AND d.kind = ? AND d.status = ?) ORDER BY c.id`,
		[]string{Drawn, Settled, Cancelled}, DeletedUnselected, deletionDone).Scan(&ids).Error
	return ids, err
}

// registrationIDs gives the ids of a campaign's registrations after one, in order.
func registrationIDs(tx *gorm.DB, campaignID, after int64, limit int) (ids []int64, err error) {
	err = tx.Raw("SELECT id FROM registrations WHERE campaign_id = ? AND id > ? ORDER BY id LIMIT ?", campaignID, after, limit).Scan(&ids).Error
	return ids, err
}

// erased are the columns that lead to the person, where the registration stays in the list. The person tag stays too: it is
// made under the keeper's key, leads to nobody, and auditors see by it that all persons in the draw differed.
func erased() map[string]any {
	columns := shredded()
	delete(columns, "person")
	return columns
}

// eraseRegistrations destroys what leads to people, and gives what was there, in order of id. Of who is related to the
// organisers the keyed index of the document stays, as it does on the list of the related, so that the fairness figures do
// not change; without the campaign's key it tells nothing.
func eraseRegistrations(tx *gorm.DB, campaignID int64, ids []int64) (gone []*registrationRow, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	err = tx.Table("registrations").Select("id, entry, sealed").Where("id IN ? AND LENGTH(sealed) > 0", ids).Order("id").Scan(&gone).Error
	if err != nil || len(gone) == 0 {
		return nil, err
	}
	related, err := relatedRegistrations(tx, campaignID)
	if err != nil {
		return nil, err
	}
	var listed, others []int64
	for _, row := range gone {
		if slices.Contains(related, row.ID) {
			listed = append(listed, row.ID)
		} else {
			others = append(others, row.ID)
		}
	}
	keeping := erased()
	delete(keeping, "document_index")
	delete(keeping, "linked_index")
	err = tx.Table("registrations").Where("id IN ?", others).Updates(erased()).Error
	err = errors.Join(err, tx.Table("registrations").Where("id IN ?", listed).Updates(keeping).Error)
	return gone, errors.Join(err, eraseAppeals(tx, append(listed, others...)))
}

// moveDeletion notes how far a deletion has come, and fails when another process has taken it further.
func moveDeletion(tx *gorm.DB, d deletionRow, from int64) error {
	result := tx.Exec("UPDATE deletions SET last_id = ?, registrations = ?, digest = ? WHERE id = ? AND status = ? AND last_id = ?",
		d.LastID, d.Registrations, d.Digest, d.ID, deletionRunning, from)
	if result.Error == nil && result.RowsAffected != 1 {
		return database.ErrAdvanced
	}
	return result.Error
}

const evidenceChunk = 2000 // documents

// dropEvidence deletes some of a campaign's evidence lists and counts them on the deletion.
func dropEvidence(tx *gorm.DB, d deletionRow) (n int64, err error) {
	var documents []database.Bytes32
	err = tx.Raw("SELECT DISTINCT document_index FROM evidence WHERE campaign_id = ? ORDER BY document_index LIMIT ?", d.CampaignID, evidenceChunk).Scan(&documents).Error
	if err != nil || len(documents) == 0 {
		return 0, err
	}
	result := tx.Exec("DELETE FROM evidence WHERE campaign_id = ? AND document_index IN ?", d.CampaignID, documents)
	if result.Error != nil {
		return 0, result.Error
	}
	return result.RowsAffected, tx.Exec("UPDATE deletions SET evidence = evidence + ? WHERE id = ?", result.RowsAffected, d.ID).Error
}

// sealedCount counts the registrations of a campaign whose identity is still there.
func (s *Service) sealedCount(ctx context.Context, campaignID int64) (int64, error) {
	return countSealed(s.DB.Read(ctx), campaignID)
}

func countSealed(tx *gorm.DB, campaignID int64) (n int64, err error) {
	err = tx.Raw("SELECT COUNT(*) FROM registrations WHERE campaign_id = ? AND LENGTH(sealed) > 0", campaignID).Scan(&n).Error
	return n, err
}
