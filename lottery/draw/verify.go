package draw

import (
	"errors"
	"io/fs"
)

// VerifyBeacon checks that a signature of SignatureSize bytes is the chain's
// for a round: in canonical form, in the subgroup, not infinity, valid.
type VerifyBeacon func(c Chain, round uint64, signature []byte) error

// Verifier checks a public bundle by every rule of the specification.
type Verifier struct {
	Beacon   VerifyBeacon // nil fails the check of the beacon's signature
	Unsigned bool         // leave out log, checkpoints, the notice's machine lines, the receipt's signature
	Receipt  []byte       // optional: a receipt to follow through the draw
}

// Verify makes all checks and reports every failure, not just the first. It
// holds the entries in memory, 32 bytes each, and little besides.
func (v Verifier) Verify(b Bundle) *Report {
	x := newVerification(v, b)
	for _, s := range allSteps {
		s.run(x)
	}
	if v.Unsigned {
		x.report.add("unsigned", nil, "log, checkpoints, order and time were not checked")
	} else {
		x.checkLog()
	}
	if v.Receipt != nil {
		x.checkReceipt()
	}
	return x.report
}

// verification is one run over one bundle. A field stays nil until its step has
// passed; later steps say so instead of guessing.
type verification struct {
	Verifier
	bundle    Bundle
	report    *Report
	void      bool
	hash      Hash // H of the draw, SHA-256 while it is not known
	files     map[Kind][]byte
	sums      map[Kind]Digest // H of a file that is not kept in files
	notice    *Notice
	plan      *Plan
	chain     *Chain
	pools     []Entries
	reveals   []Reveal
	round     *BeaconRound
	selection *Selection
}

// step is a part of a verification; steps run in the order of allSteps.
type step struct {
	kind Kind // the document it is about
	run  func(*verification)
}

var allSteps = []step{
	{KindVoid, (*verification).checkVoid},
	{KindPlan, (*verification).checkPlan},
	{KindNotice, (*verification).checkNotice},
	{KindChain, (*verification).checkChain},
	{kindPools, (*verification).checkPools},
	{KindReveals, (*verification).checkReveals},
	{KindBeacon, (*verification).checkBeacon},
	{KindResult, (*verification).checkResult},
	{KindExcluded, (*verification).checkExcluded},
	{KindBackfill, (*verification).checkBackfill},
}

// kindPools names the step for the entry files, which the log does not hold.
const kindPools Kind = "pools"

func newVerification(v Verifier, b Bundle) *verification {
	return &verification{Verifier: v, bundle: b, report: &Report{}, hash: SHA256, files: map[Kind][]byte{}, sums: map[Kind]Digest{}}
}

var errSkipped = errors.New("not checked, because an earlier check failed")

// check records a check whose outcome is an error or nil.
func (x *verification) check(name string, err error, details ...string) bool {
	return x.report.add(name, err, details...)
}

// read reads a document. A voided draw ends where it was voided, so in it only
// the notice must be there.
func (x *verification) read(kind Kind) ([]byte, bool) {
	b, err := readText(x.bundle, kind.File())
	if x.void && kind != KindNotice && errors.Is(err, fs.ErrNotExist) {
		return nil, false
	}
	if err != nil {
		x.check("file "+kind.File(), err)
		return nil, false
	}
	x.files[kind] = b
	return b, true
}

// sum is H of a document that was read.
func (x *verification) sum(kind Kind) (Digest, bool) {
	if d, ok := x.sums[kind]; ok {
		return d, true
	}
	b, ok := x.files[kind]
	return x.hash.Sum(b), ok
}
