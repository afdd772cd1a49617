package campaign

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/testkit"
)

func TestQuietHours(t *testing.T) {
	day := func(hour, minute int) time.Time { return time.Date(2020, 12, 11, hour, minute, 0, 0, Shanghai) }
	night, noon := Messages{QuietFrom: "21:30", QuietUntil: "08:00"}, Messages{QuietFrom: "12:00", QuietUntil: "14:00"}
	for _, c := range []struct {
		rules   Messages
		at, out time.Time
	}{
		{night, day(7, 59), day(8, 0)}, {night, day(8, 0), day(8, 0)}, {night, day(21, 29), day(21, 29)},
		{night, day(21, 30), day(8, 0).AddDate(0, 0, 1)}, {night, day(0, 0), day(8, 0)},
		{noon, day(12, 0), day(14, 0)}, {noon, day(14, 0), day(14, 0)}, {noon, day(3, 0), day(3, 0)},
	} {
		if out := c.rules.Awake(c.at); !out.Equal(c.out) {
			t.Errorf("%v at %s: %s, want %s", c.rules, c.at, out, c.out)
		}
	}
}

// Winners are told in waves that end before the quiet hours and go on after them; none is told twice, no text holds a link.
func TestMessagesGoOutInWaves(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := newWorld(t, db), context.Background()
		c := w.open(suzhou(t, append([]string{"confirmation: one-step", "confirmation: one-step\nmessages: {wave_size: 2, wave_every: 10m, quiet_from: \"20:00\"}"}, anyone...)...))
		var ids []int64
		for i := range 5 {
			receipt, err := w.Register(ctx, person(c.Slug, i))
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, receipt.ID)
		}
		start := time.Date(2020, 12, 11, 19, 45, 0, 0, Shanghai)
		w.clock.Set(start.Add(-time.Hour))
		for _, part := range [][]int64{ids[:3], ids[3:], ids} { // who is named twice gets one message
			if err := w.DB.InTx(ctx, func(tx *gorm.DB) error { return w.Notify(tx, c.ID, StageWon, start, part...) }); err != nil {
				t.Fatal(err)
			}
		}
		sentAt := func(at time.Time) int {
			w.clock.Set(at)
			n, err := w.SendMessages(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		morning := time.Date(2020, 12, 12, 8, 0, 0, 0, Shanghai)
		got := []int{sentAt(start.Add(-time.Minute)), sentAt(start), sentAt(start.Add(9 * time.Minute)), sentAt(start.Add(10 * time.Minute)),
			sentAt(start.Add(20 * time.Minute)), sentAt(morning.Add(-time.Minute)), sentAt(morning), sentAt(morning.Add(time.Hour))}
		if want := []int{0, 2, 0, 2, 0, 0, 1, 0}; !slices.Equal(got, want) {
			t.Errorf("sent %v, want %v", got, want)
		}
		for i := range 5 {
			text := w.inbox.last(phoneOf(i))
			if !strings.Contains(text, "中签") || !strings.Contains(text, noLink) || strings.Contains(text, "http") || strings.Contains(text, "www") {
				t.Errorf("%q", text)
			}
		}
		counts, err := w.MessageCounts(ctx, c.ID)
		if err != nil || len(counts) != 1 || counts[0].Planned != 5 || counts[0].Sent != 5 {
			t.Errorf("%+v, %v", counts, err)
		}
		data, err := w.MyData(ctx, ids[0])
		mine := data.Messages
		if err != nil || len(mine) != 1 || mine[0].Status != messageSent || !strings.Contains(w.inbox.last(phoneOf(0)), "编号 "+mine[0].Number+"。") {
			t.Errorf("%+v, %v", mine, err)
		}
	})
}

// A backlog that the evening finds goes on in the morning, and what has failed is tried again on demand.
func TestMessagesWaitForTheMorning(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := newWorld(t, db), context.Background()
		c := w.open(suzhou(t, anyone...))
		receipt, err := w.Register(ctx, person(c.Slug, 1))
		if err != nil {
			t.Fatal(err)
		}
		evening := time.Date(2020, 12, 11, 21, 0, 0, 0, Shanghai)
		w.clock.Set(evening)
		if err := w.DB.InTx(ctx, func(tx *gorm.DB) error { return w.Notify(tx, c.ID, StageReminder, evening, receipt.ID) }); err != nil {
			t.Fatal(err)
		}
		w.clock.Set(evening.Add(time.Hour))
		if n, err := w.SendMessages(ctx); n != 0 || err != nil || w.inbox.last(phoneOf(1)) != "" {
			t.Errorf("sent %d in quiet hours, %v", n, err)
		}
		w.inbox.fail = true
		for at := time.Date(2020, 12, 12, 8, 0, 0, 0, Shanghai); at.Hour() == 8; at = at.Add(6 * time.Minute) {
			w.clock.Set(at)
			if _, err := w.SendMessages(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if counts, err := w.MessageCounts(ctx, c.ID); err != nil || counts[0].Failed != 1 {
			t.Fatalf("%+v, %v", counts, err)
		}
		w.inbox.fail = false
		if n, err := w.RetryMessages(ctx, "city-admin", c.Slug); n != 1 || err != nil {
			t.Errorf("%d tried again, %v", n, err)
		}
		if n, err := w.SendMessages(ctx); n != 1 || err != nil {
			t.Errorf("sent %d, %v", n, err)
		}
	})
}
