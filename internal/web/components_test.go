package web

import (
	"bytes"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"hongbao/internal/money"

	"github.com/gin-gonic/gin"
)

const gallery = `{{template "public" .}}{{define "title"}}gallery{{end}}{{define "main"}}
{{template "heading" (dict "Title" "苏州双十二" "State" (tr "报名中，抽签不分先后。" "Open.") "Chip" "campaign.open" "Action" (tr "我要登记" "Register") "URL" "/x" "Back" "活动" "BackURL" "/")}}
{{template "figures" .Figures}}
{{template "alert" (dict "Tone" "success" "Title" "登记成功" "Text" "请保存回执。")}}{{template "alert" (dict "Tone" "warning" "Text" "还有 2 天。")}}{{template "alert" (dict "Tone" "danger" "Text" "银行没有应答。" "Action" "查看" "URL" "/x")}}{{template "alert" (dict "Text" "抽签将于 20:00 进行。")}}
{{template "table" .Table}}{{template "table" .EmptyTable}}
<div class="columns"><section class="card"><h2>时间线</h2>{{template "timeline" .Events}}</section><section class="card">{{template "stepper" (dict "Step" 2 "Of" 4 "Title" "填写信息")}}{{template "form" .Form}}</section></div>
{{template "envelope" (dict "Amount" (yuan .Fen) "State" "sealed" "Caption" "恭喜")}}{{template "envelope" (dict "Amount" (yuan .Fen) "State" "open")}}{{template "envelope" (dict "State" "spent")}}
{{template "ring" (dict "Part" 12350 "Whole" .Fen "Label" "余额")}}{{qr "https://example.org/draws/suzhou-2020"}}
{{template "bars" .Bars}}<p>{{template "countdown" (dict "At" .At)}} {{deadline .At}} {{range seq 3}}{{add . 1}}{{end}} {{share 1 3}} {{day .At}} {{date .At}} {{range list 1 2}}{{.}}{{end}}</p>
{{template "hash" (dict "Label" "名单根" "Value" .Digest "Meaning" "名单里任何一行变了，它就会变。")}}{{template "empty" (dict)}}{{template "form" (dict "Action" "/y" "Submit" "删除" "Danger" true "Warning" "将作废 10 个红包，共 2,000 元。")}}
{{end}}`

func galleryData() map[string]any {
	at := time.Date(2020, 12, 27, 16, 0, 0, 0, time.UTC)
	digest := strings.Repeat("5e", 32)
	return map[string]any{"Fen": money.Fen(20000), "At": at, "Digest": bytes.Repeat([]byte{0x5e}, 32),
		"Figures": []Figure{{Label: "登记", Value: "1,913,847", Unit: "人"}, {Label: "红包", Value: "100,000", Unit: "个", Note: "每个 200 元"},
			{Label: "差异", Value: "2", Unit: "笔", URL: "/d", Tone: "bad"}, {Label: "已核销", Value: "94.8%", Tone: "warn"}},
		"Table": Table{Caption: "批次", Next: "/more", Columns: []Column{{Title: "批次"}, {Title: "状态"}, {Title: "金额", Number: true}, {Title: "摘要"}, {Title: "操作"}},
			Rows: []Row{{URL: "/b/1", Cells: []Cell{Text("2020-12-11 第 1 批"), State("dispatching"), Money(2000000), Digest(digest), Act(Form{Action: "/run", Submit: "立即运行", Inline: true, Quiet: true})}},
				{Cells: []Cell{Text("第 2 批"), State("done"), Money(money.Fen(5)), When(at), Link("查看", "/x")}},
				{Cells: []Cell{Text("第 3 批"), State("failed"), Number(12), {Text: "a", Kind: "muted", Note: "说明"}, {Text: "b", Kind: "strong"}}}}},
		"EmptyTable": Table{Empty: Empty{"还没有批次", "公布抽签结果后可以准备发放。", "去抽签", "/draws"}},
		"Events": []Event{{Title: "名单封存", At: "2020-12-07 00:00", Actor: "平台", Hash: digest, Meaning: "全部登记的指纹。", State: "done"},
			{Title: "等待信标", Text: "第 123 轮。", State: "now"}, {Title: "公布结果", State: "todo"}},
		"Form": Form{Action: "/save", Submit: "下一步", Cancel: "/", Hidden: map[string]string{"step": "2"}, Fields: []Field{
			{Name: "document", Label: "身份证号", Error: "校验位不对，请核对。", Value: "32050119900101123", Required: true, Format: "document"},
			{Name: "phone", Label: "手机号", Type: "tel", Hint: "领取时要用同一个号码。", Format: "phone", Autocomplete: "tel"},
			{Name: "bank", Label: "运营机构", Type: "select", Value: "b", Options: []Option{{Value: "a", Label: "工商银行"}, {Value: "b", Label: "农业银行"}}},
			{Name: "size", Label: "档位", Type: "radio", Value: "1", Options: []Option{{Value: "1", Label: "200 元", Note: "100,000 个"}, {Value: "2", Label: "100 元"}}},
			{Name: "why", Label: "原因", Type: "textarea"}, {Name: "ok", Label: "我已阅读并同意", Type: "checkbox", Required: true},
			{Name: "secret", Label: "密码", Type: "password", Value: "never shown"}}},
		"Bars": map[string]any{"Title": "按运营机构", "Rows": []map[string]any{{"Label": "工商银行", "Part": 30, "Whole": 100, "Text": "30"}, {"Label": "邮储银行", "Part": 75, "Whole": 100, "Text": "75"}}}}
}

func addGallery(s *site) {
	s.Pages.Add("gallery", fstest.MapFS{"templates/all.html": {Data: []byte(gallery)}})
	s.Engine.GET("/gallery", s.Handle(func(c *gin.Context) error { return s.Render(c, 200, "gallery/all.html", galleryData()) }))
}

func TestEveryComponentRenders(t *testing.T) {
	s := newSite(t)
	addGallery(s)
	for _, lang := range []string{"zh", "en"} {
		answer := s.do("GET", "/gallery", "", "Cookie", "lang="+lang)
		page := answer.Body.String()
		if answer.Code != 200 || s.log.Len() == 0 || strings.Contains(s.log.String(), "error=") {
			t.Fatalf("%s: %d %s", lang, answer.Code, s.log.String())
		}
		for _, never := range []string{"no value", "ZgotmplZ", "style=", "<script>", " onclick", "never shown", "%!", "map["} {
			if strings.Contains(page, never) {
				t.Errorf("%s: the page holds %q", lang, never)
			}
		}
		for _, want := range []string{`aria-invalid="true"`, `href="/b/1"`, "5e5e5e…5e5e5e", `stroke-dasharray="61.75 100"`, "20,000.00", `class="chip bad"`, "33.3%"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: %q is missing", lang, want)
			}
		}
	}
}

func TestMidnightIsTheEndOfTheDayBefore(t *testing.T) {
	midnight := time.Date(2020, 12, 27, 16, 0, 0, 0, time.UTC)
	if got := deadline("zh", midnight); got != "12 月 27 日 24:00" {
		t.Error(got)
	}
	if got := deadline("zh", midnight.Add(-4*time.Hour)); got != "12 月 27 日 20:00" {
		t.Error(got)
	}
}

func TestNumbers(t *testing.T) {
	for got, want := range map[string]string{
		Amount(money.Fen(-123456789)): "-1,234,567.89", Yuan(20000): "200", Yuan(int64(50)): "0.50", Count(1913847): "1,913,847",
		Count(999): "999", Share(0, 0): "–", Clock(time.Time{}): "–", Short("abc"): "abc",
		StatusOf("en", "campaign.closed").Word: "Registration closed", StatusOf("zh", "order.failed").Word: "失败", StatusOf("zh", "odd").Word: "odd",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
