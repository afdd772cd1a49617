package campaign

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hongbao/internal/money"
)

// Mistake is one thing that is wrong in a rule book: where, and why in both languages. Line counts from 1.
type Mistake struct {
	Line  int
	Field string
	Text  Text
}

// Review is what can be said of a rule book while it is being written. Book is nil while there are mistakes; Sources are
// there as soon as every field has its form.
type Review struct {
	Mistakes []Mistake
	Sources  []SourceSum
	Book     *RuleBook
}

// SourceSum compares what a source gives with what the tiers hand out of it.
type SourceSum struct {
	Source
	HandedOut money.Fen
}

// ReviewRuleBook reads a rule book as ParseRuleBook does and tells everything that it found.
func ReviewRuleBook(data []byte) Review {
	rb, r := readRuleBook(data)
	review := Review{Mistakes: r.sorted()}
	for _, source := range rb.Funding {
		if r.formed {
			review.Sources = append(review.Sources, SourceSum{source, rb.handedOut()[source.Name]})
		}
	}
	if len(review.Mistakes) == 0 {
		review.Book = rb
	}
	return review
}

// Next is the rule book of a campaign like this one, under an id that is not taken, opening notBefore or later at the same
// time of day and with every moment as far from the others.
func (rb *RuleBook) Next(taken []string, notBefore time.Time) *RuleBook {
	const day = 24 * time.Hour
	days := max(0, (notBefore.Sub(rb.Windows.Open)+day-1)/day)
	return rb.Moved(nextID(rb.ID, taken), days*day)
}

// nextID counts up behind the id: suzhou-2020, suzhou-2020-2, suzhou-2020-3.
func nextID(id string, taken []string) string {
	stem := id
	if at := strings.LastIndexByte(id, '-'); at > 0 && len(id)-at == 2 {
		stem = id[:at]
	}
	for n := 2; ; n++ {
		if next := fmt.Sprintf("%s-%d", stem, n); !slices.Contains(taken, next) {
			return next
		}
	}
}
