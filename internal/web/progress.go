package web

import (
	"bytes"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// Progress is how far long work has come. Rate and Left are sentences, as Pace makes them, or "".
type Progress struct {
	Title, Unit, Rate, Left, Note string
	Done, Whole                   int64
}

// Pace says how fast work goes that has done so much in this time, and how long the rest will take at that rate.
func Pace(c *gin.Context, done, whole int64, took time.Duration, unit string) (rate, left string) {
	minutes := took.Minutes()
	if done <= 0 || minutes <= 0 || done >= whole {
		return "", ""
	}
	perMinute := float64(done) / minutes
	rest := time.Duration(float64(whole-done) / perMinute * float64(time.Minute))
	return fmt.Sprintf(Tr(c, "每分钟约 %s %s", "about %s %s a minute"), Count(int64(max(1, perMinute))), unit),
		fmt.Sprintf(Tr(c, "约还需 %s", "about %s left"), span(c, rest))
}

// span says a length of time in words, rounded up to minutes.
func span(c *gin.Context, length time.Duration) string {
	minutes := int64((length + time.Minute - 1) / time.Minute)
	if minutes < 60 {
		return fmt.Sprintf(Tr(c, "%d 分钟", "%d min"), minutes)
	}
	return fmt.Sprintf(Tr(c, "%d 小时 %d 分钟", "%d h %d min"), minutes/60, minutes%60)
}

// streamLife bounds one answer of server-sent events, so that a server may stop and a closed session ends; the browser
// asks again by itself.
const streamLife = 15 * time.Second

// Stream answers with server-sent events: a block of a page, drawn anew at each beat and sent when it has changed. The page
// shows the same block at first, and without scripts that is all. build says whether more is to come; when nothing is, the
// event "end" tells the browser to ask no more.
func (w *Web) Stream(c *gin.Context, name, block string, beat time.Duration, build func() (data any, more bool, err error)) error {
	drawn, more, err := w.fragment(c, name, block, build)
	if err != nil {
		return err
	}
	c.Header("Content-Type", "text/event-stream; charset=utf-8")
	c.Header("X-Accel-Buffering", "no")
	c.Status(http.StatusOK)
	send(c, "message", drawn)
	ticker, end := time.NewTicker(beat), time.After(streamLife)
	defer ticker.Stop()
	for more {
		select {
		case <-c.Request.Context().Done():
			return nil
		case <-end:
			return nil
		case <-ticker.C:
		}
		now, goesOn, err := w.fragment(c, name, block, build)
		if err != nil {
			return err
		}
		if more = goesOn; !bytes.Equal(now, drawn) {
			send(c, "message", now)
			drawn = now
		}
	}
	send(c, "end", nil)
	return nil
}

func (w *Web) fragment(c *gin.Context, name, block string, build func() (data any, more bool, err error)) ([]byte, bool, error) {
	data, more, err := build()
	if err != nil {
		return nil, false, err
	}
	var out bytes.Buffer
	err = w.Pages.executeBlock(&out, Locale(c), name, block, data)
	return out.Bytes(), more, err
}

// send writes one event; a text of several lines is several data fields.
func send(c *gin.Context, event string, text []byte) {
	fmt.Fprintf(c.Writer, "event: %s\n", event)
	for line := range bytes.Lines(text) {
		fmt.Fprintf(c.Writer, "data: %s\n", bytes.TrimRight(line, "\r\n"))
	}
	if len(text) == 0 {
		fmt.Fprint(c.Writer, "data:\n")
	}
	fmt.Fprint(c.Writer, "\n")
	c.Writer.Flush()
}
