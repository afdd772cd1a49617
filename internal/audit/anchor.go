package audit

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"gorm.io/gorm"

	"hongbao/internal/database"
)

// Anchor is the head of the chain at one moment. It is signed (C2SP signed note) and published every day: who rewrites
// the chain afterwards, a database administrator with every trigger out of the way, contradicts each copy of it that
// others keep.
type Anchor struct {
	Seq  int64     // how many entries the chain had
	Hash [32]byte  // of the last of them
	At   time.Time // UTC, whole seconds
}

const anchorHeader = "hongbao audit anchor v1"

// Text is what is signed: the header, the number of entries, the hash in hex and the time, each on a line.
func (a Anchor) Text() string {
	return fmt.Sprintf("%s\n%d\n%x\n%s\n", anchorHeader, a.Seq, a.Hash, a.At.UTC().Format(time.RFC3339))
}

var errAnchor = errors.New("audit: not an anchor")

// ParseAnchor reads the text of an anchor and takes nothing but what Text writes.
func ParseAnchor(text string) (Anchor, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 5 || lines[0] != anchorHeader {
		return Anchor{}, errAnchor
	}
	var a Anchor
	var err error
	if a.Seq, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return Anchor{}, errors.Join(errAnchor, err)
	}
	hash, err := hex.DecodeString(lines[2])
	if err != nil || len(hash) != len(a.Hash) {
		return Anchor{}, errors.Join(errAnchor, err)
	}
	a.Hash = [32]byte(hash)
	if a.At, err = time.Parse(time.RFC3339, lines[3]); err != nil || a.Text() != text {
		return Anchor{}, errors.Join(errAnchor, err)
	}
	return a, nil
}

// OpenAnchor checks the signature of a published anchor, which one of the keys has made.
func OpenAnchor(signed []byte, keys ...note.Verifier) (Anchor, error) {
	opened, err := note.Open(signed, note.VerifierList(keys...))
	if err != nil {
		return Anchor{}, err
	}
	return ParseAnchor(opened.Text)
}

// PublishAnchor signs the head of the chain and stores the note, with the public half of the key (a C2SP verifier key) beside it: the
// key may be another one day. It reports false when nothing was recorded since the last.
func PublishAnchor(ctx context.Context, db *database.DB, key note.Signer, vkey string, now time.Time) (made bool, err error) {
	err = db.InTx(ctx, func(tx *gorm.DB) error {
		made = false
		head, err := lockHead(tx)
		if err != nil {
			return err
		}
		last, err := lastAnchor(tx)
		if err != nil || head.Seq == last {
			return err
		}
		a := Anchor{Seq: head.Seq, Hash: head.Hash, At: now.UTC().Truncate(time.Second)}
		signed, err := note.Sign(&note.Note{Text: a.Text()}, key)
		if err != nil {
			return fmt.Errorf("audit: signing an anchor: %w", err)
		}
		made = true
		return insertAnchor(tx, a, string(signed), vkey)
	})
	return made && err == nil, err
}

// PublishedAnchor is an anchor as a signed note, with the key that verifies it.
type PublishedAnchor struct {
	Note string `json:"note"`
	VKey string `json:"key" gorm:"column:vkey"` // "" of an anchor that was stored before its key was
}

// Published gives the newest anchors, the newest first.
func Published(ctx context.Context, db *database.DB, limit int) ([]PublishedAnchor, error) {
	return newestAnchors(db.Read(ctx), limit)
}

// Holds says whether the chain still is what an anchor says it was; the error wraps ErrBroken if not.
func Holds(ctx context.Context, db *database.DB, a Anchor) error {
	return holds(db.Read(ctx), a)
}

func holds(tx *gorm.DB, a Anchor) error {
	hash, err := hashAt(tx, a.Seq)
	if err != nil {
		return err
	}
	if hash != a.Hash {
		return fmt.Errorf("%w: entry %d is not the one that was published on %s", ErrBroken, a.Seq, a.At.Format(time.DateOnly))
	}
	return nil
}

// VerifyAnchors holds every stored anchor against the chain, its own note and the key beside it, and says how many there are. The
// key is the database's word: those outside hold the signature against the key that they have kept, see OpenAnchor.
func VerifyAnchors(ctx context.Context, db *database.DB) (n int, err error) {
	err = db.Snapshot(ctx, func(tx *gorm.DB) error {
		rows, err := anchorRows(tx)
		n = len(rows)
		if err != nil {
			return err
		}
		for _, row := range rows {
			a, err := row.open()
			if err != nil || a.Seq != row.Seq || a.Hash != row.Hash {
				return fmt.Errorf("%w: the anchor at entry %d is not its note's", ErrBroken, row.Seq)
			}
			if err := holds(tx, a); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

// open reads an anchor that is stored, and checks its signature where the key is beside it.
func (r anchorRow) open() (Anchor, error) {
	if r.VKey == "" {
		text, _, _ := strings.Cut(r.Note, "\n\n")
		return ParseAnchor(text + "\n")
	}
	key, err := note.NewVerifier(r.VKey)
	if err != nil {
		return Anchor{}, err
	}
	return OpenAnchor([]byte(r.Note), key)
}
