package web

import (
	"net/http"
	"slices"
	"strconv"

	"hongbao/internal/fault"

	"github.com/gin-gonic/gin"
)

const (
	listLimit = 100 // rows of a list unless asked for otherwise
	maxLimit  = 1000
)

var (
	errCursor = fault.Field("cursor", "cursor", "游标应取自上一页的 next。", "The cursor is the next of the page before.")
	errLimit  = fault.Field("limit", "limit", "每页应为1到1000行。", "A page has 1 to 1,000 rows.")
)

// Listed documents an answer that is a page of a list: rows under a name, and next where there is more.
type Listed struct {
	name string
	row  any
}

// List documents an Answer that WriteList writes: pages of rows of the type of row.
func List(name string, row any) Listed { return Listed{name, row} }

// Window is the page of a list that is asked for: Limit rows after the one whose id is After; 0 is from the beginning.
type Window struct {
	After int64
	Limit int
}

// WindowOf reads ?cursor= and ?limit=.
func WindowOf(c *gin.Context) (w Window, err error) {
	w.Limit = listLimit
	if text := c.Query("cursor"); text != "" {
		if w.After, err = strconv.ParseInt(text, 36, 64); err != nil || w.After < 1 {
			return w, errCursor
		}
	}
	if text := c.Query("limit"); text != "" {
		if w.Limit, err = strconv.Atoi(text); err != nil || w.Limit < 1 || w.Limit > maxLimit {
			return w, errLimit
		}
	}
	return w, nil
}

// WriteList answers a page. Rows are in the order of the list and one more than the window's limit where there are more; id
// is what After means.
func WriteList[T any](c *gin.Context, w Window, name string, rows []T, err error, id func(T) int64) error {
	if err != nil {
		return err
	}
	answer := gin.H{name: append([]T{}, rows[:min(len(rows), w.Limit)]...)}
	if cursor := next(w, rows, id); cursor != "" {
		answer["next"] = cursor
	}
	c.JSON(http.StatusOK, answer)
	return nil
}

func next[T any](w Window, rows []T, id func(T) int64) string {
	if len(rows) <= w.Limit {
		return ""
	}
	return strconv.FormatInt(id(rows[w.Limit-1]), 36)
}

// NextURL is the address of a page's own next page, with all its filters, or "" on the last.
func NextURL[T any](c *gin.Context, w Window, rows []T, id func(T) int64) string {
	cursor := next(w, rows, id)
	if cursor == "" {
		return ""
	}
	query := c.Request.URL.Query()
	query.Set("cursor", cursor)
	return c.Request.URL.Path + "?" + query.Encode()
}

// WriteAll answers a page of a list that is short enough to be read whole: the rows after the one that the cursor names.
func WriteAll[T any](c *gin.Context, name string, rows []T, err error, id func(T) int64) error {
	if err != nil {
		return err
	}
	w, err := WindowOf(c)
	if err != nil {
		return err
	}
	if w.After > 0 {
		i := slices.IndexFunc(rows, func(row T) bool { return id(row) == w.After })
		if i < 0 {
			return errCursor
		}
		rows = rows[i+1:]
	}
	return WriteList(c, w, name, rows, nil, id)
}
