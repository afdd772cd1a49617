package campaign

import (
	"fmt"
	"strings"
	"time"
)

// Shanghai is the zone of every moment in a rule book: UTC+8 all year.
var Shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

// Windows are the moments of a campaign, in their order. Each window is half-open: from its beginning up to, not
// including, its end.
type Windows struct {
	Notice     time.Time     `yaml:"notice" json:"notice"`           // the notice must be public and cosigned by then
	Open       time.Time     `yaml:"open" json:"open"`               // registration opens
	Close      time.Time     `yaml:"close" json:"close"`             // registration closes
	Review     time.Duration `yaml:"review,omitempty" json:"-"`      // from close to the freeze: risk rules are looked at, appeals decided
	DrawDelay  time.Duration `yaml:"draw_delay" json:"-"`            // from close to the beacon round
	ClaimFrom  time.Time     `yaml:"claim_from" json:"claim_from"`   // winners are told and can claim
	ClaimUntil time.Time     `yaml:"claim_until" json:"claim_until"` // an unclaimed envelope then goes to the waitlist
	WaitUntil  time.Time     `yaml:"wait_until" json:"wait_until"`   // the last moment for those promoted from it
	SpendFrom  time.Time     `yaml:"spend_from" json:"spend_from"`
	SpendUntil time.Time     `yaml:"spend_until" json:"spend_until"` // what is unspent then goes back to its source
}

const momentLayout = "2006-01-02 15:04"

func parseMoment(text string) (time.Time, error) {
	day, midnight := strings.CutSuffix(text, " 24:00")
	if midnight {
		t, err := time.ParseInLocation(time.DateOnly, day, Shanghai)
		return t.AddDate(0, 0, 1), err
	}
	for _, layout := range []string{momentLayout, "2006-01-02 15:04:05"} {
		if t, err := time.ParseInLocation(layout, text, Shanghai); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("campaign: %q is not a moment", text)
}

func formatMoment(t time.Time) string {
	t = t.In(Shanghai)
	if t.Second() != 0 {
		return `"` + t.Format("2006-01-02 15:04:05") + `"`
	}
	return `"` + t.Format(momentLayout) + `"`
}

// Draw is the moment of the draw: the beacon round is the first at or after it.
func (w Windows) Draw() time.Time { return w.Close.Add(w.DrawDelay) }

// maxDrawDelay keeps the draw near its registration; the longest pilot took five days.
const maxDrawDelay = 30 * 24 * time.Hour

func (w Windows) check(r *reading) {
	if w.DrawDelay < time.Minute || w.DrawDelay > maxDrawDelay {
		r.add("windows.draw_delay", "应在一分钟到三十天之间", "must be between one minute and thirty days")
	}
	for _, o := range []struct {
		field, before string
		early, late   time.Time
		mayEqual      bool
	}{
		{"open", "notice", w.Notice, w.Open, false},
		{"close", "open", w.Open, w.Close, false},
		{"claim_from", "close + draw_delay", w.Draw(), w.ClaimFrom, false},
		{"claim_until", "claim_from", w.ClaimFrom, w.ClaimUntil, false},
		{"wait_until", "claim_until", w.ClaimUntil, w.WaitUntil, true},
		{"spend_from", "claim_from", w.ClaimFrom, w.SpendFrom, true},
		{"spend_until", "spend_from", w.SpendFrom, w.SpendUntil, false},
		{"spend_until", "wait_until", w.WaitUntil, w.SpendUntil, true},
	} {
		if o.late.Before(o.early) || !o.mayEqual && o.late.Equal(o.early) {
			r.add("windows."+o.field, "时间顺序不对：应晚于 %s", "is out of order: must come after %s", o.before)
		}
	}
}

// Moved gives the rule book under another id with every moment later by the given time: for demonstrations and for
// the next campaign of a series.
func (rb *RuleBook) Moved(id string, by time.Duration) *RuleBook {
	moved := rb.derive()
	moved.ID = id
	w := &moved.Windows
	for _, t := range []*time.Time{&w.Notice, &w.Open, &w.Close, &w.ClaimFrom, &w.ClaimUntil, &w.WaitUntil, &w.SpendFrom, &w.SpendUntil} {
		*t = t.Add(by)
	}
	return moved
}
