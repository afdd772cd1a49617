package campaign

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/audit"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/lottery/draw"
)

// citizen stands for the person in certificates and in the audit chain, which name nobody.
const citizen = "citizen"

var errCertificateNumber = fault.Field("number", "certificate-number", "应为证书编号，或其中 64 位的抽签编号。", "Must be a certificate's number, or the entry of 64 digits in it.")

// PersonalDeletion is a person's deletion of their own data, with its certificate. It holds no identity: whoever shows the
// note, or names the entry in it, is found by that alone.
type PersonalDeletion struct {
	ID int64
	Deletion
}

// PersonalFilter chooses deletions; an empty field does not restrict.
type PersonalFilter struct {
	Number string // of a certificate, or the entry in it; other text is refused
	Before int64  // deletions with a smaller ID, for the next page
	Limit  int    // 100 unless given, at most 1,001
}

// PersonalDeletions gives what people deleted of their own data, newest first.
func (s *Service) PersonalDeletions(ctx context.Context, campaignID int64, filter PersonalFilter) ([]PersonalDeletion, error) {
	live, err := s.live(ctx, campaignID)
	if err != nil {
		return nil, err
	}
	var entry *draw.Digest
	if filter.Number != "" {
		named, err := draw.ParseDigest(strings.TrimPrefix(strings.TrimSpace(filter.Number), live.Slug+"/"))
		if err != nil {
			return nil, errCertificateNumber.With(err)
		}
		entry = &named
	}
	rows, err := personalRows(s.DB.Read(ctx), campaignID, entry, filter)
	if err != nil {
		return nil, fmt.Errorf("reading people's own deletions: %w", err)
	}
	list := make([]PersonalDeletion, len(rows))
	for i, row := range rows {
		list[i] = PersonalDeletion{row.ID, Deletion{live.personalCertificate(row), row.Note}}
	}
	return list, nil
}

// PersonalDeletionCount says how many people deleted their own data.
func (s *Service) PersonalDeletionCount(ctx context.Context, campaignID int64) (int64, error) {
	return countPersonal(s.DB.Read(ctx), campaignID)
}

func (l *Live) personalCertificate(d personalRow) Certificate {
	return Certificate{Number: fmt.Sprintf("%s/%x", l.Slug, d.Entry[:]), Campaign: l.Slug, City: l.City, Kind: DeletedPerson, At: d.DoneAt.Time().Truncate(time.Second),
		RequestedBy: citizen, DecidedBy: citizen, Registrations: 1, Digest: d.Digest}
}

// certifyPerson makes the certificate of a person's own deletion, keeps it, and puts the act on the record. Row is as it was
// before.
func (s *Service) certifyPerson(tx *gorm.DB, live *Live, row *registrationRow, action string) (note string, err error) {
	d := personalRow{CampaignID: live.ID, Entry: row.Entry, DoneAt: database.At(s.Now()), Digest: sha256.Sum256(row.Sealed)}
	signer, err := s.Receipts(live.City)
	if err != nil {
		return "", fmt.Errorf("the key that signs certificates of %s: %w", live.City, err)
	}
	certificate := live.personalCertificate(d)
	if d.Note, err = certificate.sign(signer); err != nil {
		return "", err
	}
	if err := insertPersonal(tx, &d); err != nil {
		return "", err
	}
	return d.Note, audit.Record(tx, audit.Entry{At: s.Now(), Actor: citizen, Action: action, Campaign: live.Slug, Subject: entrySubject(row.Entry),
		Detail: map[string]any{"certificate": certificate.Number, "digest": fmt.Sprintf("%x", d.Digest[:])}})
}
