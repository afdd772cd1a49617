package admin

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"hongbao/campaign"
	"hongbao/disbursement"
	"hongbao/internal/fault"
	"hongbao/internal/staff"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// alertRoutes are the pages of suspected misuse.
func (k *Console) alertRoutes(w *web.Web) {
	r := w.Engine.Group("/console/alerts")
	r.GET("", w.Staff(seesWork), k.show(k.alerts))
	r.POST("/:slug/rules", w.Staff(staff.CampaignEdit), k.does(k.alerts, k.setMisuseRules))
	r.GET("/:slug/:id", w.Staff(seesWork), k.show(k.alert))
	r.POST("/:slug/:id/decide", w.Staff(staff.MerchantsEdit), k.does(k.alert, k.decideAlert))
	r.POST("/:slug/:id/hold", w.Staff(staff.MerchantsEdit), k.does(k.alert, k.holdOnAlert))
	r.POST("/:slug/:id/case", w.Staff(staff.ReportsMake), w.Handle(k.caseFile))
}

const alertPage = 100 // as many as Alerts gives

func alertAddress(slug string, id int64) string {
	return fmt.Sprintf("/console/alerts/%s/%d", url.PathEscape(slug), id)
}

// alerts is the queue of what the rules have found, and the rules.
func (k *Console) alerts(c *gin.Context) (page, error) {
	shown, chosen, field, err := k.onCampaign(c, page{Title: web.Tr(c, "套现预警", "Misuse alerts"), State: web.Tr(c, "预警是值得核查的线索，不是结论；暂缓结算由一人或规则作出，解除须两人。", "An alert is a reason to look, not a finding. One person or a rule holds a merchant's settlement; two lift it.")})
	if err != nil || chosen.ID == 0 {
		return shown, err
	}
	before, err := rowInQuery(c, "before")
	if err != nil {
		return shown, err
	}
	list, err := k.Money.Alerts(c.Request.Context(), chosen.ID, disbursement.AlertStatus(c.Query("status")), before)
	if err != nil {
		return shown, err
	}
	rules, err := k.Money.MisuseRules(c.Request.Context(), chosen.ID)
	if err != nil {
		return shown, err
	}
	table, err := k.alertTable(c, chosen, list)
	if err != nil {
		return shown, err
	}
	status := anyStatusField(c, "alert.open", "alert.confirmed", "alert.dismissed")
	shown.Blocks = []block{{Filters: filters(c, field, status)}, {Table: table},
		{Title: web.Tr(c, fmt.Sprintf("规则，第 %d 版", rules.Version), fmt.Sprintf("Rules, version %d", rules.Version)), Table: ruleTable(c, rules)}}
	if k.may(web.ActorOf(c), staff.CampaignEdit) {
		shown.Blocks = append(shown.Blocks, block{Acts: []act{ruleAct(c, chosen.Slug, rules)}})
	}
	return shown, nil
}

func ruleTitle(c *gin.Context, rule string) string {
	for _, kind := range disbursement.MisuseKinds {
		if kind.Rule == rule {
			return kind.Title.In(web.Locale(c))
		}
	}
	return rule
}

func (k *Console) alertTable(c *gin.Context, of campaign.Campaign, list []disbursement.Alert) (*web.Table, error) {
	table := &web.Table{Caption: web.Tr(c, "预警", "Alerts"), Columns: heads(c, "规则", "Rule", "状态", "Status", "商户", "Merchant", "#交易", "#Events", "#红包（元）", "#Envelope (yuan)", "发现", "Raised"),
		Empty: web.Empty{Title: web.Tr(c, "没有预警", "No alert"), Text: web.Tr(c, "每十分钟按下面的规则查看全部消费。", "Every ten minutes all spending is looked through by the rules below.")}}
	numbers := make([]string, len(list))
	for i, a := range list {
		numbers[i] = a.MerchantNo
	}
	names, err := k.Campaigns.MerchantNames(c.Request.Context(), of.ID, numbers)
	if err != nil {
		return nil, err
	}
	for _, a := range list {
		rule := web.Text(ruleTitle(c, a.Rule))
		rule.Note = a.Subject
		table.Rows = append(table.Rows, web.Row{URL: alertAddress(of.Slug, a.ID), Cells: []web.Cell{rule, web.State("alert." + string(a.Status)),
			{Text: cmp.Or(names[a.MerchantNo], a.MerchantNo), Note: a.MerchantNo}, web.Number(a.Events), web.Money(a.EnvelopeFen), web.When(a.RaisedAt)}})
	}
	if len(list) == alertPage {
		table.Next = nextFrom(c, "/console/alerts", "before", list[len(list)-1].ID)
	}
	return table, nil
}

func ruleTable(c *gin.Context, rules disbursement.MisuseRules) *web.Table {
	table := &web.Table{Caption: web.Tr(c, "规则", "Rules"), Columns: heads(c, "规则", "Rule", "#起点", "#From", "#占比", "#Share", "#分钟", "#Minutes", "立即暂缓结算", "Holds at once"),
		Empty: web.Empty{Title: web.Tr(c, "没有启用规则", "No rule is in force")}}
	for _, kind := range disbursement.MisuseKinds {
		for _, r := range rules.Rules {
			if r.Rule != kind.Rule {
				continue
			}
			name := web.Text(kind.Title.In(web.Locale(c)))
			name.Note = kind.Text.In(web.Locale(c))
			holds := web.Tr(c, "否", "no")
			if r.Hold {
				holds = web.Tr(c, "是", "yes")
			}
			share, minutes := web.Text(""), web.Text("") // not every rule has them
			if r.Percent != 0 {
				share = web.Text(fmt.Sprintf("%d%%", r.Percent))
			}
			if r.Minutes != 0 {
				minutes = web.Number(r.Minutes)
			}
			table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{name, web.Number(r.AtLeast), share, minutes, web.Text(holds)}})
		}
	}
	return table
}

func ruleAct(c *gin.Context, slug string, rules disbursement.MisuseRules) act {
	now := map[string]disbursement.MisuseRule{}
	for _, r := range rules.Rules {
		now[r.Rule] = r
	}
	form := web.Form{Action: "/console/alerts/" + slug + "/rules", Submit: web.Tr(c, "启用新版规则", "Put in force")}
	for _, kind := range disbursement.MisuseKinds {
		title, r := kind.Title.In(web.Locale(c)), now[kind.Rule]
		form.Fields = append(form.Fields,
			web.Field{Name: kind.Rule + ".at_least", Label: title + web.Tr(c, "：起点（0 不启用）", ": from (0 is off)"), InputMode: "numeric", Value: strconv.FormatInt(r.AtLeast, 10)},
			web.Field{Name: kind.Rule + ".percent", Label: title + web.Tr(c, "：占该商户支付的百分比", ": per cent of the merchant's payments"), InputMode: "numeric", Value: strconv.FormatInt(r.Percent, 10)},
			web.Field{Name: kind.Rule + ".minutes", Label: title + web.Tr(c, "：分钟内", ": within minutes"), InputMode: "numeric", Value: strconv.FormatInt(r.Minutes, 10)},
			web.Field{Name: kind.Rule + ".hold", Label: title + web.Tr(c, "：发现即暂缓结算", ": hold at once"), Type: "checkbox", Checked: r.Hold})
	}
	return act{Title: web.Tr(c, "修改规则", "Change the rules"), Text: web.Tr(c, "成为新的一版；已有预警仍按原版。", "They become the next version; alerts keep theirs."), Form: form}
}

var errWhole = fault.Field("rules", "whole-number", "请填写整数。", "Whole numbers, please.")

func (k *Console) setMisuseRules(c *gin.Context) (string, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return "", err
	}
	var rules []disbursement.MisuseRule
	for _, kind := range disbursement.MisuseKinds {
		rule := disbursement.MisuseRule{Rule: kind.Rule, Hold: c.PostForm(kind.Rule+".hold") != ""}
		for field, into := range map[string]*int64{"at_least": &rule.AtLeast, "percent": &rule.Percent, "minutes": &rule.Minutes} {
			if *into, err = strconv.ParseInt(cmp.Or(c.PostForm(kind.Rule+"."+field), "0"), 10, 64); err != nil {
				return "", errWhole
			}
		}
		if rule.AtLeast != 0 {
			rules = append(rules, rule)
		}
	}
	_, err = k.Money.SetMisuseRules(c.Request.Context(), web.ActorOf(c).Username, found.ID, rules)
	return done("/console/alerts?campaign="+url.QueryEscape(found.Slug), "saved"), err
}

func (k *Console) theAlert(c *gin.Context) (campaign.Campaign, disbursement.Alert, error) {
	return inCampaign(k, c, disbursement.ErrNoAlert, k.Money.Alert)
}

// alert is one alert with the events that it rests on, and what can be done about it.
func (k *Console) alert(c *gin.Context) (page, error) {
	found, a, err := k.theAlert(c)
	if err != nil {
		return page{}, err
	}
	evidence, err := k.Money.Evidence(c.Request.Context(), a.ID)
	if err != nil {
		return page{}, err
	}
	names, err := k.Campaigns.MerchantNames(c.Request.Context(), found.ID, []string{a.MerchantNo})
	if err != nil {
		return page{}, err
	}
	holds, err := k.holdsOn(c, found.ID, a.MerchantNo)
	if err != nil {
		return page{}, err
	}
	yuan := web.Tr(c, "元", "yuan")
	shown := page{Title: ruleTitle(c, a.Rule) + " · " + cmp.Or(names[a.MerchantNo], a.MerchantNo), Chip: "alert." + string(a.Status),
		State: web.Tr(c, fmt.Sprintf("按第 %d 版规则发现；%s 至 %s。", a.RuleVersion, web.Clock(a.FirstAt), web.Clock(a.LastAt)), fmt.Sprintf("Found by version %d of the rules; %s to %s.", a.RuleVersion, web.Clock(a.FirstAt), web.Clock(a.LastAt))),
		Back:  web.Tr(c, "套现预警", "Misuse alerts"), BackURL: "/console/alerts?campaign=" + url.QueryEscape(found.Slug)}
	shown.Blocks = []block{{Figures: []web.Figure{{Label: web.Tr(c, "交易", "Events"), Value: web.Count(a.Events), Unit: web.Tr(c, "笔", "")},
		{Label: web.Tr(c, "红包资金", "Envelope money"), Value: web.Yuan(a.EnvelopeFen), Unit: yuan}}}, {Facts: alertFacts(c, found.Slug, a, holds)}}
	if acts := k.alertActs(c, found.Slug, a, holds); len(acts) > 0 {
		shown.Blocks = append(shown.Blocks, block{Title: web.Tr(c, "可以办理", "What can be done"), Acts: acts})
	}
	shown.Blocks = append(shown.Blocks, block{Title: web.Tr(c, "证据", "Evidence"), Text: web.Tr(c, "只有红包与设备的代号，没有身份；案卷里是全部交易。", "Marks of envelopes and devices, no identity; the case file holds every event."), Table: evidenceTable(c, evidence)})
	return shown, nil
}

func alertFacts(c *gin.Context, slug string, a disbursement.Alert, holds []disbursement.Hold) []fact {
	facts := []fact{{Label: web.Tr(c, "商户号", "Merchant number"), Value: a.MerchantNo, URL: merchantAddress(slug, a.MerchantNo)}, {Label: web.Tr(c, "发现时间", "Raised"), Value: web.Date(a.RaisedAt)}}
	if a.Subject != "" {
		facts = append(facts, fact{Label: web.Tr(c, "设备代号", "Device"), Value: a.Subject})
	}
	for _, h := range holds[:min(1, len(holds))] {
		facts = append(facts, fact{Label: web.Tr(c, "结算", "Settlement"), Value: web.StatusOf(web.Locale(c), "hold."+string(h.Status)).Word + " · " + h.HeldBy + " · " + web.Clock(h.HeldAt), URL: merchantAddress(slug, a.MerchantNo)})
	}
	if a.DecidedBy != "" {
		facts = append(facts, fact{Label: web.Tr(c, "处理", "Decided"), Value: a.DecidedBy + " · " + web.Clock(a.DecidedAt) + " · " + a.Reason})
	}
	return facts
}

func (k *Console) alertActs(c *gin.Context, slug string, a disbursement.Alert, holds []disbursement.Hold) (acts []act) {
	address, actor := alertAddress(slug, a.ID), web.ActorOf(c)
	reason := web.Field{Name: "reason", Label: web.Tr(c, "理由", "Reason"), Required: true, MaxLength: 200, Value: c.PostForm("reason")}
	free := len(holds) == 0 || holds[0].Status == disbursement.HoldReleased
	if k.may(actor, staff.MerchantsEdit) && free {
		acts = append(acts, act{Title: web.Tr(c, "暂缓该商户结算", "Hold the merchant's settlement"), Text: web.Tr(c, "立即生效；解除须两人。", "It takes effect now; two people lift it."),
			Form: web.Form{Action: address + "/hold", Danger: true, Submit: web.Tr(c, "暂缓结算", "Hold"), Fields: []web.Field{reason}}})
	}
	if k.may(actor, staff.MerchantsEdit) && a.Status == disbursement.AlertOpen {
		to := web.Field{Name: "to", Label: web.Tr(c, "结论", "Decision"), Type: "select", Options: []web.Option{
			{Value: string(disbursement.AlertConfirmed), Label: web.Tr(c, "确认，移送", "Confirm, hand over")}, {Value: string(disbursement.AlertDismissed), Label: web.Tr(c, "排除", "Dismiss")}}}
		acts = append(acts, act{Title: web.Tr(c, "确认或排除", "Confirm or dismiss"), Text: web.Tr(c, "只能处理一次，理由记入审计。", "Once, with a reason on the record."),
			Form: web.Form{Action: address + "/decide", Submit: web.Tr(c, "提交", "Decide"), Fields: []web.Field{to, reason}}})
	}
	if k.may(actor, staff.ReportsMake) {
		acts = append(acts, act{Title: web.Tr(c, "下载案卷", "Case file"), Text: web.Tr(c, "带城市签名的压缩包：证据、规则、暂缓与结算记录；用 hongbao report verify 验证。", "An archive signed with the city's key: evidence, rules, holds and settlements. Check it with hongbao report verify."),
			Form: web.Form{Action: address + "/case", Submit: web.Tr(c, "下载案卷", "Download"), Quiet: true}})
	}
	return acts
}

func evidenceTable(c *gin.Context, evidence []disbursement.Spending) *web.Table {
	table := &web.Table{Caption: web.Tr(c, "证据", "Evidence"), Columns: heads(c, "时间", "Time", "类别", "Kind", "支付号", "Payment", "支付方式", "Pay mode", "设备", "Device", "#合计（元）", "#Total (yuan)", "#红包（元）", "#Envelope (yuan)")}
	kinds := map[disbursement.EventKind]string{disbursement.EventPayment: web.Tr(c, "支付", "Payment"), disbursement.EventRefund: web.Tr(c, "退款", "Refund")}
	for _, e := range evidence {
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.When(e.OccurredAt), web.Text(kinds[e.Kind]), web.Text(web.Short(e.PaymentNo)), web.Text(e.PayMode),
			web.Text(web.Short(e.Device)), web.Money(e.AmountFen), web.Money(e.EnvelopeFen)}})
	}
	return table
}

func (k *Console) decideAlert(c *gin.Context) (string, error) {
	found, a, err := k.theAlert(c)
	if err != nil {
		return "", err
	}
	err = k.Money.DecideAlert(c.Request.Context(), web.ActorOf(c).Username, found.ID, a.ID, disbursement.AlertStatus(c.PostForm("to")), c.PostForm("reason"))
	return done(alertAddress(found.Slug, a.ID), "saved"), err
}

func (k *Console) holdOnAlert(c *gin.Context) (string, error) {
	found, a, err := k.theAlert(c)
	if err != nil {
		return "", err
	}
	return done(alertAddress(found.Slug, a.ID), "saved"), k.Money.HoldOnAlert(c.Request.Context(), web.ActorOf(c).Username, found.ID, a.ID, c.PostForm("reason"))
}

func (k *Console) caseFile(c *gin.Context) error {
	found, a, err := k.theAlert(c)
	if err != nil {
		return err
	}
	archive, err := k.Reports.CaseFile(c.Request.Context(), web.ActorOf(c).Username, found.ID, a.ID)
	if err != nil {
		return err
	}
	c.Header("Content-Disposition", fmt.Sprintf("attachment; filename=%q", fmt.Sprintf("case-%s-%d.zip", found.Slug, a.ID)))
	c.Data(http.StatusOK, "application/zip", archive)
	return nil
}
