package lottery

import (
	"fmt"
	"strings"
	"time"

	"hongbao/campaign"
	"hongbao/lottery/draw"
)

// prose writes the part of the notice that people read, in Chinese, from the rule book and the parties. Every line begins with a Chinese
// character or a mark, so that none can be taken for a machine line.
func prose(slug string, book *campaign.RuleBook, n *draw.Notice, chain draw.Chain) string {
	p := &paragraphs{}
	p.add("%s抽签公告", book.Name.ZH)
	p.add("活动编号：%s。发布单位：%s。咨询电话：%s。规则书 SHA-256：%x。抽签规范：draw/v1。", slug, book.City.Name.ZH, book.City.Contact, book.Hash())
	p.section("红包")
	for _, t := range book.Tiers {
		p.add("· %s：%d 个，每个 %s 元，范围：%s。", t.Title.ZH, t.Count, t.Amount, scopeTitle(book, t.Pool))
	}
	p.add("合计 %d 个，%s 元。同一人最多中签一次。", book.Envelopes(), book.Budget())
	p.section("资金来源")
	for _, f := range book.Funding {
		p.add("· %s：%s 元。", f.Title.ZH, f.Amount)
	}
	p.schedule(book, n)
	p.section("随机数从哪里来")
	p.add("种子由三部分合成：抽签方案的摘要、各协助方在登记开始前承诺而在名单锁定后公开的随机数、公共信标 drand 第 %d 轮的值。轮次由截止时间和间隔算出，不能挑选。", n.Round)
	if label := chain.Label(); label != "" {
		p.add("特别说明：本场使用的信标仅供彩排，不是公共随机源（%s）。", label)
	}
	for _, h := range n.Helpers {
		p.add("· 协助方 %s，承诺 %s。", h.Name, h.Commitment)
	}
	p.add("协助方未按时公开随机数的，按三十二个零字节计入，并公开点名。")
	p.section("见证")
	p.add("以下 %d 个见证人中至少 %d 个核对并签署每一步，不足则抽签不往下进行：%s。", len(n.Witnesses), n.Quorum, witnessNames(n))
	p.rules(book)
	return p.String()
}

type paragraphs struct {
	strings.Builder
	sections int
}

var numerals = []string{"一", "二", "三", "四", "五", "六", "七", "八", "九"}

func (p *paragraphs) section(title string) {
	p.add("%s、%s", numerals[p.sections], title)
	p.sections++
}

func (p *paragraphs) add(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *paragraphs) schedule(book *campaign.RuleBook, n *draw.Notice) {
	w := book.Windows
	p.section("时间（北京时间）")
	p.add("· 登记：%s 至 %s。", moment(w.Open), moment(w.Close))
	p.add("· 抽签：登记截止后 %s，即信标第 %d 轮产生之时（%s 起）。", delay(w.DrawDelay), n.Round, moment(w.Draw()))
	p.add("· 领取：%s 至 %s；逾期未领的按候补顺序递补。", moment(w.ClaimFrom), moment(w.ClaimUntil))
	p.add("· 使用：%s 至 %s；未用完的退回出资方。", moment(w.SpendFrom), moment(w.SpendUntil))
}

func (p *paragraphs) rules(book *campaign.RuleBook) {
	p.section("名单与排除")
	p.add("登记截止后锁定名单。被排除的登记按原因公布人数，登记人数等于参加抽签人数加排除人数。名单只含三十二字节的抽签编号，不含任何个人信息。")
	if len(book.Wait) > 0 {
		p.section("候补")
		for _, w := range book.Wait {
			p.add("· %s：候补 %d 人，按抽签次序，不再产生新的随机数。", scopeTitle(book, w.Pool), w.Count)
		}
	}
	p.section("意外情况")
	p.add("信标未按时取得的，最多等待七十二小时，任何人都可以带入该轮的值；仍未取得的，本场作废并公布原因，另发公告重抽。方案一经签署，只能按方案开奖，或由两人公开说明原因后作废。")
	p.section("如何核对")
	p.add("全部文件公开。任何人可以用 hongbao verify 或自己编写的程序重算结果；登记人可以用登记回执核对自己是否在名单中、为何中签或未中签。")
	p.add("以下各行供程序读取。")
}

func scopeTitle(book *campaign.RuleBook, scope string) string {
	if scope == campaign.AllPools {
		return "全体登记人"
	}
	for _, pool := range book.Pools.List {
		if pool.Name == scope {
			return pool.Title.ZH
		}
	}
	return scope
}

func witnessNames(n *draw.Notice) string {
	names := make([]string, len(n.Witnesses))
	for i, key := range n.Witnesses {
		names[i] = keyName(key)
	}
	return strings.Join(names, "、")
}

func moment(t time.Time) string { return t.In(campaign.Shanghai).Format("2006-01-02 15:04:05") }

func delay(d time.Duration) string {
	hours, minutes, seconds := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	text := ""
	for _, part := range []struct {
		n    int
		unit string
	}{{hours, "小时"}, {minutes, "分钟"}, {seconds, "秒"}} {
		if part.n > 0 {
			text += fmt.Sprintf("%d %s", part.n, part.unit)
		}
	}
	return text
}
