package sandbox

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"

	"hongbao/disbursement"
)

// The statement of a day is there at nine the next morning; a late one, and the edition that corrects a wrong one, a day
// after that. A line that is left out comes in the next day's file.
const (
	readyAfter     = 33 * time.Hour
	correctedAfter = readyAfter + 24*time.Hour
)

var errNotReady = refusal{http.StatusNotFound, disbursement.ErrStatementNotReady.Code, "the statement is not there yet"}

// serveStatement gives the platform the file as it stands now, with the faults of its day.
func (b *bank) serveStatement(w http.ResponseWriter, r *http.Request, _ []byte) {
	now, unlock := b.lock()
	file, f, err := b.statementAt(r.PathValue("day"), now)
	unlock()
	if f != calm {
		b.counts.add("fault:" + string(f))
	}
	if err != nil {
		setContentType(w.Header(), err)
		status, body := encode(nil, err)
		b.respond(w, r, status, body)
		return
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	b.respond(w, r, http.StatusOK, file)
}

// showStatement gives the bank's own people the last edition of a day, whether or not it is out.
func (b *bank) showStatement(w http.ResponseWriter, r *http.Request) {
	_, unlock := b.lock()
	defer unlock()
	day := r.URL.Query().Get("day")
	start, err := time.ParseInLocation(time.DateOnly, day, shanghai)
	if err != nil {
		write(w, nil, refusal{http.StatusBadRequest, "day-malformed", "a day is written 2006-01-02"})
		return
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	_, _ = w.Write(b.edition(start, 1+b.corrections(day)))
}

// corrections is how many editions follow the first.
func (b *bank) corrections(day string) int {
	if b.dice.roll("statement", day) == wrongAmount {
		return 1
	}
	return 0
}

func (b *bank) statementAt(day string, now time.Time) ([]byte, fault, error) {
	start, err := time.ParseInLocation(time.DateOnly, day, shanghai)
	if err != nil {
		return nil, calm, refusal{http.StatusBadRequest, "day-malformed", "a day is written 2006-01-02"}
	}
	f := b.dice.roll("statement", day)
	early, again := now.Before(start.Add(readyAfter)), now.Before(start.Add(correctedAfter))
	switch {
	case early:
		return nil, calm, errNotReady
	case f == late && again:
		return nil, f, errNotReady
	case f == damaged && again:
		return damage(b.edition(start, 1)), f, nil
	case f == wrongAmount && again:
		return b.edition(start, 1), f, nil
	case f == missingLine:
		return b.edition(start, 1), f, nil
	}
	return b.edition(start, 1+b.corrections(day)), calm, nil
}

// damage changes one digit of the digest.
func damage(file []byte) []byte {
	i := len(file) - 2
	file[i] = "10"[strings.IndexByte("01", file[i])&1]
	return file
}

// edition writes the file of a day. In the first edition of a wrong day one amount is wrong.
func (b *bank) edition(start time.Time, edition int) []byte {
	day := dayOf(start)
	lines := b.linesOf(day)
	if i := b.leftOut(day, lines); i >= 0 {
		lines = slices.Delete(lines, i, i+1)
	}
	if yesterday := dayOf(start.Add(-12 * time.Hour)); b.dice.roll("statement", yesterday) == missingLine {
		before := b.linesOf(yesterday)
		if i := b.leftOut(yesterday, before); i >= 0 {
			lines = append(lines, before[i])
		}
	}
	if edition == 1 && b.dice.roll("statement", day) == wrongAmount {
		if i := b.victim(lines, isOrder); i >= 0 {
			lines[i].AmountFen += 100
		}
	}
	var file bytes.Buffer
	if err := disbursement.WriteStatement(&file, disbursement.StatementHead{Operator: b.name, Day: day, Edition: edition}, lines); err != nil {
		panic(err) // a buffer takes everything
	}
	return file.Bytes()
}

// linesOf gives the lines of a day in the order of time and number, not of arrival.
func (b *bank) linesOf(day string) (lines []disbursement.StatementLine) {
	for _, line := range b.lines {
		if dayOf(line.OccurredAt) == day {
			lines = append(lines, line)
		}
	}
	slices.SortFunc(lines, func(x, y disbursement.StatementLine) int {
		return cmp.Or(x.OccurredAt.Compare(y.OccurredAt), cmp.Compare(x.Number, y.Number), cmp.Compare(x.Kind, y.Kind))
	})
	return lines
}

// leftOut is the line that the day's file leaves out, or -1.
func (b *bank) leftOut(day string, lines []disbursement.StatementLine) int {
	if b.dice.roll("statement", day) != missingLine {
		return -1
	}
	return b.victim(lines, func(disbursement.StatementLine) bool { return true })
}

// isOrder: the platform has the amount of an order from its outcome, so a wrong one is found. A payment may be known from
// the statement alone.
func isOrder(line disbursement.StatementLine) bool {
	return line.Kind == disbursement.LineCredit || line.Kind == disbursement.LineRecall
}

// victim picks one line that may be spoiled, or -1.
func (b *bank) victim(lines []disbursement.StatementLine, may func(disbursement.StatementLine) bool) int {
	found, lowest := -1, ""
	for i, line := range lines {
		sum := digestOf(b.dice.seed, b.name, "victim", line.Number)
		if text := hex.EncodeToString(sum[:]); may(line) && (found < 0 || text < lowest) {
			found, lowest = i, text
		}
	}
	return found
}
