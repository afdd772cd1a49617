package reporting

import (
	"context"
	"encoding/json"
	"fmt"

	"hongbao/disbursement"
)

// misuseKinds counts what each rule has raised, under any version of it.
var misuseKinds = Sheet{ZH: "预警汇总", EN: "summary", Columns: []Column{
	coded("misuse-rule", "规则", "rule", "misuse_alerts.rule"), summed(Count, "预警数", "alerts", "该规则发出的预警"), summed(Count, "待核查", "open", "尚无人核查"),
	summed(Count, "已确认", "confirmed", "核查后确认"), summed(Count, "已排除", "dismissed", "核查后排除")},
	Query: "SELECT rule, COUNT(*), SUM(CASE WHEN status = 'open' THEN 1 ELSE 0 END), SUM(CASE WHEN status = 'confirmed' THEN 1 ELSE 0 END)," +
		" SUM(CASE WHEN status = 'dismissed' THEN 1 ELSE 0 END) FROM misuse_alerts WHERE campaign_id = @campaign GROUP BY rule ORDER BY rule"}

// misuseAlerts are the alerts with their decisions. The same payment may be evidence for more than one, so their money does not add up.
var misuseAlerts = Sheet{ZH: "预警", EN: "alerts", Columns: []Column{
	column(Count, "预警号", "alert", "misuse_alerts.id"), coded("misuse-rule", "规则", "rule", "misuse_alerts.rule"), column(Count, "规则版本", "rule_version", "发出预警时的版本，门槛见“规则”"),
	column(Text, "商户号", "merchant_no", "misuse_alerts.merchant_no"), wide(28, "商户", "merchant", "merchants.name"), column(Text, "设备", "device", "付款设备的代号，不含身份；其他规则为空"),
	summed(Count, "证据数", "evidence", "预警所依据的交易；misuse_evidence"), column(Money, "红包资金", "envelope", "所依据交易的红包资金；同一交易可在多条预警内"),
	column(Moment, "最早", "first_at", "misuse_alerts.first_at"), column(Moment, "最晚", "last_at", "misuse_alerts.last_at"), column(Moment, "发出", "raised_at", "misuse_alerts.raised_at"),
	coded("hold", "暂缓结算", "hold", "该商户最近一次暂缓结算；空白表示没有"), column(Text, "暂缓依据", "hold_evidence", "settlement_holds.evidence"),
	coded("alert", "核查结果", "status", "misuse_alerts.status"), column(Text, "核查人", "decided_by", "misuse_alerts.decided_by"), column(Moment, "核查时间", "decided_at", "misuse_alerts.decided_at"),
	wide(40, "理由", "reason", "misuse_alerts.reason")},
	Query: "SELECT a.id, a.rule, a.rule_version, a.merchant_no, m.name, a.subject, (SELECT COUNT(*) FROM misuse_evidence x WHERE x.alert_id = a.id), a.envelope_fen, a.first_at, a.last_at, a.raised_at," +
		" h.status, h.evidence, a.status, a.decided_by, a.decided_at, a.reason FROM misuse_alerts a LEFT JOIN merchants m ON m.campaign_id = a.campaign_id AND m.merchant_no = a.merchant_no" +
		" LEFT JOIN settlement_holds h ON h.id = (SELECT MAX(l.id) FROM settlement_holds l WHERE l.campaign_id = a.campaign_id AND l.merchant_no = a.merchant_no)" +
		" WHERE a.campaign_id = @campaign ORDER BY a.id"}

// misuseEvidence are the payments and refunds that the alerts rest on.
var misuseEvidence = Sheet{ZH: "证据", EN: "evidence", Columns: []Column{
	column(Count, "预警号", "alert", "misuse_evidence.alert_id"), coded("settlement-line", "类型", "kind", "spending_events.kind"), wide(36, "红包号", "coupon_id", "envelopes.coupon_id"),
	wide(36, "付款号", "payment_no", "spending_events.payment_no"), column(Text, "设备", "device", "spending_events.device"), column(Money, "金额", "amount", "支付或退款的全额"),
	column(Money, "红包资金", "envelope", "其中的红包资金"), column(Moment, "交易时间", "occurred_at", "spending_events.occurred_at")},
	Query: "SELECT x.alert_id, e.kind, v.coupon_id, e.payment_no, e.device, e.amount_fen, e.envelope_fen, e.occurred_at FROM misuse_alerts a JOIN misuse_evidence x ON x.alert_id = a.id" +
		" JOIN spending_events e ON e.id = x.event_id JOIN envelopes v ON v.id = e.envelope_id WHERE a.campaign_id = @campaign ORDER BY x.alert_id, e.occurred_at, e.id"}

// misuseRules are the thresholds of each version that a campaign has had.
var misuseRules = Sheet{ZH: "规则", EN: "rules", Columns: []Column{
	column(Count, "版本", "version", "misuse_rules.version；1 为默认规则"), coded("misuse-rule", "规则", "rule", "misuse_rules.rules"), column(Count, "起点", "at_least", "达到该数即预警"),
	column(Count, "比例下限（%）", "percent", "占该商户支付笔数；0 表示不限"), column(Count, "分钟", "minutes", "可用后多少分钟内；0 表示不适用"), column(Count, "即暂缓", "hold", "1 表示预警时即暂缓结算"),
	column(Text, "设定人", "made_by", "misuse_rules.made_by"), column(Moment, "设定时间", "made_at", "misuse_rules.made_at")}, Rows: ruleVersions}

// ruleVersions lists version 1, which no city has made, and those that the campaign's staff have.
func ruleVersions(ctx context.Context, scope Scope) (rows [][]any, err error) {
	var stored []struct {
		Version       int64
		Rules, MadeBy string
		MadeAt        int64
	}
	err = scope.Tx.WithContext(ctx).Raw("SELECT version, rules, made_by, made_at FROM misuse_rules WHERE campaign_id = @campaign ORDER BY version", scope.arguments()).Scan(&stored).Error
	if err != nil {
		return nil, err
	}
	add := func(version int64, rules []disbursement.MisuseRule, by string, at any) {
		for _, r := range rules {
			var hold int64
			if r.Hold {
				hold = 1
			}
			rows = append(rows, []any{version, r.Rule, r.AtLeast, r.Percent, r.Minutes, hold, by, at})
		}
	}
	add(1, disbursement.FirstMisuseRules, "", nil)
	for _, v := range stored {
		var rules []disbursement.MisuseRule
		if err := json.Unmarshal([]byte(v.Rules), &rules); err != nil {
			return nil, fmt.Errorf("misuse rules, version %d: %w", v.Version, err)
		}
		add(v.Version, rules, v.MadeBy, v.MadeAt)
	}
	return rows, nil
}

// spendingFacts are what no rule has a threshold for and is of interest beside the alerts.
var spendingFacts = []Sheet{
	{ZH: "到期后退款", EN: "refunds_after_expiry", Columns: []Column{
		wide(36, "红包号", "coupon_id", "envelopes.coupon_id"), wide(36, "退款号", "refund_no", "spending_events.refund_no"), column(Text, "商户号", "merchant_no", "spending_events.merchant_no"),
		summed(Money, "退回红包", "envelope", "到期后退回的红包资金，须再次收回"), column(Moment, "到期", "expires_at", "envelopes.expires_at"), column(Moment, "退款时间", "occurred_at", "spending_events.occurred_at"),
		coded("envelope", "红包状态", "status", "envelopes.status")},
		Query: "SELECT v.coupon_id, e.refund_no, e.merchant_no, e.envelope_fen, v.expires_at, e.occurred_at, v.status FROM spending_events e JOIN envelopes v ON v.id = e.envelope_id" +
			" WHERE e.campaign_id = @campaign AND e.kind = 'refund' AND e.occurred_at > v.expires_at ORDER BY e.occurred_at, e.id"},
	{ZH: "当日买退", EN: "same_day_refunds", Columns: []Column{
		column(Text, "商户号", "merchant_no", "spending_events.merchant_no"), wide(28, "商户", "merchant", "merchants.name"),
		column(Count, "笔数", "refunds", "二十四小时内退回的支付"), summed(Money, "退回红包", "envelope", "退回的红包资金"), column(Count, "红包数", "envelopes", "不同红包")},
		Query: "SELECT e.merchant_no, m.name, COUNT(*), SUM(e.envelope_fen), COUNT(DISTINCT e.envelope_id) FROM spending_events e" +
			" JOIN spending_events b ON b.operator = e.operator AND b.payment_no = e.payment_no AND b.kind = 'payment' LEFT JOIN merchants m ON m.campaign_id = e.campaign_id AND m.merchant_no = e.merchant_no" +
			" WHERE e.campaign_id = @campaign AND e.kind = 'refund' AND e.occurred_at - b.occurred_at < 86400000 GROUP BY 1, 2 ORDER BY 3 DESC, 1"},
	{ZH: "名单外商户", EN: "unlisted_merchants", Columns: []Column{
		column(Text, "商户号", "merchant_no", "不在活动商户名单内，或已停用；spending_events.merchant_no"), coded("merchant", "状态", "status", "merchants.status；空白表示不在名单"),
		column(Count, "笔数", "payments", "支付笔数"), summed(Money, "红包支付", "envelope", "红包资金")},
		Query: "SELECT e.merchant_no, m.status, COUNT(*), SUM(e.envelope_fen)" + merchantOf + "AND e.kind = 'payment' AND (m.id IS NULL OR m.status <> 'active') GROUP BY 1, 2 ORDER BY 1, 2"},
}

var misuse = Report{Name: "misuse", ZH: "疑似套现与异常交易", EN: "Misuse cases",
	Purpose: "按各版本规则发出的预警、证据、暂缓结算与核查结果；预警是线索，不是结论。",
	Sheets:  append([]Sheet{misuseKinds, misuseAlerts, misuseEvidence, misuseRules}, spendingFacts...),
}
