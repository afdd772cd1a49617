package admin

import (
	"fmt"
	"strconv"

	"hongbao/internal/staff"
	"hongbao/internal/web"
	"hongbao/internal/webhook"

	"github.com/gin-gonic/gin"
)

// webhookRoutes are the pages of the addresses at which a city's own systems hear of its campaigns.
func (k *Console) webhookRoutes(w *web.Web) {
	r := w.Engine.Group("/console/webhooks", w.Staff(staff.CampaignEdit))
	r.GET("", k.show(k.webhooks))
	r.POST("", k.does(k.webhooks, k.addWebhook))
	r.GET("/:id", k.show(k.webhook))
	r.POST("/:id/status", k.does(k.webhook, k.switchWebhook))
	r.POST("/:id/deliveries/:delivery/retry", k.does(k.webhook, k.retryDelivery))
}

func webhookPath(w webhook.Webhook) string { return fmt.Sprintf("/console/webhooks/%d", w.ID) }

func webhooksTitle(c *gin.Context) string { return web.Tr(c, "事件回调", "Webhooks") }

// webhooks is the page of a city's addresses.
func (k *Console) webhooks(c *gin.Context) (page, error) {
	list, err := k.Webhooks.Webhooks(c.Request.Context(), web.ActorOf(c).City)
	if err != nil {
		return page{}, err
	}
	_, key, err := k.Webhooks.Key()
	if err != nil {
		return page{}, err
	}
	table := web.Table{Caption: webhooksTitle(c), Columns: heads(c, "地址", "Address", "城市", "City", "状态", "Status", "登记人", "Made by", "登记时间", "Since"),
		Empty: web.Empty{Title: web.Tr(c, "还没有登记地址", "No address is registered"), Text: web.Tr(c, "登记后，活动公告、开放登记、封存名单、公布结果、结清等事件会签名投递到该地址。", "Once there is one, notices, openings, sealed lists, results and settlements are posted to it, signed.")}}
	for _, w := range list {
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.Link(w.URL, webhookPath(w)), web.Text(w.City), web.State(w.Status), web.Text(w.MadeBy), web.When(w.CreatedAt)}})
	}
	city := web.ActorOf(c).City
	if city == staff.AllCities {
		city = ""
	}
	form := act{Title: web.Tr(c, "登记地址", "Register an address"), Text: web.Tr(c, "消息只说明什么活动、什么事件、什么时刻，不含任何个人信息和金额。", "A message says which campaign, which event and when; nothing about people or amounts."),
		Form: web.Form{Action: "/console/webhooks", Submit: web.Tr(c, "登记", "Register"), Fields: []web.Field{
			{Name: "city", Label: web.Tr(c, "城市代码", "City code"), Required: true, Value: c.DefaultPostForm("city", city), Autocomplete: "off"},
			{Name: "url", Label: web.Tr(c, "https 地址", "HTTPS address"), Type: "url", Required: true, MaxLength: 500, Value: c.PostForm("url"), Autocomplete: "off", Placeholder: "https://"}}}}
	return page{Title: webhooksTitle(c), State: web.Tr(c, "把活动事件签名投递给城市自己的系统。", "Campaign events, posted to the city's own systems and signed."),
		Blocks: []block{{Table: &table}, {Acts: []act{form}}, {Title: web.Tr(c, "核验签名的公钥", "The key that verifies signatures"), Code: key}}}, nil
}

func (k *Console) addWebhook(c *gin.Context) (string, error) {
	if !web.ActorOf(c).Sees(c.PostForm("city")) {
		return "", webhook.ErrCity
	}
	made, err := k.Webhooks.Register(c.Request.Context(), web.ActorOf(c).Username, c.PostForm("city"), c.PostForm("url"))
	return done(webhookPath(made), "saved"), err
}

// webhook is the delivery log of one address.
func (k *Console) webhook(c *gin.Context) (page, error) {
	w, err := k.Webhooks.Visible(c)
	if err != nil {
		return page{}, err
	}
	window, err := web.WindowOf(c)
	if err != nil {
		return page{}, err
	}
	rows, err := k.Webhooks.Deliveries(c.Request.Context(), w.ID, window.After, window.Limit+1)
	if err != nil {
		return page{}, err
	}
	to, title := webhook.Paused, web.Tr(c, "暂停投递", "Pause")
	if w.Status == webhook.Paused {
		to, title = webhook.Active, web.Tr(c, "恢复投递", "Resume")
	}
	table := deliveryTable(c, w, rows, window)
	return page{Title: w.URL, State: k.cityName(c, w.City), Chip: w.Status, Back: webhooksTitle(c), BackURL: "/console/webhooks",
		Blocks: []block{{Table: &table}, {Acts: []act{{Title: title, Text: web.Tr(c, "暂停期间发生的事件不会补发；尚未送达的在恢复后继续。", "What happens while it is paused is not told later; what waits goes on when it is resumed."),
			Form: web.Form{Action: webhookPath(w) + "/status", Submit: title, Hidden: map[string]string{"status": to}, Quiet: true}}}}}}, nil
}

func deliveryTable(c *gin.Context, w webhook.Webhook, rows []webhook.Delivery, window web.Window) web.Table {
	table := web.Table{Caption: web.Tr(c, "投递记录", "Deliveries"), Columns: heads(c, "#序号", "#No.", "事件", "Event", "发生时间", "Happened", "状态", "Status", "#次数", "#Attempts", "对方应答", "Answer", "下次或送达", "Next, or delivered", "操作", "Act"),
		Empty: web.Empty{Title: web.Tr(c, "还没有事件", "Nothing has happened yet")}}
	table.Next = web.NextURL(c, window, rows, func(d webhook.Delivery) int64 { return d.ID })
	for _, d := range rows[:min(len(rows), window.Limit)] {
		when, act := web.Text(""), web.Text("")
		switch d.Status {
		case webhook.Pending:
			when = web.When(d.NextAt)
		case webhook.Delivered:
			when = web.When(d.DeliveredAt)
		default:
			act = web.Act(web.Form{Action: webhookPath(w) + "/deliveries/" + strconv.FormatInt(d.ID, 10) + "/retry", Submit: web.Tr(c, "重发", "Retry"), Inline: true, Quiet: true})
		}
		zh, en := d.Meaning()
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.Number(d.ID), {Text: web.Tr(c, zh, en), Note: d.Event + " · " + d.Campaign}, web.When(d.HappenedAt), web.State("delivery." + d.Status), web.Number(int64(d.Attempts)),
			{Text: d.Answer, Kind: "muted"}, when, act}})
	}
	return table
}

func (k *Console) switchWebhook(c *gin.Context) (string, error) {
	w, err := k.Webhooks.Visible(c)
	if err != nil {
		return "", err
	}
	return done(webhookPath(w), "saved"), k.Webhooks.SetStatus(c.Request.Context(), web.ActorOf(c).Username, w.ID, c.PostForm("status"))
}

func (k *Console) retryDelivery(c *gin.Context) (string, error) {
	w, err := k.Webhooks.Visible(c)
	if err != nil {
		return "", err
	}
	id, err := web.PathID(c, "delivery", webhook.ErrMissing)
	if err != nil {
		return "", err
	}
	return done(webhookPath(w), "saved"), k.Webhooks.Retry(c.Request.Context(), web.ActorOf(c).Username, w, id)
}
