package lottery

import (
	"bytes"
	"context"
	"fmt"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/lottery/draw"
)

// AwardStatus is what an entry has of its award.
type AwardStatus string

// The statuses of an award: a prize is held until it is given up or unclaimed; a waiting entry holds the first prize that falls free.
const (
	Held     AwardStatus = "held"     // holds a prize
	Waiting  AwardStatus = "waiting"  // on a waitlist
	Released AwardStatus = "released" // held a prize that went on to the waitlist
)

// follows says which change of an award's status is legal.
func (s AwardStatus) follows(from AwardStatus) bool {
	return from == Waiting && s == Held || from == Held && s == Released
}

// Winner is an entry that holds a prize, as disbursement needs it.
type Winner struct {
	ID             int64 // of the award; ascending in the order of the result file
	RegistrationID int64
	Entry          [32]byte
	Tier           string
	Source         string // who pays
	AmountFen      int64
}

// run computes the result from the stored public files with the code that anybody verifies with, and stores it as rows too.
func (s *Service) run(ctx context.Context, d *Draw) error {
	var file bytes.Buffer
	if err := draw.Run(s.bundle(ctx, d), s.VerifyBeacon, &file); err != nil {
		return fmt.Errorf("computing the result: %w", err)
	}
	result, err := draw.ParseResult(file.Bytes())
	if err != nil {
		return fmt.Errorf("reading the result: %w", err)
	}
	awards, err := s.awards(ctx, d, result)
	if err != nil {
		return err
	}
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		set := map[string]any{"seed": database.Bytes32(result.Seed), "result_hash": database.Bytes32(d.Hash.Sum(file.Bytes()))}
		if err := s.advance(tx, d, Drawn, advancing, set); err != nil {
			return err
		}
		if err := insertAwards(tx, awards); err != nil {
			return err
		}
		if err := s.logFile(tx, d, draw.KindBeacon); err != nil {
			return err
		}
		return s.publishFile(tx, d, draw.KindResult, file.Bytes())
	})
}

// awards turns the result's lines into rows: amounts from the tier, payers from the rule book, people from the list of entries.
func (s *Service) awards(ctx context.Context, d *Draw, result *draw.Result) ([]awardRow, error) {
	book, err := s.Campaigns.RuleBook(ctx, d.CampaignID)
	if err != nil {
		return nil, err
	}
	payers := newPayers(book)
	var rows []awardRow
	at := map[draw.Digest]int{} // entry to row
	for line, a := range result.Awards {
		for place, w := range a.Winners {
			row := awardRow{DrawID: d.ID, Kind: string(a.Kind), Line: line, Tier: a.Name, Scope: a.Scope, Place: place + 1,
				Entry: database.Bytes32(w.Entry), Score: database.Bytes32(w.Score), Status: Waiting, ChangedAt: s.now()}
			if a.IsPrize() {
				if err := payers.pay(&row); err != nil {
					return nil, err
				}
			}
			at[w.Entry] = len(rows)
			rows = append(rows, row)
		}
	}
	return rows, s.findPeople(ctx, d, book, rows, at)
}

// findPeople sets the registration of each row in one pass over the lists.
func (s *Service) findPeople(ctx context.Context, d *Draw, book *campaign.RuleBook, rows []awardRow, at map[draw.Digest]int) error {
	found := 0
	for _, pool := range poolNames(book) {
		err := s.Campaigns.EachEntry(ctx, d.CampaignID, pool, func(entry [32]byte, registration int64) error {
			if i, ok := at[entry]; ok {
				rows[i].RegistrationID = registration
				found++
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if found != len(rows) {
		return fmt.Errorf("%d of %d drawn entries have a registration", found, len(rows))
	}
	return nil
}

// payers hands the shares of each tier's funding out in the order of the result: the first source's envelopes first, spills after their tier.
type payers struct {
	book *campaign.RuleBook
	used map[string]int64 // envelopes given of each tier
}

func newPayers(book *campaign.RuleBook) *payers {
	return &payers{book: book, used: map[string]int64{}}
}

func (p *payers) pay(row *awardRow) error {
	tier, ok := p.book.Tier(row.Tier)
	if !ok {
		return fmt.Errorf("the rule book has no tier %s", row.Tier)
	}
	n := p.used[tier.Name]
	p.used[tier.Name]++
	for _, share := range tier.Funding {
		if n < share.Count {
			row.Status, row.AmountFen, row.Source, row.PrizeScope = Held, int64(tier.Amount), share.Source, row.Scope
			return nil
		}
		n -= share.Count
	}
	return fmt.Errorf("tier %s has more winners than its sources pay", tier.Name)
}

// Winners lists who holds a prize of a published draw, ascending by award id, after the given id, at most limit. Those promoted later
// appear at the place of their waitlist award; Promote names them when it happens.
func (s *Service) Winners(ctx context.Context, drawID, after int64, limit int) ([]Winner, error) {
	d, err := drawByID(s.DB.Read(ctx), drawID)
	if err != nil {
		return nil, err
	}
	if d.Status != Published {
		return nil, errStatus
	}
	return heldAwards(s.DB.Read(ctx), drawID, after, limit)
}

// Kept says which of a campaign's registrations hold or held a prize, or wait for one that may still fall free: their data is
// kept for the audit when that of the others is deleted.
func (s *Service) Kept(ctx context.Context, campaignID int64, registrationIDs []int64) (map[int64]bool, error) {
	book, err := s.Campaigns.RuleBook(ctx, campaignID)
	if err != nil {
		return nil, err
	}
	statuses := []AwardStatus{Held, Released}
	if s.Now().Before(book.Windows.WaitUntil) {
		statuses = append(statuses, Waiting)
	}
	ids, err := awarded(s.DB.Read(ctx), campaignID, registrationIDs, statuses)
	if err != nil {
		return nil, fmt.Errorf("looking for awards: %w", err)
	}
	kept := make(map[int64]bool, len(ids))
	for _, id := range ids {
		kept[id] = true
	}
	return kept, nil
}

// Published lists the draws whose result is final, for disbursement.
func (s *Service) Published(ctx context.Context) ([]Draw, error) {
	return drawsIn(s.DB.Read(ctx), Published)
}

// DrawOf gives the draw of a campaign; a fault of kind NotFound when there is none.
func (s *Service) DrawOf(ctx context.Context, campaignID int64) (*Draw, error) {
	return drawByCampaign(s.DB.Read(ctx), campaignID)
}

var errNotHeld = fault.New(fault.Conflict, "award-not-held", "该编号目前没有红包可以递补。", "The entry holds no prize at this moment.")
