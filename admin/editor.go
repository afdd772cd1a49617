package admin

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"hongbao/campaign"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// seriesLead is how far ahead a copied campaign opens: time for its approval and for its notice to be witnessed.
const seriesLead = 14 * 24 * time.Hour

// newCampaign is the editor of a rule book: what is typed or uploaded comes back with every mistake and the budget by source.
// With ?from= it begins with the rule book of another campaign, moved ahead under a new id.
func (k *Console) newCampaign(c *gin.Context) (page, error) {
	text, err := k.editedText(c)
	if err != nil {
		return page{}, err
	}
	form := web.Form{Action: "/console/campaigns/new", Upload: true, Submit: web.Tr(c, "建立草稿", "Make a draft"), Other: web.Tr(c, "检查", "Check"), OtherAction: "/console/campaigns/check",
		Cancel: "/console/campaigns", Fields: []web.Field{
			{Name: "yaml", Type: "textarea", Rows: 24, Label: web.Tr(c, "规则书", "Rule book"), Value: text, Check: "/console/campaigns/check?part=findings"},
			{Name: "file", Type: "file", Label: web.Tr(c, "或上传文件", "Or upload a file"), Hint: web.Tr(c, "YAML，UTF-8 编码；上传的文件优先于上面的文字。", "YAML in UTF-8; a file counts instead of the text above."), Accept: ".yaml,.yml"}}}
	return page{Title: web.Tr(c, "新建活动", "New campaign"), State: web.Tr(c, "边写边查：错误指出行号，预算按来源核到分。有错不能保存。", "Checked as you type, with line numbers and the budget to the fen. What has mistakes is not saved."),
		Back: web.Tr(c, "活动", "Campaigns"), BackURL: "/console/campaigns", Script: "editor.js",
		Blocks: []block{{Columns: []block{{Form: &form}, {Name: "findings", Inside: findings(c, text)}}}}}, nil
}

// editedText is what the editor shows: what was sent, or the next rule book of a series, or nothing.
func (k *Console) editedText(c *gin.Context) (string, error) {
	if c.Request.Method == http.MethodPost {
		text, err := submittedText(c, "file", "yaml")
		return string(text), err
	}
	if c.Query("from") == "" {
		return "", nil
	}
	found, err := k.seenCampaign(c, c.Query("from"))
	if err != nil {
		return "", err
	}
	book, err := k.Campaigns.RuleBook(c.Request.Context(), found.ID)
	if err != nil {
		return "", err
	}
	all, err := k.Campaigns.List(c.Request.Context(), "")
	taken := make([]string, len(all))
	for i, one := range all {
		taken[i] = one.Slug
	}
	return string(book.Next(taken, k.Now().Add(seriesLead)).YAML()), err
}

// checkRuleBook says what is wrong with a rule book: as a page, or for the editor's script the findings alone.
func (k *Console) checkRuleBook(c *gin.Context) error {
	if c.Query("part") != "findings" {
		return k.render(c, k.newCampaign, nil)
	}
	text, err := submittedText(c, "file", "yaml")
	if err != nil {
		return err
	}
	return k.web.RenderBlock(c, "admin/page.html", "blocks", findings(c, string(text)))
}

// findings are what is to be said of a rule book's text.
func findings(c *gin.Context, text string) []block {
	if text == "" {
		return []block{{Table: &web.Table{Empty: web.Empty{Title: web.Tr(c, "还没有规则书", "No rule book yet"), Text: web.Tr(c, "粘贴、上传，或从已有活动复制。", "Paste one, upload one, or copy it from a campaign.")}}}}
	}
	review := campaign.ReviewRuleBook([]byte(text))
	blocks := []block{{Findings: mistakes(c, review)}}
	if len(review.Sources) > 0 {
		blocks = append(blocks, block{Title: web.Tr(c, "预算，按来源（元）", "Budget by source (yuan)"), Table: sumsTable(c, review.Sources)})
	}
	if book := review.Book; book != nil {
		blocks = append(blocks, block{Title: web.Tr(c, "时间", "Dates"), Facts: []fact{
			{Label: web.Tr(c, "编号", "Id"), Value: book.ID}, {Label: web.Tr(c, "城市", "City"), Value: book.City.Name.In(web.Locale(c))}, {Label: web.Tr(c, "红包", "Envelopes"), Value: web.Count(book.Envelopes())},
			{Label: web.Tr(c, "登记", "Registration"), Value: web.Clock(book.Windows.Open) + " – " + web.Clock(book.Windows.Close)}, {Label: web.Tr(c, "抽签", "Draw"), Value: web.Clock(book.Windows.Draw())},
			{Label: web.Tr(c, "消费", "Spending"), Value: web.Clock(book.Windows.SpendFrom) + " – " + web.Clock(book.Windows.SpendUntil)}}})
	}
	return blocks
}

func mistakes(c *gin.Context, review campaign.Review) *findingList {
	list := &findingList{Alert: alert{Tone: "success", Text: web.Tr(c, "没有发现错误，可以建立草稿。", "No mistake was found; a draft can be made.")}}
	if n := len(review.Mistakes); n > 0 {
		list.Alert = alert{Tone: "danger", Text: fmt.Sprintf(web.Tr(c, "发现 %d 处错误。", "%d mistakes were found."), n)}
	}
	for _, m := range review.Mistakes {
		list.Rows = append(list.Rows, finding{strconv.Itoa(m.Line), m.Field, m.Text.In(web.Locale(c))})
	}
	return list
}

func sumsTable(c *gin.Context, sums []campaign.SourceSum) *web.Table {
	table := &web.Table{Caption: web.Tr(c, "预算", "Budget"), Columns: heads(c, "来源", "Source", "#预算", "#Budget", "#红包合计", "#Envelopes", "#差额", "#Difference", "核对", "Proof")}
	for _, sum := range sums {
		proof := "ok"
		if sum.Amount != sum.HandedOut {
			proof = "error"
		}
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.Text(sum.Title.In(web.Locale(c))), web.Money(sum.Amount), web.Money(sum.HandedOut), web.Money(sum.Amount - sum.HandedOut), web.State(proof)}})
	}
	return table
}

// preview shows a campaign's page as citizens will see it at each stage.
func (k *Console) preview(c *gin.Context) error {
	found, book, err := k.theBook(c)
	if err != nil {
		return err
	}
	live := &campaign.Live{Campaign: found, Book: book}
	return k.web.Render(c, http.StatusOK, "campaign/home.html", live.Preview(web.Locale(c), c.Query("stage"), c.Request.URL.Path))
}
