package campaign

import (
	"context"
	"io"
	"slices"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/audit"
	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/identity"
	"hongbao/internal/sheet"
)

// Evidence is an outside register that says on which lists a document stands: EvidenceKinds for each document, in order.
// What it says is added to the imported lists.
type Evidence interface {
	Kinds(ctx context.Context, campaign string, documents []identity.Document) ([][]string, error)
}

// gather finds the evidence for a whole group.
func (s *Service) gather(ctx context.Context, group []*waiter) error {
	indexes := make([]database.Bytes32, len(group))
	documents := make([]identity.Document, len(group))
	for i, w := range group {
		indexes[i], documents[i] = *w.row.DocumentIndex, w.document
	}
	listed, err := evidenceKinds(s.DB.Read(ctx), group[0].row.CampaignID, indexes)
	if err != nil {
		return err
	}
	asked, answered := make([][]string, len(group)), true
	if s.Evidence != nil {
		if asked, err = s.Evidence.Kinds(ctx, group[0].live.Slug, documents); err != nil || len(asked) != len(group) {
			s.Log.Warn("the evidence register does not answer", "error", err)
			asked, answered = make([][]string, len(group)), false
		}
	}
	for i, w := range group {
		w.unasked = s.Evidence != nil && !answered
		w.facts.Evidence = slices.Concat(listed[indexes[i]], asked[i])
	}
	return nil
}

// Import is what became of an imported list. No rejected line shows what stood in it.
type Import struct {
	Imported int64     `json:"imported"` // lines that were new
	Lines    int       `json:"lines"`
	Rejected []BadLine `json:"rejected"` // the first thousand
	More     int       `json:"more_rejected,omitempty"`
}

// BadLine is a line that was not taken, and why.
type BadLine struct {
	Line  int    `json:"line"`
	Field string `json:"field"`
	ZH    string `json:"zh"`
	EN    string `json:"en"`
}

func (im *Import) reject(line int, err error) {
	found, ok := fault.As(err)
	if !ok {
		found = fault.New(fault.Invalid, "line", "无法读取这一行。", "The line cannot be read.")
	}
	if len(im.Rejected) >= 1000 {
		im.More++
		return
	}
	im.Rejected = append(im.Rejected, BadLine{line, found.Field, found.ZH, found.EN})
}

var (
	errEvidenceKind = fault.Field("kind", "evidence-kind", "没有这种名单。", "There is no such kind of list.")
	errSource       = fault.Field("source", "source", "请写明名单来源（最多 100 字）。", "Please say where the list comes from (at most 100 characters).")
)

// ImportEvidence reads a list of documents that stand in a register: CSV or XLSX with the columns document, kind (one of
// EvidenceKinds) unless kind is given for the whole file, and document_kind where they are not all of one sort. Only keyed
// indexes are kept. Lines with a mistake are reported and left out.
func (s *Service) ImportEvidence(ctx context.Context, actor, slug, kind, source string, file io.Reader) (Import, error) {
	if kind != "" && !slices.Contains(EvidenceKinds, kind) {
		return Import{}, errEvidenceKind
	}
	if !shortText(source, 1, 100) {
		return Import{}, errSource
	}
	c, err := s.BySlug(ctx, slug)
	if err != nil {
		return Import{}, err
	}
	result, err := s.importDocuments(ctx, c.ID, file, func(cells map[string]string) (string, error) { return evidenceKind(kind, cells) },
		func(tx *gorm.DB, proofs []proof) (int64, error) {
			return insertEvidence(tx, evidenceBatch{campaignID: c.ID, source: source, at: s.Now(), proofs: proofs})
		})
	if err != nil {
		return result, err
	}
	return result, s.recordImport(ctx, actor, "evidence.import", c.Slug, map[string]any{"kind": kind, "source": source}, result)
}

// importDocuments reads a list of document numbers into keyed indexes and saves them in batches, each in a transaction of its own. Kind
// says on which list a line stands. Lines with a mistake are reported and left out.
func (s *Service) importDocuments(ctx context.Context, campaignID int64, file io.Reader, kind func(cells map[string]string) (string, error),
	save func(tx *gorm.DB, proofs []proof) (int64, error)) (result Import, err error) {
	vault, err := s.Keys.VaultFor(ctx, campaignID)
	if err != nil {
		return result, err
	}
	var proofs []proof
	flush := func() error {
		return s.DB.InTx(ctx, func(tx *gorm.DB) error {
			n, err := save(tx, proofs)
			result.Imported += n
			proofs = proofs[:0]
			return err
		})
	}
	err = sheet.Read(file, func(line int, cells map[string]string) error {
		result.Lines++
		found, err := readDocument(vault, kind, cells)
		if err != nil {
			result.reject(line, err)
			return nil
		}
		if proofs = append(proofs, found); len(proofs) < 5000 {
			return nil
		}
		return flush()
	}, "document")
	if err == nil {
		err = flush()
	}
	return result, err
}

// proof says that a document stands on a list.
type proof struct {
	document database.Bytes32
	linked   *database.Bytes32 // of a foreign card's older number, nil for other documents
	kind     string
}

type evidenceBatch struct {
	campaignID int64
	source     string
	at         time.Time
	proofs     []proof
}

// evidenceKind is the list on which a line stands: the one given for the whole file, or else its own.
func evidenceKind(kind string, cells map[string]string) (string, error) {
	if kind == "" {
		kind = cells["kind"]
	}
	if !slices.Contains(EvidenceKinds, kind) {
		return "", errEvidenceKind
	}
	return kind, nil
}

func readDocument(vault *identity.Vault, kind func(cells map[string]string) (string, error), cells map[string]string) (proof, error) {
	list, err := kind(cells)
	if err != nil {
		return proof{}, err
	}
	document, err := identity.ParseDocument(identity.Kind(cells["document_kind"]), numeral(cells["document"]))
	if err != nil {
		return proof{}, err
	}
	return proof{*documentIndex(vault, document.Kind, document.Number), optionalIndex(vault, "linked", document.Linked), list}, nil
}

func (s *Service) recordImport(ctx context.Context, actor, action, slug string, detail map[string]any, result Import) error {
	detail["lines"], detail["imported"], detail["rejected"] = result.Lines, result.Imported, len(result.Rejected)+result.More
	return s.DB.InTx(ctx, func(tx *gorm.DB) error {
		return audit.Record(tx, audit.Entry{At: s.Now(), Actor: actor, Action: action, Campaign: slug, Subject: slug, Detail: detail})
	})
}

// ImportMerchants reads a list of merchants (CSV or XLSX; the columns are no, name, district, class, pay_modes, scenarios,
// app, address, lat, lng, cap, acquirer). A merchant that is listed already gets the new particulars and keeps its status. Lines
// with a mistake are reported and left out.
func (s *Service) ImportMerchants(ctx context.Context, actor, slug string, file io.Reader) (Import, error) {
	live, err := s.Live(ctx, slug)
	if err != nil {
		return Import{}, err
	}
	result, seen := Import{}, map[string]bool{}
	var merchants []Merchant
	err = sheet.Read(file, func(line int, cells map[string]string) error {
		result.Lines++
		merchant, err := merchantFromCells(cells)
		if mistakes := live.Book.merchantMistakes(merchant); err == nil && len(mistakes) > 0 {
			err = mistakes[0]
		}
		if err == nil && seen[merchant.No] {
			err = fault.Field("no", "merchant", "商户号在文件中重复", "stands in the file twice")
		}
		if err != nil {
			result.reject(line, err)
			return nil
		}
		seen[merchant.No] = true
		merchants = append(merchants, merchant)
		return nil
	}, "no", "name", "district", "class", "pay_modes", "scenarios")
	if err != nil {
		return result, err
	}
	result.Imported = int64(len(merchants))
	err = s.DB.InTx(ctx, func(tx *gorm.DB) error { return upsertMerchants(tx, live.ID, merchants) })
	s.shops.forget()
	if err != nil {
		return result, err
	}
	return result, s.recordImport(ctx, actor, "merchants.import", slug, map[string]any{}, result)
}
