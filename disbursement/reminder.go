package disbursement

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"hongbao/campaign"
	"hongbao/internal/database"
)

// reminder is an official SMS for the holders of some envelopes, once each. Before says how long before a deadline it is
// due; it is nil for what is told as soon as it is so.
type reminder struct {
	stage, column, condition, deadline string
	before                             func(campaign.Messages) time.Duration
}

// reminders are what winners are told while they hold an envelope. Column keeps when, so that nobody is told twice;
// condition and deadline are of the table envelopes.
var reminders = []reminder{
	{campaign.StageReminder, "claim_reminded_at", "status = 'awarded'", "claim_until_at", func(m campaign.Messages) time.Duration { return m.RemindClaim }},
	{campaign.StageWallet, "claim_reminded_at", "status = 'claimed' AND wallet_token = ''", "claim_until_at", func(m campaign.Messages) time.Duration { return m.RemindClaim }},
	{campaign.StageCredited, "credit_told_at", "status = 'credited'", "expires_at", nil},
	{campaign.StageExpiring, "expiry_reminded_at", "status = 'credited' AND credited_fen > spent_fen + recalled_fen", "expires_at",
		func(m campaign.Messages) time.Duration { return m.RemindExpiry }},
}

// remindChunk envelopes are told in one transaction, and remindRuns of them in one run of the job.
const (
	remindChunk = 1000
	remindRuns  = 100
)

// RemindDue queues the SMS that say that money has arrived, that a claim or a wallet is missing, and that the end is near.
// It plans nothing in quiet hours: by the morning there may be nothing left to say.
func (s *Service) RemindDue(ctx context.Context) (total int, err error) {
	campaigns, err := holdingCampaigns(s.DB.Read(ctx))
	if err != nil {
		return 0, err
	}
	for _, id := range campaigns {
		n, problem := s.remindCampaign(ctx, id)
		total, err = total+n, errors.Join(err, problem)
	}
	return total, err
}

func (s *Service) remindCampaign(ctx context.Context, campaignID int64) (total int, err error) {
	book, err := s.Campaigns.RuleBook(ctx, campaignID)
	if err != nil {
		return 0, err
	}
	rules := book.Posting()
	if rules.Awake(s.Now()).After(s.Now()) {
		return 0, nil
	}
	for _, r := range reminders {
		until := database.At(book.Windows.SpendUntil)
		if r.before != nil {
			until = database.At(s.Now().Add(r.before(rules)))
		}
		n, err := s.DB.InRuns(ctx, remindRuns, remindChunk, func(tx *gorm.DB) (int, error) { return s.remind(tx, campaignID, r, until) })
		if total += n; err != nil {
			return total, fmt.Errorf("reminding of campaign %d (%s): %w", campaignID, r.stage, err)
		}
	}
	return total, nil
}

func (s *Service) remind(tx *gorm.DB, campaignID int64, r reminder, until database.Millis) (int, error) {
	holders, err := untold(tx, campaignID, r, s.now(), until, remindChunk)
	if err != nil || len(holders) == 0 {
		return 0, err
	}
	if err := markTold(tx, envelopeIDs(holders), r, s.now()); err != nil {
		return 0, err
	}
	return len(holders), s.Campaigns.Notify(tx, campaignID, r.stage, s.Now(), registrationIDs(holders)...)
}

func registrationIDs(envelopes []Envelope) []int64 {
	return each(envelopes, func(e Envelope) int64 { return e.RegistrationID })
}

// tellExpired says to those whose money is taken back that it is.
func (s *Service) tellExpired(tx *gorm.DB, envelopes []Envelope) error {
	byCampaign := map[int64][]int64{}
	for _, e := range envelopes {
		if e.Balance() > 0 {
			byCampaign[e.CampaignID] = append(byCampaign[e.CampaignID], e.RegistrationID)
		}
	}
	for campaignID, ids := range byCampaign {
		if err := s.Campaigns.Notify(tx, campaignID, campaign.StageExpired, s.Now(), ids...); err != nil {
			return err
		}
	}
	return nil
}
