package admin

import (
	"fmt"
	"runtime"

	"hongbao/internal/database"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// system is the page about the program itself.
func (k *Console) system(c *gin.Context) (page, error) {
	migrations, err := database.Status(c.Request.Context(), k.DB)
	if err != nil {
		return page{}, err
	}
	shown := page{Title: web.Tr(c, "系统", "System"), State: web.Tr(c, "程序与数据库。", "The program and its database.")}
	shown.Blocks = []block{
		{Facts: []fact{
			{Label: web.Tr(c, "版本", "Version"), Value: k.Version + " · " + runtime.Version()},
			{Label: web.Tr(c, "环境", "Environment"), Value: web.Tr(c, map[bool]string{true: "正式", false: "彩排"}[k.web.Environment == "live"], k.web.Environment)},
			{Label: web.Tr(c, "数据库", "Database"), Value: k.DB.Dialect()},
			{Label: web.Tr(c, "系统时间", "System time"), Value: web.Date(k.Now())},
		}},
		{Facts: []fact{{Label: web.Tr(c, "任务", "Jobs"), Value: web.Tr(c, fmt.Sprintf("%d 项自动任务", len(k.Jobs)), fmt.Sprintf("%d recurring jobs", len(k.Jobs))), URL: "/console/system/jobs"}}},
	}
	table := migrationTable(c, migrations)
	shown.Blocks = append(shown.Blocks, block{Title: web.Tr(c, "数据库结构", "Schema"), Table: &table})
	return shown, nil
}

func migrationTable(c *gin.Context, migrations []database.MigrationStatus) web.Table {
	table := web.Table{Caption: web.Tr(c, "数据库结构", "Schema"), Columns: heads(c, "版本", "Version", "步骤", "Steps", "应用时间", "Applied at")}
	for _, m := range migrations {
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.Text(fmt.Sprintf("%04d %s", m.Version, m.Name)), web.Text(fmt.Sprintf("%d/%d", m.Applied, m.Steps)), web.When(m.AppliedAt)}})
	}
	return table
}
