package campaign

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/audit"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/identity"
	"hongbao/lottery/draw"
)

// take brings the applications of one campaign into the list and answers everyone.
func (s *Service) take(ctx context.Context, group []*waiter) {
	began := time.Now()
	group, err := s.screenTries(ctx, group)
	if err == nil {
		group, err = s.screen(ctx, screenAge(group))
	}
	if err == nil && len(group) == 0 {
		return // nobody in it is eligible, and each has the answer
	}
	if err == nil {
		err = s.tag(ctx, group)
	}
	if err != nil {
		answerAll(group, interrupted(err))
		return
	}
	slices.SortStableFunc(group, func(a, b *waiter) int { return bytes.Compare(a.row.DocumentIndex[:], b.row.DocumentIndex[:]) })
	store := s.store
	if s.intake.store != nil {
		store = s.intake.store
	}
	outcomes, err := store(ctx, group)
	if err != nil {
		answerAll(group, interrupted(err))
		return
	}
	s.Measures.committed(outcomes, began)
	for i, w := range group {
		if w.row.ID = outcomes[i].id; outcomes[i].row != nil {
			w.row = outcomes[i].row
		}
		w.answer(outcomes[i].err)
	}
}

// interrupted is what everyone in a group hears that could not be written. Nothing of it is stored, or, where the
// connection broke in the commit, their key will tell.
func interrupted(err error) error {
	if _, ok := fault.As(err); ok {
		return err
	}
	return errBusy.After(2 * time.Second).With(err)
}

// screenTries answers those who gave the right code after their phone's tries were used up, at whichever replica, and gives the others.
// It comes before all else, so that no other refusal betrays that the code was right; it is one read for the group.
func (s *Service) screenTries(ctx context.Context, group []*waiter) ([]*waiter, error) {
	var phones []database.Bytes32
	for _, w := range group {
		if w.coded() {
			phones = append(phones, *w.row.PhoneIndex)
		}
	}
	if len(phones) == 0 {
		return group, nil
	}
	now := s.Now()
	made, err := s.attemptsAt(ctx, codeTries, phones, now)
	if err != nil || len(made) == 0 {
		return group, err
	}
	return slices.DeleteFunc(group, func(w *waiter) bool {
		a, tried := made[*w.row.PhoneIndex]
		w.tried = tried && w.coded()
		wait := codeTries.wait(a, codeTries.most-1, now)
		if !w.tried || wait <= 0 {
			return false
		}
		w.answer(errTooManyCodes.After(wait))
		return true
	}), nil
}

// screenAge answers those who are too young for any rule, about whom nobody outside is asked.
func screenAge(group []*waiter) []*waiter {
	return slices.DeleteFunc(group, func(w *waiter) bool {
		young := w.facts.Age >= 0 && w.facts.Age < w.live.Book.MinAge
		if young {
			w.answer(errTooYoung)
		}
		return young
	})
}

// screen answers those who are not eligible and gives the others.
func (s *Service) screen(ctx context.Context, group []*waiter) ([]*waiter, error) {
	if len(group) == 0 {
		return nil, nil
	}
	rules := group[0].live.Book.Eligibility
	s.identify(ctx, group)
	if rules.NeedsEvidence() {
		if err := s.gather(ctx, group); err != nil {
			return group, err
		}
	}
	return slices.DeleteFunc(group, func(w *waiter) bool {
		err := rules.Check(w.facts)
		if errors.Is(err, errEvidence) && w.unasked {
			err = nil // pending: a job asks again
		} else {
			w.unasked = false
		}
		if err = errors.Join(err, unless(w.name != Mismatch, errNameMismatch)); err != nil {
			w.answer(err)
		}
		return err != nil
	}), nil
}

// tag asks the pseudonym keeper for the whole group at once and makes the entries.
func (s *Service) tag(ctx context.Context, group []*waiter) error {
	documents := make([]identity.Document, len(group))
	for i, w := range group {
		documents[i] = w.document
	}
	book := group[0].live.Book
	tags, err := s.Keeper.Tags(ctx, book.ID, book.HashName, documents)
	if err != nil {
		return err
	}
	if len(tags) != len(group) {
		return fmt.Errorf("the pseudonym keeper gave %d tags for %d documents", len(tags), len(group))
	}
	for i, w := range group {
		person := database.Bytes32(tags[i])
		w.row.Person = &person
		w.row.Entry = database.Bytes32(draw.Entry(draw.Hash(book.HashName), draw.Digest(w.row.Salt), draw.Digest(person)))
	}
	return nil
}

// outcome is what became of one application: the id of its own new row, the row stored before that answers it, or the
// refusal.
type outcome struct {
	id  int64
	row *registrationRow
	err error
}

// store commits a group. Within it, the first that holds a key goes in; whoever shares one is answered from what is
// there then. The campaign is held so that it cannot close in between.
func (s *Service) store(ctx context.Context, group []*waiter) (outcomes []outcome, err error) {
	rows := s.inserter()
	if err := rows.Prepare(ctx); err != nil {
		return nil, err
	}
	first := distinct(group)
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		outcomes = make([]outcome, len(group))
		c, err := lockCampaign(tx, group[0].row.CampaignID)
		if err != nil {
			return err
		}
		if err := (&Live{Campaign: c}).accepts(s.Now()); err != nil {
			for i := range outcomes {
				outcomes[i].err = err
			}
			return nil
		}
		ids, err := insertNew(tx, rows, first)
		if err != nil {
			return err
		}
		if err := forgive(tx, group); err != nil {
			return err
		}
		return s.settle(tx, group, ids, outcomes)
	})
	return outcomes, err
}

// forgive forgets the wrong codes of those in a group who had some before the right one.
func forgive(tx *gorm.DB, group []*waiter) error {
	var phones []database.Bytes32
	for _, w := range group {
		if w.tried {
			phones = append(phones, *w.row.PhoneIndex)
		}
	}
	if len(phones) == 0 {
		return nil
	}
	return forgiveAttempts(tx, codeTries, phones)
}

// inserter keeps its prepared statements as long as the service lives.
func (s *Service) inserter() *database.Inserter {
	s.intake.once.Do(func() { s.intake.rows = database.NewInserter(s.DB, "registrations", registrationColumns) })
	return s.intake.rows
}

func (s *Service) settle(tx *gorm.DB, group []*waiter, ids map[database.Bytes32]int64, outcomes []outcome) error {
	var left []*registrationRow
	var messages []messageRow
	var checks [][]any
	for i, w := range group {
		id, ok := ids[w.row.Entry]
		if !ok {
			left = append(left, w.row)
			continue
		}
		outcomes[i].id = id
		checks = append(checks, w.checksOf(id, database.At(s.Now()))...)
		if w.row.Status == Registered {
			messages = append(messages, w.live.message(id, w.row.CampaignID, StageConfirm, s.Now()))
		}
	}
	if err := errors.Join(queueMessages(tx, messages), insertChecks(tx, checks)); err != nil {
		return err
	}
	if err := s.settleRest(tx, group, left, outcomes); err != nil {
		return err
	}
	return s.recordDesks(tx, group, outcomes)
}

// recordDesks puts on the record, with the row itself, who registered a person at a desk and what the person agreed to there.
func (s *Service) recordDesks(tx *gorm.DB, group []*waiter, outcomes []outcome) error {
	for i, w := range group {
		if w.desk == "" || outcomes[i].id == 0 {
			continue
		}
		err := audit.Record(tx, audit.Entry{At: s.Now(), Actor: w.desk, Action: "registration.desk", Campaign: w.live.Slug,
			Subject: fmt.Sprintf("registration %d", outcomes[i].id), Detail: map[string]any{"consents": strings.Fields(w.row.Consents)}})
		if err != nil {
			return err
		}
	}
	return nil
}

// settleRest answers those whose rows did not go in.
func (s *Service) settleRest(tx *gorm.DB, group []*waiter, left []*registrationRow, outcomes []outcome) error {
	if len(left) == 0 {
		return nil
	}
	there, err := occupants(tx, left)
	if err != nil {
		return err
	}
	taken := occupied(there)
	for i, w := range group {
		if outcomes[i].id == 0 {
			outcomes[i] = w.application.against(taken)
		}
	}
	return nil
}

// uniqueKeys are the keys of which a campaign holds each value once. The first is the caller's, the others the person's.
var uniqueKeys = []struct {
	column string
	of     func(r *registrationRow) *database.Bytes32
}{
	{"idempotency_key", func(r *registrationRow) *database.Bytes32 { return r.IdempotencyKey }},
	{"document_index", func(r *registrationRow) *database.Bytes32 { return r.DocumentIndex }},
	{"linked_index", func(r *registrationRow) *database.Bytes32 { return r.LinkedIndex }},
	{"phone_index", func(r *registrationRow) *database.Bytes32 { return r.PhoneIndex }},
}

type keyValue struct {
	column string
	value  database.Bytes32
}

// distinct gives the rows of a group of which no earlier one holds a key.
func distinct(group []*waiter) []*registrationRow {
	seen := map[keyValue]bool{}
	var first []*registrationRow
	for _, w := range group {
		clash := slices.ContainsFunc(keysOf(w.row), func(k keyValue) bool { return seen[k] })
		if clash {
			continue
		}
		for _, key := range keysOf(w.row) {
			seen[key] = true
		}
		first = append(first, w.row)
	}
	return first
}

func keysOf(row *registrationRow) []keyValue {
	keys := make([]keyValue, 0, len(uniqueKeys))
	for _, key := range uniqueKeys {
		if value := key.of(row); value != nil {
			keys = append(keys, keyValue{key.column, *value})
		}
	}
	return keys
}

func occupied(rows []*registrationRow) map[keyValue]*registrationRow {
	taken := map[keyValue]*registrationRow{}
	for _, row := range rows {
		for _, key := range keysOf(row) {
			taken[key] = row
		}
	}
	return taken
}

// against answers an application that did not go in. The same key and body is a repetition and gets the stored row; the
// same key with another body is refused, and so is a person who is there already. If nobody holds its keys any more, it
// met somebody who was just withdrawn, and may try again.
func (a *application) against(taken map[keyValue]*registrationRow) outcome {
	keys := keysOf(a.row)
	if stored := taken[keys[0]]; stored != nil {
		if stored.BodyHash == a.row.BodyHash {
			return outcome{row: stored}
		}
		return outcome{err: errOtherBody}
	}
	if slices.ContainsFunc(keys[1:], func(k keyValue) bool { return taken[k] != nil }) {
		return outcome{err: errAlready}
	}
	return outcome{err: errBusy.After(time.Second)}
}
