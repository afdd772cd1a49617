package lottery

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/lottery/beacon"
	"hongbao/lottery/draw"
)

// Draw is one row of draws: how far the draw of one campaign has come. The public files are in draw_files.
type Draw struct {
	ID, CampaignID   int64
	Slug, City       string // the campaign's slug is the draw's id in every public file
	Status           Status
	Hash             draw.Hash
	Quorum           int // of the witnesses
	Round            uint64
	OpenAt, CloseAt  database.Millis // of registration
	RoundAt          database.Millis // when the beacon round appears
	RevealBy         database.Millis // reveals are taken until then
	NoticeHash       *database.Bytes32
	PlanHash         *database.Bytes32
	Seed             *database.Bytes32
	ResultHash       *database.Bytes32
	Registered       int64 // entries and excluded together
	Entries          int64
	Promotions       int64 // written so far
	PromotionsLogged int64 // of these, in the public backfill file
	Report           string
	VerifiedLines    int64 // log lines of this draw that the last verification covered
	VerifiedOK       bool  `gorm:"column:verified_ok"`
	VerifiedAt       database.Millis
	NamesAt          database.Millis // when the winners' notice was made
	CreatedAt        database.Millis `gorm:"autoCreateTime:false"`
	ChangedAt        database.Millis
}

const advancing = "system:lottery-advance"

var errStalled = fault.New(fault.Conflict, "draw-stalled", "已错过规定时间，抽签只能作废。", "The draw has missed its time and can only be voided.")

// AdvanceDue takes every step that is due in every draw and says how many it took. A draw that cannot go on does not hold up the
// others; their errors are joined. Running it twice, or in two processes at once, does nothing twice.
func (s *Service) AdvanceDue(ctx context.Context) (int, error) {
	draws, err := openDraws(s.DB.Read(ctx))
	if err != nil {
		return 0, err
	}
	taken := 0
	var problems []error
	for _, d := range draws {
		n, err := s.advanceAll(ctx, d.ID)
		taken += n
		if err != nil && !errors.Is(err, database.ErrAdvanced) && !errors.Is(err, errStalled) {
			problems = append(problems, fmt.Errorf("draw %s: %w", d.Slug, err))
		}
	}
	return taken, errors.Join(problems...)
}

// advanceAll takes the steps of one draw until one is not due. Each step takes the draw at least one status on, so it ends.
func (s *Service) advanceAll(ctx context.Context, id int64) (taken int, err error) {
	for {
		d, err := drawByID(s.DB.Read(ctx), id)
		if err != nil {
			return taken, err
		}
		done, err := s.step(ctx, d)
		if err != nil || !done {
			return taken, err
		}
		taken++
	}
}

// step takes the one step that this status waits for, and reports false when it is not due yet.
func (s *Service) step(ctx context.Context, d *Draw) (bool, error) {
	if c, err := s.Campaigns.Get(ctx, d.CampaignID); err != nil || c.Status == campaign.Cancelled {
		return false, err // what is left is to void the draw
	}
	switch d.Status {
	case Noticed:
		return s.announce(ctx, d)
	case Announced:
		return s.freeze(ctx, d)
	case Frozen:
		return true, s.publishPlan(ctx, d)
	case Planned:
		return s.seal(ctx, d)
	case Sealed:
		return s.freezeReveals(ctx, d)
	case Revealed:
		return s.fetchBeacon(ctx, d)
	case Seeded:
		return true, s.run(ctx, d)
	case Drawn:
		return s.publish(ctx, d)
	case Published:
		return s.followUp(ctx, d)
	}
	return false, nil
}

// announce lets the campaign open once the notice has its quorum, which must be before the opening.
func (s *Service) announce(ctx context.Context, d *Draw) (bool, error) {
	return s.whenCosigned(ctx, d, func(tx *gorm.DB, at database.Millis) error {
		if at >= d.OpenAt {
			return errStalled
		}
		if err := s.advance(tx, d, Announced, advancing, nil); err != nil {
			return err
		}
		return s.Campaigns.MarkAnnounced(tx, d.CampaignID)
	}, draw.KindNotice)
}

// seal opens the time of the reveals once the lists are cosigned.
func (s *Service) seal(ctx context.Context, d *Draw) (bool, error) {
	return s.whenCosigned(ctx, d, func(tx *gorm.DB, at database.Millis) error {
		if at >= d.RoundAt {
			return errStalled
		}
		return s.advance(tx, d, Sealed, advancing, nil)
	}, draw.KindChain, draw.KindExcluded, draw.KindPlan)
}

// publish ends the draw once the result is cosigned: the campaign is drawn and its winners become envelopes.
func (s *Service) publish(ctx context.Context, d *Draw) (bool, error) {
	return s.whenCosigned(ctx, d, func(tx *gorm.DB, _ database.Millis) error {
		if err := s.advance(tx, d, Published, advancing, nil); err != nil {
			return err
		}
		return s.Campaigns.MarkDrawn(tx, d.CampaignID)
	}, draw.KindBeacon, draw.KindResult)
}

// whenCosigned runs work in a transaction if each line of these kinds has the quorum, and reports false otherwise.
func (s *Service) whenCosigned(ctx context.Context, d *Draw, work func(tx *gorm.DB, at database.Millis) error, kinds ...draw.Kind) (bool, error) {
	cosigned := false
	err := s.DB.InTx(ctx, func(tx *gorm.DB) error {
		at, ok, err := cosignedBy(tx, d, kinds...)
		if cosigned = ok; err != nil || !ok {
			return err
		}
		return work(tx, at)
	})
	return cosigned && err == nil, err
}

// fetchBeacon takes the round from the relays once it is due. Relays that are down or disagree leave the draw waiting: the round's
// value is the same whenever it comes, and anybody may carry it in.
func (s *Service) fetchBeacon(ctx context.Context, d *Draw) (bool, error) {
	if s.now() < d.RoundAt {
		return false, nil
	}
	if err := s.mustBeSealed(ctx, d); err != nil {
		return false, err
	}
	round, err := s.Beacon.Round(ctx, d.Round)
	if errors.Is(err, beacon.ErrNotYet) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("fetching round %d: %w", d.Round, err)
	}
	return true, s.storeBeacon(ctx, d, round, advancing)
}

// CarryBeacon takes the round's signature that staff brought in by hand: the beacon's JSON or the bare hex of its 48 bytes. It is
// verified like any other.
func (s *Service) CarryBeacon(ctx context.Context, slug, text, actor string) error {
	d, err := drawBySlug(s.DB.Read(ctx), slug)
	if err != nil {
		return err
	}
	if d.Status != Revealed {
		return errStatus
	}
	if err := s.mustBeSealed(ctx, d); err != nil {
		return err
	}
	chain, err := s.chainOf(ctx, d)
	if err != nil {
		return err
	}
	round, err := beacon.Import(chain, d.Round, []byte(text), actor)
	if err != nil {
		return fault.Field("beacon", "beacon-invalid", "这不是该轮次的有效信标值。", "This is no valid beacon value of the round.").With(err)
	}
	return s.storeBeacon(ctx, d, round, actor)
}

// mustBeSealed refuses a seed unless the reveals were cosigned before it could be known.
func (s *Service) mustBeSealed(ctx context.Context, d *Draw) error {
	at, err := cosignedTime(s.DB.Read(ctx), d, draw.KindReveals)
	if err != nil {
		return err
	}
	if at == 0 || at >= d.RoundAt {
		return errStalled
	}
	return nil
}

func (s *Service) storeBeacon(ctx context.Context, d *Draw, round draw.BeaconRound, actor string) error {
	chain, err := s.chainOf(ctx, d)
	if err != nil {
		return err
	}
	if err := s.VerifyBeacon(chain, round.Round, round.Signature); err != nil || round.Round != d.Round {
		return fmt.Errorf("beacon round %d, want %d: %w", round.Round, d.Round, errors.Join(err, errStatus))
	}
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if err := s.advance(tx, d, Seeded, actor, nil); err != nil {
			return err
		}
		return writeFile(tx, d.ID, draw.KindBeacon.File(), round.JSON())
	})
}

func (s *Service) chainOf(ctx context.Context, d *Draw) (draw.Chain, error) {
	file, err := readFile(s.DB.Read(ctx), d.ID, draw.KindChain.File())
	if err != nil {
		return draw.Chain{}, err
	}
	return draw.ParseChain(file)
}

// campaignOf gives the campaign and its rule book.
func (s *Service) campaignOf(ctx context.Context, id int64) (campaign.Campaign, *campaign.RuleBook, error) {
	c, err := s.Campaigns.Get(ctx, id)
	if err != nil {
		return campaign.Campaign{}, nil, err
	}
	book, err := s.Campaigns.RuleBook(ctx, id)
	return c, book, err
}
