package draw

import (
	"fmt"

	"golang.org/x/mod/sumdb/note"
)

// Receipt opens one entry to the one who registered: with it a citizen proves
// inclusion, exclusion and result without showing who they are (section Entries
// and people). It is published as a C2SP signed note by the log key.
type Receipt struct {
	ID, Pool     string // draw id and pool, tokens
	Salt, Person Digest
}

// Text is what the log key signs.
func (r Receipt) Text() string {
	return fmt.Sprintf("draw/v1 receipt\nid %s\npool %s\nsalt %s\nperson %s\n", r.ID, r.Pool, r.Salt, r.Person)
}

// Entry is the entry that the receipt opens.
func (r Receipt) Entry(h Hash) Digest { return Entry(h, r.Salt, r.Person) }

// Sign returns the signed note; a field that the format does not allow is an
// error.
func (r Receipt) Sign(logKey note.Signer) ([]byte, error) {
	if _, err := parseReceipt(r.Text()); err != nil {
		return nil, err
	}
	return note.Sign(&note.Note{Text: r.Text()}, logKey)
}

// OpenReceipt verifies a receipt, which carries the log's signature and no
// other.
func OpenReceipt(msg []byte, logKey note.Verifier) (Receipt, error) {
	n, err := openStrict(msg, []note.Verifier{logKey})
	if err != nil {
		return Receipt{}, err
	}
	return parseReceipt(n.Text)
}

// parseReceipt reads the text of a receipt, without signatures.
func parseReceipt(text string) (Receipt, error) {
	r := newLineReader([]byte(text))
	r.exact("draw/v1 receipt")
	out := Receipt{
		ID:     r.token(r.fields("id", 1)[0]),
		Pool:   r.token(r.fields("pool", 1)[0]),
		Salt:   r.digest(r.fields("salt", 1)[0]),
		Person: r.digest(r.fields("person", 1)[0]),
	}
	if err := r.end(); err != nil {
		return Receipt{}, err
	}
	return out, nil
}
