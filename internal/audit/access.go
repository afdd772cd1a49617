package audit

import (
	"slices"
	"strconv"
)

// Accesses are the actions by which somebody signs in, sees personal data, or takes a file away; of every other action the record says
// what it changed. The detail of a look at people holds as "shown" the ids of their registrations, as Ranges writes them.
var Accesses = []string{
	"session.opened", "session.refused", "session.closed", "session.revoked",
	"registration.roll", "registration.contact", "risk.members", "appeal.list", "appeal.view",
	"report.make", "report.release", "report.password", "report.download",
	"misuse.case", "settlement.download", "winners.download",
}

// Ranges writes ids as the record keeps them: in ascending order, each once, with those that follow one another as a range.
func Ranges(ids []int64) string {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	var text []byte
	for i := 0; i < len(ids); {
		last := i
		for last+1 < len(ids) && ids[last+1] == ids[last]+1 {
			last++
		}
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(text, ids[i], 10)
		if last > i {
			text = strconv.AppendInt(append(text, '-'), ids[last], 10)
		}
		i = last + 1
	}
	return string(text)
}
