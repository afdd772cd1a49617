package campaign

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/staff"
)

const (
	approvalDestroy = "identity.destroy"

	eraseActor  = "system:unselected-erase"
	eraseChunk  = 1000 // registrations in one transaction
	eraseChunks = 500  // in one run
)

var (
	errTyped     = fault.Field("confirm", "confirm", "输入的编号与活动编号不一致，未执行任何操作。", "What you typed is not the campaign's id; nothing was done.")
	errStillKept = fault.New(fault.Conflict, "still-kept", "活动尚未结清，或个人信息仍在留存期内，不能销毁密钥。", "The campaign is not settled, or its personal data must still be kept; the key cannot be destroyed yet.")
	errForgotten = fault.New(fault.Gone, "forgotten", "您的个人信息已经删除。", "Your personal data has been deleted.")
	errUndrawn   = fault.New(fault.Conflict, "not-drawn", "抽签结果公布后可以删除。", "Once the result of the draw is public the data can be deleted.")
	errPrize     = fault.New(fault.Conflict, "prize-kept", "中签或候补者的信息须留存备查，到期自动销毁。", "The data of winners and of those on the waitlist must be kept for the audit; it is destroyed on schedule.")
	errErased    = fault.New(fault.Gone, "erased", "未中签者的个人信息已按期删除，不能再用手机号查询。抽签结果可在公开记录中按抽签编号核对。",
		"Personal data of people without a prize has been deleted on schedule, so nobody is found by phone any more. The public record shows the result of each entry.")
)

// Deletion is a deletion that is done, with its certificate.
type Deletion struct {
	Certificate
	Note string // the signed certificate
}

// Deletions gives what was deleted of a campaign, in order.
func (s *Service) Deletions(ctx context.Context, campaignID int64) ([]Deletion, error) {
	live, err := s.live(ctx, campaignID)
	if err != nil {
		return nil, err
	}
	rows, err := deletionRows(s.DB.Read(ctx), campaignID)
	if err != nil {
		return nil, fmt.Errorf("reading deletions: %w", err)
	}
	list := make([]Deletion, len(rows))
	for i, row := range rows {
		list[i] = Deletion{live.certificate(row), row.Note}
	}
	return list, nil
}

// publicDeletions is Deletions for a crowd.
func (s *Service) publicDeletions(ctx context.Context, campaignID int64) ([]Deletion, error) {
	return s.deletions.get(campaignID, s.Now(), func() ([]Deletion, error) { return s.Deletions(ctx, campaignID) })
}

func (l *Live) certificate(d deletionRow) Certificate {
	return Certificate{Number: l.Slug + "/" + d.Kind, Campaign: l.Slug, City: l.City, Kind: d.Kind, At: d.DoneAt.Time().Truncate(time.Second),
		RequestedBy: d.RequestedBy, DecidedBy: d.DecidedBy, Approval: d.ApprovalID, Registrations: d.Registrations, Evidence: d.Evidence, Digest: d.Digest}
}

// certify makes the certificate of a deletion that is done, and puts it on the record.
func (s *Service) certify(tx *gorm.DB, live *Live, d *deletionRow) error {
	d.Status, d.DoneAt = deletionDone, database.At(s.Now())
	signer, err := s.Receipts(live.City)
	if err != nil {
		return fmt.Errorf("the key that signs certificates of %s: %w", live.City, err)
	}
	certificate := live.certificate(*d)
	if d.Note, err = certificate.sign(signer); err != nil {
		return err
	}
	s.deletions.forget()
	return s.record(tx, d.RequestedBy, "identity."+d.Kind+"-deleted", live.Slug, map[string]any{"certificate": certificate.Number,
		"decided_by": d.DecidedBy, "registrations": d.Registrations, "evidence": d.Evidence, "digest": fmt.Sprintf("%x", d.Digest[:])})
}

// RequestDestruction asks a second person to let a campaign's key be destroyed, and with it every identity that is still
// sealed. Whoever asks types the campaign's id. It takes a settled campaign whose winners need not be kept any more, or a
// cancelled one, which has none.
func (s *Service) RequestDestruction(ctx context.Context, actor, slug, typed string) (approval int64, err error) {
	live, err := s.Live(ctx, slug)
	if err != nil {
		return 0, err
	}
	if typed != live.Slug {
		return 0, errTyped
	}
	if err := s.MayDestroy(live.Campaign, live.Book); err != nil {
		return 0, err
	}
	if _, err := s.Keys.VaultFor(ctx, live.ID); err != nil {
		return 0, err
	}
	people, err := s.sealedCount(ctx, live.ID)
	if err != nil {
		return 0, err
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		approval, err = s.Staff.Request(tx, staff.Approval{CampaignID: live.ID, City: live.City, Kind: approvalDestroy, Subject: slug, Maker: actor,
			Summary: map[string]any{"campaign": slug, "registrations_unreadable": people}})
		return err
	})
	return approval, err
}

// MayDestroy gives nil when a campaign's key may be destroyed.
func (s *Service) MayDestroy(c Campaign, book *RuleBook) error {
	live := &Live{Campaign: c, Book: book}
	return unless(c.Status == Cancelled || c.Status == Settled && !s.Now().Before(live.winnersUntil()), errStillKept)
}

// destroy is what the approval does.
func (s *Service) destroy(ctx context.Context, tx *gorm.DB, a staff.Approval) error {
	live, err := s.live(ctx, a.CampaignID)
	if err != nil {
		return err
	}
	now, err := campaignRow(tx, "c.id = ?", a.CampaignID)
	if err != nil {
		return err
	}
	if err := s.MayDestroy(now, live.Book); err != nil {
		return err
	}
	d := deletionRow{CampaignID: live.ID, Kind: DeletedKey, RequestedBy: a.Maker, DecidedBy: a.Checker, ApprovalID: a.ID, BeganAt: database.At(s.Now())}
	if d.Registrations, err = countSealed(tx, live.ID); err != nil {
		return err
	}
	digest, err := s.Keys.Destroy(tx, live.ID, s.Now())
	if err != nil {
		return err
	}
	d.Digest = digest
	if err := s.certify(tx, live, &d); err != nil {
		return err
	}
	return insertDeletion(tx, &d)
}

// EraseUnselected deletes, on the day that the rule book sets, what leads to people without a prize, and the evidence lists.
// Their entries stay, for anyone who verifies the draw. It says how many people.
func (s *Service) EraseUnselected(ctx context.Context) (n int, err error) {
	if s.Kept == nil {
		return 0, errors.New("campaign: nobody says who holds a prize, so nobody's data is deleted")
	}
	ids, err := unerasedCampaigns(s.DB.Read(ctx))
	if err != nil {
		return 0, fmt.Errorf("looking for campaigns that are over: %w", err)
	}
	for _, id := range ids {
		live, err := s.live(ctx, id)
		if err != nil {
			return n, err
		}
		if s.Now().Before(live.unselectedUntil()) {
			continue
		}
		gone, err := s.eraseUnselected(ctx, live)
		n += gone
		if err != nil {
			return n, fmt.Errorf("deleting people without a prize of %s: %w", live.Slug, err)
		}
	}
	return n, nil
}

func (s *Service) eraseUnselected(ctx context.Context, live *Live) (n int, err error) {
	d, err := s.beginErasure(ctx, live)
	if err != nil {
		return 0, err
	}
	for range eraseChunks {
		ids, err := registrationIDs(s.DB.Read(ctx), live.ID, d.LastID, eraseChunk)
		if err != nil {
			return n, err
		}
		if len(ids) == 0 {
			return n, s.finishErasure(ctx, live, d)
		}
		before := d.Registrations
		if err := s.erasePart(ctx, d, ids); err != nil {
			return n, err
		}
		n += int(d.Registrations - before)
	}
	return n, nil
}

// beginErasure gives the deletion under way, or begins one.
func (s *Service) beginErasure(ctx context.Context, live *Live) (d *deletionRow, err error) {
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if d, err = deletionOf(tx, live.ID, DeletedUnselected); err != nil || d != nil {
			return err
		}
		d = &deletionRow{CampaignID: live.ID, Kind: DeletedUnselected, Status: deletionRunning, RequestedBy: eraseActor, DecidedBy: "rule-book", BeganAt: database.At(s.Now())}
		return insertDeletion(tx, d)
	})
	return d, err
}

// erasePart erases those of the ids who hold no prize.
func (s *Service) erasePart(ctx context.Context, d *deletionRow, ids []int64) error {
	kept, err := s.Kept(ctx, d.CampaignID, ids)
	if err != nil {
		return err
	}
	var without []int64
	for _, id := range ids {
		if !kept[id] {
			without = append(without, id)
		}
	}
	next := *d
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		next = *d
		gone, err := eraseRegistrations(tx, d.CampaignID, without)
		if err != nil {
			return err
		}
		for _, row := range gone {
			next.Digest = chained(next.Digest, row)
		}
		next.LastID, next.Registrations = ids[len(ids)-1], d.Registrations+int64(len(gone))
		return moveDeletion(tx, next, d.LastID)
	})
	if err == nil {
		*d = next
	}
	return err
}

func chained(digest database.Bytes32, row *registrationRow) database.Bytes32 {
	sealed := sha256.Sum256(row.Sealed)
	return sha256.Sum256(append(append(digest[:], row.Entry[:]...), sealed[:]...))
}

func (s *Service) finishErasure(ctx context.Context, live *Live, d *deletionRow) error {
	for n := int64(1); n > 0; {
		err := s.DB.InTx(ctx, func(tx *gorm.DB) (err error) {
			n, err = dropEvidence(tx, *d)
			return err
		})
		if err != nil {
			return err
		}
	}
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		done, err := deletionOf(tx, live.ID, DeletedUnselected)
		if err != nil {
			return err
		}
		if err := s.certify(tx, live, done); err != nil {
			return err
		}
		return database.Advance(tx, "deletions", done.ID, deletionRunning, deletionDone, map[string]any{"done_at": done.DoneAt, "note": done.Note})
	})
}

// Forget destroys everything that leads to a person, at the person's own wish, and gives a signed certificate of it: before
// the list is frozen by withdrawing, after the result unless there is a prize or may still be one.
func (s *Service) Forget(ctx context.Context, registrationID int64) (certificate string, err error) {
	live, row, err := s.registered(ctx, registrationID)
	if err != nil {
		return "", err
	}
	if err := s.mayForget(ctx, live, row); err != nil {
		return "", err
	}
	if live.leaving(row) {
		return s.withdraw(ctx, live, row)
	}
	return s.eraseOne(ctx, live, row)
}

// mayForget gives nil when a person's data may be deleted now at the person's wish, else why not.
func (s *Service) mayForget(ctx context.Context, live *Live, row *registrationRow) error {
	switch {
	case len(row.Sealed) == 0:
		return errForgotten
	case live.leaving(row):
		return nil
	case live.Status != Drawn && live.Status != Settled && live.Status != Cancelled:
		return errUndrawn
	}
	if s.Kept == nil {
		return errPrize
	}
	kept, err := s.Kept(ctx, live.ID, []int64{row.ID})
	return errors.Join(err, unless(!kept[row.ID], errPrize))
}

// MayForget is mayForget for a page: refused says why not.
func (s *Service) MayForget(ctx context.Context, registrationID int64) (refused, err error) {
	live, row, err := s.registered(ctx, registrationID)
	if err != nil {
		return nil, err
	}
	err = s.mayForget(ctx, live, row)
	if found, ok := fault.As(err); ok {
		return found, nil
	}
	return nil, err
}

// leaving says that a person who goes now leaves the list: it is not frozen yet.
func (l *Live) leaving(row *registrationRow) bool {
	return l.FrozenAt == 0 && (l.Status == Open || l.Status == Closed) && registrationMay(row.Status, Withdrawn)
}

func (s *Service) eraseOne(ctx context.Context, live *Live, row *registrationRow) (certificate string, err error) {
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		gone, err := eraseRegistrations(tx, row.CampaignID, []int64{row.ID})
		if err == nil && len(gone) == 0 {
			err = errForgotten
		}
		if err != nil {
			return err
		}
		certificate, err = s.certifyPerson(tx, live, row, "identity.person-deleted")
		return err
	})
	return certificate, err
}
