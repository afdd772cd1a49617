package rehearsal

import (
	"bytes"
	"context"
	"encoding/csv"
	"net/http"
	"strings"

	"hongbao/campaign"
)

// compare orders names by byte.
func compare(a, b string) int { return strings.Compare(a, b) }

func (s *script) campaignPath(rest string) string {
	return "/api/v1/admin/campaigns/" + s.book.ID + rest
}

// load brings the rule book in, has a second person approve it, and hands over the lists that eligibility is compared with.
func (s *script) load(ctx context.Context) error {
	s.at(s.book.Windows.Notice.AddDate(0, 0, -2))
	s.invite()
	book := body{"text/yaml", s.book.YAML()}
	if err := s.staff.admin.ask(ctx, http.MethodPost, "/api/v1/admin/campaigns", book, nil); err != nil {
		return err
	}
	if err := s.staff.admin.ask(ctx, http.MethodPost, s.campaignPath("/publish"), struct{}{}, nil); err != nil {
		return err
	}
	if _, err := s.staff.approveAll(ctx); err != nil {
		return err
	}
	if err := s.importEvidence(ctx); err != nil {
		return err
	}
	if err := s.fileRelated(ctx); err != nil {
		return err
	}
	return s.fund(ctx)
}

// fileRelated names one citizen in a hundred as related to the organisers.
func (s *script) fileRelated(ctx context.Context) error {
	var list bytes.Buffer
	w := csv.NewWriter(&list)
	w.Write([]string{"document_kind", "document"})
	for n, c := range s.citizens {
		if n%100 == 7 && c.Case != BadDocument {
			w.Write([]string{c.Kind, c.Document})
		}
	}
	w.Flush()
	return s.staff.admin.ask(ctx, http.MethodPost, s.campaignPath("/related-people?source=rehearsal"), body{"text/csv", list.Bytes()}, nil)
}

// importEvidence uploads one list for each kind of evidence that the rule book asks for: every citizen but the ineligible is on one.
func (s *script) importEvidence(ctx context.Context) error {
	kinds := evidenceKinds(s.book.Eligibility)
	for i, kind := range kinds {
		var list bytes.Buffer
		w := csv.NewWriter(&list)
		w.Write([]string{"document_kind", "document"})
		for n, c := range s.citizens {
			if n%len(kinds) == i && c.Case != Ineligible && c.Case != BadDocument {
				w.Write([]string{c.Kind, c.Document})
			}
		}
		w.Flush()
		path := s.campaignPath("/evidence?kind=" + kind + "&source=rehearsal")
		if err := s.staff.admin.ask(ctx, http.MethodPost, path, body{"text/csv", list.Bytes()}, nil); err != nil {
			return err
		}
	}
	return nil
}

func evidenceKinds(rule campaign.Rule) (kinds []string) {
	if rule.Evidence != "" {
		kinds = append(kinds, rule.Evidence)
	}
	for _, sub := range append(append([]campaign.Rule(nil), rule.Any...), rule.All...) {
		kinds = append(kinds, evidenceKinds(sub)...)
	}
	return kinds
}

// fund records what each source has paid in: nothing is paid out before.
func (s *script) fund(ctx context.Context) error {
	for _, source := range s.book.Funding {
		in := map[string]any{"source": source.Name, "amount_fen": source.Amount, "evidence": "treasury receipt, rehearsal"}
		if err := s.staff.operations.ask(ctx, http.MethodPost, s.campaignPath("/funding"), in, nil); err != nil {
			return err
		}
	}
	_, err := s.staff.approveAll(ctx)
	return err
}

// publishNotice enrols the helpers and witnesses, publishes the notice after a second person's look, and has it cosigned.
func (s *script) publishNotice(ctx context.Context) error {
	parties, err := s.street.commit(ctx, s.book.ID, s.book.HashName)
	if err != nil {
		return err
	}
	in := map[string]any{"quorum": len(parties)/2 + 1, "parties": parties}
	if err := s.staff.admin.ask(ctx, http.MethodPut, "/api/v1/admin/draws/"+s.book.ID+"/parties", in, nil); err != nil {
		return err
	}
	s.at(s.book.Windows.Notice)
	if err := s.staff.admin.ask(ctx, http.MethodPost, "/api/v1/admin/draws/"+s.book.ID+"/notice", struct{}{}, nil); err != nil {
		return err
	}
	if _, err := s.staff.approveAll(ctx); err != nil {
		return err
	}
	return s.advance(ctx, "announced")
}
