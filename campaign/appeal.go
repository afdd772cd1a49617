package campaign

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/audit"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/identity"
	"hongbao/internal/staff"
)

// Statuses of an appeal: open, or decided. Upheld means that the decision which it is against stands; reversed that the
// person was brought into the list.
const (
	AppealOpen     = "open"
	AppealUpheld   = "upheld"
	AppealReversed = "reversed"
)

// appealMay is the one place that says which change of an appeal's status is legal.
func appealMay(from, to string) bool {
	return from == AppealOpen && (to == AppealUpheld || to == AppealReversed)
}

var (
	errNoAppeal      = fault.New(fault.NotFound, "no-appeal", "没有这项申诉。", "There is no such appeal.")
	errNoAppeals     = fault.New(fault.Forbidden, "appeals-not-taken", "本次活动不受理申诉。", "This campaign takes no appeals.")
	errNotExcluded   = fault.New(fault.Conflict, "not-excluded", "您的登记没有被排除，无须申诉。", "Your registration is not excluded; there is nothing to appeal against.")
	errAppealLate    = fault.New(fault.Gone, "appeal-late", "申诉期限已过。", "The time to appeal has passed.")
	errAppealTwice   = fault.New(fault.Conflict, "appeal-exists", "您已就此提出过申诉。", "You have already appealed against this.")
	errAppealDecided = fault.New(fault.Conflict, "appeal-decided", "这项申诉已有结论。", "This appeal has been decided.")
	errOwnExclusion  = fault.New(fault.Forbidden, "appeal-own", "不能处理针对自己所提排除的申诉。", "Nobody decides on an appeal against what they proposed themselves.")
	errStatement     = fault.Field("statement", "statement", "请写明申诉理由（最多 500 字）。", "Please say why, in at most 500 characters.")
)

// Appeal is a person's objection to being refused or excluded. Its statement is sealed, since people write about themselves.
type Appeal struct {
	ID             int64
	CampaignID     int64
	RegistrationID int64
	Reason         string // why the person was refused or excluded
	Sealed         []byte
	Status         string
	FiledAt        database.Millis
	DecideBy       database.Millis
	DecidedAt      database.Millis
	DecidedBy      string
	Answer         string // the reason of the decision
}

// Overdue reports whether an open appeal should have been decided.
func (a Appeal) Overdue(now time.Time) bool {
	return a.Status == AppealOpen && a.DecideBy.Time().Before(now)
}

// AppealExclusion objects to the exclusion of a registration.
func (s *Service) AppealExclusion(ctx context.Context, registrationID int64, statement string) (Appeal, error) {
	live, vault, row, err := s.opened(ctx, registrationID)
	if err != nil {
		return Appeal{}, err
	}
	if err := s.mayAppeal(live, row.ChangedAt.Time(), statement); err != nil {
		return Appeal{}, err
	}
	if row.Status != Excluded {
		return Appeal{}, errNotExcluded
	}
	if vault == nil {
		return Appeal{}, identity.ErrDestroyed
	}
	appeal := s.newAppeal(live, vault, row, statement)
	return appeal, s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if err := unfrozen(tx, live.ID); err != nil {
			return err
		}
		return insertAppeal(tx, &appeal)
	})
}

// AppealRefusal objects to the refusal of a submission, which its attempt number proves. The person is put on record as
// excluded for the reason of the refusal, and so has a confirmation code and a page, and is counted; a reversal moves the
// registration into the list. The same appeal again gets the stored answer.
func (s *Service) AppealRefusal(ctx context.Context, sub Submission, attempt, statement string) (Receipt, error) {
	live, err := s.Live(ctx, sub.Campaign)
	if err != nil {
		return Receipt{}, err
	}
	vault, err := s.Keys.VaultFor(ctx, live.ID)
	if err != nil {
		return Receipt{}, err
	}
	a, err := s.apply(live, vault, sub)
	if err != nil {
		return Receipt{}, err
	}
	reason, refusedBy, err := live.readAttempt(vault, a.row, attempt)
	if err == nil {
		err = s.mayAppeal(live, refusedBy, statement)
	}
	if err != nil {
		return Receipt{}, err
	}
	if err := s.tag(ctx, []*waiter{{application: a}}); err != nil {
		return Receipt{}, err
	}
	a.row.Status, a.row.Reason = Excluded, reason
	stored, err := s.storeRefused(ctx, live, vault, a, statement)
	if err != nil {
		return Receipt{}, err
	}
	return s.receipt(live, vault, stored)
}

func (s *Service) storeRefused(ctx context.Context, live *Live, vault *identity.Vault, a *application, statement string) (stored *registrationRow, err error) {
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if err := unfrozen(tx, live.ID); err != nil {
			return err
		}
		if err := insertRefused(tx, a.row); err != nil {
			return err
		}
		there, err := occupants(tx, []*registrationRow{a.row})
		if err != nil {
			return err
		}
		if len(there) != 1 || there[0].Status != Excluded || there[0].Reason != a.row.Reason {
			return errAlready
		}
		stored = there[0]
		appeal := s.newAppeal(live, vault, stored, statement)
		if err := insertAppeal(tx, &appeal); !errors.Is(err, errAppealTwice) {
			return err
		}
		return nil
	})
	return stored, err
}

// mayAppeal says whether an appeal against something that happened at a moment is taken now.
func (s *Service) mayAppeal(live *Live, happened time.Time, statement string) error {
	now := s.Now()
	switch {
	case !live.Book.Appeals.Set():
		return errNoAppeals
	case live.FrozenAt != 0:
		return errFrozen
	case now.After(live.appealUntil(happened)):
		return errAppealLate
	}
	return unless(shortText(statement, 1, 500), errStatement)
}

// appealUntil is the last moment to appeal against something that happened at a moment: the freeze ends every clock.
func (l *Live) appealUntil(happened time.Time) time.Time {
	return earlier(happened.Add(l.Book.Appeals.File), l.Book.Windows.Freeze())
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (s *Service) newAppeal(live *Live, vault *identity.Vault, row *registrationRow, statement string) Appeal {
	now := s.Now()
	return Appeal{CampaignID: live.ID, RegistrationID: row.ID, Reason: row.Reason, Sealed: vault.Seal([]byte(statement), row.Salt[:]), Status: AppealOpen,
		FiledAt: database.At(now), DecideBy: database.At(earlier(now.Add(live.Book.Appeals.Decide), live.Book.Windows.Freeze()))}
}

// DecideAppeal upholds what the appeal is against, or reverses it: then the person takes part in the draw, if the list is not
// frozen yet. The person is told by SMS. Whoever proposed an exclusion does not decide on an appeal against it.
func (s *Service) DecideAppeal(ctx context.Context, actor string, id int64, reverse bool, answer string) error {
	if !shortText(answer, 1, 200) {
		return errReason
	}
	appeal, err := s.Appeal(ctx, id)
	if err != nil {
		return err
	}
	live, _, row, err := s.opened(ctx, appeal.RegistrationID)
	if err != nil {
		return err
	}
	if err := s.impartial(ctx, actor, row); err != nil {
		return err
	}
	to, stage := AppealUpheld, StageUpheld
	if reverse {
		to, stage = AppealReversed, StageReversed
	}
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if err := moveAppeal(tx, appeal, to, actor, answer, s.Now()); err != nil {
			return err
		}
		if reverse {
			if err := s.readmit(tx, appeal, row); err != nil {
				return err
			}
		}
		if err := s.Notify(tx, live.ID, stage, s.Now(), row.ID); err != nil {
			return err
		}
		return audit.Record(tx, audit.Entry{At: s.Now(), Actor: actor, Action: "appeal.decide", Campaign: live.Slug, Subject: fmt.Sprintf("appeal %d", id),
			Detail: map[string]any{"against": appeal.Reason, "outcome": to, "answer": answer, "late": appeal.Overdue(s.Now())}})
	})
}

func (s *Service) readmit(tx *gorm.DB, appeal Appeal, row *registrationRow) error {
	if err := unfrozen(tx, appeal.CampaignID); err != nil {
		return err
	}
	if row.Status != Excluded || row.Reason != appeal.Reason {
		return errRegistrationStatus
	}
	if appeal.Reason == errNameMismatch.Code { // or the job would ask again
		if err := saveCheck(tx, checkRow(row.ID, row.CampaignID, checkName, checkPassed, database.At(s.Now()))); err != nil {
			return err
		}
	}
	return moveRegistration(tx, row, Confirmed, "", s.Now(), nil)
}

func (s *Service) impartial(ctx context.Context, actor string, row *registrationRow) error {
	findings, err := findingsOf(s.DB.Read(ctx), row.ID)
	if err != nil {
		return err
	}
	for _, f := range findings {
		if f.Status == FindingExcluded && f.Maker == actor {
			return errOwnExclusion
		}
	}
	byHand, err := s.exclusions(ctx, row.CampaignID, row.Entry, staff.Approved)
	if err != nil {
		return err
	}
	return unless(!slices.ContainsFunc(byHand, func(a staff.Approval) bool { return a.Maker == actor }), errOwnExclusion)
}

// AppealFilter narrows a campaign's appeals; an empty field does not.
type AppealFilter struct {
	Status  string
	Overdue bool
	After   int64 // id after which the page begins
	Limit   int   // 50 if 0, 200 at most
}

// HeardAppeal is an appeal as staff see it: the person is masked.
type HeardAppeal struct {
	Appeal
	Person    Masked
	Statement string // "" in a list, and once it was destroyed
}

// Appeals lists a campaign's appeals, the oldest first. Who looked, and at whom, is on the record.
func (s *Service) Appeals(ctx context.Context, actor string, c Campaign, filter AppealFilter) ([]HeardAppeal, error) {
	appeals, err := appealRows(s.DB.Read(ctx), c.ID, filter, s.Now())
	if err != nil || len(appeals) == 0 {
		return nil, err
	}
	rows, err := appellants(s.DB.Read(ctx), appeals)
	if err != nil {
		return nil, err
	}
	people, err := s.maskedRows(ctx, c, audit.Entry{Actor: actor, Action: "appeal.list", Subject: fmt.Sprintf("%d appeals from %d", len(appeals), appeals[0].ID)}, rows)
	if err != nil {
		return nil, err
	}
	byID := map[int64]Masked{}
	for _, person := range people {
		byID[person.ID] = person
	}
	list := make([]HeardAppeal, len(appeals))
	for i, appeal := range appeals {
		list[i] = HeardAppeal{Appeal: appeal, Person: byID[appeal.RegistrationID]}
	}
	return list, nil
}

// HearAppeal opens one appeal with its statement, on the record.
func (s *Service) HearAppeal(ctx context.Context, actor string, id int64) (HeardAppeal, error) {
	appeal, err := s.Appeal(ctx, id)
	if err != nil {
		return HeardAppeal{}, err
	}
	live, vault, row, err := s.opened(ctx, appeal.RegistrationID)
	if err != nil {
		return HeardAppeal{}, err
	}
	people, err := s.maskedRows(ctx, live.Campaign, audit.Entry{Actor: actor, Action: "appeal.view", Subject: fmt.Sprintf("appeal %d", id)}, []*registrationRow{row})
	if err != nil {
		return HeardAppeal{}, err
	}
	statement, err := appeal.statement(vault, row)
	return HeardAppeal{appeal, people[0], statement}, err
}

// statement opens what the person wrote; it is "" once that was deleted.
func (a Appeal) statement(vault *identity.Vault, row *registrationRow) (string, error) {
	if vault == nil || len(a.Sealed) == 0 {
		return "", nil
	}
	statement, err := vault.Open(a.Sealed, row.Salt[:])
	if err != nil {
		return "", fmt.Errorf("opening appeal %d: %w", a.ID, err)
	}
	return string(statement), nil
}

// MyAppeal is an appeal as the person sees it. Times are RFC 3339.
type MyAppeal struct {
	Reason    string     `json:"reason"`
	Status    string     `json:"status"`
	FiledAt   time.Time  `json:"filed_at"`
	DecideBy  time.Time  `json:"decide_by"`
	DecidedAt *time.Time `json:"decided_at,omitempty"`
	Answer    string     `json:"answer,omitempty"`
	Final     bool       `json:"list_frozen"` // the list is frozen: the outcome can no longer change it
}

// mine is the appeal for its person.
func (a Appeal) mine(frozen bool) MyAppeal {
	m := MyAppeal{Reason: a.Reason, Status: a.Status, FiledAt: a.FiledAt.Time(), DecideBy: a.DecideBy.Time(), Answer: a.Answer, Final: frozen}
	if a.DecidedAt != 0 {
		at := a.DecidedAt.Time()
		m.DecidedAt = &at
	}
	return m
}

// MyAppeals are a person's own appeals, the oldest first.
func (s *Service) MyAppeals(ctx context.Context, registrationID int64) (list []MyAppeal, err error) {
	live, _, err := s.registered(ctx, registrationID)
	if err != nil {
		return nil, err
	}
	appeals, err := appealsOf(s.DB.Read(ctx), registrationID)
	for _, appeal := range appeals {
		list = append(list, appeal.mine(live.FrozenAt != 0))
	}
	return list, err
}
