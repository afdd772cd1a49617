package admin

import (
	"fmt"
	"io"

	"hongbao/campaign"
	"hongbao/internal/staff"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// relatedAct files the list of people related to the organisers, and says how long it is. The list itself is never shown.
func (k *Console) relatedAct(c *gin.Context, found campaign.Campaign) ([]act, error) {
	if !k.may(web.ActorOf(c), staff.CampaignEdit) || found.Status == campaign.Cancelled {
		return nil, nil
	}
	count, err := campaign.CountRelated(k.DB.Read(c.Request.Context()), found.ID)
	if err != nil {
		return nil, err
	}
	return []act{{Title: web.Tr(c, "申报与主办方有关联的人员", "Name people related to the organisers"),
		Text: web.Tr(c, fmt.Sprintf("已申报 %s 人，其中名单锁定后申报 %s 人。抽签公示页会公布其中登记、中签的人数，不公布名单。CSV 或 Excel，须有 document 一列（证件号码）；只保存加密索引。申报后不能撤下。", web.Count(count.Filed), web.Count(count.Late)),
			fmt.Sprintf("%s named so far, %s of them after the lists were frozen. The public record says how many of them registered and won, never who they are. CSV or Excel with a column document; only keyed indexes are kept. Nobody is taken off again.", web.Count(count.Filed), web.Count(count.Late))),
		Form: web.Form{Action: "/console/draws/" + found.Slug + "/related", Upload: true, Submit: web.Tr(c, "提交名单", "File the list"), Fields: []web.Field{
			{Name: "source", Label: web.Tr(c, "申报单位", "Who names them"), Hint: web.Tr(c, "如：市商务局", "As in: Bureau of Commerce"), Required: true, MaxLength: 100, Value: c.PostForm("source")},
			{Name: "file", Label: web.Tr(c, "文件", "File"), Type: "file", Accept: ".csv,.xlsx", Required: true}}}}}, nil
}

func (k *Console) fileRelated(c *gin.Context) (page, error) {
	return k.imported(c, k.draw, func(slug string, file io.Reader) (campaign.Import, error) {
		return k.Campaigns.FileRelated(c.Request.Context(), web.ActorOf(c).Username, slug, c.PostForm("source"), file)
	})
}
