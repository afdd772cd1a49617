package admin

import (
	"hongbao/campaign"
	"hongbao/disbursement"
	"hongbao/internal/money"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// campaignFigures are the numbers that a campaign is about.
func (k *Console) campaignFigures(c *gin.Context, one campaign.Campaign, book *campaign.RuleBook) ([]web.Figure, error) {
	ctx := c.Request.Context()
	registered, err := k.Campaigns.Registered(ctx, one.ID)
	if err != nil {
		return nil, err
	}
	balances, err := k.Money.Balances(ctx, one.ID)
	if err != nil {
		return nil, err
	}
	counts, err := k.Money.Counts(ctx, one.ID)
	if err != nil {
		return nil, err
	}
	sums := map[string]money.Fen{}
	for _, b := range balances {
		sums[b.Kind] += b.AmountFen
	}
	yuan, credited := web.Tr(c, "元", "yuan"), sums["issued"]+sums["spent"]
	awarded, claimed := claims(counts)
	return []web.Figure{
		{Label: web.Tr(c, "预算", "Budget"), Value: web.Yuan(one.Budget), Unit: yuan, Note: web.Tr(c, web.Count(book.Envelopes())+" 个红包", web.Count(book.Envelopes())+" envelopes")},
		{Label: web.Tr(c, "资金到位", "Received"), Value: web.Yuan(-sums["source"]), Unit: yuan, Note: web.Share(-sums["source"], one.Budget), Part: int64(-sums["source"]), Whole: int64(one.Budget)},
		{Label: web.Tr(c, "有效登记", "Registered"), Value: web.Count(registered), Unit: web.Tr(c, "人", ""), Note: web.Tr(c, "中签率 ", "chance ") + web.Share(min(registered, book.Envelopes()), registered)},
		{Label: web.Tr(c, "领取率", "Claimed"), Value: web.Share(claimed, awarded), Note: web.Count(claimed) + " / " + web.Count(awarded), Part: claimed, Whole: awarded},
		{Label: web.Tr(c, "核销率", "Redeemed"), Value: web.Share(sums["spent"], credited), Note: web.Yuan(sums["spent"]) + " / " + web.Yuan(credited) + " " + yuan, Part: int64(sums["spent"]), Whole: int64(credited)},
		{Label: web.Tr(c, "已收回", "Taken back"), Value: web.Yuan(sums["recalled"] + sums["returned"]), Unit: yuan},
	}, nil
}

// claims counts the envelopes that were given to somebody and those of them that were claimed in time.
func claims(counts disbursement.Counts) (awarded, claimed int64) {
	for status, n := range counts.Envelopes {
		awarded += n
		if status != disbursement.Awarded && status != disbursement.Forfeited {
			claimed += n
		}
	}
	return awarded, claimed
}
