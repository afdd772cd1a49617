package admin

import (
	"hongbao/campaign"
	"hongbao/internal/money"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// campaignFigures are the numbers that a campaign is about.
func (k *Console) campaignFigures(c *gin.Context, one campaign.Campaign, book *campaign.RuleBook) ([]web.Figure, error) {
	registered, err := k.Campaigns.Registered(c.Request.Context(), one.ID)
	if err != nil {
		return nil, err
	}
	balances, err := k.Money.Balances(c.Request.Context(), one.ID)
	if err != nil {
		return nil, err
	}
	sums := map[string]money.Fen{}
	for _, b := range balances {
		sums[b.Kind] += b.AmountFen
	}
	yuan := web.Tr(c, "元", "yuan")
	credited := sums["issued"] + sums["spent"]
	return []web.Figure{
		{Label: web.Tr(c, "预算", "Budget"), Value: web.Yuan(one.Budget), Unit: yuan, Note: web.Tr(c, web.Count(book.Envelopes())+" 个红包", web.Count(book.Envelopes())+" envelopes")},
		{Label: web.Tr(c, "有效登记", "Registered"), Value: web.Count(registered), Unit: web.Tr(c, "人", "")},
		{Label: web.Tr(c, "资金到位", "Received"), Value: web.Yuan(-sums["source"]), Unit: yuan, Note: web.Share(-sums["source"], one.Budget)},
		{Label: web.Tr(c, "在钱包中", "In wallets"), Value: web.Yuan(sums["issued"]), Unit: yuan},
		{Label: web.Tr(c, "已消费", "Spent"), Value: web.Yuan(sums["spent"]), Unit: yuan, Note: web.Share(sums["spent"], credited)},
		{Label: web.Tr(c, "已收回", "Taken back"), Value: web.Yuan(sums["recalled"] + sums["returned"]), Unit: yuan},
	}, nil
}
