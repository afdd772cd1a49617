package reporting

var drawCertificate = Report{Name: "draw-certificate", ZH: "抽签证书", EN: "Draw certificate",
	Sheets: []Sheet{
		{ZH: "抽签", EN: "draw", Columns: []Column{
			{ZH: "编号", EN: "id", Note: "抽签编号"}, {ZH: "状态", EN: "status", Note: "draws.status"}, {ZH: "散列算法", EN: "hash", Note: "sha256 或 sm3"},
			{ZH: "方案摘要", EN: "plan_hash", Kind: Digest, Note: "plan 文件的散列；sha256sum plan 可核对"}, {ZH: "信标轮次", EN: "round", Kind: Count, Note: "由截止时间和延迟推出，不可选择"},
			{ZH: "种子", EN: "seed", Kind: Digest, Note: "方案、揭示值与信标共同决定"}, {ZH: "结果摘要", EN: "result_hash", Kind: Digest, Note: "result 文件的散列"}},
			Query: "SELECT slug, status, hash, plan_hash, round, seed, result_hash FROM draws WHERE campaign_id = @campaign"},
		{ZH: "签池", EN: "pools", Columns: []Column{
			{ZH: "签池", EN: "pool", Note: "规则书"}, {ZH: "编号数", EN: "entries", Kind: Count, Total: true, Note: "冻结名单中的编号数"}, {ZH: "树根", EN: "root", Kind: Digest, Note: "RFC 6962 树根"}},
			Query: "SELECT p.pool, p.n, p.root FROM draw_pools p JOIN draws d ON d.id = p.draw_id WHERE d.campaign_id = @campaign ORDER BY p.pool"},
		{ZH: "公开日志", EN: "log", Columns: []Column{
			{ZH: "位置", EN: "position", Kind: Count, Note: "从 1 起，也是检查点的大小"}, {ZH: "类别", EN: "kind", Note: "公开文件的类别"}, {ZH: "文件摘要", EN: "hash", Kind: Digest, Note: "公开文件的散列"},
			{ZH: "写入时间", EN: "at", Kind: Moment, Note: "北京时间"}, {ZH: "见证签名", EN: "cosignatures", Kind: Count, Note: "见证方对该检查点的签名数"}, {ZH: "最后见证", EN: "cosigned_at", Kind: Moment, Note: "北京时间"}},
			Query: "SELECT l.position, l.kind, l.hash, l.at, (SELECT COUNT(*) FROM cosignatures k WHERE k.city = l.city AND k.size = l.position), (SELECT MAX(k.at) * 1000 FROM cosignatures k WHERE k.city = l.city AND k.size = l.position)" +
				" FROM log_lines l JOIN draws d ON d.id = l.draw_id WHERE d.campaign_id = @campaign ORDER BY l.position"},
		{ZH: "随机数协助方与见证方", EN: "parties", Columns: []Column{
			{ZH: "名称", EN: "name", Note: "公告所列"}, {ZH: "承诺", EN: "commitment", Kind: Digest, Note: "登记开始前公布"}, {ZH: "揭示值", EN: "reveal", Kind: Digest, Note: "信标之前公布；空白计为零"},
			{ZH: "见证公钥", EN: "witness_key", Note: "C2SP 格式；空白表示不是见证方"}},
			Query: "SELECT p.name, p.commitment, p.reveal, p.witness_vkey FROM draw_parties p JOIN draws d ON d.id = p.draw_id WHERE d.campaign_id = @campaign ORDER BY p.name"},
	},
}

var winners = Report{Name: "winners", ZH: "中签与候补名单", EN: "Winners and waitlist",
	Sheets: []Sheet{
		{ZH: "中签", EN: "winners", Columns: []Column{
			{ZH: "名次", EN: "rank", Kind: Count, Note: "档位内按分数排序"}, {ZH: "档位", EN: "tier", Note: "规则书"}, {ZH: "签池", EN: "scope", Note: "* 为全部"},
			{ZH: "抽签编号", EN: "entry", Kind: Digest, Note: "不含身份信息"}, {ZH: "分数", EN: "score", Kind: Digest, Note: "种子与编号的散列，由小到大"}, {ZH: "金额", EN: "amount", Kind: Money, Total: true, Note: "红包面额"}},
			Query: "SELECT a.place, a.tier, a.scope, a.entry, a.score, a.amount_fen FROM awards a JOIN draws d ON d.id = a.draw_id WHERE d.campaign_id = @campaign AND a.kind <> 'wait' ORDER BY a.line, a.place"},
		{ZH: "候补", EN: "waitlist", Columns: []Column{
			{ZH: "名次", EN: "rank", Kind: Count, Note: "按承诺次序递补"}, {ZH: "签池", EN: "scope", Note: "* 为全部"}, {ZH: "抽签编号", EN: "entry", Kind: Digest, Note: "不含身份信息"}, {ZH: "分数", EN: "score", Kind: Digest, Note: "由小到大"}},
			Query: "SELECT a.place, a.scope, a.entry, a.score FROM awards a JOIN draws d ON d.id = a.draw_id WHERE d.campaign_id = @campaign AND a.kind = 'wait' ORDER BY a.line, a.place"},
		{ZH: "递补", EN: "backfills", Columns: []Column{
			{ZH: "原编号", EN: "old_entry", Kind: Digest, Note: "空出名额者"}, {ZH: "原因", EN: "reason", Note: "原因代码"}, {ZH: "新编号", EN: "new_entry", Kind: Digest, Note: "递补者；空白表示候补已用完"}, {ZH: "时间", EN: "at", Kind: Moment, Note: "北京时间"}},
			Query: "SELECT b.old_entry, b.reason, b.new_entry, b.at FROM backfills b JOIN draws d ON d.id = b.draw_id WHERE d.campaign_id = @campaign ORDER BY b.position"},
	},
}

var auditTrail = Report{Name: "audit", ZH: "审计记录", EN: "Audit trail",
	Sheets: []Sheet{{ZH: "审计", EN: "audit", Columns: []Column{
		{ZH: "序号", EN: "seq", Kind: Count, Note: "连续，不缺号"}, {ZH: "时间", EN: "at", Kind: Moment, Note: "北京时间"}, {ZH: "操作者", EN: "actor", Note: "用户名、system:任务 或 operator:机构"},
		{ZH: "行为", EN: "action", Note: "行为代码"}, {ZH: "对象", EN: "subject", Note: "操作对象"}, {ZH: "明细", EN: "detail", Note: "JSON，不含身份信息"}, {ZH: "摘要", EN: "hash", Kind: Digest, Note: "含前一条摘要的散列链"}},
		Query: "SELECT e.seq, e.at, e.actor, e.action, e.subject, e.detail, e.hash FROM audit_entries e JOIN campaigns c ON c.id = @campaign WHERE e.campaign = c.slug OR e.campaign = '' ORDER BY e.seq"}},
}

var accessLog = Report{Name: "access", ZH: "访问与下载记录", EN: "Access log",
	Sheets: []Sheet{{ZH: "访问", EN: "access", Columns: []Column{
		{ZH: "时间", EN: "at", Kind: Moment, Note: "北京时间"}, {ZH: "用户", EN: "actor", Note: "用户名"}, {ZH: "行为", EN: "action", Note: "登录、查看身份、下载报表等"}, {ZH: "对象", EN: "subject", Note: "对象"}},
		Query: "SELECT e.at, e.actor, e.action, e.subject FROM audit_entries e JOIN campaigns c ON c.id = @campaign WHERE (e.campaign = c.slug OR e.campaign = '') AND (e.action LIKE 'report.%' OR e.action LIKE 'session.%' OR e.action LIKE '%.view' OR e.action LIKE '%.contact') ORDER BY e.seq"}},
}
