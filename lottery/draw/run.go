package draw

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// Run computes the result file of a bundle from its other files and writes it
// to w, on a computer with no network, no database and no log. It first checks
// everything it reads and writes nothing when a check fails; what it cannot see
// (order, time, signatures) is for Verifier.
func Run(b Bundle, verify VerifyBeacon, w io.Writer) error {
	x := newVerification(Verifier{Beacon: verify, Unsigned: true}, b)
	x.steps(KindVoid, KindPlan, KindNotice, KindChain, kindPools, KindReveals, KindBeacon)
	if x.void {
		return errors.New("the draw is void")
	}
	if err := x.report.Err(); err != nil {
		return err
	}
	if err := x.selectWinners(); err != nil {
		return err
	}
	_, err := x.selection.WriteTo(w)
	return err
}

// steps runs the steps about the given documents, in the order of allSteps.
func (x *verification) steps(of ...Kind) {
	for _, s := range allSteps {
		if slices.Contains(of, s.kind) {
			s.run(x)
		}
	}
}

// documentSteps says what must be checked before a document may be cosigned.
// For a plan that is step 4 of the specification: everything downloaded, order,
// counts and roots recomputed.
var documentSteps = map[Kind][]Kind{
	KindNotice:   {KindNotice},
	KindChain:    {KindNotice, KindChain},
	KindExcluded: {KindNotice, KindExcluded},
	KindPlan:     {KindPlan, KindNotice, KindChain, kindPools},
	KindReveals:  {KindPlan, KindNotice, KindReveals},
	KindBeacon:   {KindPlan, KindNotice, KindChain, KindBeacon},
	KindResult:   {KindPlan, KindNotice, KindChain, kindPools, KindReveals, KindBeacon, KindResult},
	KindBackfill: {KindPlan, KindNotice, KindChain, kindPools, KindReveals, KindBeacon, KindResult, KindBackfill},
	KindVoid:     {KindNotice, KindVoid},
}

// checkDocuments checks the documents that new lines of the log fix.
func (x *verification) checkDocuments(lines []LogLine) {
	var of []Kind
	for _, l := range lines {
		of = append(of, documentSteps[l.Kind]...)
	}
	x.steps(of...)
	for _, l := range lines {
		sum, have := x.sum(l.Kind)
		var err error
		switch {
		case !have:
			err = errors.New("the file cannot be read")
		case l.Kind == KindBackfill && !slices.Contains(linePrefixSums(x.hash.New(), x.files[l.Kind]), l.Hash):
			err = errors.New("the logged hash is not of a prefix of whole lines")
		case l.Kind != KindBackfill && sum != l.Hash:
			err = errors.New("the file's hash is not the one in the log")
		}
		x.check("log line "+string(l.Kind), err)
	}
	x.checkIDs(lines[0].ID)
}

func (x *verification) checkIDs(id string) {
	if x.notice != nil && x.notice.ID != id || x.plan != nil && x.plan.ID != id {
		x.check("draw id", fmt.Errorf("notice or plan are not of draw %s", id))
	}
}
