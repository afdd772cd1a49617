package admin

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"hongbao/campaign"
	"hongbao/internal/audit"
	"hongbao/internal/fault"
	"hongbao/internal/money"
	"hongbao/internal/staff"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// ruleBookLimit bounds an uploaded rule book, whose merchant list is its long part.
const ruleBookLimit = 4 << 20

// campaignRoutes are the pages of campaigns, registrations, draws and merchants.
func (k *Console) campaignRoutes(w *web.Web) {
	r := w.Engine.Group("/console")
	r.GET("/campaigns", w.Staff(seesWork), k.show(k.campaigns))
	r.GET("/campaigns/new", w.Staff(staff.CampaignEdit), k.show(k.newCampaign))
	r.POST("/campaigns/new", w.Staff(staff.CampaignEdit), w.Upload(ruleBookLimit), k.does(k.newCampaign, k.createCampaign))
	r.GET("/campaigns/:slug", w.Staff(seesWork), k.show(k.campaign))
	r.GET("/campaigns/:slug/rule-book", w.Staff(seesWork), w.Handle(k.ruleBook))
	r.POST("/campaigns/:slug/publish", w.Staff(staff.CampaignEdit), k.does(k.campaign, k.publish))
	r.POST("/campaigns/:slug/cancel", w.Staff(staff.CampaignEdit), k.does(k.campaign, k.cancel))
	r.GET("/registrations", w.Staff(staff.RegistrationsView), k.show(k.registrations))
	r.GET("/merchants", w.Staff(seesWork), k.show(k.merchants))
	r.POST("/merchants/:slug", w.Staff(staff.MerchantsEdit), k.does(k.merchants, k.setMerchant))
	r.GET("/draws", w.Staff(seesWork), k.show(k.draws))
	r.GET("/draws/:slug", w.Staff(seesWork), k.show(k.draw))
	r.POST("/draws/:slug/parties", w.Staff(staff.DrawRun), k.does(k.draw, k.setParties))
	r.POST("/draws/:slug/notice", w.Staff(staff.DrawRun), k.does(k.draw, k.requestNotice))
	r.POST("/draws/:slug/void", w.Staff(staff.DrawRun), k.does(k.draw, k.requestVoid))
}

// visibleCampaigns are those of the cities that the person serves, newest first.
func (k *Console) visibleCampaigns(c *gin.Context) ([]campaign.Campaign, error) {
	city := web.ActorOf(c).City
	if city == staff.AllCities {
		city = ""
	}
	return k.Campaigns.List(c, city)
}

// campaignNames are the names of the campaigns that the person sees, by id.
func (k *Console) campaignNames(c *gin.Context) (map[int64]string, error) {
	all, err := k.visibleCampaigns(c)
	names := make(map[int64]string, len(all))
	for _, one := range all {
		names[one.ID] = one.Name(web.Locale(c))
	}
	return names, err
}

// theCampaign is the one named in the path, if the person serves its city.
func (k *Console) theCampaign(c *gin.Context) (campaign.Campaign, error) {
	return k.seenCampaign(c, c.Param("slug"))
}

func (k *Console) seenCampaign(c *gin.Context, slug string) (campaign.Campaign, error) {
	found, err := k.Campaigns.BySlug(c, slug)
	if err != nil {
		return found, err
	}
	return found, web.ActorOf(c).MustSee(found.City)
}

// chosenCampaign is the one in ?campaign=, else the newest; ok is false when there is none at all.
func (k *Console) chosenCampaign(c *gin.Context) (chosen campaign.Campaign, ok bool, err error) {
	if slug := c.Query("campaign"); slug != "" {
		chosen, err = k.seenCampaign(c, slug)
		return chosen, err == nil, err
	}
	all, err := k.visibleCampaigns(c)
	if err != nil || len(all) == 0 {
		return chosen, false, err
	}
	return all[0], true, nil
}

// campaignAtHand is the campaign in the path of a POST, else the chosen one.
func (k *Console) campaignAtHand(c *gin.Context) (campaign.Campaign, bool, error) {
	if slug := c.Param("slug"); slug != "" {
		found, err := k.seenCampaign(c, slug)
		return found, err == nil, err
	}
	return k.chosenCampaign(c)
}

// campaignField chooses a campaign; the first choice is all of them.
func (k *Console) campaignField(c *gin.Context) (web.Field, error) {
	field, err := k.oneCampaignField(c, c.Query("campaign"))
	field.Options = append([]web.Option{everything(c)}, field.Options...)
	return field, err
}

func (k *Console) oneCampaignField(c *gin.Context, chosen string) (web.Field, error) {
	all, err := k.visibleCampaigns(c)
	field := web.Field{Name: "campaign", Label: web.Tr(c, "活动", "Campaign"), Type: "select", Value: chosen}
	for _, one := range all {
		field.Options = append(field.Options, web.Option{Value: one.Slug, Label: one.Name(web.Locale(c))})
	}
	return field, err
}

// noCampaign is what a page says while there is no campaign yet.
func noCampaign(c *gin.Context, shown page) page {
	shown.Blocks = []block{{Table: &web.Table{Empty: noCampaigns(c)}}}
	return shown
}

func noCampaigns(c *gin.Context) web.Empty {
	return web.Empty{Title: web.Tr(c, "还没有活动", "There is no campaign yet"), Text: web.Tr(c, "上传一份规则书即可建立。", "Upload a rule book to make one."),
		Action: web.Tr(c, "新建活动", "New campaign"), URL: "/console/campaigns/new"}
}

// campaigns is the list.
func (k *Console) campaigns(c *gin.Context) (page, error) {
	all, err := k.visibleCampaigns(c)
	if err != nil {
		return page{}, err
	}
	table := web.Table{Caption: web.Tr(c, "活动", "Campaigns"), Empty: noCampaigns(c),
		Columns: heads(c, "活动", "Campaign", "状态", "Status", "#预算（元）", "#Budget (yuan)", "登记开始", "Opens", "登记截止", "Closes", "消费截止", "Spending ends")}
	for _, one := range all {
		name := web.Text(one.Name(web.Locale(c)))
		name.Note = one.Slug
		table.Rows = append(table.Rows, web.Row{URL: "/console/campaigns/" + one.Slug, Cells: []web.Cell{name, web.State("campaign." + one.Status),
			web.Money(one.Budget), web.Text(web.Clock(one.OpenAt)), web.Text(web.Clock(one.CloseAt)), web.Text(web.Clock(one.SpendUntilAt))}})
	}
	shown := page{Title: web.Tr(c, "活动", "Campaigns"), State: web.Tr(c, fmt.Sprintf("共 %d 个活动。", len(all)), fmt.Sprintf("%d in all.", len(all))), Blocks: []block{{Table: &table}}}
	if k.may(web.ActorOf(c), staff.CampaignEdit) {
		shown.Action, shown.URL = web.Tr(c, "新建活动", "New campaign"), "/console/campaigns/new"
	}
	return shown, nil
}

// newCampaign is the form for a rule book. What was typed comes back with the mistake that was found.
func (k *Console) newCampaign(c *gin.Context) (page, error) {
	form := web.Form{Action: "/console/campaigns/new", Upload: true, Submit: web.Tr(c, "检查并建立草稿", "Check and make a draft"), Cancel: "/console/campaigns", Fields: []web.Field{
		{Name: "file", Type: "file", Label: web.Tr(c, "规则书文件", "Rule book file"), Hint: web.Tr(c, "YAML，UTF-8 编码。也可以直接粘贴在下面。", "YAML in UTF-8; or paste it below."), Accept: ".yaml,.yml"},
		{Name: "yaml", Type: "textarea", Rows: 18, Label: web.Tr(c, "或粘贴规则书", "Or paste the rule book"), Value: c.PostForm("yaml")}}}
	return page{Title: web.Tr(c, "新建活动", "New campaign"), State: web.Tr(c, "预算与红包不是一分不差就不会保存；错误会指出行号。", "A budget that does not add up to the fen is refused, with the line."),
		Back: web.Tr(c, "活动", "Campaigns"), BackURL: "/console/campaigns", Blocks: []block{{Form: &form}}}, nil
}

func (k *Console) createCampaign(c *gin.Context) (string, error) {
	yaml, err := submittedText(c, "file", "yaml")
	if err != nil {
		return "", err
	}
	book, err := campaign.ParseRuleBook(yaml)
	if err != nil {
		return "", err
	}
	if err := web.ActorOf(c).MustSee(book.City.Code); err != nil {
		return "", errOtherCity
	}
	made, err := k.Campaigns.Create(c, web.ActorOf(c).Username, yaml)
	return done("/console/campaigns/"+made.Slug, "created"), err
}

var errOtherCity = fault.Field("city", "other-city", "您的账号不负责这个城市。", "Your account does not serve this city.")

// submittedText is an uploaded file, or else the text of a field.
func submittedText(c *gin.Context, file, field string) ([]byte, error) {
	upload, err := c.FormFile(file)
	if err != nil || upload.Size == 0 {
		return []byte(c.PostForm(field)), nil
	}
	opened, err := upload.Open()
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	return io.ReadAll(opened)
}

// ruleBook downloads the rule book, byte for byte as it was announced.
func (k *Console) ruleBook(c *gin.Context) error {
	found, err := k.theCampaign(c)
	if err != nil {
		return err
	}
	book, err := k.Campaigns.RuleBook(c, found.ID)
	if err != nil {
		return err
	}
	c.Header("Content-Disposition", fmt.Sprintf("attachment; filename=%q", found.Slug+".yaml"))
	c.Data(http.StatusOK, "application/yaml; charset=utf-8", book.YAML())
	return nil
}

// campaign is one campaign: how it stands, what can be done, when, with whose money, by which rules.
func (k *Console) campaign(c *gin.Context) (page, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return page{}, err
	}
	book, err := k.Campaigns.RuleBook(c, found.ID)
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
	tiers := tierTable(c, book)
	shown := page{Title: found.Name(web.Locale(c)), Chip: "campaign." + found.Status, State: nextStep(c, found),
		Back: web.Tr(c, "活动", "Campaigns"), BackURL: "/console/campaigns", Blocks: []block{{Figures: figures}}}
	if acts := k.campaignActs(c, found, book); len(acts) > 0 {
		shown.Blocks = append(shown.Blocks, block{Title: web.Tr(c, "可以办理", "What can be done"), Acts: acts})
	}
	shown.Blocks = append(shown.Blocks,
		block{Columns: []block{{Title: web.Tr(c, "时间安排", "Dates"), Timeline: windowEvents(c, book, k.Now())}, {Title: web.Tr(c, "基本信息", "Particulars"), Facts: particulars(c, found, book)}}},
		block{Title: web.Tr(c, "资金", "Money"), Table: &money}, block{Title: web.Tr(c, "档位", "Tiers"), Table: &tiers})
	return k.withHistory(c, shown, found)
}

// withHistory adds the last deeds, for those who may read the record.
func (k *Console) withHistory(c *gin.Context, shown page, found campaign.Campaign) (page, error) {
	if !k.may(web.ActorOf(c), staff.AuditView) {
		return shown, nil
	}
	entries, err := audit.List(c, k.DB, audit.Filter{Campaign: found.Slug, Limit: 20})
	if err != nil {
		return shown, err
	}
	table := auditTable(c, entries)
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

func particulars(c *gin.Context, one campaign.Campaign, book *campaign.RuleBook) []fact {
	return []fact{
		{Label: web.Tr(c, "编号", "Id"), Value: one.Slug}, {Label: web.Tr(c, "城市", "City"), Value: book.City.Name.In(web.Locale(c))},
		{Label: web.Tr(c, "规则书指纹", "Rule book hash"), Hash: web.HashText(one.RuleHash[:])},
		{Label: web.Tr(c, "规则书", "Rule book"), Value: web.Tr(c, "下载 YAML", "Download YAML"), URL: "/console/campaigns/" + one.Slug + "/rule-book"},
		{Label: web.Tr(c, "公众页面", "Public page"), Value: "/c/" + one.Slug, URL: "/c/" + one.Slug},
		{Label: web.Tr(c, "抽签", "Draw"), Value: "/console/draws/" + one.Slug, URL: "/console/draws/" + one.Slug},
		{Label: web.Tr(c, "运营机构", "Operators"), Value: web.Count(len(book.Operators))}, {Label: web.Tr(c, "服务电话", "Contact"), Value: book.City.Contact},
		{Label: web.Tr(c, "建立", "Made"), Value: one.CreatedBy + " · " + web.Date(one.CreatedAt)},
	}
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
func (k *Console) campaignActs(c *gin.Context, one campaign.Campaign, book *campaign.RuleBook) []act {
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
	_, err = k.Campaigns.RequestPublish(c, web.ActorOf(c).Username, found.Slug)
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
	return done("/console/campaigns/"+found.Slug, "saved"), k.Campaigns.Cancel(c, web.ActorOf(c).Username, found.Slug, c.PostForm("reason"))
}
