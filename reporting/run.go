package reporting

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/audit"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/staff"
	"hongbao/lottery"
)

// Service makes reports of one database snapshot and keeps them with their digest and signature.
type Service struct {
	DB        *database.DB
	Campaigns *campaign.Service
	Staff     *staff.Service                            // decides on unmasked reports
	LogKey    func(city string) (lottery.LogKey, error) // signs reports; nil leaves them unsigned
	Version   string                                    // of the software, printed on covers
	Now       func() time.Time
	Work      context.Context // of the worker; nil is one that never ends

	making  sync.Mutex // held by the one worker of this process
	leaving atomic.Bool
}

// The statuses of a run.
const (
	Held      = "held"      // unmasked, waits for a second person's release
	Queued    = "queued"    // waits for a worker; again, when the process that made it has left
	Running   = "running"   // being made; its rows grow
	Done      = "done"      // can be downloaded
	Failed    = "failed"    // not released, or interrupted; the reason is kept
	Cancelled = "cancelled" // by a person, before it was done
	Expired   = "expired"   // unmasked, and its file is gone
)

// mayBecome is the one place that says how a run's status may change.
func mayBecome(from, to string) bool {
	switch from {
	case Held:
		return to == Queued || to == Cancelled
	case Queued:
		return to == Running || to == Cancelled
	case Running:
		return to == Done || to == Failed || to == Cancelled || to == Queued
	case Done:
		return to == Expired
	}
	return false
}

// Run is one making of a report.
type Run struct {
	ID         int64           `json:"id"`
	CampaignID int64           `json:"-"`
	Number     string          `json:"number"` // printed on the cover and every page
	Name       string          `json:"name"`
	Format     string          `json:"format"` // xlsx, csv or jsonl
	Status     string          `json:"status"`
	RowCount   int             `json:"rows"`      // so far, while running
	Size       int64           `json:"size"`      // bytes of the file
	Digest     string          `json:"digest"`    // of the cells, also on the cover
	Signature  string          `json:"signature"` // signed note over the digest
	MadeBy     string          `json:"made_by"`
	AskedAt    database.Millis `json:"-"`
	StartedAt  database.Millis `json:"-"`
	BeatAt     database.Millis `json:"-"` // when it last got on
	FinishedAt database.Millis `json:"-"`
	ExpiresAt  database.Millis `json:"-"` // of an unmasked file; 0 for ever
	Error      string          `json:"error,omitempty"`
	Unmasked   bool            `json:"unmasked,omitempty"`
	Reason     string          `json:"reason,omitempty"` // why it has to be unmasked
	ApprovalID int64           `json:"approval_id,omitempty"`
	ReleasedBy string          `json:"released_by,omitempty"`
	Secret     []byte          `json:"-"` // the file's password, sealed; nil once shown
}

// TableName tells GORM where runs are kept.
func (Run) TableName() string { return "report_runs" }

// Formats that a report can be made in.
const (
	XLSX  = "xlsx"
	CSV   = "csv"
	JSONL = "jsonl"
)

// Order is what somebody asks for.
type Order struct {
	CampaignID int64
	Name       string
	Format     string // XLSX unless given
	By         string // username
	Unmasked   bool   // with identity in full: takes a reason and a second person's release
	Reason     string // at most 200 characters
}

var (
	errUnknownFormat = fault.Field("format", "format-unknown", "格式只能是 xlsx、csv 或 jsonl。", "The format must be xlsx, csv or jsonl.")
	errReason        = fault.Field("reason", "reason", "请写明理由（不超过200字）。", "Please give a reason, in at most 200 characters.")
	errImpersonal    = fault.Field("unmasked", "report-impersonal", "这份报表没有身份信息，或不是 Excel 格式。", "This report has no identity in it, or is not asked for as a workbook.")
)

func unknown(name string) error {
	return fault.New(fault.NotFound, "report-unknown", "没有名为“"+name+"”的报表。", "There is no report named "+name+".")
}

// check refuses an order that cannot be met.
func (o *Order) check() error {
	if o.Format == "" {
		o.Format = XLSX
	}
	report, ok := Find(o.Name)
	switch {
	case !ok:
		return unknown(o.Name)
	case o.Format != XLSX && o.Format != CSV && o.Format != JSONL:
		return errUnknownFormat
	case o.Unmasked && (o.Format != XLSX || !report.personal()):
		return errImpersonal
	case o.Unmasked && (o.Reason == "" || utf8.RuneCountInString(o.Reason) > 200):
		return errReason
	}
	return nil
}

// Order takes an order and returns at once; a worker makes the report. An unmasked report waits for its release first.
func (s *Service) Order(ctx context.Context, o Order) (Run, error) {
	run, err := s.take(ctx, o)
	if err == nil && run.Status == Queued {
		s.wake()
	}
	return run, err
}

// Produce makes a report and waits for it. The run of a failed making stays, with the reason, which is also the error.
func (s *Service) Produce(ctx context.Context, name string, campaignID int64, format, by string) (Run, error) {
	run, err := s.take(ctx, Order{CampaignID: campaignID, Name: name, Format: format, By: by})
	if err != nil {
		return run, err
	}
	return s.make(ctx, run)
}

func (s *Service) take(ctx context.Context, o Order) (Run, error) {
	if err := o.check(); err != nil {
		return Run{}, err
	}
	run := Run{CampaignID: o.CampaignID, Number: s.number(o.Name), Name: o.Name, Format: o.Format, Status: Queued, MadeBy: o.By, AskedAt: database.At(s.Now())}
	if o.Unmasked {
		run.Status, run.Unmasked, run.Reason = Held, true, o.Reason
	}
	return run, s.DB.InTx(ctx, func(tx *gorm.DB) error {
		run.ID = 0
		if err := tx.Create(&run).Error; err != nil {
			return err
		}
		if !run.Unmasked {
			return nil
		}
		return s.requestRelease(ctx, tx, &run)
	})
}

// number is unique and says the report and the day (Asia/Shanghai), as in winners-20201227-1f3a9c00.
func (s *Service) number(name string) string {
	tail := make([]byte, 4)
	rand.Read(tail)
	return fmt.Sprintf("%s-%s-%s", name, s.Now().In(shanghai).Format("20060102"), hex.EncodeToString(tail))
}

// Make writes the named report of a campaign to w, and keeps nothing. number stands on it; by is who it is made for.
// An unknown name or format is NotFound or Invalid; a report whose totals differ from the ledger is a Conflict.
func (s *Service) Make(ctx context.Context, name string, campaignID int64, format, number, by string, w io.Writer) (Outcome, error) {
	o := Order{Name: name, Format: format}
	if err := o.check(); err != nil {
		return Outcome{}, err
	}
	cover, vocabulary, err := s.cover(ctx, campaignID, number, by)
	if err != nil {
		return Outcome{}, err
	}
	cover.Mark = "—"
	return s.compose(ctx, o, cover, Scope{Campaign: campaignID, Words: vocabulary}, w)
}

// compose writes a checked order's report from one snapshot.
func (s *Service) compose(ctx context.Context, o Order, cover Cover, scope Scope, w io.Writer) (out Outcome, err error) {
	report, _ := Find(o.Name)
	scope.At, scope.Unmasked, scope.People = cover.MadeAt, o.Unmasked, s.people(cover.MadeBy)
	err = s.DB.Snapshot(ctx, func(tx *gorm.DB) (err error) {
		scope.Tx = tx
		scope.fairness = sync.OnceValues(func() (*lottery.Fairness, error) { return lottery.FairnessOf(tx.WithContext(ctx), scope.Campaign) })
		switch o.Format {
		case CSV:
			out, err = report.CSV(ctx, scope, cover, w)
		case JSONL:
			out, err = report.JSONLines(ctx, scope, cover, w)
		default:
			out, err = report.Workbook(ctx, scope, cover, w)
		}
		return err
	})
	return out, err
}

// cover gathers what stands on the cover, and the campaign's vocabulary.
func (s *Service) cover(ctx context.Context, campaignID int64, number, by string) (Cover, vocabulary, error) {
	c, err := s.Campaigns.Get(ctx, campaignID)
	if err != nil {
		return Cover{}, nil, err
	}
	book, err := s.Campaigns.RuleBook(ctx, campaignID)
	if err != nil {
		return Cover{}, nil, err
	}
	cover := Cover{City: book.City.Name.ZH, Campaign: c.NameZH, Slug: c.Slug, Number: number, MadeBy: by, MadeAt: s.Now(), Version: s.Version,
		Period: day(c.OpenAt.Time()) + " 至 " + day(c.SpendUntilAt.Time().Add(-1))}
	if s.LogKey == nil {
		return cover, words(book), nil
	}
	key, err := s.LogKey(c.City)
	cover.Signer, cover.VKey = key.Signer, key.VKey
	return cover, words(book), err
}

func day(t time.Time) string { return t.In(shanghai).Format(time.DateOnly) }

// audited puts what was done with a report on the audit trail.
func (s *Service) audited(tx *gorm.DB, run Run, by, action string) error {
	var slug string
	if err := tx.Raw("SELECT slug FROM campaigns WHERE id = ?", run.CampaignID).Scan(&slug).Error; err != nil {
		return err
	}
	return audit.Record(tx, audit.Entry{At: s.Now(), Actor: by, Action: action, Campaign: slug, Subject: "report:" + run.Number,
		Detail: map[string]any{"name": run.Name, "format": run.Format, "rows": run.RowCount, "digest": run.Digest, "unmasked": run.Unmasked}})
}
