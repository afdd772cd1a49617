package reporting

import "context"

var drawCertificate = Report{Name: "draw-certificate", ZH: "抽签证书", EN: "Draw certificate",
	Purpose: "抽签的方案、信标、种子、结果与见证签名，任何人都可以据此重算。",
	Sheets: []Sheet{
		{ZH: "抽签", EN: "draw", Columns: []Column{
			column(Text, "编号", "id", "抽签编号；draws.slug"), coded("draw", "状态", "status", "draws.status"), column(Text, "散列算法", "hash", "sha256 或 sm3，规则书"),
			column(Count, "登记人数", "registered", "冻结时的登记行数；draws.registered"), column(Count, "编号数", "entries", "进入签池的编号数；draws.entries"),
			column(Digest, "公告摘要", "notice_hash", "notice 文件的散列"),
			column(Digest, "方案摘要", "plan_hash", "plan 文件的散列；sha256sum plan 可核对"), column(Count, "信标轮次", "round", "由截止时间和延迟推出，不可选择；draws.round"),
			column(Digest, "种子", "seed", "方案、揭示值与信标共同决定"), column(Digest, "结果摘要", "result_hash", "result 文件的散列")},
			Query: "SELECT slug, status, hash, registered, entries, notice_hash, plan_hash, round, seed, result_hash FROM draws WHERE campaign_id = @campaign"},
		{ZH: "签池", EN: "pools", Columns: []Column{
			coded("pool", "签池", "pool", "规则书；draw_pools.pool"), summed(Count, "编号数", "entries", "冻结名单中的编号数；draw_pools.n"), column(Digest, "树根", "root", "RFC 6962 树根；draw_pools.root")},
			Query: "SELECT p.pool, p.n, p.root FROM draw_pools p JOIN draws d ON d.id = p.draw_id WHERE d.campaign_id = @campaign ORDER BY p.pool"},
		{ZH: "公开日志", EN: "log", Columns: []Column{
			column(Count, "位置", "position", "从 1 起，也是检查点的大小；log_lines.position"), coded("log-kind", "类别", "kind", "公开文件的类别；log_lines.kind"),
			column(Moment, "写入时间", "at", "log_lines.at"), column(Count, "见证签名", "cosignatures", "见证方对该检查点的签名数；cosignatures"),
			column(Moment, "最后见证", "cosigned_at", "最后一个见证签名的时间；cosignatures.at"), column(Digest, "文件摘要", "hash", "公开文件的散列；log_lines.hash")},
			Query: "SELECT l.position, l.kind, l.at, (SELECT COUNT(*) FROM cosignatures k WHERE k.city = l.city AND k.size = l.position), (SELECT MAX(k.at) * 1000 FROM cosignatures k WHERE k.city = l.city AND k.size = l.position), l.hash" +
				" FROM log_lines l JOIN draws d ON d.id = l.draw_id WHERE d.campaign_id = @campaign ORDER BY l.position"},
		{ZH: "协助方与见证方", EN: "parties", Columns: []Column{
			column(Text, "名称", "name", "公告所列；draw_parties.name"), column(Digest, "承诺", "commitment", "登记开始前公布；draw_parties.commitment"),
			column(Digest, "揭示值", "reveal", "信标之前公布；空白计为零；draw_parties.reveal"),
			wide(60, "见证公钥", "witness_key", "C2SP 格式；空白表示不是见证方；draw_parties.witness_vkey")},
			Query: "SELECT p.name, p.commitment, p.reveal, p.witness_vkey FROM draw_parties p JOIN draws d ON d.id = p.draw_id WHERE d.campaign_id = @campaign ORDER BY p.name"},
		{ZH: "核对方法", EN: "verification", Columns: []Column{
			column(Count, "步骤", "step", "按顺序进行"), wide(60, "做什么", "what", "不需要信任本平台"), wide(70, "怎么做", "how", "命令或页面")},
			Rows: verification},
	},
}

func verification(ctx context.Context, scope Scope) ([][]any, error) {
	var slug string
	if err := scope.Tx.WithContext(ctx).Raw("SELECT slug FROM campaigns WHERE id = @campaign", scope.arguments()).Scan(&slug).Error; err != nil || slug == "" {
		return nil, err
	}
	return [][]any{
		{int64(1), "取得公开的全套文件", "GET /api/v1/draws/" + slug + "/bundle/ ，或抽签页面的下载链接"},
		{int64(2), "核对方案与结果的摘要与本表一致", "sha256sum plan result（国密活动用 SM3）"},
		{int64(3), "重算种子、名单树根与全部中签编号，并核对见证签名", "hongbao verify bundle/"},
		{int64(4), "只查一个人：编号在名单内，结果由同一种子算出", "打开 /draws/" + slug + " ，填入登记回执"},
	}, nil
}

var winners = Report{Name: "winners", ZH: "中签与候补名单", EN: "Winners and waitlist",
	Purpose: "公布的名单与递补；姓名、手机、证件默认遮掩，全文须说明理由并经第二人放行。",
	Sheets: []Sheet{
		{ZH: "中签", EN: "winners", Columns: []Column{
			column(Count, "名次", "rank", "档位内按分数由小到大；awards.place"), coded("tier", "档位", "tier", "规则书；awards.tier"), coded("pool", "签池", "scope", "* 为全部；awards.scope"),
			column(Name, "姓名", "name", "登记时所填，默认遮掩"), column(Phone, "手机", "phone", "登记时所填，默认遮掩"), column(Document, "证件号码", "document", "登记时所填，默认遮掩"),
			coded("operator", "运营机构", "operator", "登记时所选；registrations.operator"), summed(Money, "金额", "amount", "红包面额；awards.amount_fen"),
			coded("envelope", "红包状态", "status", "envelopes.status；空白表示尚未发放"),
			column(Digest, "抽签编号", "entry", "公开编号，不含身份信息；awards.entry"), column(Digest, "分数", "score", "种子与编号的散列；awards.score")},
			Query: "SELECT a.place, a.tier, a.scope, a.registration_id, a.registration_id, a.registration_id, r.operator, a.amount_fen, v.status, a.entry, a.score FROM awards a JOIN draws d ON d.id = a.draw_id" +
				" LEFT JOIN registrations r ON r.id = a.registration_id LEFT JOIN envelopes v ON v.campaign_id = d.campaign_id AND v.registration_id = a.registration_id" +
				" WHERE d.campaign_id = @campaign AND a.kind <> 'wait' ORDER BY a.line, a.place"},
		{ZH: "候补", EN: "waitlist", Columns: []Column{
			column(Count, "名次", "rank", "按承诺次序递补；awards.place"), coded("pool", "签池", "scope", "* 为全部；awards.scope"), coded("award", "状态", "status", "awards.status"),
			column(Digest, "抽签编号", "entry", "公开编号，不含身份信息；awards.entry"), column(Digest, "分数", "score", "由小到大；awards.score")},
			Query: "SELECT a.place, a.scope, a.status, a.entry, a.score FROM awards a JOIN draws d ON d.id = a.draw_id WHERE d.campaign_id = @campaign AND a.kind = 'wait' ORDER BY a.line, a.place"},
		{ZH: "递补", EN: "backfills", Columns: []Column{
			column(Moment, "时间", "at", "backfills.at"), column(Text, "原因", "reason", "空出名额的原因代码；backfills.reason"),
			column(Digest, "原编号", "old_entry", "空出名额者；backfills.old_entry"), column(Digest, "新编号", "new_entry", "递补者；空白表示候补已用完；backfills.new_entry")},
			Query: "SELECT b.at, b.reason, b.old_entry, b.new_entry FROM backfills b JOIN draws d ON d.id = b.draw_id WHERE d.campaign_id = @campaign ORDER BY b.position"},
	},
}
