package reporting

import (
	"hongbao/campaign"
	"hongbao/disbursement"
	"hongbao/internal/web"
)

// vocabulary names the codes of a campaign in 中文, by vocabulary and code: "operator" and "icbc" give 工商银行. What a rule
// book names is in it; the other codes of columns are statuses, which have the same words as on the pages.
type vocabulary map[string]map[string]string

// The vocabularies of codes that are neither in the rule book nor a status.
var fixedWords = vocabulary{
	"order-kind": {"credit": "入账", "recall": "收回", "return": "退回"},
	"account":    {"source": "出资方", "float": "待发", "in_flight": "在途", "issued": "钱包内", "spent": "已消费", "recalled": "已收回", "returned": "已退回"},
	"posting":    {"fund": "资金到位", "place": "占用", "dispatch": "发出", "settle": "入账结果", "payment": "消费", "refund": "退款", "recall": "收回", "return": "退回出资方"},
	"difference-kind": {"missing-here": "我方无记录", "missing-there": "对方无记录", "amount": "金额不符", "status": "状态不符",
		"refund-order": "退款次序不符", "ledger": "与账本不符", "event-refused": "通知被拒"},
	"award":           {"held": "中签", "waiting": "候补中", "released": "已让出"},
	"settlement-line": {"payment": "支付", "refund": "退款", "correction": "更正"},
	"origin":          {"callback": "实时通知", "statement": "对账单补记"},
	"pay-mode": {"pos-shows-code": "扫收银机码", "pos-scans-payer": "被扫付款码", "stand-qr": "扫立牌码", "tap": "碰一碰",
		"sub-wallet": "子钱包", "cash-on-delivery": "货到付款", "bill": "生活缴费"},
	"question":    {"pool": "签池", "operator": "运营机构", "hour": "登记时段", "position": "名单位置", "relation": "与主办方关系", "registration": "登记先后"},
	"test-method": {"chi-square": "卡方", "runs": "游程", "exact": "精确"},
	"relation":    {"related": "有关联", "other": "其他"},
	"verdict":     {"even": "未见异常", "uneven": "不均匀"},
	"log-kind":    {"notice": "公告", "chain": "信标参数", "excluded": "排除名单", "plan": "方案", "reveals": "揭示值", "beacon": "信标", "result": "结果", "backfill": "递补", "void": "作废"},
}

// words gathers a campaign's vocabulary.
func words(book *campaign.RuleBook) vocabulary {
	v := vocabulary{}
	for name, list := range fixedWords {
		v[name] = list
	}
	v["source"] = named(book.Funding, func(s campaign.Source) (string, campaign.Text) { return s.Name, s.Title })
	v["tier"] = named(book.Tiers, func(t campaign.Tier) (string, campaign.Text) { return t.Name, t.Title })
	v["operator"] = named(book.Operators, func(o campaign.Operator) (string, campaign.Text) { return o.Name, o.Title })
	v["app"] = named(book.Apps, func(a campaign.App) (string, campaign.Text) { return a.Name, a.Title })
	v["scenario"] = named(book.Scenarios, func(s campaign.Scenario) (string, campaign.Text) { return s.Name, s.Title })
	v["district"] = named(book.City.Districts, func(d campaign.District) (string, campaign.Text) { return d.Name, d.Title })
	v["payee"] = named(book.Acquirers, func(a campaign.Acquirer) (string, campaign.Text) { return a.Name, a.Title })
	v["payee"]["wallet"] = "商户钱包"
	v["misuse-rule"] = named(disbursement.MisuseKinds, func(k disbursement.MisuseKind) (string, campaign.Text) { return k.Rule, k.Title })
	v["pool"] = named(book.Pools.List, func(p campaign.Pool) (string, campaign.Text) { return p.Name, p.Title })
	v["pool"][campaign.AllPools] = "全部签池"
	return v
}

func named[T any](list []T, of func(T) (string, campaign.Text)) map[string]string {
	words := map[string]string{}
	for _, item := range list {
		name, title := of(item)
		words[name] = title.ZH
	}
	return words
}

// show gives the word and the code, as "工商银行 icbc", or the code alone when it has no word.
func (v vocabulary) show(name, code string) string {
	if code == "" {
		return ""
	}
	if list, listed := v[name]; listed || fixedWords[name] != nil {
		if word := list[code]; word != "" {
			return word + " " + code
		}
		return code
	}
	if word := web.StatusOf("zh", name+"."+code).Word; word != "" && word != name+"."+code {
		return word + " " + code
	}
	return code
}
