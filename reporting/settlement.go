package reporting

import (
	"context"
	"fmt"
	"io"

	"gorm.io/gorm"

	"hongbao/internal/money"
)

// netOf is what an event adds to what its merchant has taken in envelopes.
const netOf = "(CASE WHEN e.kind = 'refund' THEN -e.envelope_fen ELSE e.envelope_fen END)"

// settledIsWhole: what is settled, held and due to a campaign's merchants, with what no statement has yet, is what the ledger
// has as spent. What no statement has is counted from the events that are marked so, less what was stated before a correction.
func settledIsWhole(tx *gorm.DB) (findings, error) {
	f := findings{unit: "campaigns with spending"}
	var rows []struct {
		CampaignID                          int64
		Settled, Held, Due, Unstated, Spent money.Fen
	}
	err := tx.Raw(`SELECT a.campaign_id, SUM(a.balance_fen) AS spent,
		(SELECT COALESCE(SUM(m.net_fen), 0) FROM merchant_settlements m WHERE m.campaign_id = a.campaign_id AND m.status = 'settled') AS settled,
		(SELECT COALESCE(SUM(m.net_fen), 0) FROM merchant_settlements m WHERE m.campaign_id = a.campaign_id AND m.status = 'held') AS held,
		(SELECT COALESCE(SUM(m.net_fen), 0) FROM merchant_settlements m WHERE m.campaign_id = a.campaign_id AND m.status = 'due') AS due,
		(SELECT COALESCE(SUM(` + netOf + ` - COALESCE((SELECT SUM(l.amount_fen) FROM settlement_lines l WHERE l.event_id = e.id), 0)), 0)
			FROM spending_events e WHERE e.settlement_id = 0 AND e.campaign_id = a.campaign_id) AS unstated
		FROM ledger_accounts a WHERE a.kind = 'spent' GROUP BY a.campaign_id`).Scan(&rows).Error
	f.tried = len(rows)
	for _, r := range rows {
		if r.Settled+r.Held+r.Due+r.Unstated != r.Spent {
			f.broken = append(f.broken, fmt.Sprintf("campaign %d: settled %s, held %s, due %s, not stated %s, spent %s", r.CampaignID, r.Settled, r.Held, r.Due, r.Unstated, r.Spent))
		}
	}
	return f, err
}

var settlementColumns = []Column{
	column(Text, "商户号", "merchant_no", "merchant_settlements.merchant_no"), wide(28, "商户", "merchant", "merchants.name；空白表示不在名单"),
	coded("payee", "收款方", "payee", "收单机构，或商户自有钱包；merchant_settlements.payee"), column(Text, "日期", "day", "北京时间；merchant_settlements.day"),
	coded("settlement", "状态", "status", "应结算、暂缓或已结清；merchant_settlements.status"), summed(Count, "笔数", "lines", "结算明细行数"),
	summed(Money, "红包收款", "paid", "红包支付，不含自有资金"), summed(Money, "红包退款", "refunded", "退款中的红包资金"), summed(Money, "应付净额", "net", "收款减退款"),
	wide(66, "文件指纹", "digest", "结算单文件的 SM3；merchant_settlements.digest"), column(Moment, "编制", "made_at", "merchant_settlements.made_at"), column(Moment, "结清", "settled_at", "第二人确认付款的时间")}

var lineColumns = []Column{
	coded("settlement-line", "类别", "kind", "支付、退款，或对先前结算单的更正"), coded("operator", "运营机构", "operator", "付款钱包的机构"), wide(36, "事件号", "event_no", "运营机构的事件号"),
	wide(36, "流水号", "number", "支付号或退款号"), wide(36, "原支付号", "payment_no", "退款所退的支付"), column(Moment, "时间", "occurred_at", "支付或退款时间"),
	summed(Money, "红包金额", "amount", "红包资金；退款为负，更正为差额")}

const linesOf = "SELECT l.kind, l.operator, l.event_no, l.number, l.payment_no, l.occurred_at, l.amount_fen FROM settlement_lines l "

var settlements = Report{Name: "settlement", ZH: "商户结算", EN: "Merchant settlement",
	Purpose: "每个商户每天应得的红包资金：已结清、暂缓、应结算，三项之和就是在该商户消费的红包。",
	Sheets: []Sheet{
		{ZH: "按商户", EN: "by_merchant", Columns: []Column{
			column(Text, "商户号", "merchant_no", "merchant_settlements.merchant_no"), wide(28, "商户", "merchant", "merchants.name"), coded("payee", "收款方", "payee", "收单机构，或商户自有钱包"),
			summed(Count, "结算单", "settlements", "结算单份数"), summed(Money, "已结清", "settled", "第二人已确认付款"), summed(Money, "暂缓", "held", "暂缓结算，解除须两人"), summed(Money, "应结算", "due", "等待付款")},
			Query: "SELECT s.merchant_no, m.name, s.payee, COUNT(*), SUM(CASE WHEN s.status = 'settled' THEN s.net_fen ELSE 0 END), SUM(CASE WHEN s.status = 'held' THEN s.net_fen ELSE 0 END), SUM(CASE WHEN s.status = 'due' THEN s.net_fen ELSE 0 END)" +
				settlementsOf + "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"},
		{ZH: "结算单", EN: "settlements", Columns: settlementColumns, Query: "SELECT s.merchant_no, m.name, s.payee, s.day, s.status, s.line_count, s.paid_fen, s.refunded_fen, s.net_fen, s.digest, s.made_at, s.settled_at" +
			settlementsOf + "ORDER BY s.day, s.merchant_no"},
		{ZH: "明细", EN: "lines", Columns: append([]Column{column(Text, "商户号", "merchant_no", "merchant_settlements.merchant_no"), column(Text, "日期", "day", "merchant_settlements.day")}, lineColumns...),
			Query: "SELECT s.merchant_no, s.day, l.kind, l.operator, l.event_no, l.number, l.payment_no, l.occurred_at, l.amount_fen FROM settlement_lines l JOIN merchant_settlements s ON s.id = l.settlement_id" +
				" WHERE s.campaign_id = @campaign ORDER BY l.id"},
	},
	Controls: []Control{{Sheet: 1, Column: 8, ZH: "结算明细之和", Query: statedLines}, {Sheet: 2, Column: 8, ZH: "结算单净额之和",
		Query: "SELECT COALESCE(SUM(net_fen), 0) FROM merchant_settlements WHERE campaign_id = @campaign"}},
}

const (
	settlementsOf = " FROM merchant_settlements s LEFT JOIN merchants m ON m.campaign_id = s.campaign_id AND m.merchant_no = s.merchant_no WHERE s.campaign_id = @campaign "
	statedLines   = "SELECT COALESCE(SUM(l.amount_fen), 0) FROM settlement_lines l JOIN merchant_settlements s ON s.id = l.settlement_id WHERE s.campaign_id = @campaign"
)

// oneSettlement is a single statement as a report of its own.
func oneSettlement(id int64) Report {
	one := fmt.Sprintf("AND s.id = %d ", id)
	return Report{Name: "settlement-statement", ZH: "商户结算单", EN: "Settlement statement", Purpose: "一个商户一天的红包结算单，逐笔列明。",
		Sheets: []Sheet{
			{ZH: "结算单", EN: "settlements", Columns: settlementColumns, Query: "SELECT s.merchant_no, m.name, s.payee, s.day, s.status, s.line_count, s.paid_fen, s.refunded_fen, s.net_fen, s.digest, s.made_at, s.settled_at" + settlementsOf + one},
			{ZH: "明细", EN: "lines", Columns: lineColumns, Query: linesOf + "JOIN merchant_settlements s ON s.id = l.settlement_id WHERE s.campaign_id = @campaign " + one + "ORDER BY l.id"}},
		Controls: []Control{{Sheet: 1, Column: 6, ZH: "结算单净额", Query: "SELECT COALESCE(SUM(s.net_fen), 0) FROM merchant_settlements s WHERE s.campaign_id = @campaign " + one}}}
}

// SettlementWorkbook writes one merchant's statement of one day as a signed workbook. The download is on the audit trail.
func (s *Service) SettlementWorkbook(ctx context.Context, campaignID, settlementID int64, by string, w io.Writer) error {
	number := fmt.Sprintf("S%d", settlementID)
	cover, vocabulary, err := s.cover(ctx, campaignID, number, by)
	if err != nil {
		return err
	}
	cover.Mark = "仅供 " + by + " 使用"
	run := Run{CampaignID: campaignID, Number: number, Name: "settlement-statement", Format: XLSX}
	if err := s.DB.InTx(ctx, func(tx *gorm.DB) error { return s.audited(tx, run, by, "settlement.download") }); err != nil {
		return err
	}
	return s.DB.Snapshot(ctx, func(tx *gorm.DB) error {
		scope := Scope{Tx: tx, Campaign: campaignID, At: cover.MadeAt, Words: vocabulary}
		_, err := oneSettlement(settlementID).Workbook(ctx, scope, cover, w)
		return err
	})
}
