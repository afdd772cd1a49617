package campaign

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"hongbao/internal/audit"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/identity"
	"hongbao/internal/staff"
)

// Statuses of a finding. It is found by a rule, proposed for exclusion by one person, excluded by a second, or cleared.
const (
	FindingFound    = "found"
	FindingProposed = "proposed"
	FindingExcluded = "excluded"
	FindingCleared  = "cleared"
)

// findingMay is the one place that says which change of a finding's status is legal.
func findingMay(from, to string) bool {
	switch from {
	case FindingFound:
		return to == FindingProposed || to == FindingCleared
	case FindingProposed:
		return to == FindingExcluded || to == FindingFound
	}
	return false
}

const approvalRisk = "risk.exclude"

var (
	errNoFinding     = fault.New(fault.NotFound, "no-finding", "没有这条核查结果。", "There is no such finding.")
	errFindingStatus = fault.New(fault.Conflict, "finding-status", "这条核查结果的当前状态不能这样做。", "The finding's status does not allow that.")
)

// Finding is a group of registrations that one rule of one version names.
type Finding struct {
	ID         int64
	CampaignID int64
	Rule       string // its name in the rule book
	Version    string
	Members    int64
	Status     string
	Maker      string // who proposed or cleared it
	Reason     string // the maker's
	FoundAt    database.Millis
	ChangedAt  database.Millis
}

// RiskRun says that the rules were applied to a campaign's closed list.
type RiskRun struct {
	CampaignID int64
	Version    string
	Considered int64
	Found      int64
	AssessedAt database.Millis
}

// AssessDue applies the risk rules to every list that has closed, once, and says how many groups were found. What a rule
// finds is final with that: the list cannot grow any more, and two people decide what follows.
func (s *Service) AssessDue(ctx context.Context) (n int, err error) {
	due, err := dueCampaigns(s.DB.Read(ctx), Closed, "close_at", s.Now())
	if err != nil {
		return 0, err
	}
	for _, c := range due {
		found, err := s.assessOne(ctx, c)
		if err != nil {
			return n, fmt.Errorf("applying the risk rules of %s: %w", c.Slug, err)
		}
		n += found
	}
	return n, nil
}

func (s *Service) assessOne(ctx context.Context, c Campaign) (int, error) {
	live, err := s.live(ctx, c.ID)
	if err != nil || c.FrozenAt != 0 || !live.Book.Risk.Set() {
		return 0, err
	}
	if _, done, err := s.RiskRun(ctx, c.ID); err != nil || done {
		return 0, err
	}
	traces, err := s.traces(ctx, c)
	if err != nil {
		return 0, err
	}
	groups := assess(live.Book.Risk.Rules, traces)
	run := RiskRun{c.ID, live.Book.Risk.Version, int64(len(traces)), int64(len(groups)), database.At(s.Now())}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if err := unfrozen(tx, c.ID); err != nil {
			return err
		}
		if err := saveFindings(tx, run, groups); err != nil {
			return err
		}
		return s.record(tx, "system:risk-assess", "risk.assess", c.Slug, map[string]any{
			"version": run.Version, "considered": run.Considered, "found": run.Found})
	})
	if database.IsDuplicate(err) {
		return 0, nil // another process was faster
	}
	return len(groups), err
}

// traces opens every registration in the list just far enough for the rules. What was registered at a branch desk is left
// out: somebody stood there.
func (s *Service) traces(ctx context.Context, c Campaign) (list []trace, err error) {
	vault, err := s.Keys.VaultFor(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	err = s.eachSealed(ctx, c.ID, func(row *registrationRow) error {
		contact, err := unseal(vault, row)
		if err != nil {
			return fmt.Errorf("opening registration %d: %w", row.ID, err)
		}
		list = append(list, trace{id: row.ID, device: mark(row.DeviceHash), network: mark(row.NetworkHash), phone: contact.Phone,
			document: serial(contact.Document), at: row.RegisteredAt})
		return nil
	})
	return list, err
}

func mark(hash *database.Bytes32) uint64 {
	if hash == nil {
		return 0
	}
	return binary.BigEndian.Uint64(hash[:])
}

// serial is a resident ID without its check character, as a number.
func serial(document identity.Document) uint64 {
	if document.Kind != identity.Resident {
		return 0
	}
	n, err := strconv.ParseUint(document.Number[:len(document.Number)-1], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// Explain says what the rules found about a registration, one sentence for each finding.
func (s *Service) Explain(ctx context.Context, registrationID int64) (list []Text, err error) {
	findings, err := findingsOf(s.DB.Read(ctx), registrationID)
	if err != nil || len(findings) == 0 {
		return nil, err
	}
	live, err := s.live(ctx, findings[0].CampaignID)
	if err != nil {
		return nil, err
	}
	for _, f := range findings {
		list = append(list, live.Book.Sentence(f))
	}
	return list, nil
}

// Sentence says in words what a finding is: rule, version, figures. A rule that is no longer in the rule book has its name only.
func (rb *RuleBook) Sentence(f Finding) Text {
	rule, there := rb.Risk.Rule(f.Rule)
	if !there {
		return Text{fmt.Sprintf("规则“%s”（第 %s 版，已不在规则书中）：共 %d 份登记。", f.Rule, f.Version, f.Members),
			fmt.Sprintf("Rule \"%s\" (version %s, no longer in the rule book): %d registrations.", f.Rule, f.Version, f.Members)}
	}
	figures := rule.Sentence(f.Members)
	return Text{fmt.Sprintf("规则“%s”（第 %s 版）：%s。", rule.Title.ZH, f.Version, figures.ZH),
		fmt.Sprintf("Rule \"%s\" (version %s): %s.", rule.Title.EN, f.Version, figures.EN)}
}

// FindingMembers are the registrations of a finding as staff see them, 200 at most. Who looked, and at whom, is on the record.
func (s *Service) FindingMembers(ctx context.Context, actor string, f Finding) ([]Masked, error) {
	c, err := s.Get(ctx, f.CampaignID)
	if err != nil {
		return nil, err
	}
	rows, err := memberRows(s.DB.Read(ctx), f.ID, rollPageMax)
	if err != nil {
		return nil, err
	}
	return s.maskedRows(ctx, c, audit.Entry{Actor: actor, Action: "risk.members", Subject: fmt.Sprintf("finding %d", f.ID)}, rows)
}

// ProposeExclusion asks a second person to exclude whom a finding names.
func (s *Service) ProposeExclusion(ctx context.Context, actor string, id int64, reason string) (approval int64, err error) {
	if !shortText(reason, 1, 200) {
		return 0, errReason
	}
	f, live, err := s.finding(ctx, id)
	if err != nil {
		return 0, err
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if err := unfrozen(tx, f.CampaignID); err != nil {
			return err
		}
		if err := moveFinding(tx, f, FindingProposed, map[string]any{"maker": actor, "reason": reason, "changed_at": database.At(s.Now())}); err != nil {
			return err
		}
		approval, err = s.Staff.Request(tx, staff.Approval{CampaignID: f.CampaignID, City: live.City, Kind: approvalRisk, Subject: riskSubject(id), Maker: actor,
			Summary: map[string]any{"campaign": live.Slug, "finding": live.Book.Sentence(f).ZH, "version": f.Version, "registrations": f.Members, "reason": reason}})
		return err
	})
	return approval, err
}

// ClearFinding lets those whom a finding names stay in the list.
func (s *Service) ClearFinding(ctx context.Context, actor string, id int64, reason string) error {
	if !shortText(reason, 1, 200) {
		return errReason
	}
	f, live, err := s.finding(ctx, id)
	if err != nil {
		return err
	}
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		set := map[string]any{"maker": actor, "reason": reason, "changed_at": database.At(s.Now())}
		if err := moveFinding(tx, f, FindingCleared, set); err != nil {
			return err
		}
		return audit.Record(tx, audit.Entry{At: s.Now(), Actor: actor, Action: "risk.clear", Campaign: live.Slug,
			Subject: riskSubject(id), Detail: map[string]any{"rule": f.Rule, "version": f.Version, "registrations": f.Members, "reason": reason}})
	})
}

func riskSubject(id int64) string { return fmt.Sprintf("finding:%d", id) }

// Finding finds one by id.
func (s *Service) Finding(ctx context.Context, id int64) (Finding, error) {
	return findingRow(s.DB.Read(ctx), id)
}

func (s *Service) finding(ctx context.Context, id int64) (Finding, *Live, error) {
	f, err := s.Finding(ctx, id)
	if err != nil {
		return f, nil, err
	}
	live, err := s.live(ctx, f.CampaignID)
	return f, live, err
}

// excludeFinding is what the approval does: those who are still in the list leave it, with the rule's kind as reason, and
// are told by SMS.
func (s *Service) excludeFinding(ctx context.Context, tx *gorm.DB, a staff.Approval) error {
	f, live, err := s.approvedFinding(ctx, tx, a)
	if err != nil {
		return err
	}
	if err := unfrozen(tx, f.CampaignID); err != nil {
		return err
	}
	if err := moveFinding(tx, f, FindingExcluded, map[string]any{"changed_at": database.At(s.Now())}); err != nil {
		return err
	}
	rule, _ := live.Book.Risk.Rule(f.Rule)
	ids, err := excludeMembers(tx, f.ID, reasonRisk+rule.Kind, s.Now())
	if err != nil {
		return err
	}
	return s.Notify(tx, f.CampaignID, StageExcluded, s.Now(), ids...)
}

// returnFinding is what a rejection does.
func (s *Service) returnFinding(ctx context.Context, tx *gorm.DB, a staff.Approval) error {
	f, _, err := s.approvedFinding(ctx, tx, a)
	if err != nil {
		return err
	}
	return moveFinding(tx, f, FindingFound, map[string]any{"changed_at": database.At(s.Now())})
}

func (s *Service) approvedFinding(ctx context.Context, tx *gorm.DB, a staff.Approval) (Finding, *Live, error) {
	id, err := strconv.ParseInt(strings.TrimPrefix(a.Subject, "finding:"), 10, 64)
	if err != nil {
		return Finding{}, nil, errNoFinding.With(err)
	}
	f, err := findingRow(tx, id)
	if err != nil {
		return f, nil, err
	}
	live, err := s.live(ctx, f.CampaignID)
	return f, live, err
}
