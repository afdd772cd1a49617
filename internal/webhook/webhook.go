// Package webhook tells a city's own systems what happens to its campaigns: registration opened, list sealed, result
// published, closed. A city names an HTTPS address; each event is posted there, signed, and again with growing pauses until
// it is taken. Events are read off the audit trail, so that none is told that did not happen and none is lost; a message
// holds the event, the campaign and the moment, and nothing about people or money.
package webhook

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"gorm.io/gorm"

	"hongbao/internal/audit"
	"hongbao/internal/database"
	"hongbao/internal/fault"
)

// The statuses of a webhook. A paused one goes on, when it is resumed, with what happens from then on.
const (
	Active = "active"
	Paused = "paused"
)

// Webhook is one address of a city that is told about its campaigns.
type Webhook struct {
	ID        int64           `json:"id"`
	City      string          `json:"city"`
	URL       string          `json:"url"`
	Status    string          `json:"status"`
	Seq       int64           `json:"-"` // the last entry of the audit trail that was looked at for it
	MadeBy    string          `json:"made_by"`
	CreatedAt database.Millis `json:"created_at" gorm:"autoCreateTime:false"`
}

// Service keeps webhooks and delivers events.
type Service struct {
	DB   *database.DB
	Now  func() time.Time
	City func(ctx context.Context, slug string) (string, error) // of a campaign
	Key  func() (note.Signer, string, error)                    // that signs, with its public half
	// Private lets webhooks go to loopback and private addresses and to plain HTTP: for rehearsals, and networks where that is meant.
	Private bool

	once   sync.Once
	client *http.Client // see http
}

// The reasons why a webhook is refused.
var (
	ErrURL     = fault.Field("url", "webhook-url", "应为 https 地址，不含用户名和片段，不超过500个字符。", "Must be an https address without user or fragment, of at most 500 characters.")
	ErrPrivate = fault.Field("url", "webhook-private", "不能指向本机或内网地址。", "Must not point to this machine or a private network.")
	ErrCity    = fault.Field("city", "city", "城市代码有误。", "This is not the code of a city.")
	ErrTaken   = fault.Field("url", "webhook-taken", "该城市已登记这个地址。", "The city has registered this address already.")
	ErrMissing = fault.New(fault.NotFound, "webhook-missing", "没有这个回调。", "There is no such webhook.")
	ErrStatus  = fault.Field("status", "status", "状态应为 active 或 paused。", "The status must be active or paused.")
)

var cityPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// Register takes an address for a city. It hears of what happens from now on.
func (s *Service) Register(ctx context.Context, actor, city, address string) (Webhook, error) {
	if !cityPattern.MatchString(city) {
		return Webhook{}, ErrCity
	}
	if err := s.checkURL(address); err != nil {
		return Webhook{}, err
	}
	made := Webhook{City: city, URL: address, Status: Active, MadeBy: actor, CreatedAt: database.At(s.Now())}
	err := s.DB.InTx(ctx, func(tx *gorm.DB) (err error) {
		if made.Seq, err = audit.Head(tx); err != nil {
			return err
		}
		if err := insertWebhook(tx, &made); err != nil {
			return err
		}
		return s.record(tx, actor, "webhook.registered", made)
	})
	if database.IsDuplicate(err) {
		return Webhook{}, ErrTaken
	}
	return made, err
}

// checkURL looks at the form of an address. Where it leads is looked at again when it is called, after its name is resolved.
func (s *Service) checkURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || len(address) > 500 || u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && !(s.Private && u.Scheme == "http") {
		return ErrURL
	}
	if strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ErrURL
	}
	if !s.Private && (strings.EqualFold(u.Hostname(), "localhost") || literalPrivate(u.Hostname())) {
		return ErrPrivate
	}
	return nil
}

// Webhooks lists those of a city, or of all cities when it is "*".
func (s *Service) Webhooks(ctx context.Context, city string) ([]Webhook, error) {
	return listWebhooks(s.DB.Read(ctx), city)
}

// Webhook finds one.
func (s *Service) Webhook(ctx context.Context, id int64) (Webhook, error) {
	return readWebhook(s.DB.Read(ctx), id)
}

// SetStatus pauses or resumes a webhook.
func (s *Service) SetStatus(ctx context.Context, actor string, id int64, to string) error {
	from, ok := map[string]string{Active: Paused, Paused: Active}[to]
	if !ok {
		return ErrStatus
	}
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		found, err := readWebhook(tx, id)
		if err != nil || found.Status == to {
			return err
		}
		seq, err := audit.Head(tx)
		if err != nil {
			return err
		}
		set := map[string]any{}
		if to == Active {
			set["seq"] = seq
		}
		if err := database.Advance(tx, "webhooks", id, from, to, set); err != nil {
			return err
		}
		found.Status = to
		return s.record(tx, actor, "webhook."+to, found)
	})
}

func (s *Service) record(tx *gorm.DB, actor, action string, w Webhook) error {
	return audit.Record(tx, audit.Entry{At: s.Now(), Actor: actor, Action: action, Subject: fmt.Sprintf("webhook %d", w.ID),
		Detail: map[string]any{"city": w.City, "url": w.URL}})
}
