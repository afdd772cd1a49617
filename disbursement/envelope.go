package disbursement

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"io"
	"time"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/audit"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/money"
	"hongbao/lottery"
)

// Envelope is one winner's money, of one tier and one funding source. Amounts are in fen.
type Envelope struct {
	ID             int64
	CampaignID     int64
	RegistrationID int64
	AwardID        int64 // the award it came from; 0 for a place handed on to the waitlist
	Entry          database.Bytes32
	Tier           string
	Source         string
	AmountFen      money.Fen
	Operator       string
	CouponID       string // our name of the envelope towards the operator and its tills
	WalletToken    string // the operator's name of the wallet; "" until the citizen has one
	Status         EnvelopeStatus
	ClaimUntilAt   database.Millis
	ExpiresAt      database.Millis
	CreditedFen    money.Fen
	SpentFen       money.Fen // payments less refunds
	RecalledFen    money.Fen
	RecallDue      bool // something is to be taken back for which no order has been made yet
	WalletAttempts int
	WalletTier     int    // 1 to 4 as the operator says; 0 until it is known
	WalletHard     bool   // a card or a wearable from a branch
	Reason         string // why it was forfeited
	AwardedAt      database.Millis
	ClaimedAt      database.Millis
	CreditedAt     database.Millis
	ClosedAt       database.Millis
}

// Balance is what is left in the wallet, in fen.
func (e Envelope) Balance() money.Fen { return e.CreditedFen - e.SpentFen - e.RecalledFen }

// Why an envelope cannot be claimed or given up.
var (
	ErrNoEnvelope = fault.New(fault.NotFound, "no-envelope", "您在本次活动中没有红包。", "You have no envelope in this campaign.")
	errClaimEarly = fault.New(fault.Conflict, "claim-not-open", "领取尚未开始。", "Claiming has not begun.")
	errClaimLate  = fault.New(fault.Gone, "claim-closed", "领取期限已过，红包已递补给候补者。", "The deadline has passed; the envelope went to the waitlist.")
	errGiveUpLate = fault.New(fault.Conflict, "give-up-late", "红包已进入发放，不能再放弃。", "The envelope is being paid and can no longer be given up.")
)

const awardChunk = 1000

// AwardDue makes envelopes for the winners of published draws, up to 100,000 a draw and run.
func (s *Service) AwardDue(ctx context.Context) (int, error) {
	draws, err := s.Lottery.Published(ctx)
	if err != nil {
		return 0, fmt.Errorf("listing published draws: %w", err)
	}
	total := 0
	for _, d := range draws {
		n, err := s.award(ctx, d)
		total += n
		if err != nil {
			return total, fmt.Errorf("draw %s: %w", d.Slug, err)
		}
	}
	return total, nil
}

func (s *Service) award(ctx context.Context, d lottery.Draw) (total int, err error) {
	book, err := s.Campaigns.RuleBook(ctx, d.CampaignID)
	if err != nil {
		return 0, err
	}
	after, err := lastAward(s.DB.Read(ctx), d.CampaignID)
	for read := 0; read < 100*awardChunk && err == nil; read += awardChunk {
		var winners []lottery.Winner
		if winners, err = s.Lottery.Winners(ctx, d.ID, after, awardChunk); err != nil || len(winners) == 0 {
			break
		}
		var n int
		n, err = s.awardWinners(ctx, d.CampaignID, book, winners)
		total, after = total+n, winners[len(winners)-1].ID
	}
	return total, err
}

func (s *Service) awardWinners(ctx context.Context, campaignID int64, book *campaign.RuleBook, winners []lottery.Winner) (int, error) {
	ids := make([]int64, len(winners))
	for i, w := range winners {
		ids[i] = w.RegistrationID
	}
	people, err := s.registrants(ctx, ids)
	if err != nil {
		return 0, err
	}
	envelopes := make([]Envelope, len(winners))
	for i, w := range winners {
		envelopes[i] = s.fill(campaignID, book, w, people[w.RegistrationID])
	}
	var made int64
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		if made, err = insertEnvelopes(tx, envelopes); err != nil {
			return err
		}
		return s.Campaigns.Notify(tx, campaignID, campaign.StageWon, latest(s.Now(), book.Windows.ClaimFrom), ids...)
	})
	return int(made), err
}

// registrants looks people up; one that is missing is an error, since every award has a registration.
func (s *Service) registrants(ctx context.Context, ids []int64) (map[int64]campaign.Registrant, error) {
	found, err := s.Campaigns.Registrants(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("looking up winners: %w", err)
	}
	people := make(map[int64]campaign.Registrant, len(found))
	for _, r := range found {
		people[r.ID] = r
	}
	for _, id := range ids {
		if _, ok := people[id]; !ok {
			return nil, fmt.Errorf("disbursement: registration %d has an award but does not exist", id)
		}
	}
	return people, nil
}

// fill makes the envelope of a winner.
func (s *Service) fill(campaignID int64, book *campaign.RuleBook, w lottery.Winner, who campaign.Registrant) Envelope {
	return Envelope{CampaignID: campaignID, RegistrationID: w.RegistrationID, AwardID: w.ID, Entry: w.Entry, Tier: w.Tier, Source: w.Source,
		AmountFen: money.Fen(w.AmountFen), Operator: who.Operator, CouponID: s.number(), Status: Awarded,
		ClaimUntilAt: database.At(book.Windows.ClaimUntil), ExpiresAt: database.At(book.Windows.SpendUntil), AwardedAt: s.now()}
}

// number makes a name of 32 characters [0-9A-Z] with 160 random bits, for an order or a coupon.
func (s *Service) number() string {
	var random [20]byte
	if _, err := io.ReadFull(s.random(), random[:]); err != nil {
		panic("disbursement: no randomness: " + err.Error())
	}
	return base32.StdEncoding.EncodeToString(random[:])
}

func (s *Service) random() io.Reader {
	if s.Random == nil {
		return rand.Reader
	}
	return s.Random
}

// Of finds the envelope of a registration, or ErrNoEnvelope.
func (s *Service) Of(ctx context.Context, registrationID int64) (Envelope, error) {
	return envelopeOf(s.DB.Read(ctx), registrationID)
}

// Claim takes the envelope for its winner, who may say so before having a wallet. Claiming twice is no error.
func (s *Service) Claim(ctx context.Context, registrationID int64) (Envelope, error) {
	envelope, err := s.Of(ctx, registrationID)
	if err != nil {
		return Envelope{}, err
	}
	book, err := s.Campaigns.RuleBook(ctx, envelope.CampaignID)
	if err != nil {
		return Envelope{}, err
	}
	now := s.Now()
	switch {
	case envelope.Status == Forfeited:
		return envelope, errClaimLate
	case envelope.Status != Awarded:
		return envelope, nil
	case now.Before(book.Windows.ClaimFrom):
		return envelope, errClaimEarly
	case database.At(now) >= envelope.ClaimUntilAt:
		return envelope, errClaimLate
	}
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error {
		set := map[string]any{"claimed_at": database.At(now), "wallet_next_at": database.At(now)}
		return s.advanceEnvelope(tx, envelope, Claimed, set)
	})
	if err != nil {
		return Envelope{}, err
	}
	return s.Of(ctx, registrationID)
}

// GiveUp hands the envelope to the next of the waitlist. It is possible until an order carries it.
func (s *Service) GiveUp(ctx context.Context, registrationID int64) error {
	envelope, err := s.Of(ctx, registrationID)
	if err != nil {
		return err
	}
	switch envelope.Status {
	case Forfeited:
		return nil
	case Awarded, Claimed:
		return s.forfeit(ctx, envelope, "given-up", "citizen")
	}
	return errGiveUpLate
}

// deadlineChunk envelopes of a campaign are forfeited in one run at most.
const deadlineChunk = 2000

// ClaimDeadline forfeits what was not claimed, or was claimed without a wallet ever being opened, and promotes others.
func (s *Service) ClaimDeadline(ctx context.Context) (int, error) {
	campaigns, err := dueCampaigns(s.DB.Read(ctx), "claim_until_at", s.now())
	if err != nil {
		return 0, err
	}
	total := 0
	for _, id := range campaigns {
		n, err := s.forfeitOverdue(ctx, id)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func (s *Service) forfeitOverdue(ctx context.Context, campaignID int64) (int, error) {
	overdue, err := overdueEnvelopes(s.DB.Read(ctx), campaignID, s.now(), deadlineChunk)
	if err != nil {
		return 0, err
	}
	for n, envelope := range overdue {
		reason := "unclaimed"
		if envelope.Status == Claimed {
			reason = "wallet-missing"
		}
		err := s.forfeit(ctx, envelope, reason, "system:claim-deadline")
		if err != nil && fault.KindOf(err) != fault.Conflict { // a conflict: claimed, or found a wallet, at the last moment
			return n, err
		}
	}
	return len(overdue), nil
}

func (s *Service) forfeit(ctx context.Context, envelope Envelope, reason, actor string) error {
	book, err := s.Campaigns.RuleBook(ctx, envelope.CampaignID)
	if err != nil {
		return err
	}
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		set := map[string]any{"reason": reason, "closed_at": s.now(), "wallet_next_at": 0}
		if err := s.advanceEnvelope(tx, envelope, Forfeited, set); err != nil {
			return err
		}
		promoted, err := s.promote(ctx, tx, book, envelope, reason)
		if err != nil {
			return err
		}
		return s.audited(tx, actor, "envelope.forfeit", book.ID, envelope.CouponID, map[string]any{"reason": reason, "promoted": promoted})
	})
}

// promote makes the envelope of the next on the waitlist, with the tier, source and amount of the one that fell free.
// It is false when the list is used up, or when it is too late for anybody to claim: the money then goes back to its source.
func (s *Service) promote(ctx context.Context, tx *gorm.DB, book *campaign.RuleBook, freed Envelope, reason string) (bool, error) {
	until := latest(book.Windows.ClaimUntil, book.Windows.WaitUntil)
	if !s.Now().Before(until) {
		return false, nil
	}
	id, ok, err := s.Lottery.Promote(ctx, tx, freed.CampaignID, freed.Entry, reason)
	if err != nil || !ok {
		return false, err
	}
	people, err := s.registrants(ctx, []int64{id})
	if err != nil {
		return false, err
	}
	next := freed
	next.AwardID, next.RegistrationID, next.Entry, next.Operator = 0, id, people[id].Entry, people[id].Operator
	next.CouponID, next.AwardedAt, next.ClaimUntilAt = s.number(), s.now(), database.At(until)
	made, err := insertEnvelopes(tx, []Envelope{next})
	if err == nil && made != 1 {
		err = fmt.Errorf("disbursement: registration %d was promoted but has an envelope", id)
	}
	if err != nil {
		return false, err
	}
	return true, s.Campaigns.Notify(tx, freed.CampaignID, campaign.StagePromoted, s.Now(), id)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (s *Service) advanceEnvelope(tx *gorm.DB, e Envelope, to EnvelopeStatus, set map[string]any) error {
	return advance(tx, "envelopes", e.ID, e.Status, to, s.now(), set)
}

func (s *Service) audited(tx *gorm.DB, actor, action, campaign, subject string, detail any) error {
	return audit.Record(tx, audit.Entry{At: s.Now(), Actor: actor, Action: action, Campaign: campaign, Subject: subject, Detail: detail})
}
