package campaign

import (
	"context"
	"errors"
	"slices"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/allowance"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/identity"
)

// Registration statuses. Registered waits for the confirmation code of a two-step campaign; confirmed takes part in the
// draw; withdrawn by the person and excluded with a reason do not, and are counted in public.
const (
	Registered = "registered"
	Confirmed  = "confirmed"
	Withdrawn  = "withdrawn"
	Excluded   = "excluded"
)

// Reasons of this room for not taking part in the draw.
const (
	ReasonWithdrawn   = "withdrawn"
	ReasonUnconfirmed = "unconfirmed"
)

// ExclusionReasons are the reasons for which a registration is not in the draw, each with its sentence for the person. The
// first are refusals against which the person has appealed, the next of the risk rules; for the rest see StaffReasons.
var ExclusionReasons = map[string]Text{
	errEvidence.Code:                 {errEvidence.ZH, errEvidence.EN},
	errTooYoung.Code:                 {errTooYoung.ZH, errTooYoung.EN},
	errTooOld.Code:                   {errTooOld.ZH, errTooOld.EN},
	errDistrict.Code:                 {errDistrict.ZH, errDistrict.EN},
	errLocation.Code:                 {errLocation.ZH, errLocation.EN},
	errNameMismatch.Code:             {errNameMismatch.ZH, errNameMismatch.EN},
	"ineligible":                     {"复核后不符合参加条件。", "A second check found that the conditions are not met."},
	"false-document":                 {"证件信息核验不一致。", "The document could not be confirmed."},
	"related-party":                  {"属于应当回避的活动组织人员。", "A member of the organising staff, who may not take part."},
	"mass-registered":                {"经核查属于批量登记。", "Found to be part of a mass registration."},
	"court-order":                    {"依据生效法律文书。", "By order of a court or authority."},
	ReasonUnconfirmed:                {"未在规定时间内完成确认。", "Not confirmed in time."},
	ReasonWithdrawn:                  {"本人已退出。", "Withdrawn by the person."},
	reasonRisk + SameDevice:          {"同一设备登记过多。", "Too many registrations from one device."},
	reasonRisk + SameNetwork:         {"同一网段登记过多。", "Too many registrations from one network block."},
	reasonRisk + PhoneRange:          {"同一网段用虚拟号段登记过多。", "Too many registrations with phones of one range from one network block."},
	reasonRisk + SequentialDocuments: {"证件号码连续的登记过多。", "Too many registrations with consecutive documents."},
	"duplicate-person":               {"同一人重复登记。", "The same person registered twice."},
}

var (
	errNoRegistration     = fault.New(fault.NotFound, "no-registration", "没有查到登记，请核对手机号和确认码。", "No registration was found; please check phone and confirmation code.")
	errRegistrationStatus = fault.New(fault.Conflict, "registration-status", "登记当前状态不能这样做。", "The registration's status does not allow that.")
	errConfirmLate        = fault.New(fault.Gone, "confirm-late", "确认时限已过。", "The time to confirm has passed.")
)

// registrationMay is the one place that says which change of a registration's status is legal.
func registrationMay(from, to string) bool {
	switch from {
	case Registered:
		return to == Confirmed || to == Withdrawn || to == Excluded
	case Confirmed:
		return to == Withdrawn || to == Excluded
	case Excluded:
		return to == Confirmed // on appeal
	}
	return false
}

// Register takes a submission in: it is answered once its row is durable, with a receipt that the person can check the
// draw with. The same key with the same body gets the stored answer. Refusals are faults that name the field; one that
// joins several fields is read with errors.As for the first or by Unwrap for all.
func (s *Service) Register(ctx context.Context, sub Submission) (Receipt, error) {
	live, err := s.Live(ctx, sub.Campaign)
	if err != nil {
		return Receipt{}, err
	}
	vault, err := s.Keys.VaultFor(ctx, live.ID)
	if err != nil {
		return Receipt{}, err
	}
	receipt, err := s.enter(ctx, live, vault, sub)
	s.Measures.refused(err)
	if found, ok := fault.As(err); ok {
		s.tally.add(refusal{live.ID, found.Code, database.At(s.Now().Truncate(time.Hour))})
	}
	return receipt, err
}

func (s *Service) enter(ctx context.Context, live *Live, vault *identity.Vault, sub Submission) (Receipt, error) {
	a, err := s.apply(live, vault, sub)
	if err != nil {
		return Receipt{}, errors.Join(live.accepts(s.Now()), err)
	}
	err = errors.Join(live.accepts(s.Now()), s.checkChallenge(live, vault, a, sub), s.checkDevice(a))
	if err == nil {
		err = s.checkCode(ctx, vault, a, sub.SMSCode)
	}
	if err != nil {
		return s.replay(ctx, vault, a, err)
	}
	if err := s.submit(ctx, a); errors.Is(err, errTooManyCodes) {
		return s.replay(ctx, vault, a, err)
	} else if err != nil {
		return Receipt{}, live.appealably(vault, a, err, s.Now())
	}
	return s.receipt(live, vault, a.row)
}

// PerDevice is the bucket of a browser's submissions, and DeviceRule what it may: a family shares a phone.
const PerDevice = "device"

// DeviceRule lets a browser submit so many times at once, and as many again in ten minutes.
var DeviceRule = allowance.Rule{Burst: 30, Every: 20 * time.Second}

// checkDevice holds up a browser that submits too often, for those whose browser may be known. What it has submitted is looked at by
// the risk rules; this keeps a script from trying documents.
func (s *Service) checkDevice(a *application) error {
	if a.row.DeviceHash == nil || s.Limit == nil {
		return nil
	}
	if wait := s.Limit(PerDevice, string(a.row.DeviceHash[:])); wait > 0 {
		return errTooManyCodes.After(wait)
	}
	return nil
}

// replay gives the stored answer to a submission that was taken in before its code ran out or registration closed, and
// otherwise the refusal.
func (s *Service) replay(ctx context.Context, vault *identity.Vault, a *application, refused error) (Receipt, error) {
	stored, err := registrationWhere(s.DB.Read(ctx), "campaign_id = ? AND idempotency_key = ? AND body_hash = ?",
		a.row.CampaignID, a.row.IdempotencyKey, a.row.BodyHash)
	if err != nil {
		return Receipt{}, refused
	}
	return s.receipt(a.live, vault, stored)
}

// Lookup finds a registration by phone and confirmation code. Five wrong codes for a phone wait for ten minutes.
func (s *Service) Lookup(ctx context.Context, slug, phone, code string) (Receipt, error) {
	live, vault, row, err := s.known(ctx, slug, phone, code)
	if err != nil {
		return Receipt{}, err
	}
	return s.receipt(live, vault, row)
}

// Confirm is the second step of a two-step registration: the code that came by SMS, in time and before the close.
func (s *Service) Confirm(ctx context.Context, slug, phone, code string) (Receipt, error) {
	live, vault, row, err := s.known(ctx, slug, phone, code)
	if err != nil || row.Status == Confirmed {
		return s.receiptOr(live, vault, row, err)
	}
	now := s.Now()
	if now.After(row.RegisteredAt.Time().Add(live.Book.ConfirmWithin)) || live.accepts(now) != nil {
		return Receipt{}, errConfirmLate
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if c, err := lockCampaign(tx, live.ID); err != nil || c.Status != Open {
			return errors.Join(err, errConfirmLate)
		}
		return moveRegistration(tx, row, Confirmed, "", now, nil)
	})
	row.Status = Confirmed
	return s.receiptOr(live, vault, row, err)
}

func (s *Service) receiptOr(live *Live, vault *identity.Vault, row *registrationRow, err error) (Receipt, error) {
	if err != nil {
		return Receipt{}, err
	}
	return s.receipt(live, vault, row)
}

// known finds the registration of a phone whose confirmation code is right.
func (s *Service) known(ctx context.Context, slug, phone, code string) (*Live, *identity.Vault, *registrationRow, error) {
	live, err := s.Live(ctx, slug)
	if err != nil {
		return nil, nil, nil, err
	}
	vault, err := s.Keys.VaultFor(ctx, live.ID)
	if err != nil {
		return nil, nil, nil, err
	}
	number, err := identity.ParsePhone(numeral(phone))
	if err != nil {
		return nil, nil, nil, err
	}
	row, err := s.lookUp(ctx, live, vault, *index(vault, "phone", number), code)
	return live, vault, row, err
}

// lookUp compares the code and counts it if it is wrong.
func (s *Service) lookUp(ctx context.Context, live *Live, vault *identity.Vault, phone database.Bytes32, code string) (*registrationRow, error) {
	now := s.Now()
	leave, err := s.tries.enter(attempt{lookupTries.what, phone}, now)
	if err != nil {
		return nil, err
	}
	defer leave()
	made, err := s.attemptsAt(ctx, lookupTries, []database.Bytes32{phone}, now)
	if err != nil {
		return nil, err
	}
	if wait := lookupTries.wait(made[phone], lookupTries.most-1, now); wait > 0 {
		return nil, errTooManyCodes.After(wait)
	}
	row, err := registrationWhere(s.DB.Read(ctx), "campaign_id = ? AND phone_index = ?", live.ID, phone)
	switch {
	case errors.Is(err, errNoRegistration):
		return nil, s.miss(ctx, lookupTries, phone, errors.Join(s.afterErasure(ctx, live), err))
	case err != nil:
		return nil, err
	case !sameCode(confirmationCode(vault, row.Entry), code):
		return nil, s.miss(ctx, lookupTries, phone, errNoRegistration)
	case len(made) > 0:
		err = s.DB.InTx(ctx, func(tx *gorm.DB) error { return forgiveAttempts(tx, lookupTries, []database.Bytes32{phone}) })
	}
	return row, err
}

// afterErasure says why somebody is not found in a campaign in which people without a prize are not kept any more.
func (s *Service) afterErasure(ctx context.Context, live *Live) error {
	if live.accepts(s.Now()) == nil {
		return nil
	}
	list, err := s.publicDeletions(ctx, live.ID)
	if err == nil && slices.ContainsFunc(list, func(d Deletion) bool { return d.Kind == DeletedUnselected }) {
		return errErased
	}
	return err
}

// Withdraw takes a registration out before the freeze and destroys everything in it that leads to the person, who may
// register again. The entry stays for the public count, and the certificate of what was destroyed is kept.
func (s *Service) Withdraw(ctx context.Context, registrationID int64) error {
	live, row, err := s.registered(ctx, registrationID)
	if err != nil {
		return err
	}
	_, err = s.withdraw(ctx, live, row)
	return err
}

func (s *Service) withdraw(ctx context.Context, live *Live, row *registrationRow) (certificate string, err error) {
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if err := unfrozen(tx, row.CampaignID); err != nil {
			return err
		}
		if err := eraseAppeals(tx, []int64{row.ID}); err != nil {
			return err
		}
		if err := moveRegistration(tx, row, Withdrawn, ReasonWithdrawn, s.Now(), shredded()); err != nil {
			return err
		}
		certificate, err = s.certifyPerson(tx, live, row, "registration.withdraw")
		return err
	})
	return certificate, err
}

func unfrozen(tx *gorm.DB, campaignID int64) error {
	c, err := lockCampaign(tx, campaignID)
	if err != nil {
		return err
	}
	return unless(c.FrozenAt == 0 && (c.Status == Open || c.Status == Closed), errFrozen)
}
