package admin

import (
	"strings"
	"testing"

	"hongbao/internal/staff"
)

func TestWebhooksOfACity(t *testing.T) {
	d := newDesk(t)
	d.addAccount("chengdu-admin", staff.CityAdmin, "chengdu")
	d.must(d.form("city-admin", "/console/webhooks", "city", "suzhou", "url", "https://127.0.0.1/x"), 400, "不能指向本机或内网地址")
	d.must(d.form("city-admin", "/console/webhooks", "city", "suzhou", "url", "https://city.example/events"), 303, "/console/webhooks/1")
	d.must(d.form("chengdu-admin", "/console/webhooks", "city", "suzhou", "url", "https://city.example/others"), 400, "")
	d.must(d.ask("city-admin", "GET", "/console/webhooks/1", ""), 200, "还没有事件")
	for _, path := range []string{"/console/webhooks/1", "/console/webhooks/2", "/console/webhooks/x"} {
		d.must(d.ask("chengdu-admin", "GET", path, ""), 404, "")
	}
	if text := d.ask("chengdu-admin", "GET", "/console/webhooks", "").Body.String(); strings.Contains(text, "city.example") {
		t.Error("another city's address is listed")
	}
	d.must(d.form("chengdu-admin", "/console/webhooks/1/status", "status", "paused"), 404, "")
	d.must(d.form("city-admin", "/console/webhooks/1/status", "status", "paused"), 303, "saved")
	d.must(d.ask("city-admin", "GET", "/console/webhooks/1", ""), 200, "恢复投递")
	d.must(d.form("city-admin", "/console/webhooks/1/deliveries/9/retry"), 409, "没有失败")
	_, err := d.DB.SQL().Exec(`INSERT INTO webhook_deliveries (webhook_id, seq, event, campaign, happened_at, status, attempts, next_at, answer, delivered_at)
		VALUES (1, 7, 'campaign.closed', 'suzhou-2020', 1607000000000, 'pending', 0, 1607000000000, '', 0)`)
	if err != nil {
		t.Fatal(err)
	}
	d.must(d.ask("city-admin", "GET", "/console/webhooks/1", ""), 200, "登记已截止")
}
