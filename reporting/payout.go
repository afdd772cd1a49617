package reporting

// orderSheet lists the orders of one kind.
func orderSheet(zh, en, kind, settled string) Sheet {
	return Sheet{ZH: zh, EN: en,
		Columns: []Column{
			wide(36, "指令号", "order_no", "本平台编号，一经使用永不复用；disbursement_orders.order_no"),
			wide(36, "红包号", "coupon_id", "envelopes.coupon_id"),
			coded("operator", "运营机构", "operator", "受理机构；disbursement_orders.operator"),
			coded("source", "出资方", "source", "资金来源；disbursement_orders.source"),
			summed(Money, "金额", "amount", "指令金额；disbursement_orders.amount_fen"),
			summed(Money, "结清金额", "settled", settled),
			coded("order", "状态", "status", "disbursement_orders.status"),
			column(Count, "次数", "attempts", "同号同文发送次数；disbursement_orders.attempts"),
			wide(30, "机构流水", "operator_ref", "运营机构流水号；disbursement_orders.operator_ref"),
			wide(24, "原因", "reason", "失败或退回原因；disbursement_orders.reason"),
			column(Moment, "创建", "created_at", "disbursement_orders.created_at"),
			column(Moment, "更新", "changed_at", "disbursement_orders.changed_at"),
		},
		Query: "SELECT order_no, coupon_id, operator, source, amount_fen, CASE WHEN status = 'succeeded' THEN settled_fen ELSE 0 END, status, attempts, operator_ref, reason, created_at, changed_at" +
			" FROM disbursement_orders WHERE campaign_id = @campaign AND kind = '" + kind + "' ORDER BY status, id"}
}

var orders = Report{Name: "orders", ZH: "发放指令", EN: "Disbursement orders",
	Purpose: "发给运营机构的每一条入账与收回指令，以及它们的结果；成功金额与账本逐分相符。",
	Sheets: []Sheet{
		orderSheet("入账指令", "credits", "credit", "成功入账的金额，未成功为零；disbursement_orders.settled_fen"),
		orderSheet("收回指令", "recalls", "recall", "实际收回的金额，未成功为零；disbursement_orders.settled_fen"),
		{ZH: "按状态", EN: "by_status", Columns: []Column{
			coded("order-kind", "类别", "kind", "指令类别"), coded("operator", "运营机构", "operator", "受理机构"), coded("order", "状态", "status", "当前状态"),
			summed(Count, "笔数", "orders", "指令行数"), summed(Money, "金额", "amount", "指令金额之和")},
			Query: "SELECT kind, operator, status, COUNT(*), SUM(amount_fen) FROM disbursement_orders WHERE campaign_id = @campaign GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"},
	},
	Controls: []Control{
		{Sheet: 0, Column: 5, ZH: "账本入账分录之和", Query: postedCredited},
		{Sheet: 1, Column: 5, ZH: "账本收回分录之和", Query: postedRecalled}},
}

var envelopes = Report{Name: "envelopes", ZH: "红包登记簿", EN: "Envelope register",
	Purpose: "每一个红包从中签到结清的一生；入账、消费、收回合计与账本逐分相符。",
	Sheets: []Sheet{{ZH: "红包", EN: "envelopes",
		Columns: []Column{
			wide(36, "红包号", "coupon_id", "本平台编号，与运营机构一致；envelopes.coupon_id"),
			coded("tier", "档位", "tier", "规则书；envelopes.tier"),
			coded("source", "出资方", "source", "资金来源；envelopes.source"),
			coded("operator", "运营机构", "operator", "中签者所选；envelopes.operator"),
			coded("envelope", "状态", "status", "envelopes.status"),
			summed(Money, "金额", "amount", "红包面额；envelopes.amount_fen"),
			summed(Money, "已入账", "credited", "运营机构确认入账；envelopes.credited_fen"),
			summed(Money, "已消费", "spent", "消费减退款；envelopes.spent_fen"),
			summed(Money, "已收回", "recalled", "到期收回；envelopes.recalled_fen"),
			column(Moment, "领取时间", "claimed_at", "envelopes.claimed_at"),
			column(Moment, "入账时间", "credited_at", "envelopes.credited_at"),
			column(Moment, "到期时间", "expires_at", "envelopes.expires_at"),
			column(Digest, "抽签编号", "entry", "公开名单中的编号，不含身份；envelopes.entry"),
		},
		Query: "SELECT coupon_id, tier, source, operator, status, amount_fen, credited_fen, spent_fen, recalled_fen, claimed_at, credited_at, expires_at, entry FROM envelopes WHERE campaign_id = @campaign ORDER BY status, id"}},
	Controls: []Control{
		{Column: 6, ZH: "账本入账分录之和", Query: postedCredited},
		{Column: 7, ZH: "账本已消费分录之和", Query: postedSpent},
		{Column: 8, ZH: "账本收回分录之和", Query: postedRecalled}},
}

var expiry = Report{Name: "expiry", ZH: "到期与收回", EN: "Expiry and recall",
	Purpose: "到期未用的钱收回了多少，还有多少在路上。",
	Sheets: []Sheet{
		{ZH: "按出资方", EN: "by_source", Columns: []Column{
			coded("source", "出资方", "source", "资金来源；envelopes.source"), coded("operator", "运营机构", "operator", "钱包所在机构；envelopes.operator"),
			summed(Count, "红包数", "envelopes", "已入账的红包"), summed(Money, "已入账", "credited", "入账金额"),
			summed(Money, "已消费", "spent", "消费净额"), summed(Money, "已收回", "recalled", "到期收回"),
			summed(Money, "未收回", "outstanding", "入账减消费减收回，仍在钱包内"), column(Share, "使用率", "used", "已消费占已入账")},
			Query: "SELECT source, operator, COUNT(*), SUM(credited_fen), SUM(spent_fen), SUM(recalled_fen), SUM(credited_fen - spent_fen - recalled_fen), SUM(spent_fen) * 1.0 / SUM(credited_fen)" +
				" FROM envelopes WHERE campaign_id = @campaign AND credited_fen > 0 GROUP BY 1, 2 ORDER BY 1, 2"},
		charted(Sheet{ZH: "按用了多少", EN: "by_use", Columns: []Column{
			column(Text, "用了多少", "used", "已消费占面额的比例，分五档"), summed(Count, "红包数", "envelopes", "已入账的红包"),
			summed(Money, "已消费", "spent", "消费净额"), summed(Money, "已收回", "recalled", "到期收回")},
			Query: "SELECT " + usedBand + ", COUNT(*), SUM(spent_fen), SUM(recalled_fen) FROM envelopes WHERE campaign_id = @campaign AND credited_fen > 0 GROUP BY 1 ORDER BY 1"},
			"红包用了多少", 1, true),
	},
	Controls: []Control{
		{Sheet: 0, Column: 4, ZH: "账本已消费分录之和", Query: postedSpent}, {Sheet: 0, Column: 5, ZH: "账本收回分录之和", Query: postedRecalled},
		{Sheet: 1, Column: 3, ZH: "账本收回分录之和", Query: postedRecalled}},
}

const usedBand = "CASE WHEN spent_fen <= 0 THEN '1 未用' WHEN spent_fen * 2 < amount_fen THEN '2 不到一半' WHEN spent_fen * 10 < amount_fen * 9 THEN '3 一半以上'" +
	" WHEN spent_fen < amount_fen THEN '4 九成以上' ELSE '5 全部用完' END"

var subWallets = Report{Name: "sub-wallets", ZH: "子钱包推送", EN: "Sub-wallets",
	Purpose: "各运营机构向各商户应用推送的子钱包，以及用子钱包付的款。",
	Sheets: []Sheet{
		{ZH: "按机构与应用", EN: "by_app", Columns: []Column{
			coded("operator", "运营机构", "operator", "钱包所在机构；sub_wallets.operator"), coded("app", "商户应用", "app", "推送到的应用；sub_wallets.app"),
			coded("sub-wallet", "状态", "status", "sub_wallets.status"), summed(Count, "数量", "sub_wallets", "子钱包行数")},
			Query: "SELECT operator, app, status, COUNT(*) FROM sub_wallets WHERE campaign_id = @campaign GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"},
		{ZH: "子钱包付款", EN: "payments", Columns: []Column{
			coded("operator", "运营机构", "operator", "付款钱包的机构；spending_events.operator"), coded("app", "商户应用", "app", "付款所在应用；spending_events.app"),
			summed(Count, "笔数", "payments", "支付笔数"), summed(Money, "红包支付", "envelope", "红包资金，未减退款"), summed(Money, "自有资金", "own", "钱包与银行卡资金")},
			Query: "SELECT operator, app, COUNT(*), SUM(envelope_fen), SUM(wallet_fen + card_fen) FROM spending_events WHERE campaign_id = @campaign AND kind = 'payment' AND app <> '' GROUP BY 1, 2 ORDER BY 1, 2"},
	},
}
