package admin

import (
	"fmt"
	"net/url"

	"hongbao/internal/staff"
	"hongbao/internal/web"
	"hongbao/reporting"

	"github.com/gin-gonic/gin"
)

const reportRuns = 100

// reports lists what has been made, and makes more.
func (k *Console) reports(c *gin.Context) (page, error) {
	shown, chosen, field, err := k.onCampaign(c, page{Title: web.Tr(c, "报表", "Reports"), State: web.Tr(c, "每份报表都与总账核对，差一分也不放行。", "Each report is held against the ledger; one fen of difference and it is not released.")})
	if err != nil || chosen.ID == 0 {
		return shown, err
	}
	runs, err := k.Reports.Runs(c.Request.Context(), chosen.ID, 0, reportRuns)
	if err != nil {
		return shown, err
	}
	shown.Blocks = []block{{Filters: filters(c, field)}}
	if k.may(web.ActorOf(c), staff.ReportsMake) {
		shown.Blocks = append(shown.Blocks, block{Acts: []act{makeReport(c, chosen.Slug)}})
	}
	if made, under := reportBlocks(c, runs); under {
		shown.Blocks = append(shown.Blocks, block{Live: "/console/reports/" + chosen.Slug + "/live", Inside: made})
	} else {
		shown.Blocks = append(shown.Blocks, made...)
	}
	return shown, nil
}

// reportBlocks are the runs, with those under way counted; under says whether there are any.
func reportBlocks(c *gin.Context, runs []reporting.Run) (blocks []block, under bool) {
	table := web.Table{Caption: web.Tr(c, "报表", "Reports"), Columns: heads(c, "报表", "Report", "状态", "Status", "#行数", "#Rows", "内容指纹", "Digest", "生成", "Made", "下载", "Download"),
		Empty: web.Empty{Title: web.Tr(c, "还没有报表", "No reports yet"), Text: web.Tr(c, "选择一种报表生成即可。", "Choose one above to make it.")}}
	for _, run := range runs {
		under = under || run.Status == reporting.Queued || run.Status == reporting.Running
		table.Rows = append(table.Rows, reportRow(c, run))
	}
	if under {
		blocks = append(blocks, block{Text: web.Tr(c, "正在后台生成，可以离开本页，稍后回来下载。", "They are being made; you may leave this page and come back to download.")})
	}
	return append(blocks, block{Table: &table}), under
}

// followReports sends the runs whenever they change, until none is under way.
func (k *Console) followReports(c *gin.Context) error {
	found, err := k.theCampaign(c)
	if err != nil {
		return err
	}
	return k.web.Stream(c, "admin/page.html", "blocks", fastBeat, func() (any, bool, error) {
		runs, err := k.Reports.Runs(c.Request.Context(), found.ID, 0, reportRuns)
		blocks, under := reportBlocks(c, runs)
		return blocks, under, err
	})
}

func reportTitle(c *gin.Context, name string) string {
	report, ok := reporting.Find(name)
	if !ok {
		return name
	}
	return web.Tr(c, report.ZH, report.EN)
}

func reportRow(c *gin.Context, run reporting.Run) web.Row {
	title, made, file := web.Text(reportTitle(c, run.Name)), web.When(run.AskedAt), web.Text("")
	title.Note, made.Note = run.Number, run.MadeBy
	if run.Status == "done" {
		file = web.Link(run.Format+" · "+web.Tr(c, fmt.Sprintf("%d KB", (run.Size+1023)/1024), fmt.Sprintf("%d KB", (run.Size+1023)/1024)), fmt.Sprintf("/api/v1/admin/reports/%d/file", run.ID))
	}
	state := web.State(run.Status)
	state.Note = run.Error
	return web.Row{Cells: []web.Cell{title, state, web.Number(run.RowCount), web.Digest(run.Digest), made, file}}
}

func makeReport(c *gin.Context, slug string) act {
	which := web.Field{Name: "name", Label: web.Tr(c, "报表", "Report"), Type: "select", Value: c.PostForm("name"), Options: []web.Option{{Value: allReports, Label: web.Tr(c, "全套报表", "The whole set")}}}
	for _, report := range reporting.Catalogue() {
		which.Options = append(which.Options, web.Option{Value: report.Name, Label: web.Tr(c, report.ZH, report.EN)})
	}
	return act{Title: web.Tr(c, "生成报表", "Make a report"), Open: true, Form: web.Form{Action: "/console/reports/" + slug, Submit: web.Tr(c, "生成", "Make"), Inline: true, Fields: []web.Field{which, formatField(c)}}}
}

func formatField(c *gin.Context) web.Field {
	return web.Field{Name: "format", Label: web.Tr(c, "格式", "Format"), Type: "select", Options: []web.Option{{Value: reporting.XLSX, Label: "Excel (.xlsx)"}, {Value: reporting.CSV, Label: "CSV"}, {Value: reporting.JSONL, Label: "JSON Lines"}}}
}

const allReports = "all"

// makeReports orders one report or the whole catalogue; they are made in the background.
func (k *Console) makeReports(c *gin.Context) (string, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return "", err
	}
	names := []string{c.PostForm("name")}
	if names[0] == allReports {
		names = nil
		for _, report := range reporting.Catalogue() {
			names = append(names, report.Name)
		}
	}
	for _, name := range names {
		if _, err := k.Reports.Order(c.Request.Context(), reporting.Order{CampaignID: found.ID, Name: name, Format: c.PostForm("format"), By: web.ActorOf(c).Username}); err != nil {
			return "", err
		}
	}
	return done("/console/reports?campaign="+url.QueryEscape(found.Slug), "ordered"), nil
}
