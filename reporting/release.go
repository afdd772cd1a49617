package reporting

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/fault"
	"hongbao/internal/staff"
)

// unmaskedFor is how long the file of an unmasked report is kept.
const unmaskedFor = 7 * 24 * time.Hour

const approvalRelease = "report.release"

// HandleApprovals registers what happens when the release of an unmasked report is decided.
func (s *Service) HandleApprovals() {
	s.Staff.Handle(approvalRelease, s.release)
	s.Staff.HandleRejected(approvalRelease, func(_ context.Context, tx *gorm.DB, a staff.Approval) error {
		run, err := heldBy(tx, a)
		if err != nil || run.Status == Cancelled {
			return err
		}
		return advance(tx, &run, Cancelled, map[string]any{"released_by": "", "error": "放行申请被驳回或撤回：" + a.Reason})
	})
}

// releaseSummary is what the second person sees.
type releaseSummary struct {
	RunID  int64  `json:"run_id"`
	Report string `json:"report"`
	Reason string `json:"reason"`
}

func (s *Service) requestRelease(ctx context.Context, tx *gorm.DB, run *Run) error {
	c, err := s.Campaigns.Get(ctx, run.CampaignID)
	if err != nil {
		return err
	}
	report, _ := Find(run.Name)
	run.ApprovalID, err = s.Staff.Request(tx, staff.Approval{CampaignID: run.CampaignID, City: c.City, Kind: approvalRelease, Subject: run.Number,
		Maker: run.MadeBy, Summary: releaseSummary{run.ID, report.ZH, run.Reason}})
	if err != nil {
		return err
	}
	return tx.Exec("UPDATE report_runs SET approval_id = ? WHERE id = ?", run.ApprovalID, run.ID).Error
}

func heldBy(tx *gorm.DB, a staff.Approval) (Run, error) {
	var summary releaseSummary
	raw, _ := a.Summary.(json.RawMessage)
	if err := json.Unmarshal(raw, &summary); err != nil {
		return Run{}, fmt.Errorf("summary of approval %d: %w", a.ID, err)
	}
	return readRun(tx, summary.RunID)
}

// release queues the report with a password that nobody has seen yet.
func (s *Service) release(ctx context.Context, tx *gorm.DB, a staff.Approval) error {
	run, err := heldBy(tx, a)
	if err != nil {
		return err
	}
	vault, err := s.Campaigns.Keys.VaultFor(ctx, run.CampaignID)
	if err != nil {
		return err
	}
	sealed := vault.Seal([]byte(rand.Text()), []byte(run.Number))
	if err := advance(tx, &run, Queued, map[string]any{"released_by": a.Checker, "secret": sealed}); err != nil {
		return err
	}
	return s.audited(tx, run, a.Checker, "report.release")
}

// password opens the password that the run's file is encrypted with.
func (s *Service) password(ctx context.Context, run Run) (string, error) {
	vault, err := s.Campaigns.Keys.VaultFor(ctx, run.CampaignID)
	if err != nil {
		return "", err
	}
	plain, err := vault.Open(run.Secret, []byte(run.Number))
	return string(plain), err
}

func (r Run) releaseText() string {
	return "申请人 " + r.MadeBy + "；理由：" + r.Reason + "；放行人 " + r.ReleasedBy + "（审批 " + strconv.FormatInt(r.ApprovalID, 10) + "）；文件保留 7 天"
}

var errShown = fault.New(fault.Gone, "password-shown", "密码只显示一次，已经显示过。如未记下，请重新申请。",
	"The password is shown once and has been shown. If it was not kept, ask for the report again.")

// Password shows the password of an unmasked report's file to who asked for the report, once. It travels by another way than
// the file.
func (s *Service) Password(ctx context.Context, run Run, by string) (password string, err error) {
	if !run.Unmasked || run.MadeBy != by {
		return "", errNotYours
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		now, err := readRun(tx, run.ID)
		switch {
		case err != nil:
			return err
		case now.Status != Done:
			return errNotReady
		case now.Secret == nil:
			return errShown
		}
		if password, err = s.password(ctx, now); err != nil {
			return err
		}
		shown := tx.Exec("UPDATE report_runs SET secret = NULL WHERE id = ? AND secret IS NOT NULL", run.ID)
		if shown.Error == nil && shown.RowsAffected == 0 {
			return errShown
		}
		if shown.Error != nil {
			return shown.Error
		}
		return s.audited(tx, now, by, "report.password")
	})
	if err != nil {
		return "", err
	}
	return password, nil
}
