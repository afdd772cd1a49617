package draw

import (
	"errors"
	"fmt"
	"strings"
)

// checkReceipt follows one receipt through the draw: who signed it, whether its
// entry is in its pool, and what the entry got.
func (x *verification) checkReceipt() {
	r, err := x.openReceipt()
	if !x.check("receipt", err) {
		return
	}
	if x.plan == nil || x.pools == nil {
		x.check("receipt's entry", errSkipped)
		return
	}
	pool := x.plan.poolIndex(r.Pool)
	if r.ID != x.plan.ID || pool < 0 {
		x.check("receipt's entry", fmt.Errorf("it is for pool %s of draw %s", r.Pool, r.ID))
		return
	}
	entry := r.Entry(x.plan.Hash)
	i, found := x.pools[pool].Search(entry)
	if !found {
		x.check("receipt's entry", fmt.Errorf("%s is not in pool %s, where it would stand at %d", entry, r.Pool, i))
		return
	}
	x.check("receipt's entry", nil, fmt.Sprintf("%s at %d of pool %s", entry, i, r.Pool))
	if x.selection == nil {
		return
	}
	own := x.selection.standing(pool, i)
	x.report.Own = own
	score := Score(x.plan.Hash, x.selection.seed, entry)
	x.check("receipt's result", nil, fmt.Sprintf("score %s: %s", score, own))
}

// openReceipt verifies the signature too, unless Unsigned.
func (x *verification) openReceipt() (Receipt, error) {
	if x.Unsigned {
		text, _, ok := strings.Cut(string(x.Receipt), "\n\n")
		if !ok {
			return Receipt{}, errors.New("not a signed note")
		}
		return parseReceipt(text + "\n")
	}
	if x.notice == nil {
		return Receipt{}, errSkipped
	}
	keys, err := x.notice.Keys()
	if err != nil {
		return Receipt{}, err
	}
	return OpenReceipt(x.Receipt, keys.Log)
}

// String says the standing in words; a nil standing is no prize.
func (s *Standing) String() string {
	switch {
	case s == nil:
		return "no prize and no place on a waitlist"
	case s.Kind == WaitAward:
		return fmt.Sprintf("place %d on the waitlist of %s", s.Rank, s.Scope)
	}
	return fmt.Sprintf("%s %s, place %d", s.Kind, s.Name, s.Rank)
}
