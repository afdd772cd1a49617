package campaign

import (
	"context"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/audit"
	"hongbao/internal/database"
	"hongbao/internal/identity"
)

// Messages say when official SMS go out. In quiet hours nothing goes out but a confirmation code, for which somebody
// waits. Times of day are Asia/Shanghai. What a rule book leaves out is as in defaultMessages.
type Messages struct {
	QuietFrom    string        `yaml:"quiet_from,omitempty"`    // "21:30"
	QuietUntil   string        `yaml:"quiet_until,omitempty"`   // "08:00", of the next day if it is not after quiet_from
	WaveSize     int           `yaml:"wave_size,omitempty"`     // how many go out together
	WaveEvery    time.Duration `yaml:"wave_every,omitempty"`    // from one wave to the next
	RemindClaim  time.Duration `yaml:"remind_claim,omitempty"`  // before an envelope is lost to the waitlist
	RemindExpiry time.Duration `yaml:"remind_expiry,omitempty"` // before what is unspent goes back
}

var defaultMessages = Messages{QuietFrom: "21:30", QuietUntil: "08:00", WaveSize: 5000, WaveEvery: 5 * time.Minute,
	RemindClaim: 24 * time.Hour, RemindExpiry: 72 * time.Hour}

// Posting gives the rules of official SMS, complete.
func (rb *RuleBook) Posting() Messages {
	m, d := rb.Messages, defaultMessages
	if m.QuietFrom == "" {
		m.QuietFrom = d.QuietFrom
	}
	if m.QuietUntil == "" {
		m.QuietUntil = d.QuietUntil
	}
	if m.WaveSize == 0 {
		m.WaveSize = d.WaveSize
	}
	if m.WaveEvery == 0 {
		m.WaveEvery = d.WaveEvery
	}
	if m.RemindClaim == 0 {
		m.RemindClaim = d.RemindClaim
	}
	if m.RemindExpiry == 0 {
		m.RemindExpiry = d.RemindExpiry
	}
	return m
}

// minuteOf reads a time of day such as "08:00" as minutes since midnight.
func minuteOf(text string) (int, bool) {
	t, err := time.Parse("15:04", text)
	return t.Hour()*60 + t.Minute(), err == nil
}

// Awake is t, or the end of the quiet hours that t lies in.
func (m Messages) Awake(t time.Time) time.Time {
	from, _ := minuteOf(m.QuietFrom)
	until, _ := minuteOf(m.QuietUntil)
	local := t.In(Shanghai)
	now := local.Hour()*60 + local.Minute()
	morning := time.Date(local.Year(), local.Month(), local.Day(), 0, until, 0, 0, Shanghai)
	switch {
	case from < until && now >= from && now < until, from > until && now < until:
		return morning
	case from > until && now >= from:
		return morning.AddDate(0, 0, 1)
	}
	return t
}

func (rb *RuleBook) checkMessages(r *reading) {
	m := rb.Posting()
	for field, text := range map[string]string{"quiet_from": m.QuietFrom, "quiet_until": m.QuietUntil} {
		if _, ok := minuteOf(text); !ok {
			r.add("messages."+field, "应为一天中的时刻，如 21:30", "must be a time of day such as 21:30")
		}
	}
	if m.WaveSize < 1 || m.WaveSize > 1_000_000 {
		r.add("messages.wave_size", "应在 1 到 1000000 之间", "must be between 1 and 1000000")
	}
	if m.WaveEvery < time.Minute || m.WaveEvery > 24*time.Hour {
		r.add("messages.wave_every", "应在一分钟到一天之间", "must be between one minute and one day")
	}
	for field, span := range map[string]time.Duration{"remind_claim": m.RemindClaim, "remind_expiry": m.RemindExpiry} {
		if span < 12*time.Hour || span > 30*24*time.Hour { // shorter, and the quiet hours could swallow it
			r.add("messages."+field, "应在 12 小时到 30 天之间", "must be between 12 hours and 30 days")
		}
	}
}

// wave hands out the moments at which the messages of a stage go out: so many at once, then a pause.
type wave struct {
	rules Messages
	at    time.Time
	room  int
}

func (w *wave) next() time.Time {
	if w.room == 0 {
		w.at, w.room = w.rules.Awake(w.at.Add(w.rules.WaveEvery)), w.rules.WaveSize
	}
	w.room--
	return w.at
}

// openWave goes on with the last wave of a stage that is planned at or after from, or begins one.
func openWave(tx *gorm.DB, campaignID int64, stage string, rules Messages, from time.Time) (*wave, error) {
	w := &wave{rules: rules, at: rules.Awake(from), room: rules.WaveSize}
	due, n, err := lastWave(tx, campaignID, stage, database.At(w.at))
	if err == nil && n > 0 {
		w.at, w.room = due.Time(), max(0, rules.WaveSize-n)
	}
	return w, err
}

// Notify queues an official SMS of a stage for registrations, each once, within the caller's transaction. They go out in
// waves from the given moment on, outside the quiet hours.
func (s *Service) Notify(tx *gorm.DB, campaignID int64, stage string, from time.Time, registrationIDs ...int64) error {
	if _, ok := messageTexts[stage]; !ok {
		return errStage
	}
	live, err := s.live(tx.Statement.Context, campaignID)
	if err != nil {
		return err
	}
	w, err := openWave(tx, campaignID, stage, live.Book.Posting(), from)
	if err != nil {
		return err
	}
	list := make([]messageRow, len(registrationIDs))
	for i, id := range registrationIDs {
		list[i] = live.message(id, campaignID, stage, s.Now())
		list[i].DueAt = database.At(w.next())
	}
	return queueMessages(tx, list)
}

// StageTitles name the stages of official SMS, in the order of a campaign.
var StageTitles = []struct {
	Stage string
	Title Text
}{
	{StageConfirm, Text{"登记确认码", "Confirmation code"}},
	{StageExcluded, Text{"排除通知", "Not in the draw"}},
	{StageReversed, Text{"申诉成立通知", "Appeal granted"}},
	{StageUpheld, Text{"申诉未获支持通知", "Appeal not granted"}},
	{StageWon, Text{"中签通知", "You have won"}},
	{StagePromoted, Text{"候补中签通知", "Promoted from the waitlist"}},
	{StageReminder, Text{"领取提醒", "Reminder to claim"}},
	{StageWallet, Text{"开立钱包提醒", "Reminder to open the wallet"}},
	{StageCredited, Text{"到账通知", "Credited"}},
	{StageExpiring, Text{"到期提醒", "Reminder to spend"}},
	{StageExpired, Text{"到期收回通知", "Expired"}},
}

// MessageCount says how the official SMS of a stage stand. Planned = Waiting + Sent + Failed.
type MessageCount struct {
	Stage   string          `json:"stage"`
	Planned int64           `json:"planned"`
	Waiting int64           `json:"waiting"`
	Sent    int64           `json:"sent"`
	Failed  int64           `json:"failed"`
	NextAt  database.Millis `json:"next_at"` // when the next of those that wait goes out; 0 for none
	LastAt  database.Millis `json:"last_at"` // and the last
}

// MessageCounts counts a campaign's official SMS, stage by stage in the order of a campaign; stages without any are left out.
func (s *Service) MessageCounts(ctx context.Context, campaignID int64) ([]MessageCount, error) {
	found, err := messageCounts(s.DB.Read(ctx), campaignID)
	if err != nil {
		return nil, err
	}
	counts := []MessageCount{}
	for _, known := range StageTitles {
		if count, ok := found[known.Stage]; ok {
			counts = append(counts, count)
		}
	}
	return counts, nil
}

// RetryMessages lets a campaign's failed SMS be tried again, and says how many.
func (s *Service) RetryMessages(ctx context.Context, actor, slug string) (n int64, err error) {
	c, err := s.BySlug(ctx, slug)
	if err != nil {
		return 0, err
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if n, err = retryMessages(tx, c.ID, s.Now()); err != nil {
			return err
		}
		return audit.Record(tx, audit.Entry{At: s.Now(), Actor: actor, Action: "messages.retry", Campaign: slug, Subject: slug, Detail: map[string]any{"count": n}})
	})
	return n, err
}

// OfficialMessage is an official SMS as its receiver may look it up, to tell a true one from a forged one.
type OfficialMessage struct {
	ID     int64           `json:"-"`
	Number string          `json:"number"` // as it stands in the message; empty once the campaign's key is destroyed
	Stage  string          `json:"stage"`
	Body   string          `json:"body"` // a confirmation code is hidden
	Status string          `json:"status"`
	DueAt  database.Millis `json:"due_at"`
	SentAt database.Millis `json:"sent_at"`
}

// officialMessages lists what was sent to a registration's phone, or is about to be, newest first. Vault is nil once the campaign's key
// is destroyed.
func (s *Service) officialMessages(ctx context.Context, vault *identity.Vault, registrationID int64) ([]OfficialMessage, error) {
	list, err := messagesTo(s.DB.Read(ctx), registrationID)
	for i := range list {
		if vault != nil {
			list[i].Number = messageNumber(vault, list[i].ID)
		}
	}
	return list, err
}
