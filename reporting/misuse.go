package reporting

import (
	"context"
	"fmt"
)

// The misuse cases are rules over stored spending. A row is a reason to look, not a finding.
var misuseCases = []Sheet{
	{ZH: "一机多包", EN: "device_many_envelopes", Columns: append([]Column{
		column(Text, "设备", "device", "付款设备的代号，不含身份；spending_events.device"), column(Text, "商户号", "merchant_no", "spending_events.merchant_no"), wide(28, "商户", "merchant", "merchants.name"),
		column(Count, "红包数", "envelopes", "同一设备在同一商户付出的不同红包，三个及以上")}, caseFigures...),
		Query: "SELECT e.device, e.merchant_no, m.name, COUNT(DISTINCT e.envelope_id), " + caseSums + merchantOf +
			"AND e.kind = 'payment' AND e.device <> '' GROUP BY 1, 2, 3 HAVING COUNT(DISTINCT e.envelope_id) >= 3 ORDER BY 4 DESC, 1, 2"},
	{ZH: "整数金额", EN: "round_sums", Columns: append([]Column{
		column(Text, "商户号", "merchant_no", "spending_events.merchant_no"), wide(28, "商户", "merchant", "merchants.name"),
		column(Share, "整百占比", "share", "整百元支付占该商户支付笔数；十笔及以上且过半")}, caseFigures...),
		Query: "SELECT e.merchant_no, m.name, SUM(CASE WHEN e.amount_fen % 10000 = 0 THEN 1.0 ELSE 0 END) / COUNT(*), " + caseSums + merchantOf +
			"AND e.kind = 'payment' GROUP BY 1, 2 HAVING COUNT(*) >= 10 AND SUM(CASE WHEN e.amount_fen % 10000 = 0 THEN 2 ELSE 0 END) > COUNT(*) ORDER BY 3 DESC, 1"},
	{ZH: "到账即用尽", EN: "instant_full_spends", Columns: []Column{
		wide(36, "红包号", "coupon_id", "envelopes.coupon_id"), column(Text, "商户号", "merchant_no", "spending_events.merchant_no"), wide(28, "商户", "merchant", "merchants.name"),
		column(Text, "设备", "device", "spending_events.device"), summed(Money, "红包支付", "envelope", "一笔用完整个红包"),
		column(Count, "间隔秒数", "seconds", "可用（到账或活动开始，取后者）至付款，十分钟以内"), column(Moment, "付款时间", "occurred_at", "spending_events.occurred_at")},
		Query: "SELECT v.coupon_id, e.merchant_no, m.name, e.device, e.envelope_fen, FLOOR((e.occurred_at - " + usableFrom + ") / 1000), e.occurred_at" +
			" FROM spending_events e JOIN envelopes v ON v.id = e.envelope_id JOIN campaigns c ON c.id = e.campaign_id LEFT JOIN merchants m ON m.campaign_id = e.campaign_id AND m.merchant_no = e.merchant_no" +
			" WHERE e.campaign_id = @campaign AND e.kind = 'payment' AND e.envelope_fen = v.amount_fen AND e.occurred_at - " + usableFrom + " < 600000 ORDER BY e.occurred_at, e.id"},
	{ZH: "到期后退款", EN: "refunds_after_expiry", Columns: []Column{
		wide(36, "红包号", "coupon_id", "envelopes.coupon_id"), wide(36, "退款号", "refund_no", "spending_events.refund_no"), column(Text, "商户号", "merchant_no", "spending_events.merchant_no"),
		summed(Money, "退回红包", "envelope", "到期后退回的红包资金，须再次收回"), column(Moment, "到期", "expires_at", "envelopes.expires_at"), column(Moment, "退款时间", "occurred_at", "spending_events.occurred_at"),
		coded("envelope", "红包状态", "status", "envelopes.status")},
		Query: "SELECT v.coupon_id, e.refund_no, e.merchant_no, e.envelope_fen, v.expires_at, e.occurred_at, v.status FROM spending_events e JOIN envelopes v ON v.id = e.envelope_id" +
			" WHERE e.campaign_id = @campaign AND e.kind = 'refund' AND e.occurred_at > v.expires_at ORDER BY e.occurred_at, e.id"},
	{ZH: "当日买退", EN: "same_day_refunds", Columns: []Column{
		column(Text, "商户号", "merchant_no", "spending_events.merchant_no"), wide(28, "商户", "merchant", "merchants.name"),
		column(Count, "笔数", "refunds", "二十四小时内退回的支付，三笔及以上"), summed(Money, "退回红包", "envelope", "退回的红包资金"), column(Count, "红包数", "envelopes", "不同红包")},
		Query: "SELECT e.merchant_no, m.name, COUNT(*), SUM(e.envelope_fen), COUNT(DISTINCT e.envelope_id) FROM spending_events e" +
			" JOIN spending_events b ON b.operator = e.operator AND b.payment_no = e.payment_no AND b.kind = 'payment' LEFT JOIN merchants m ON m.campaign_id = e.campaign_id AND m.merchant_no = e.merchant_no" +
			" WHERE e.campaign_id = @campaign AND e.kind = 'refund' AND e.occurred_at - b.occurred_at < 86400000 GROUP BY 1, 2 HAVING COUNT(*) >= 3 ORDER BY 3 DESC, 1"},
	{ZH: "名单外商户", EN: "unlisted_merchants", Columns: []Column{
		column(Text, "商户号", "merchant_no", "不在活动商户名单内，或已停用；spending_events.merchant_no"), coded("merchant", "状态", "status", "merchants.status；空白表示不在名单"),
		column(Count, "笔数", "payments", "支付笔数"), summed(Money, "红包支付", "envelope", "红包资金")},
		Query: "SELECT e.merchant_no, m.status, COUNT(*), SUM(e.envelope_fen)" + merchantOf + "AND e.kind = 'payment' AND (m.id IS NULL OR m.status <> 'active') GROUP BY 1, 2 ORDER BY 1, 2"},
}

var caseFigures = []Column{
	column(Count, "笔数", "payments", "支付笔数"), summed(Money, "红包支付", "envelope", "红包资金"),
	column(Moment, "最早", "first_at", "spending_events.occurred_at"), column(Moment, "最晚", "last_at", "spending_events.occurred_at"),
}

const (
	caseSums   = "COUNT(*), SUM(e.envelope_fen), MIN(e.occurred_at), MAX(e.occurred_at)"
	usableFrom = "(CASE WHEN v.credited_at > c.spend_from_at THEN v.credited_at ELSE c.spend_from_at END)"
)

var misuse = Report{Name: "misuse", ZH: "疑似套现与异常交易", EN: "Misuse cases",
	Purpose: "按固定规则从已入库的交易中找出值得核查的线索；是线索，不是结论。",
	Sheets: append([]Sheet{{ZH: "线索汇总", EN: "summary", Columns: []Column{
		wide(20, "规则", "rule", "同名工作表有明细"), summed(Count, "线索数", "cases", "明细行数")}, Rows: countCases}}, misuseCases...),
}

// countCases counts the rows of each rule.
func countCases(ctx context.Context, scope Scope) (rows [][]any, err error) {
	for _, s := range misuseCases {
		var n int64
		if err := scope.Tx.WithContext(ctx).Raw("SELECT COUNT(*) FROM ("+s.Query+") AS found", scope.arguments()).Scan(&n).Error; err != nil {
			return nil, fmt.Errorf("counting %s: %w", s.EN, err)
		}
		rows = append(rows, []any{s.ZH, n})
	}
	return rows, nil
}
