package sandbox

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"hongbao/disbursement"
)

// outbox holds the events that the platform has not acknowledged. A delivery runs one at a time.
type outbox struct {
	delivering sync.Mutex
	mu         sync.Mutex
	items      []letter
}

// letter is one event on its way.
type letter struct {
	event disbursement.Event
	due   time.Time
	tries int
}

// How long a delayed event and a duplicate wait, and the pauses between deliveries that the platform did not acknowledge.
const (
	delay         = 5 * time.Minute
	duplicateWait = time.Minute
	eventBatch    = 100
)

var pauses = []time.Duration{0, 15 * time.Second, 15 * time.Second, 30 * time.Second, 3 * time.Minute, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute, time.Hour}

// announce queues an event, or what the faults make of it.
func (b *bank) announce(e disbursement.Event) {
	now := b.now()
	f := b.dice.roll("event", e.EventNo)
	if f != calm {
		b.counts.add("fault:" + string(f))
	}
	switch f {
	case lost:
		return
	case delayed:
		now = now.Add(delay)
	case duplicated:
		b.outbox.put(letter{event: e, due: now.Add(duplicateWait)})
	}
	b.outbox.put(letter{event: e, due: now})
}

func (o *outbox) put(letters ...letter) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.items = append(o.items, letters...)
}

// take removes up to a batch of letters that are due, the newest first: events of one batch are never in order.
func (o *outbox) take(due func(letter) bool) []letter {
	o.mu.Lock()
	defer o.mu.Unlock()
	var taken []letter
	o.items = slices.DeleteFunc(o.items, func(l letter) bool {
		if len(taken) == eventBatch || !due(l) {
			return false
		}
		taken = append(taken, l)
		return true
	})
	slices.Reverse(taken)
	return taken
}

func (o *outbox) size() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.items)
}

// deliverForever sends events when they are due, by the street's clock.
func (b *bank) deliverForever(ctx context.Context) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			b.deliverDue(ctx)
		}
	}
}

func (b *bank) deliverDue(ctx context.Context) {
	if *b.street.platform.Load() == "" {
		return
	}
	now, unlock := b.lock()
	unlock()
	b.deliver(ctx, func(l letter) bool { return !l.due.After(now) })
}

// deliver sends batches until none is due, and gives how many events were acknowledged. What was not is put back.
func (b *bank) deliver(ctx context.Context, due func(letter) bool) (sent int) {
	b.outbox.delivering.Lock()
	defer b.outbox.delivering.Unlock()
	for {
		letters := b.outbox.take(due)
		if len(letters) == 0 {
			return sent
		}
		batch := disbursement.EventBatch{Operator: b.name}
		for _, l := range letters {
			batch.Events = append(batch.Events, l.event)
		}
		if _, err := b.tell(ctx, "/operator/v1/events", batch); err != nil {
			b.street.options.Log.Warn("events not acknowledged", "bank", b.name, "events", len(letters), "error", err)
			b.outbox.put(postponed(letters, b.now())...)
			return sent
		}
		sent += len(letters)
	}
}

func postponed(letters []letter, now time.Time) []letter {
	for i := range letters {
		letters[i].tries++
		letters[i].due = now.Add(pauses[min(letters[i].tries, len(pauses)-1)])
	}
	return letters
}

// flush delivers what is pending, due or not, a few times over.
func (b *bank) flush(ctx context.Context) (sent, pending int) {
	_, unlock := b.lock()
	unlock()
	for range 3 {
		sent += b.deliver(ctx, func(letter) bool { return true })
		if b.outbox.size() == 0 {
			break
		}
	}
	return sent, b.outbox.size()
}

func (b *bank) serveFlush(w http.ResponseWriter, r *http.Request) {
	sent, pending := b.flush(r.Context())
	write(w, map[string]int{"sent": sent, "pending": pending}, nil)
}
