// Package campaign is what a city gives, to whom, and where it may be spent: rule books, the life of a campaign,
// registration, eligibility, merchants, and the admission of purchases.
//
// What always holds: a rule book never changes once stored. One person has one entry in a campaign, by unique keyed
// indexes and not by a look beforehand. Identity is sealed before it reaches the database, and no log line holds it.
// After Freeze no registration is added, withdrawn or excluded.
package campaign

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"golang.org/x/mod/sumdb/note"
	"gorm.io/gorm"

	"hongbao/internal/audit"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/identity"
	"hongbao/internal/money"
	"hongbao/internal/staff"
)

// Service holds campaigns and registrations. All fields are required, save Evidence, Names, Kept, Dossier,
// Measures and Limit.
type Service struct {
	DB       *database.DB
	Keys     *identity.KeyRing
	Keeper   identity.Keeper
	Receipts func(city string) (note.Signer, error) // the log key of a city signs its receipts
	SMS      SMS
	Evidence Evidence // nil: the imported lists alone
	// Kept says which of a campaign's registrations hold or held a prize, or may still get one; nil: nobody's data is
	// deleted.
	Kept func(ctx context.Context, campaignID int64, registrationIDs []int64) (map[int64]bool, error)
	// Dossier is what the rooms above keep about a registration, for the person's own download.
	Dossier  func(ctx context.Context, campaignID, registrationID int64) (any, error)
	Names    Names // nil: names are not checked
	Staff    *staff.Service
	Now      func() time.Time
	Random   io.Reader
	Log      *slog.Logger
	Measures *Measures
	// Limit says how long a caller must wait before one more request in the bucket PerDevice, or 0 when it may pass now; nil: no limit.
	Limit func(bucket, caller string) time.Duration

	shelf     shelf
	listed    recent[string, []int64]
	shops     recent[shopQuery, []ListedMerchant]
	counted   recent[int64, int64] // registrations, by campaign
	cities    recent[string, Text] // names, by code
	deletions recent[int64, []Deletion]
	intake    intake
	tally     tally
	tries     tries
	heat      heat
}

// Campaign is a stored campaign. Times are UTC.
type Campaign struct {
	ID             int64
	Slug           string
	City           string // code
	NameZH, NameEN string
	RuleHash       database.Bytes32
	Status         string
	NoticeAt       database.Millis
	OpenAt         database.Millis
	CloseAt        database.Millis
	ClaimFromAt    database.Millis
	ClaimUntilAt   database.Millis
	SpendFromAt    database.Millis
	SpendUntilAt   database.Millis
	Budget         money.Fen `gorm:"column:budget_fen"`
	FrozenAt       database.Millis
	CreatedAt      database.Millis
	CreatedBy      string
}

// Name gives the campaign's name in locale "zh" or "en".
func (c Campaign) Name(locale string) string { return Text{c.NameZH, c.NameEN}.In(locale) }

const approvalPublish = "campaign.publish"

var (
	errNoCampaign  = fault.New(fault.NotFound, "no-campaign", "没有这个活动。", "There is no such campaign.")
	errSlugTaken   = fault.Field("id", "campaign-exists", "已有同名活动，请换一个 id。", "A campaign with this id exists; choose another id.")
	errStatus      = fault.New(fault.Conflict, "campaign-status", "活动当前状态不能这样做。", "The campaign's status does not allow that.")
	errUnderReview = fault.New(fault.Conflict, "list-under-review", "名单还在核查和申诉期内，不能锁定。", "The list is still under review and open to appeals; it cannot be frozen yet.")
	errFrozen      = fault.New(fault.Conflict, "list-frozen", "名单已锁定，不能再更改。", "The list is frozen and can no longer change.")
	errReason      = fault.Field("reason", "reason", "请写明理由（最多 200 字）。", "Please give a reason (at most 200 characters).")
	errOverdue     = fault.New(fault.Conflict, "campaign-overdue", "登记开始时间已过，请修改规则书后重新提交。",
		"Registration would already be open; change the windows and submit the rule book anew.")
)

// Handlers registers what an approval of this room does. Call it once, when the services are wired.
func (s *Service) Handlers() {
	s.Staff.Handle(approvalPublish, s.publish)
	s.Staff.Handle(approvalDestroy, s.destroy)
	s.Staff.Handle(approvalExclude, s.exclude)
	s.Staff.Handle(approvalRisk, s.excludeFinding)
	s.Staff.HandleRejected(approvalRisk, s.returnFinding)
}

// Jobs lists the recurring work of this room.
func (s *Service) Jobs() []database.Job {
	return []database.Job{
		{Name: "campaign-open", ZH: "到时开放登记", Schedule: "* * * * *", Run: s.OpenDue},
		{Name: "campaign-close", ZH: "到时截止登记", Schedule: "* * * * *", Run: s.CloseDue},
		{Name: "risk-assess", ZH: "按风险规则核查登记名单", Schedule: "* * * * *", Run: s.AssessDue},
		{Name: "outside-check", ZH: "实名核验与资格补查", Schedule: "* * * * *", Run: s.CheckOutside},
		{Name: "messages-send", ZH: "发送官方短信", Schedule: "* * * * *", Run: s.SendMessages},
		{Name: "unselected-erase", ZH: "按期删除未中签者的个人信息", Schedule: "40 3 * * *", Run: s.EraseUnselected},
		{Name: "refusals-flush", ZH: "记录未受理登记的计数", Schedule: "* * * * *", Run: s.FlushRefusals},
		{Name: "registrations-count", ZH: "记录登记人数", Schedule: "*/10 * * * *", Run: s.NoteCounts},
		{Name: "attempts-drop", ZH: "清理过期的尝试次数", Schedule: "* * * * *", Run: s.DropAttempts},
	}
}

// Create stores a rule book as a draft, with its city, its merchants and its key. A rule book with a mistake is refused
// and nothing is stored.
func (s *Service) Create(ctx context.Context, actor string, yaml []byte) (Campaign, error) {
	book, err := ParseRuleBook(yaml)
	if err != nil {
		return Campaign{}, err
	}
	var id int64
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		cityID, err := saveCity(tx, book.City, s.Now())
		if err != nil {
			return err
		}
		if id, err = insertCampaign(tx, cityID, book, actor, s.Now()); err != nil {
			return err
		}
		if err := s.Keys.Create(tx, id, identity.Suite(book.Suite), s.Now()); err != nil {
			return fmt.Errorf("creating the key of %s: %w", book.ID, err)
		}
		if err := upsertMerchants(tx, id, book.Merchants); err != nil {
			return err
		}
		return s.record(tx, actor, "campaign.create", book.ID, map[string]any{
			"rule_hash": fmt.Sprintf("%x", book.Hash()), "budget_fen": int64(book.Budget()), "envelopes": book.Envelopes()})
	})
	if err != nil {
		return Campaign{}, err
	}
	s.listed.forget()
	return s.Get(ctx, id)
}

// RequestPublish asks a second person to approve a draft, who is shown what it costs and when it happens.
func (s *Service) RequestPublish(ctx context.Context, actor, slug string) (approval int64, err error) {
	c, err := s.BySlug(ctx, slug)
	if err != nil {
		return 0, err
	}
	book, err := s.RuleBook(ctx, c.ID)
	if err != nil {
		return 0, err
	}
	if c.Status != Draft {
		return 0, errStatus
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		approval, err = s.Staff.Request(tx, staff.Approval{CampaignID: c.ID, City: c.City, Kind: approvalPublish, Subject: slug, Maker: actor,
			Summary: map[string]any{"rule_hash": fmt.Sprintf("%x", c.RuleHash[:]), "budget_fen": int64(c.Budget), "envelopes": book.Envelopes(),
				"open": book.Windows.Open, "close": book.Windows.Close, "spend_until": book.Windows.SpendUntil}})
		return err
	})
	return approval, err
}

// publish is what the approval does.
func (s *Service) publish(_ context.Context, tx *gorm.DB, a staff.Approval) error {
	c, err := campaignRow(tx, "c.id = ?", a.CampaignID)
	if err != nil {
		return err
	}
	if !s.Now().Before(c.OpenAt.Time()) {
		return errOverdue
	}
	return s.advance(tx, c.ID, Draft, Approved)
}

// Cancel ends a campaign whose list is not frozen; the reason is on the record. From the freeze on there is a draw, which
// is voided in public or carried out.
func (s *Service) Cancel(ctx context.Context, actor, slug, reason string) error {
	if !shortText(reason, 1, 200) {
		return errReason
	}
	c, err := s.BySlug(ctx, slug)
	if err != nil {
		return err
	}
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if err := s.advance(tx, c.ID, c.Status, Cancelled); err != nil {
			return err
		}
		if now, err := lockCampaign(tx, c.ID); err != nil || now.FrozenAt != 0 { // the row is ours now: nobody freezes it
			return errors.Join(err, unless(now.FrozenAt == 0, errFrozen))
		}
		return s.record(tx, actor, "campaign.cancel", slug, map[string]any{"from": c.Status, "reason": reason})
	})
}

func (s *Service) record(tx *gorm.DB, actor, action, slug string, detail any) error {
	return audit.Record(tx, audit.Entry{At: s.Now(), Actor: actor, Action: action, Campaign: slug, Subject: slug, Detail: detail})
}

// Get finds a campaign by id.
func (s *Service) Get(ctx context.Context, id int64) (Campaign, error) {
	return campaignRow(s.DB.Read(ctx), "c.id = ?", id)
}

// BySlug finds a campaign by its rule book's id.
func (s *Service) BySlug(ctx context.Context, slug string) (Campaign, error) {
	return campaignRow(s.DB.Read(ctx), "c.slug = ?", slug)
}

// List gives the campaigns of a city, all of them for "" or "*", the newest first.
func (s *Service) List(ctx context.Context, city string) ([]Campaign, error) {
	return campaignRows(s.DB.Read(ctx), city)
}

// CityName gives the name of a city by its code; empty for one that has had no campaign.
func (s *Service) CityName(ctx context.Context, code string) (Text, error) {
	return s.cities.getWithin(countLife, code, s.Now(), func() (Text, error) { return cityName(s.DB.Read(ctx), code) })
}

// RuleBook gives the rules of a campaign.
func (s *Service) RuleBook(ctx context.Context, id int64) (*RuleBook, error) {
	live, err := s.live(ctx, id)
	if err != nil {
		return nil, err
	}
	return live.Book, nil
}
