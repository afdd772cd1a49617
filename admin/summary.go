package admin

import (
	"fmt"
	"strings"
	"time"

	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// labels name the entries of an approval's summary and of an audit entry's detail.
var labels = map[string][2]string{
	"approval": {"审批号", "Approval"}, "amount": {"金额", "Amount"}, "batch": {"批次", "Batch"}, "budget": {"预算", "Budget"},
	"address": {"登录地址", "Address"}, "campaign": {"活动", "Campaign"}, "campaign_id": {"活动序号", "Campaign no."}, "checker": {"复核", "Checker"}, "city": {"城市", "City"},
	"commitment": {"承诺", "Commitment"}, "entries": {"登记", "Entries"}, "entry": {"抽签编号", "Entry"}, "from": {"原状态", "From"}, "maker": {"经办", "Maker"}, "name": {"名称", "Name"}, "parties": {"参与方", "Parties"},
	"role": {"岗位", "Role"}, "subject": {"对象", "Subject"}, "summary": {"摘要", "Summary"}, "to": {"改为", "To"}, "vkey": {"公钥", "Key"}, "close": {"截止登记", "Registration closes"}, "count": {"数量", "Count"},
	"envelopes": {"红包个数", "Envelopes"}, "evidence": {"凭证", "Evidence"}, "kind": {"类别", "Kind"},
	"notice_hash": {"公告指纹", "Notice hash"}, "open": {"开始登记", "Registration opens"}, "operator": {"运营机构", "Operator"},
	"orders": {"指令笔数", "Orders"}, "purpose": {"用途", "Purpose"}, "quorum": {"见证法定数", "Quorum"}, "reason": {"理由", "Reason"},
	"registrations_unreadable": {"将不可恢复的个人信息（人）", "People whose data will be gone"}, "certificate": {"证书", "Certificate"}, "decided_by": {"批准", "Decided by"}, "registrations": {"人数", "People"}, "digest": {"摘要", "Digest"},
	"plan_hash": {"方案摘要", "Plan hash"}, "round_at": {"信标时间", "Beacon time"}, "round": {"信标轮次", "Beacon round"}, "rule_hash": {"规则书指纹", "Rule book hash"}, "source": {"资金来源", "Source"},
	"operators": {"运营机构数", "Operators"}, "winners": {"中签人数", "Winners"},
	"received": {"到位", "Received"}, "spent": {"已消费", "Spent"}, "returned": {"已退回", "Returned"}, "sources": {"出资方数", "Sources"},
	"merchant": {"商户", "Merchant"}, "held": {"暂缓金额", "Held"}, "held_for": {"暂缓原因", "Held for"}, "hold": {"暂缓记录", "Hold"}, "payee": {"收款方", "Payee"}, "settlements": {"结算单", "Statements"},
	"rule": {"规则", "Rule"}, "rules": {"规则", "Rules"}, "version": {"版本", "Version"},
	"came": {"到场", "Came"}, "proxy": {"代办人", "Proxy"}, "proxy_document": {"代办人证件", "Proxy's document"}, "hard_wallet": {"硬钱包", "Hard wallet"},
	"shown": {"所见登记编号", "Registrations shown"}, "spend_until": {"消费截止", "Spending ends"}, "total": {"合计", "Total"}, "sums": {"分项", "Parts"}, "status": {"状态", "Status"},
}

// summaryFact shows one entry. An entry whose name ends in _fen is an amount; a text of 64 hex digits is a digest; a text
// that is a time (RFC 3339) is shown in Asia/Shanghai; a reason that has words is shown in them.
func summaryFact(c *gin.Context, name string, value any) fact {
	plain, isMoney := strings.CutSuffix(name, "_fen")
	label := plain
	if known, ok := labels[plain]; ok {
		label = web.Tr(c, known[0], known[1])
	}
	if text, ok := value.(string); ok && len(text) == 64 && strings.Trim(text, "0123456789abcdef") == "" {
		return fact{Label: label, Hash: text}
	}
	if text, ok := value.(string); ok && name == "reason" {
		return fact{Label: label, Value: reasonName(c, text)}
	}
	return fact{Label: label, Value: summaryValue(c, value, isMoney)}
}

func summaryValue(c *gin.Context, value any, isMoney bool) string {
	switch value := value.(type) {
	case float64: // every number of a summary is whole, and JSON has told it so
		if isMoney {
			return web.Amount(int64(value)) + web.Tr(c, " 元", " yuan")
		}
		return web.Count(int64(value))
	case string:
		if at, err := time.Parse(time.RFC3339, value); err == nil {
			return web.Clock(at)
		}
		return value
	case []any:
		parts := make([]string, len(value))
		for i, part := range value {
			parts[i] = summaryValue(c, part, isMoney)
		}
		return strings.Join(parts, web.Tr(c, "；", "; "))
	case map[string]any:
		return summaryParts(c, value)
	case nil:
		return "–"
	}
	return fmt.Sprint(value)
}

func summaryParts(c *gin.Context, entries map[string]any) string {
	var parts []string
	for _, fact := range summaryFacts(c, entries) {
		text := fact.Value
		if fact.Hash != "" {
			text = web.Short(fact.Hash)
		}
		parts = append(parts, fact.Label+" "+text)
	}
	return strings.Join(parts, web.Tr(c, "，", ", "))
}
