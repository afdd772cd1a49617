package sandbox

import (
	"context"
	"net/http"
	"sync"
	"time"
)

const smsName = "sms"

// sms is the telecom operator: it takes messages from the platform, and every citizen can read those of the own phone. The
// city's other offices answer at the same address.
type sms struct {
	now     func() time.Time
	mu      sync.Mutex
	inboxes map[string][]message
}

// message is one SMS as the phone shows it.
type message struct {
	Body string    `json:"body"`
	At   time.Time `json:"at"`
}

func newSMS(now func() time.Time) *sms { return &sms{now: now, inboxes: map[string][]message{}} }

func (s *sms) routes(counts *counters) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /sms/v1/messages", counts.answers("sms", "", withToken(false, handle(s.take))))
	(&offices{}).routes(mux, counts)
	mux.HandleFunc("GET /sms/v1/inbox/{phone}", func(w http.ResponseWriter, r *http.Request) {
		write(w, map[string][]message{"messages": s.inbox(r.PathValue("phone"))}, nil)
	})
	return mux
}

type smsIn struct {
	Messages []struct {
		Phone string `json:"phone"`
		Body  string `json:"body"`
	} `json:"messages"`
}

func (s *sms) take(_ context.Context, in smsIn) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range in.Messages {
		if !isPhone(m.Phone) || m.Body == "" {
			return nil, refusal{http.StatusBadRequest, "message-malformed", "a message needs a phone of 11 digits and a body"}
		}
	}
	for _, m := range in.Messages {
		s.inboxes[m.Phone] = append(s.inboxes[m.Phone], message{m.Body, s.now().UTC()})
	}
	return map[string]int{"taken": len(in.Messages)}, nil
}

func (s *sms) inbox(phone string) []message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]message{}, s.inboxes[phone]...)
}
