package reporting

// Catalogue is every report that a regulator can download, in the order of a campaign's life.
func Catalogue() []Report {
	return []Report{
		overview, registrations, drawCertificate, winners,
		orders, envelopes, ledger, statements,
		spending, refunds, expiry, surplus,
		subWallets, press, auditTrail, accessLog,
	}
}

// Find looks a report up by its name.
func Find(name string) (Report, bool) {
	for _, r := range Catalogue() {
		if r.Name == name {
			return r, true
		}
	}
	return Report{}, false
}

// Local days and hours begin eight hours before UTC ones; both dialects know this arithmetic.
const (
	daySpent   = "(e.occurred_at - (e.occurred_at + 28800000) % 86400000)"
	dayOfEntry = "(r.registered_at - (r.registered_at + 28800000) % 86400000)"
	hourOf     = "(r.registered_at - r.registered_at % 3600000)"
)

// The figures that controls hold reports against: balances and turnovers of the ledger, in fen.
const (
	ledgerSpent    = "SELECT COALESCE(SUM(balance_fen), 0) FROM ledger_accounts WHERE campaign_id = @campaign AND kind = 'spent'"
	ledgerRecalled = "SELECT COALESCE(SUM(p.amount_fen), 0) FROM ledger_postings p JOIN ledger_accounts a ON a.id = p.account_id WHERE a.campaign_id = @campaign AND a.kind = 'recalled' AND p.amount_fen > 0"
	ledgerReturned = "SELECT COALESCE(SUM(balance_fen), 0) FROM ledger_accounts WHERE campaign_id = @campaign AND kind = 'returned'"
	ledgerSum      = "SELECT COALESCE(SUM(balance_fen), 0) FROM ledger_accounts WHERE campaign_id = @campaign"
)

var overview = Report{Name: "overview", ZH: "活动总览", EN: "Campaign overview",
	Sheets: []Sheet{
		{ZH: "活动", EN: "campaign",
			Columns: []Column{
				{ZH: "活动编号", EN: "slug", Note: "规则书中的编号，也是抽签编号"},
				{ZH: "名称", EN: "name", Note: "规则书"},
				{ZH: "状态", EN: "status", Note: "campaigns.status"},
				{ZH: "登记开始", EN: "open_at", Kind: Moment, Note: "北京时间"},
				{ZH: "登记截止", EN: "close_at", Kind: Moment, Note: "北京时间"},
				{ZH: "使用开始", EN: "spend_from_at", Kind: Moment, Note: "北京时间"},
				{ZH: "使用截止", EN: "spend_until_at", Kind: Moment, Note: "北京时间"},
				{ZH: "预算", EN: "budget", Kind: Money, Note: "规则书各出资方金额之和"},
				{ZH: "规则书摘要", EN: "rule_hash", Kind: Digest, Note: "规则书文本的 SHA-256"},
			},
			Query: "SELECT slug, name_zh, status, open_at, close_at, spend_from_at, spend_until_at, budget_fen, rule_hash FROM campaigns WHERE id = @campaign"},
		{ZH: "资金", EN: "money",
			Columns: []Column{
				{ZH: "出资方", EN: "source", Note: "规则书"},
				{ZH: "待发", EN: "float", Kind: Money, Total: true, Note: "已到位、未发出的资金，账本余额"},
				{ZH: "在途", EN: "in_flight", Kind: Money, Total: true, Note: "已交运营机构、结果未定，账本余额"},
				{ZH: "钱包内", EN: "issued", Kind: Money, Total: true, Note: "已入账、未消费未收回，账本余额"},
				{ZH: "已消费", EN: "spent", Kind: Money, Total: true, Note: "已消费净额，账本余额"},
				{ZH: "已收回", EN: "recalled", Kind: Money, Total: true, Note: "已收回、未退回出资方，账本余额"},
				{ZH: "已退回", EN: "returned", Kind: Money, Total: true, Note: "已退回出资方，账本余额"},
			},
			Query: "SELECT source, " + balance("float") + ", " + balance("in_flight") + ", " + balance("issued") + ", " + balance("spent") + ", " + balance("recalled") + ", " + balance("returned") +
				" FROM ledger_accounts WHERE campaign_id = @campaign GROUP BY source ORDER BY source"},
		{ZH: "登记情况", EN: "registrations",
			Columns: []Column{
				{ZH: "状态", EN: "status", Note: "registrations.status"},
				{ZH: "原因", EN: "reason", Note: "排除或撤回的原因代码"},
				{ZH: "人数", EN: "people", Kind: Count, Total: true, Note: "登记行数，一人一行"},
			},
			Query: "SELECT status, reason, COUNT(*) FROM registrations WHERE campaign_id = @campaign GROUP BY status, reason ORDER BY status, reason"},
	},
	Controls: []Control{{Sheet: 1, Column: 4, ZH: "账本已消费余额", Query: ledgerSpent}},
}

func balance(kind string) string {
	return "SUM(CASE WHEN kind = '" + kind + "' THEN balance_fen ELSE 0 END)"
}

var registrations = Report{Name: "registrations", ZH: "登记统计", EN: "Registrations",
	Sheets: []Sheet{
		{ZH: "按日", EN: "by_day", Chart: &Chart{ZH: "每日登记人数", Label: 0, Figure: 1},
			Columns: []Column{{ZH: "日期", EN: "day", Kind: Day, Note: "北京时间"}, people},
			Query:   "SELECT " + dayOfEntry + ", COUNT(*) FROM registrations r WHERE r.campaign_id = @campaign GROUP BY 1 ORDER BY 1"},
		{ZH: "按小时", EN: "by_hour",
			Columns: []Column{{ZH: "小时", EN: "hour", Kind: Moment, Note: "北京时间，小时起点"}, people},
			Query:   "SELECT " + hourOf + ", COUNT(*) FROM registrations r WHERE r.campaign_id = @campaign GROUP BY 1 ORDER BY 1"},
		{ZH: "按区县", EN: "by_district", Columns: []Column{{ZH: "区县", EN: "district", Note: "登记时所填"}, people},
			Query: "SELECT r.district, COUNT(*) FROM registrations r WHERE r.campaign_id = @campaign GROUP BY 1 ORDER BY 1"},
		{ZH: "按运营机构", EN: "by_operator", Chart: &Chart{ZH: "各运营机构登记人数", Label: 0, Figure: 1, Bar: true},
			Columns: []Column{{ZH: "运营机构", EN: "operator", Note: "登记时所选"}, people},
			Query:   "SELECT r.operator, COUNT(*) FROM registrations r WHERE r.campaign_id = @campaign GROUP BY 1 ORDER BY 1"},
		{ZH: "按结果", EN: "by_outcome", Columns: []Column{{ZH: "状态", EN: "status", Note: "登记当前状态"}, {ZH: "原因", EN: "reason", Note: "原因代码"}, people},
			Query: "SELECT r.status, r.reason, COUNT(*) FROM registrations r WHERE r.campaign_id = @campaign GROUP BY 1, 2 ORDER BY 1, 2"},
		{ZH: "被拒登记", EN: "refusals",
			Columns: []Column{{ZH: "原因", EN: "reason", Note: "拒绝原因代码；被拒者不留任何身份信息"}, {ZH: "次数", EN: "times", Kind: Count, Total: true, Note: "refusals.count"}},
			Query:   "SELECT reason, SUM(count) FROM refusals WHERE campaign_id = @campaign GROUP BY 1 ORDER BY 1"},
	},
}

var people = Column{ZH: "人数", EN: "people", Kind: Count, Total: true, Note: "登记行数，一人一行"}
