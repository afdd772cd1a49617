package app

import (
	"context"
	"io"
	"testing"

	"hongbao/campaign"
	"hongbao/internal/rehearsal"
)

// play is a campaign on its stage, under way up to where a test begins.
type play struct {
	*stage
	t    *testing.T
	book *campaign.RuleBook
	o    rehearsalOptions
}

const luohu = "../../examples/luohu-2020.yaml"

func exampleBook(t *testing.T, path string) *campaign.RuleBook {
	t.Helper()
	book, err := readRuleBook(path)
	if err != nil {
		t.Fatal(err)
	}
	return book
}

// stagedFor opens a stage three days before a campaign's notice. It writes into a folder of its own and is closed by the caller.
func stagedFor(t *testing.T, book *campaign.RuleBook, o rehearsalOptions) play {
	t.Helper()
	o.out = t.TempDir()
	stage, err := openStage(context.Background(), o, NewClock(book.Windows.Notice.AddDate(0, 0, -3)))
	if err != nil {
		t.Fatal(err)
	}
	return play{stage, t, book, o}
}

// until plays the campaign up to a stage.
func (p play) until(end rehearsal.Stage) *rehearsal.Summary {
	p.t.Helper()
	summary, err := p.rehearsal(p.o, p.book, end, rehearsal.Progress{Out: io.Discard}).Run(context.Background())
	if err != nil {
		p.t.Fatal(err)
	}
	return summary
}
