package admin

import (
	"fmt"
	"io"

	"hongbao/campaign"
	"hongbao/internal/fault"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// listLimit bounds an uploaded list of documents or merchants in bytes.
const listLimit = 64 << 20

var errNoFile = fault.Field("file", "file", "没有收到文件。", "No file was received.")

// imported reads an uploaded list and shows the page again with what became of it, the refused lines first.
func (k *Console) imported(c *gin.Context, build shows, read func(slug string, file io.Reader) (campaign.Import, error)) (page, error) {
	found, err := k.theCampaign(c)
	if err != nil {
		return page{}, err
	}
	result, refusal := readUpload(c, found.Slug, read)
	if refusal != nil && fault.KindOf(refusal) >= fault.Internal {
		return page{}, refusal
	}
	shown, err := build(c)
	if err != nil {
		return shown, err
	}
	if refusal != nil {
		shown.Alert = &alert{Tone: "danger", Title: web.Tr(c, "没有导入", "Nothing was imported"), Text: refusalText(c, refusal)}
		return shown, nil
	}
	shown.Alert, shown.Blocks = importAlert(c, result), append(refusedLines(c, result), shown.Blocks...)
	return shown, nil
}

func readUpload(c *gin.Context, slug string, read func(slug string, file io.Reader) (campaign.Import, error)) (campaign.Import, error) {
	file, _, err := c.Request.FormFile("file")
	if err != nil {
		return campaign.Import{}, errNoFile.With(err)
	}
	defer func() { _ = file.Close() }() // only read from
	return read(slug, file)
}

func importAlert(c *gin.Context, result campaign.Import) *alert {
	refused := len(result.Rejected) + result.More
	text := web.Tr(c, fmt.Sprintf("读取 %s 行，新增 %s 行，退回 %s 行。", web.Count(result.Lines), web.Count(result.Imported), web.Count(refused)),
		fmt.Sprintf("%s lines read, %s new, %s refused.", web.Count(result.Lines), web.Count(result.Imported), web.Count(refused)))
	if refused > 0 {
		return &alert{Tone: "warning", Title: web.Tr(c, "已导入，有退回的行", "Imported, with lines refused"), Text: text}
	}
	return &alert{Tone: "success", Title: web.Tr(c, "已导入", "Imported"), Text: text}
}

// refusedLines lists what was not taken, without showing what stood there.
func refusedLines(c *gin.Context, result campaign.Import) []block {
	if len(result.Rejected) == 0 {
		return nil
	}
	table := &web.Table{Caption: web.Tr(c, "退回的行", "Refused lines"), Columns: heads(c, "#行", "#Line", "栏目", "Column", "原因", "Reason")}
	for _, line := range result.Rejected {
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.Number(line.Line), web.Text(line.Field), web.Text(web.Tr(c, line.ZH, line.EN))}})
	}
	return []block{{Title: web.Tr(c, "退回的行", "Refused lines"), Table: table}}
}
