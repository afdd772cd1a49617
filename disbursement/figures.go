package disbursement

import (
	"context"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/internal/money"
)

// Figures are the sums of one source, or of all, in fen. Credited = Spent + Recalled + InFlight, where InFlight is what
// is in wallets and neither spent nor recalled; all but Budget and Awarded come from the ledger.
type Figures struct {
	Source    string    `json:"source"` // "" for the total
	Budget    money.Fen `json:"budget_fen"`
	Received  money.Fen `json:"received_fen"`
	Awarded   money.Fen `json:"awarded_fen"`
	Credited  money.Fen `json:"credited_fen"`
	Spent     money.Fen `json:"spent_fen"`
	Recalled  money.Fen `json:"recalled_fen"`
	Returned  money.Fen `json:"returned_fen"`
	InFlight  money.Fen `json:"in_flight_fen"`
	InTransit money.Fen `json:"in_transit_fen"` // dispatched and not yet settled
	Float     money.Fen `json:"float_fen"`
}

// Summary is a campaign's money, source by source in the order of the rule book, and in total.
type Summary struct {
	Sources []Figures `json:"sources"`
	Total   Figures   `json:"total"`
}

// Summary adds up a campaign's money from one snapshot of the ledger.
func (s *Service) Summary(ctx context.Context, campaignID int64) (Summary, error) {
	book, err := s.Campaigns.RuleBook(ctx, campaignID)
	if err != nil {
		return Summary{}, err
	}
	var turns []turnover
	awarded := map[string]money.Fen{}
	err = s.DB.Snapshot(ctx, func(tx *gorm.DB) error {
		if turns, err = turnovers(tx, campaignID); err != nil {
			return err
		}
		awarded, err = awardedBySource(tx, campaignID)
		return err
	})
	if err != nil {
		return Summary{}, err
	}
	var summary Summary
	for _, source := range book.Funding {
		f := figures(source.Name, turns)
		f.Budget, f.Awarded = source.Amount, awarded[source.Name]
		summary.Sources = append(summary.Sources, f)
		summary.Total = summary.Total.plus(f)
	}
	return summary, nil
}

// figures reads a source's sums off the turnovers. What was recalled is what recalls have moved, whether or not it has
// been returned since.
func figures(source string, turns []turnover) Figures {
	f := Figures{Source: source}
	for _, t := range turns {
		if t.Source != source {
			continue
		}
		switch t.Account {
		case inSource:
			f.Received -= t.AmountFen
		case inFloat:
			f.Float += t.AmountFen
		case inFlight:
			f.InTransit += t.AmountFen
		case inIssued:
			f.InFlight += t.AmountFen
			if t.Kind == "settle" {
				f.Credited += t.AmountFen
			}
		case inSpent:
			f.Spent += t.AmountFen
		case inRecalled:
			if t.Kind == Recall {
				f.Recalled += t.AmountFen
			}
		case inReturned:
			f.Returned += t.AmountFen
		}
	}
	return f
}

func (f Figures) plus(g Figures) Figures {
	return Figures{"", f.Budget + g.Budget, f.Received + g.Received, f.Awarded + g.Awarded, f.Credited + g.Credited, f.Spent + g.Spent,
		f.Recalled + g.Recalled, f.Returned + g.Returned, f.InFlight + g.InFlight, f.InTransit + g.InTransit, f.Float + g.Float}
}

// Coverage is what has really been used: settled payments by app of the operator, pay mode and scenario.
type Coverage struct {
	SubWallets [][2]string    `json:"sub_wallets"` // operator, app
	PayModes   []string       `json:"pay_modes"`
	Scenarios  []string       `json:"scenarios"`
	Payments   map[string]int `json:"payments"` // number by scenario
}

// Coverage reads a campaign's coverage from its booked payments.
func (s *Service) Coverage(ctx context.Context, campaignID int64) (Coverage, error) {
	return coverageOf(s.DB.Read(ctx), campaignID)
}

// Counts are the numbers of a campaign's envelopes, orders and differences by status.
type Counts struct {
	Envelopes   map[EnvelopeStatus]int64 `json:"envelopes"`
	Orders      map[OrderStatus]int64    `json:"orders"`
	Differences int64                    `json:"differences"` // open ones
}

// Counts counts a campaign's rows for the console.
func (s *Service) Counts(ctx context.Context, campaignID int64) (Counts, error) {
	return countsOf(s.DB.Read(ctx), campaignID)
}

// OperatorOrders is how one operator settles a campaign's orders. ChangedAt is when one of them last changed.
type OperatorOrders struct {
	Operator                            string
	Settled, Underway, Unknown, Refused int64
	ChangedAt                           database.Millis
}

// ByOperator counts a campaign's orders by operator, in the order of their names.
func (s *Service) ByOperator(ctx context.Context, campaignID int64) ([]OperatorOrders, error) {
	rows, err := ordersByOperator(s.DB.Read(ctx), campaignID)
	var list []OperatorOrders
	for _, row := range rows {
		if len(list) == 0 || list[len(list)-1].Operator != row.Operator {
			list = append(list, OperatorOrders{Operator: row.Operator})
		}
		list[len(list)-1].add(row)
	}
	return list, err
}

func (o *OperatorOrders) add(row operatorCount) {
	switch row.Status {
	case OrderSucceeded:
		o.Settled += row.N
	case OrderUnknown:
		o.Unknown += row.N
	case OrderFailed, OrderReturned:
		o.Refused += row.N
	case OrderApproved, OrderSending, OrderAccepted, OrderProcessing:
		o.Underway += row.N
	}
	o.ChangedAt = max(o.ChangedAt, row.ChangedAt)
}

// PaceWindow is how far back the pace of a batch is measured.
const PaceWindow = 10 * time.Minute

// BatchProgress is how far a batch that is being sent has come: orders settled for good in all, and within PaceWindow.
type BatchProgress struct {
	Batch
	Done, Lately int64
}

// UnderWay gives the batches of a campaign that are being sent, newest first.
func (s *Service) UnderWay(ctx context.Context, campaignID int64) ([]BatchProgress, error) {
	all, err := s.Batches(ctx, campaignID)
	if err != nil {
		return nil, err
	}
	var sent []BatchProgress
	for _, b := range all {
		if b.Status != BatchDispatching {
			continue
		}
		progress := BatchProgress{Batch: b}
		if progress.Done, progress.Lately, err = settledOf(s.DB.Read(ctx), b.ID, database.At(s.Now().Add(-PaceWindow))); err != nil {
			return nil, err
		}
		sent = append(sent, progress)
	}
	return sent, nil
}
