package reporting

import (
	"strings"

	"hongbao/internal/audit"
)

// ofCampaign are the audit entries of the campaign and those of none, as sign-ins.
const ofCampaign = " FROM audit_entries e JOIN campaigns c ON c.id = @campaign WHERE (e.campaign = c.slug OR e.campaign = '') "

var accesses = "AND e.action IN ('" + strings.Join(audit.Accesses, "', '") + "') "

var auditTrail = Report{Name: "audit", ZH: "审计记录", EN: "Audit trail",
	Purpose: "谁在什么时候做了什么；散列链使任何一条都无法事后增删改。",
	Sheets: []Sheet{{ZH: "审计", EN: "audit", Columns: []Column{
		column(Count, "序号", "seq", "全平台连续编号；本表只列本活动与不属于任何活动的条目；audit_entries.seq"), column(Moment, "时间", "at", "audit_entries.at"),
		wide(24, "操作者", "actor", "用户名、system:任务 或 operator:机构；audit_entries.actor"), wide(22, "行为", "action", "行为代码；audit_entries.action"),
		wide(34, "对象", "subject", "操作对象；audit_entries.subject"), wide(60, "明细", "detail", "JSON，不含身份信息；audit_entries.detail"),
		column(Digest, "摘要", "hash", "含前一条摘要的散列链；audit_entries.hash")},
		Query: "SELECT e.seq, e.at, e.actor, e.action, e.subject, e.detail, e.hash" + ofCampaign + "ORDER BY e.seq"}},
}

var accessLog = Report{Name: "access", ZH: "访问与下载记录", EN: "Access log",
	Purpose: "谁登录过、谁看过哪些登记人的信息（明细中的 shown 是登记的编号）、谁制作或取走过文件。",
	Sheets: []Sheet{
		{ZH: "按人", EN: "by_person", Columns: []Column{
			wide(24, "用户", "actor", "用户名"), wide(22, "行为", "action", "行为代码"), summed(Count, "次数", "times", "条目数"), column(Moment, "最近一次", "last_at", "audit_entries.at")},
			Query: "SELECT e.actor, e.action, COUNT(*), MAX(e.at)" + ofCampaign + accesses + "GROUP BY 1, 2 ORDER BY 1, 2"},
		{ZH: "访问", EN: "access", Columns: []Column{
			column(Moment, "时间", "at", "audit_entries.at"), wide(24, "用户", "actor", "用户名；audit_entries.actor"), wide(22, "行为", "action", "登录、查看、制作、下载；audit_entries.action"),
			wide(40, "对象", "subject", "audit_entries.subject"), wide(60, "明细", "detail", "JSON，不含身份信息；audit_entries.detail")},
			Query: "SELECT e.at, e.actor, e.action, e.subject, e.detail" + ofCampaign + accesses + "ORDER BY e.seq"},
	},
}
