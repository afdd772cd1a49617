package admin

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"

	"hongbao/campaign"
	"hongbao/internal/fault"
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
	r.POST("/campaigns/check", w.Staff(staff.CampaignEdit), w.Upload(ruleBookLimit), w.Handle(k.checkRuleBook))
	r.GET("/campaigns/:slug", w.Staff(seesWork), k.show(k.campaign))
	r.GET("/campaigns/:slug/live", w.Staff(seesWork), w.Handle(k.followCampaign))
	r.GET("/campaigns/:slug/preview", w.Staff(seesWork), w.Handle(k.preview))
	r.GET("/campaigns/:slug/rule-book", w.Staff(seesWork), w.Handle(k.ruleBook))
	r.POST("/campaigns/:slug/publish", w.Staff(staff.CampaignEdit), k.does(k.campaign, k.publish))
	r.POST("/campaigns/:slug/cancel", w.Staff(staff.CampaignEdit), k.does(k.campaign, k.cancel))
	r.GET("/campaigns/:slug/deletions", w.Staff(seesWork), k.show(k.deletions))
	r.POST("/campaigns/:slug/destroy", w.Staff(staff.CampaignEdit), k.does(k.campaign, k.destroy))
	r.GET("/registrations", w.Staff(staff.RegistrationsView), k.show(k.registrations))
	r.POST("/registrations/:slug/find", w.Staff(staff.RegistrationsView), k.show(k.registrations))
	r.POST("/registrations/:slug/evidence", w.Staff(staff.CampaignEdit), w.Upload(listLimit), k.show(k.importEvidence))
	r.POST("/registrations/:slug/exclude", w.Staff(staff.CampaignEdit), k.does(k.registrations, k.exclude))
	r.GET("/merchants", w.Staff(seesWork), k.show(k.merchants))
	r.POST("/merchants/:slug", w.Staff(staff.MerchantsEdit), k.does(k.merchants, k.setMerchant))
	r.POST("/merchants/:slug/import", w.Staff(staff.MerchantsEdit), w.Upload(listLimit), k.show(k.importMerchants))
	r.GET("/messages", w.Staff(seesWork), k.show(k.messages))
	r.POST("/messages/:slug/retry", w.Staff(staff.CampaignEdit), k.does(k.messages, k.retryMessages))
	r.GET("/draws", w.Staff(seesWork), k.show(k.draws))
	r.GET("/draws/:slug", w.Staff(seesWork), k.show(k.draw))
	r.POST("/draws/:slug/parties", w.Staff(staff.DrawRun), k.does(k.draw, k.setParties))
	r.POST("/draws/:slug/notice", w.Staff(staff.DrawRun), k.does(k.draw, k.requestNotice))
	r.GET("/draws/:slug/ceremony", w.Staff(seesWork), w.Handle(k.ceremonyPage))
	r.POST("/draws/:slug/ceremony", w.Staff(staff.DrawRun), w.Handle(k.confirmCeremony))
	r.POST("/draws/:slug/reveals", w.Staff(staff.DrawRun), w.Upload(carryLimit), k.does(k.draw, k.carryReveals))
	r.POST("/draws/:slug/beacon", w.Staff(staff.DrawRun), w.Upload(carryLimit), k.does(k.draw, k.carryBeacon))
	r.POST("/draws/:slug/related", w.Staff(staff.CampaignEdit), w.Upload(listLimit), k.show(k.fileRelated))
	r.POST("/draws/:slug/void", w.Staff(staff.DrawRun), k.does(k.draw, k.requestVoid))
}

// visibleCampaigns are those of the cities that the person serves, newest first.
func (k *Console) visibleCampaigns(c *gin.Context) ([]campaign.Campaign, error) {
	city := web.ActorOf(c).City
	if city == staff.AllCities {
		city = ""
	}
	return k.Campaigns.List(c.Request.Context(), city)
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

// theBook is the campaign named in the path with its rule book.
func (k *Console) theBook(c *gin.Context) (campaign.Campaign, *campaign.RuleBook, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return found, nil, err
	}
	book, err := k.Campaigns.RuleBook(c.Request.Context(), found.ID)
	return found, book, err
}

// inCampaign is what a path names by its number, inside the campaign that the path names, if the person serves its city.
func inCampaign[T any](k *Console, c *gin.Context, missing error, load func(ctx context.Context, campaign, id int64) (T, error)) (found campaign.Campaign, one T, err error) {
	if found, err = k.theCampaign(c); err != nil {
		return found, one, err
	}
	id, err := web.PathID(c, "id", missing)
	if err != nil {
		return found, one, err
	}
	one, err = load(c.Request.Context(), found.ID, id)
	return found, one, err
}

func (k *Console) seenCampaign(c *gin.Context, slug string) (campaign.Campaign, error) {
	found, err := k.Campaigns.BySlug(c.Request.Context(), slug)
	if err != nil {
		return found, err
	}
	return found, web.ActorOf(c).MustSee(found.City)
}

// onCampaign begins a page about one campaign of many: the one in the path of a POST, else the one in ?campaign=, else the
// newest that the person sees. The field chooses another. Where there is none at all the campaign is zero, and the page says so.
func (k *Console) onCampaign(c *gin.Context, begun page) (page, campaign.Campaign, web.Field, error) {
	all, err := k.visibleCampaigns(c)
	if err != nil {
		return begun, campaign.Campaign{}, web.Field{}, err
	}
	var chosen campaign.Campaign
	if slug := cmp.Or(c.Param("slug"), c.Query("campaign")); slug != "" {
		chosen, err = k.seenCampaign(c, slug)
	} else if len(all) > 0 {
		chosen = all[0]
	} else {
		begun.Blocks = []block{{Table: &web.Table{Empty: noCampaigns(c)}}}
	}
	return begun, chosen, campaignChoice(c, all, chosen.Slug), err
}

// campaignField chooses a campaign; the first choice is all of them.
func (k *Console) campaignField(c *gin.Context) (web.Field, error) {
	all, err := k.visibleCampaigns(c)
	field := campaignChoice(c, all, c.Query("campaign"))
	field.Options = append([]web.Option{everything(c)}, field.Options...)
	return field, err
}

func campaignChoice(c *gin.Context, all []campaign.Campaign, chosen string) web.Field {
	field := web.Field{Name: "campaign", Label: web.Tr(c, "活动", "Campaign"), Type: "select", Value: chosen}
	for _, one := range all {
		field.Options = append(field.Options, web.Option{Value: one.Slug, Label: one.Name(web.Locale(c))})
	}
	return field
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
	made, err := k.Campaigns.Create(c.Request.Context(), web.ActorOf(c).Username, yaml)
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
	found, book, err := k.theBook(c)
	if err != nil {
		return err
	}
	c.Header("Content-Disposition", fmt.Sprintf("attachment; filename=%q", found.Slug+".yaml"))
	c.Data(http.StatusOK, "application/yaml; charset=utf-8", book.YAML())
	return nil
}
