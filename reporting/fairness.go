package reporting

import (
	"context"

	"hongbao/lottery"
)

var fairness = Report{Name: "fairness", ZH: "抽签公平性", EN: "Fairness of the draw",
	Purpose: "谁的中签率高、是否出于偶然：按签池、运营机构、登记时段、名单位置、与主办方的关系逐项检验，用数字回答质疑。",
	Sheets: []Sheet{
		charted(wonBy("按签池", "by_pool", lottery.ByPool, coded("pool", "签池", "pool", "规则书；各签池名额由规则书定，应中即实中")), "各签池中签率", 4, true),
		charted(wonBy("按运营机构", "by_operator", lottery.ByOperator, coded("operator", "运营机构", "operator", "登记时所选；registrations.operator")), "各运营机构中签率", 4, true),
		charted(wonBy("按登记时段", "by_hour", lottery.ByHour, column(Text, "小时", "hour", "登记时间所在的小时，北京时间；registrations.registered_at")), "各时段中签率", 4, false),
		charted(wonBy("按名单位置", "by_position", lottery.ByPosition, column(Text, "十分位", "tenth", "编号在本签池公开名单中的位置，1 为最前的十分之一")), "名单各十分位中签率", 4, false),
		wonBy("按与主办方关系", "by_relation", lottery.ByRelation, coded("relation", "关系", "relation", "related 为主办方申报的关联人员；未申报名单时本表为空")),
		{ZH: "检验", EN: "tests", Rows: fairnessTests, Columns: []Column{
			coded("question", "可疑因素", "question", "各项检验都在签池内部进行再合并"), coded("test-method", "检验", "method", "chi-square 卡方；runs 游程；exact 精确检验（单侧）"),
			column(Real, "统计量", "statistic", "卡方值；游程数的标准差倍数；精确检验为中签人数"), column(Count, "自由度", "freedom", "仅卡方检验有"),
			column(Real, "p 值", "p", "公平抽签出现同样或更不均匀结果的概率"), column(Real, "校正 p 值", "adjusted", "按检验项数以 Holm 方法校正"),
			coded("verdict", "结论", "verdict", "校正 p 值低于 0.05 为 uneven，需要解释")}},
		{ZH: "关联人员申报", EN: "related", Columns: []Column{
			column(Text, "申报单位", "source", "提交名单时所填；related_people.source"), summed(Count, "申报人数", "filed", "名单人数，只存加密索引；related_people"),
			summed(Count, "锁定后申报", "late", "名单锁定之后才申报的人数；related_people.filed_at"), summed(Count, "登记人数", "registered", "以其证件登记的人数"),
			summed(Count, "参加抽签", "entries", "其中进入签池的人数"), summed(Count, "中签人数", "winners", "其中按抽签当时结果中签的人数，不含递补")},
			Query: "SELECT p.source, COUNT(*), SUM(CASE WHEN c.frozen_at > 0 AND p.filed_at >= c.frozen_at THEN 1 ELSE 0 END), COUNT(r.id)," +
				" SUM(CASE WHEN r.status = 'confirmed' THEN 1 ELSE 0 END), COUNT(a.id) FROM related_people p JOIN campaigns c ON c.id = p.campaign_id" +
				" LEFT JOIN registrations r ON r.campaign_id = p.campaign_id AND (r.document_index = p.document_index OR r.linked_index = p.linked_index)" +
				" LEFT JOIN draws d ON d.campaign_id = p.campaign_id AND d.status = 'published' LEFT JOIN awards a ON a.draw_id = d.id AND a.entry = r.entry AND a.kind <> 'wait'" +
				" WHERE p.campaign_id = @campaign GROUP BY p.source ORDER BY p.source"},
	},
	Controls: wonControls(4),
}

// wonBy is the table of one question.
func wonBy(zh, en string, by lottery.Question, name Column) Sheet {
	return Sheet{ZH: zh, EN: en,
		Columns: []Column{name, summed(Count, "参加人数", "entries", "进入签池的编号数"), summed(Count, "中签人数", "winners", "按抽签当时的结果，不含递补"),
			column(Real, "应中人数", "expected", "按所在签池的中签率计算"), column(Share, "中签率", "rate", "中签人数占参加人数")},
		Rows: func(ctx context.Context, scope Scope) (rows [][]any, err error) {
			found, err := scope.drawn(ctx)
			if err != nil || found == nil {
				return nil, err
			}
			for _, g := range found.Groups {
				if g.By == by {
					rows = append(rows, []any{g.Name, g.Entries, g.Winners, g.Expected, float64(g.Winners) / float64(g.Entries)})
				}
			}
			return rows, nil
		}}
}

// wonControls hold the breakdowns that cover everybody to the draw's own counts.
func wonControls(sheets int) (list []Control) {
	for i := range sheets {
		list = append(list,
			Control{Sheet: i, Column: 1, ZH: "抽签冻结的编号数", Query: "SELECT COALESCE(SUM(entries), 0) FROM draws WHERE campaign_id = @campaign AND status = 'published'"},
			Control{Sheet: i, Column: 2, ZH: "抽签结果中的奖项行数", Query: "SELECT COUNT(*) FROM awards a JOIN draws d ON d.id = a.draw_id WHERE d.campaign_id = @campaign AND d.status = 'published' AND a.kind <> 'wait'"})
	}
	return list
}

func fairnessTests(ctx context.Context, scope Scope) (rows [][]any, err error) {
	found, err := scope.drawn(ctx)
	if err != nil || found == nil {
		return nil, err
	}
	for _, t := range found.Tests {
		verdict := "even"
		if !t.Even {
			verdict = "uneven"
		}
		var freedom any
		if t.Freedom > 0 {
			freedom = int64(t.Freedom)
		}
		rows = append(rows, []any{string(t.By), string(t.Method), t.Statistic, freedom, t.P, t.Adjusted, verdict})
	}
	return rows, nil
}

// drawn gives the draw's fairness figures; a report that is composed measures them once for all its tables.
func (s Scope) drawn(ctx context.Context) (*lottery.Fairness, error) {
	if s.fairness != nil {
		return s.fairness()
	}
	return lottery.FairnessOf(s.Tx.WithContext(ctx), s.Campaign)
}
