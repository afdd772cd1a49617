package campaign

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

// Count is how many had registered in a campaign at a moment.
type Count struct {
	CountedAt database.Millis
	Count     int64
}

// maxCounts bounds how far back Counts looks: a week of a count every ten minutes.
const maxCounts = 7 * 24 * 6

// NoteCounts notes how many have registered in each campaign that takes registrations, and says for how many it did. Two
// notes of one moment are one.
func (s *Service) NoteCounts(ctx context.Context) (noted int, err error) {
	open, err := s.inStatus(ctx, Open)
	for _, one := range open {
		if err != nil {
			return noted, err
		}
		var n int64
		if n, err = s.Registered(ctx, one.ID); err != nil {
			return noted, err
		}
		err = s.DB.InTx(ctx, func(tx *gorm.DB) error { return insertCount(tx, one.ID, Count{database.At(s.Now()), n}) })
		if database.IsDuplicate(err) {
			err = nil
		}
		noted++
	}
	return noted, err
}

// Counts gives the counts noted of a campaign, oldest first, and the count of now.
func (s *Service) Counts(ctx context.Context, campaignID int64) ([]Count, error) {
	noted, err := notedCounts(s.DB.Read(ctx), campaignID, maxCounts)
	now, counting := s.counted.getWithin(countLife, campaignID, s.Now(), func() (int64, error) { return s.Registered(ctx, campaignID) })
	return append(noted, Count{database.At(s.Now()), now}), errors.Join(err, counting)
}
