package admin

import (
	"errors"

	"hongbao/disbursement"
	"hongbao/internal/staff"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// blockers says in words what keeps a campaign from being closed, and where it is dealt with.
var blockers = map[string]struct{ zh, en, url string }{
	disbursement.BlockedBySpending:    {"红包使用期尚未结束", "Envelopes may still be spent", "/console/campaigns/"},
	disbursement.BlockedByFunding:     {"到账记录待复核", "Receipts of money wait for a second person", "/console/approvals"},
	disbursement.BlockedByEnvelopes:   {"红包未到期处理或未收回", "Envelopes have still to expire or to be recalled", "/console/disbursement?campaign="},
	disbursement.BlockedByOrders:      {"银行指令未结清", "Orders are not settled", "/console/disbursement?campaign="},
	disbursement.BlockedByMoney:       {"账户上还有余额，应退回出资方", "Money on accounts, to be returned to its source", "/console/campaigns/"},
	disbursement.BlockedByDifferences: {"对账差异未处理", "Differences are open", "/console/reconciliation?campaign="},
	disbursement.BlockedByStatements:  {"银行对账单未到或被拒收（天）", "Days whose statement was refused or has not come", "/console/reconciliation?campaign="},
	disbursement.BlockedByUnstated:    {"消费尚未编入商户结算单", "Payments in no merchant's statement yet", "/console/settlements?campaign="},
	disbursement.BlockedByMerchants:   {"商户结算未结清", "Merchants are not settled with", "/console/settlements?campaign="},
}

// closeOut is the close-out of one campaign: what still blocks it, or the certificate.
func (k *Console) closeOut(c *gin.Context) (page, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return page{}, err
	}
	shown := page{Title: web.Tr(c, "资金结清", "Close-out"), State: found.Name(web.Locale(c)), Back: web.Tr(c, "活动", "Campaign"), BackURL: "/console/campaigns/" + found.Slug}
	issued, err := k.Money.CloseOut(c.Request.Context(), found.ID)
	if err == nil {
		shown.Action, shown.URL = web.Tr(c, "打开证明", "Open the certificate"), "/c/"+found.Slug+"/close-out"
		shown.Alert = &alert{Tone: "success", Text: web.Tr(c, "结清证明已出具，可以打印盖章。", "The certificate is issued; it can be printed and sealed.")}
		shown.Blocks = []block{{Facts: []fact{{Label: web.Tr(c, "出具时间", "Issued"), Value: web.Date(issued.At)}, {Label: web.Tr(c, "指纹", "Digest"), Hash: issued.Digest}}}}
		return shown, nil
	}
	if !errors.Is(err, disbursement.ErrNoCloseOut) {
		return shown, err
	}
	open, err := k.Money.Blockers(c.Request.Context(), found.ID)
	if err != nil {
		return shown, err
	}
	table := &web.Table{Caption: web.Tr(c, "未了结的事项", "What is still open"), Columns: heads(c, "事项", "What", "#数量", "#Count", "#金额（元）", "#Amount (yuan)"),
		Empty: web.Empty{Title: web.Tr(c, "全部了结", "Everything is settled"), Text: web.Tr(c, "可以申请出具结清证明。", "The certificate can be asked for.")}}
	for _, b := range open {
		table.Rows = append(table.Rows, blockerRow(c, found.Slug, b))
	}
	shown.Blocks = []block{{Title: web.Tr(c, "未了结的事项", "What is still open"), Table: table}}
	if len(open) == 0 && k.may(web.ActorOf(c), staff.MoneyPrepare) {
		shown.Blocks = append(shown.Blocks, block{Acts: []act{{Title: web.Tr(c, "出具结清证明", "Issue the certificate"), Open: true,
			Text: web.Tr(c, "写明每个出资方的预算、到位、消费与退回，用城市日志密钥签名并公开；须另一位同事批准。", "It states budget, received, spent and returned of each source, is signed with the city's log key and public; a second person approves."),
			Form: web.Form{Action: "/console/campaigns/" + found.Slug + "/close-out", Submit: web.Tr(c, "提交审批", "Ask for approval"), Fields: []web.Field{confirmField(c, found.Slug)}}}}})
	}
	return shown, nil
}

func blockerRow(c *gin.Context, slug string, b disbursement.Blocker) web.Row {
	known := blockers[b.Code]
	address := known.url
	if last := address[len(address)-1]; last == '/' || last == '=' {
		address += slug
	}
	amount := web.Text("")
	if b.Fen != 0 {
		amount = web.Money(b.Fen)
	}
	return web.Row{URL: address, Cells: []web.Cell{web.Text(web.Tr(c, known.zh, known.en)), web.Number(b.Count), amount}}
}

func (k *Console) requestCloseOut(c *gin.Context) (string, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return "", err
	}
	if err := confirmed(c, found.Slug); err != nil {
		return "", err
	}
	_, err = k.Money.RequestCloseOut(c.Request.Context(), web.ActorOf(c).Username, found.ID)
	return done("/console/campaigns/"+found.Slug+"/close-out", "asked"), err
}
