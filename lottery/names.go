package lottery

import (
	"context"
	"errors"
	"slices"
	"strings"

	"gorm.io/gorm"

	"hongbao/internal/identity"
)

// The winners' notice names no person and leads to no entry. A surname with the end of a document number is as much as notices of
// winners show on paper; beside an entry it would tell who knows a person their pool and place, and in a small group it would be that
// person. So the notice counts people by what is shown of them, shows a form only where at least alike people share it, and is kept in
// the order of the names. Who wants to know their own result asks with their receipt or their phone.

// alike is how many people must share what the notice shows of each of them.
const alike = 5

// maskedNames is one line of the winners' notice: how many winners look like this. Both texts are "" for those of whom nothing is shown,
// Tail alone for those of whom only the name is.
type maskedNames struct {
	Name   string // 王**
	Tail   string // last two characters of the document number
	People int64
}

// namesAtOnce is how many identities are opened in one go.
const namesAtOnce = 1000

// makeNames writes the winners' notice of a published draw, once: prizes as drawn, before any promotion. Every opening of identities is
// on the audit trail. Of those who have withdrawn since, and of all when the campaign's key is destroyed, nothing is shown.
func (s *Service) makeNames(ctx context.Context, d *Draw) error {
	counts, shown, total := map[maskedNames]int64{}, int64(0), int64(0)
	for after := int64(0); ; {
		ids, last, err := prizeRegistrations(s.DB.Read(ctx), d.ID, after, namesAtOnce)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			break
		}
		after, total = last, total+int64(len(ids))
		people, err := s.Campaigns.Contacts(ctx, advancing, ids)
		if err != nil && !errors.Is(err, identity.ErrDestroyed) {
			return err
		}
		for _, p := range people {
			counts[maskedNames{Name: identity.NoticeName(p.Name), Tail: identity.NoticeTail(p.Document.Number)}]++
			shown++
		}
	}
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		return insertNames(tx, d.ID, blurred(counts, total-shown), s.now())
	})
}

// blurred hides the tail, then the name, of those who share it with too few.
func blurred(counts map[maskedNames]int64, nameless int64) []maskedNames {
	out := map[maskedNames]int64{}
	names := map[string]int64{} // whose tail is hidden
	for form, n := range counts {
		if n >= alike {
			out[form] += n
		} else {
			names[form.Name] += n
		}
	}
	for name, n := range names {
		if n >= alike {
			out[maskedNames{Name: name}] += n
		} else {
			nameless += n
		}
	}
	if nameless > 0 {
		out[maskedNames{}] = nameless
	}
	list := make([]maskedNames, 0, len(out))
	for form, n := range out {
		form.People = n
		list = append(list, form)
	}
	slices.SortFunc(list, func(a, b maskedNames) int {
		return strings.Compare(a.Name+"\n"+a.Tail, b.Name+"\n"+b.Tail)
	})
	return list
}
