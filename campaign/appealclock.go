package campaign

import "time"

// Appeals are the clocks of an appeal. Both run against the freeze: after it the list is what it is.
type Appeals struct {
	File   time.Duration `yaml:"file"`   // from a refusal or an exclusion to the last moment to appeal
	Decide time.Duration `yaml:"decide"` // from an appeal to its decision
}

// Set reports whether appeals are taken.
func (a Appeals) Set() bool { return a.File > 0 }

// Freeze is the earliest moment at which the list may be frozen: the end of the review, in which appeals are decided.
func (w Windows) Freeze() time.Time { return w.Close.Add(w.Review) }

// drawMargin is the least time between freeze and draw: the witnesses check the list in it.
const drawMargin = time.Hour

func (rb *RuleBook) checkReview(r *reading) {
	if review := rb.Windows.Review; review < 0 || review > 0 && review+drawMargin > rb.Windows.DrawDelay {
		r.add("windows.review", "应比 draw_delay 至少短一小时", "must be at least an hour shorter than draw_delay")
	}
	if rb.Appeals == (Appeals{}) {
		return
	}
	if rb.Appeals.File < time.Hour || rb.Appeals.File > 30*24*time.Hour {
		r.add("appeals.file", "应在一小时到三十天之间", "must be between one hour and thirty days")
	}
	if rb.Appeals.Decide < time.Hour || rb.Appeals.Decide > rb.Windows.Review {
		r.add("appeals.decide", "应不少于一小时，且不长于 windows.review", "must be at least one hour, and no longer than windows.review")
	}
}
