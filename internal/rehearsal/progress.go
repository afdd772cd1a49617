package rehearsal

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Progress shows how far the rehearsal is: bars on a terminal, plain lines elsewhere.
type Progress struct {
	Out      io.Writer
	Terminal bool
}

// say prints a line.
func (p Progress) say(format string, arguments ...any) {
	fmt.Fprintf(p.Out, format+"\n", arguments...)
}

// meter counts the items of one step. Its methods are safe for concurrent use.
type meter struct {
	progress Progress
	name     string
	total    int
	bar      *progressbar.ProgressBar

	mu   sync.Mutex
	done int
}

// start begins a step of total items.
func (p Progress) start(name string, total int) *meter {
	m := &meter{progress: p, name: name, total: total}
	if p.Terminal {
		m.bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(p.Out), progressbar.OptionSetDescription("  "+name),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30))
	}
	return m
}

// add counts n more; on plain output each full quarter is a line.
func (m *meter) add(n int) {
	if m.bar != nil {
		m.bar.Add(n)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.done
	m.done += n
	if m.total >= 4000 && before*4/m.total != m.done*4/m.total {
		m.progress.say("  %s %d/%d", m.name, m.done, m.total)
	}
}

// finish ends the step.
func (m *meter) finish() {
	if m.bar != nil {
		m.bar.Finish()
	}
}
