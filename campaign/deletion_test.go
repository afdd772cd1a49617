package campaign

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/audit"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/identity"
	"hongbao/internal/staff"
	"hongbao/internal/testkit"
)

// over takes a campaign with five people in it, of whom those named by kept hold a prize, past its last day of spending.
func (w *world) over(kept ...int) (Campaign, []Receipt) {
	w.t.Helper()
	c := w.open(suzhou(w.t, anyone...))
	receipts := w.people(c, 5)
	w.Kept = func(_ context.Context, id int64, ids []int64) (map[int64]bool, error) {
		holds := map[int64]bool{}
		for _, i := range kept {
			holds[receipts[i].ID] = id == c.ID
		}
		return holds, nil
	}
	w.become(c, Drawn)
	w.clock.Set(c.SpendUntilAt.Time())
	return c, receipts
}

// become sets a campaign's status as the rooms above do in weeks.
func (w *world) become(c Campaign, status string) {
	w.t.Helper()
	if err := second(w.DB.SQL().Exec("UPDATE campaigns SET status = ?, frozen_at = close_at WHERE id = ?", status, c.ID)); err != nil {
		w.t.Fatal(err)
	}
	w.clock.Advance(2 * shelfLife)
}

func (w *world) decide(approval int64, yes bool) error {
	reason := map[bool]string{true: "", false: "再等等"}[yes]
	return w.Staff.Decide(context.Background(), approval, staff.Account{Username: "checker", City: "*", Role: staff.Approver}, yes, reason)
}

func TestPeopleWithoutAPrizeAreDeletedOnSchedule(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := newWorld(t, db), context.Background()
		c, receipts := w.over(0, 3)
		if _, err := w.ImportEvidence(ctx, "maker", c.Slug, "hukou", "公安", strings.NewReader("document\n"+resident(1)+"\n"+resident(700)+"\n")); err != nil {
			t.Fatal(err)
		}
		if _, err := w.FileRelated(ctx, "maker", c.Slug, "监察", strings.NewReader("document\n"+resident(1)+"\n"+resident(3)+"\n")); err != nil {
			t.Fatal(err)
		}
		for _, i := range []int{0, 1} {
			err := db.InTx(ctx, func(tx *gorm.DB) error {
				return insertAppeal(tx, &Appeal{CampaignID: c.ID, RegistrationID: receipts[i].ID, Reason: "ineligible", Sealed: []byte("sealed"), Status: AppealUpheld})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		digest, rows := database.Bytes32{}, []*registrationRow{}
		if err := db.Read(ctx).Raw("SELECT id, entry, sealed FROM registrations ORDER BY id").Scan(&rows).Error; err != nil {
			t.Fatal(err)
		}
		for _, i := range []int{1, 2, 4} {
			digest = chained(digest, rows[i])
		}
		day := c.SpendUntilAt.Time().AddDate(0, 0, unselectedDays)
		w.clock.Set(day.Add(-time.Second))
		if n, err := w.EraseUnselected(ctx); n != 0 || err != nil {
			t.Fatalf("before its day: %d, %v", n, err)
		}
		w.clock.Set(day)
		if n, err := w.EraseUnselected(ctx); n != 3 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		if n, err := w.EraseUnselected(ctx); n != 0 || err != nil {
			t.Errorf("again: %d, %v", n, err)
		}
		related, err := ReadRelated(db.Read(ctx), c.ID)
		if err != nil || !related.Registrations[receipts[1].ID] || !related.Registrations[receipts[3].ID] || len(related.Registrations) != 2 {
			t.Errorf("the related are %+v, %v", related, err)
		}
		if n := w.count("SELECT COUNT(*) FROM registrations WHERE (document_index IS NULL OR id = ?) AND linked_index IS NULL AND phone_index IS NULL AND idempotency_key IS NULL AND network_hash IS NULL AND LENGTH(sealed) = 0 AND person IS NOT NULL", receipts[1].ID); n != 3 {
			t.Errorf("%d people are gone", n)
		}
		if n := w.count("SELECT COUNT(*) FROM appeals WHERE LENGTH(sealed) = 0 AND registration_id = ?", receipts[1].ID); n != 1 || w.count("SELECT COUNT(*) FROM appeals WHERE LENGTH(sealed) > 0") != 1 {
			t.Error("what people wrote in an appeal is not gone, or a winner's is")
		}
		if n := w.count("SELECT COUNT(*) FROM evidence"); n != 0 {
			t.Errorf("%d lines of evidence are left", n)
		}
		list, err := w.Deletions(ctx, c.ID)
		if err != nil || len(list) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		got, err := OpenCertificate([]byte(list[0].Note), w.verifier)
		if err != nil || got != list[0].Certificate {
			t.Errorf("%+v, %v", got, err)
		}
		if want := (Certificate{Number: c.Slug + "/unselected", Campaign: c.Slug, City: "suzhou", Kind: DeletedUnselected, At: day.UTC(), RequestedBy: eraseActor, DecidedBy: "rule-book", Registrations: 3, Evidence: 2, Digest: digest}); got != want {
			t.Errorf("%+v\nwant %+v", got, want)
		}
		if _, err := OpenCertificate([]byte(strings.Replace(list[0].Note, "registrations 3", "registrations 4", 1)), w.verifier); err == nil {
			t.Error("a changed certificate opens")
		}
		if _, err := db.SQL().Exec("DELETE FROM appeals WHERE registration_id = ?", receipts[0].ID); err != nil { // its text is not really sealed
			t.Fatal(err)
		}
		w.afterErasure(c, receipts)
	})
}

// afterErasure is what each of the five hears then, and what the public record still shows.
func (w *world) afterErasure(c Campaign, receipts []Receipt) {
	t, ctx := w.t, context.Background()
	for i, r := range receipts {
		_, err := w.Lookup(ctx, c.Slug, phoneOf(i), r.ConfirmationCode)
		data, dataErr := w.MyData(ctx, r.ID)
		if gone := i != 0 && i != 3; gone != errors.Is(err, errErased) || dataErr != nil || gone != data.Deleted || gone != (data.Phone == "") {
			t.Errorf("person %d: %v; %+v, %v", i, err, data, dataErr)
		}
	}
	contacts, err := w.Contacts(ctx, "system:test", []int64{receipts[0].ID, receipts[1].ID})
	if err != nil || len(contacts) != 1 || contacts[0].Phone != phoneOf(0) {
		t.Errorf("contacts: %+v, %v", contacts, err)
	}
	roll, err := w.Roll(ctx, "auditor", c.ID, RollFilter{})
	if err != nil || len(roll) != 5 || roll[0].Name != "" || roll[4].Name != "张*" {
		t.Errorf("roll: %+v, %v", roll, err)
	}
	entries, pairs := 0, &strings.Builder{}
	if err := w.EachEntry(ctx, c.ID, "suzhou", func([32]byte, int64) error { entries++; return nil }); err != nil || entries != 5 {
		t.Errorf("%d entries, %v", entries, err)
	}
	if err := w.WritePairs(ctx, c.ID, pairs); err != nil || strings.Count(pairs.String(), "\n") != 5 {
		t.Errorf("pairs: %s %v", pairs, err)
	}
	if _, err := w.Forget(ctx, receipts[1].ID); !errors.Is(err, errForgotten) {
		t.Errorf("deleted twice: %v", err)
	}
}

// A deletion that breaks off goes on where it stood, and its certificate counts everybody.
func TestDeletionGoesOn(t *testing.T) {
	w, ctx := newWorld(t, testkit.DB(t)), context.Background()
	c, receipts := w.over(0)
	w.clock.Set(c.SpendUntilAt.Time().AddDate(0, 0, unselectedDays))
	live, err := w.Live(ctx, c.Slug)
	if err != nil {
		t.Fatal(err)
	}
	d, err := w.beginErasure(ctx, live)
	if err != nil {
		t.Fatal(err)
	}
	stale := *d
	if err := w.erasePart(ctx, d, []int64{receipts[0].ID, receipts[1].ID}); err != nil {
		t.Fatal(err)
	}
	if err := w.erasePart(ctx, &stale, []int64{receipts[0].ID, receipts[1].ID}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("two processes at once: %v", err)
	}
	if n, err := w.EraseUnselected(ctx); n != 3 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if list, err := w.Deletions(ctx, c.ID); err != nil || len(list) != 1 || list[0].Registrations != 4 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestDestroyingTheKeyTakesTwoPeople(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := newWorld(t, db), context.Background()
		c, receipts := w.over(0, 3)
		ask := func(typed string) error {
			_, err := w.RequestDestruction(ctx, "maker", c.Slug, typed)
			return err
		}
		if err := ask(c.Slug); !errors.Is(err, errStillKept) {
			t.Errorf("before it is settled: %v", err)
		}
		w.become(c, Settled)
		if err := ask(c.Slug); !errors.Is(err, errStillKept) {
			t.Errorf("while winners are kept: %v", err)
		}
		w.clock.Set(c.SpendUntilAt.Time().AddDate(0, 0, winnersDays))
		if err := ask("suzhou-2021"); !errors.Is(err, errTyped) {
			t.Errorf("another name typed: %v", err)
		}
		approval, err := w.RequestDestruction(ctx, "maker", c.Slug, c.Slug)
		if err != nil {
			t.Fatal(err)
		}
		own := w.Staff.Decide(ctx, approval, staff.Account{Username: "maker", City: "*", Role: staff.Approver}, true, "")
		if !errors.Is(own, staff.ErrOwnRequest) {
			t.Errorf("approved by its maker: %v", own)
		}
		if err := w.decide(approval, false); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Lookup(ctx, c.Slug, phoneOf(0), receipts[0].ConfirmationCode); err != nil {
			t.Errorf("rejected, and yet: %v", err)
		}
		var wrapped []byte
		if err := db.Read(ctx).Raw("SELECT wrapped FROM campaign_keys").Row().Scan(&wrapped); err != nil {
			t.Fatal(err)
		}
		if approval, err = w.RequestDestruction(ctx, "maker", c.Slug, c.Slug); err != nil {
			t.Fatal(err)
		}
		if err := w.decide(approval, true); err != nil {
			t.Fatal(err)
		}
		list, err := w.Deletions(ctx, c.ID)
		if err != nil || len(list) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		got, err := OpenCertificate([]byte(list[0].Note), w.verifier)
		want := Certificate{Number: c.Slug + "/key", Campaign: c.Slug, City: "suzhou", Kind: DeletedKey, At: w.clock.Now().UTC(), RequestedBy: "maker", DecidedBy: "checker",
			Approval: approval, Registrations: 5, Digest: sha256.Sum256(wrapped)}
		if err != nil || got != want {
			t.Errorf("%+v, %v\nwant %+v", got, err, want)
		}
		w.nothingOpens(c, receipts)
		if err := ask(c.Slug); !errors.Is(err, identity.ErrDestroyed) {
			t.Errorf("destroyed twice: %v", err)
		}
	})
}

// nothingOpens tries everything that unseals: each says that the data is gone, and nothing fails.
func (w *world) nothingOpens(c Campaign, receipts []Receipt) {
	t, ctx := w.t, context.Background()
	for name, err := range map[string]error{
		"lookup":      second(w.Lookup(ctx, c.Slug, phoneOf(0), receipts[0].ConfirmationCode)),
		"registering": second(w.Register(ctx, person(c.Slug, 9))),
		"contacts":    second(w.Contacts(ctx, "system:test", []int64{receipts[0].ID})),
		"evidence":    second(w.ImportEvidence(ctx, "maker", c.Slug, "hukou", "公安", strings.NewReader("document\n"+resident(1)+"\n"))),
	} {
		if !errors.Is(err, identity.ErrDestroyed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	mine, err := w.Mine(ctx, receipts[0].ID)
	if err != nil || mine.ConfirmationCode != "" || mine.Note != receipts[0].Note {
		t.Errorf("mine: %+v, %v", mine, err)
	}
	data, err := w.MyData(ctx, receipts[0].ID)
	if err != nil || !data.Deleted || data.Name+data.Phone+data.Document != "" {
		t.Errorf("my data: %+v, %v", data, err)
	}
	for _, filter := range []RollFilter{{}, {Phone: phoneOf(0)}} {
		roll, err := w.Roll(ctx, "auditor", c.ID, filter)
		if err != nil || len(roll) != map[bool]int{true: 5, false: 0}[filter.Phone == ""] || strings.Contains(fmt.Sprint(roll), "张") {
			t.Errorf("roll %+v: %+v, %v", filter, roll, err)
		}
	}
	restarted := &identity.KeyRing{Master: w.Keys.Master, DB: w.DB}
	if _, err := restarted.VaultFor(ctx, c.ID); !errors.Is(err, identity.ErrDestroyed) {
		t.Errorf("another process: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestForgettingOneself(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := newWorld(t, db), context.Background()
		c := w.open(suzhou(t, anyone...))
		first, err := w.Register(ctx, person(c.Slug, 1))
		if err != nil {
			t.Fatal(err)
		}
		var sealed []byte
		if err := db.Read(ctx).Raw("SELECT sealed FROM registrations").Row().Scan(&sealed); err != nil {
			t.Fatal(err)
		}
		signed, err := w.Forget(ctx, first.ID)
		if err != nil {
			t.Fatal(err)
		}
		got, err := OpenCertificate([]byte(signed), w.verifier)
		want := Certificate{Number: c.Slug + "/" + first.Entry.String(), Campaign: c.Slug, City: "suzhou", Kind: DeletedPerson, At: w.clock.Now().UTC(), RequestedBy: "citizen", DecidedBy: "citizen",
			Registrations: 1, Digest: sha256.Sum256(sealed)}
		if err != nil || got != want {
			t.Errorf("%+v, %v\nwant %+v", got, err, want)
		}
		w.keptWithoutIdentity(c, person(c.Slug, 1), signed, "registration.withdraw")
		if n := w.count("SELECT COUNT(*) FROM registrations WHERE status = 'withdrawn' AND person IS NULL AND LENGTH(sealed) = 0"); n != 1 {
			t.Error("before the freeze it is a withdrawal")
		}
		if _, err := w.Register(ctx, person(c.Slug, 1)); err != nil {
			t.Errorf("registering again: %v", err)
		}
	})
	w, ctx := newWorld(t, testkit.DB(t)), context.Background()
	c, receipts := w.over(0)
	w.become(c, Closed)
	if _, err := w.Forget(ctx, receipts[1].ID); !errors.Is(err, errUndrawn) {
		t.Errorf("between freeze and result: %v", err)
	}
	w.become(c, Drawn)
	if _, err := w.Forget(ctx, receipts[0].ID); !errors.Is(err, errPrize) {
		t.Errorf("a winner: %v", err)
	}
	signed, err := w.Forget(ctx, receipts[1].ID)
	if err != nil {
		t.Errorf("without a prize: %v", err)
	}
	w.keptWithoutIdentity(c, person(c.Slug, 1), signed, "identity.person-deleted")
	if n := w.count("SELECT COUNT(*) FROM registrations WHERE status = 'confirmed' AND LENGTH(sealed) = 0"); n != 1 {
		t.Errorf("%d are gone from the list that was drawn", n)
	}
	w.Kept = nil
	if _, err := w.Forget(ctx, receipts[2].ID); !errors.Is(err, errPrize) {
		t.Errorf("while nobody knows who won: %v", err)
	}
	if _, err := w.EraseUnselected(ctx); err == nil {
		t.Error("people are deleted although nobody knows who won")
	}
}

// keptWithoutIdentity is what is found of a person's own deletion when the note is shown later: the same note, by its number or
// by the entry, the act on the record, and in neither anything that leads to the person.
func (w *world) keptWithoutIdentity(c Campaign, sub Submission, signed, action string) {
	w.t.Helper()
	t, ctx := w.t, context.Background()
	shown, err := OpenCertificate([]byte(signed), w.verifier)
	if err != nil {
		t.Fatal(err)
	}
	for _, number := range []string{shown.Number, strings.TrimPrefix(shown.Number, c.Slug+"/")} {
		list, err := w.PersonalDeletions(ctx, c.ID, PersonalFilter{Number: number})
		if err != nil || len(list) != 1 || list[0].Note != signed || list[0].Certificate != shown {
			t.Errorf("%s: %+v, %v", number, list, err)
		}
	}
	if _, err := w.PersonalDeletions(ctx, c.ID, PersonalFilter{Number: sub.Phone}); !errors.Is(err, errCertificateNumber) {
		t.Errorf("looked for by phone: %v", err)
	}
	entries, err := audit.List(ctx, w.DB, audit.Filter{Action: action})
	if err != nil || len(entries) != 1 || entries[0].Actor != "citizen" || entries[0].Campaign != c.Slug || !strings.Contains(fmt.Sprintf("%s", entries[0].Detail), shown.Number) {
		t.Errorf("%s on the record: %+v, %v", action, entries, err)
	}
	vault, err := w.Keys.VaultFor(ctx, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	document, phone := documentIndex(vault, identity.Resident, sub.Document), index(vault, "phone", sub.Phone)
	kept := fmt.Sprintf("%+v %s", entries, signed)
	for _, leads := range []string{sub.Name, sub.Document, sub.Phone, hex.EncodeToString(document[:]), hex.EncodeToString(phone[:])} {
		if strings.Contains(kept, leads) {
			t.Errorf("%s is in what is kept: %s", leads, kept)
		}
	}
}

func TestPeoplesOwnDeletionsComeInPages(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, db *database.DB) {
		w, ctx := newWorld(t, db), context.Background()
		c := w.open(suzhou(t, anyone...))
		for _, r := range w.people(c, 3) {
			if err := w.Withdraw(ctx, r.ID); err != nil {
				t.Fatal(err)
			}
		}
		first, err := w.PersonalDeletions(ctx, c.ID, PersonalFilter{Limit: 2})
		if err != nil || len(first) != 2 || first[0].ID < first[1].ID {
			t.Fatalf("%+v, %v", first, err)
		}
		rest, err := w.PersonalDeletions(ctx, c.ID, PersonalFilter{Before: first[1].ID, Limit: 2})
		if err != nil || len(rest) != 1 || rest[0].ID >= first[1].ID {
			t.Errorf("%+v, %v", rest, err)
		}
		if n, err := w.PersonalDeletionCount(ctx, c.ID); n != 3 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if list, err := w.Deletions(ctx, c.ID); err != nil || len(list) != 0 {
			t.Errorf("people's own deletions stand among the campaign's: %+v, %v", list, err)
		}
	})
}
