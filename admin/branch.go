package admin

import (
	"io"
	"net/url"
	"strings"

	"hongbao/campaign"
	"hongbao/disbursement"
	"hongbao/internal/staff"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// claimRoutes are the pages of claims at a branch and of scarce codes.
func (k *Console) claimRoutes(w *web.Web) {
	r := w.Engine.Group("/console")
	r.GET("/desk/claims", w.Staff(staff.DeskRegister), k.show(k.branch))
	r.POST("/desk/claims/:slug", w.Staff(staff.DeskRegister), k.does(k.branch, k.claimAtDesk))
	r.GET("/codes", w.Staff(seesWork), k.show(k.codes))
	r.POST("/codes/:slug", w.Staff(staff.CampaignEdit), w.Upload(listLimit), k.show(k.importCodes))
}

// branch is where a branch claims for a winner whose document lies on the counter.
func (k *Console) branch(c *gin.Context) (page, error) {
	shown, chosen, field, err := k.onCampaign(c, page{Title: web.Tr(c, "网点代领", "Claim at a branch"), State: web.Tr(c, "核对证件原件后办理；谁来、证件是否相符，都记入审计。", "Check the original document first; who came and that it matched goes on the record.")})
	if err != nil || chosen.ID == 0 {
		return shown, err
	}
	form := web.Form{Action: "/console/desk/claims/" + url.PathEscape(chosen.Slug), Submit: web.Tr(c, "领取", "Claim"), Fields: []web.Field{
		{Name: "document", Label: web.Tr(c, "中签者证件号码", "Winner's document number"), Required: true, MaxLength: 30, Autocomplete: "off", Value: c.PostForm("document")},
		{Name: "proxy_name", Label: web.Tr(c, "代办人姓名", "Proxy's name"), Hint: web.Tr(c, "本人到场不填。", "Leave empty when the winner is here."), MaxLength: 60, Autocomplete: "off", Value: c.PostForm("proxy_name")},
		{Name: "proxy_document", Label: web.Tr(c, "代办人证件号码", "Proxy's document number"), MaxLength: 30, Autocomplete: "off", Value: c.PostForm("proxy_document")},
		{Name: "card", Label: web.Tr(c, "硬钱包卡号", "Hard wallet's card number"), Hint: web.Tr(c, "网点发放硬钱包时填写；不填则入账到登记手机号的钱包。", "Only when the branch hands one out; otherwise the wallet of the registered phone is credited."), InputMode: "numeric", MaxLength: 19, Autocomplete: "off", Value: c.PostForm("card")},
		{Name: "checked", Label: web.Tr(c, "已核对证件原件，与所填一致", "The originals were checked and match"), Type: "checkbox", Required: true}}}
	shown.Blocks = []block{{Filters: filters(c, field)}, {Form: &form}}
	return shown, nil
}

func (k *Console) claimAtDesk(c *gin.Context) (string, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return "", err
	}
	typed := func(name string) string { return strings.TrimSpace(c.PostForm(name)) }
	_, err = k.Money.ClaimAtDesk(c.Request.Context(), web.ActorOf(c).Username, found.ID, disbursement.DeskClaim{Document: typed("document"), Checked: c.PostForm("checked") != "",
		ProxyName: typed("proxy_name"), ProxyDocument: typed("proxy_document"), Card: strings.ReplaceAll(typed("card"), " ", "")})
	return done("/console/desk/claims?campaign="+url.QueryEscape(found.Slug), "saved"), err
}

// codes says how a campaign's scarce codes stand, and takes new ones in.
func (k *Console) codes(c *gin.Context) (page, error) {
	shown, chosen, field, err := k.onCampaign(c, page{Title: web.Tr(c, "兑换码", "Scarce codes"), State: web.Tr(c, "每位中签者至多一个，只有本人看得到；这里只有数量。", "At most one for each winner, whom alone it is shown to; here are only the numbers.")})
	if err != nil || chosen.ID == 0 {
		return shown, err
	}
	counts, err := k.Campaigns.CodeCounts(c.Request.Context(), chosen.ID)
	if err != nil {
		return shown, err
	}
	unit := web.Tr(c, "个", "")
	left := web.Figure{Label: web.Tr(c, "剩余", "Left"), Value: web.Count(counts.Free), Unit: unit}
	if counts.Imported > 0 && counts.Free == 0 {
		left.Tone = "bad"
	}
	shown.Blocks = []block{{Filters: filters(c, field)}, {Figures: []web.Figure{{Label: web.Tr(c, "导入", "Imported"), Value: web.Count(counts.Imported), Unit: unit},
		{Label: web.Tr(c, "已发出", "Handed out"), Value: web.Count(counts.Given), Unit: unit, Note: web.Share(counts.Given, counts.Imported)}, left}}}
	if k.may(web.ActorOf(c), staff.CampaignEdit) {
		shown.Blocks = append(shown.Blocks, block{Acts: []act{{Title: web.Tr(c, "导入兑换码", "Import codes"), Text: web.Tr(c, "CSV 或 Excel，列名 code；加密保存，已有的不重复计。", "CSV or Excel with the column code; kept encrypted, those already there are not counted again."),
			Form: web.Form{Action: "/console/codes/" + url.PathEscape(chosen.Slug), Upload: true, Submit: web.Tr(c, "导入", "Import"), Fields: []web.Field{
				{Name: "file", Label: web.Tr(c, "文件", "File"), Type: "file", Accept: ".csv,.xlsx", Required: true}}}}}})
	}
	return shown, nil
}

func (k *Console) importCodes(c *gin.Context) (page, error) {
	return k.imported(c, k.codes, func(slug string, file io.Reader) (campaign.Import, error) {
		return k.Campaigns.ImportCodes(c.Request.Context(), web.ActorOf(c).Username, slug, file)
	})
}
