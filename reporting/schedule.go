package reporting

import (
	"context"
	"slices"
	"time"

	"hongbao/campaign"
	"hongbao/internal/database"
	"hongbao/internal/fault"
)

// Jobs lists the recurring work of this room.
func (s *Service) Jobs() []database.Job {
	return []database.Job{
		{Name: "reports-daily", ZH: "生成定期报表", Schedule: "30 6 * * *", Run: s.makeDue},
		{Name: "reports-queue", ZH: "生成排队报表、清理过期报表", Schedule: "* * * * *", Run: s.MakeQueued},
	}
}

// occasion is when which reports are made without anybody asking: once since a moment, while the campaign has one of the statuses.
type occasion struct {
	maker    string
	names    []string
	statuses []string
	since    func(now time.Time) time.Time
}

var occasions = []occasion{
	{"system:reports-daily", []string{"overview", "orders", "statements", "press"}, []string{campaign.Drawn}, midnight},
	{"system:reports-monthly", []string{"overview", "ledger", "spending", "misuse", "access"}, []string{campaign.Drawn}, monthBegin},
	{"system:reports-intake", []string{"registrations"}, []string{campaign.Closed, campaign.Drawn}, ever},
	{"system:reports-close", allNames(), []string{campaign.Settled}, ever},
}

func allNames() (names []string) {
	for _, r := range Catalogue() {
		names = append(names, r.Name)
	}
	return names
}

// The moments are of Asia/Shanghai.
func midnight(now time.Time) time.Time {
	return time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
}
func monthBegin(now time.Time) time.Time {
	return time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, now.Location())
}
func ever(time.Time) time.Time { return time.Unix(0, 0) }

// makeDue makes the daily reports of campaigns that pay out, the monthly ones, those of a closed registration, and the whole
// catalogue of a settled campaign, each once on its occasion. A report that is not released does not hold up the others.
func (s *Service) makeDue(ctx context.Context) (made int, err error) {
	campaigns, err := s.Campaigns.List(ctx, "")
	if err != nil {
		return 0, err
	}
	for _, c := range campaigns {
		for _, o := range occasions {
			if !slices.Contains(o.statuses, c.Status) {
				continue
			}
			n, err := s.makeMissing(ctx, c.ID, o)
			made += n
			if err != nil {
				return made, err
			}
		}
	}
	return made, nil
}

func (s *Service) makeMissing(ctx context.Context, campaignID int64, o occasion) (made int, err error) {
	since := o.since(s.Now().In(shanghai))
	for _, name := range o.names {
		done, err := s.madeSince(ctx, campaignID, name, o.maker, since)
		if err != nil {
			return made, err
		}
		if done {
			continue
		}
		if _, err := s.Produce(ctx, name, campaignID, XLSX, o.maker); err == nil {
			made++
		} else if fault.KindOf(err) != fault.Conflict { // what is not released says so in its run
			return made, err
		}
	}
	return made, nil
}
