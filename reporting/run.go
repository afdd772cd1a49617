package reporting

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/audit"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/lottery"
)

// Service makes reports of one database snapshot and keeps them with their digest.
type Service struct {
	DB        *database.DB
	Campaigns *campaign.Service
	LogKey    func(city string) (lottery.LogKey, error) // signs reports; nil leaves them unsigned
	Version   string                                    // of the software, printed on covers
	Now       func() time.Time
}

// Run is one making of a report. It goes from running to done or failed, and never back.
type Run struct {
	ID         int64           `json:"id"`
	CampaignID int64           `json:"-"`
	Number     string          `json:"number"` // printed on the cover and every page
	Name       string          `json:"name"`
	Format     string          `json:"format"` // xlsx, csv or jsonl
	Status     string          `json:"status"`
	RowCount   int             `json:"rows"`
	Size       int64           `json:"size"`   // bytes of the file
	Digest     string          `json:"digest"` // of the cells, also on the cover
	MadeBy     string          `json:"made_by"`
	StartedAt  database.Millis `json:"-"`
	FinishedAt database.Millis `json:"-"`
	Error      string          `json:"error,omitempty"`
}

// TableName tells GORM where runs are kept.
func (Run) TableName() string { return "report_runs" }

// Formats that a report can be made in.
const (
	XLSX  = "xlsx"
	CSV   = "csv"
	JSONL = "jsonl"
)

// Make writes the named report of a campaign to w. made is the moment printed on it; by is who asked for it.
// An unknown name or format is NotFound or Invalid; a report whose totals differ from the ledger is a Conflict.
func (s *Service) Make(ctx context.Context, name string, campaignID int64, format, number, by string, w io.Writer) (Outcome, error) {
	report, ok := Find(name)
	if !ok {
		return Outcome{}, fault.New(fault.NotFound, "report-unknown", "没有名为“"+name+"”的报表", "there is no report named "+name)
	}
	cover, vocabulary, err := s.cover(ctx, campaignID, number, by)
	if err != nil {
		return Outcome{}, err
	}
	var o Outcome
	err = s.DB.Snapshot(ctx, func(tx *gorm.DB) (err error) {
		scope := Scope{Tx: tx, Campaign: campaignID, At: cover.MadeAt, Words: vocabulary, People: s.people(by)}
		switch format {
		case XLSX:
			o, err = report.Workbook(ctx, scope, cover, w)
		case CSV:
			o, err = report.CSV(ctx, scope, cover, w)
		case JSONL:
			o, err = report.JSONLines(ctx, scope, cover, w)
		default:
			err = fault.Field("format", "format-unknown", "格式只能是 xlsx、csv 或 jsonl", "format must be xlsx, csv or jsonl")
		}
		return err
	})
	return o, err
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
		Period: c.OpenAt.Time().In(shanghai).Format(time.DateOnly) + " 至 " + c.SpendUntilAt.Time().Add(-1).In(shanghai).Format(time.DateOnly)}
	if s.LogKey == nil {
		return cover, words(book), nil
	}
	key, err := s.LogKey(c.City)
	cover.Signer, cover.VKey = key.Signer, key.VKey
	return cover, words(book), err
}

// Produce makes a report and keeps it, with an audit entry. The run of a failed making stays, with the reason.
func (s *Service) Produce(ctx context.Context, name string, campaignID int64, format, by string) (Run, error) {
	run := Run{CampaignID: campaignID, Number: s.number(name), Name: name, Format: format, Status: "running", MadeBy: by, StartedAt: database.At(s.Now())}
	if err := s.begin(ctx, &run); err != nil {
		return run, err
	}
	var file bytes.Buffer
	o, err := s.Make(ctx, name, campaignID, format, run.Number, by, &file)
	if err != nil {
		return run, s.fail(ctx, run, err)
	}
	run.RowCount, run.Digest, run.Size = o.Rows, o.Digest, int64(file.Len())
	return run, s.keep(ctx, &run, file.Bytes())
}

// number is unique and says the report and the day (Asia/Shanghai), as in WINNERS-20201227-1f3a9c.
func (s *Service) number(name string) string {
	tail := make([]byte, 4)
	rand.Read(tail)
	return fmt.Sprintf("%s-%s-%s", name, s.Now().In(shanghai).Format("20060102"), hex.EncodeToString(tail))
}

func (s *Service) audited(tx *gorm.DB, run Run, by, action string) error {
	return audit.Record(tx, audit.Entry{At: s.Now(), Actor: by, Action: action, Subject: "report:" + run.Number,
		Detail: map[string]any{"name": run.Name, "format": run.Format, "rows": run.RowCount, "digest": run.Digest}})
}
