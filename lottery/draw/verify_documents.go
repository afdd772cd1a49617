package draw

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

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
