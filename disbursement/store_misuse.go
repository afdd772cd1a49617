package disbursement

import (
	"encoding/json"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

func misuseRules(tx *gorm.DB, campaignID int64) (MisuseRules, error) {
	var found []struct {
		Version int64
		Rules   string
		MadeBy  string
		MadeAt  database.Millis
	}
	err := tx.Raw("SELECT version, rules, made_by, made_at FROM misuse_rules WHERE campaign_id = ? ORDER BY version DESC LIMIT 1", campaignID).Scan(&found).Error
	if err != nil || len(found) == 0 {
		return MisuseRules{Version: 1, Rules: FirstMisuseRules}, err
	}
	rules := MisuseRules{Version: found[0].Version, MadeBy: found[0].MadeBy, MadeAt: found[0].MadeAt}
	if err := json.Unmarshal([]byte(found[0].Rules), &rules.Rules); err != nil {
		return rules, fmt.Errorf("reading the misuse rules of campaign %d: %w", campaignID, err)
	}
	return rules, nil
}

func insertMisuseRules(tx *gorm.DB, campaignID int64, set MisuseRules) error {
	err := tx.Exec("INSERT INTO misuse_rules (campaign_id, version, rules, made_by, made_at) VALUES (?, ?, ?, ?, ?)",
		campaignID, set.Version, encodeRules(set.Rules), set.MadeBy, set.MadeAt).Error
	if database.IsDuplicate(err) {
		return database.ErrAdvanced // somebody else has just changed them
	}
	return err
}

func spendingCampaigns(tx *gorm.DB) (ids []int64, err error) {
	err = tx.Raw("SELECT DISTINCT campaign_id FROM spending_events ORDER BY campaign_id").Scan(&ids).Error
	return ids, err
}

// underRule is the part of a query that gives the events under a rule. Arguments come by name.
const underRule = " FROM spending_events e JOIN envelopes v ON v.id = e.envelope_id WHERE e.campaign_id = @campaign AND e.merchant_no <> '' AND "

func ruleArguments(campaignID int64, rule MisuseRule, from database.Millis) map[string]any {
	return map[string]any{"campaign": campaignID, "at_least": rule.AtLeast, "minutes": rule.Minutes * 60_000, "from": from}
}

// suspects gives what a rule finds, merchant by merchant.
func suspects(tx *gorm.DB, campaignID int64, rule MisuseRule, from database.Millis) ([]suspect, error) {
	kind, ok := misuseKind(rule.Rule)
	if !ok {
		return nil, fmt.Errorf("disbursement: a misuse rule %q that does not exist", rule.Rule)
	}
	var found []suspect
	err := tx.Raw("SELECT e.merchant_no, "+kind.subject+" AS subject, COUNT(DISTINCT "+kind.counted+") AS n, COUNT(*) AS events, SUM(e.envelope_fen) AS envelope_fen,"+
		" MIN(e.occurred_at) AS first_at, MAX(e.occurred_at) AS last_at"+underRule+kind.condition+" GROUP BY e.merchant_no, "+groupBy(kind.subject)+
		" HAVING COUNT(DISTINCT "+kind.counted+") >= @at_least ORDER BY e.merchant_no", ruleArguments(campaignID, rule, from)).Scan(&found).Error
	if err != nil || len(found) == 0 || rule.Percent == 0 {
		return found, err
	}
	payments, err := paymentsByMerchant(tx, campaignID)
	if err != nil {
		return nil, err
	}
	var over []suspect
	for _, one := range found {
		if one.N*100 >= rule.Percent*payments[one.MerchantNo] {
			over = append(over, one)
		}
	}
	return over, nil
}

// groupBy: a constant subject is no column to group by.
func groupBy(subject string) string {
	if strings.HasPrefix(subject, "'") {
		return "e.merchant_no"
	}
	return subject
}

func paymentsByMerchant(tx *gorm.DB, campaignID int64) (map[string]int64, error) {
	return countBy[string](tx, "SELECT merchant_no AS name, COUNT(*) AS n FROM spending_events WHERE campaign_id = ? AND kind = 'payment' GROUP BY merchant_no", campaignID)
}

// insertAlert says whether the alert is new.
func insertAlert(tx *gorm.DB, a Alert) (bool, error) {
	n, err := database.InsertNew(tx, "misuse_alerts", []string{"campaign_id", "merchant_no", "rule", "rule_version", "subject", "status", "events", "envelope_fen",
		"first_at", "last_at", "raised_at"}, [][]any{{a.CampaignID, a.MerchantNo, a.Rule, a.RuleVersion, a.Subject, string(a.Status), a.Events, int64(a.EnvelopeFen),
		int64(a.FirstAt), int64(a.LastAt), int64(a.RaisedAt)}})
	return n == 1, err
}

func alertLike(tx *gorm.DB, a Alert) (Alert, error) {
	return oneAlert(tx.Raw("SELECT * FROM misuse_alerts WHERE campaign_id = ? AND merchant_no = ? AND rule = ? AND rule_version = ? AND subject = ?"+database.Locked(tx),
		a.CampaignID, a.MerchantNo, a.Rule, a.RuleVersion, a.Subject))
}

func alertByID(tx *gorm.DB, campaignID, id int64) (Alert, error) {
	return oneAlert(tx.Raw("SELECT * FROM misuse_alerts WHERE id = ? AND campaign_id = ?", id, campaignID))
}

func oneAlert(query *gorm.DB) (Alert, error) {
	var found []Alert
	if err := query.Scan(&found).Error; err != nil {
		return Alert{}, fmt.Errorf("finding an alert: %w", err)
	}
	if len(found) == 0 {
		return Alert{}, ErrNoAlert
	}
	return found[0], nil
}

func growAlert(tx *gorm.DB, id int64, now Alert) error {
	return exactly(tx.Exec("UPDATE misuse_alerts SET events = ?, envelope_fen = ?, first_at = ?, last_at = ? WHERE id = ? AND status = ?",
		now.Events, int64(now.EnvelopeFen), now.FirstAt, now.LastAt, id, AlertOpen), 1, "adding to an alert")
}

// insertEvidence ties the events under the alert's rule to it; those that are tied already stay.
func insertEvidence(tx *gorm.DB, a Alert, rule MisuseRule, from database.Millis) error {
	kind, _ := misuseKind(a.Rule)
	arguments := ruleArguments(a.CampaignID, rule, from)
	arguments["alert"], arguments["merchant"], arguments["subject"] = a.ID, a.MerchantNo, a.Subject
	return tx.Exec("INSERT INTO misuse_evidence (alert_id, event_id) SELECT @alert, e.id"+underRule+kind.condition+
		" AND e.merchant_no = @merchant AND "+kind.subject+" = @subject AND NOT EXISTS (SELECT 1 FROM misuse_evidence x WHERE x.alert_id = @alert AND x.event_id = e.id)", arguments).Error
}

func alertsOf(tx *gorm.DB, campaignID int64, status AlertStatus, before int64, limit int) ([]Alert, error) {
	found := []Alert{}
	query := tx.Table("misuse_alerts").Where("campaign_id = ?", campaignID)
	if status != "" {
		query = query.Where("status = ?", status)
	}
	if before > 0 {
		query = query.Where("id < ?", before)
	}
	err := query.Order("id DESC").Limit(limit).Scan(&found).Error
	return found, err
}

func evidenceOf(tx *gorm.DB, alertID int64, limit int) ([]Spending, error) {
	found := []Spending{}
	err := tx.Raw("SELECT e.* FROM misuse_evidence x JOIN spending_events e ON e.id = x.event_id WHERE x.alert_id = ? ORDER BY e.occurred_at, e.id LIMIT ?", alertID, limit).Scan(&found).Error
	return found, err
}
