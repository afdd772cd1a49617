package web

import (
	"strconv"

	"github.com/gin-gonic/gin"
)

// Figure is one number of a row of figures. Tone marks one that needs attention: "", "warn" or "bad". With a Whole, Part
// of it is drawn as a line.
type Figure struct {
	Label, Value, Unit, Note, URL, Tone string
	Part, Whole                         int64
}

// Table is the one table of the console and the public pages.
type Table struct {
	Caption string // what the rows are, for those who hear the page
	Columns []Column
	Rows    []Row
	Empty   Empty  // shown instead when there are no rows
	Next    string // address of the next page of rows, or ""
}

// Column heads a column; Number aligns it right with tabular figures.
type Column struct {
	Title  string
	Number bool
}

// Row is one line of a table. With URL its first cell opens the row's own page.
type Row struct {
	URL   string
	Cells []Cell
}

// Cell is one value. Kind is "" (text), "status", "hash", "time", "strong", "action" or "muted".
type Cell struct {
	Text, URL, Kind, Note string
	Action                *Form // for Kind "action": a form of one button
}

// Text, and its sisters below, make cells.
func Text(text string) Cell { return Cell{Text: text} }

// Link makes a cell that leads somewhere.
func Link(text, url string) Cell { return Cell{Text: text, URL: url} }

// Money makes a cell of an amount; the column should be a Number.
func Money(fen any) Cell { return Cell{Text: Amount(fen)} }

// Number makes a cell of a whole number.
func Number(n any) Cell { return Cell{Text: Count(n)} }

// When makes a cell of a time, to the second, in Asia/Shanghai.
func When(t any) Cell { return Cell{Text: Date(t), Kind: "time"} }

// State makes a cell of a status chip; code as in StatusOf.
func State(code string) Cell { return Cell{Text: code, Kind: "status"} }

// Digest makes a cell of a shortened digest that can be copied whole.
func Digest(digest any) Cell { return Cell{Text: HashText(digest), Kind: "hash"} }

// Act makes a cell of one button that posts.
func Act(form Form) Cell { return Cell{Kind: "action", Action: &form} }

// Empty says what fills an empty place and leads there.
type Empty struct {
	Title, Text, Action, URL string
}

// Form is the one form. Danger marks an act that cannot be undone: its button is drawn so and Warning says what will
// happen, in figures.
type Form struct {
	Action, Submit, Warning, Cancel string
	Method                          string // "get" for filters; otherwise post
	Upload, Danger, Quiet, Inline   bool
	Other, OtherAction              string // a second button, and where it sends the same fields
	Error                           string // an error that belongs to no field
	Fields                          []Field
	Hidden                          map[string]string
}

// Field is one input. Type is an HTML input type, or "select", "textarea", "checkbox", "radio".
type Field struct {
	Name, Label, Type, Value, Hint, Error, Placeholder string
	Autocomplete, InputMode, Pattern, Accept, Format   string // Format "document" or "phone": grouped as typed
	ID                                                 string // on the page; the name unless given, since two forms may ask for the same
	Check                                              string // where the text is posted as it is typed, to be told what is wrong with it
	MaxLength, Rows                                    int
	Required, Checked, Autofocus                       bool
	Options                                            []Option
}

// Option is one choice of a select or a radio field.
type Option struct {
	Value, Label, Note string
}

// Event is one step of a timeline. State is "done", "now" or "todo". Hash is a digest in hex and Meaning what it
// stands for in one sentence.
type Event struct {
	Title, At, Actor, Text, Hash, Meaning, State string
}

// PageOf reads the page number of a listing from ?page=, at least 1.
func PageOf(c *gin.Context) int {
	page, err := strconv.Atoi(c.Query("page"))
	if err != nil || page < 1 {
		return 1
	}
	return page
}

// NextPage is the address of the following page with the filters kept, or "" when the rows in hand do not fill a page.
func NextPage(c *gin.Context, rows, size int) string {
	if rows < size {
		return ""
	}
	query := c.Request.URL.Query()
	query.Set("page", strconv.Itoa(PageOf(c)+1))
	return c.Request.URL.Path + "?" + query.Encode()
}
