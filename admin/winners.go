package admin

import (
	"net/url"

	"hongbao/campaign"
	"hongbao/internal/staff"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// winnersBlock lists the files of winners that the operators get, and offers to ask for them.
func (k *Console) winnersBlock(c *gin.Context, of campaign.Campaign) (block, error) {
	files, err := k.Money.WinnerFiles(c.Request.Context(), of.ID)
	if err != nil {
		return block{}, err
	}
	table := &web.Table{Caption: web.Tr(c, "中签名单文件", "Winners' files"), Columns: heads(c, "运营机构", "Operator", "状态", "Status", "#中签人数", "#Winners", "#金额（元）", "#Amount (yuan)", "名单指纹", "Digest", "编制", "Made", "机构取走", "Fetched"),
		Empty: web.Empty{Title: web.Tr(c, "还没有名单文件", "No winners' files yet"), Text: web.Tr(c, "批准后为每家机构编制只含其中签者的加密名单，只有该机构能取走和打开。", "Once approved, each operator gets a sealed list of its own winners, which only it can fetch and open.")}}
	for _, f := range files {
		operator := web.Text(f.Operator)
		operator.Note = f.Number
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{operator, web.State("winners." + string(f.Status)), web.Number(f.Winners), web.Money(f.TotalFen), web.Digest(f.Digest), web.When(f.MadeAt), web.When(f.FetchedAt)}})
	}
	shown := block{Title: web.Tr(c, "中签名单文件", "Winners' files"), Table: table}
	if of.Status == campaign.Drawn && k.may(web.ActorOf(c), staff.MoneyPrepare) {
		shown.Acts = []act{{Title: web.Tr(c, "编制名单文件", "Make winners' files"), Text: web.Tr(c, "每家机构一份，含手机号，用该机构公钥加密并由平台签名；须另一位同事批准。", "One for each operator, with phones, sealed to its key and signed by the platform; a second person approves."),
			Form: web.Form{Action: "/console/disbursement/" + of.Slug + "/winners", Submit: web.Tr(c, "提交审批", "Ask for approval")}}}
	}
	return shown, nil
}

func (k *Console) requestWinners(c *gin.Context) (string, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return "", err
	}
	_, err = k.Money.RequestWinnerFiles(c.Request.Context(), web.ActorOf(c).Username, found.ID)
	return done("/console/disbursement?campaign="+url.QueryEscape(found.Slug), "asked"), err
}
