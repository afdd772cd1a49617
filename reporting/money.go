package reporting

var orders = Report{Name: "orders", ZH: "发放指令", EN: "Disbursement orders",
	Sheets: []Sheet{
		{ZH: "指令", EN: "orders",
			Columns: []Column{
				{ZH: "指令号", EN: "order_no", Note: "本平台编号，一经使用永不复用"},
				{ZH: "类别", EN: "kind", Note: "credit 入账，recall 收回，return 退回"},
				{ZH: "运营机构", EN: "operator", Note: "受理机构"},
				{ZH: "出资方", EN: "source", Note: "资金来源"},
				{ZH: "金额", EN: "amount", Kind: Money, Total: true, Note: "指令金额"},
				{ZH: "结清金额", EN: "settled", Kind: Money, Total: true, Note: "运营机构确认的金额"},
				{ZH: "状态", EN: "status", Note: "disbursement_orders.status"},
				{ZH: "次数", EN: "attempts", Kind: Count, Note: "同号同文发送次数"},
				{ZH: "机构流水", EN: "operator_ref", Note: "运营机构流水号"},
				{ZH: "原因", EN: "reason", Note: "失败或退回原因"},
				{ZH: "创建", EN: "created_at", Kind: Moment, Note: "北京时间"},
				{ZH: "更新", EN: "changed_at", Kind: Moment, Note: "北京时间"},
			},
			Query: "SELECT order_no, kind, operator, source, amount_fen, settled_fen, status, attempts, operator_ref, reason, created_at, changed_at FROM disbursement_orders WHERE campaign_id = @campaign ORDER BY kind, status, id"},
		{ZH: "按状态", EN: "by_status", Columns: []Column{
			{ZH: "类别", EN: "kind", Note: "指令类别"}, {ZH: "运营机构", EN: "operator", Note: "受理机构"}, {ZH: "状态", EN: "status", Note: "当前状态"},
			{ZH: "笔数", EN: "orders", Kind: Count, Total: true, Note: "指令行数"}, {ZH: "金额", EN: "amount", Kind: Money, Total: true, Note: "指令金额之和"}},
			Query: "SELECT kind, operator, status, COUNT(*), SUM(amount_fen) FROM disbursement_orders WHERE campaign_id = @campaign GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"},
	},
}

var envelopes = Report{Name: "envelopes", ZH: "红包登记簿", EN: "Envelope register",
	Sheets: []Sheet{{ZH: "红包", EN: "envelopes",
		Columns: []Column{
			{ZH: "红包号", EN: "coupon_id", Note: "本平台编号，与运营机构一致"},
			{ZH: "抽签编号", EN: "entry", Kind: Digest, Note: "公开名单中的编号，不含身份"},
			{ZH: "档位", EN: "tier", Note: "规则书"},
			{ZH: "出资方", EN: "source", Note: "资金来源"},
			{ZH: "运营机构", EN: "operator", Note: "中签者所选"},
			{ZH: "状态", EN: "status", Note: "envelopes.status"},
			{ZH: "金额", EN: "amount", Kind: Money, Total: true, Note: "红包面额"},
			{ZH: "已入账", EN: "credited", Kind: Money, Total: true, Note: "运营机构确认入账"},
			{ZH: "已消费", EN: "spent", Kind: Money, Total: true, Note: "消费减退款"},
			{ZH: "已收回", EN: "recalled", Kind: Money, Total: true, Note: "到期收回"},
			{ZH: "领取时间", EN: "claimed_at", Kind: Moment, Note: "北京时间"},
			{ZH: "入账时间", EN: "credited_at", Kind: Moment, Note: "北京时间"},
			{ZH: "到期时间", EN: "expires_at", Kind: Moment, Note: "北京时间"},
		},
		Query: "SELECT coupon_id, entry, tier, source, operator, status, amount_fen, credited_fen, spent_fen, recalled_fen, claimed_at, credited_at, expires_at FROM envelopes WHERE campaign_id = @campaign ORDER BY status, id"}},
	Controls: []Control{{Column: 8, ZH: "账本已消费余额", Query: ledgerSpent}},
}

var ledger = Report{Name: "ledger", ZH: "账本与预算证明", EN: "Ledger and budget proof",
	Sheets: []Sheet{
		{ZH: "余额", EN: "balances", Columns: []Column{
			{ZH: "出资方", EN: "source", Note: "资金来源"}, {ZH: "运营机构", EN: "operator", Note: "空白表示平台账户"}, {ZH: "账户", EN: "account", Note: "账户类别"},
			{ZH: "余额", EN: "balance", Kind: Money, Total: true, Note: "分录之和；出资方账户为负，全部合计为零"}},
			Query: "SELECT source, operator, kind, balance_fen FROM ledger_accounts WHERE campaign_id = @campaign ORDER BY source, kind, operator"},
		{ZH: "发生额", EN: "turnover", Columns: []Column{
			{ZH: "业务", EN: "transaction", Note: "ledger_transactions.kind"}, {ZH: "出资方", EN: "source", Note: "资金来源"}, {ZH: "账户", EN: "account", Note: "账户类别"},
			{ZH: "分录数", EN: "postings", Kind: Count, Total: true, Note: "分录行数"}, {ZH: "净额", EN: "net", Kind: Money, Total: true, Note: "借贷净额"}},
			Query: "SELECT t.kind, a.source, a.kind, COUNT(*), SUM(p.amount_fen) FROM ledger_postings p JOIN ledger_accounts a ON a.id = p.account_id JOIN ledger_transactions t ON t.id = p.transaction_id WHERE a.campaign_id = @campaign GROUP BY t.kind, a.source, a.kind ORDER BY t.kind, a.source, a.kind"},
	},
	Controls: []Control{{Column: 3, ZH: "账本总和", Query: ledgerSum}},
}

var statements = Report{Name: "statements", ZH: "对账单与差异", EN: "Statements and differences",
	Sheets: []Sheet{
		{ZH: "对账单", EN: "statements", Columns: []Column{
			{ZH: "日期", EN: "day", Note: "运营机构对账日，北京时间"}, {ZH: "运营机构", EN: "operator", Note: "对账单来源"}, {ZH: "状态", EN: "status", Note: "matched 一致，different 有差异，refused 整份拒收"},
			{ZH: "行数", EN: "lines", Kind: Count, Total: true, Note: "对账单明细行数"}, {ZH: "金额", EN: "total", Kind: Money, Total: true, Note: "对账单尾部合计"},
			{ZH: "文件摘要", EN: "digest", Note: "对账单文件的摘要"}, {ZH: "收到", EN: "received_at", Kind: Moment, Note: "北京时间"}},
			Query: "SELECT day, operator, status, line_count, total_fen, digest, received_at FROM statements WHERE campaign_id = @campaign ORDER BY day, operator, id"},
		{ZH: "差异", EN: "differences", Columns: []Column{
			{ZH: "日期", EN: "day", Note: "对账日"}, {ZH: "运营机构", EN: "operator", Note: "对账单来源"}, {ZH: "业务号", EN: "number", Note: "指令号或交易号"}, {ZH: "类别", EN: "kind", Note: "差异类别"},
			{ZH: "我方", EN: "ours", Note: "我方记录"}, {ZH: "对方", EN: "theirs", Note: "对账单记录"}, {ZH: "状态", EN: "status", Note: "open 未结，resolved 已结"},
			{ZH: "原因", EN: "reason", Note: "结案原因"}, {ZH: "责任人", EN: "owner", Note: "处理人"}, {ZH: "发现", EN: "found_at", Kind: Moment, Note: "北京时间"}, {ZH: "结案", EN: "resolved_at", Kind: Moment, Note: "北京时间"}},
			Query: "SELECT day, operator, order_no, kind, ours, theirs, status, reason, owner, found_at, resolved_at FROM differences WHERE campaign_id = @campaign ORDER BY kind, status, id"},
	},
}

const payments = " FROM spending_events e LEFT JOIN merchants m ON m.campaign_id = e.campaign_id AND m.merchant_no = e.merchant_no WHERE e.campaign_id = @campaign AND e.kind = 'payment' "

var paymentFigures = []Column{
	{ZH: "笔数", EN: "payments", Kind: Count, Total: true, Note: "支付笔数"},
	{ZH: "交易金额", EN: "amount", Kind: Money, Total: true, Note: "支付总额，未减退款"},
	{ZH: "红包支付", EN: "envelope", Kind: Money, Total: true, Note: "其中红包资金"},
	{ZH: "自有资金", EN: "own", Kind: Money, Total: true, Note: "其中钱包与银行卡资金"},
}

const paymentSums = ", COUNT(*), SUM(e.amount_fen), SUM(e.envelope_fen), SUM(e.wallet_fen + e.card_fen)"

func spendingBy(zh, en, column, note string, kind Kind) Sheet {
	return Sheet{ZH: zh, EN: en, Columns: append([]Column{{ZH: zh[len("按"):], EN: en[len("by_"):], Kind: kind, Note: note}}, paymentFigures...),
		Query: "SELECT " + column + paymentSums + payments + "GROUP BY 1 ORDER BY 1"}
}

var spending = Report{Name: "spending", ZH: "消费统计", EN: "Spending",
	Sheets: []Sheet{
		charted(spendingBy("按日期", "by_day", daySpent, "支付日，北京时间", Day), "每日红包支付金额", 3),
		spendingBy("按区县", "by_district", "m.district", "商户所在区县", Text),
		charted(spendingBy("按场景", "by_scenario", "e.scenario", "规则书场景", Text), "各场景红包支付金额", 3),
		spendingBy("按商户类别", "by_class", "m.class", "商户类别", Text),
		spendingBy("按商户", "by_merchant", "m.name", "商户名称", Text),
		spendingBy("按支付方式", "by_pay_mode", "e.pay_mode", "支付方式", Text),
		spendingBy("按运营机构", "by_operator", "e.operator", "付款钱包的运营机构", Text),
	},
}

func charted(s Sheet, title string, figure int) Sheet {
	s.Chart = &Chart{ZH: title, Label: 0, Figure: figure}
	return s
}

var refunds = Report{Name: "refunds", ZH: "退款明细", EN: "Refunds",
	Sheets: []Sheet{{ZH: "退款", EN: "refunds",
		Columns: []Column{
			{ZH: "事件号", EN: "event_no", Note: "运营机构事件号"}, {ZH: "原支付号", EN: "payment_no", Note: "被退的支付"}, {ZH: "运营机构", EN: "operator", Note: "付款钱包的运营机构"}, {ZH: "商户号", EN: "merchant_no", Note: "商户"},
			{ZH: "退款金额", EN: "amount", Kind: Money, Total: true, Note: "先退自有资金，后退红包资金"},
			{ZH: "退回红包", EN: "envelope", Kind: Money, Total: true, Note: "其中红包资金"},
			{ZH: "时间", EN: "occurred_at", Kind: Moment, Note: "北京时间"}, {ZH: "来源", EN: "origin", Note: "callback 回调，statement 对账单"}},
		Query: "SELECT event_no, payment_no, operator, merchant_no, amount_fen, envelope_fen, occurred_at, origin FROM spending_events WHERE campaign_id = @campaign AND kind = 'refund' ORDER BY id"}},
}

var expiry = Report{Name: "expiry", ZH: "到期与收回", EN: "Expiry and recall",
	Sheets: []Sheet{
		{ZH: "按出资方", EN: "by_source", Columns: []Column{
			{ZH: "出资方", EN: "source", Note: "资金来源"}, {ZH: "运营机构", EN: "operator", Note: "钱包所在机构"},
			{ZH: "红包数", EN: "envelopes", Kind: Count, Total: true, Note: "已入账的红包"}, {ZH: "已入账", EN: "credited", Kind: Money, Total: true, Note: "入账金额"},
			{ZH: "已消费", EN: "spent", Kind: Money, Total: true, Note: "消费净额"}, {ZH: "已收回", EN: "recalled", Kind: Money, Total: true, Note: "到期收回"}},
			Query: "SELECT source, operator, COUNT(*), SUM(credited_fen), SUM(spent_fen), SUM(recalled_fen) FROM envelopes WHERE campaign_id = @campaign AND credited_fen > 0 GROUP BY 1, 2 ORDER BY 1, 2"},
		{ZH: "收回指令", EN: "recalls", Columns: []Column{
			{ZH: "指令号", EN: "order_no", Note: "本平台编号"}, {ZH: "运营机构", EN: "operator", Note: "受理机构"}, {ZH: "出资方", EN: "source", Note: "资金来源"}, {ZH: "状态", EN: "status", Note: "当前状态"},
			{ZH: "应收回", EN: "amount", Kind: Money, Note: "发出时的未用余额"}, {ZH: "实收回", EN: "settled", Kind: Money, Total: true, Note: "运营机构确认的金额"}, {ZH: "更新", EN: "changed_at", Kind: Moment, Note: "北京时间"}},
			Query: "SELECT order_no, operator, source, status, amount_fen, settled_fen, changed_at FROM disbursement_orders WHERE campaign_id = @campaign AND kind = 'recall' ORDER BY id"},
	},
	Controls: []Control{{Sheet: 0, Column: 5, ZH: "账本累计收回", Query: ledgerRecalled}},
}

var surplus = Report{Name: "surplus", ZH: "结余退回与结项", EN: "Surplus return and close-out",
	Sheets: []Sheet{
		{ZH: "结项", EN: "close_out", Columns: []Column{
			{ZH: "出资方", EN: "source", Note: "资金来源"}, {ZH: "到位", EN: "received", Kind: Money, Total: true, Note: "收到的资金，账本"},
			{ZH: "已消费", EN: "spent", Kind: Money, Total: true, Note: "消费净额，账本"}, {ZH: "已退回", EN: "returned", Kind: Money, Total: true, Note: "退回出资方，账本"},
			{ZH: "未结", EN: "outstanding", Kind: Money, Total: true, Note: "到位减消费减退回；结项时为零"}},
			Query: "SELECT source, -(" + balance("source") + "), " + balance("spent") + ", " + balance("returned") + ", -(" + balance("source") + ") - " + balance("spent") + " - " + balance("returned") +
				" FROM ledger_accounts WHERE campaign_id = @campaign GROUP BY source ORDER BY source"},
	},
	Controls: []Control{{Sheet: 0, Column: 3, ZH: "账本已退回余额", Query: ledgerReturned}},
}

var subWallets = Report{Name: "sub-wallets", ZH: "子钱包推送", EN: "Sub-wallets",
	Sheets: []Sheet{{ZH: "按机构与应用", EN: "by_app", Columns: []Column{
		{ZH: "运营机构", EN: "operator", Note: "钱包所在机构"}, {ZH: "商户应用", EN: "app", Note: "推送到的应用"}, {ZH: "状态", EN: "status", Note: "active 使用中，paused 暂停，closed 关闭"},
		{ZH: "数量", EN: "sub_wallets", Kind: Count, Total: true, Note: "子钱包行数"}},
		Query: "SELECT operator, app, status, COUNT(*) FROM sub_wallets WHERE campaign_id = @campaign GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"}},
}

var press = Report{Name: "press", ZH: "每日发布口径", EN: "Daily press figures",
	Sheets: []Sheet{{ZH: "每日", EN: "daily", Chart: &Chart{ZH: "每日红包支付金额", Label: 0, Figure: 2},
		Columns: []Column{
			{ZH: "日期", EN: "day", Kind: Day, Note: "北京时间"}, {ZH: "笔数", EN: "payments", Kind: Count, Total: true, Note: "支付笔数"},
			{ZH: "红包净支付", EN: "envelope_net", Kind: Money, Total: true, Note: "红包资金，支付减当日退款"}, {ZH: "自有资金净支付", EN: "own_net", Kind: Money, Total: true, Note: "钱包与银行卡资金，支付减当日退款"}},
		Query: "SELECT " + daySpent + ", SUM(CASE WHEN e.kind = 'payment' THEN 1 ELSE 0 END), SUM(CASE WHEN e.kind = 'payment' THEN e.envelope_fen ELSE -e.envelope_fen END), SUM(CASE WHEN e.kind = 'payment' THEN e.wallet_fen + e.card_fen ELSE -e.wallet_fen - e.card_fen END)" +
			" FROM spending_events e WHERE e.campaign_id = @campaign AND e.kind IN ('payment', 'refund') GROUP BY 1 ORDER BY 1"}},
	Controls: []Control{{Column: 2, ZH: "账本已消费余额", Query: ledgerSpent}},
}
