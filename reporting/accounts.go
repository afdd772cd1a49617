package reporting

import "context"

var ledger = Report{Name: "ledger", ZH: "账本与预算证明", EN: "Ledger and budget proof",
	Purpose: "预算 = 未到位 + 待发 + 在途 + 钱包内 + 已消费 + 已收回 + 已退回，逐出资方、逐分成立。",
	Sheets: []Sheet{
		{ZH: "预算证明", EN: "proof", Columns: append(append([]Column{
			coded("source", "出资方", "source", "规则书"), summed(Money, "预算", "budget", "规则书该出资方金额"),
			summed(Money, "未到位", "not_received", "预算减已到位")}, balances...),
			summed(Money, "差额", "difference", "预算减其余各栏之和；必须为零")),
			Rows: budgetProof},
		{ZH: "余额", EN: "balances", Columns: []Column{
			coded("source", "出资方", "source", "ledger_accounts.source"), coded("operator", "运营机构", "operator", "空白表示平台账户；ledger_accounts.operator"),
			coded("account", "账户", "account", "账户类别；ledger_accounts.kind"),
			summed(Money, "余额", "balance", "分录之和；出资方账户为负，全部合计为零；ledger_accounts.balance_fen")},
			Query: "SELECT source, operator, kind, balance_fen FROM ledger_accounts WHERE campaign_id = @campaign ORDER BY source, kind, operator"},
		{ZH: "发生额", EN: "turnover", Columns: []Column{
			coded("posting", "业务", "transaction", "ledger_transactions.kind"), coded("source", "出资方", "source", "ledger_accounts.source"), coded("account", "账户", "account", "ledger_accounts.kind"),
			summed(Count, "分录数", "postings", "ledger_postings 行数"), summed(Money, "净额", "net", "借贷净额，全部合计为零；ledger_postings.amount_fen")},
			Query: "SELECT t.kind, a.source, a.kind, COUNT(*), SUM(p.amount_fen) FROM ledger_postings p JOIN ledger_accounts a ON a.id = p.account_id JOIN ledger_transactions t ON t.id = p.transaction_id WHERE a.campaign_id = @campaign GROUP BY t.kind, a.source, a.kind ORDER BY t.kind, a.source, a.kind"},
		{ZH: "资金到位", EN: "receipts", Columns: []Column{
			coded("source", "出资方", "source", "funding_receipts.source"), summed(Money, "金额", "amount", "已批准的到位资金；funding_receipts.amount_fen"),
			wide(40, "凭证", "evidence", "funding_receipts.evidence"), column(Text, "经办", "made_by", "funding_receipts.made_by"), column(Text, "复核", "checker", "另一人；approvals.checker"),
			column(Moment, "登记时间", "made_at", "funding_receipts.made_at")},
			Query: "SELECT f.source, f.amount_fen, f.evidence, f.made_by, a.checker, f.made_at FROM funding_receipts f LEFT JOIN approvals a ON a.id = f.approval_id WHERE f.campaign_id = @campaign AND f.status = 'approved' ORDER BY f.id"},
	},
	Controls: []Control{
		{Sheet: 0, Column: 9, ZH: "零", Query: "SELECT 0 WHERE @campaign > 0"},
		{Sheet: 0, Column: 6, ZH: "账本已消费分录之和", Query: postedSpent},
		{Sheet: 1, Column: 3, ZH: "账本全部分录之和", Query: "SELECT COALESCE(SUM(p.amount_fen), 0) FROM ledger_postings p JOIN ledger_accounts a ON a.id = p.account_id WHERE a.campaign_id = @campaign"},
		{Sheet: 3, Column: 1, ZH: "账本出资方分录之和", Query: "SELECT -(" + posted("source", " AND t.kind = 'fund'") + ")"}},
}

// budgetProof sets each source's budget, from the rule book, against where the ledger has its money.
func budgetProof(ctx context.Context, scope Scope) (rows [][]any, err error) {
	tx := scope.Tx.WithContext(ctx)
	var slug string
	if err := tx.Raw("SELECT slug FROM campaigns WHERE id = @campaign", scope.arguments()).Scan(&slug).Error; err != nil {
		return nil, err
	}
	purses, err := readPurses(tx)
	for _, p := range purses {
		if p.Campaign != slug {
			continue
		}
		missing := p.Budget - p.Received
		rest := missing + p.Float + p.InFlight + p.Issued + p.LedgerSpent + p.Held + p.Returned
		rows = append(rows, []any{p.Source, int64(p.Budget), int64(missing), int64(p.Float), int64(p.InFlight), int64(p.Issued), int64(p.LedgerSpent),
			int64(p.Held), int64(p.Returned), int64(p.Budget - rest)})
	}
	return rows, err
}

// ageDays is how long a difference has been open, in whole days, up to its resolution or the making of the report.
const ageDays = "FLOOR((CASE WHEN resolved_at > 0 THEN resolved_at ELSE @now END - found_at) / 86400000)"

func aged(from, to string) string {
	return "SUM(CASE WHEN " + ageDays + " >= " + from + " AND " + ageDays + " < " + to + " THEN 1 ELSE 0 END)"
}

var statements = Report{Name: "statements", ZH: "对账单与差异", EN: "Statements and differences",
	Purpose: "每家机构每天的对账单，每一处差异，开了几天，谁以什么理由结案。",
	Sheets: []Sheet{
		{ZH: "对账单", EN: "statements", Columns: []Column{
			column(Text, "日期", "day", "运营机构对账日，北京时间；statements.day"), coded("operator", "运营机构", "operator", "对账单来源；statements.operator"),
			coded("statement", "状态", "status", "statements.status"), column(Count, "版次", "edition", "同一日的第几份；statements.edition"),
			summed(Count, "行数", "lines", "对账单明细行数；statements.line_count"), summed(Money, "金额", "total", "对账单尾部合计；statements.total_fen"),
			column(Moment, "收到", "received_at", "statements.received_at"), wide(66, "文件摘要", "digest", "对账单文件的摘要；statements.digest")},
			Query: "SELECT day, operator, status, edition, line_count, total_fen, received_at, digest FROM statements WHERE campaign_id = @campaign ORDER BY day, operator, id"},
		{ZH: "差异", EN: "differences", Columns: []Column{
			column(Text, "日期", "day", "对账日；differences.day"), coded("operator", "运营机构", "operator", "对账单来源；differences.operator"),
			wide(36, "业务号", "number", "指令号或交易号；differences.order_no"), coded("difference-kind", "类别", "kind", "differences.kind"),
			wide(24, "我方", "ours", "我方记录；differences.ours"), wide(24, "对方", "theirs", "对账单记录；differences.theirs"), coded("difference", "状态", "status", "differences.status"),
			column(Count, "账龄天数", "age_days", "发现至结案（未结至制表）的整天数"), wide(40, "原因", "reason", "结案原因；differences.reason"), wide(24, "责任人", "owner", "处理人；differences.owner"),
			column(Moment, "发现", "found_at", "differences.found_at"), column(Moment, "结案", "resolved_at", "differences.resolved_at")},
			Query: "SELECT day, operator, order_no, kind, ours, theirs, status, " + ageDays + ", reason, owner, found_at, resolved_at FROM differences WHERE campaign_id = @campaign ORDER BY day, operator, id"},
		{ZH: "账龄", EN: "ageing", Columns: []Column{
			coded("operator", "运营机构", "operator", "对账单来源"), coded("difference", "状态", "status", "未结的算到制表，已结的算到结案"),
			summed(Count, "不足1天", "under_1_day", "差异行数"), summed(Count, "1至3天", "1_to_3_days", "差异行数，不含第3天满"),
			summed(Count, "3至7天", "3_to_7_days", "差异行数，不含第7天满"), summed(Count, "7天以上", "7_days_and_over", "差异行数"), summed(Count, "合计", "all", "差异行数")},
			Query: "SELECT operator, status, " + aged("-1", "1") + ", " + aged("1", "3") + ", " + aged("3", "7") + ", " + aged("7", "100000") + ", COUNT(*) FROM differences WHERE campaign_id = @campaign GROUP BY 1, 2 ORDER BY 1, 2"},
	},
	Controls: []Control{{Sheet: 2, Column: 6, ZH: "差异总行数", Query: "SELECT COUNT(*) FROM differences WHERE campaign_id = @campaign"}},
}

var surplus = Report{Name: "surplus", ZH: "结余退回与结项", EN: "Surplus return and close-out",
	Purpose: "结项证明：每个出资方给了多少、用了多少、退了多少，未结为零。",
	Sheets: []Sheet{
		{ZH: "结项证明", EN: "close_out", Columns: []Column{
			coded("source", "出资方", "source", "资金来源；ledger_accounts.source"), summed(Money, "到位", "received", "收到的资金；账本"),
			summed(Money, "已消费", "spent", "消费净额；账本"), summed(Money, "已退回", "returned", "退回出资方；账本"),
			summed(Money, "未结", "outstanding", "到位减消费减退回；结项时为零")},
			Query: "SELECT source, -(" + balance("source") + "), " + balance("spent") + ", " + balance("returned") + ", -(" + balance("source") + ") - " + balance("spent") + " - " + balance("returned") +
				" FROM ledger_accounts WHERE campaign_id = @campaign GROUP BY source ORDER BY source"},
		{ZH: "退回", EN: "returns", Columns: []Column{
			coded("source", "出资方", "source", "ledger_accounts.source"), wide(30, "凭据", "ref", "账本业务号；ledger_transactions.ref"),
			summed(Money, "金额", "amount", "退回的金额；ledger_postings.amount_fen"), column(Moment, "时间", "at", "ledger_transactions.at")},
			Query: "SELECT a.source, t.ref, p.amount_fen, t.at FROM ledger_postings p JOIN ledger_accounts a ON a.id = p.account_id JOIN ledger_transactions t ON t.id = p.transaction_id WHERE a.campaign_id = @campaign AND a.kind = 'returned' ORDER BY p.id"},
		{ZH: "未了事项", EN: "open_items", Columns: []Column{wide(40, "事项", "item", "结项前应为零的事项"), summed(Count, "数量", "open", "行数")},
			Query: "SELECT '未结差异', COUNT(*) FROM differences WHERE campaign_id = @campaign AND status = 'open'" +
				" UNION ALL SELECT '结果未定的指令', COUNT(*) FROM disbursement_orders WHERE campaign_id = @campaign AND status NOT IN ('succeeded', 'failed', 'returned', 'rejected')" +
				" UNION ALL SELECT '未结清的红包', COUNT(*) FROM envelopes WHERE campaign_id = @campaign AND status NOT IN ('closed', 'forfeited')" +
				" UNION ALL SELECT '待复核的审批', COUNT(*) FROM approvals WHERE campaign_id = @campaign AND status = 'pending'"},
	},
	Controls: []Control{
		{Sheet: 0, Column: 2, ZH: "账本已消费分录之和", Query: postedSpent},
		{Sheet: 0, Column: 3, ZH: "账本已退回分录之和", Query: postedReturned}, {Sheet: 1, Column: 2, ZH: "账本已退回分录之和", Query: postedReturned}},
}
