package lottery

import "testing"

// Every pair of statuses, so that a new one cannot slip in: one step forward, or void before the seed.
func TestEveryChangeOfStatus(t *testing.T) {
	next := map[Status]Status{}
	line := Statuses[:len(Statuses)-1]
	for i := range line[1:] {
		next[line[i]] = line[i+1]
	}
	mayVoid := map[Status]bool{Noticed: true, Announced: true, Frozen: true, Planned: true, Sealed: true, Revealed: true}
	for _, from := range Statuses {
		for _, to := range Statuses {
			want := next[from] == to || to == Voided && mayVoid[from]
			if got := to.follows(from); got != want {
				t.Errorf("%s to %s: %v, want %v", from, to, got, want)
			}
		}
	}
}

func TestEveryChangeOfAnAward(t *testing.T) {
	all := []AwardStatus{Waiting, Held, Released}
	for i, from := range all {
		for j, to := range all {
			if got := to.follows(from); got != (j == i+1) {
				t.Errorf("%s to %s: %v", from, to, got)
			}
		}
	}
}
