package admin

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"hongbao/campaign"
	"hongbao/disbursement"
	"hongbao/internal/money"
	"hongbao/internal/staff"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// Beats are how often a part that follows work is drawn anew.
const (
	fastBeat = time.Second
	slowBeat = 5 * time.Second
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
	waits := web.Figure{Label: web.Tr(c, "待复核", "To be decided"), Value: web.Count(len(pending)), Unit: web.Tr(c, "项", ""), URL: "/console/approvals?status=pending"}
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

// campaignBlocks are what the overview says of one campaign. The figures are drawn anew while the page is open.
func (k *Console) campaignBlocks(c *gin.Context, one campaign.Campaign) ([]block, error) {
	figures, err := k.liveFigures(c, one)
	if err != nil {
		return nil, err
	}
	proofs, err := k.Money.Prove(c.Request.Context(), one.ID, k.Now())
	if err != nil {
		return nil, err
	}
	parts := &web.Parts{Title: web.Tr(c, "钱在哪里（元）", "Where the money is (yuan)"), Whole: int64(one.Budget)}
	for _, part := range moneyParts(c, proofs) {
		parts.Rows = append(parts.Rows, web.Part{Label: part.label, Value: int64(part.amount), Text: web.Amount(part.amount)})
	}
	blocks := []block{{Title: one.Name(web.Locale(c)), URL: "/console/campaigns/" + one.Slug, Text: nextStep(c, one)},
		{Live: "/console/campaigns/" + one.Slug + "/live", Inside: figures}}
	beside, err := k.besideMoney(c, one)
	return append(blocks, block{Columns: []block{{Parts: parts}, beside}}), err
}

// liveFigures are the figures of a campaign as a block of a page.
func (k *Console) liveFigures(c *gin.Context, one campaign.Campaign) ([]block, error) {
	book, err := k.Campaigns.RuleBook(c.Request.Context(), one.ID)
	if err != nil {
		return nil, err
	}
	figures, err := k.campaignFigures(c, one, book)
	return []block{{Figures: figures}}, err
}

// followCampaign sends the figures of a campaign whenever they change.
func (k *Console) followCampaign(c *gin.Context) error {
	found, err := k.theCampaign(c)
	if err != nil {
		return err
	}
	return k.web.Stream(c, "admin/page.html", "blocks", slowBeat, func() (any, bool, error) {
		blocks, err := k.liveFigures(c, found)
		return blocks, true, err
	})
}

// besideMoney is what matters besides the money: how registration goes until the draw, how the operators work afterwards.
func (k *Console) besideMoney(c *gin.Context, one campaign.Campaign) (block, error) {
	if one.Status == campaign.Drawn {
		table, err := k.operatorTable(c, one)
		return block{Table: table}, err
	}
	counts, err := k.Campaigns.Counts(c.Request.Context(), one.ID)
	return block{Chart: registrationChart(c, counts)}, err
}

func registrationChart(c *gin.Context, counts []campaign.Count) *web.Chart {
	chart := &web.Chart{Title: web.Tr(c, "登记人数", "Registered"), Kind: "line", Heads: [2]string{web.Tr(c, "时间", "When"), web.Tr(c, "累计登记", "Registered so far")},
		Empty: web.Empty{Title: web.Tr(c, "还没有人登记", "Nobody has registered yet"), Text: web.Tr(c, "登记开放后，每十分钟记一次人数。", "Once registration is open, it is counted every ten minutes.")}}
	if last := counts[len(counts)-1]; last.Count > 0 {
		chart.Note = web.Tr(c, "现有 "+web.Count(last.Count)+" 人", web.Count(last.Count)+" now")
		for _, one := range counts {
			chart.Points = append(chart.Points, web.Point{Label: web.Clock(one.CountedAt)[5:], Text: web.Count(one.Count), Value: one.Count})
		}
	}
	return chart
}

// operatorTable shows how each operator works off its orders.
func (k *Console) operatorTable(c *gin.Context, one campaign.Campaign) (*web.Table, error) {
	list, err := k.Money.ByOperator(c.Request.Context(), one.ID)
	table := &web.Table{Caption: web.Tr(c, "运营机构", "Operators"), Columns: heads(c, "运营机构", "Operator", "状况", "Health", "#成功", "#Settled", "#处理中", "#Under way", "#待查", "#Unknown", "#失败", "#Failed", "最近变化", "Last change"),
		Empty: web.Empty{Title: web.Tr(c, "还没有发往银行的指令", "No order has gone to a bank yet"), Text: web.Tr(c, "批准发放批次后，各家银行的处理情况会出现在这里。", "Once a batch is approved, how each bank works it off is shown here.")}}
	book, bookErr := k.Campaigns.RuleBook(c.Request.Context(), one.ID)
	if err := errors.Join(err, bookErr); err != nil {
		return table, err
	}
	for _, o := range list {
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.Text(operatorTitle(c, book, o.Operator)), web.State(health(o)), web.Number(o.Settled), web.Number(o.Underway),
			web.Number(o.Unknown), web.Number(o.Refused), web.When(o.ChangedAt)}})
	}
	return table, nil
}

// operatorTitle names an operator as people know it; the code stands there if the rule book has it no longer.
func operatorTitle(c *gin.Context, book *campaign.RuleBook, code string) string {
	bank, _ := book.Operator(code)
	return cmp.Or(bank.Title.In(web.Locale(c)), code)
}

// health is a status code: unknown outcomes come first, since money may be on either side.
func health(o disbursement.OperatorOrders) string {
	switch {
	case o.Unknown > 0:
		return "unknown"
	case o.Refused > 0:
		return "failed"
	case o.Underway > 0:
		return "processing"
	}
	return "ok"
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
