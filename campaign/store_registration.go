package campaign

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

// registrationRow is a registration as stored. Nil means that it is gone (withdrawn) or was never there (linked, device).
type registrationRow struct {
	ID             int64
	CampaignID     int64
	Entry          database.Bytes32
	Salt           database.Bytes32
	Person         *database.Bytes32
	DocumentIndex  *database.Bytes32
	LinkedIndex    *database.Bytes32
	PhoneIndex     *database.Bytes32
	Sealed         []byte
	Pool           string
	District       string
	Operator       string
	TierChoice     string
	Consents       string
	Status         string
	Reason         string
	Source         string
	IdempotencyKey *database.Bytes32
	BodyHash       database.Bytes32
	DeviceHash     *database.Bytes32
	NetworkHash    *database.Bytes32
	RegisteredAt   database.Millis
	ChangedAt      database.Millis
}

var registrationColumns = []string{"campaign_id", "entry", "salt", "person", "document_index", "linked_index", "phone_index", "sealed",
	"pool", "district", "operator", "tier_choice", "consents", "status", "reason", "source", "idempotency_key", "body_hash",
	"device_hash", "network_hash", "registered_at", "changed_at"}

func (r *registrationRow) values() []any {
	return []any{r.CampaignID, r.Entry, r.Salt, nullable(r.Person), nullable(r.DocumentIndex), nullable(r.LinkedIndex), nullable(r.PhoneIndex),
		r.Sealed, r.Pool, r.District, r.Operator, r.TierChoice, r.Consents, r.Status, r.Reason, r.Source, nullable(r.IdempotencyKey), r.BodyHash,
		nullable(r.DeviceHash), nullable(r.NetworkHash), int64(r.RegisteredAt), int64(r.ChangedAt)}
}

// nullable gives the driver bytes or NULL: a typed nil pointer would be neither.
func nullable(b *database.Bytes32) any {
	if b == nil {
		return nil
	}
	return b[:]
}

// insertNew stores those whose keys are all free and gives the ids of those rows, by entry.
func insertNew(tx *gorm.DB, into *database.Inserter, rows []*registrationRow) (map[database.Bytes32]int64, error) {
	values := make([][]any, len(rows))
	for i, row := range rows {
		values[i] = row.values()
	}
	n, spans, err := into.InsertNew(tx, values)
	if err != nil {
		return nil, err
	}
	ids := make(map[database.Bytes32]int64, n)
	if n == 0 {
		return ids, nil
	}
	if err := readBack(tx, ids, rows, spans); err != nil {
		return nil, fmt.Errorf("reading back registrations: %w", err)
	}
	return ids, nil
}

// readBack finds the ids where the rows should be: that is one range of the table. Where the server counts otherwise, it
// finds those that are missing by their documents.
func readBack(tx *gorm.DB, ids map[database.Bytes32]int64, rows []*registrationRow, spans []database.Span) error {
	ours := make(map[database.Bytes32]bool, len(rows))
	for _, row := range rows {
		ours[row.Entry] = true
	}
	look := func(where string, args ...any) error {
		found, err := tx.Raw("SELECT id, entry FROM registrations WHERE "+where, args...).Rows()
		if err != nil {
			return err
		}
		defer found.Close()
		for found.Next() {
			var id int64
			var entry database.Bytes32
			if err := found.Scan(&id, &entry); err != nil {
				return err
			}
			if ours[entry] {
				ids[entry] = id
			}
		}
		return found.Err()
	}
	var parts []string
	var args []any
	for _, span := range spans {
		parts, args = append(parts, "id BETWEEN ? AND ?"), append(args, span.First, span.First+span.Rows-1)
	}
	if err := look(strings.Join(parts, " OR "), args...); err != nil {
		return err
	}
	var missing []any
	for _, row := range rows {
		if ids[row.Entry] == 0 {
			missing = append(missing, *row.DocumentIndex)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return look("campaign_id = ? AND document_index IN ?", rows[0].CampaignID, missing)
}

// occupants finds the registrations that hold any key of the given ones: one look-up per kind of key, each by its index.
func occupants(tx *gorm.DB, rows []*registrationRow) (found []*registrationRow, err error) {
	var parts []string
	var args []any
	for _, key := range uniqueKeys {
		var values []any
		for _, row := range rows {
			if value := key.of(row); value != nil {
				values = append(values, *value)
			}
		}
		if len(values) > 0 {
			parts = append(parts, "SELECT * FROM registrations WHERE campaign_id = ? AND "+key.column+" IN ?")
			args = append(args, rows[0].CampaignID, values)
		}
	}
	if err := tx.Raw(strings.Join(parts, " UNION "), args...).Scan(&found).Error; err != nil {
		return nil, fmt.Errorf("looking for who is registered: %w", err)
	}
	return found, nil
}

func registrationWhere(tx *gorm.DB, where string, args ...any) (*registrationRow, error) {
	var row registrationRow
	err := tx.Table("registrations").Where(where, args...).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, errNoRegistration
	}
	if err != nil {
		return nil, fmt.Errorf("reading a registration: %w", err)
	}
	return &row, nil
}

// entryRow names every pool and status, since entries are found by the one index that the draw reads them by.
func entryRow(tx *gorm.DB, live *Live, entry [32]byte) (*registrationRow, error) {
	pools := make([]string, len(live.Book.Pools.List))
	for i, pool := range live.Book.Pools.List {
		pools[i] = pool.Name
	}
	return registrationWhere(tx, "campaign_id = ? AND pool IN ? AND status IN ? AND entry = ?", live.ID, pools,
		[]string{Registered, Confirmed, Withdrawn, Excluded}, database.Bytes32(entry))
}

// moveRegistration changes the status by the one legal way; set holds further columns.
func moveRegistration(tx *gorm.DB, row *registrationRow, to, reason string, now time.Time, set map[string]any) error {
	if !registrationMay(row.Status, to) {
		return errRegistrationStatus
	}
	columns := map[string]any{"reason": reason, "changed_at": database.At(now)}
	for name, value := range set {
		columns[name] = value
	}
	return database.Advance(tx, "registrations", row.ID, row.Status, to, columns)
}

// shredded are the columns that lead to the person.
func shredded() map[string]any {
	return map[string]any{"person": nil, "document_index": nil, "linked_index": nil, "phone_index": nil, "idempotency_key": nil,
		"device_hash": nil, "network_hash": nil, "sealed": []byte{}, "body_hash": database.Bytes32{}}
}

func excludeUnconfirmed(tx *gorm.DB, campaignID int64, now time.Time) error {
	return tx.Exec("UPDATE registrations SET status = ?, reason = ?, changed_at = ? WHERE campaign_id = ? AND status = ?",
		Excluded, ReasonUnconfirmed, database.At(now), campaignID, Registered).Error
}

// EachEntry calls fn for every entry of a pool that takes part in the draw, in ascending order of its bytes. It streams:
// the list is never held in memory. An error of fn ends it.
func (s *Service) EachEntry(ctx context.Context, campaignID int64, pool string, fn func(entry [32]byte, registrationID int64) error) (err error) {
	rows, err := s.DB.Reader().QueryContext(ctx,
		"SELECT entry, id FROM registrations WHERE campaign_id = ? AND pool = ? AND status = ? ORDER BY entry", campaignID, pool, Confirmed)
	if err != nil {
		return fmt.Errorf("streaming entries: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var entry sql.RawBytes // not copied: there are millions
	var id int64
	for rows.Next() {
		if err := rows.Scan(&entry, &id); err != nil {
			return fmt.Errorf("streaming entries: %w", err)
		}
		if len(entry) != 32 {
			return fmt.Errorf("streaming entries: registration %d has an entry of %d bytes", id, len(entry))
		}
		if err := fn([32]byte(entry), id); err != nil {
			return err
		}
	}
	return rows.Err()
}

// eachPair calls fn with pool, salt and person tag of every entry in the draw, by pool and entry.
func (s *Service) eachPair(ctx context.Context, campaignID int64, fn func(pool string, salt, person database.Bytes32) error) (err error) {
	rows, err := s.DB.Reader().QueryContext(ctx,
		"SELECT pool, salt, person FROM registrations WHERE campaign_id = ? AND status = ? ORDER BY pool, entry", campaignID, Confirmed)
	if err != nil {
		return fmt.Errorf("streaming pairs: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var pool string
	var salt, person database.Bytes32
	for rows.Next() {
		if err := rows.Scan(&pool, &salt, &person); err != nil {
			return fmt.Errorf("streaming pairs: %w", err)
		}
		if err := fn(pool, salt, person); err != nil {
			return err
		}
	}
	return rows.Err()
}

// ExcludedCounts gives how many registrations do not take part in the draw, by reason; ascending by reason.
func (s *Service) ExcludedCounts(ctx context.Context, campaignID int64) (counts []ReasonCount, err error) {
	book, err := s.RuleBook(ctx, campaignID)
	if err != nil {
		return nil, err
	}
	pools := make([]string, len(book.Pools.List)) // named, so that the index in order of entries skips those in the draw
	for i, pool := range book.Pools.List {
		pools[i] = pool.Name
	}
	err = s.DB.Read(ctx).Table("registrations").Select("reason, COUNT(*) AS count").
		Where("campaign_id = ? AND pool IN ? AND status IN ?", campaignID, pools, []string{Excluded, Withdrawn}).Group("reason").Scan(&counts).Error
	slices.SortFunc(counts, func(a, b ReasonCount) int { return strings.Compare(a.Reason, b.Reason) })
	return counts, err
}

// Registered counts all registrations, those that were withdrawn or excluded too.
func (s *Service) Registered(ctx context.Context, campaignID int64) (n int64, err error) {
	err = s.DB.Read(ctx).Table("registrations").Where("campaign_id = ?", campaignID).Count(&n).Error
	return n, err
}

func insertCount(tx *gorm.DB, campaignID int64, c Count) error {
	return tx.Exec("INSERT INTO registration_counts (campaign_id, counted_at, count) VALUES (?, ?, ?)", campaignID, c.CountedAt, c.Count).Error
}

// notedCounts gives the last of the counts, oldest first.
func notedCounts(tx *gorm.DB, campaignID int64, limit int) (list []Count, err error) {
	err = tx.Raw("SELECT counted_at, count FROM registration_counts WHERE campaign_id = ? ORDER BY counted_at DESC LIMIT ?", campaignID, limit).Scan(&list).Error
	slices.Reverse(list)
	return list, err
}

// Registrant is what other rooms may know of a registration: no name, no document, no phone.
type Registrant struct {
	ID         int64
	CampaignID int64
	Entry      database.Bytes32
	Operator   string
	Pool       string
	District   string
	Status     string
}

// Registrants gives those of the ids that exist, in order of id.
func (s *Service) Registrants(ctx context.Context, ids []int64) (list []Registrant, err error) {
	for chunk := range slices.Chunk(ids, 1000) {
		var part []Registrant
		if err := s.DB.Read(ctx).Table("registrations").Where("id IN ?", chunk).Order("id").Scan(&part).Error; err != nil {
			return nil, fmt.Errorf("reading registrants: %w", err)
		}
		list = append(list, part...)
	}
	return list, nil
}

// ByEntry finds a registration by its entry.
func (s *Service) ByEntry(ctx context.Context, campaignID int64, entry [32]byte) (Registrant, error) {
	live, err := s.live(ctx, campaignID)
	if err != nil {
		return Registrant{}, err
	}
	row, err := entryRow(s.DB.Read(ctx), live, entry)
	if err != nil {
		return Registrant{}, err
	}
	return Registrant{row.ID, row.CampaignID, row.Entry, row.Operator, row.Pool, row.District, row.Status}, nil
}
