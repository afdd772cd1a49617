package campaign

import (
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"hongbao/internal/database"
)

// countAttempt counts one more of a phone, in a new window if the last is over, and gives what it comes to. MySQL assigns from left to
// right: the count comes before the beginning that it looks at.
func countAttempt(tx *gorm.DB, l limit, who database.Bytes32, now time.Time) (a attempts, err error) {
	at, over := database.At(now), l.over(now)
	err = tx.Table("attempts").Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "what"}, {Name: "who"}},
		DoUpdates: clause.Set{
			{Column: clause.Column{Name: "n"}, Value: gorm.Expr("CASE WHEN attempts.began_at <= ? THEN 1 ELSE attempts.n + 1 END", over)},
			{Column: clause.Column{Name: "began_at"}, Value: gorm.Expr("CASE WHEN attempts.began_at <= ? THEN ? ELSE attempts.began_at END", over, at)},
		},
	}).Create(map[string]any{"what": l.what, "who": who, "began_at": at, "n": 1}).Error
	if err != nil {
		return a, fmt.Errorf("counting attempts: %w", err)
	}
	err = tx.Raw("SELECT who, began_at, n FROM attempts WHERE what = ? AND who = ?", l.what, who).Scan(&a).Error
	return a, err
}

// attemptsOf gives the counts of those phones that have one, in windows that are not over.
func attemptsOf(tx *gorm.DB, l limit, who []database.Bytes32, now time.Time) (list []attempts, err error) {
	err = tx.Raw("SELECT who, began_at, n FROM attempts WHERE what = ? AND who IN ? AND began_at > ?", l.what, who, l.over(now)).Scan(&list).Error
	if err != nil {
		return nil, fmt.Errorf("reading attempts: %w", err)
	}
	return list, nil
}

// forgiveAttempts forgets the wrong tries of phones of which one was right, save where they are used up by now: that waits for the end of
// the window.
func forgiveAttempts(tx *gorm.DB, l limit, who []database.Bytes32) error {
	return tx.Exec("DELETE FROM attempts WHERE what = ? AND who IN ? AND n < ?", l.what, who, l.most).Error
}

func dropAttempts(tx *gorm.DB, l limit, now time.Time, most int) (n int, err error) {
	var who []database.Bytes32
	err = tx.Raw("SELECT who FROM attempts WHERE what = ? AND began_at <= ? ORDER BY began_at LIMIT ?", l.what, l.over(now), most).Scan(&who).Error
	if err != nil || len(who) == 0 {
		return 0, err
	}
	result := tx.Exec("DELETE FROM attempts WHERE what = ? AND who IN ? AND began_at <= ?", l.what, who, l.over(now))
	return int(result.RowsAffected), result.Error
}
