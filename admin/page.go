package admin

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"hongbao/internal/fault"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// page is a console page: a title, one sentence that says how things stand, the primary action, then blocks. Every
// page but the sign-in is one of these, shown by one template.
type page struct {
	Title, State, Chip, Action, URL, Back, BackURL string
	Script                                         string // a file of static/ that the page gains from
	Alert                                          *alert
	Blocks                                         []block
}

// alert is a notice at the head of a page; Tone as in the alert component.
type alert struct {
	Tone, Title, Text, Action, URL string
}

// block is one part of a page; it shows what it holds. Half blocks stand side by side where there is room.
type block struct {
	Title, Text string
	URL         string // that the title leads to
	Figures     []web.Figure
	Facts       []fact
	Filters     *web.Form
	Table       *web.Table
	Form        *web.Form
	Acts        []act
	Timeline    []web.Event
	Bars        *bars
	Chart       *web.Chart
	Parts       *web.Parts
	Progress    []web.Progress
	Code        string
	Columns     []block
	Findings    *findingList
	Name        string // of Inside, for the page's script
	Live        string // address of the events that draw Inside anew while work is under way
	Inside      []block
}

type fact struct {
	Label, Value, Hash, URL string
}

// findingList is what was found in a text, line by line.
type findingList struct {
	Alert alert
	Rows  []finding
}

type finding struct {
	Line, Field, Text string
}

type bars struct {
	Title string
	Rows  []bar
}

type bar struct {
	Label, Text string
	Aside       string // a second figure, in a column of its own
	Part, Whole int64
}

// act is something a member of staff can do: what will happen in words and figures, then its form.
type act struct {
	Title, Text string
	Form        web.Form
	Open        bool
}

// shows is a page's own function: it builds the page anew on every request.
type shows func(c *gin.Context) (page, error)

// show serves a page.
func (k *Console) show(build shows) gin.HandlerFunc {
	return k.web.Handle(func(c *gin.Context) error { return k.render(c, build, nil) })
}

// does serves a form's POST: when the act succeeds the browser goes to next with a sentence on what was done; when it is
// refused the page is shown again with the reason.
func (k *Console) does(build shows, do func(c *gin.Context) (next string, err error)) gin.HandlerFunc {
	return k.web.Handle(func(c *gin.Context) error {
		next, err := do(c)
		if err != nil {
			if fault.KindOf(err) >= fault.Internal {
				return err
			}
			return k.render(c, build, err)
		}
		c.Redirect(http.StatusSeeOther, next)
		return nil
	})
}

func (k *Console) render(c *gin.Context, build shows, refusal error) error {
	shown, err := build(c)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if refusal != nil {
		status = int(fault.KindOf(refusal))
		shown.Alert = &alert{Tone: "danger", Title: web.Tr(c, "没有办成", "This was refused"), Text: refusalText(c, refusal)}
	} else if done, ok := doneSentences[c.Query("done")]; ok {
		shown.Alert = &alert{Tone: "success", Text: web.Tr(c, done[0], done[1])}
	}
	number(shown.Blocks, map[string]int{})
	return k.web.Render(c, status, "admin/page.html", shown)
}

// number makes the ids of fields differ between the forms of a page, and within one; the first of a name keeps it plain.
func number(blocks []block, seen map[string]int) {
	for _, b := range blocks {
		for _, form := range b.forms() {
			for i := range form.Fields {
				field := &form.Fields[i]
				id := cmp.Or(field.ID, field.Name)
				if seen[id]++; seen[id] > 1 {
					field.ID = fmt.Sprintf("%s-%d", id, seen[id])
				}
			}
		}
		number(b.Columns, seen)
		number(b.Inside, seen)
	}
}

// forms are the forms that a block shows by itself.
func (b block) forms() (list []*web.Form) {
	for _, form := range []*web.Form{b.Filters, b.Form} {
		if form != nil {
			list = append(list, form)
		}
	}
	for i := range b.Acts {
		list = append(list, &b.Acts[i].Form)
	}
	if b.Table != nil {
		for _, row := range b.Table.Rows {
			for _, cell := range row.Cells {
				if cell.Action != nil {
					list = append(list, cell.Action)
				}
			}
		}
	}
	return list
}

func refusalText(c *gin.Context, err error) string {
	if field, sentence, ok := web.FieldError(c, err); ok {
		return field + web.Tr(c, "：", ": ") + sentence
	}
	return web.Sentence(c, err)
}

// doneSentences are what a page says after an act, by the code in ?done=.
var doneSentences = map[string][2]string{
	"asked":    {"已提交，等待另一位同事复核。", "Sent; it waits for a second person."},
	"approved": {"已批准，立即生效。", "Approved; it takes effect now."},
	"rejected": {"已驳回，经办人会看到您的理由。", "Rejected; the maker will see your reason."},
	"ran":      {"任务已运行完毕。", "The job has run."},
	"created":  {"已建立。", "Created."},
	"saved":    {"已保存。", "Saved."},
	"ordered":  {"已开始生成，完成后在下面下载。", "It is being made; download it below when it is done."},
	"started":  {"任务已开始运行，可以离开本页。", "The job has started; you may leave this page."},
	"checked":  {"核对完毕，结果见下。", "Checked; the results are below."},
}

// done is the address of a page that will say what was done.
func done(address, code string) string {
	if strings.Contains(address, "?") {
		return address + "&done=" + url.QueryEscape(code)
	}
	return address + "?done=" + url.QueryEscape(code)
}

var errConfirm = fault.Field("confirm", "confirm", "输入的编号与要操作的对象不一致，未执行任何操作。", "What you typed does not name what you are acting on; nothing was done.")

// confirmField asks to type the name of what is acted on.
func confirmField(c *gin.Context, name string) web.Field {
	return web.Field{Name: "confirm", Label: web.Tr(c, "输入 "+name+" 以确认", "Type "+name+" to confirm"),
		Required: true, Autocomplete: "off", Placeholder: name}
}

func confirmed(c *gin.Context, name string) error {
	if strings.TrimSpace(c.PostForm("confirm")) != name {
		return errConfirm
	}
	return nil
}
