// Package lottery is the draw as it is run: the parties, the notice, the city's public log and its witnesses, the freeze of the lists,
// the reveals, the beacon round, the result and the promotions after it. What a draw computes is lottery/draw's and is the same code
// that anybody verifies with; this room decides only when a step may be taken, and never takes one back.
//
// Every step waits until the witnesses' quorum has cosigned the one before. AdvanceDue takes all steps that are due; it may run in
// several processes at once, since each step is one guarded update.
package lottery

import (
	"context"
	"time"

	"golang.org/x/mod/sumdb/note"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/staff"
	"hongbao/lottery/draw"
)

// Beacon gives a round of public randomness, already verified; beacon.ErrNotYet before its time.
type Beacon interface {
	Round(ctx context.Context, round uint64) (draw.BeaconRound, error)
}

// LogKey signs a city's log and the receipts of its campaigns. The name of the key is the log's origin, so every city needs a name of its own.
type LogKey struct {
	note.Signer
	VKey string // the public half, as the notice declares it
}

// Service runs the draws. All fields are required but the two durations.
type Service struct {
	DB        *database.DB
	Campaigns *campaign.Service
	Staff     *staff.Service
	LogKey    func(city string) (LogKey, error)
	Now       func() time.Time

	Chain        draw.Chain        // the beacon's chain that new notices name
	Beacon       Beacon            // where its rounds are fetched
	VerifyBeacon draw.VerifyBeacon // checks a round of any chain

	MinDelay     time.Duration // least time between the plan and its beacon round; 1 h when zero
	RevealMargin time.Duration // reveals end this long before the round, so that they can be cosigned; 10 min when zero

	indexes    indexes
	fairnesses fairnesses
}

func (s *Service) minDelay() time.Duration {
	if s.MinDelay == 0 {
		return time.Hour
	}
	return s.MinDelay
}

func (s *Service) revealMargin() time.Duration {
	if s.RevealMargin == 0 {
		return 10 * time.Minute
	}
	return s.RevealMargin
}

func (s *Service) now() database.Millis { return database.At(s.Now()) }

// Jobs lists what recurs in this room.
func (s *Service) Jobs() []database.Job {
	return []database.Job{{Name: "lottery-advance", ZH: "推进抽签：每一步在见证签名达到法定数后进行", Schedule: "* * * * *", Run: s.AdvanceDue}}
}

// HandleApprovals registers what a second person's decision does: publish a notice, void a draw, confirm in a hall what is sealed.
func (s *Service) HandleApprovals() {
	s.Staff.Handle(approvalNotice, s.publishNotice)
	s.Staff.Handle(approvalVoid, s.void)
	s.Staff.Handle(approvalCeremony, s.confirmCeremony)
}
