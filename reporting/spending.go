package reporting

const merchantOf = " FROM spending_events e LEFT JOIN merchants m ON m.campaign_id = e.campaign_id AND m.merchant_no = e.merchant_no WHERE e.campaign_id = @campaign "

// spendingFigures are the columns of spendingSums: payments, what was refunded, and the net that the ledger has too.
var spendingFigures = []Column{
	summed(Count, "笔数", "payments", "支付笔数"),
	summed(Money, "交易金额", "amount", "支付总额，未减退款"),
	summed(Money, "红包支付", "envelope", "其中红包资金，未减退款"),
	summed(Money, "自有资金", "own", "其中钱包与银行卡资金，未减退款"),
	summed(Count, "退款笔数", "refunds", "退款笔数"),
	summed(Money, "红包退回", "envelope_refunded", "退款中的红包资金"),
	summed(Money, "红包净支付", "envelope_net", "红包支付减红包退回；合计等于账本已消费"),
}

func sumOf(kind, amount string) string {
	return "SUM(CASE WHEN e.kind = '" + kind + "' THEN " + amount + " ELSE 0 END)"
}

var spendingSums = sumOf("payment", "1") + ", " + sumOf("payment", "e.amount_fen") + ", " + sumOf("payment", "e.envelope_fen") + ", " + sumOf("payment", "e.wallet_fen + e.card_fen") + ", " +
	sumOf("refund", "1") + ", " + sumOf("refund", "e.envelope_fen") + ", " + sumOf("payment", "e.envelope_fen") + " - " + sumOf("refund", "e.envelope_fen")

// spendingBy adds events up by one thing or several.
func spendingBy(zh, en, expressions, groups string, by ...Column) Sheet {
	return Sheet{ZH: zh, EN: en, Columns: append(by, spendingFigures...),
		Query: "SELECT " + expressions + ", " + spendingSums + merchantOf + "GROUP BY " + groups + " ORDER BY " + groups}
}

var spendingSheets = []Sheet{
	charted(spendingBy("按日期", "by_day", dayOfEvent, "1", column(Day, "日期", "day", "支付或退款日；spending_events.occurred_at")), "每日红包净支付（元）", 7, false),
	charted(spendingBy("按区县", "by_district", "m.district", "1", coded("district", "区县", "district", "商户所在区县；merchants.district")), "各区县红包净支付（元）", 7, true),
	charted(spendingBy("按场景", "by_scenario", "e.scenario", "1", coded("scenario", "场景", "scenario", "规则书场景；spending_events.scenario")), "各场景红包净支付（元）", 7, true),
	charted(spendingBy("按商户类别", "by_class", "m.class", "1", column(Text, "商户类别", "class", "merchants.class")), "各类商户红包净支付（元）", 7, true),
	spendingBy("按商户", "by_merchant", "e.merchant_no, m.name, m.class", "1, 2, 3", column(Text, "商户号", "merchant_no", "spending_events.merchant_no"),
		wide(28, "商户", "merchant", "merchants.name；空白表示不在名单"), column(Text, "商户类别", "class", "merchants.class")),
	spendingBy("按支付方式", "by_pay_mode", "e.pay_mode", "1", coded("pay-mode", "支付方式", "pay_mode", "spending_events.pay_mode")),
	spendingBy("按运营机构", "by_operator", "e.operator", "1", coded("operator", "运营机构", "operator", "付款钱包的机构；spending_events.operator")),
}

var spending = Report{Name: "spending", ZH: "消费统计", EN: "Spending",
	Purpose: "红包花在哪一天、哪个区、什么场景、哪类商户、用什么方式，带动了多少自有资金。",
	Sheets:  spendingSheets, Controls: netControls(spendingSheets)}

// netControls hold the net of every sheet, its last column, to the ledger.
func netControls(sheets []Sheet) (list []Control) {
	for i, s := range sheets {
		list = append(list, Control{Sheet: i, Column: len(s.Columns) - 1, ZH: "账本已消费分录之和", Query: postedSpent})
	}
	return list
}

var refunds = Report{Name: "refunds", ZH: "退款明细", EN: "Refunds",
	Purpose: "每一笔退款：先退自有资金，后退红包资金，退回的红包不得变成现金。",
	Sheets: []Sheet{
		{ZH: "退款", EN: "refunds", Columns: []Column{
			wide(36, "退款号", "refund_no", "spending_events.refund_no"), wide(36, "原支付号", "payment_no", "被退的支付；spending_events.payment_no"),
			coded("operator", "运营机构", "operator", "付款钱包的机构；spending_events.operator"), column(Text, "商户号", "merchant_no", "spending_events.merchant_no"),
			wide(28, "商户", "merchant", "merchants.name"), summed(Money, "退款金额", "amount", "spending_events.amount_fen"),
			summed(Money, "退回红包", "envelope", "其中红包资金；spending_events.envelope_fen"), summed(Money, "退回自有", "own", "其中钱包与银行卡资金"),
			column(Moment, "时间", "occurred_at", "spending_events.occurred_at"), coded("origin", "来源", "origin", "spending_events.origin")},
			Query: "SELECT e.refund_no, e.payment_no, e.operator, e.merchant_no, m.name, e.amount_fen, e.envelope_fen, e.wallet_fen + e.card_fen, e.occurred_at, e.origin" + merchantOf + "AND e.kind = 'refund' ORDER BY e.occurred_at, e.id"},
		{ZH: "按商户", EN: "by_merchant", Columns: []Column{
			column(Text, "商户号", "merchant_no", "spending_events.merchant_no"), wide(28, "商户", "merchant", "merchants.name"), summed(Count, "支付笔数", "payments", "支付笔数"),
			summed(Count, "退款笔数", "refunds", "退款笔数"), summed(Money, "退回红包", "envelope", "退款中的红包资金"), column(Share, "退款率", "share", "退款笔数占支付笔数")},
			Query: "SELECT e.merchant_no, m.name, " + sumOf("payment", "1") + ", " + sumOf("refund", "1") + ", " + sumOf("refund", "e.envelope_fen") + ", " + sumOf("refund", "1.0") + " / NULLIF(" + sumOf("payment", "1") + ", 0)" +
				merchantOf + "GROUP BY 1, 2 HAVING " + sumOf("refund", "1") + " > 0 ORDER BY 1, 2"},
	},
	Controls: []Control{
		{Sheet: 0, Column: 6, ZH: "账本退款分录之和", Query: refunded},
		{Sheet: 1, Column: 4, ZH: "账本退款分录之和", Query: refunded}},
}

var refunded = "SELECT -(" + posted("spent", " AND t.kind = 'refund'") + ")"

var press = Report{Name: "press", ZH: "每日发布口径", EN: "Daily press figures",
	Purpose: "可以直接对外发布的数字，逐日相加恒等于账本。",
	Sheets: []Sheet{
		{ZH: "累计", EN: "to_date", Columns: []Column{wide(24, "项目", "item", "截至制表时间"), column(Count, "人数或个数", "number", "登记、中签与入账的个数"), column(Money, "金额", "amount", "对应金额")},
			Query: "SELECT '登记', COUNT(*), NULL FROM registrations WHERE campaign_id = @campaign AND status IN ('registered', 'confirmed')" +
				" UNION ALL SELECT '中签', COUNT(*), COALESCE(SUM(a.amount_fen), 0) FROM awards a JOIN draws d ON d.id = a.draw_id WHERE d.campaign_id = @campaign AND a.kind <> 'wait'" +
				" UNION ALL SELECT '已到账', COUNT(*), COALESCE(SUM(credited_fen), 0) FROM envelopes WHERE campaign_id = @campaign AND credited_fen > 0" +
				" UNION ALL SELECT '已使用', COUNT(*), COALESCE(SUM(spent_fen), 0) FROM envelopes WHERE campaign_id = @campaign AND spent_fen > 0" +
				" UNION ALL SELECT '受理商户', COUNT(*), NULL FROM merchants WHERE campaign_id = @campaign AND status = 'active'"},
		{ZH: "每日", EN: "daily", Chart: &Chart{ZH: "每日红包净支付（元）", Label: 0, Figure: 3},
			Columns: []Column{
				column(Day, "日期", "day", "支付或退款日"), summed(Count, "支付笔数", "payments", "支付笔数"), summed(Count, "退款笔数", "refunds", "退款笔数"),
				summed(Money, "红包净支付", "envelope_net", "红包资金，支付减当日退款；合计等于账本已消费"), summed(Money, "自有资金净支付", "own_net", "钱包与银行卡资金，支付减当日退款")},
			Query: "SELECT " + dayOfEvent + ", " + sumOf("payment", "1") + ", " + sumOf("refund", "1") + ", " + sumOf("payment", "e.envelope_fen") + " - " + sumOf("refund", "e.envelope_fen") + ", " +
				sumOf("payment", "e.wallet_fen + e.card_fen") + " - " + sumOf("refund", "e.wallet_fen + e.card_fen") + merchantOf + "GROUP BY 1 ORDER BY 1"},
	},
	Controls: []Control{{Sheet: 1, Column: 3, ZH: "账本已消费分录之和", Query: postedSpent}},
}
