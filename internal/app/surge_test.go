package app

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/testkit"
	"hongbao/lottery/draw"
)

// The process is killed in the middle of a surge, twice, and started again. Whoever holds a receipt is in the list, whoever
// had no answer asks again with the same key and is in it once, and nobody is half in it: each row opens, gives its entry,
// and has the message with the code that was written in the same transaction.
func TestKilledInTheMiddleOfASurge(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	for dialect, url := range map[string]func(*testing.T) string{
		database.SQLite: func(t *testing.T) string { return testkit.SQLite(t) }, database.MySQL: mysqlURL} {
		t.Run(dialect, func(t *testing.T) { killedInASurge(t, url(t)) })
	}
}

func killedInASurge(t *testing.T, url string) {
	load := opened(t, url, func(book *campaign.RuleBook) { book.Confirmation, book.ConfirmWithin = campaign.TwoStep, 6*time.Hour })
	r := newReplica(t, url, load.SMS)
	r.await("/readyz", http.StatusOK)
	load.Targets, load.Registrations, load.Rate = []string{r.address()}, 300, 150
	var held receipts
	load.Acknowledged = held.add
	over, end := context.WithCancel(context.Background())
	var killer sync.WaitGroup
	kills := 0
	killer.Go(func() {
		for _, after := range []int{60, 160} {
			for held.count() < after {
				if over.Err() != nil {
					return
				}
				time.Sleep(time.Millisecond)
			}
			r.kill()
			kills++
			r.start()
			r.await("/readyz", http.StatusOK)
		}
	})
	report, err := load.Run(context.Background())
	end()
	killer.Wait()
	if err != nil {
		t.Fatal(err)
	}
	report.Print(t.Output())
	if !report.OK() || kills != 2 || report.Retried == 0 {
		t.Errorf("%d of %d registered, %d asked again, %d kills, %v", report.Registered, report.Wanted, report.Retried, kills, report.Errors)
	}
	r.kill()
	held.kept(t, url)
	whole(t, url, load.RuleBook, report.Registered)
}

// whole fails for each registration that is not all there, and when there are more people than have registered: load is how
// many came in the surge, and 20 tried before.
func whole(t *testing.T, url string, book *campaign.RuleBook, load int) {
	t.Helper()
	ctx := context.Background()
	db, err := database.Open(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	config, err := Load(Source{Fallback: rehearsalKeys()})
	if err != nil {
		t.Fatal(err)
	}
	p, err := wire(db, config, surroundings{now: time.Now, sms: noSMS{}, badge: "rehearsal", cost: bcrypt.MinCost, instruments: newInstruments()})
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		ID                  int64
		Entry, Salt, Person database.Bytes32
		Messages            int
		RegisteredAt        database.Millis
	}
	if err := db.Read(ctx).Raw(`SELECT r.id, r.entry, r.salt, r.person, r.registered_at, (SELECT COUNT(*) FROM messages m WHERE m.registration_id = r.id AND m.stage = 'confirm') AS messages
		FROM registrations r WHERE person IS NOT NULL AND document_index IS NOT NULL AND phone_index IS NOT NULL AND idempotency_key IS NOT NULL`).Scan(&rows).Error; err != nil {
		t.Fatal(err)
	}
	var all, ids = int64(0), []int64{}
	for _, row := range rows {
		ids = append(ids, row.ID)
		if want := draw.Entry(draw.Hash(book.HashName), draw.Digest(row.Salt), draw.Digest(row.Person)); draw.Digest(row.Entry) != want || row.Messages != 1 {
			t.Errorf("registration %d: the entry is not that of its salt and person, or it has %d messages", row.ID, row.Messages)
		}
	}
	if err := db.Read(ctx).Raw("SELECT COUNT(*) FROM registrations").Scan(&all).Error; err != nil || all != int64(len(rows)) || all < int64(load) || all > int64(load)+20 {
		t.Errorf("%d registrations, %d of them whole, %d came in the surge; %v", all, len(rows), load, err)
	}
	contacts, err := p.campaigns.Contacts(ctx, "test", ids)
	if err != nil || len(contacts) != len(rows) {
		t.Errorf("%d of %d open: %v", len(contacts), len(rows), err)
	}
}
