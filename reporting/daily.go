package reporting

import (
	"context"
	"time"

	"hongbao/campaign"
	"hongbao/internal/database"
)

const dailyMaker = "system:reports-daily"

// daily are the reports that are made every morning of a campaign that has money moving.
var daily = []string{"overview", "orders", "statements", "press"}

// Jobs lists the recurring work of this room.
func (s *Service) Jobs() []database.Job {
	return []database.Job{{Name: "reports-daily", ZH: "生成每日报表", Schedule: "30 6 * * *", Run: s.makeDaily}}
}

// makeDaily makes the daily reports of every campaign that is drawn and not settled, each once a day (Asia/Shanghai).
func (s *Service) makeDaily(ctx context.Context) (int, error) {
	campaigns, err := s.Campaigns.List(ctx, "")
	if err != nil {
		return 0, err
	}
	made := 0
	for _, c := range campaigns {
		if c.Status != campaign.Drawn {
			continue
		}
		n, err := s.makeMissing(ctx, c.ID)
		made += n
		if err != nil {
			return made, err
		}
	}
	return made, nil
}

func (s *Service) makeMissing(ctx context.Context, campaignID int64) (int, error) {
	now := s.Now().In(shanghai)
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, shanghai)
	made := 0
	for _, name := range daily {
		done, err := s.madeSince(ctx, campaignID, name, midnight)
		if err != nil {
			return made, err
		}
		if done {
			continue
		}
		if _, err := s.Produce(ctx, name, campaignID, XLSX, dailyMaker); err != nil {
			return made, err
		}
		made++
	}
	return made, nil
}
