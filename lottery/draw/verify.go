package draw

import (
	"bytes"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"strings"
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

func (x *verification) checkVoid() {
	b, err := readText(x.bundle, KindVoid.File())
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	x.void = true
	x.report.Void = strings.TrimSpace(string(b))
	x.files[KindVoid] = b
	if r := newLineReader(b); err == nil && (r.err != nil || x.report.Void == "") {
		err = errors.New("the file gives no reason, or its last line does not end")
	}
	x.check("void", err, x.report.Void)
}

func (x *verification) checkPlan() {
	b, ok := x.read(KindPlan)
	if !ok {
		return
	}
	p, err := ParsePlan(b)
	if x.check("plan", err) {
		x.plan, x.hash, x.report.Plan = p, p.Hash, p
	}
}

func (x *verification) checkNotice() {
	b, ok := x.read(KindNotice)
	if !ok {
		return
	}
	if !x.Unsigned {
		x.checkNoticeLines(b)
	}
	if x.plan != nil {
		var err error
		if x.hash.Sum(b) != x.plan.Notice {
			err = errors.New("its hash is not the one in the plan")
		}
		x.check("notice hash", err)
	}
}

func (x *verification) checkNoticeLines(b []byte) {
	n, err := ParseNotice(b)
	if !x.check("notice", err) {
		return
	}
	x.notice = n
	if x.plan == nil {
		x.hash = n.Hash
		return
	}
	x.check("notice and plan", n.Agrees(x.plan))
}

func (x *verification) checkChain() {
	b, ok := x.read(KindChain)
	if !ok {
		return
	}
	c, err := ParseChain(b)
	if !x.check("chain", err, c.Hash.String()) {
		return
	}
	x.chain, x.report.Label = &c, c.Label()
	if x.plan != nil {
		x.check("round", c.CheckPlan(x.plan), fmt.Sprint(x.plan.Round))
	}
}

func (x *verification) checkPools() {
	if x.plan == nil {
		return
	}
	pools, good := make([]Entries, len(x.plan.Pools)), true
	for i, pool := range x.plan.Pools {
		e, err := readPool(x.bundle, pool)
		if err == nil {
			err = pool.Check(x.plan.Hash, e)
		}
		good = x.check("pool "+pool.Name, err, fmt.Sprint(pool.Size), "entries") && good
		pools[i] = e
	}
	if !good {
		return
	}
	if x.check("no entry in two pools", Disjoint(pools)) {
		x.pools = pools
	}
}

func (x *verification) checkReveals() {
	b, ok := x.read(KindReveals)
	if !ok {
		return
	}
	if x.plan == nil {
		x.check("reveals", errSkipped)
		return
	}
	reveals, err := ParseReveals(x.plan, b)
	silent := "every helper revealed"
	var names []string
	for _, r := range reveals {
		if r.Missing {
			names = append(names, r.Name)
		}
	}
	if len(names) > 0 {
		silent = "no reveal from " + strings.Join(names, ", ")
	}
	if x.check("reveals", err, silent) {
		x.reveals = reveals
	}
}

func (x *verification) checkBeacon() {
	b, ok := x.read(KindBeacon)
	if !ok {
		return
	}
	if x.void {
		x.check("beacon", errors.New("the draw was voided although its beacon value had come in"))
		return
	}
	r, err := ParseBeaconRound(b)
	if err == nil {
		err = x.verifyRound(r)
	}
	if x.check("beacon", err, x.report.Label) {
		x.round = &r
	}
}

func (x *verification) verifyRound(r BeaconRound) error {
	switch {
	case x.plan == nil || x.chain == nil:
		return errSkipped
	case r.Round != x.plan.Round:
		return fmt.Errorf("is of round %d, the plan says %d", r.Round, x.plan.Round)
	case x.Beacon == nil:
		return errors.New("the signature is not checked here")
	}
	return x.Beacon(*x.chain, r.Round, r.Signature)
}

// selectWinners runs the draw when everything it needs has been checked.
func (x *verification) selectWinners() error {
	if x.plan == nil || x.chain == nil || x.pools == nil || x.reveals == nil || x.round == nil {
		return errSkipped
	}
	s, err := Select(x.plan, Seed(x.plan, x.reveals, x.round.Value()), x.pools)
	x.selection = s
	return err
}

func (x *verification) checkResult() {
	f, err := x.bundle.Open(KindResult.File())
	if x.void && errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		x.check("file "+KindResult.File(), err)
		return
	}
	defer f.Close()
	sum := x.hash.New()
	err = x.compareResult(io.TeeReader(f, sum))
	x.check("result", err)
	x.sums[KindResult] = Digest(sum.Sum(nil))
}

// compareResult reads the file to its end, whatever the outcome.
func (x *verification) compareResult(file io.Reader) error {
	defer io.Copy(io.Discard, file)
	if x.void {
		return errors.New("a voided draw has a result")
	}
	if err := x.selectWinners(); err != nil {
		return err
	}
	c := &comparer{file: file}
	if _, err := x.selection.WriteTo(c); err != nil {
		return err
	}
	if n, _ := io.ReadFull(file, make([]byte, 1)); n > 0 {
		return errors.New("the file goes on after its end")
	}
	return nil
}

// comparer fails at the first byte written that the file does not have.
type comparer struct {
	file io.Reader
	line int // whole lines that were equal
	buf  []byte
}

func (c *comparer) Write(p []byte) (int, error) {
	c.buf = append(c.buf[:0], p...)
	n, _ := io.ReadFull(c.file, c.buf)
	for i := range p {
		if i >= n || p[i] != c.buf[i] {
			return 0, fmt.Errorf("line %d is not what the draw gives", c.line+1)
		}
		if p[i] == '\n' {
			c.line++
		}
	}
	return len(p), nil
}

func (x *verification) checkExcluded() {
	if b, ok := x.read(KindExcluded); ok {
		list, err := ParseExcluded(b)
		var n int64
		for _, e := range list {
			n += e.Count
		}
		x.check("excluded", err, fmt.Sprint(n), "registrations")
	}
}

func (x *verification) checkBackfill() {
	b, ok := x.read(KindBackfill)
	if !ok {
		return
	}
	lines, err := ParseBackfill(b)
	if err == nil && len(lines) > 0 {
		if x.selection == nil {
			err = errSkipped
		} else {
			err = NewBackfill(x.selection.Result()).Replay(lines)
		}
	}
	x.check("backfill", err, fmt.Sprint(len(lines)), "promotions")
}

// linePrefixSums returns H of the first 0, 1, 2, ... lines of a file.
func linePrefixSums(state hash.Hash, b []byte) []Digest {
	sums := []Digest{Digest(state.Sum(nil))}
	for line := range bytes.Lines(b) {
		state.Write(line)
		sums = append(sums, Digest(state.Sum(nil)))
	}
	return sums
}
