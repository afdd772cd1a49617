package reporting

import (
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// statement is what is signed of a report: which it is, and the digest of its cells.
func (c Cover) statement(r Report, o Outcome) string {
	return fmt.Sprintf("hongbao report v1\nreport %s\ncampaign %s\nnumber %s\nmade %s by %s\nrows %d\ncells sha256 %s\n",
		r.Name, c.Slug, c.Number, c.MadeAt.In(shanghai).Format(time.RFC3339), c.MadeBy, o.Rows, o.Digest)
}

// sign puts a signed note (C2SP signed-note, Ed25519) over the statement into the outcome, when there is a key.
func (c Cover) sign(r Report, o *Outcome) error {
	if c.Signer == nil {
		return nil
	}
	signed, err := note.Sign(&note.Note{Text: c.statement(r, *o)}, c.Signer)
	o.Signature = string(signed)
	return err
}
