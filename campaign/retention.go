package campaign

import (
	"fmt"
	"time"

	"hongbao/internal/web"
)

// Retention says for how many days personal data is kept after the last day of spending. A city that says nothing keeps
// that of people without a prize for 30 days, in which they may appeal, and that of winners for three years, in which the
// money may be audited.
type Retention struct {
	UnselectedDays int `yaml:"unselected_days,omitempty" json:"unselected_days"`
	WinnersDays    int `yaml:"winners_days,omitempty" json:"winners_days"`
}

const (
	unselectedDays = 30
	winnersDays    = 3 * 365
	maxRetention   = 10 * 365
)

// Keeping is the retention that applies: what the rule book says, or what is usual.
func (rb *RuleBook) Keeping() Retention {
	kept := rb.Retention
	if kept.UnselectedDays == 0 {
		kept.UnselectedDays = unselectedDays
	}
	if kept.WinnersDays == 0 {
		kept.WinnersDays = max(winnersDays, kept.UnselectedDays)
	}
	return kept
}

func (rb *RuleBook) checkRetention(r *reading) {
	for field, days := range map[string]int{"unselected_days": rb.Retention.UnselectedDays, "winners_days": rb.Retention.WinnersDays} {
		if days > maxRetention {
			r.add("retention."+field, "最多 %d 天", "must be at most %d days", maxRetention)
		}
	}
	if kept := rb.Keeping(); kept.WinnersDays < kept.UnselectedDays {
		r.add("retention.winners_days", "不能短于未中签者的 %d 天", "must not be shorter than the %d days of those without a prize", kept.UnselectedDays)
	}
}

// unselectedUntil is when the data of people without a prize is deleted. Nobody has a prize in a cancelled campaign.
func (l *Live) unselectedUntil() time.Time {
	from := l.SpendUntilAt.Time()
	if l.Status == Cancelled {
		from = l.CloseAt.Time()
	}
	return from.AddDate(0, 0, l.Book.Keeping().UnselectedDays)
}

// winnersUntil is when the campaign's key may be destroyed.
func (l *Live) winnersUntil() time.Time {
	return l.SpendUntilAt.Time().AddDate(0, 0, l.Book.Keeping().WinnersDays)
}

// KeptUntil says in words how long personal data is kept.
func (v campaignView) KeptUntil() string {
	kept := v.Book.Keeping()
	return fmt.Sprintf(Text{"未中签者的个人信息在红包使用期结束 %d 天后删除；中签者的保存 %d 天备查，然后销毁。",
		"Personal data of people without a prize is deleted %d days after the last day of spending; that of winners is kept %d days for the audit, then destroyed."}.In(v.Locale), kept.UnselectedDays, kept.WinnersDays)
}

// deleted says in words what was deleted already, with the number of its certificate.
func (v campaignView) deleted(list []Deletion) (sentences []string) {
	for _, d := range list {
		text := Text{"%s 已按期删除 %s 位未中签者的个人信息，证书 %s。抽签结果可在公开记录中按抽签编号核对。", "On %s the personal data of %s people without a prize was deleted on schedule, certificate %s. The public record shows the result of each entry."}
		if d.Kind == DeletedKey {
			text = Text{"%s 已销毁本活动的密钥，余下 %s 人的个人信息不可恢复，证书 %s。", "On %s the campaign's key was destroyed; the personal data of the remaining %s people cannot be recovered, certificate %s."}
		}
		sentences = append(sentences, fmt.Sprintf(text.In(v.Locale), web.Date(d.At), web.Count(d.Registrations), d.Number))
	}
	return sentences
}
