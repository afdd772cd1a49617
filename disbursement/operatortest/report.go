package operatortest

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"time"
)

// Protocol is a run of the suite against one operator, as its engineer keeps it.
type Protocol struct {
	Operator string    `json:"operator"`
	Party    string    `json:"party"` // who signs
	URL      string    `json:"url"`
	Version  string    `json:"version"` // of the program that ran the suite
	At       time.Time `json:"at"`
	Passed   int       `json:"passed"`
	Failed   int       `json:"failed"`
	Skipped  int       `json:"skipped"`
	OK       bool      `json:"ok"`
	Results  Report    `json:"results"`
}

// NewProtocol counts the results of a run.
func NewProtocol(operator, party, url, version string, at time.Time, results Report) Protocol {
	p := Protocol{Operator: operator, Party: party, URL: url, Version: version, At: at.UTC().Truncate(time.Second), Results: results, OK: results.OK()}
	for _, r := range results {
		switch {
		case r.Skipped:
			p.Skipped++
		case r.OK:
			p.Passed++
		default:
			p.Failed++
		}
	}
	return p
}

// Outcome is the result in one word.
func (r Result) Outcome() string {
	switch {
	case r.Skipped:
		return "skip"
	case r.OK:
		return "ok"
	}
	return "FAIL"
}

// WriteText writes the protocol for a terminal.
func (p Protocol) WriteText(w io.Writer) error {
	_, err := fmt.Fprintf(w, "conformance of %s at %s, %s\n", p.Operator, p.URL, p.At.Format(time.RFC3339))
	for _, r := range p.Results {
		if err != nil {
			return err
		}
		if _, err = fmt.Fprintf(w, "%-4s  %-24s  %s\n", r.Outcome(), r.Name, r.EN); err == nil && r.Detail != "" {
			_, err = fmt.Fprintf(w, "%32s%s\n", "", r.Detail)
		}
	}
	if err == nil {
		_, err = fmt.Fprintf(w, "%d passed, %d failed, %d skipped\n", p.Passed, p.Failed, p.Skipped)
	}
	return err
}

//go:embed protocol.html
var page string

var protocolPage = template.Must(template.New("protocol").Parse(page))

// WriteHTML writes the protocol as one page that prints on A4 and needs nothing else.
func (p Protocol) WriteHTML(w io.Writer) error { return protocolPage.Execute(w, p) }
