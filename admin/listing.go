package admin

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"hongbao/internal/fault"
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

// statusFilter chooses one of these statuses. Codes may name their room, as in "campaign.open"; the address does not.
func statusFilter(c *gin.Context, chosen string, codes ...string) *web.Form {
	return filters(c, statusField(c, chosen, codes...))
}

func statusField(c *gin.Context, chosen string, codes ...string) web.Field {
	field := web.Field{Name: "status", Label: web.Tr(c, "状态", "Status"), Type: "select", Value: chosen}
	for _, code := range codes {
		value := code[strings.LastIndexByte(code, '.')+1:]
		field.Options = append(field.Options, web.Option{Value: value, Label: web.StatusOf(web.Locale(c), code).Word})
	}
	return field
}

// anyStatusField chooses one of these statuses or, as long as the address names none, all of them.
func anyStatusField(c *gin.Context, codes ...string) web.Field {
	field := statusField(c, c.Query("status"), codes...)
	field.Options = append([]web.Option{everything(c)}, field.Options...)
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

// rowInQuery is the id of the row that a list goes on from, 0 where the address names none.
func rowInQuery(c *gin.Context, name string) (int64, error) {
	id, err := strconv.ParseInt(cmp.Or(c.Query(name), "0"), 10, 64)
	if err != nil {
		return 0, fault.Field(name, "number", "编号必须是数字。", "The number must be a number.")
	}
	return id, nil
}

// nextFrom is the address of the rest of a list, its filters kept. The path is the list's own: a page that a POST shows again has another.
func nextFrom(c *gin.Context, path, name string, last any) string {
	query := c.Request.URL.Query()
	query.Set(name, fmt.Sprint(last))
	return path + "?" + query.Encode()
}
