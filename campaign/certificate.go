package campaign

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// What a deletion is of.
const (
	DeletedUnselected = "unselected" // everybody without a prize, on schedule
	DeletedKey        = "key"        // the campaign's key, and with it all that is sealed
	DeletedPerson     = "person"     // one person, at the person's own wish
)

// Certificate says what personal data was deleted, when and by whom. It is signed by the key of the city's log as a C2SP
// signed note, so that it cannot be made afterwards or by another.
type Certificate struct {
	Number        string // campaign/kind, or campaign/entry for one person
	Campaign      string
	City          string
	Kind          string
	At            time.Time // UTC, whole seconds
	RequestedBy   string    // a username, "system:<job>" or "citizen"
	DecidedBy     string    // a second username, "rule-book" or "citizen"
	Approval      int64     // 0 where the rule book or the person decided
	Registrations int64     // whose identity is gone
	Evidence      int64     // lines of evidence lists that are gone
	// Digest is the SHA-256 of what is gone: of the wrapped key, of one person's sealed text, or, over many, each time of
	// the digest before, the entry, and the SHA-256 of the sealed text, in order of registration, from 32 zero bytes.
	Digest [32]byte
}

const certificateHeader = "hongbao deletion certificate v1"

// Text is what is signed.
func (c Certificate) Text() string {
	return fmt.Sprintf("%s\nnumber %s\ncampaign %s\ncity %s\nwhat %s\nat %s\nrequested-by %s\ndecided-by %s\napproval %d\nregistrations %d\nevidence %d\ndigest %x\n",
		certificateHeader, c.Number, c.Campaign, c.City, c.Kind, c.At.UTC().Format(time.RFC3339), c.RequestedBy, c.DecidedBy, c.Approval,
		c.Registrations, c.Evidence, c.Digest)
}

func (c Certificate) sign(key note.Signer) (string, error) {
	signed, err := note.Sign(&note.Note{Text: c.Text()}, key)
	if err != nil {
		return "", fmt.Errorf("signing the certificate %s: %w", c.Number, err)
	}
	return string(signed), nil
}

var errCertificate = errors.New("campaign: not a deletion certificate")

// OpenCertificate checks the signature of a certificate and takes nothing but what Text writes.
func OpenCertificate(signed []byte, key note.Verifier) (Certificate, error) {
	opened, err := note.Open(signed, note.VerifierList(key))
	if err != nil {
		return Certificate{}, err
	}
	values := map[string]string{}
	for line := range strings.Lines(opened.Text) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		values[name] = value
	}
	c := Certificate{Number: values["number"], Campaign: values["campaign"], City: values["city"], Kind: values["what"],
		RequestedBy: values["requested-by"], DecidedBy: values["decided-by"]}
	c.At, _ = time.Parse(time.RFC3339, values["at"]) // what does not read does not write the same again
	for name, into := range map[string]*int64{"approval": &c.Approval, "registrations": &c.Registrations, "evidence": &c.Evidence} {
		*into, _ = strconv.ParseInt(values[name], 10, 64)
	}
	if digest, err := hex.DecodeString(values["digest"]); err == nil && len(digest) == len(c.Digest) {
		c.Digest = [32]byte(digest)
	}
	if c.Text() != opened.Text {
		return Certificate{}, errCertificate
	}
	return c, nil
}
