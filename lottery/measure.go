package lottery

import (
	"context"

	"hongbao/internal/watch"
)

// Gauges are what this room is watched by: how far each draw is, and how long one waits for a beacon round that is due.
func (s *Service) Gauges() []watch.Gauge {
	return []watch.Gauge{
		{Name: "hongbao_draws", Help: "Draws by status.", Labels: []string{"status"}, Read: s.watchDraws},
		{Name: "hongbao_beacon_late_seconds", Help: "How long a draw has waited for its beacon round past the round's time.", Labels: []string{"draw"}, Read: s.watchBeacon},
	}
}

func (s *Service) watchDraws(ctx context.Context) (samples []watch.Sample, err error) {
	counts, err := countByStatus(s.DB.Read(ctx))
	for _, c := range counts {
		samples = append(samples, watch.Sample{Value: float64(c.N), Labels: []string{string(c.Status)}})
	}
	return samples, err
}

func (s *Service) watchBeacon(ctx context.Context) (samples []watch.Sample, err error) {
	draws, err := openDraws(s.DB.Read(ctx))
	for _, d := range draws {
		if d.Status != Revealed {
			continue
		}
		late := max(0, s.Now().Sub(d.RoundAt.Time()))
		samples = append(samples, watch.Sample{Value: late.Seconds(), Labels: []string{d.Slug}})
	}
	return samples, err
}
