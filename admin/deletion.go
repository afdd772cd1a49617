package admin

import (
	"fmt"
	"net/url"
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
		shown.Blocks = append(shown.Blocks, block{Title: deletionTitle(c, d.Kind), Facts: deletionFacts(c, d)}, noteBlock(c, d))
	}
	if len(list) == 0 {
		shown.Blocks = []block{{Text: web.Tr(c, "还没有按期删除个人信息，也没有销毁密钥。", "Nothing has been deleted on schedule yet, and no key destroyed.")}}
	}
	personal, err := k.personalDeletions(c, found)
	shown.Blocks = append(shown.Blocks, personal...)
	return shown, err
}

// personalDeletions are the certificates of people who deleted their own data: how many, a page of them, and in full the one
// whose number a person shows.
func (k *Console) personalDeletions(c *gin.Context, found campaign.Campaign) ([]block, error) {
	window, err := web.WindowOf(c)
	if err != nil {
		return nil, err
	}
	count, err := k.Campaigns.PersonalDeletionCount(c.Request.Context(), found.ID)
	if err != nil {
		return nil, err
	}
	list, err := k.Campaigns.PersonalDeletions(c.Request.Context(), found.ID, campaign.PersonalFilter{Number: c.Query("number"), Before: window.After, Limit: window.Limit + 1})
	if err != nil {
		return nil, err
	}
	blocks := []block{{Title: web.Tr(c, "市民自行删除", "Deleted by the people themselves"), Figures: []web.Figure{{Label: web.Tr(c, "证书", "Certificates"), Value: web.Count(count), Unit: web.Tr(c, "份", "")}},
		Text: web.Tr(c, "证书里没有姓名、证件号码和手机号，凭市民出示的编号查找。", "A certificate holds no name, document or phone; it is found by the number that a person shows.")},
		{Filters: filters(c, web.Field{Name: "number", Label: web.Tr(c, "证书编号或抽签编号", "Number of a certificate, or its entry"), Value: c.Query("number"), MaxLength: 200, Autocomplete: "off"})},
		{Table: personalTable(c, window, list)}}
	if c.Query("number") != "" && len(list) == 1 {
		blocks = append(blocks, block{Facts: deletionFacts(c, list[0].Deletion)}, noteBlock(c, list[0].Deletion))
	}
	return blocks, nil
}

func personalTable(c *gin.Context, window web.Window, list []campaign.PersonalDeletion) *web.Table {
	table := &web.Table{Caption: web.Tr(c, "市民自行删除的证书", "Certificates of people's own deletions"), Columns: heads(c, "证书编号", "Certificate", "时间", "When", "被删除密文的 SHA-256", "SHA-256 of the sealed text that is gone"),
		Empty: web.Empty{Title: web.Tr(c, "没有这样的证书", "No such certificate"), Text: web.Tr(c, "市民退出登记或删除自己的信息后，证书会出现在这里。", "A certificate appears here when a person withdraws or deletes their own data.")}}
	for _, d := range list[:min(len(list), window.Limit)] {
		table.Rows = append(table.Rows, web.Row{URL: c.Request.URL.Path + "?number=" + url.QueryEscape(d.Number), Cells: []web.Cell{web.Text(d.Number), web.When(d.At), web.Digest(d.Digest[:])}})
	}
	table.Next = web.NextURL(c, window, list, func(d campaign.PersonalDeletion) int64 { return d.ID })
	return table
}

func noteBlock(c *gin.Context, d campaign.Deletion) block {
	return block{Text: web.Tr(c, "签名原文，可用城市日志公钥验证：", "As signed; it verifies with the key of the city's log:"), Code: d.Note}
}

func deletionTitle(c *gin.Context, kind string) string {
	if kind == campaign.DeletedKey {
		return web.Tr(c, "销毁活动密钥", "The campaign's key destroyed")
	}
	return web.Tr(c, "删除未中签者的个人信息", "People without a prize deleted")
}

func deletionFacts(c *gin.Context, d campaign.Deletion) []fact {
	asked, decided, digest := d.RequestedBy, d.DecidedBy, web.Tr(c, "被销毁密钥（包裹态）的 SHA-256", "SHA-256 of the wrapped key that is gone")
	switch d.Kind {
	case campaign.DeletedUnselected:
		decided, digest = web.Tr(c, "规则书的留存期限", "The rule book's retention"), web.Tr(c, "被删除密文的链式 SHA-256", "Chained SHA-256 of the sealed texts that are gone")
	case campaign.DeletedPerson:
		asked, decided, digest = web.Tr(c, "本人", "The person"), web.Tr(c, "本人", "The person"), web.Tr(c, "被删除密文的 SHA-256", "SHA-256 of the sealed text that is gone")
	}
	facts := []fact{
		{Label: web.Tr(c, "证书编号", "Certificate"), Value: d.Number}, {Label: web.Tr(c, "时间", "When"), Value: web.Date(d.At)},
		{Label: web.Tr(c, "不可恢复的个人信息", "People whose data is gone"), Value: web.Count(d.Registrations)}, {Label: web.Tr(c, "经办", "Asked by"), Value: asked},
		{Label: web.Tr(c, "批准", "Decided by"), Value: decided}}
	switch d.Kind {
	case campaign.DeletedKey:
		facts = append(facts, fact{Label: web.Tr(c, "审批号", "Approval"), Value: fmt.Sprint(d.Approval), URL: fmt.Sprintf("/console/approvals/%d", d.Approval)})
	case campaign.DeletedUnselected:
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
