package campaign

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"hongbao/internal/audit"
	"hongbao/internal/database"
	"hongbao/internal/identity"
)

// Names is the outside party that knows whether name, document and phone are one person's (实名核验): a verdict for each, in
// order. It may be asked again for the same people.
type Names interface {
	Check(ctx context.Context, people []Person) ([]Verdict, error)
}

// Person is who is asked about.
type Person struct {
	Name     string
	Document identity.Document
	Phone    string
}

// Verdict is the answer about one person.
type Verdict string

// The verdicts. Unknown is asked again; nobody is refused for it.
const (
	Match    Verdict = "match"
	Mismatch Verdict = "mismatch"
	Unknown  Verdict = "unknown"
)

// When a rule book has names checked.
const (
	NamesAtRegistration = "at-registration"
	NamesBeforeFreeze   = "before-freeze"
)

// Kinds and statuses of what outside parties are asked about a registration.
const (
	checkName     = "name"
	checkEvidence = "evidence"

	checkPending = "pending"
	checkPassed  = "passed"
	checkFailed  = "failed"
)

const outsideChunk = 500 // people in one call

func (rb *RuleBook) checkNameCheck(r *reading) {
	if rb.NameCheck != "" {
		oneOf(r, "name_check", rb.NameCheck, NamesAtRegistration, NamesBeforeFreeze)
	}
	if rb.NameCheck == NamesBeforeFreeze && rb.Windows.Review == 0 {
		r.add("name_check", "冻结前核验须在 windows.review 中留出时间", "before the freeze needs windows.review")
	}
}

// identify asks about a whole group where the rule book has names checked at registration. When the outside party does not
// answer, nobody is refused: a job asks again.
func (s *Service) identify(ctx context.Context, group []*waiter) {
	if s.Names == nil || len(group) == 0 || group[0].live.Book.NameCheck != NamesAtRegistration {
		return
	}
	people := make([]Person, len(group))
	for i, w := range group {
		people[i] = w.person
	}
	verdicts, err := s.Names.Check(ctx, people)
	if err != nil || len(verdicts) != len(group) {
		s.Log.Warn("the real-name check does not answer", "error", err)
		return
	}
	for i, w := range group {
		w.name = verdicts[i]
	}
}

// checksOf are the rows that a new registration brings along.
func (w *waiter) checksOf(id int64, now database.Millis) (rows [][]any) {
	if w.name == Match {
		rows = append(rows, checkRow(id, w.row.CampaignID, checkName, checkPassed, now))
	}
	if w.unasked {
		rows = append(rows, checkRow(id, w.row.CampaignID, checkEvidence, checkPending, now))
	}
	return rows
}

// CheckOutside asks outside parties about registrations that still need it, and says for how many there is an answer. Whoever
// does not pass is excluded, told by SMS, and may appeal. It ends with the freeze.
func (s *Service) CheckOutside(ctx context.Context) (n int, err error) {
	campaigns, err := reviewable(s.DB.Read(ctx))
	if err != nil {
		return 0, err
	}
	for _, c := range campaigns {
		live, err := s.live(ctx, c.ID)
		if err != nil {
			return n, err
		}
		for _, ask := range []func(context.Context, *Live) (int, error){s.checkNames, s.checkPendingEvidence} {
			done, err := ask(ctx, live)
			if n += done; err != nil {
				return n, fmt.Errorf("checking registrations of %s: %w", c.Slug, err)
			}
		}
	}
	return n, nil
}

func (s *Service) checkNames(ctx context.Context, live *Live) (int, error) {
	if s.Names == nil || live.Book.NameCheck == "" {
		return 0, nil
	}
	ids, err := uncheckedNames(s.DB.Read(ctx), live.ID, outsideChunk)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	contacts, err := s.Contacts(ctx, "system:outside-check", ids)
	if err != nil {
		return 0, err
	}
	people := make([]Person, len(contacts))
	for i, c := range contacts {
		people[i] = Person{c.Name, c.Document, c.Phone}
	}
	verdicts, err := s.Names.Check(ctx, people)
	if err != nil || len(verdicts) != len(people) {
		s.Log.Warn("the real-name check does not answer", "error", err)
		return 0, nil // asked again
	}
	passed := map[int64]bool{}
	for i, verdict := range verdicts {
		if verdict != Unknown {
			passed[contacts[i].RegistrationID] = verdict == Match
		}
	}
	return len(passed), s.settleChecks(ctx, live, checkName, errNameMismatch.Code, passed)
}

func (s *Service) checkPendingEvidence(ctx context.Context, live *Live) (int, error) {
	if s.Evidence == nil {
		return 0, nil
	}
	ids, err := pendingChecks(s.DB.Read(ctx), live.ID, checkEvidence, outsideChunk)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	contacts, err := s.Contacts(ctx, "system:outside-check", ids)
	if err != nil {
		return 0, err
	}
	vault, err := s.Keys.VaultFor(ctx, live.ID)
	if err != nil {
		return 0, err
	}
	documents, indexes := make([]identity.Document, len(contacts)), make([]database.Bytes32, len(contacts))
	for i, c := range contacts {
		documents[i], indexes[i] = c.Document, *documentIndex(vault, c.Document.Kind, c.Document.Number)
	}
	listed, err := evidenceKinds(s.DB.Read(ctx), live.ID, indexes)
	if err != nil {
		return 0, err
	}
	asked, err := s.Evidence.Kinds(ctx, live.Slug, documents)
	if err != nil || len(asked) != len(documents) {
		s.Log.Warn("the evidence register does not answer", "error", err)
		return 0, nil // asked again
	}
	passed := map[int64]bool{}
	for i, c := range contacts {
		facts := Applicant{Age: -1, Location: true, Evidence: slices.Concat(listed[indexes[i]], asked[i])} // the other facts were good enough
		passed[c.RegistrationID] = live.Book.Eligibility.evidenceOnly().Check(facts) == nil
	}
	return len(passed), s.settleChecks(ctx, live, checkEvidence, errEvidence.Code, passed)
}

// evidenceOnly is the rule without its districts, which were looked at when the person registered.
func (rule Rule) evidenceOnly() Rule {
	plain := Rule{Evidence: rule.Evidence, MinAge: rule.MinAge, MaxAge: rule.MaxAge, Location: rule.Location}
	for _, part := range rule.All {
		plain.All = append(plain.All, part.evidenceOnly())
	}
	for _, part := range rule.Any {
		if len(part.Districts) == 0 { // it did not hold, or evidence would not have been asked for
			plain.Any = append(plain.Any, part.evidenceOnly())
		}
	}
	return plain
}

// settleChecks stores answers. Who did not pass and is still in the list leaves it.
func (s *Service) settleChecks(ctx context.Context, live *Live, kind, reason string, passed map[int64]bool) error {
	now := database.At(s.Now())
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if err := unfrozen(tx, live.ID); err != nil {
			return err
		}
		var out []int64
		for id, ok := range passed {
			status := checkPassed
			if !ok {
				status, out = checkFailed, append(out, id)
			}
			if err := saveCheck(tx, checkRow(id, live.ID, kind, status, now)); err != nil {
				return err
			}
		}
		slices.Sort(out)
		out, err := excludeThose(tx, out, reason, s.Now())
		if err != nil || len(out) == 0 {
			return err
		}
		if err := s.Notify(tx, live.ID, StageExcluded, s.Now(), out...); err != nil {
			return err
		}
		return audit.Record(tx, audit.Entry{At: s.Now(), Actor: "system:outside-check", Action: "registration.exclude", Campaign: live.Slug,
			Subject: fmt.Sprintf("%d registrations from %d", len(out), out[0]), Detail: map[string]any{"reason": reason, "count": len(out)}})
	})
}
