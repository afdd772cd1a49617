package disbursement

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/money"
)

// MisuseRule is one rule with its thresholds: from how many on a merchant is looked at, at least which share of its
// payments that is (0: any), within how many minutes, and whether the merchant's settlement is held at once.
type MisuseRule struct {
	Rule    string `json:"rule"`
	AtLeast int64  `json:"at_least"`
	Percent int64  `json:"percent"`
	Minutes int64  `json:"minutes"`
	Hold    bool   `json:"hold"`
}

// MisuseRules are a campaign's rules as they stand. An alert keeps the version by which it was raised.
type MisuseRules struct {
	Version int64           `json:"version"` // 1 until somebody has changed them
	Rules   []MisuseRule    `json:"rules"`
	MadeBy  string          `json:"made_by"`
	MadeAt  database.Millis `json:"made_at"`
}

// FirstMisuseRules are version 1, for a city that has set none of its own.
var FirstMisuseRules = []MisuseRule{
	{Rule: "one-device", AtLeast: 5, Hold: true},
	{Rule: "round-sums", AtLeast: 20, Percent: 60},
	{Rule: "instant-spend", AtLeast: 20, Percent: 60, Minutes: 10},
	{Rule: "late-refunds", AtLeast: 5, Hold: true},
}

// MisuseKind is what a rule looks for: events e of envelopes v at one merchant, counted by what, apart by subject.
type MisuseKind struct {
	Rule      string
	Title     campaign.Text
	Text      campaign.Text // what it looks for, in a sentence
	condition string
	counted   string
	subject   string
}

// MisuseKinds are the rules there are. An event under one of them is a reason to look, not a finding.
var MisuseKinds = []MisuseKind{
	{"one-device", campaign.Text{ZH: "一机多包", EN: "One device, many envelopes"},
		campaign.Text{ZH: "同一设备在同一商户付出多个人的红包。", EN: "One device pays with several people's envelopes at one merchant."},
		"e.kind = 'payment' AND e.device <> ''", "e.envelope_id", "e.device"},
	{"round-sums", campaign.Text{ZH: "整百金额", EN: "Round sums"},
		campaign.Text{ZH: "商户的支付多为整百元，不像真实买卖。", EN: "A merchant's payments are mostly whole hundreds of yuan, unlike real trade."},
		"e.kind = 'payment' AND e.amount_fen % 10000 = 0", "e.id", "''"},
	{"instant-spend", campaign.Text{ZH: "到账即用尽", EN: "Spent whole at once"},
		campaign.Text{ZH: "红包一可用就在该商户一笔用完。", EN: "Envelopes are spent whole, in one payment, as soon as they can be."},
		"e.kind = 'payment' AND e.envelope_fen = v.amount_fen AND e.occurred_at < @minutes + CASE WHEN v.credited_at > @from THEN v.credited_at ELSE @from END", "e.envelope_id", "''"},
	{"late-refunds", campaign.Text{ZH: "到期后退款", EN: "Refunds after expiry"},
		campaign.Text{ZH: "红包到期后，商户退回红包资金。", EN: "Envelope money is refunded after the envelope has expired."},
		"e.kind = 'refund' AND e.envelope_fen > 0 AND e.occurred_at >= v.expires_at", "e.id", "''"},
}

func misuseKind(rule string) (MisuseKind, bool) {
	for _, kind := range MisuseKinds {
		if kind.Rule == rule {
			return kind, true
		}
	}
	return MisuseKind{}, false
}

var errMisuseRules = fault.Field("rules", "misuse-rules", "规则应为已有的名称且不重复，起点至少 1，比例 0 到 100，分钟数不为负。",
	"Each rule must be one that exists and stand once, from 1 on, with a share of 0 to 100 and no negative minutes.")

// MisuseRules gives a campaign's rules as they stand.
func (s *Service) MisuseRules(ctx context.Context, campaignID int64) (MisuseRules, error) {
	return misuseRules(s.DB.Read(ctx), campaignID)
}

// SetMisuseRules puts new rules in force, as the next version. Alerts that were raised keep theirs.
func (s *Service) SetMisuseRules(ctx context.Context, actor string, campaignID int64, rules []MisuseRule) (set MisuseRules, err error) {
	seen := map[string]bool{}
	for _, r := range rules {
		_, known := misuseKind(r.Rule)
		if !known || seen[r.Rule] || r.AtLeast < 1 || r.Percent < 0 || r.Percent > 100 || r.Minutes < 0 || r.Minutes > 100_000 {
			return set, errMisuseRules
		}
		seen[r.Rule] = true
	}
	c, err := s.Campaigns.Get(ctx, campaignID)
	if err != nil {
		return set, err
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		now, err := misuseRules(tx, campaignID)
		if err != nil {
			return err
		}
		set = MisuseRules{Version: now.Version + 1, Rules: rules, MadeBy: actor, MadeAt: s.now()}
		if err := insertMisuseRules(tx, campaignID, set); err != nil {
			return err
		}
		return s.audited(tx, actor, "misuse.rules", c.Slug, c.Slug, map[string]any{"version": set.Version, "rules": rules})
	})
	return set, err
}

const misuseMaker = "system:misuse-detect"

// DetectMisuse looks through the spending of every campaign by its rules, raises an alert for what is new and adds to those
// that are open. It may run as often as one likes.
func (s *Service) DetectMisuse(ctx context.Context) (total int, err error) {
	campaigns, err := spendingCampaigns(s.DB.Read(ctx))
	if err != nil {
		return 0, err
	}
	for _, id := range campaigns {
		n, problem := s.detectIn(ctx, id)
		total, err = total+n, errors.Join(err, problem)
	}
	return total, err
}

func (s *Service) detectIn(ctx context.Context, campaignID int64) (total int, err error) {
	c, err := s.Campaigns.Get(ctx, campaignID)
	if err != nil {
		return 0, err
	}
	rules, err := s.MisuseRules(ctx, campaignID)
	if err != nil {
		return 0, err
	}
	for _, rule := range rules.Rules {
		found, err := suspects(s.DB.Read(ctx), campaignID, rule, c.SpendFromAt)
		if err != nil {
			return total, fmt.Errorf("rule %s: %w", rule.Rule, err)
		}
		for _, one := range found {
			var news bool
			err := s.DB.InTx(ctx, func(tx *gorm.DB) error {
				news, err = s.raise(tx, c, rules.Version, rule, one)
				return err
			})
			if err != nil {
				return total, fmt.Errorf("rule %s at merchant %s: %w", rule.Rule, one.MerchantNo, err)
			}
			if news {
				total++
			}
		}
	}
	return total, nil
}

// suspect is what a rule has found at one merchant.
type suspect struct {
	MerchantNo  string
	Subject     string // what the events share besides the merchant: the device, or ""
	N           int64  // what the rule counts
	Events      int64
	EnvelopeFen money.Fen
	FirstAt     database.Millis
	LastAt      database.Millis
}

// raise notes what a rule has found, and holds the merchant if the rule says so. News says whether an alert is new or has grown.
func (s *Service) raise(tx *gorm.DB, c campaign.Campaign, version int64, rule MisuseRule, found suspect) (news bool, err error) {
	alert := Alert{CampaignID: c.ID, MerchantNo: found.MerchantNo, Rule: rule.Rule, RuleVersion: version, Subject: found.Subject, Status: AlertOpen,
		Events: found.Events, EnvelopeFen: found.EnvelopeFen, FirstAt: found.FirstAt, LastAt: found.LastAt, RaisedAt: s.now()}
	made, err := insertAlert(tx, alert)
	if err != nil {
		return false, err
	}
	known, err := alertLike(tx, alert)
	if err != nil || !made && (known.Status != AlertOpen || known.Events >= found.Events) {
		return false, err
	}
	if err := growAlert(tx, known.ID, alert); err != nil {
		return false, err
	}
	if err := insertEvidence(tx, known, rule, c.SpendFromAt); err != nil || !made {
		return true, err
	}
	if rule.Hold {
		kind, _ := misuseKind(rule.Rule)
		if _, err := s.HoldMerchant(tx, misuseMaker, c.ID, found.MerchantNo, kind.Title.ZH+"："+kind.Text.ZH, alertName(known.ID)); err != nil {
			return false, err
		}
	}
	return true, s.audited(tx, misuseMaker, "misuse.alert", c.Slug, alertName(known.ID),
		map[string]any{"rule": rule.Rule, "version": version, "merchant": found.MerchantNo, "count": found.Events, "amount_fen": found.EnvelopeFen, "hold": rule.Hold})
}

func alertName(id int64) string { return fmt.Sprintf("alert:%d", id) }

func encodeRules(rules []MisuseRule) string {
	text, err := json.Marshal(rules)
	if err != nil {
		panic("disbursement: rules that cannot be written: " + err.Error()) // our own types
	}
	return string(text)
}
