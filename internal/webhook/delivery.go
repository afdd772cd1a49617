package webhook

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/fault"
)

// The statuses of a delivery: pending until the other side has answered 2xx, or until the last attempt has failed. Retry makes
// a failed one pending again.
const (
	Pending   = "pending"
	Delivered = "delivered"
	Failed    = "failed"
)

// pauses are the waits after each attempt that failed; after the last, a delivery has failed. Together about three days.
var pauses = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 8 * time.Hour, 24 * time.Hour, 36 * time.Hour}

// delivery is one event for one webhook. Its address is the webhook's when it is sent.
type delivery struct {
	ID, WebhookID, Seq int64
	Event, Campaign    string
	HappenedAt         database.Millis
	Status             string
	Attempts           int
	NextAt             database.Millis
	Answer             string
	DeliveredAt        database.Millis
}

// Delivery is an event for a webhook, as the delivery log shows it.
type Delivery struct {
	ID          int64           `json:"id"`
	Event       string          `json:"event"`
	Campaign    string          `json:"campaign"`
	HappenedAt  database.Millis `json:"happened_at"`
	Status      string          `json:"status"`
	Attempts    int             `json:"attempts"`
	NextAt      database.Millis `json:"next_at"` // of the next attempt, while pending
	Answer      string          `json:"answer"`  // what came of the last attempt
	DeliveredAt database.Millis `json:"delivered_at"`
}

// Message is the body of a delivery. The same event has the same id whenever it is sent.
type Message struct {
	ID       string    `json:"id"`
	Type     string    `json:"type"`
	City     string    `json:"city"`
	Campaign string    `json:"campaign"`
	At       time.Time `json:"at"`
}

// ErrNotFailed refuses to repeat what has not failed.
var ErrNotFailed = fault.New(fault.Conflict, "delivery-not-failed", "这次投递没有失败，无需重发。", "This delivery has not failed.")

const (
	batch = 100 // deliveries to one address in one run of the job
	lanes = 16  // addresses at once
)

// Jobs are the room's recurring work.
func (s *Service) Jobs() []database.Job {
	return []database.Job{{Name: "webhooks-deliver", ZH: "向各城市系统投递活动事件", Schedule: "* * * * *", Run: s.Deliver}}
}

// Deliver notes what has happened and sends what is due, and says how many events were noted or sent. Each address has its turn at the
// same time as the others, so that a slow one delays nobody else.
func (s *Service) Deliver(ctx context.Context) (n int, err error) {
	all, err := s.Webhooks(ctx, "*")
	if err != nil {
		return 0, err
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	slots := make(chan struct{}, lanes)
	for _, w := range all {
		if w.Status != Active {
			continue
		}
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			done, problem := s.serve(ctx, w)
			mu.Lock()
			defer mu.Unlock()
			n, err = n+done, errors.Join(err, problem)
		})
	}
	group.Wait()
	return n, err
}

// serve notes and sends the events of one address, in their order as far as it answers: after a failure the others wait for the next run.
func (s *Service) serve(ctx context.Context, w Webhook) (n int, err error) {
	if n, err = s.plan(ctx, w); err != nil {
		return n, err
	}
	due, err := dueDeliveries(s.DB.Read(ctx), w.ID, database.At(s.Now()), batch)
	for _, d := range due {
		delivered, err := s.attempt(ctx, w, d)
		if err != nil {
			return n, err
		}
		if n++; !delivered {
			break
		}
	}
	return n, err
}

// attempt sends one delivery and notes what came of it.
func (s *Service) attempt(ctx context.Context, w Webhook, d delivery) (delivered bool, err error) {
	answer, err := s.send(ctx, w, d)
	if err != nil && ctx.Err() != nil {
		return false, ctx.Err() // told to stop: it was not the other side's fault
	}
	done := d
	done.Attempts, done.Answer = d.Attempts+1, clip(answer)
	switch {
	case err == nil:
		done.Status, done.DeliveredAt = Delivered, database.At(s.Now())
	case d.Attempts < len(pauses):
		done.NextAt = database.At(s.Now().Add(pauses[d.Attempts]))
	default:
		done.Status = Failed
	}
	return done.Status == Delivered, s.DB.InTx(ctx, func(tx *gorm.DB) error { return noteAttempt(tx, done) })
}

// send posts a message and gives in words what was answered; an error is anything but a 2xx.
func (s *Service) send(ctx context.Context, w Webhook, d delivery) (string, error) {
	request, err := s.request(ctx, w, d)
	if err != nil {
		return "", err
	}
	response, err := s.http().Do(request)
	if err != nil {
		if errors.Is(err, errPrivate) {
			return errPrivate.Error(), err
		}
		return "no answer", err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16)) // so that the connection can be used again
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return response.Status, errors.New(response.Status)
	}
	return response.Status, nil
}

// request signs a message as Standard Webhooks has it: Ed25519 over id, moment and body.
func (s *Service) request(ctx context.Context, w Webhook, d delivery) (*http.Request, error) {
	id := fmt.Sprintf("evt_%d_%d", w.ID, d.Seq)
	body, err := json.Marshal(Message{id, d.Event, w.City, d.Campaign, d.HappenedAt.Time()})
	if err != nil {
		return nil, err
	}
	key, _, err := s.Key()
	if err != nil {
		return nil, err
	}
	stamp := strconv.FormatInt(s.Now().Unix(), 10)
	signature, err := key.Sign([]byte(id + "." + stamp + "." + string(body)))
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "hongbao-webhook/1")
	request.Header.Set("webhook-id", id)
	request.Header.Set("webhook-timestamp", stamp)
	request.Header.Set("webhook-signature", "v1a,"+base64.StdEncoding.EncodeToString(signature))
	return request, nil
}

func clip(text string) string { return text[:min(len(text), 200)] }

// Deliveries lists a webhook's deliveries, the newest first, from before the one with this id on (0: from the newest).
func (s *Service) Deliveries(ctx context.Context, webhook, before int64, limit int) ([]Delivery, error) {
	return listDeliveries(s.DB.Read(ctx), webhook, before, limit)
}

// Retry makes a failed delivery of a webhook due again, with all its attempts.
func (s *Service) Retry(ctx context.Context, actor string, w Webhook, id int64) error {
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		changed, err := retryDelivery(tx, w.ID, id, database.At(s.Now()))
		if err != nil {
			return err
		}
		if !changed {
			return ErrNotFailed
		}
		return s.record(tx, actor, "webhook.retried", w)
	})
}
