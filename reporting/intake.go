package reporting

var overview = Report{Name: "overview", ZH: "活动总览", EN: "Campaign overview",
	Purpose: "一页看清：活动到了哪一步，钱在哪里，有多少人参加。",
	Sheets: []Sheet{
		{ZH: "活动", EN: "campaign",
			Columns: []Column{
				column(Text, "活动编号", "slug", "规则书中的编号，也是抽签编号；campaigns.slug"),
				wide(34, "名称", "name", "规则书；campaigns.name_zh"),
				coded("campaign", "状态", "status", "campaigns.status"),
				column(Moment, "登记开始", "open_at", "规则书"),
				column(Moment, "登记截止", "close_at", "规则书"),
				column(Moment, "使用开始", "spend_from_at", "规则书"),
				column(Moment, "使用截止", "spend_until_at", "规则书"),
				column(Money, "预算", "budget", "规则书各出资方金额之和；campaigns.budget_fen"),
				column(Digest, "规则书摘要", "rule_hash", "规则书文本的 SHA-256"),
			},
			Query: "SELECT slug, name_zh, status, open_at, close_at, spend_from_at, spend_until_at, budget_fen, rule_hash FROM campaigns WHERE id = @campaign"},
		{ZH: "资金", EN: "money", Columns: append([]Column{coded("source", "出资方", "source", "规则书")}, balances...),
			Query: "SELECT source, " + balanceList + " FROM ledger_accounts WHERE campaign_id = @campaign GROUP BY source ORDER BY source"},
		{ZH: "登记情况", EN: "registrations", Columns: outcomeColumns, Query: outcomeQuery},
		{ZH: "红包情况", EN: "envelopes", Chart: &Chart{ZH: "各状态红包个数", Label: 0, Figure: 1, Bar: true},
			Columns: []Column{coded("envelope", "状态", "status", "envelopes.status"), summed(Count, "个数", "envelopes", "红包行数"),
				summed(Money, "面额", "amount", "红包面额之和")},
			Query: "SELECT status, COUNT(*), SUM(amount_fen) FROM envelopes WHERE campaign_id = @campaign GROUP BY status ORDER BY status"},
	},
	Controls: []Control{
		{Sheet: 1, Column: 4, ZH: "账本已消费分录之和", Query: postedSpent},
		{Sheet: 1, Column: 6, ZH: "账本已退回分录之和", Query: postedReturned}},
}

// balances are the columns of balanceList: where a source's money is.
var balances = []Column{
	summed(Money, "待发", "float", "已到位、未发出的资金；账本余额"),
	summed(Money, "在途", "in_flight", "已交运营机构、结果未定；账本余额"),
	summed(Money, "钱包内", "issued", "已入账、未消费未收回；账本余额"),
	summed(Money, "已消费", "spent", "消费减退款；账本余额"),
	summed(Money, "已收回", "recalled", "已收回、未退回出资方；账本余额"),
	summed(Money, "已退回", "returned", "已退回出资方；账本余额"),
}

var balanceList = balance("float") + ", " + balance("in_flight") + ", " + balance("issued") + ", " + balance("spent") + ", " + balance("recalled") + ", " + balance("returned")

var people = summed(Count, "人数", "people", "登记行数，一人一行；registrations")

var outcomeColumns = []Column{coded("registration", "状态", "status", "登记当前状态；registrations.status"),
	column(Text, "原因", "reason", "排除或撤回的原因代码；registrations.reason"), people}

const outcomeQuery = "SELECT status, reason, COUNT(*) FROM registrations WHERE campaign_id = @campaign GROUP BY status, reason ORDER BY status, reason"

// peopleBy counts registrations by one thing.
func peopleBy(zh, en string, by Column, expression string) Sheet {
	return Sheet{ZH: zh, EN: en, Columns: []Column{by, people},
		Query: "SELECT " + expression + ", COUNT(*) FROM registrations r WHERE r.campaign_id = @campaign GROUP BY 1 ORDER BY 1"}
}

func charted(s Sheet, title string, figure int, bar bool) Sheet {
	s.Chart = &Chart{ZH: title, Label: 0, Figure: figure, Bar: bar}
	return s
}

var registrations = Report{Name: "registrations", ZH: "登记统计", EN: "Registrations",
	Purpose: "谁在什么时候、从哪里登记，结果如何；被拒的只计次数，不留身份。",
	Sheets: []Sheet{
		charted(peopleBy("按日", "by_day", column(Day, "日期", "day", "登记日；registrations.registered_at"), dayOfEntry), "每日登记人数", 1, false),
		peopleBy("按小时", "by_hour", column(Moment, "小时", "hour", "登记时间所在小时的起点；registrations.registered_at"), hourOf),
		charted(peopleBy("按区县", "by_district", coded("district", "区县", "district", "登记时所填；registrations.district"), "r.district"), "各区县登记人数", 1, true),
		charted(peopleBy("按运营机构", "by_operator", coded("operator", "运营机构", "operator", "登记时所选；registrations.operator"), "r.operator"), "各运营机构登记人数", 1, true),
		peopleBy("按渠道", "by_channel", column(Text, "渠道", "channel", "online 网上，desk 柜台代办；registrations.source"), "r.source"),
		peopleBy("按签池", "by_pool", coded("pool", "签池", "pool", "规则书；registrations.pool"), "r.pool"),
		{ZH: "按资格结果", EN: "by_outcome", Columns: outcomeColumns, Query: outcomeQuery},
		{ZH: "被拒登记", EN: "refusals",
			Columns: []Column{column(Text, "原因", "reason", "拒绝原因代码；refusals.reason"), summed(Count, "次数", "times", "提交次数，同一人可多次；refusals.count")},
			Query:   "SELECT reason, SUM(count) FROM refusals WHERE campaign_id = @campaign GROUP BY 1 ORDER BY 1"},
	},
	Controls: peopleControls(7),
}

// peopleControls hold the breakdowns to the number of registrations.
func peopleControls(sheets int) (list []Control) {
	for i := range sheets {
		column := 1
		if i == sheets-1 {
			column = 2
		}
		list = append(list, Control{Sheet: i, Column: column, ZH: "登记总行数", Query: "SELECT COUNT(*) FROM registrations WHERE campaign_id = @campaign"})
	}
	return list
}

// registrationList is the roll itself. What a withdrawal left has no person behind it.
var registrationList = Report{Name: "registration-list", ZH: "登记清单", EN: "List of registrations",
	Purpose: "逐项列出登记及其状态；姓名、手机、证件默认遮掩，全文须说明理由并经第二人放行。",
	Sheets: []Sheet{{ZH: "登记", EN: "registrations", Columns: []Column{
		column(Digest, "抽签编号", "entry", "公开编号，不含身份信息；registrations.entry"), column(Name, "姓名", "name", "登记时所填，默认遮掩；撤回后为空"),
		column(Phone, "手机", "phone", "登记时所填，默认遮掩；撤回后为空"), column(Document, "证件号码", "document", "登记时所填，默认遮掩；撤回后为空"),
		coded("operator", "运营机构", "operator", "登记时所选；registrations.operator"), coded("district", "区县", "district", "登记时所填；registrations.district"),
		coded("pool", "签池", "pool", "规则书；registrations.pool"), coded("registration", "状态", "status", "登记当前状态；registrations.status"),
		column(Text, "原因", "reason", "排除或撤回的原因代码；registrations.reason"), column(Text, "渠道", "channel", "online 网上，desk 柜台代办；registrations.source"),
		column(Moment, "登记时间", "registered_at", "registrations.registered_at"), column(Count, "登记编号", "id", "访问记录的明细以此说明谁被看过；registrations.id")},
		Query: "SELECT r.entry, " + personOf + ", " + personOf + ", " + personOf + ", r.operator, r.district, r.pool, r.status, r.reason, r.source, r.registered_at, r.id" +
			" FROM registrations r WHERE r.campaign_id = @campaign ORDER BY r.id"}},
}

const personOf = "CASE WHEN r.status = 'withdrawn' THEN NULL ELSE r.id END"
