package lottery

import (
	"context"
	"fmt"
	"strconv"

	"hongbao/campaign"
	"hongbao/internal/web"
)

// fewest entries that a group must have to be shown by itself in public: less could tell something of one person.
const fewest = 20

// evenness is what the page says of a draw's fairness.
type evenness struct {
	Even    bool // no test found anything
	Tested  int
	Tests   web.Table
	Groups  []web.Table
	Related string // one sentence on the people related to the organisers
}

func (s *Service) addFairness(ctx context.Context, p *record, d *Draw, tr translate, locale string) error {
	if d.Status != Published {
		return nil
	}
	f, err := s.Fairness(ctx, d.Slug)
	if err != nil {
		return err
	}
	book, err := s.Campaigns.RuleBook(ctx, d.CampaignID)
	if err != nil {
		return err
	}
	p.Fairness = &evenness{Even: true, Tested: len(f.Tests), Related: relatedSentence(f.Related, tr)}
	p.Fairness.addTests(f, tr)
	for _, by := range []Question{ByPool, ByOperator, ByHour, ByPosition} {
		p.Fairness.addGroups(f, by, tr, func(name string) string { return groupName(book, by, name, tr, locale) })
	}
	return nil
}

// relatedSentence says how many people related to the organisers took part and won; of a list that came late, how late.
func relatedSentence(r RelatedPeople, tr translate) string {
	if r.Filed == 0 {
		return tr("主办方没有提交与其有关联人员的名单，因此这里没有关联人员的数字。", "The organisers have filed no list of people related to them, so there is no figure about such people.")
	}
	said := fmt.Sprintf(tr("主办方申报了 %s 名与其有关联的人员，其中 %s 人登记，%s 人参加抽签，%s 人中签；按所在签池的中签率，应有 %.1f 人中签。",
		"The organisers named %s people related to them: %s registered, %s were in the draw, %s won; by the rate of their pools %.1f would have."),
		web.Count(r.Filed), web.Count(r.Registered), web.Count(r.Entries), web.Count(r.Winners), r.Expected)
	if r.Late > 0 {
		said += fmt.Sprintf(tr("其中 %s 人是名单锁定之后才申报的。", " %s of them were named only after the lists had been frozen."), web.Count(r.Late))
	}
	return said
}

func (e *evenness) addTests(f *Fairness, tr translate) {
	e.Tests = web.Table{Caption: tr("公平性检验", "Tests of fairness"), Columns: []web.Column{{Title: tr("可疑因素", "What might matter")}, {Title: tr("检验", "Test")},
		{Title: tr("统计量", "Statistic"), Number: true}, {Title: tr("p 值", "p"), Number: true}, {Title: tr("校正后", "Corrected"), Number: true}, {Title: tr("结论", "Outcome")}},
		Empty: web.Empty{Title: tr("人数太少，无法检验", "Too few to test"), Text: tr("每组预期中签不足五人。", "Each group expects fewer than five winners.")}}
	for _, t := range f.Tests {
		method, statistic, outcome := tr("卡方", "chi-square")+" ("+strconv.Itoa(t.Freedom)+")", fmt.Sprintf("%.2f", t.Statistic), tr("未见异常", "even")
		switch t.Method {
		case Runs:
			method = tr("游程", "runs")
		case Exact:
			method, statistic = tr("精确，单侧", "exact, one-sided"), web.Count(int64(t.Statistic))
		}
		if !t.Even {
			outcome, e.Even = tr("不均匀，需要解释", "uneven, needs explaining"), false
		}
		e.Tests.Rows = append(e.Tests.Rows, web.Row{Cells: []web.Cell{web.Text(questionName(t.By, tr)), web.Text(method),
			web.Text(statistic), web.Text(fmt.Sprintf("%.3f", t.P)), web.Text(fmt.Sprintf("%.3f", t.Adjusted)), web.Text(outcome)}})
	}
}

// addGroups shows the groups of one question; small ones are summed up in the last row.
func (e *evenness) addGroups(f *Fairness, by Question, tr translate, name func(string) string) {
	table := web.Table{Caption: questionName(by, tr), Columns: []web.Column{{Title: questionName(by, tr)}, {Title: tr("参加", "Entries"), Number: true},
		{Title: tr("中签", "Winners"), Number: true}, {Title: tr("应得", "Expected"), Number: true}, {Title: tr("中签率", "Rate"), Number: true}}}
	row := func(title string, g FairnessGroup) {
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.Text(title), web.Number(g.Entries), web.Number(g.Winners),
			web.Text(fmt.Sprintf("%.1f", g.Expected)), web.Text(web.Share(g.Winners, g.Entries))}})
	}
	var rest FairnessGroup
	for _, g := range f.Groups {
		switch {
		case g.By != by:
		case g.Entries < fewest:
			rest.Entries, rest.Winners, rest.Expected = rest.Entries+g.Entries, rest.Winners+g.Winners, rest.Expected+g.Expected
		default:
			row(name(g.Name), g)
		}
	}
	if rest.Entries > 0 {
		row(tr("其余各组合计", "All smaller groups"), rest)
	}
	e.Groups = append(e.Groups, table)
}

func questionName(by Question, tr translate) string {
	switch by {
	case ByPool:
		return tr("签池", "Pool")
	case ByOperator:
		return tr("运营机构", "Operator")
	case ByHour:
		return tr("登记时段", "Hour of registration")
	case ByPosition:
		return tr("名单中的位置", "Place in the list")
	case ByRelation:
		return tr("与主办方有关联", "Related to the organisers")
	}
	return tr("登记先后", "Order of registration")
}

func groupName(book *campaign.RuleBook, by Question, name string, tr translate, locale string) string {
	switch by {
	case ByPool:
		for _, pool := range book.Pools.List {
			if pool.Name == name {
				return pool.Title.In(locale)
			}
		}
	case ByOperator:
		if operator, ok := book.Operator(name); ok {
			return operator.Title.In(locale)
		}
	case ByPosition:
		return fmt.Sprintf(tr("第 %s 个十分之一", "tenth %s"), name)
	}
	return name
}
