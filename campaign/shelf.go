package campaign

import (
	"context"
	"sync"
	"time"

	"hongbao/internal/database"
)

// Live is a campaign with its rule book.
type Live struct {
	Campaign
	Book *RuleBook
}

// shelf keeps campaigns at hand, so that opening night does not ask the database who it is for each request. The rule
// book stays for good; the row is read again after a second of the service's clock, or when this process changed it.
type shelf struct {
	mu    sync.Mutex
	slugs map[string]int64
	items map[int64]shelved
}

type shelved struct {
	live   *Live
	readAt time.Time
	expect string // a status that this process has set: until it is seen, the row is not kept
}

const shelfLife = time.Second

// expect says that a transaction of this process sets the status. It may not have committed yet.
func (sh *shelf) expect(id int64, status string) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if item, ok := sh.items[id]; ok {
		item.readAt, item.expect = time.Time{}, status
		sh.items[id] = item
	}
}

func (sh *shelf) get(id int64, now time.Time) (live *Live, fresh bool) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	item := sh.items[id]
	age := now.Sub(item.readAt)
	return item.live, item.live != nil && age >= 0 && age < shelfLife
}

func (sh *shelf) put(live *Live, now time.Time) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.items == nil {
		sh.items, sh.slugs = map[int64]shelved{}, map[string]int64{}
	}
	item := shelved{live: live, readAt: now, expect: sh.items[live.ID].expect}
	if item.expect == live.Status {
		item.expect = ""
	}
	if item.expect != "" {
		item.readAt = time.Time{}
	}
	sh.items[live.ID], sh.slugs[live.Slug] = item, live.ID
}

func (sh *shelf) id(slug string) (int64, bool) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	id, ok := sh.slugs[slug]
	return id, ok
}

// live gives a campaign, at most a second old.
func (s *Service) live(ctx context.Context, id int64) (*Live, error) {
	known, fresh := s.shelf.get(id, s.Now())
	if fresh {
		return known, nil
	}
	row, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	live := &Live{Campaign: row}
	if known != nil {
		live.Book = known.Book
	} else if live.Book, err = storedBook(s.DB.Read(ctx), id); err != nil {
		return nil, err
	}
	s.shelf.put(live, s.Now())
	return live, nil
}

// Live gives a campaign by its slug, at most a second old.
func (s *Service) Live(ctx context.Context, slug string) (*Live, error) {
	if id, ok := s.shelf.id(slug); ok {
		return s.live(ctx, id)
	}
	c, err := s.BySlug(ctx, slug)
	if err != nil {
		return nil, err
	}
	return s.live(ctx, c.ID)
}

// accepts gives nil while the campaign takes registrations, else why it does not.
func (l *Live) accepts(now time.Time) error {
	at := database.At(now)
	switch {
	case l.Status == Cancelled:
		return errCampaignCancelled
	case at >= l.CloseAt || l.Status == Closed || l.Status == Drawn || l.Status == Settled:
		return errRegistrationClosed
	case l.Status != Open || at < l.OpenAt:
		return errRegistrationNotOpen
	}
	return nil
}
