package admin

import (
	"fmt"
	"slices"
	"time"

	"hongbao/campaign"
	"hongbao/internal/audit"
	"hongbao/internal/money"
	"hongbao/internal/staff"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// campaign is one campaign: how it stands, what can be done, when, with whose money, by which rules.
func (k *Console) campaign(c *gin.Context) (page, error) {
	found, book, err := k.theBook(c)
	if err != nil {
		return page{}, err
	}
	figures, err := k.campaignFigures(c, found, book)
	if err != nil {
		return page{}, err
	}
	money, err := k.moneyTable(c, found, book)
	if err != nil {
		return page{}, err
	}
	deletions, err := k.Campaigns.Deletions(c.Request.Context(), found.ID)
	if err != nil {
		return page{}, err
	}
	tiers := tierTable(c, book)
	shown := page{Title: found.Name(web.Locale(c)), Chip: "campaign." + found.Status, State: nextStep(c, found),
		Back: web.Tr(c, "活动", "Campaigns"), BackURL: "/console/campaigns", Blocks: []block{{Figures: figures}}}
	if acts := k.campaignActs(c, found, book, deletions); len(acts) > 0 {
		shown.Blocks = append(shown.Blocks, block{Title: web.Tr(c, "可以办理", "What can be done"), Acts: acts})
	}
	shown.Blocks = append(shown.Blocks,
		block{Columns: []block{{Title: web.Tr(c, "时间安排", "Dates"), Timeline: windowEvents(c, book, k.Now())}, {Title: web.Tr(c, "基本信息", "Particulars"), Facts: k.particulars(c, found, book)}}},
		block{Title: web.Tr(c, "资金", "Money"), Table: &money}, block{Title: web.Tr(c, "档位", "Tiers"), Table: &tiers})
	return k.withHistory(c, shown, found)
}

// withHistory adds the last deeds, for those who may read the record.
func (k *Console) withHistory(c *gin.Context, shown page, found campaign.Campaign) (page, error) {
	if !k.may(web.ActorOf(c), staff.AuditView) {
		return shown, nil
	}
	entries, err := audit.List(c.Request.Context(), k.DB, audit.Filter{Campaign: found.Slug, Limit: 20})
	if err != nil {
		return shown, err
	}
	table := auditTable(c, web.Window{Limit: len(entries)}, entries)
	shown.Blocks = append(shown.Blocks, block{Title: web.Tr(c, "最近操作", "Recent deeds"), Table: &table})
	return shown, nil
}

// nextStep says in one sentence how a campaign stands.
func nextStep(c *gin.Context, one campaign.Campaign) string {
	switch one.Status {
	case campaign.Draft:
		return web.Tr(c, "草稿，核对规则后提交发布审批。", "A draft: check the rules, then ask for approval.")
	case campaign.Approved:
		return web.Tr(c, "已批准，请登记抽签参与方并发布抽签公告。", "Approved: enrol the parties of the draw and publish its notice.")
	case campaign.Announced:
		return web.Tr(c, web.Clock(one.OpenAt)+" 开放登记。", "Registration opens at "+web.Clock(one.OpenAt)+".")
	case campaign.Open:
		return web.Tr(c, web.Clock(one.CloseAt)+" 截止登记。", "Registration closes at "+web.Clock(one.CloseAt)+".")
	case campaign.Closed:
		return web.Tr(c, "登记已截止，等待抽签。", "Registration has closed; the draw follows.")
	case campaign.Drawn:
		return web.Tr(c, "结果已公布，消费至 "+web.Clock(one.SpendUntilAt)+"。", "The result is public; spending ends at "+web.Clock(one.SpendUntilAt)+".")
	case campaign.Settled:
		return web.Tr(c, "资金已全部结清。", "All money is accounted for.")
	}
	return web.Tr(c, "活动已取消。", "The campaign was cancelled.")
}

type milestone struct {
	zh, en string
	at     time.Time
}

func windowEvents(c *gin.Context, book *campaign.RuleBook, now time.Time) []web.Event {
	w := book.Windows
	moments := []milestone{
		{"公告须见证完毕", "Notice cosigned by", w.Notice}, {"开放登记", "Registration opens", w.Open}, {"截止登记", "Registration closes", w.Close},
		{"信标开奖", "Beacon round", w.Draw()}, {"开始领取", "Claiming begins", w.ClaimFrom}, {"领取截止", "Claiming ends", w.ClaimUntil},
		{"开始消费", "Spending begins", w.SpendFrom}, {"消费截止", "Spending ends", w.SpendUntil},
	}
	slices.SortStableFunc(moments, func(a, b milestone) int { return a.at.Compare(b.at) })
	events := make([]web.Event, len(moments))
	for i, m := range moments {
		events[i] = web.Event{Title: web.Tr(c, m.zh, m.en), At: web.Clock(m.at), State: "todo"}
		if !m.at.After(now) {
			events[i].State = "done"
		}
	}
	return events
}

func (k *Console) particulars(c *gin.Context, one campaign.Campaign, book *campaign.RuleBook) []fact {
	facts := []fact{
		{Label: web.Tr(c, "编号", "Id"), Value: one.Slug}, {Label: web.Tr(c, "城市", "City"), Value: book.City.Name.In(web.Locale(c))},
		{Label: web.Tr(c, "规则书指纹", "Rule book hash"), Hash: web.HashText(one.RuleHash[:])},
		{Label: web.Tr(c, "规则书", "Rule book"), Value: web.Tr(c, "下载 YAML", "Download YAML"), URL: "/console/campaigns/" + one.Slug + "/rule-book"},
		{Label: web.Tr(c, "预览", "Preview"), Value: web.Tr(c, "以市民身份查看各阶段", "Each stage as a citizen sees it"), URL: "/console/campaigns/" + one.Slug + "/preview"}}
	if one.Status != campaign.Draft && one.Status != campaign.Approved {
		facts = append(facts, fact{Label: web.Tr(c, "公众页面", "Public page"), Value: "/c/" + one.Slug, URL: "/c/" + one.Slug})
	}
	if one.Status == campaign.Drawn || one.Status == campaign.Settled {
		facts = append(facts, fact{Label: web.Tr(c, "资金结清", "Close-out"), Value: web.Tr(c, "未了结的事项与结清证明", "What is open, and the certificate"), URL: "/console/campaigns/" + one.Slug + "/close-out"})
	}
	facts = append(facts, fact{Label: web.Tr(c, "抽签", "Draw"), Value: "/console/draws/" + one.Slug, URL: "/console/draws/" + one.Slug},
		fact{Label: web.Tr(c, "运营机构", "Operators"), Value: web.Count(len(book.Operators))}, fact{Label: web.Tr(c, "服务电话", "Contact"), Value: book.City.Contact},
		fact{Label: web.Tr(c, "个人信息", "Personal data"), Value: web.Tr(c, "留存期限与删除证书", "Retention and certificates of deletion"), URL: "/console/campaigns/" + one.Slug + "/deletions"},
		fact{Label: web.Tr(c, "建立", "Made"), Value: one.CreatedBy + " · " + web.Date(one.CreatedAt)})
	if k.may(web.ActorOf(c), staff.CampaignEdit) {
		facts = append(facts, fact{Label: web.Tr(c, "下一期", "Next of the series"), Value: web.Tr(c, "复制为新活动", "Copy as a new campaign"), URL: "/console/campaigns/new?from=" + one.Slug})
	}
	return facts
}

func tierTable(c *gin.Context, book *campaign.RuleBook) web.Table {
	table := web.Table{Caption: web.Tr(c, "档位", "Tiers"), Columns: heads(c, "档位", "Tier", "抽签池", "Pool", "#个数", "#Count", "#每个（元）", "#Each (yuan)", "#合计（元）", "#Total (yuan)")}
	for _, tier := range book.Tiers {
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.Text(tier.Title.In(web.Locale(c))), web.Text(poolTitle(c, book, tier.Pool)), web.Number(tier.Count),
			web.Money(tier.Amount), web.Money(money.Fen(tier.Count) * tier.Amount)}})
	}
	return table
}

func poolTitle(c *gin.Context, book *campaign.RuleBook, name string) string {
	for _, pool := range book.Pools.List {
		if pool.Name == name {
			return pool.Title.In(web.Locale(c))
		}
	}
	return name
}

// campaignActs are what the person may do with a campaign as it stands.
func (k *Console) campaignActs(c *gin.Context, one campaign.Campaign, book *campaign.RuleBook, deletions []campaign.Deletion) []act {
	actor, address := web.ActorOf(c), "/console/campaigns/"+one.Slug
	var acts []act
	edits := k.may(actor, staff.CampaignEdit)
	if edits && one.Status == campaign.Draft {
		acts = append(acts, act{Title: web.Tr(c, "提交发布审批", "Ask for approval"), Open: true,
			Text: web.Tr(c, fmt.Sprintf("共 %s 个红包，预算 %s 元。批准后规则书不能再改。", web.Count(book.Envelopes()), web.Yuan(one.Budget)),
				fmt.Sprintf("%s envelopes, %s yuan. Once approved the rule book is final.", web.Count(book.Envelopes()), web.Yuan(one.Budget))),
			Form: web.Form{Action: address + "/publish", Submit: web.Tr(c, "提交审批", "Ask for approval")}})
	}
	acts = append(acts, k.moneyActs(c, one, book)...)
	if edits && cancellable(one.Status) {
		acts = append(acts, act{Title: web.Tr(c, "取消活动", "Cancel the campaign"), Text: web.Tr(c, "取消后不能恢复，已登记的市民会看到取消说明。", "It cannot be undone; those who registered will see why."),
			Form: web.Form{Action: address + "/cancel", Danger: true, Submit: web.Tr(c, "取消活动", "Cancel the campaign"),
				Fields: []web.Field{{Name: "reason", Label: web.Tr(c, "理由（公开）", "Reason (public)"), Required: true, MaxLength: 200}, confirmField(c, one.Slug)}}})
	}
	if edits {
		acts = append(acts, k.destructionAct(c, one, book, deletions)...)
	}
	return acts
}

// cancellable: after the draw there are winners, and nothing can be cancelled any more.
func cancellable(status string) bool {
	return status != campaign.Drawn && status != campaign.Settled && status != campaign.Cancelled
}

func (k *Console) publish(c *gin.Context) (string, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return "", err
	}
	_, err = k.Campaigns.RequestPublish(c.Request.Context(), web.ActorOf(c).Username, found.Slug)
	return done("/console/campaigns/"+found.Slug, "asked"), err
}

func (k *Console) cancel(c *gin.Context) (string, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return "", err
	}
	if err := confirmed(c, found.Slug); err != nil {
		return "", err
	}
	return done("/console/campaigns/"+found.Slug, "saved"), k.Campaigns.Cancel(c.Request.Context(), web.ActorOf(c).Username, found.Slug, c.PostForm("reason"))
}
