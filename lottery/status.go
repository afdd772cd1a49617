package lottery

import (
	"fmt"
	"slices"

	"gorm.io/gorm"

	"hongbao/internal/audit"
	"hongbao/internal/database"
	"hongbao/internal/fault"
)

// Status is how far a draw has come. There is no way back: see follows.
type Status string

// The statuses, in order. Each but prepared and published waits for somebody outside; waitingFor says for whom.
const (
	Prepared  Status = "prepared"  // parties are being enrolled; nothing is public
	Noticed   Status = "noticed"   // the notice is in the log and waits for witnesses
	Announced Status = "announced" // the notice is cosigned; the campaign may open
	Frozen    Status = "frozen"    // the lists are closed, counted and committed
	Planned   Status = "planned"   // chain, excluded and plan are in the log and wait for witnesses
	Sealed    Status = "sealed"    // the plan is cosigned; helpers may reveal
	Revealed  Status = "revealed"  // the reveals are in the log and wait for witnesses, then for the beacon
	Seeded    Status = "seeded"    // the beacon round is known and verified
	Drawn     Status = "drawn"     // beacon and result are in the log and wait for witnesses
	Published Status = "published" // the result is cosigned; promotions may follow
	Voided    Status = "voided"    // ended by two people, with a public reason
)

// Statuses are all statuses in the order of a draw.
var Statuses = []Status{Prepared, Noticed, Announced, Frozen, Planned, Sealed, Revealed, Seeded, Drawn, Published, Voided}

// follows is the only place that says which change of status is legal.
func (s Status) follows(from Status) bool {
	switch s {
	case Noticed:
		return from == Prepared
	case Announced:
		return from == Noticed
	case Frozen:
		return from == Announced
	case Planned:
		return from == Frozen
	case Sealed:
		return from == Planned
	case Revealed:
		return from == Sealed
	case Seeded:
		return from == Revealed
	case Drawn:
		return from == Seeded
	case Published:
		return from == Drawn
	case Voided:
		return from != Prepared && from.before(Seeded) // with the seed the result is fixed, and nobody may discard it
	}
	return false
}

var errStatus = fault.New(fault.Conflict, "draw-status", "抽签所处的阶段不允许这一步。", "The draw is at a stage that does not allow this step.")

// advance moves the draw on, sets further columns with it and records who did it. Somebody else having moved it is a conflict.
func (s *Service) advance(tx *gorm.DB, d *Draw, to Status, actor string, set map[string]any) error {
	if !to.follows(d.Status) {
		return errStatus.With(fmt.Errorf("draw %s: %s to %s", d.Slug, d.Status, to))
	}
	columns := map[string]any{"changed_at": s.now()}
	for name, value := range set {
		columns[name] = value
	}
	if err := database.Advance(tx, "draws", d.ID, string(d.Status), string(to), columns); err != nil {
		return err
	}
	return audit.Record(tx, audit.Entry{At: s.Now(), Actor: actor, Action: "draw." + string(to), Campaign: d.Slug, Subject: "draw:" + d.Slug,
		Detail: map[string]any{"from": d.Status, "to": to}})
}

// before reports whether a draw in this status has not come as far as other.
func (s Status) before(other Status) bool {
	return slices.Index(Statuses, s) < slices.Index(Statuses, other)
}
