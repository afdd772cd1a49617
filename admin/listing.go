package admin

import (
	"time"

	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// heads makes columns from pairs of a Chinese and an English title. A title that begins with "#" heads numbers.
func heads(c *gin.Context, titles ...string) []web.Column {
	columns := make([]web.Column, 0, len(titles)/2)
	for i := 0; i+1 < len(titles); i += 2 {
		title := web.Tr(c, titles[i], titles[i+1])
		if title[0] == '#' {
			columns = append(columns, web.Column{Title: title[1:], Number: true})
			continue
		}
		columns = append(columns, web.Column{Title: title})
	}
	return columns
}

// filters is a form whose choices live in the address.
func filters(c *gin.Context, fields ...web.Field) *web.Form {
	return &web.Form{Method: "get", Action: c.Request.URL.Path, Inline: true, Quiet: true, Submit: web.Tr(c, "筛选", "Filter"), Fields: fields}
}

// statusFilter chooses one of these statuses. Codes may name their room, as in "campaign.open".
func statusFilter(c *gin.Context, chosen string, codes ...string) *web.Form {
	return filters(c, statusField(c, chosen, codes...))
}

func statusField(c *gin.Context, chosen string, codes ...string) web.Field {
	field := web.Field{Name: "status", Label: web.Tr(c, "状态", "Status"), Type: "select", Value: chosen}
	for _, code := range codes {
		field.Options = append(field.Options, web.Option{Value: code, Label: web.StatusOf(web.Locale(c), code).Word})
	}
	return field
}

func everything(c *gin.Context) web.Option { return web.Option{Label: web.Tr(c, "全部", "All")} }

// moment shows a time that a room gives as RFC 3339, or a dash for none.
func moment(text string) string {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return "–"
	}
	return web.Date(at)
}
