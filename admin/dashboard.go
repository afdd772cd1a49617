package admin

import (
	"fmt"

	"hongbao/campaign"
	"hongbao/internal/money"
	"hongbao/internal/staff"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// liveCampaigns is how many campaigns the overview counts in full; the list has them all.
const liveCampaigns = 6

// dashboard is the overview: what waits for me, how the campaigns stand, what has gone wrong.
func (k *Console) dashboard(c *gin.Context) (page, error) {
	actor := web.ActorOf(c)
	shown := page{Title: web.Tr(c, "总览", "Overview"), State: web.Tr(c, actor.Name+"，您好。", "Good day, "+actor.Name+".")}
	if k.may(actor, staff.JobsRun) {
		if err := k.addJobsAlert(c, &shown); err != nil {
			return shown, err
		}
	}
	if !k.may(actor, seesWork) {
		shown.Blocks = append(shown.Blocks, block{Text: web.Tr(c, "您的岗位是"+roleName(c, staff.Role(actor.Role))+"，请从左侧选择要办的事。", "Your role is "+roleName(c, staff.Role(actor.Role))+"; choose your work from the navigation.")})
		return shown, nil
	}
	pending, err := k.visibleApprovals(c, staff.Pending)
	if err != nil {
		return shown, err
	}
	all, err := k.visibleCampaigns(c)
	if err != nil {
		return shown, err
	}
	waits := web.Figure{Label: web.Tr(c, "待复核", "To be decided"), Value: web.Count(len(pending)), Unit: web.Tr(c, "项", ""), URL: "/console/approvals"}
	if len(pending) > 0 {
		waits.Tone = "warn"
	}
	shown.Blocks = append(shown.Blocks, block{Figures: append([]web.Figure{waits}, campaignCounts(c, all)...)})
	return k.withCampaigns(c, shown, all)
}

func campaignCounts(c *gin.Context, all []campaign.Campaign) []web.Figure {
	open, spending := 0, 0
	var budget money.Fen
	for _, one := range all {
		switch one.Status {
		case campaign.Open:
			open++
		case campaign.Drawn:
			spending++
		}
		if one.Status != campaign.Cancelled && one.Status != campaign.Draft {
			budget += one.Budget
		}
	}
	return []web.Figure{{Label: web.Tr(c, "报名中的活动", "Open campaigns"), Value: web.Count(open), Unit: web.Tr(c, "个", "")},
		{Label: web.Tr(c, "发放与消费中", "Being spent"), Value: web.Count(spending), Unit: web.Tr(c, "个", "")},
		{Label: web.Tr(c, "预算合计", "Budgets in all"), Value: web.Yuan(budget), Unit: web.Tr(c, "元", "yuan")}}
}

// withCampaigns adds each campaign that is under way, with its figures and its money as a chart.
func (k *Console) withCampaigns(c *gin.Context, shown page, all []campaign.Campaign) (page, error) {
	live := 0
	for _, one := range all {
		if one.Status == campaign.Cancelled || one.Status == campaign.Settled || live == liveCampaigns {
			continue
		}
		live++
		blocks, err := k.campaignBlocks(c, one)
		if err != nil {
			return shown, err
		}
		shown.Blocks = append(shown.Blocks, blocks...)
	}
	if live == 0 {
		shown.Blocks = append(shown.Blocks, block{Table: &web.Table{Empty: noCampaigns(c)}})
	}
	return shown, nil
}

func (k *Console) campaignBlocks(c *gin.Context, one campaign.Campaign) ([]block, error) {
	book, err := k.Campaigns.RuleBook(c.Request.Context(), one.ID)
	if err != nil {
		return nil, err
	}
	figures, err := k.campaignFigures(c, one, book)
	if err != nil {
		return nil, err
	}
	proofs, err := k.Money.Prove(c.Request.Context(), one.ID, k.Now())
	if err != nil {
		return nil, err
	}
	chart := bars{Title: web.Tr(c, "资金去向，占预算", "Where the money is, of the budget")}
	for _, part := range moneyParts(c, proofs) {
		chart.Rows = append(chart.Rows, bar{Label: part.label, Part: int64(part.amount), Whole: int64(one.Budget), Text: web.Amount(part.amount)})
	}
	name := one.Name(web.Locale(c))
	return []block{{Title: name, Text: nextStep(c, one), Figures: figures}, {Columns: []block{{Bars: &chart},
		{Facts: []fact{{Label: web.Tr(c, "活动", "Campaign"), Value: name, URL: "/console/campaigns/" + one.Slug},
			{Label: web.Tr(c, "状态", "Status"), Value: web.StatusOf(web.Locale(c), "campaign."+one.Status).Word},
			{Label: web.Tr(c, "登记截止", "Registration closes"), Value: web.Clock(one.CloseAt)}, {Label: web.Tr(c, "领取截止", "Claiming ends"), Value: web.Clock(one.ClaimUntilAt)},
			{Label: web.Tr(c, "消费截止", "Spending ends"), Value: web.Clock(one.SpendUntilAt)}}}}}}, nil
}

// addJobsAlert warns of jobs whose last run failed.
func (k *Console) addJobsAlert(c *gin.Context, shown *page) error {
	last, err := k.lastRuns(c)
	if err != nil {
		return err
	}
	failed := 0
	for _, run := range last {
		if run.Error != "" {
			failed++
		}
	}
	if failed > 0 {
		shown.Alert = &alert{Tone: "danger", Text: web.Tr(c, fmt.Sprintf("%d 项任务上次运行出错。", failed), fmt.Sprintf("%d jobs failed in their last run.", failed)),
			Action: web.Tr(c, "查看任务", "See the jobs"), URL: "/console/system/jobs"}
	}
	return nil
}
