package admin

import (
	"fmt"
	"slices"

	"hongbao/campaign"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// deletions are the certificates of what was deleted of a campaign's personal data, to read, print and verify.
func (k *Console) deletions(c *gin.Context) (page, error) {
	found, book, err := k.theBook(c)
	if err != nil {
		return page{}, err
	}
	list, err := k.Campaigns.Deletions(c.Request.Context(), found.ID)
	if err != nil {
		return page{}, err
	}
	kept := book.Keeping()
	shown := page{Title: web.Tr(c, "个人信息删除证书", "Certificates of deletion"), Back: found.Name(web.Locale(c)), BackURL: "/console/campaigns/" + found.Slug,
		State: web.Tr(c, fmt.Sprintf("消费截止 %d 天后删除未中签者的信息；中签者的信息保存 %d 天备查，然后由两人销毁活动密钥。", kept.UnselectedDays, kept.WinnersDays),
			fmt.Sprintf("People without a prize are deleted %d days after spending ends; winners are kept %d days for the audit, then two people destroy the campaign's key.", kept.UnselectedDays, kept.WinnersDays))}
	for _, d := range list {
		shown.Blocks = append(shown.Blocks, block{Title: deletionTitle(c, d.Kind), Facts: deletionFacts(c, d)}, block{Text: web.Tr(c, "签名原文，可用城市日志公钥验证：", "As signed; it verifies with the key of the city's log:"), Code: d.Note})
	}
	if len(list) == 0 {
		shown.Blocks = []block{{Text: web.Tr(c, "还没有删除任何个人信息。", "No personal data has been deleted yet.")}}
	}
	return shown, nil
}

func deletionTitle(c *gin.Context, kind string) string {
	if kind == campaign.DeletedKey {
		return web.Tr(c, "销毁活动密钥", "The campaign's key destroyed")
	}
	return web.Tr(c, "删除未中签者的个人信息", "People without a prize deleted")
}

func deletionFacts(c *gin.Context, d campaign.Deletion) []fact {
	decided, digest := d.DecidedBy, web.Tr(c, "被销毁密钥（包裹态）的 SHA-256", "SHA-256 of the wrapped key that is gone")
	if d.Kind != campaign.DeletedKey {
		decided, digest = web.Tr(c, "规则书的留存期限", "The rule book's retention"), web.Tr(c, "被删除密文的链式 SHA-256", "Chained SHA-256 of the sealed texts that are gone")
	}
	facts := []fact{
		{Label: web.Tr(c, "证书编号", "Certificate"), Value: d.Number}, {Label: web.Tr(c, "时间", "When"), Value: web.Date(d.At)},
		{Label: web.Tr(c, "不可恢复的个人信息", "People whose data is gone"), Value: web.Count(d.Registrations)}, {Label: web.Tr(c, "经办", "Asked by"), Value: d.RequestedBy},
		{Label: web.Tr(c, "批准", "Decided by"), Value: decided}}
	if d.Approval != 0 {
		facts = append(facts, fact{Label: web.Tr(c, "审批号", "Approval"), Value: fmt.Sprint(d.Approval), URL: fmt.Sprintf("/console/approvals/%d", d.Approval)})
	} else {
		facts = append(facts, fact{Label: web.Tr(c, "删除的资格名单行数", "Lines of evidence lists deleted"), Value: web.Count(d.Evidence)})
	}
	return append(facts, fact{Label: digest, Hash: web.HashText(d.Digest[:])})
}

// destructionAct offers to destroy a campaign's key where that may be done.
func (k *Console) destructionAct(c *gin.Context, one campaign.Campaign, book *campaign.RuleBook, done []campaign.Deletion) []act {
	gone := slices.ContainsFunc(done, func(d campaign.Deletion) bool { return d.Kind == campaign.DeletedKey })
	if gone || k.Campaigns.MayDestroy(one, book) != nil {
		return nil
	}
	return []act{{Title: web.Tr(c, "销毁活动密钥", "Destroy the campaign's key"),
		Text: web.Tr(c, "另一位同事批准后，本活动所有加密保存的姓名、证件号码和手机号立即永久不可恢复，并出具签名证书。抽签的公开记录和账目不受影响。",
			"Once a second person approves, every name, document and phone that this campaign keeps sealed is beyond recovery at once and for good, and a signed certificate is made. The public record of the draw and the accounts stay as they are."),
		Form: web.Form{Action: "/console/campaigns/" + one.Slug + "/destroy", Danger: true, Submit: web.Tr(c, "申请销毁", "Ask to destroy it"), Fields: []web.Field{confirmField(c, one.Slug)}}}}
}

func (k *Console) destroy(c *gin.Context) (string, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return "", err
	}
	_, err = k.Campaigns.RequestDestruction(c.Request.Context(), web.ActorOf(c).Username, found.Slug, c.PostForm("confirm"))
	return done("/console/campaigns/"+found.Slug, "asked"), err
}
