// Package audit keeps the record of who did what: one chain of hashes, append-only in the database itself, written in the
// same transaction as the deed. A changed, missing or inserted entry breaks the chain and Verify names it.
//
// All writers take turns at the head of the chain, so the record is for deeds of staff, jobs and operators, a few a second,
// and the few of citizens that must be proven later (a withdrawal), not for each request.
package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

// Entry is one deed.
type Entry struct {
	Seq      int64     // from 1, without gaps; given by Record
	At       time.Time // kept in whole milliseconds UTC
	Actor    string    // a username, "system:<job>", "operator:<name>" or "citizen"; at most 64 characters, as is Action
	Action   string    // what was done, as in "campaign.publish"
	Campaign string    // the campaign's slug, or "" for a deed that belongs to none
	Subject  string    // what it was done to, as in "batch 12"; at most 200 characters
	Detail   any       // anything JSON; Record hides identity and phone numbers in it. Read back as json.RawMessage
}

// Record appends an entry to the chain within tx and stands or falls with it.
// The chain allows one open transaction at a time past this call, so record last, shortly before the commit.
func Record(tx *gorm.DB, e Entry) error {
	row, err := newRow(e)
	if err != nil {
		return err
	}
	head, err := lockHead(tx)
	if err != nil {
		return fmt.Errorf("audit: reading the head: %w", err)
	}
	row.Seq, row.Prev = head.Seq+1, head.Hash
	row.Hash = row.chained()
	if err := insertEntry(tx, row); err != nil {
		return fmt.Errorf("audit: recording %s: %w", e.Action, err)
	}
	return nil
}

// row is an entry as stored.
type row struct {
	Seq                              int64
	At                               database.Millis
	Actor, Action, Campaign, Subject string
	Detail                           string
	Prev, Hash                       database.Bytes32
}

func newRow(e Entry) (row, error) {
	var detail bytes.Buffer
	encoder := json.NewEncoder(&detail)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e.Detail); err != nil {
		return row{}, fmt.Errorf("audit: the detail of %s: %w", e.Action, err)
	}
	hidden, err := redactJSON(detail.Bytes())
	if err != nil {
		return row{}, fmt.Errorf("audit: the detail of %s: %w", e.Action, err)
	}
	return row{At: database.At(e.At), Actor: e.Actor, Action: e.Action, Campaign: e.Campaign,
		Subject: redact(e.Subject), Detail: hidden}, nil
}

// chained is the hash of an entry: SHA-256 over "hongbao audit v1\n", the hash of the entry before it (32 zero bytes for
// the first), seq and at as 8 bytes big-endian, then actor, action, campaign, subject and detail, each as its length in
// 4 bytes big-endian and its UTF-8 bytes.
func (r row) chained() database.Bytes32 {
	text := append([]byte("hongbao audit v1\n"), r.Prev[:]...)
	text = binary.BigEndian.AppendUint64(text, uint64(r.Seq))
	text = binary.BigEndian.AppendUint64(text, uint64(r.At))
	for _, field := range []string{r.Actor, r.Action, r.Campaign, r.Subject, r.Detail} {
		text = binary.BigEndian.AppendUint32(text, uint32(len(field)))
		text = append(text, field...)
	}
	return sha256.Sum256(text)
}

func (r row) entry() Entry {
	return Entry{Seq: r.Seq, At: r.At.Time(), Actor: r.Actor, Action: r.Action, Campaign: r.Campaign,
		Subject: r.Subject, Detail: json.RawMessage(r.Detail)}
}

// Verify recomputes the whole chain as it stands at one moment and says how many entries it holds. An error that wraps
// ErrBroken names the first entry that does not fit.
func Verify(ctx context.Context, db *database.DB) (n int64, err error) {
	err = db.Snapshot(ctx, func(tx *gorm.DB) error {
		var last database.Bytes32
		n, last, err = verifyEntries(tx)
		if err != nil {
			return err
		}
		head, err := readHead(tx)
		if err == nil && (head.Seq != n || head.Hash != last) {
			err = fmt.Errorf("%w: %d entries, but the head says %d", ErrBroken, n, head.Seq)
		}
		return err
	})
	return n, err
}

func verifyEntries(tx *gorm.DB) (n int64, last database.Bytes32, err error) {
	err = eachEntry(tx, func(r row) error {
		if r.Seq != n+1 || r.Prev != last || r.Hash != r.chained() {
			return fmt.Errorf("%w: entry %d does not follow entry %d", ErrBroken, r.Seq, n)
		}
		n, last = r.Seq, r.Hash
		return nil
	})
	return n, last, err
}

// Filter chooses entries; an empty field does not restrict.
type Filter struct {
	Campaign, Actor, Action string
	From, Until             time.Time // at or after From, before Until
	Before                  int64     // entries with a smaller Seq, for the next page
	Limit                   int       // 100 unless given, at most 1,001
}

// After gives up to limit entries that follow the one numbered seq, the oldest first.
func After(ctx context.Context, db *database.DB, seq int64, limit int) ([]Entry, error) {
	rows, err := entriesAfter(db.Read(ctx), seq, limit)
	if err != nil {
		return nil, fmt.Errorf("audit: reading on: %w", err)
	}
	entries := make([]Entry, len(rows))
	for i, r := range rows {
		entries[i] = r.entry()
	}
	return entries, nil
}

// Head is the number of the last entry, as tx sees it.
func Head(tx *gorm.DB) (int64, error) {
	h, err := readHead(tx)
	return h.Seq, err
}

// List gives the entries that match, newest first.
func List(ctx context.Context, db *database.DB, filter Filter) ([]Entry, error) {
	rows, err := listEntries(db.Read(ctx), filter)
	if err != nil {
		return nil, fmt.Errorf("audit: listing: %w", err)
	}
	entries := make([]Entry, len(rows))
	for i, r := range rows {
		entries[i] = r.entry()
	}
	return entries, nil
}
