package web

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gin-gonic/gin"
)

const charts = `{{template "public" .}}{{define "title"}}charts{{end}}{{define "main"}}{{template "chart" .Line}}{{template "chart" .Columns}}{{template "chart" .None}}{{template "parts" .Parts}}
<div data-live="/beats">{{template "beat" .Progress}}</div>{{end}}{{define "beat"}}{{template "progress" .}}{{end}}`

func addCharts(s *site) {
	s.Pages.Add("charts", fstest.MapFS{"templates/all.html": {Data: []byte(charts)}})
	points := []Point{{"00:00", "30", 30}, {"01:00", "0", 0}, {"02:00", "120", 120}, {"03:00", "70", 70}, {"04:00", "9", 9}, {"05:00", "12", 12}}
	heads := [2]string{"小时", "人"}
	s.Engine.GET("/charts", s.Handle(func(c *gin.Context) error {
		rate, left := Pace(c, 400, 1000, 4*time.Minute, "笔")
		return s.Render(c, http.StatusOK, "charts/all.html", gin.H{"Line": Chart{Title: "登记", Kind: "line", Heads: heads, Points: points}, "Columns": Chart{Title: "一天", Heads: heads, Points: points[:1]},
			"None": Chart{Title: "没有", Empty: Empty{Title: "还没有登记"}}, "Parts": Parts{Title: "资金", Whole: 400, Rows: []Part{{"在途", "1.00", 100}, {"已消费", "3.00", 300}}},
			"Progress": Progress{Title: "发放", Unit: "笔", Done: 400, Whole: 1000, Rate: rate, Left: left}})
	}))
}

func TestChartsAreDrawn(t *testing.T) {
	s := newSite(t)
	addCharts(s)
	page := s.do("GET", "/charts", "").Body.String()
	for _, want := range []string{"<span>200</span><span>100</span><span>0</span>", `d="M0.0 170.0L200.0 200.0L400.0 80.0L600.0 130.0L800.0 191.0L1000.0 188.0"`, "V200H0Z", "<span>00:00</span><span>01:00</span><span>02:00</span><span>03:00</span><span>05:00</span>",
		"还没有登记", `x="25.00" width="75.00"`, "75.0%", "每分钟约 100 笔", "约还需 6 分钟", `max="1000" value="400"`} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing", want)
		}
	}
	for value, top := range map[int64]int64{0: 4, 4: 4, 5: 10, 11: 20, 21: 50, 51: 100, 100: 100, 101: 200, 1_913_847: 2_000_000} {
		if got := (Chart{Points: []Point{{Value: value}}}).Top(); got != top {
			t.Errorf("the scale for %d ends at %d, want %d", value, got, top)
		}
	}
}

// A stream sends a block when it has changed, and says when nothing more is to come.
func TestStreamFollowsTheWork(t *testing.T) {
	s := newSite(t)
	addCharts(s)
	done := int64(0)
	s.Engine.GET("/beats", s.Handle(func(c *gin.Context) error {
		return s.Stream(c, "charts/all.html", "beat", time.Millisecond, func() (any, bool, error) {
			done++
			return Progress{Title: "发放", Done: done / 2, Whole: 3}, done < 6, nil
		})
	}))
	answer := s.do("GET", "/beats", "")
	text := answer.Body.String()
	if kind := answer.Header().Get("Content-Type"); kind != "text/event-stream; charset=utf-8" || answer.Code != http.StatusOK {
		t.Fatalf("%d %s", answer.Code, kind)
	}
	events := strings.Split(strings.TrimSuffix(text, "\n\n"), "\n\n")
	if len(events) != 5 || events[4] != "event: end\ndata:" {
		t.Fatalf("%d events: %s", len(events), text)
	}
	for i, event := range events[:4] {
		if !strings.Contains(event, fmt.Sprintf(`value="%d"`, i)) || !strings.HasPrefix(event, "event: message\ndata: <div") {
			t.Errorf("event %d: %s", i, event)
		}
	}
}
