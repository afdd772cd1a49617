package campaign

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/testkit"
)

// Every official message repeats the receiver's code word and has a number; both are in no row in clear.
func TestAMessageTellsWhetherItIsGenuine(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := newWorld(t, db), context.Background()
		c := w.open(suzhou(t, anyone...))
		sub, other := person(c.Slug, 1), person(c.Slug, 2)
		sub.CodeWord = "桂花糖藕"
		first, err := w.Register(ctx, sub)
		second, err2 := w.Register(ctx, other)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(10 * time.Hour) // by day
		if got := w.check(""); got != "" {
			t.Errorf("nothing: %s", got)
		}
		if err := db.InTx(ctx, func(tx *gorm.DB) error { return w.Notify(tx, c.ID, StageWon, w.Now(), first.ID, second.ID) }); err != nil {
			t.Fatal(err)
		}
		if got := w.check("1-ABCDEF"); got != MessageUnknown {
			t.Errorf("before it was sent: %s", got)
		}
		if n, err := w.SendMessages(ctx); n != 2 || err != nil {
			t.Fatal(n, err)
		}
		text := w.inbox.last(sub.Phone)
		if !strings.Contains(text, "您的暗语：桂花糖藕。") || strings.Contains(w.inbox.last(other.Phone), "暗语") || strings.Contains(text, "http") {
			t.Errorf("%q and %q", text, w.inbox.last(other.Phone))
		}
		if n := w.count("SELECT COUNT(*) FROM messages WHERE body LIKE '%桂花%'"); n != 0 {
			t.Error("the code word stands in the database")
		}
		_, number, _ := strings.Cut(strings.TrimSuffix(text, "。"), "编号 ")
		for name, tried := range map[string]struct{ text, want string }{
			"as it came":          {text, MessageGenuine},
			"copied with blanks":  {"  " + strings.ReplaceAll(text, "。", "。\n") + "\n", MessageGenuine},
			"full width":          {strings.NewReplacer("-", "－", "1", "１").Replace(text), MessageGenuine},
			"the number":          {number, MessageNumber},
			"the number, small":   {"编号 " + strings.ToLower(number) + "。", MessageNumber},
			"without code word":   {strings.Replace(text, "您的暗语：桂花糖藕。", "", 1), MessageAltered},
			"with a link":         {strings.Replace(text, "官方短信不含链接", "请点击 http://x.cn", 1), MessageAltered},
			"another's number":    {strings.Replace(text, number, strings.TrimSuffix(w.inbox.last(other.Phone)[strings.LastIndex(w.inbox.last(other.Phone), " ")+1:], "。"), 1), MessageAltered},
			"an invented number":  {strings.Replace(text, number, number[:len(number)-1]+map[bool]string{true: "B", false: "A"}[strings.HasSuffix(number, "A")], 1), MessageUnknown},
			"a number too great":  {"999999999999999999-ABCDEF", MessageUnknown},
			"no number":           {"恭喜中签，请点击 http://x.cn 领取", MessageUnknown},
			"like a code":         {"【苏州市】登记验证码 123456，10 分钟内有效。", MessageCode},
			"too long":            {strings.Repeat("长", 501), ""},
			"with a control sign": {"a\x00b", ""},
		} {
			if got := w.check(tried.text); got != tried.want {
				t.Errorf("%s: %q, want %q", name, got, tried.want)
			}
		}
		checked, err := w.CheckMessage(ctx, text)
		if err != nil || checked.Campaign != c.Slug || checked.SentAt != database.At(w.Now()) || strings.Contains(checked.Body, "桂花") || strings.Contains(checked.Body, number) {
			t.Errorf("%+v, %v", checked, err)
		}
		if _, err := w.Forget(ctx, first.ID); err != nil {
			t.Fatal(err)
		}
		if got := w.check(number); got != MessageNumber {
			t.Errorf("after the person has gone: %s", got)
		}
	})
}

// check gives the outcome, "" for a text that is refused.
func (w *world) check(text string) string {
	w.t.Helper()
	checked, err := w.CheckMessage(context.Background(), text)
	if err != nil && !errors.Is(err, errMessageText) {
		w.t.Fatal(err)
	}
	return checked.Outcome
}

func TestCheckingAMessageOverHTTP(t *testing.T) {
	s := newSite(t)
	c := s.open(suzhou(t, anyone...))
	sub := person(c.Slug, 1)
	sub.CodeWord = "smile42"
	receipt, err := s.Register(context.Background(), sub)
	s.clock.Advance(10 * time.Hour)
	if err == nil {
		err = s.DB.InTx(context.Background(), func(tx *gorm.DB) error { return s.Notify(tx, c.ID, StageWon, s.Now(), receipt.ID) })
	}
	if err == nil {
		_, err = s.SendMessages(context.Background())
	}
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{s.inbox.last(sub.Phone): "这是官方短信", "中奖了": "平台没有发过", "": errMessageText.ZH} {
		status, page := s.send("POST", "/check", "", "application/x-www-form-urlencoded", url.Values{"text": {text}}.Encode())
		if status != map[bool]int{true: 200, false: 400}[text != ""] || !strings.Contains(page, want) || strings.Contains(page, sub.Phone) {
			t.Errorf("%q: %d %s", text, status, page)
		}
	}
	for _, lang := range []string{"zh", "en"} {
		if status, page := s.send("GET", "/check?lang="+lang, "", "", ""); status != 200 || !strings.Contains(page, "</html>") {
			t.Errorf("in %s: %d", lang, status)
		}
	}
	var checked Checked
	if status := s.json("POST", "/api/v1/messages/check", "", `{"text":"中奖了"}`, &checked); status != 200 || checked.Outcome != MessageUnknown {
		t.Errorf("%d %+v", status, checked)
	}
}
