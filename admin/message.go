package admin

import (
	"net/url"
	"unicode/utf8"

	"hongbao/campaign"
	"hongbao/internal/staff"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// messages says how the official SMS of a campaign stand: planned, sent, failed, and when the next wave goes out.
func (k *Console) messages(c *gin.Context) (page, error) {
	shown, chosen, field, err := k.onCampaign(c, page{Title: web.Tr(c, "官方短信", "Official messages"), State: web.Tr(c, "短信分批发送，避开夜间，不含链接；市民在“我的登记”可以核对每一条。", "They go out in waves, never at night and never with a link; a citizen can look each one up.")})
	if err != nil || chosen.ID == 0 {
		return shown, err
	}
	counts, err := k.Campaigns.MessageCounts(c.Request.Context(), chosen.ID)
	if err != nil {
		return shown, err
	}
	book, err := k.Campaigns.RuleBook(c.Request.Context(), chosen.ID)
	if err != nil {
		return shown, err
	}
	var sum campaign.MessageCount
	for _, count := range counts {
		sum.Planned, sum.Waiting, sum.Sent, sum.Failed = sum.Planned+count.Planned, sum.Waiting+count.Waiting, sum.Sent+count.Sent, sum.Failed+count.Failed
	}
	shown.Blocks = []block{{Filters: filters(c, field)}, {Figures: messageFigures(c, sum)}, {Table: messageTable(c, counts)},
		{Title: web.Tr(c, "发送安排", "Arrangements"), Facts: postingFacts(c, book.Posting())}, {Title: web.Tr(c, "短信文本", "Texts"), Table: textTable(c, book)}}
	if sum.Failed > 0 && k.may(web.ActorOf(c), staff.CampaignEdit) {
		shown.Blocks = append(shown.Blocks, block{Acts: []act{{Title: web.Tr(c, "重发失败的短信", "Try the failed ones again"),
			Text: web.Tr(c, web.Count(sum.Failed)+" 条失败，将立即重新排队。", web.Count(sum.Failed)+" have failed and will be queued anew."),
			Form: web.Form{Action: "/console/messages/" + chosen.Slug + "/retry", Submit: web.Tr(c, "重发", "Try again")}}}})
	}
	return shown, nil
}

// textTable shows each official SMS as people will get it.
func textTable(c *gin.Context, book *campaign.RuleBook) *web.Table {
	table := &web.Table{Caption: web.Tr(c, "短信文本", "Texts"), Columns: heads(c, "短信", "Message", "文本", "Text", "#字数", "#Characters")}
	for i, text := range book.SMSPreview() {
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.Text(campaign.StageTitles[i].Title.In(web.Locale(c))), web.Text(text.Text), web.Number(int64(utf8.RuneCountInString(text.Text)))}})
	}
	return table
}

func messageFigures(c *gin.Context, sum campaign.MessageCount) []web.Figure {
	unit := web.Tr(c, "条", "")
	return []web.Figure{
		{Label: web.Tr(c, "计划", "Planned"), Value: web.Count(sum.Planned), Unit: unit},
		{Label: web.Tr(c, "待发送", "Waiting"), Value: web.Count(sum.Waiting), Unit: unit},
		{Label: web.Tr(c, "已发送", "Sent"), Value: web.Count(sum.Sent), Unit: unit, Note: web.Share(sum.Sent, sum.Planned)},
		toned(web.Figure{Label: web.Tr(c, "失败", "Failed"), Value: web.Count(sum.Failed), Unit: unit}, sum.Failed, "bad"),
	}
}

func messageTable(c *gin.Context, counts []campaign.MessageCount) *web.Table {
	table := &web.Table{Caption: web.Tr(c, "按类别", "By kind"), Columns: heads(c, "类别", "Kind", "#计划", "#Planned", "#待发送", "#Waiting", "#已发送", "#Sent", "#失败", "#Failed", "下一批", "Next wave", "最后一批", "Last wave"),
		Empty: web.Empty{Title: web.Tr(c, "还没有短信", "No message yet"), Text: web.Tr(c, "抽签结果公布后，给中签者的通知在这里排队。", "Once the result is public, the winners' messages queue here.")}}
	titles := map[string]campaign.Text{}
	for _, known := range campaign.StageTitles {
		titles[known.Stage] = known.Title
	}
	for _, count := range counts {
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.Text(titles[count.Stage].In(web.Locale(c))), web.Number(count.Planned), web.Number(count.Waiting),
			web.Number(count.Sent), web.Number(count.Failed), web.Text(web.Clock(count.NextAt)), web.Text(web.Clock(count.LastAt))}})
	}
	return table
}

func postingFacts(c *gin.Context, rules campaign.Messages) []fact {
	hours := func(n float64) string { return web.Count(int64(n)) + web.Tr(c, " 小时", " hours") }
	return []fact{
		{Label: web.Tr(c, "夜间不发送", "Quiet hours"), Value: rules.QuietFrom + " – " + rules.QuietUntil},
		{Label: web.Tr(c, "每批", "Each wave"), Value: web.Count(rules.WaveSize) + web.Tr(c, " 条，间隔 ", ", every ") + web.Count(int64(rules.WaveEvery.Minutes())) + web.Tr(c, " 分钟", " minutes")},
		{Label: web.Tr(c, "领取截止前提醒", "Before the claim deadline"), Value: hours(rules.RemindClaim.Hours())},
		{Label: web.Tr(c, "使用期截止前提醒", "Before the end of spending"), Value: hours(rules.RemindExpiry.Hours())},
	}
}

func (k *Console) retryMessages(c *gin.Context) (string, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return "", err
	}
	_, err = k.Campaigns.RetryMessages(c.Request.Context(), web.ActorOf(c).Username, found.Slug)
	return done("/console/messages?campaign="+url.QueryEscape(found.Slug), "saved"), err
}
