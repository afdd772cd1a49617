package disbursement

import (
	"context"
	"time"

	"hongbao/internal/database"
	"hongbao/internal/watch"
)

// Gauges are what this room is watched by: money that is under way, and what does not add up.
func (s *Service) Gauges() []watch.Gauge {
	return []watch.Gauge{
		{Name: "hongbao_orders_unsettled", Help: "Orders that are approved and not settled, by status.", Labels: []string{"operator", "status"}, Read: s.watchOrders},
		{Name: "hongbao_order_oldest_unknown_seconds", Help: "Since when the batch of the oldest order with an unknown outcome is being sent.", Labels: []string{"operator"}, Read: s.watchUnknown},
		{Name: "hongbao_ledger_imbalance_fen", Help: "Sum of all balances, by campaign. Anything but 0 is an error.", Labels: []string{"campaign"}, Read: s.watchLedger},
		{Name: "hongbao_ledger_unbalanced_transactions", Help: "Of the newest 1,000 transactions, those that do not sum to 0.", Read: s.watchTransactions},
		{Name: "hongbao_differences_open", Help: "Differences with operators' statements that nobody has resolved.", Labels: []string{"operator"}, Read: s.watchDifferences},
	}
}

func (s *Service) watchOrders(ctx context.Context) ([]watch.Sample, error) {
	rows, err := unsettledOrders(s.DB.Read(ctx))
	return each(rows, func(r unsettled) watch.Sample {
		return watch.Sample{Value: float64(r.N), Labels: []string{r.Operator, string(r.Status)}}
	}), err
}

func (s *Service) watchUnknown(ctx context.Context) ([]watch.Sample, error) {
	rows, err := unsettledOrders(s.DB.Read(ctx))
	var samples []watch.Sample
	for _, r := range rows {
		if r.Status == OrderUnknown {
			samples = append(samples, watch.Sample{Value: s.age(r.Since).Seconds(), Labels: []string{r.Operator}})
		}
	}
	return samples, err
}

func (s *Service) age(since database.Millis) time.Duration { return max(0, s.Now().Sub(since.Time())) }

func (s *Service) watchLedger(ctx context.Context) ([]watch.Sample, error) {
	rows, err := balanceSums(s.DB.Read(ctx))
	return each(rows, func(r balanceSum) watch.Sample {
		return watch.Sample{Value: float64(r.Fen), Labels: []string{r.Slug}}
	}), err
}

func (s *Service) watchTransactions(ctx context.Context) ([]watch.Sample, error) {
	n, err := unbalancedOfLast(s.DB.Read(ctx), 1000)
	return []watch.Sample{{Value: float64(n)}}, err
}

func (s *Service) watchDifferences(ctx context.Context) ([]watch.Sample, error) {
	rows, err := differenceCounts(s.DB.Read(ctx))
	return each(rows, func(r differenceCount) watch.Sample {
		return watch.Sample{Value: float64(r.N), Labels: []string{r.Operator}}
	}), err
}
